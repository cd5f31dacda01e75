"""Faults of files as people have them: each is said in a line or counted, and costs only itself."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.sources import brain_tumor_mri, covid_chestxray, ham10000, idrid
from tests.data.invented import recipe, write_sources

HEAD = ["patientid", "finding", "filename", "clinical_notes"]


@pytest.fixture
def questions(tmp_path):
    """The rows of an invented VQA-RAD, and what writes other ones and gives the counts of a build."""
    write_sources(tmp_path / "raw", ["vqa_rad"])
    file = next((tmp_path / "raw").rglob("*.json"))

    def counts(rows):
        file.write_text(json.dumps(rows))
        folder = build(recipe(tmp_path / "raw", ["vqa_rad"]))
        return json.loads((folder / "dataset.json").read_text())["sources"]["vqa_rad"]["counts"]

    return json.loads(file.read_text()), counts


def records(source, root):
    counts = Counts()
    return list(source.records(source.find(root), counts)), counts


def test_links_to_nowhere_and_names_in_other_encodings_cost_only_themselves(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    place = next((tmp_path / "raw").rglob("benign"))
    (place / "benign (98).png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "raw" / "a.csv").symlink_to(tmp_path / "nowhere")
    put_picture(place / "benign.png")
    (place / "benign.png").rename(place / os.fsdecode(b"benign \xb1\xfe.png"))
    folder = build(recipe(tmp_path / "raw", ["busi", "medical_dialogue_zh"]))
    counts = json.loads((folder / "dataset.json").read_text())["sources"]["busi"]["counts"]
    assert counts["dropped"] == {"data.unreadable_picture": 1}
    assert counts["kept"] == 13


def test_half_characters_and_lists_in_a_json_are_counted(questions):
    rows, counts = questions
    rows[0]["question"], rows[1]["qid"], rows[2]["answer"] = "Is it\ud800?", "\ud800", ["a list"]
    assert counts(rows)["dropped"] == {"data.broken_text": 1, "data.empty_answer": 1}


def test_an_id_that_stands_twice_loses_no_other_words(questions):
    rows, counts = questions
    other = {**rows[0], "question": "What other shape is there?", "answer": "another shape"}
    found = counts([*rows, rows[0], other])
    assert found["dropped"] == {"data.doubled_record": 1}
    assert found["words"] == len(rows) + 1


def test_the_limit_compares_bad_questions_with_questions_not_with_pictures(questions):
    rows, counts = questions
    bad = [{**rows[0], "qid": 900 + at, "answer": ""} for at in range(13)]
    assert counts([*rows, *bad])["dropped"] == {"data.empty_answer": 13}


def test_single_bytes_of_another_encoding_spoil_no_other_letters(tmp_path):
    rows = [[7, "COVID-19", "a.png", "A “ground glass” opacity"], [8, "COVID-19", "b.png", "38 DEGREE"]]
    put_table(tmp_path / "metadata.csv", HEAD, rows)
    for row in rows:
        put_picture(tmp_path / "images" / row[2])
    file = tmp_path / "metadata.csv"
    file.write_bytes(file.read_bytes().replace(b"DEGREE", b"\xb0C"))
    found, _ = records(covid_chestxray, tmp_path)
    assert [record.texts[0].answer for record in found] == ["A “ground glass” opacity", "38 °C"]


def test_a_table_in_utf_16_is_named_each_time(tmp_path, heard):
    write_sources(tmp_path / "raw", ["covid_chestxray"])
    table = next((tmp_path / "raw").rglob("metadata.csv"))
    table.write_bytes(table.read_text().encode("utf-16"))
    for _ in range(2):
        with pytest.raises(DataError):
            build(recipe(tmp_path / "raw", ["covid_chestxray"]))
    said = [values["problem"] for event, values in heard.notes if event == "data.source_unusable"]
    assert len(said) == 2
    assert all("metadata.csv" in each and "cp1252" in each for each in said)


def test_two_pictures_that_differ_by_their_ending_are_two(tmp_path):
    put_table(tmp_path / "metadata.csv", HEAD, [[1, "COVID-19", "a.png", ""], [1, "COVID-19", "a.jpg", ""]])
    for name in ("a.png", "a.jpg"):
        put_picture(tmp_path / "images" / name)
    found, _ = records(covid_chestxray, tmp_path)
    assert [record.id for record in found] == ["a", "a-2"]


def test_another_metadata_csv_does_not_hide_the_right_one(tmp_path):
    put_table(tmp_path / "another" / "metadata.csv", ["name"], [["x"]])
    put_picture(tmp_path / "another" / "images" / "x.png")
    covid_chestxray.example(tmp_path)
    assert covid_chestxray.find(tmp_path) == tmp_path / "covid"


@pytest.mark.parametrize("place", ["", "b. Testing Set"])
def test_grades_of_idrid_beside_their_pictures_are_read(place, tmp_path):
    idrid.example(tmp_path / "whole")
    shutil.copytree(next((tmp_path / "whole").rglob("b. Testing Set")), tmp_path / "mine" / place)
    shutil.copy(next((tmp_path / "whole").rglob("*Testing Labels.csv")), tmp_path / "mine")
    found, counts = records(idrid, tmp_path / "mine")
    assert [record.split for record in found] == ["test"] * 5
    assert not counts.dropped


def test_the_folder_testing_itself_is_test(tmp_path, monkeypatch):
    brain_tumor_mri.example(tmp_path)
    monkeypatch.chdir(tmp_path / "brain" / "Testing")
    for root in (tmp_path / "brain" / "Testing", Path()):
        found, _ = records(brain_tumor_mri, root)
        assert [record.split for record in found] == ["test"] * 12


def test_pictures_of_ham10000_beside_the_folder_of_the_table_are_found(tmp_path):
    ham10000.example(tmp_path)
    table = next(tmp_path.rglob("HAM10000_metadata.csv"))
    (table.parent / "table").mkdir()
    table.rename(table.parent / "table" / table.name)
    found, counts = records(ham10000, tmp_path)
    assert len(found) == 21
    assert not counts.dropped


@pytest.mark.parametrize(
    ("options", "said"), [({"cout": 3}, "did you mean: count"), ({"count": "x"}, "whole"), ({"px": -4}, "16")]
)
def test_an_option_that_a_source_has_not_is_one_clear_line(options, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        build(recipe(tmp_path, [], sources={"phantom": {"options": options}}))


def test_a_place_below_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="file"):
        build(recipe(tmp_path, [], out=tmp_path / "file" / "set", sources={"phantom": {}}))
    assert (tmp_path / "file").read_text() == "mine"


def test_what_was_left_out_is_said_in_a_line_for_each_reason(tmp_path, heard):
    write_sources(tmp_path / "raw", ["busi"])
    one, two, *_ = sorted((tmp_path / "raw").rglob("benign (?).png"))
    one.write_bytes(b"")
    two.write_bytes(two.read_bytes()[:60])
    build(recipe(tmp_path / "raw", ["busi"]))
    said = [values["examples"] for event, values in heard.notes if event == "data.left_out"]
    assert said == [" (busi/benign (2))", " (busi/benign (1))"]


def test_forced_training_leaves_what_a_benchmark_calls_test_out_of_it(tmp_path):
    write_sources(tmp_path / "raw", ["vqa_rad", "idrid"])
    dataset = open_dataset(build(recipe(tmp_path / "raw", ["vqa_rad", "idrid"], split={"force": "train"})))
    assert dataset.splits == ("train", "test", "official")
    assert not any("/test/" in sample.id for sample, _ in dataset.rows("train").words())
    assert len(dataset.rows("official")) == 6


def test_what_macos_adds_to_archives_is_not_read(tmp_path):
    names = ["bccd", "busi", "idrid", "medquad"]
    for name in names:
        plugins.find(sources, name).example(tmp_path / "raw")
    whole = {name: len(records(plugins.find(sources, name), tmp_path / "raw")[0]) for name in names}
    for path in [path for path in sorted((tmp_path / "raw").rglob("*")) if path.is_file()]:
        for place in (tmp_path / "raw" / "__MACOSX" / path.relative_to(tmp_path / "raw").parent, path.parent):
            place.mkdir(parents=True, exist_ok=True)
            (place / f"._{path.name}").write_bytes(b"\0\5\x16\7")
    for name in names:
        found, counts = records(plugins.find(sources, name), tmp_path / "raw")
        assert (len(found), counts.dropped) == (whole[name], Counter())


def test_words_that_a_recipe_finds_too_long_do_not_end_the_build(tmp_path):
    write_sources(tmp_path / "raw", ["medquad"])
    page = next((tmp_path / "raw").rglob("*.xml"))
    page.write_text(page.read_text().replace("An invented answer", "A long answer " * 20))
    config = recipe(tmp_path / "raw", ["medquad"], text={"max_chars": 200}, drop_limit=0)
    info = open_dataset(build(config)).info
    assert info["sources"]["medquad"]["counts"]["dropped"] == {"data.too_long": 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_table_costs_nothing_of_the_good_one_before_it(workers, tmp_path):
    head = ["department", "title", "ask", "answer"]
    rows = [["内科", f"标题{at}", f"询问{at}是什么？", f"回答{at}。"] for at in range(300)]
    put_table(tmp_path / "raw" / "a.csv", head, rows)
    put_table(tmp_path / "raw" / "b.csv", head, [])
    (tmp_path / "raw" / "b.csv").write_bytes(",".join(head).encode() + b"\n\xff\xff\xff")
    folder = build(recipe(tmp_path / "raw", ["medical_dialogue_zh"], workers=workers))
    counts = open_dataset(folder).info["sources"]["medical_dialogue_zh"]["counts"]
    assert (counts["kept"], counts["dropped"]) == (300, {"data.bad_encoding": 1})


def test_a_named_folder_that_is_not_there_is_an_error_unless_the_recipe_calls_it_optional(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    more = {"reader": "table_images", "path": "nowhere", "licence": "MIT"}
    tree = recipe(tmp_path / "raw", ["busi"]).model_dump()

    def build_with(**changes):
        tree["sources"]["own"] = more | changes
        return build(DataConfig.model_validate(tree))

    with pytest.raises(DataError) as error:
        build_with()
    assert error.value.key == "data.no_folder"
    told = open_dataset(build_with(optional=True)).info["sources"]
    assert (told["own"]["present"], told["busi"]["present"]) == (False, True)
