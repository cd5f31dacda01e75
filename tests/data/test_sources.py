"""Every source: its card, its invented example, and how it takes damaged files."""

import json
import shutil

import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.data import sources
from doctorsun.data.catalog import catalog
from doctorsun.data.counts import Counts
from doctorsun.language.glossary import glossary
from doctorsun.language.questions import samples_of
from tests.data.invented import GENERAL, HOSPITALS, PICTURES, READERS, REPORTS, TEXTS

FOUND = [name for name in plugins.names(sources) if hasattr(plugins.find(sources, name), "find")]
REAL = [name for name in FOUND if name not in READERS]


def read(name, root):
    module, counts = plugins.find(sources, name), Counts()
    return list(module.records(root if name in READERS else module.find(root), counts)), counts


def made(name, root):
    plugins.find(sources, name).example(root)
    return read(name, root)


def test_the_sources_of_the_first_recipe_are_all_here():
    assert set(PICTURES + TEXTS + REPORTS + HOSPITALS + GENERAL) == set(REAL)
    assert {name for name in FOUND if getattr(plugins.find(sources, name), "READER", False)} == set(READERS)


@pytest.mark.parametrize("name", FOUND)
def test_an_invented_example_is_read_whole(name, tmp_path):
    records, counts = made(name, tmp_path)
    assert len(records) >= 4
    assert not counts.dropped
    assert len({record.id for record in records}) == len(records)
    assert all(record.facts or record.texts for record in records)
    assert all(record.group for record in records)


@pytest.mark.parametrize("name", FOUND)
def test_every_fact_is_in_the_glossary_and_can_be_asked(name, tmp_path):
    card = plugins.find(sources, name).CARD
    for record in made(name, tmp_path)[0]:
        samples = samples_of(record, card, split="train")
        assert bool(samples) == bool(record.facts)
        assert record.modality is None or record.modality in glossary().terms


@pytest.mark.parametrize("name", REAL)
def test_the_folder_is_found_whatever_is_around_it(name, tmp_path):
    module = plugins.find(sources, name)
    assert module.find(tmp_path) is None
    module.example(tmp_path / "some" / "place")
    (tmp_path / "aaa").mkdir()
    deep = module.find(tmp_path)
    assert deep is not None
    assert module.find(deep) is not None or name in {"alpaca_en_zh"}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_no_folder_that_no_recipe_gave_it(name, tmp_path):
    plugins.find(sources, name).example(tmp_path)
    assert plugins.find(sources, name).find(tmp_path) is None


@pytest.mark.parametrize("name", REAL)
def test_no_source_takes_the_folder_of_another(name, tmp_path):
    for other in FOUND:
        if other != name:
            plugins.find(sources, other).example(tmp_path / other)
    assert plugins.find(sources, name).find(tmp_path) is None


@pytest.mark.parametrize("name", FOUND)
def test_the_same_folder_gives_the_same_records(name, tmp_path):
    assert made(name, tmp_path)[0] == read(name, tmp_path)[0]


@pytest.mark.parametrize("name", plugins.names(sources))
def test_a_card_says_what_one_must_know(name):
    card = plugins.find(sources, name).CARD
    assert card.name == name
    assert card.licence
    assert card.citation
    assert card.obtain
    assert card.general or name not in GENERAL
    assert set(card.languages) <= {"zh", "en"}
    assert card.non_commercial == ("-NC" in card.licence)


def test_sources_without_patients_say_so():
    silent = {
        name for name in REAL if name not in GENERAL and not plugins.find(sources, name).CARD.patient_groups
    }
    assert silent == {
        "bccd",
        "brain_tumor_mri",
        "busi",
        "idrid",
        "medmnist",
        "medtrinity_25m",
        "omnimedvqa",
        "pathvqa",
        "pubmedvision",
        "quilt_1m",
        "slake",
        "vqa_med_2019",
        "vqa_med_2020",
        "vqa_med_2021",
    }


def test_official_test_rows_are_marked(tmp_path):
    for name in ("brain_tumor_mri", "idrid", "bccd"):
        assert "test" in {record.split for record in made(name, tmp_path / name)[0]}
    texts = [text for record in made("vqa_rad", tmp_path / "vqa")[0] for text in record.texts]
    assert {text.split for text in texts} == {None, "test"}


@pytest.mark.parametrize(
    ("name", "folder"), [("brain_tumor_mri", "Training"), ("brain_tumor_mri", "Testing")]
)
def test_one_of_the_two_official_folders_is_enough(name, folder, tmp_path):
    whole = made(name, tmp_path)[0]
    shutil.rmtree(next(tmp_path.rglob("Testing" if folder == "Training" else "Training")))
    assert 0 < len(read(name, tmp_path)[0]) < len(whole)


def test_the_testing_set_of_idrid_is_enough(tmp_path):
    made("idrid", tmp_path)
    shutil.rmtree(next(tmp_path.rglob("a. Training Set")))
    next(tmp_path.rglob("*Training Labels.csv")).unlink()
    records, counts = read("idrid", tmp_path)
    assert {record.split for record in records} == {"test"}
    assert not counts.dropped


def test_the_metadata_of_ham10000_needs_no_ending_and_png_is_read(tmp_path):
    whole = made("ham10000", tmp_path)[0]
    table = next(tmp_path.rglob("HAM10000_metadata.csv"))
    table.rename(table.with_suffix(""))
    for path in tmp_path.rglob("*.jpg"):
        path.rename(path.with_suffix(".png"))
    assert len(read("ham10000", tmp_path)[0]) == len(whole)


def test_a_row_without_its_picture_costs_only_itself(tmp_path):
    for name in ("ham10000", "idrid", "covid_chestxray", "bccd", "vqa_rad"):
        whole = made(name, tmp_path / name)[0]
        next(
            path for path in sorted((tmp_path / name).rglob("*")) if path.suffix in {".jpg", ".png"}
        ).unlink()
        records, counts = read(name, tmp_path / name)
        assert len(records) == len(whole) - 1
        assert counts.dropped == {"data.image_absent": 1}
        assert counts.examples["data.image_absent"]


def test_a_missing_column_is_one_clear_line(tmp_path):
    made("ham10000", tmp_path)
    table = next(tmp_path.rglob("*.csv"))
    table.write_text(table.read_text().replace("lesion_id", "wound"))
    with pytest.raises(DataError, match="lesion_id") as caught:
        read("ham10000", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_table_in_the_wrong_encoding_is_one_clear_line(tmp_path):
    made("ham10000", tmp_path)
    table = next(tmp_path.rglob("*.csv"))
    table.write_bytes(table.read_text().replace("back", "背").encode("gb18030"))
    with pytest.raises(DataError) as caught:
        read("ham10000", tmp_path)
    assert caught.value.key == "data.bad_encoding"


def test_latin_letters_in_the_covid_table_are_read(tmp_path):
    made("covid_chestxray", tmp_path)
    table = next(tmp_path.rglob("metadata.csv"))
    table.write_bytes(table.read_text().replace("Invented note 1:", "Café note 1:").encode("cp1252"))
    records, _ = read("covid_chestxray", tmp_path)
    assert any("Café" in text.answer for record in records for text in record.texts)


def test_licences_of_covid_rows_are_their_own(tmp_path):
    found = {record.licence for record in made("covid_chestxray", tmp_path)[0]}
    assert found == {"CC-BY-NC-SA", "CC-BY-4.0", "CC-BY-3.0"}


def test_damaged_annotations_cost_only_their_record(tmp_path):
    whole = made("bccd", tmp_path)[0]
    next(tmp_path.rglob("*.xml")).write_text("<annotation><size>")
    records, counts = read("bccd", tmp_path)
    assert len(records) == len(whole) - 1
    assert counts.dropped == {"data.bad_annotation": 1}


def test_boxes_lie_within_the_picture(tmp_path):
    boxes = [fact.box_xyxy for record in made("bccd", tmp_path)[0] for fact in record.facts if fact.box_xyxy]
    assert boxes
    assert all(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 for x0, y0, x1, y1 in boxes)


def test_a_place_is_told_of_a_cell_that_is_alone_of_its_kind(tmp_path):
    found = {record.id: record.facts for record in made("bccd", tmp_path)[0]}
    placed = {
        name: {fact.name for fact in facts if fact.box_xyxy and fact.status} for name, facts in found.items()
    }
    assert placed["BloodImage_90000"] == {"white_blood_cell"}
    assert placed["BloodImage_90001"] == {"platelet"}
    assert not any("red_blood_cell" in names for names in placed.values())


def test_pictures_of_one_case_are_one_group(tmp_path):
    made("vqa_rad", tmp_path)
    table = next(tmp_path.rglob("*.json"))
    rows = json.loads(table.read_text())
    for row in rows:
        if row["image_name"] in {"synpic90000.jpg", "synpic90001.jpg"}:
            row["image_case_url"] = "https://example.org/one-case"
    table.write_text(json.dumps(rows))
    groups = {record.id: record.group for record in read("vqa_rad", tmp_path)[0]}
    assert groups["synpic90000"] == groups["synpic90001"] != groups["synpic90002"]


def test_a_stray_blank_after_closed_does_not_count(tmp_path):
    texts = [text for record in made("vqa_rad", tmp_path)[0] for text in record.texts]
    assert {text.kind for text in texts} == {"closed", "open"}


def test_a_dialogue_keeps_its_turns(tmp_path):
    talks = [text for record in made("huatuo_zh", tmp_path)[0] for text in record.texts if text.history]
    assert [turn.role for turn in talks[0].history] == ["user", "assistant"]


def test_the_catalog_says_what_is_present(tmp_path):
    plugins.find(sources, "busi").example(tmp_path / "raw")
    listed = {each.card.name: each for each in catalog(tmp_path)}
    assert listed["busi"].place is not None
    assert listed["idrid"].place is None
    assert listed["phantom"].generated
    with pytest.raises(DataError):
        catalog(tmp_path / "nowhere")
