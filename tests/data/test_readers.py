"""Generic readers: LLaVA, ShareGPT, chat messages, tables, COCO captions and tar, as people have them."""

import base64
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError, MissingExtra
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.miniature import put_picture, put_text, tiny_picture
from doctorsun.data.sources import hf_messages
from tests.data.invented import GENERAL, READERS, recipe, write_sources


def read(name, root, **options):
    counts = Counts()
    return list(plugins.find(sources, name).records(root, counts, **options)), counts


def llava(root, *rows, name="train.json"):
    put_text(root / name, json.dumps(rows, ensure_ascii=False))
    for row in rows:
        image = row.get("image")
        for each in image if isinstance(image, list) else [image] if image else []:
            put_picture(root / each)
    return read("llava_json", root)


def turns(*said):
    return [{"from": ("human", "gpt")[at % 2], "value": words} for at, words in enumerate(said)]


def the_text(found):
    records, counts = found
    assert len(records) == 1, counts
    return records[0].texts[0]


@pytest.mark.parametrize(
    "value", ["<image>\nWhat is it?", "What is it?\n<image>", " <image> What is it? ", "What is it?<image>"]
)
def test_the_mark_of_the_image_may_stand_at_either_end(value, tmp_path):
    row = {"id": 7, "image": "a.png", "conversations": turns(value, "A blot.")}
    found = llava(tmp_path, row)
    assert the_text(found).question == "What is it?"
    assert len(found[0][0].images) == 1
    assert found[0][0].id == "7"


def test_a_row_without_an_image_is_a_talk_that_never_spoke_of_one(tmp_path):
    found = llava(tmp_path, {"conversations": turns("What is it?", "A word.", "And that?", "Another.")})
    text = the_text(found)
    assert (text.task, text.question, text.answer) == ("dialogue", "And that?", "Another.")
    assert [turn.text for turn in text.history] == ["What is it?", "A word."]
    assert not found[0][0].images


def test_a_row_whose_image_file_is_absent_is_counted_and_no_text_row(tmp_path):
    put_text(
        tmp_path / "a.json", json.dumps([{"image": "no.png", "conversations": turns("<image>\nx?", "y")}])
    )
    records, counts = read("llava_json", tmp_path)
    assert not records
    assert counts.dropped == {"data.image_absent": 1}
    assert counts.examples["data.image_absent"] == ["a.json/0"]


def test_an_image_inside_the_words_is_a_word(tmp_path):
    asked = "<image>\nWhat does the tag <image> mean in HTML?"
    text = the_text(llava(tmp_path, {"image": "a.png", "conversations": turns(asked, "Say <image> so.")}))
    assert text.question == "What does the tag <image> mean in HTML?"
    assert text.answer == "Say <image> so."


@pytest.mark.parametrize(
    ("image", "value"),
    [
        ("a.png", "<image>\n<image>\nWhich?"),
        (["a.png", "b.png"], "<image>\nWhich?"),
        (None, "<image>\nWhich?"),
        (["a.png", "b.png", "c.png"], "<image>\nWhich? <image>"),
    ],
)
def test_more_or_fewer_marks_than_images_are_counted(image, value, tmp_path):
    records, counts = llava(tmp_path, {"image": image, "conversations": turns(value, "That.")})
    assert not records
    assert counts.dropped == {"data.image_count": 1}


@pytest.mark.parametrize(
    ("image", "asked", "expected"),
    [
        (["a.png", "b.jpg"], "Is <image> worse than <image>?", "Is image 1 worse than image 2?"),
        (["a.png", "b.jpg"], "<image>\nIs this worse than <image>?", "Is this worse than image 2?"),
        ("a.png", "请看<image>，何处异常？", "请看图像，何处异常？"),
        (["a.png", "b.jpg"], "比较<image>与<image>的差异。", "比较图1与图2的差异。"),
    ],
)
def test_an_image_amid_the_words_is_named_where_the_marks_are_as_many_as_the_images(
    image, asked, expected, tmp_path
):
    records, counts = llava(tmp_path, {"image": image, "conversations": turns(asked, "That.")})
    assert records[0].texts[0].question == expected
    assert len(records[0].images) == (1 if isinstance(image, str) else 2)
    assert not counts.dropped + counts.noted


def test_marks_amid_the_words_that_are_not_as_many_as_the_images_are_counted(tmp_path):
    row = {"image": ["a.png", "b.jpg"], "conversations": turns("Is <image> normal?", "Yes.")}
    assert llava(tmp_path, row)[1].dropped == {"data.image_count": 1}


def test_pictures_of_later_turns_stand_first_and_are_noted(tmp_path):
    said = turns("<image>\nWhat?", "A word.", "<image>\nAnd this?", "Another.")
    records, counts = llava(tmp_path, {"image": ["a.png", "b.jpg"], "conversations": said})
    assert len(records[0].images) == 2
    assert counts.noted == {"data.image_of_later_turn": 1}


def test_several_images_are_a_list(tmp_path):
    row = {"image": ["a.png", "b.jpg"], "conversations": turns("<image>\n<image>\nWhich?", "The first.")}
    records, counts = llava(tmp_path, row)
    assert [picture.path for picture in records[0].images] == ["a.png", "b.jpg"]
    assert not counts.dropped


def test_an_image_without_a_mark_stands_first_and_is_noted(tmp_path):
    records, counts = llava(tmp_path, {"image": "a.png", "conversations": turns("Which?", "That.")})
    assert len(records[0].images) == 1
    assert counts.noted == {"data.image_unmarked": 1}


def test_an_opening_answer_and_a_last_question_are_taken_off_and_noted(tmp_path):
    said = [{"from": "gpt", "value": "Hello"}, *turns("<image>\nx?", "y", "z?")]
    found = llava(tmp_path, {"image": "a.png", "conversations": said})
    assert (the_text(found).question, the_text(found).answer) == ("x?", "y")
    assert found[1].noted == {"data.leading_answer": 1, "data.unanswered": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"conversations": []}, "bad_row"),
        ({"conversations": "x"}, "bad_row"),
        ({"conversations": [*turns("a", "b"), {"from": "gpt", "value": "c"}]}, "bad_turns"),
        ({"conversations": [{"from": "tool", "value": "c"}]}, "bad_turns"),
        ({"conversations": turns("only a question")}, "bad_turns"),
        ({"conversations": turns("a", None)}, "bad_row"),
        ({"conversations": turns("a", "", "b", "c")}, "bad_turns"),
        ({"conversations": turns("a", "b"), "video": "a.mp4"}, "no_picture_file"),
        ({"image": "../../etc/passwd", "conversations": turns("<image>\na", "b")}, "image_absent"),
        ({"image": "https://example.org/a.png", "conversations": turns("<image>\na", "b")}, "image_absent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_cannot_be_used_is_counted_by_its_reason(row, reason, tmp_path):
    put_text(
        tmp_path / "a.jsonl",
        "\n".join(json.dumps(each) for each in ({"conversations": turns("q", "a")}, row)),
    )
    records, counts = read("llava_json", tmp_path)
    assert len(records) == 1
    assert counts.dropped == {f"data.{reason}": 1}


def test_an_image_without_words_is_a_caption(tmp_path):
    text = the_text(llava(tmp_path, {"image": "a.png", "conversations": turns("<image>", "A blot.")}))
    assert (text.task, text.question) == ("caption", None)


@pytest.mark.parametrize(
    ("option", "question", "answer", "lang"),
    [
        ("auto", "CT 显示什么？", "右肺 nodule，大小 8mm", "zh"),
        ("auto", "What does 所见 mean?", "It means findings in a report.", "en"),
        ("zh", "What?", "结节", "zh"),
        ("en", "What?", "A nodule", "en"),
    ],
)
def test_the_language_is_told_or_found(option, question, answer, lang, tmp_path):
    put_text(tmp_path / "a.json", json.dumps([{"conversations": turns(question, answer)}]))
    assert the_text(read("llava_json", tmp_path, lang=option)).lang == lang


def test_an_option_with_a_value_it_cannot_have_says_which_it_can():
    with pytest.raises(ConfigError, match="auto, zh, en"):
        read("llava_json", Path(), lang="fr")


def test_rows_of_one_picture_or_one_patient_are_one_group_and_ids_are_once(tmp_path):
    rows = [
        {"id": "x", "image": "a.png", "conversations": turns(f"<image>\nq{at}?", "a"), "patient": at // 2}
        for at in range(3)
    ]
    records, _ = llava(tmp_path, *rows)
    assert [record.id for record in records] == ["x", "x#2", "x#3"]
    assert {record.group for record in records} == {"a.png"}
    assert [record.group for record in read("llava_json", tmp_path, group="patient")[0]] == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("name", "split"), [("test.json", "test"), ("my_val.json", "validation"), ("testimony.json", None)]
)
def test_a_file_named_as_held_out_is_held_out(name, split, tmp_path):
    records, _ = llava(tmp_path, {"conversations": turns("q", "a")}, name=name)
    assert records[0].split == split


def test_a_picture_may_stand_in_the_row_itself(tmp_path):
    inline = "data:image/png;base64," + base64.b64encode(tiny_picture("a", kind="PNG")).decode()
    row = {"image": inline, "conversations": turns("<image>\nq", "a")}
    put_text(tmp_path / "a.json", json.dumps([row]))
    records, counts = read("llava_json", tmp_path)
    assert records[0].images[0].bytes == tiny_picture("a", kind="PNG")
    put_text(
        tmp_path / "a.json", json.dumps([{"image": inline + "!", "conversations": turns("<image>\nq", "a")}])
    )
    assert read("llava_json", tmp_path)[1].dropped == {"data.image_absent": 1}
    assert not counts.dropped


def test_dataset_info_says_which_files_columns_and_names_are_meant(tmp_path):
    put_picture(tmp_path / "pics" / "a.png")
    talk = [{"who": "me", "words": "<image>何处？"}, {"who": "it", "words": "右侧。"}]
    row = {"talk": talk, "pics": ["pics/a.png"], "sys": "You are brief."}
    put_text(tmp_path / "one.json", json.dumps([row]))
    pairs = [["q1", "a1"]]
    alpaca = {"instruction": "q2", "input": "more", "output": "a2", "history": pairs}
    put_text(tmp_path / "two.jsonl", json.dumps(alpaca) + "\n")
    put_text(tmp_path / "other.json", json.dumps([{"conversations": turns("not", "read")}]))
    tags = {"role_tag": "who", "content_tag": "words", "user_tag": "me", "assistant_tag": "it"}
    columns = {"messages": "talk", "images": "pics", "system": "sys"}
    info = {
        "one": {"file_name": "one.json", "formatting": "sharegpt", "columns": columns, "tags": tags},
        "two": {"file_name": "two.jsonl", "columns": {"history": "history"}},
        "far": {"hf_hub_url": "someone/something"},
        "out": {"file_name": "../secret.json"},
    }
    put_text(tmp_path / "dataset_info.json", json.dumps(info))
    records, counts = read("sharegpt", tmp_path)
    one, two = (record.texts[0] for record in records)
    assert (one.question, one.answer, one.lang) == ("何处？", "右侧。", "zh")
    assert [(turn.role, turn.text) for turn in one.history] == [("system", "You are brief.")]
    assert (two.question, two.answer) == ("q2\nmore", "a2")
    assert [turn.text for turn in two.history] == ["q1", "a1"]
    assert counts.noted == {"data.entry_skipped": 2}
    assert len(read("sharegpt", tmp_path, dataset="two")[0]) == 1
    with pytest.raises(DataError, match="three"):
        read("sharegpt", tmp_path, dataset="three")


def test_pictures_stand_in_the_question_and_not_in_the_system_turn(tmp_path):
    put_picture(tmp_path / "raw" / "a.png")
    rows = [
        {
            "system": "Be brief.",
            "image": "a.png",
            "conversations": turns("<image>\nWhich shape is it?", "A round blot."),
        }
    ]
    put_text(tmp_path / "raw" / "a.json", json.dumps(rows))
    mine = {"reader": "llava_json", "path": ".", "licence": "CC0-1.0"}
    whole = recipe(tmp_path / "raw", [], sources={"mine": mine}, split={"test": 0, "validation": 0})
    (sample,) = open_dataset(build(whole)).rows("train")
    assert [part.type for turn in sample.messages for part in turn.content] == [
        "text",
        "image",
        "text",
        "text",
    ]
    assert sample.messages[1].role == "user"


def chat(*texts, image=True):
    parts = [{"type": "image"}] if image else []
    roles = ("user", "assistant")
    said = [[*(parts if at == 0 else []), {"type": "text", "text": text}] for at, text in enumerate(texts)]
    return [{"role": roles[at % 2], "content": content} for at, content in enumerate(said)]


def test_chat_messages_of_parquet_have_their_pictures_in_their_cells(tmp_path):
    put_picture(tmp_path / "pics" / "b.png")
    cells = [{"bytes": tiny_picture("a"), "path": None}, {"bytes": None, "path": "pics/b.png"}]
    rows = [{"messages": chat("q?", "a."), "images": [cell]} for cell in cells]
    (tmp_path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "test-00000-of-00001.parquet")
    records, counts = read("hf_messages", tmp_path)
    assert [len(record.images) for record in records] == [1, 1]
    assert records[0].images[0].bytes == tiny_picture("a")
    assert {record.split for record in records} == {"test"}
    assert not counts.dropped and not counts.noted


def test_a_prompt_and_its_completion_are_one_conversation(tmp_path):
    prompt, completion = chat("q?", "a.", image=False)
    put_text(tmp_path / "a.jsonl", json.dumps({"prompt": [prompt], "completion": [completion]}))
    assert the_text(read("hf_messages", tmp_path)).answer == "a."


def test_a_hub_is_asked_only_when_the_recipe_names_one(tmp_path, monkeypatch):
    asked = []

    def snapshot(name, **said):
        asked.append((name, said["revision"], said["repo_type"]))
        hf_messages.example(tmp_path / "fetched")
        return str(tmp_path / "fetched")

    hf_messages.example(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    read("hf_messages", tmp_path)
    assert not asked
    with pytest.raises(ConfigError, match="revision"):
        read("hf_messages", tmp_path, hub="someone/something")
    records, _ = read("hf_messages", tmp_path, hub="someone/something", revision="abc")
    assert asked == [("someone/something", "abc", "dataset")]
    assert len(records) == 5


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path, monkeypatch):
    def snapshot(name, **said):
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(DataError, match="--online"):
        read("hf_messages", tmp_path, hub="someone/something", revision="abc")


def test_without_the_library_of_the_hub_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"doctorsun\[hub\]"):
        read("hf_messages", tmp_path, hub="someone/something", revision="abc")


@pytest.mark.parametrize("name", READERS)
def test_a_recipe_names_a_reader_its_folder_and_its_licence(name, tmp_path):
    plugins.find(sources, name).example(tmp_path / "raw" / "mine")
    mine = {"reader": name, "path": "mine", "licence": "CC-BY-4.0", "general": True, "title": "Mine"}
    dataset = open_dataset(build(recipe(tmp_path / "raw", [], sources={"mine": mine})))
    samples = [sample for part in dataset.splits for sample in dataset.rows(part)]
    assert {sample.source for sample in samples} == {"mine"}
    assert {sample.licence for sample in samples} == {"CC-BY-4.0"}
    assert all(len(sample.images) == 1 for sample in samples)
    assert dataset.info["sources"]["mine"]["card"]["title"] == "Mine"
    assert not dataset.info["sources"]["mine"]["counts"]["dropped"]


def test_the_general_sources_become_general_rows_with_their_pictures(tmp_path):
    write_sources(tmp_path / "raw", GENERAL)
    wanted = {name: {"accept": ("GPL-3.0", "CC-BY-NC")} for name in GENERAL}
    dataset = open_dataset(build(recipe(tmp_path / "raw", [], sources=wanted)))
    metas = [meta for part in dataset.splits for meta in dataset.rows(part).index()]
    assert {meta.source for meta in metas} == set(GENERAL)
    assert all(meta.general for meta in metas)
    samples = [sample for part in dataset.splits for sample in dataset.rows(part)]
    assert {sample.lang for sample in samples if sample.source == "belle"} == {"zh"}
    assert {len(sample.images) for sample in samples if sample.source == "bunny"} == {0, 1}
    assert {sample.origin for sample in samples} == {"synthetic"}
