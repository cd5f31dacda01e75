"""The key: pseudonyms that hold under one key and tell nothing under another."""

import pytest

from doctorsun.core.errors import StorageError
from doctorsun.privacy.key import Key, key_at

ONE, TWO = Key(b"1" * 32), Key(b"2" * 32)


def fails(key, path, outside):
    with pytest.raises(StorageError) as caught:
        key_at(path, outside=outside)
    assert caught.value.key == key


def test_a_value_has_one_pseudonym_per_kind_and_key():
    assert ONE.pseudonym("patient", "P1") == ONE.pseudonym("patient", "P1")
    names = {key.pseudonym(kind, "P1") for key in (ONE, TWO) for kind in ("patient", "study")}
    assert len(names) == 4
    assert all(len(name) == 12 and name.isalnum() and name.isupper() for name in names)


def test_kind_and_value_cannot_be_traded():
    assert ONE.digest("a", "bc") != ONE.digest("ab", "c")


def test_uids_are_valid_and_differ():
    uids = {ONE.uid(f"1.2.{number}") for number in range(1000)}
    assert len(uids) == 1000
    for uid in uids:
        assert uid.startswith("2.25.") and len(uid) <= 64 and uid[5:].isdigit() and uid[5] != "0"


def test_dates_move_back_by_a_month_to_ten_years_and_the_same_for_a_patient():
    shifts = [ONE.shift_days(f"P{number}") for number in range(5000)]
    assert min(shifts) >= -3650 and max(shifts) <= -30
    assert len(set(shifts)) > 2000
    assert ONE.shift_days("P1") == ONE.shift_days("P1") != TWO.shift_days("P1")


def test_a_key_does_not_show_its_secret():
    assert "1111" not in repr(ONE) and ONE.secret.hex() not in repr(ONE)


def test_a_key_is_made_once_and_read_by_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "ward.key"
    made = key_at(path, outside=tmp_path / "out")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key_at(path, outside=tmp_path / "out").secret == made.secret
    assert key_at(tmp_path / "other.key", outside=tmp_path / "out").secret != made.secret


def test_a_key_inside_the_output_open_to_others_or_broken_is_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    fails("privacy.key_inside", out / "a.key", out)
    fails("privacy.key_inside", tmp_path / "link" / "a.key", out)
    path = tmp_path / "a.key"
    key_at(path, outside=out)
    path.chmod(0o644)
    fails("privacy.key_open", path, out)
    path.write_text("no key")
    path.chmod(0o600)
    fails("privacy.key_bad", path, out)


def test_a_number_has_one_pseudonym_however_it_is_written():
    found = {ONE.number(text) for text in ("MR 12-345", "mr12345", "ＭＲ１２３４５", "MR_12345")}
    assert len(found) == 1
    assert len(found.pop()) == 13
    assert ONE.number("MR12346") != ONE.number("MR12345") != TWO.number("MR12345")
    assert ONE.number("甲") != ONE.number("乙") != ONE.number("--")
    assert ONE.shift_days("MR 12-345") == ONE.shift_days("mr12345")
