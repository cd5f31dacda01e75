"""A hospital's own folder becomes a data set: all joined or listed, and nothing left that names anyone."""

import json
import re
import shutil
import stat
from datetime import date

import pyarrow.parquet as pq
import pytest

from doctorsun.core.errors import ConfigError, DataError, StorageError
from doctorsun.data.build import build
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.hospital.desk import desk_path
from doctorsun.data.hospital.miniature import write_hospital
from doctorsun.data.hospital.proof import check_places, known_values, prove, scan_tree
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.sources import hospital
from doctorsun.privacy.residual import Residual, Value

STUDIES = 12


def recipe(root, *, place="clinic", out=None, **options):
    source = {"path": place, "accept": ["hospital-private"], "options": options}
    tree = {"name": "own", "root": root, "out": out or root.parent / "built", "workers": 1, "drop_limit": 1}
    return DataConfig.model_validate({**tree, "sources": {"hospital": source}})


def read(place, **options):
    counts = Counts()
    return {each.id: each for each in hospital.records(place, counts, **options)}, counts


def listed(place, key=""):
    return json.loads((desk_path(place, key) / "listed.json").read_text())


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A hospital with a report too many and pictures without a report, and the data set built of it."""
    root = tmp_path_factory.mktemp("own") / "raw"
    made = write_hospital(root / "clinic", studies=STUDIES, slices_only=True)
    lost = next(
        path for path in sorted((root / "clinic" / "images").iterdir()) if made[0].accession in path.name
    )
    shutil.rmtree(lost)
    table = root / "clinic" / "reports" / "ris.csv"
    lines = table.read_bytes().split(b"\n")
    assert made[-2].accession.encode() in lines[-2]
    table.write_bytes(b"\n".join([*lines[:-2], b""]))
    config = recipe(root, key=str(root.parent / "secret" / "our.key"))
    check_places(config)
    return root, made, build(config), config


@pytest.fixture(scope="module")
def again(clinic):
    """The records of the same hospital, read once more under the same key."""
    root, _, _, config = clinic
    return read(root / "clinic", key=str(config.sources["hospital"].options["key"]))[0]


def test_every_report_is_joined_or_listed(clinic):
    root, made, place, _ = clinic
    told = listed(root / "clinic", str(root.parent / "secret" / "our.key"))
    counts = open_dataset(place).info["sources"]["hospital"]["counts"]
    assert told["rows"] == STUDIES - 1
    assert told["joined"] == STUDIES - 2 == counts["kept"]
    assert told["reports_unmatched"] == ["reports.0:2"]
    assert len(told["images_unmatched"]) == 1
    assert counts["dropped"] == {"data.image_unmatched": 1, "data.report_unmatched": 1}


def test_no_byte_and_no_value_of_the_data_set_names_anyone(clinic):
    _, made, place, config = clinic
    known = [Value("secret", text) for one in made for text in one.secrets]
    assert Residual(known).in_bytes(known[0].text.encode("gb18030"))
    assert scan_tree(place, known) == []
    assert prove(place, config) > STUDIES * 4
    assert prove(place, recipe(place).model_copy(update={"sources": {}})) == 0


def test_what_is_said_of_a_study_is_kept(clinic):
    _, _, place, _ = clinic
    samples = [
        sample
        for split in open_dataset(place).splits
        for sample, _ in open_dataset(place).rows(split).words()
    ]
    reports = [sample for sample in samples if sample.task == "report" and sample.origin == "human"]
    assert {sample.lang for sample in reports} == {"zh", "en"}
    said = " ".join(sample.messages[-1].text for sample in reports)
    assert "右肺上叶见一结节影" in said
    assert "There is an 8 mm nodule in the right upper lobe" in said
    assert all(sample.modality == "ct" and sample.licence == "hospital-private" for sample in samples)


def test_days_move_with_the_patient_and_their_distance_stays(again):
    pairs = []
    for text in (text for record in again.values() for text in record.texts):
        days = [date(*map(int, day)) for day in re.findall(r"(\d{4})年(\d{1,2})月(\d{1,2})日", text.answer)]
        pairs += [days] if len(days) == 2 else []
    assert len(pairs) > 2
    assert all((one - other).days == 9 for one, other in pairs)
    assert len({one.year for one, _ in pairs}) > 1


def test_the_key_and_what_lies_beside_it_are_the_owners_alone(clinic):
    root, _, place, _ = clinic
    secret = root.parent / "secret"
    assert stat.S_IMODE((secret / "our.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((secret / "our.key.clinic").stat().st_mode) == 0o700
    files = [path for path in (secret / "our.key.clinic").iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    secret_hex = (secret / "our.key").read_bytes().strip()
    assert not any(secret_hex in path.read_bytes() for path in place.rglob("*") if path.is_file())


def test_the_same_key_gives_the_same_pseudonyms_and_another_one_gives_others(clinic, again):
    root, _, place, _ = clinic
    dataset = open_dataset(place)
    ids = {sample.id.split("/")[1] for split in dataset.splits for sample, _ in dataset.rows(split).words()}
    assert ids == set(again)
    other = read(root / "clinic", key=str(root.parent / "other.key"))[0]
    assert len(other) == len(again)
    assert not {each.group for each in again.values()} & {each.group for each in other.values()}


def test_a_patients_studies_are_one_group(clinic, again):
    _, made, _, _ = clinic
    patients = {one.patient for one in made if one not in (made[0], made[-2])}
    assert len({each.group for each in again.values()}) == len(patients) < len(again)


def test_the_study_before_is_shown_beside_a_report_in_the_order_of_the_true_days(clinic, again):
    root, made, _, config = clinic
    key = str(config.sources["hospital"].options["key"])
    found, _ = read(root / "clinic", key=key, prior=True)
    pairs = [record for name, record in found.items() if name.endswith("-prior")]
    patients = {one.patient for one in made if one not in (made[0], made[-2])}
    assert len(pairs) == len(again) - len(patients)
    for pair in pairs:
        itself = again[pair.id.removesuffix("-prior")]
        assert (pair.group, pair.texts, pair.facts) == (itself.group, itself.texts, ())
        studies = [one.study for one in pair.shown]
        assert studies == sorted(studies, reverse=True) and set(studies) == {"prior", "current"}
        before = next(each for each in again.values() if each.images[0] == pair.images[0])
        assert before.group == itself.group and pair.images == (*before.images, *itself.images)


def test_an_approval_makes_the_source_another_one(tmp_path):
    place = tmp_path / "clinic"
    place.mkdir()
    before = hospital.state(place)
    assert hospital.state(place) != hospital.state(place)
    (desk_path(place, "") / "known.json").write_text("{}")
    assert hospital.state(place) == before
    (desk_path(place, "") / "approved.txt").write_text("ABC\n")
    assert hospital.state(place) != before


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16-le"])
def test_a_value_that_is_left_stops_the_build(codec, clinic, tmp_path):
    root, made, place, config = clinic
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    (copy / "notes.bin").write_bytes(b"\0\1" + made[2].name.encode(codec) + b"\0\1")
    with pytest.raises(DataError, match="notes.bin") as caught:
        prove(copy, config)
    assert made[2].name not in str(caught.value)
    told = json.loads((root.parent / "secret" / "our.key.clinic" / "left.json").read_text())
    assert [(one["file"], one["text"]) for one in told] == [("notes.bin", made[2].name)]


def test_a_value_inside_a_compressed_page_is_found(clinic, tmp_path):
    _, made, place, config = clinic
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    file = sorted(copy.rglob("*.parquet"))[0]
    table = pq.read_table(file)
    at = table.schema.get_field_index("id")
    names = [f"{name} {made[3].accession}" for name in table.column("id").to_pylist()]
    pq.write_table(table.set_column(at, table.schema.field("id"), [names]), file, compression="zstd")
    with pytest.raises(DataError, match="ids 1"):
        prove(copy, config)


def test_without_the_known_values_nothing_is_proved(clinic, tmp_path):
    root, _, place, _ = clinic
    with pytest.raises(DataError) as caught:
        prove(place, recipe(root, key=str(tmp_path / "new.key")))
    assert caught.value.key == "data.hospital_no_known"
    with pytest.raises(DataError):
        known_values(tmp_path / "elsewhere")


def test_the_key_lies_neither_among_the_pictures_nor_in_the_data_set(clinic, tmp_path):
    root, _, _, _ = clinic
    with pytest.raises(StorageError) as caught:
        read(root / "clinic", key=str(root / "clinic" / "our.key"))
    assert caught.value.key == "privacy.secret_in_source"
    with pytest.raises(StorageError) as caught:
        check_places(recipe(root, out=tmp_path / "out", key=str(tmp_path / "out" / "our.key")))
    assert caught.value.key == "privacy.secret_inside"


def test_what_no_licence_accepts_is_refused_before_anything_is_read(clinic, monkeypatch):
    root, _, _, config = clinic
    monkeypatch.setattr(hospital, "records", None)
    closed = config.model_copy(
        update={"sources": {"hospital": config.sources["hospital"].model_copy(update={"accept": ()})}}
    )
    with pytest.raises(DataError) as caught:
        build(closed.model_copy(update={"out": root.parent / "closed"}))
    assert caught.value.key == "data.hospital_not_accepted"
    assert "hospital-private" in str(caught.value)


def test_pictures_without_a_header_wait_until_a_person_has_looked(tmp_path):
    place = tmp_path / "clinic"
    for name in ("A100_1.png", "A100_2.png"):
        put_picture(place / "films" / name, size=(64, 48))
    rows = [("A100", "甲乙丙", "检查所见：两肺清晰。印象：正常。")]
    put_table(place / "reports.csv", ("片号", "姓名", "报告"), rows, encoding="utf-16")
    put_text(
        place / "hospital.yaml",
        "images: films\nreports: [{file: reports.csv, columns: {accession: 片号, name: 姓名, text: 报告}}]\n",
    )
    found, counts = read(place)
    assert not found
    assert counts.dropped == {"data.hospital_waits": 2, "data.report_images_wait": 1}
    waiting = listed(place)["files_not_used"]
    page, ledger = desk_path(place, "") / "review.html", desk_path(place, "") / "clean" / "ledger.jsonl"
    assert all(one["id"] in page.read_text() for one in waiting)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    ledger.write_text(ledger.read_text() + '{"file": "CUT')
    assert not read(place)[0]
    assert ledger.read_text().count('"file": "') == 3
    approved = "\n".join(f"{one['id']}  # looked at" for one in waiting)
    (desk_path(place, "") / "approved.txt").write_text(f"{approved}\nNOBODYSFILE2\n")
    found, counts = read(place)
    assert [len(each.images) for each in found.values()] == [2]
    assert ledger.read_text().count('"file": "') == 5
    assert not counts.dropped
    assert counts.noted == {"data.encoding_utf_16": 1}
    assert listed(place)["approved_unknown"] == ["NOBODYSFILE2"]
    put_picture(place / "films" / "A100_2.png", size=(60, 44))
    found, counts = read(place)
    assert [len(each.images) for each in found.values()] == [1]
    assert counts.dropped == {"data.hospital_waits": 1}
    assert len(listed(place)["approved_unknown"]) == 2


def test_a_report_that_waits_is_shown_with_the_id_that_approves_it(tmp_path):
    place = tmp_path / "clinic"
    put_picture(place / "films" / "A100.png", size=(64, 48))
    put_table(place / "r.csv", ("片号", "报告"), [("A100", "两肺清晰，甲乙丙。")])
    put_text(
        place / "hospital.yaml",
        "images: films\nreports: [{file: r.csv, columns: {accession: 片号, text: 报告}}]\n",
    )
    read(place)
    (waits,) = listed(place)["files_not_used"]
    (desk_path(place, "") / "approved.txt").write_text(waits["id"])
    found, counts = read(place)
    assert not found
    assert counts.dropped["data.report_waits"] == 1
    (waits,) = listed(place)["reports_waiting"]
    page = (desk_path(place, "") / "review.html").read_text()
    assert f"approved.txt: {waits['id']}" in page
    assert "甲乙丙" in page
    (desk_path(place, "") / "approved.txt").open("a").write(f"\n{waits['id']}\n")
    assert len(read(place)[0]) == 1


def test_a_wrong_folder_of_pictures_stops_the_build_by_its_name(tmp_path):
    put_table(tmp_path / "own" / "r.csv", ("片号", "报告"), [("A1", "两肺清晰。")])
    put_text(
        tmp_path / "own" / "hospital.yaml",
        "images: pictures\nreports: [{file: r.csv, columns: {accession: 片号, text: 报告}}]\n",
    )
    with pytest.raises(ConfigError, match="pictures"):
        build(recipe(tmp_path, place="own"))
