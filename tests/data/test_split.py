"""Splits by hash, and licences by strictness."""

import pytest

from doctorsun.data.config import SplitConfig
from doctorsun.data.licences import allowed, non_commercial, spdx, strictest
from doctorsun.data.split import Member, assign, hashed_group, own_split


def groups(number, seed=0):
    return [hashed_group(seed, "busi", f"patient {at}") for at in range(number)]


def test_shares_are_near_what_was_asked():
    config = SplitConfig(test=0.2, validation=0.1)
    found = [own_split(group, config) for group in groups(4000)]
    assert 0.17 < found.count("test") / 4000 < 0.23
    assert 0.08 < found.count("validation") / 4000 < 0.12


def test_a_hashed_group_tells_no_patient_and_changes_with_seed_and_source():
    one = hashed_group(0, "busi", "patient 7")
    assert "patient" not in one
    assert len(one) == 32
    assert len({one, hashed_group(1, "busi", "patient 7"), hashed_group(0, "nih", "patient 7")}) == 3


def test_twins_go_together_to_the_most_held_out_side():
    config = SplitConfig(test=0.3)
    names = groups(200)
    members = [Member(name, (f"pixels {at // 2}",), None) for at, name in enumerate(names)]
    splits, joined = assign(members, config)
    for one, two in zip(names[::2], names[1::2], strict=True):
        assert splits[one] == splits[two]
        assert joined[one] == joined[two]
        own = {own_split(one, config), own_split(two, config)}
        assert splits[one] == ("test" if "test" in own else "validation" if "validation" in own else "train")


def test_chains_of_twins_are_one_group():
    names = groups(5)
    members = [Member(name, (f"p{at}", f"p{at + 1}"), None) for at, name in enumerate(names)]
    assert len(set(assign(members, SplitConfig())[1].values())) == 1


def test_official_test_rows_are_test_and_official_training_rows_are_split():
    members = [Member(name, (), "test" if at < 50 else "train") for at, name in enumerate(groups(300))]
    splits, _ = assign(members, SplitConfig())
    assert {splits[member.group] for member in members[:50]} == {"test"}
    assert {splits[member.group] for member in members[50:]} == {"train", "validation", "test"}


@pytest.mark.parametrize("force", ["train", "validation", "test"])
def test_force_wins_over_all_but_makes_no_training_of_what_a_benchmark_calls_test(force):
    first, second, *rest = groups(20)
    members = [Member(first, ("pixels",), "test"), Member(second, ("pixels",), None)]
    splits, _ = assign(members + [Member(name, (), "train") for name in rest], SplitConfig(force=force))
    assert {splits[name] for name in rest} == {force}
    assert splits[first] == splits[second] == "test"


def test_shares_must_leave_something():
    with pytest.raises(ValueError, match="below 1"):
        SplitConfig(test=0.7, validation=0.3)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CC BY-NC-SA", "CC-BY-NC-SA"),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"),
        ("cc by 3.0", "CC-BY-3.0"),
        ("CC0 1.0", "CC0-1.0"),
        ("", "unknown"),
        ("CC whatever", "unknown"),
        ("Apache 2.0", "Apache-2.0"),
        ("MIT", "MIT"),
    ],
)
def test_licences_get_one_spelling(written, expected):
    assert spdx(written) == expected


def test_the_strictest_licence_wins_and_unknown_is_stricter_than_all():
    assert strictest(["MIT", "CC-BY-4.0"]) == "CC-BY-4.0"
    assert strictest(["CC-BY-NC-4.0", "CC-BY-SA-4.0", "CC-BY-NC-SA"]) == "CC-BY-NC-SA"
    assert strictest(["CC-BY-NC-SA-4.0", "unknown"]) == "unknown"


def test_a_name_without_version_allows_all_versions_and_no_stricter_kind():
    assert allowed("CC-BY-3.0", ["CC-BY"])
    assert allowed("CC-BY", ["CC-BY"])
    assert not allowed("CC-BY-NC-3.0", ["CC-BY"])
    assert not allowed("unknown", ["CC-BY", "MIT"])
    assert non_commercial("unknown")
