"""Sources of captions, talks and labels, each in the form its publisher gave it."""

import json
import tracemalloc
from itertools import islice

import numpy as np
import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.data import sources
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.papers import PaperLicences, paper_of
from doctorsun.data.sources import medmnist
from doctorsun.data.streams import csv_rows, parquet_columns, parquet_rows, split_rows
from doctorsun.imaging.pictures import open_picture
from doctorsun.language.coding import terms_by_name
from doctorsun.language.glossary import glossary

CAPTIONS = ("roco", "rocov2", "pmc_oa", "quilt_1m", "medtrinity_25m")


def read(name, root, **options):
    module, counts = plugins.find(sources, name), Counts()
    return {record.id: record for record in module.records(module.find(root), counts, **options)}, counts


def made(name, root, **options):
    plugins.find(sources, name).example(root)
    return read(name, root, **options)


@pytest.mark.parametrize("name", CAPTIONS)
def test_a_caption_has_no_question_and_its_picture(name, tmp_path):
    records, counts = made(name, tmp_path)
    assert not counts.dropped
    for record in records.values():
        (text,) = record.texts
        assert (text.question, text.task) == (None, "caption")
        assert record.images[0].bytes


@pytest.mark.parametrize("name", ["roco", "rocov2", "pmc_oa", "quilt_1m", "llava_med", "pubmedvision"])
def test_an_absent_picture_costs_its_rows_alone(name, tmp_path):
    whole, _ = made(name, tmp_path)
    gone = next(iter(whole.values())).images[0].path
    next(tmp_path.rglob(f"{gone.rpartition('.')[0]}.*")).unlink()
    records, counts = read(name, tmp_path)
    assert 0 < len(records) < len(whole)
    assert counts.dropped == {"data.image_absent": len(whole) - len(records)}


def test_figures_of_roco_carry_the_licence_of_their_paper_and_are_grouped_by_it(tmp_path):
    records, _ = made("roco", tmp_path)
    assert [record.licence for record in records.values()][:3] == ["CC-BY", "CC-BY-NC", "unknown"]
    assert {record.split for record in records.values()} == {None, "validation", "test"}
    groups = [record.group for record in records.values()][:3]
    assert groups[0] == groups[1] != groups[2]
    assert groups[0].startswith("PMC")
    assert {record.modality for record in records.values()} == {"ct"}


def test_figures_of_roco_that_no_radiologist_reads_can_be_left_out(tmp_path):
    whole, _ = made("roco", tmp_path)
    assert len(read("roco", tmp_path, non_radiology=False)[0]) == len(whole) // 2


def test_a_figure_of_roco_without_a_line_of_licence_is_unknown(tmp_path):
    made("roco", tmp_path)
    for path in tmp_path.rglob("licences.txt"):
        path.unlink()
    records, _ = read("roco", tmp_path)
    assert {record.licence for record in records.values()} == {"unknown"}
    assert {record.group for record in records.values()} == set(records)


def test_checked_concepts_of_rocov2_become_facts(tmp_path):
    records, _ = made("rocov2", tmp_path)
    first = next(iter(records.values()))
    assert {fact.name: json.loads(fact.value) for fact in first.facts} == {
        "modality": "ct",
        "region": "chest",
    }
    assert {record.licence for record in records.values()} == {"CC-BY", "CC-BY-NC"}
    assert {record.split for record in records.values()} == {None, "validation", "test"}
    assert {record.group[:3] for record in records.values()} == {"PMC"}


def test_rocov2_without_the_table_of_licences_has_that_of_the_whole(tmp_path):
    made("rocov2", tmp_path)
    next(tmp_path.rglob("license_information.csv")).unlink()
    records, _ = read("rocov2", tmp_path)
    assert {record.licence for record in records.values()} == {None}
    assert plugins.find(sources, "rocov2").CARD.licence == "CC-BY-NC-SA-4.0"


def test_pmc_oa_takes_licences_from_the_list_of_pubmed_central(tmp_path):
    records, _ = made("pmc_oa", tmp_path)
    assert [record.licence for record in records.values()][::2] == ["CC-BY", "CC0-1.0", "CC-BY-NC", None]
    assert len({record.group for record in records.values()}) == 4


def test_the_older_release_of_pmc_oa_tells_splits_and_papers(tmp_path):
    rows = {"train": 1, "valid": 2, "test": 3}
    for part, number in rows.items():
        name = f"invented_{number}.jpg"
        put_picture(tmp_path / "old" / "images" / name)
        row = {"image": name, "caption": f"Invented {number}.", "pmcid": f"PMC{number}", "url_name": "x"}
        put_text(tmp_path / "old" / f"{part}.jsonl", json.dumps(row) + "\n")
    records, _ = read("pmc_oa", tmp_path)
    assert [(record.group, record.split) for record in records.values()] == [
        ("PMC1", None),
        ("PMC2", "validation"),
        ("PMC3", "test"),
    ]


def test_captions_of_one_picture_and_of_one_video_are_one_group_in_quilt(tmp_path):
    records, _ = made("quilt_1m", tmp_path)
    assert {record.group for record in records.values()} == {"inventedvid0", "inventedvid1", "inventedvid2"}
    assert {record.split for record in records.values()} == {None, "validation"}


def test_medtrinity_reads_pictures_inside_parquet_and_beside_json_lines(tmp_path):
    records, _ = made("medtrinity_25m", tmp_path)
    assert sorted(records) == [f"invented-{number}" for number in range(8)]
    assert {text.origin for record in records.values() for text in record.texts} == {"synthetic"}


def test_long_tables_are_never_held_in_memory(tmp_path):
    table = tmp_path / "quilt" / "quilt_1M_lookup.csv"
    rows = ([at, "words " * 500, f"vid_image_{at}.jpg", "quilt", "train"] for at in range(5_000))
    put_table(table, ["", "caption", "image_path", "subset", "split"], rows)
    put_picture(table.parent / "images" / "vid_image_4999.jpg")
    counts = Counts()
    tracemalloc.start()
    found = list(plugins.find(sources, "quilt_1m").records(table.parent, counts))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [record.id for record in found] == ["vid_image_4999-4999"]
    assert counts.dropped == {"data.image_absent": 4_999}
    assert table.stat().st_size > 12 * 2**20
    assert peak < 4 * 2**20


def test_llava_med_reads_the_misspelt_key_and_groups_by_paper(tmp_path):
    records, counts = made("llava_med", tmp_path)
    assert not counts.dropped
    captions = [record for name, record in records.items() if name.startswith("align/")]
    talks = [record for name, record in records.items() if name.startswith("talk/")]
    assert {text.task for record in captions for text in record.texts} == {"caption"}
    assert {text.origin for record in captions for text in record.texts} == {"human"}
    assert {(text.task, text.origin) for record in talks for text in record.texts} == {
        ("dialogue", "synthetic")
    }
    assert talks[0].texts[0].history[0].text == "What is invented here?"
    assert {record.group for record in records.values()} == {"90000000", "90000001", "90000002"}
    assert talks[0].modality == "ct"


def test_of_several_files_of_talks_llava_med_reads_one(tmp_path):
    whole, _ = made("llava_med", tmp_path)
    file = next(tmp_path.rglob("*inline_mention.json"))
    file.with_name("llava_med_instruct_10k.json").write_bytes(file.read_bytes())
    assert read("llava_med", tmp_path)[0] == whole
    file.unlink()
    assert read("llava_med", tmp_path)[0] == whole


@pytest.mark.parametrize(
    ("name", "file"), [("llava_med", "*inline*.json"), ("pubmedvision", "*Chinese.json")]
)
def test_a_talk_whose_picture_is_not_even_named_does_not_become_text(name, file, tmp_path):
    whole, _ = made(name, tmp_path)
    path = next(tmp_path.rglob(file))
    rows = json.loads(path.read_text(encoding="utf-8"))
    for row in rows:
        row.pop("image")
        for turns in (value for key, value in row.items() if "conversat" in key):
            turns[0]["value"] = turns[0]["value"].replace("<image>", "")
    path.write_text(json.dumps(rows), encoding="utf-8")
    records, counts = read(name, tmp_path)
    assert all(record.images for record in records.values())
    assert counts.dropped == {"data.image_absent": 6}
    assert len(records) == len(whole) - 6


def test_pubmedvision_reads_several_pictures_and_the_chinese_edition(tmp_path):
    records, counts = made("pubmedvision", tmp_path)
    assert not counts.dropped
    assert {len(record.images) for record in records.values()} == {1, 2}
    said = {record.id.partition("/")[0]: {text.lang for text in record.texts} for record in records.values()}
    assert said == {"en": {"en"}, "zh": {"zh"}}
    assert {record.group for record in records.values()} == {"pmc_0", "pmc_1", "pmc_2", "pmc_3"}
    assert not any(record.facts for record in records.values())


def test_medmnist_keeps_official_splits_labels_and_licences(tmp_path):
    records, counts = made("medmnist", tmp_path)
    assert not counts.dropped
    assert {record.split for record in records.values()} == {None, "validation", "test"}
    skin = records["dermamnist-train-1"]
    assert skin.licence == "CC-BY-NC-4.0"
    assert json.loads(skin.facts[-1].value) == "basal_cell_carcinoma"
    assert records["pneumoniamnist-val-1"].facts[-1].status == "present"
    assert records["pneumoniamnist-val-0"].facts[-1].status == "absent"
    chest = {fact.name for fact in records["chestmnist-test-0"].facts}
    assert chest >= {"nodule", "effusion", "pneumonia"}
    assert json.loads(records["bloodmnist-train-2"].facts[-1].value) == "erythroblast"
    assert open_picture(skin.images[0].bytes).shape == (28, 28, 3)


@pytest.mark.parametrize("name", sorted(medmnist.SUBSETS))
def test_every_class_of_every_set_of_medmnist_is_a_fact(name):
    subset = medmnist.SUBSETS[name]
    if subset.fact:
        assert len(subset.values) == len(subset.classes)
        assert set(subset.values) <= set(glossary().attributes[subset.fact].labels_in("medmnist"))
    elif subset.several:
        assert {medmnist.NIH.get(said, said).lower() for said in subset.classes} <= set(terms_by_name("nih"))
    else:
        assert subset.classes[subset.sign] in ("pneumonia", "malignant") and len(subset.classes) == 2
    opening = {"modality": subset.modality, "view": subset.view, "region": subset.region}
    for fact, value in opening.items():
        assert value is None or value in glossary().attributes[fact].labels_in("medmnist")


def test_of_several_sizes_of_a_set_the_largest_is_read_and_sets_can_be_named(tmp_path):
    made("medmnist", tmp_path)
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = np.arange(2 * 64 * 64, dtype=np.uint8).reshape(2, 64, 64)
        arrays[f"{part}_labels"] = np.array([[0], [1]], dtype=np.uint8)
    np.savez_compressed(
        next(tmp_path.rglob("pneumoniamnist.npz")).with_name("pneumoniamnist_64.npz"), **arrays
    )
    records, _ = read("medmnist", tmp_path, subsets="pneumoniamnist")
    assert len(records) == 6
    assert {open_picture(record.images[0].bytes).shape for record in records.values()} == {(64, 64, 3)}


def test_a_label_that_a_set_does_not_have_is_counted(tmp_path):
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
        arrays[f"{part}_labels"] = np.array([[0], [7]], dtype=np.uint8)
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)
    records, counts = read("medmnist", tmp_path)
    assert len(records) == 3
    assert counts.dropped == {"data.unknown_label": 6}


@pytest.mark.parametrize("damage", ["short", "objects", "kind", "empty"])
def test_a_damaged_npz_is_one_clear_line_and_nothing_is_unpickled(damage, tmp_path):
    made("medmnist", tmp_path)
    path = next(tmp_path.rglob("pneumoniamnist.npz"))
    arrays = dict(np.load(path))
    if damage == "short":
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        name, kind = ("train_labels", object) if damage == "objects" else ("train_images", np.float32)
        arrays[name] = arrays[name].astype(kind)
        np.savez(path, **arrays)
    with pytest.raises(DataError) as caught:
        read("medmnist", tmp_path, subsets="pneumoniamnist")
    assert caught.value.key == "data.unreadable_file"


def test_stills_of_pocus_have_their_own_licence_label_and_patient(tmp_path):
    records, counts = made("pocus", tmp_path)
    assert not counts.dropped
    assert {record.licence for record in records.values()} == {"CC-BY-4.0", "CC-BY-NC-4.0", "unknown"}
    said = {name: {fact.name: fact for fact in record.facts} for name, record in records.items()}
    covid, pneumonia, healthy = (
        next(facts for name, facts in said.items() if word in name) for word in ("Cov_", "Pneu_", "Reg_")
    )
    assert json.loads(covid["chest_finding"].value) == "covid_19"
    assert not {fact.status for fact in covid.values()} & {"present", "absent"}
    assert pneumonia["pneumonia"].status == "present"
    assert healthy["pneumonia"].status == "absent"
    assert len({record.group for record in records.values()}) == 4


def test_a_still_of_pocus_with_another_name_is_counted(tmp_path):
    made("pocus", tmp_path)
    put_picture(next(tmp_path.rglob("convex")) / "uninformative_1.png")
    _, counts = read("pocus", tmp_path)
    assert counts.dropped == {"data.unknown_label": 1}


def test_the_paper_of_a_figure_stands_in_its_name():
    assert paper_of("PMC212319_Fig3_4.jpg") == "PMC212319"
    assert paper_of("fig3.jpg") is None


def test_licences_of_papers_come_from_any_of_the_lists(tmp_path):
    assert PaperLicences(tmp_path).of("PMC1") is None
    head = ["File", "Accession ID", "License"]
    put_table(
        tmp_path / "oa_file_list.csv", head, [["a", "PMC1", "CC BY-NC-ND"], ["b", "PMC2", "NO-CC CODE"]]
    )
    found = PaperLicences(tmp_path)
    papers = ("PMC1", "PMC2", "PMC3", "PMC0", "invented", None)
    assert [found.of(name) for name in papers] == ["CC-BY-NC-ND", "unknown", None, None, None, None]


def test_a_table_that_cannot_be_read_is_one_clear_line(tmp_path):
    cases = {
        "data.unreadable_file": lambda: csv_rows(tmp_path / "absent.csv", ("a",)),
        "data.bad_encoding": lambda: csv_rows(written(tmp_path, "虚构,b\n1,2\n".encode("gb18030")), ("b",)),
        "data.missing_column": lambda: csv_rows(written(tmp_path, b"a,b\n1,2\n"), ("c",)),
    }
    for key, rows in cases.items():
        with pytest.raises(DataError) as caught:
            list(rows())
        assert caught.value.key == key
    with pytest.raises(DataError):
        list(parquet_rows(written(tmp_path, b"PAR1"), ("a",)))
    assert parquet_columns(written(tmp_path, b"PAR1")) == ()


def test_short_rows_and_blank_lines_of_a_table_do_no_harm(tmp_path):
    rows = csv_rows(written(tmp_path, b"a,b,c\n1,2\n\n,,\n4,5,6,7\n"), ("a",))
    assert list(rows) == [{"a": "1", "b": "2", "c": ""}, {"a": "4", "b": "5", "c": "6"}]
    lines = split_rows(written(tmp_path, b"x|y\n\nz\n"), ("one", "two"))
    assert list(islice(lines, 3)) == [{"one": "x", "two": "y"}, None]


def written(folder, raw):
    path = folder / f"table-{len(raw)}.csv"
    path.write_bytes(raw)
    return path
