"""Generic readers of tables, COCO captions and tar files with folders of pictures."""

import io
import json
import tarfile

import pytest
from openpyxl import Workbook

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.export import export
from doctorsun.data.miniature import put_picture, put_table, tiny_picture
from tests.data.invented import recipe, write_sources


def read(name, root, **options):
    counts = Counts()
    return list(plugins.find(sources, name).records(root, counts, **options)), counts


def test_a_table_gives_captions_questions_labels_patients_and_splits(tmp_path):
    for at in range(3):
        put_picture(tmp_path / "pics" / f"{at}.png")
    book = Workbook()
    book.active.append(["文件", "问题", "回答", "肺炎", "dx", "病人", "set"])
    for row in (
        ["0.png", "有结节吗？", "有", 1, "melanoma", "p1", "train"],
        ["0.png", "在哪里？", "右肺上叶", 1, "melanoma", "p1", "train"],
        ["1.png", "有结节吗？", "无", 0, None, "p2", "test"],
        ["2.png", "有结节吗？", "无", "强阳", None, "p3", "train"],
        ["3.png", "有结节吗？", "无", 0, None, "p3", "train"],
    ):
        book.active.append(row)
    book.save(tmp_path / "rows.xlsx")
    columns = {"image": "文件", "question": "问题", "text": "回答", "group": "病人", "split": "set"}
    options = {f"{name}_column": column for name, column in columns.items()}
    records, counts = read(
        "table_images", tmp_path, label_columns="肺炎, dx=skin_diagnosis", images="pics", **options
    )
    assert [(record.group, record.split, len(record.texts)) for record in records] == [
        ("p1", None, 2),
        ("p2", "test", 1),
    ]
    assert [(fact.name, fact.status, fact.value) for fact in records[0].facts] == [
        ("pneumonia", "present", None),
        ("skin_diagnosis", None, '"melanoma"'),
    ]
    assert [fact.status for fact in records[1].facts] == ["absent"]
    assert counts.dropped == {"data.unknown_label": 1, "data.image_absent": 1}


def test_a_label_that_the_glossary_has_not_says_the_near_one(tmp_path):
    put_table(tmp_path / "a.csv", ["image", "x"], [["a.png", 1]])
    with pytest.raises(ConfigError, match="pneumonia"):
        read("table_images", tmp_path, text_column="", label_columns="x=pneumonai")


def test_reports_in_a_table_are_reports(tmp_path):
    put_picture(tmp_path / "images" / "a.jpg")
    put_table(tmp_path / "a.csv", ["image", "text"], [["a", "Findings: a round nodule."]])
    text = read("table_images", tmp_path, task="report")[0][0].texts[0]
    assert (text.task, text.kind) == ("report", "report")
    with pytest.raises(ConfigError, match="caption, report"):
        read("table_images", tmp_path, task="poem")


def test_a_table_without_the_column_says_which_there_are(tmp_path):
    put_table(tmp_path / "a.csv", ["picture", "text"], [["a.png", "words"]])
    records, counts = read("table_images", tmp_path)
    assert not records
    assert counts.dropped == {"data.missing_column": 1}


def test_captions_of_coco_belong_to_their_pictures(tmp_path):
    plugins.find(sources, "coco_captions").example(tmp_path)
    file = next(tmp_path.rglob("*.json"))
    tree = json.loads(file.read_text())
    tree["images"].append({"id": 99, "file_name": "none.jpg"})
    tree["images"].append({"id": 98})
    tree["annotations"] += [{"image_id": 97, "caption": "x"}, {"image_id": 0}, "x"]
    file.write_text(json.dumps(tree))
    records, counts = read("coco_captions", tmp_path)
    assert [len(record.texts) for record in records] == [2, 2, 2, 2]
    assert {text.lang for record in records for text in record.texts} == {"zh", "en"}
    assert counts.dropped == {"data.image_absent": 2, "data.bad_row": 3}


def test_a_tar_keeps_the_order_of_several_pictures_and_counts_links(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:

        def add(name, raw, kind=tarfile.REGTYPE):
            about = tarfile.TarInfo(name)
            about.size, about.type, about.linkname = len(raw), kind, "etc"
            tar.addfile(about, io.BytesIO(raw))

        add("./x/1.2.png", tiny_picture("2", kind="PNG"))
        add("./x/1.10.png", tiny_picture("10", kind="PNG"))
        talk = [{"role": "user", "content": "<image><image>q"}, {"role": "assistant", "content": "a"}]
        add("./x/1.json", json.dumps({"messages": talk}).encode())
        add("./x/2.jpg", b"", tarfile.SYMTYPE)
        add("../3.jpg", tiny_picture("3"))
        add("x/4.jpg", tiny_picture("4"))
    records, counts = read("webdataset", tmp_path)
    assert [picture.path for picture in records[0].images] == ["1.2.png", "1.10.png"]
    assert len(records) == 1
    assert counts.dropped == {"data.tar_link": 1, "data.tar_outside": 1, "data.nothing_known": 1}


FORMATS = {
    "llava": "llava_json",
    "sharegpt": "sharegpt",
    "swift": "sharegpt",
    "trl": "hf_messages",
    "webdataset": "webdataset",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small data set with and without pictures, of one turn and of several, in both languages."""
    root = tmp_path_factory.mktemp("small")
    names = ["vqa_rad", "huatuo_zh", "llava_instruct"]
    write_sources(root / "raw", names)
    return open_dataset(build(recipe(root / "raw", names)))


@pytest.mark.parametrize("exported", FORMATS)
def test_what_is_exported_is_read_back_by_the_reader_of_its_format(exported, small, tmp_path):
    export(small.path, exported, tmp_path / "out")
    records, counts = read(FORMATS[exported], tmp_path / "out")
    samples = {sample.id: sample for part in small.splits for sample in small.rows(part)}
    assert {record.id for record in records} == set(samples)
    assert not counts.dropped and not counts.noted
    for record in records:
        sample, text = samples[record.id], record.texts[0]
        *before, asked, answered = [turn.text.strip() for turn in sample.messages]
        assert [turn.text for turn in text.history] == before
        assert (text.question, text.answer, text.lang) == (asked, answered, sample.lang)
        assert [picture.bytes for picture in record.images] == [picture.bytes for picture in sample.images]
        assert (record.licence, text.origin) == (sample.licence, sample.origin)
        assert (record.split == "test") == (sample.split == "test")


def test_a_picture_with_one_row_of_the_test_is_not_trained_on(tmp_path):
    put_picture(tmp_path / "a.png")
    rows = [("a.png", "Round.", "What shape?", "train"), ("a.png", "Bright.", "How bright?", "test")]
    put_table(tmp_path / "rows.csv", ("image", "text", "question", "split"), rows)
    (record,), _ = read("table_images", tmp_path, question_column="question", split_column="split")
    assert record.split == "test"
