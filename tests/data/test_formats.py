"""The sources' formats as their releases and other people's copies really come."""

import csv
import json
import shutil

import pytest

from doctorsun.core.schema import SPLITS
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from doctorsun.data.miniature import put_picture, put_table
from tests.data.invented import PICTURES, recipe, write_sources
from tests.data.test_sources import made, read

HAM_CODES = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]


def table_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("change", [str.upper, str.title], ids=["JPG", "Jpg"])
def test_the_letter_case_of_an_ending_does_not_count(name, change, tmp_path):
    whole = made(name, tmp_path)[0]
    for path in sorted(tmp_path.rglob("*")):
        if path.suffix in {".jpg", ".png"} and name != "covid_chestxray":
            path.rename(path.with_suffix(change(path.suffix)))
    records, counts = read(name, tmp_path)
    assert [(each.id, each.facts, each.texts) for each in records] == [
        (each.id, each.facts, each.texts) for each in whole
    ]
    assert not counts.dropped


def test_masks_of_busi_in_any_letter_case_become_no_pictures(tmp_path):
    whole = made("busi", tmp_path)[0]
    folder = next(path.parent for path in tmp_path.rglob("benign (1).png"))
    for name in ("benign (1)_mask_1.png", "benign (2)_Mask.PNG", "benign (3)_MASK_2.png"):
        put_picture(folder / name)
    records, counts = read("busi", tmp_path)
    assert [each.id for each in records] == [each.id for each in whole]
    assert counts.noted == {"data.mask_left_aside": len(whole) + 3}


def test_busi_files_that_are_only_numbered_keep_their_class_in_their_id(tmp_path):
    made("busi", tmp_path)
    for path in sorted(tmp_path.rglob("*.png")):
        if "_mask" not in path.name:
            path.rename(path.with_name(path.name.partition(" ")[2]))
    ids = [each.id for each in read("busi", tmp_path)[0]]
    assert len(set(ids)) == len(ids) == 12


def test_the_whole_release_of_idrid_with_its_other_parts_is_read(tmp_path):
    whole = made("idrid", tmp_path)[0]
    for part, truth in (
        ("A. Segmentation", "2. All Segmentation Groundtruths"),
        ("C. Localization", "2. Groundtruths"),
    ):
        put_picture(tmp_path / part / "1. Original Images" / "b. Testing Set" / "IDRiD_001.jpg")
        place = tmp_path / part / truth / "b. IDRiD_OD_Center_Testing Set_Markups.csv"
        put_table(place, ["Image No", "X- Coordinate"], [["IDRiD_001", 3]])
    records, counts = read("idrid", tmp_path)
    assert [each.id for each in records] == [each.id for each in whole]
    assert not counts.dropped


def test_grades_that_there_are_not_are_counted_and_an_ending_in_the_name_is_taken_off(tmp_path):
    whole = made("idrid", tmp_path)[0]
    table = next(tmp_path.rglob("*Testing Labels.csv"))
    head, first, *rest = table_of(table)
    put_table(table, head, [[first[0], "12", *first[2:]], *([f"{row[0]}.jpg", *row[1:]] for row in rest)])
    records, counts = read("idrid", tmp_path)
    assert len(records) == len(whole) - 1
    assert counts.dropped == {"data.unknown_label": 1}


@pytest.mark.parametrize("comma", ["\t", ";"])
def test_a_table_with_tabs_or_semicolons_is_read(comma, tmp_path):
    whole = made("ham10000", tmp_path)[0]
    table = next(tmp_path.rglob("HAM10000_metadata.csv"))
    rows = table_of(table)
    table.unlink()
    table.with_suffix(".tab").write_text("\r\n".join(comma.join(f'"{cell}"' for cell in row) for row in rows))
    assert read("ham10000", tmp_path)[0] == whole


def test_more_columns_in_another_order_change_nothing(tmp_path):
    whole = made("ham10000", tmp_path)[0]
    table = next(tmp_path.rglob("HAM10000_metadata.csv"))
    head, *rows = table_of(table)
    put_table(table, ["dataset", *reversed(head), ""], [["vidir", *reversed(row), "x"] for row in rows])
    assert read("ham10000", tmp_path)[0] == whole


def test_optional_columns_may_be_missing_and_are_counted(tmp_path):
    for name, required in (("ham10000", 3), ("covid_chestxray", 3)):
        whole = made(name, tmp_path / name)[0]
        table = next(path for path in (tmp_path / name).rglob("*metadata.csv"))
        head, *rows = table_of(table)
        kept = [at for at, column in enumerate(head) if column in OF[name]]
        assert len(kept) == required
        put_table(table, [head[at] for at in kept], [[row[at] for at in kept] for row in rows])
        records, counts = read(name, tmp_path / name)
        assert [each.id for each in records] == [each.id for each in whole]
        assert counts.noted["data.column_absent"] >= 1


OF = {
    "ham10000": {"lesion_id", "image_id", "dx"},
    "covid_chestxray": {"patientid", "finding", "filename"},
}


def test_the_test_set_of_isic_is_read_in_both_of_its_forms_and_is_test(tmp_path):
    made("ham10000", tmp_path)
    folder = tmp_path / "ham"
    pictures = [f"ISIC_{8000000 + at:07d}" for at in range(7)]
    for name in pictures:
        put_picture(folder / "ISIC2018_Task3_Test_Images" / f"{name}.jpg")
        put_picture(folder / "masks" / f"{name}.png")
        put_picture(folder / "HAM10000_segmentations_lesion_tschandl" / f"{name}_segmentation.png")
    table = folder / "ISIC2018_Task3_Test_GroundTruth.csv"
    one = [[name, *(float(at == column) for column in range(7))] for at, name in enumerate(pictures)]
    put_table(table, ["image", *HAM_CODES], one)
    first, counts = read("ham10000", tmp_path)
    head = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset"]
    rows = [
        [f"HAMTEST_{at}", name, HAM_CODES[at].lower(), "histo", "50", "male", "back", "rosendahl"]
        for at, name in enumerate(pictures)
    ]
    put_table(table, head, rows)
    second, _ = read("ham10000", tmp_path)
    assert not counts.dropped
    for found in (first, second):
        tested = {each.id: each.facts[2].value for each in found if each.split == "test"}
        assert list(tested) == pictures
        assert json.loads(tested[pictures[0]]) == "melanoma"
        assert all(each.images[0].path.endswith(".jpg") for each in found)
    assert len(first) == len(second) == 21 + 7


def test_a_null_in_the_json_of_vqa_rad_is_no_answer(tmp_path):
    made("vqa_rad", tmp_path)
    table = next(tmp_path.rglob("*.json"))
    rows = json.loads(table.read_text())
    rows[0]["answer"] = None
    rows[1] |= {"question_type": None, "image_organ": None, "extra": [1]}
    rows[2]["answer"] = 3
    table.write_text(json.dumps(rows))
    records, _ = read("vqa_rad", tmp_path)
    said = {text.key: text.answer for record in records for text in record.texts}
    assert (said["q0"], said["q2"]) == ("", "3")
    assert records[0].anatomy


def test_official_test_folders_alone_become_a_test_set(tmp_path):
    root = tmp_path / "raw"
    write_sources(root, PICTURES)
    shutil.rmtree(next(root.rglob("Training")))
    shutil.rmtree(next(root.rglob("a. Training Set")))
    next(root.rglob("*Training Labels.csv")).unlink()
    for path in [*root.rglob("ImageSets/Main/train.txt"), *root.rglob("ImageSets/Main/val.txt")]:
        path.unlink()
    dataset = open_dataset(build(recipe(root, PICTURES, split={"force": "test"})))
    assert set(dataset.splits) == {"test"} <= set(SPLITS)
    assert {meta.source for meta in dataset.rows("test").index()} == set(PICTURES)
    assert "There is one split only" in (dataset.path / "index.html").read_text()
    counts = [source["counts"] for source in dataset.info["sources"].values()]
    assert all(each["kept"] and not each["dropped"] for each in counts)
