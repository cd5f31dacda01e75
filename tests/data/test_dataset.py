"""A data set on disk: read back equal, with little memory, by others' tools too, and never damaged unseen."""

import json
import os
import shutil

import pytest

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Fact, Message, Part, Picture, Sample
from doctorsun.data.audit import audit
from doctorsun.data.dataset import Rows, open_dataset
from doctorsun.data.inspection import write_page
from doctorsun.data.miniature import tiny_picture
from doctorsun.data.shards import Row, sha256, write_shard

BIG = tiny_picture("big", size=(400, 300), kind="PNG")


def sample(at, picture=BIG):
    return Sample(
        id=f"x/{at}/en",
        images=(Picture(picture, "x.png"),),
        messages=(
            Message("user", (Part("image"), Part("text", f"Question {at}? <image>"))),
            Message("assistant", (Part("text", "左肺 nodule"),)),
        ),
        lang="en",
        task="vqa",
        source="x",
        licence="MIT",
        origin="template",
        kind="choice",
        choices=("a", "b"),
        facts=(Fact("nodule", status="present", box_xyxy=(0.1, 0.2, 0.3, 0.4), size_mm=3.5),),
    )


def rows_of(samples):
    for each in samples:
        digest = sha256(each.images[0].bytes)
        yield Row(each, "yes", "x/nodule/yesno", False, (digest,), (digest,))


def test_samples_come_back_equal(tmp_path):
    samples = [sample(at) for at in range(5)]
    write_shard(tmp_path / "a.parquet", rows_of(samples))
    assert list(Rows((tmp_path / "a.parquet",), "train")) == samples


def test_a_picture_of_many_questions_is_stored_once(tmp_path):
    others = [tiny_picture(str(at), size=(300, 200), kind="PNG") for at in range(10)]
    write_shard(tmp_path / "a.parquet", rows_of(sample(at, others[at // 20]) for at in range(200)))
    unique = sum(map(len, others))
    assert (tmp_path / "a.parquet").stat().st_size < 1.1 * unique + 20_000


def test_equal_pictures_are_one_object_in_memory(tmp_path):
    write_shard(tmp_path / "a.parquet", rows_of(sample(at) for at in range(20)))
    assert len({id(each.images[0]) for each in Rows((tmp_path / "a.parquet",), "train")}) == 1


def test_rows_can_be_taken_in_any_order_with_little_memory(built):
    rows = built.rows("train")
    everything = list(rows)
    order = list(range(len(rows)))[::-7]
    assert list(rows.take(order)) == [everything[at] for at in order]
    assert list(rows.take(order, memory_mib=0)) == [everything[at] for at in order]
    assert len(rows) == len(everything)


def test_the_index_says_what_the_samples_say(built):
    rows = built.rows("train")
    for meta, each in zip(rows.index(), rows, strict=True):
        assert (meta.id, meta.lang, meta.task, meta.kind, meta.source) == (
            each.id,
            each.lang,
            each.task,
            each.kind,
            each.source,
        )
        assert meta.picture == (sha256(each.images[0].bytes) if each.images else None)
    assert [meta.row for meta in rows.index()] == list(range(len(rows)))


def test_words_come_without_pictures_and_pictures_come_once(built):
    rows = built.rows("test")
    words = list(rows.words())
    assert [each.id for each, _ in words] == [each.id for each in rows]
    assert all(picture.bytes == b"" for each, _ in words for picture in each.images)
    pictures = dict(rows.pictures())
    assert {name for _, names in words for name in names} == set(pictures)
    assert all(sha256(picture.bytes) == name for name, picture in pictures.items())


def test_questions_of_one_picture_stand_together(built):
    names = [meta.picture for meta in built.rows("train").index() if meta.source == "busi"]
    changes = sum(one != two for one, two in zip(names, names[1:], strict=False))
    assert changes == len(set(names)) - 1


def test_a_split_that_is_not_there_is_empty(built):
    assert len(built.rows("nothing")) == 0
    assert list(built.rows("nothing")) == []
    assert built.rows("nothing").index() == []


def test_hugging_face_datasets_reads_it_with_pictures(built, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(built.path), cache_dir=str(tmp_path))
    assert set(loaded) == set(built.splits)
    assert len(loaded["train"]) == len(built.rows("train"))
    first = next(row for row in loaded["train"] if row["images"])
    assert first["images"][0].size[0] > 8
    assert first["messages"][0]["content"][0]["type"] == "image"


def test_croissant_is_valid(built):
    mlcroissant = pytest.importorskip("mlcroissant")
    found = mlcroissant.Dataset(jsonld=built.path / "croissant.json")
    assert not found.metadata.ctx.issues.errors
    assert found.metadata.name == "invented"


def test_a_good_data_set_verifies(built):
    built.verify()


@pytest.mark.parametrize("at", range(8))
def test_one_flipped_bit_is_found(built, tmp_path, at):
    folder = tmp_path / "copy"
    shutil.copytree(built.path, folder)
    files = sorted(open_dataset(folder).info["files"])
    file = folder / files[at * len(files) // 8]
    raw = bytearray(file.read_bytes())
    raw[len(raw) * at // 8] ^= 1 << (at % 8)
    file.write_bytes(raw)
    with pytest.raises(DataError, match=file.name):
        open_dataset(folder).verify()


def test_a_missing_shard_is_named(built, tmp_path):
    shutil.copytree(built.path, tmp_path / "copy")
    next((tmp_path / "copy" / "data").iterdir()).unlink()
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / "copy").verify()
    assert caught.value.key == "data.file_missing"


def test_a_changed_description_is_found(built, tmp_path):
    shutil.copytree(built.path, tmp_path / "copy")
    file = tmp_path / "copy" / "dataset.json"
    tree = json.loads(file.read_text())
    tree["licence"] = "MIT"
    file.write_text(json.dumps(tree))
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / "copy").verify()
    assert caught.value.key == "data.file_changed"


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"name": "x"}'])
def test_a_folder_that_is_no_data_set_says_so(tmp_path, content):
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        open_dataset(tmp_path / "nowhere")


def test_planted_leaks_are_refused(built, tmp_path):
    shutil.copytree(built.path, tmp_path / "copy")
    folder = tmp_path / "copy" / "data"
    train, test = (sorted(folder.glob(f"{part}-*"))[2] for part in ("train", "test"))
    shutil.copy(train, test)
    (tmp_path / "copy" / "dataset.json").unlink()
    shutil.copy(built.path / "dataset.json", tmp_path / "copy")
    with pytest.raises(DataError):
        audit(tmp_path / "copy")


def test_the_page_asks_no_server_and_shows_both_languages(built, tmp_path):
    page = write_page(built.path, tmp_path / "page.html").read_text()
    assert page == (built.path / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "").split('<section id="s-samples"')[0]
    assert 'src="http' not in page
    assert "data:image/" in page
    assert "未采用" in page
    assert "Left out" in page


def test_the_card_is_in_both_languages_and_names_each_source(built):
    card = (built.path / "README.md").read_text()
    assert "Strictest licence inside: unknown" in card
    assert "其中最严格的许可证：unknown" in card
    for source in built.info["sources"].values():
        assert source["card"]["citation"] in card


def test_nothing_of_the_machine_stands_in_the_description(built):
    text = (built.path / "dataset.json").read_text()
    assert os.sep + "tmp" not in text
    assert "out" not in built.info["recipe"]
