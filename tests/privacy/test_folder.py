"""A folder of files: what is released is named by digests, the rest is told in numbers."""

import json
import os
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import dcmread

from doctorsun.core.errors import StorageError
from doctorsun.privacy.dicom.policy import DicomPolicy
from doctorsun.privacy.folder import deidentify_folder, found_files
from doctorsun.privacy.key import Key
from tests.privacy.seeded import SR, SYNTAXES, US, seeded

KEY = Key(b"f" * 32)
POLICY = DicomPolicy(pixels="none")


def put(source, one, name=None):
    path = source / (name or one.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(one.raw)
    return path


def run(place, **options):
    options = {"key": KEY, "policy": POLICY, "sources_list": place / "keys" / "sources.json"} | options
    return deidentify_folder(place / "in", place / "out", **options)


def everything(folder):
    """Every byte and every name below a folder."""
    return b"\n".join(
        path.relative_to(folder).as_posix().encode() + b"\n" + (path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    )


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A folder of good, doubtful and bad files, worked on once."""
    place = tmp_path_factory.mktemp("ward")
    source = place / "in"
    files = [seeded(number, patient=number % 3) for number in (1, 2, 4)]
    files += [seeded(8, sop_class=US), seeded(9, sop_class=SR)]
    for one in files:
        put(source, one)
    (source / "report.pdf").write_bytes(b"%PDF-1.4")
    (source / "photo.JPG").write_bytes(b"\xff\xd8")
    (source / "notes").write_bytes(b"not a picture at all")
    (source / "cut.dcm").write_bytes(files[0].raw[:-1500])
    (source / "link.dcm").symlink_to(place / "elsewhere.dcm")
    (place / "elsewhere.dcm").write_bytes(files[0].raw)
    return place, files, run(place)


def test_every_file_is_counted_once(ward):
    _, _, outcome = ward
    assert outcome.released == 3
    assert sorted(outcome.held.values()) == ["privacy.pixels_unchecked", "privacy.waits_structured"]
    assert outcome.refused["privacy.no_road"] == outcome.refused["imaging.no_picture"] == 1
    assert outcome.refused["privacy.no_dicom"] == outcome.refused["privacy.dicom_damaged"] == 1
    assert outcome.refused["privacy.no_plain_file"] == 1
    assert outcome.files == 10


def test_no_seeded_value_is_in_any_byte_or_name_of_the_output(ward):
    place, files, _ = ward
    whole = everything(place / "out")
    for one in files:
        assert one.left_in(whole) == {}


def test_released_files_lie_by_patient_study_and_series(ward):
    place, _, _ = ward
    made = sorted((place / "out").rglob("*.dcm"))
    assert len(made) == 3
    for path in made:
        assert len(path.relative_to(place / "out").parts) == 4
        assert pydicom.dcmread(path).PatientID == path.relative_to(place / "out").parts[0]


def test_what_is_held_back_is_listed_by_number_and_not_copied(ward):
    place, _, outcome = ward
    held = read(place / "out" / "quarantine.json")
    assert {one["id"] for one in held} == set(outcome.held)
    assert all(one["why"] for one in held)
    kept = read(place / "keys" / "sources.json")
    assert {one["id"] for one in kept} >= set(outcome.held)
    assert all(
        (place / "in" / one["path"]).is_symlink() or (place / "in" / one["path"]).exists() for one in kept
    )
    assert (place / "keys" / "sources.json").stat().st_mode & 0o777 == 0o600


def test_the_label_says_in_both_languages_what_the_files_are(ward):
    place, _, _ = ward
    label = (place / "out" / "LABEL.txt").read_text(encoding="utf-8")
    assert "已去标识化，未匿名化" in label and "De-identified, not anonymised" in label
    report = read(place / "out" / "report.json")
    assert report["counts"]["files"] == 10 and report["counts"]["released"] == 3
    assert report["job"]["policy"]["dates"] == "shifted"
    assert KEY.secret.hex() not in json.dumps(report)


def test_a_second_run_writes_nothing_new(ward):
    place, _, first = ward
    before = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*.dcm")}
    again = run(place)
    assert again.released == 0 and again.kept == first.released
    assert before == {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*.dcm")}


def test_another_key_or_policy_needs_another_folder(ward):
    place, _, _ = ward
    for changed in ({"key": Key(b"g" * 32)}, {"policy": DicomPolicy(pixels="none", dates="removed")}):
        with pytest.raises(StorageError) as caught:
            run(place, **changed)
        assert caught.value.key == "privacy.other_policy"


def test_what_a_person_has_looked_at_is_released(tmp_path):
    put(tmp_path / "in", seeded(9, sop_class=SR))
    (number,) = run(tmp_path).held
    ticked = run(tmp_path, ticked=[number])
    assert ticked.released == 1 and not ticked.held


def test_two_files_of_one_name_are_not_both_written(tmp_path):
    one = seeded(1)
    put(tmp_path / "in", one, "a.dcm")
    put(tmp_path / "in", one, "b.dcm")
    changed = one.raw.replace(b"NeuViz 128", b"NeuViz 129")
    (tmp_path / "in" / "c.dcm").write_bytes(changed)
    outcome = run(tmp_path)
    assert (outcome.released, outcome.kept) == (1, 1)
    assert outcome.refused == {"privacy.same_instance": 1}


def test_places_that_overlap_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    places = [
        ("privacy.out_overlaps", tmp_path / "in" / "out", tmp_path / "list.json"),
        ("privacy.out_overlaps", tmp_path, tmp_path / "list.json"),
        ("privacy.secret_inside", tmp_path / "out", tmp_path / "out" / "list.json"),
    ]
    for key, out, listed in places:
        with pytest.raises(StorageError) as caught:
            deidentify_folder(tmp_path / "in", out, key=KEY, sources_list=listed)
        assert caught.value.key == key
    with pytest.raises(StorageError) as caught:
        deidentify_folder(tmp_path / "none", tmp_path / "out", key=KEY, sources_list=tmp_path / "l.json")
    assert caught.value.key == "privacy.no_source"


def test_files_come_in_the_order_of_their_names_and_links_are_not_followed(tmp_path):
    (tmp_path / "in" / "b").mkdir(parents=True)
    (tmp_path / "far").mkdir()
    for name in ("in/b/2", "in/b/1", "in/a", "far/x"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "away").symlink_to(tmp_path / "far")
    names = [path.relative_to(tmp_path / "in").as_posix() for path in found_files(tmp_path / "in")]
    assert names == ["a", "b/1", "b/2"]


def test_all_transfer_syntaxes_pass_through_the_guard(tmp_path):
    for number in range(len(SYNTAXES)):
        put(tmp_path / "in", seeded(number), f"{number}.dcm")
    assert run(tmp_path).released == len(SYNTAXES)


def test_a_number_has_one_pseudonym_in_headers_tables_and_nowhere_else(tmp_path):
    one = seeded(1)
    source = tmp_path / "in"
    put(source, one)
    number, accession = (dcmread(BytesIO(one.raw)).get(name) for name in ("PatientID", "AccessionNumber"))
    rows = f"患者编号,检查编号,姓名,报告\n{number},{accession},钱测试,钱测试，{number}，右肺上叶见8mm结节\n"
    (source / "reports.csv").write_bytes(rows.encode("gb18030"))
    (source / "notes.txt").write_text("An unlabelled name may stand here.")
    outcome = run(tmp_path)
    assert (outcome.released, list(outcome.held.values())) == (2, ["privacy.waits_text"])
    made = dcmread(next((tmp_path / "out").rglob("*.dcm")))
    table = next((tmp_path / "out" / "reports").glob("*.csv")).read_text(encoding="utf-8")
    assert f"[{made.AccessionNumber}]" in table
    assert "右肺上叶见8mm结节" in table
    assert "钱测试" not in table and str(number) not in table and str(accession) not in table


def test_a_picture_waits_for_a_person_and_is_written_without_what_came_with_it(tmp_path):
    pytest.importorskip("rapidocr")
    source = tmp_path / "in"
    source.mkdir()
    exif = Image.Exif()
    exif[0x010E] = "Qian Ceshi"
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(source / "a.jpg", exif=exif)
    waiting = run(tmp_path, policy=DicomPolicy())
    assert list(waiting.held.values()) == ["privacy.waits_picture"]
    done = run(tmp_path, policy=DicomPolicy(), ticked=list(waiting.held))
    assert done.released == 1
    made = next((tmp_path / "out" / "pictures").glob("*.png")).read_bytes()
    assert b"Qian" not in made and made.startswith(b"\x89PNG")


def test_doubtful_tables_wait_for_a_person(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.csv").write_text("姓名,甲乙\n李四,王小明\n", encoding="utf-8")
    (source / "b.csv").write_text("病案号,姓名,报告\nP1,甄士隐,正常\nP2,,甄士隐复查\n", encoding="utf-8")
    (source / "c.csv").write_text("病案号,年龄,报告\nP3,95岁,正常\nP4,李四 45岁,正常\n", encoding="utf-8")
    outcome = run(tmp_path)
    assert outcome.released == 1
    assert sorted(outcome.held.values()) == ["privacy.value_left", "privacy.waits_table"]
    table = next((tmp_path / "out" / "reports").glob("*.csv")).read_text(encoding="utf-8")
    assert "李四" not in table and "90+" in table


def test_an_output_that_holds_other_files_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").write_text("x")
    with pytest.raises(StorageError) as caught:
        run(tmp_path)
    assert caught.value.key == "privacy.out_not_empty"


def test_a_name_in_another_encoding_stops_nothing(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / os.fsdecode(b"\xd5\xc5\xc8\xfd.dcm")).write_bytes(b"no dicom")
    assert run(tmp_path).refused.total() == 1
