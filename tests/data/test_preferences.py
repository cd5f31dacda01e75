"""Preference pairs: every layout that people have is read, kept by builds and exports, and counted."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import RecordError
from doctorsun.core.schema import sample_from_row
from doctorsun.data import sources
from doctorsun.data.build import build
from doctorsun.data.counts import Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.examination import examined
from doctorsun.data.export import export
from doctorsun.data.miniature import put_picture, put_text, tiny_picture
from doctorsun.data.shards import schema
from doctorsun.data.translation.passing import passed
from tests.data.invented import recipe
from tests.data.published import publish, talk, turn

LAYOUTS = {
    "llama_factory": {
        "conversations": [{"from": "human", "value": "<image>\nWhich?"}],
        "chosen": {"from": "gpt", "value": "This."},
        "rejected": {"from": "gpt", "value": "That."},
        "images": ["a.png"],
    },
    "llama_factory_alpaca": {"instruction": "Which", "input": "one?", "chosen": "This.", "rejected": "That."},
    "trl_turns": {
        "prompt": [{"role": "user", "content": "Which?"}],
        "chosen": [{"role": "assistant", "content": "This."}],
        "rejected": [{"role": "assistant", "content": "That."}],
    },
    "trl_parts": {
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which?"}]}],
        "chosen": [{"role": "assistant", "content": [{"type": "text", "text": "This."}]}],
        "rejected": [{"role": "assistant", "content": [{"type": "text", "text": "That."}]}],
        "images": ["a.png"],
    },
    "trl_texts": {"prompt": "Which?", "chosen": "This.", "rejected": "That."},
    "prompt_in_both": {
        "chosen": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "This."}],
        "rejected": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "That."}],
    },
    "prompt_told_thrice": {
        "prompt": "Which?",
        "chosen": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "This."}],
        "rejected": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "That."}],
    },
    "swift": {
        "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "This."}],
        "rejected_response": "That.",
    },
    "swift_turns": {
        "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "This."}],
        "rejected_messages": [
            {"role": "user", "content": "Which?"},
            {"role": "assistant", "content": "That."},
        ],
    },
}


def read(name: str, folder: Path, *rows: dict, **options: str):
    put_picture(folder / "a.png")
    put_text(folder / "a.json", json.dumps(rows, ensure_ascii=False))
    counts = Counts()
    return list(plugins.find(sources, name).records(folder, counts, **options)), counts


@pytest.mark.parametrize("name", ["preference_pairs", "sharegpt", "hf_messages"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_question_and_both_answers(name, layout, tmp_path):
    records, counts = read(name, tmp_path, LAYOUTS[layout])
    (record,) = records
    (text,) = record.texts
    asked = "Which\none?" if layout == "llama_factory_alpaca" else "Which?"
    assert (text.question, text.answer, text.rejected) == (asked, "This.", "That.")
    assert len(record.images) == ("images" in LAYOUTS[layout])
    assert not counts.dropped + counts.noted


def test_earlier_turns_of_a_pair_stay_its_history(tmp_path):
    earlier = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "One."}]
    row = LAYOUTS["trl_turns"] | {"prompt": [*earlier, {"role": "user", "content": "Which?"}]}
    records, _ = read("preference_pairs", tmp_path, row)
    (text,) = records[0].texts
    assert [each.text for each in text.history] == ["One?", "One."]
    assert (text.task, text.rejected) == ("dialogue", "That.")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rejected": "This. "}, "bad_pair"),
        ({"rejected": " "}, "bad_pair"),
        ({"rejected": [{"role": "user", "content": "That."}]}, "bad_pair"),
        ({"rejected": [{"role": "assistant", "content": "That."}] * 2}, "bad_pair"),
        ({"prompt": None}, "bad_turns"),
        ({"rejected": None}, "no_pair"),
    ],
    ids=["equal", "empty", "a question", "two turns", "no prompt", "none"],
)
def test_a_row_that_is_no_pair_is_counted(change, reason, tmp_path):
    records, counts = read("preference_pairs", tmp_path, LAYOUTS["trl_texts"] | change)
    assert not records
    assert counts.dropped == {f"data.{reason}": 1}


def test_a_column_of_that_name_with_something_else_is_no_pair(tmp_path):
    row = {"messages": LAYOUTS["swift"]["messages"], "rejected": False}
    (record,), _ = read("hf_messages", tmp_path, row)
    assert record.texts[0].rejected is None


def test_columns_and_tags_of_a_ranking_are_obeyed(tmp_path):
    said = {"who": "me", "what": "Which?"}
    row = {"talk": [said], "good": {"who": "you", "what": "This."}, "bad": {"who": "you", "what": "That."}}
    put_text(tmp_path / "mine.json", json.dumps([row]))
    tags = {"role_tag": "who", "content_tag": "what", "user_tag": "me", "assistant_tag": "you"}
    columns = {"messages": "talk", "chosen": "good", "rejected": "bad"}
    info = {"mine": {"file_name": "mine.json", "formatting": "sharegpt", "ranking": True, "columns": columns}}
    info["mine"]["tags"] = tags
    other = {"instruct": "Which", "yes": "This.", "no": "That."}
    put_text(tmp_path / "other.json", json.dumps([other]))
    columns = {"prompt": "instruct", "chosen": "yes", "rejected": "no"}
    info["other"] = {"file_name": "other.json", "ranking": True, "columns": columns}
    put_text(tmp_path / "dataset_info.json", json.dumps(info))
    found = list(plugins.find(sources, "sharegpt").records(tmp_path, Counts()))
    assert [(each.texts[0].answer, each.texts[0].rejected) for each in found] == [("This.", "That.")] * 2
    assert [each.texts[0].question for each in found] == ["Which?", "Which"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    names = ["preference_pairs"]
    plugins.find(sources, names[0]).example(folder / "raw" / "mine")
    swift = [
        {
            "messages": [
                {"role": "user", "content": f"What is said of the invented matter {at}?"},
                {"role": "assistant", "content": f"That matter {at} was invented."},
            ],
            "rejected_response": f"Nothing is known of {at}.",
            "split": "test" if at == 0 else "train",
        }
        for at in range(2)
    ]
    put_text(folder / "raw" / "mine" / "swift.json", json.dumps(swift))
    mine = {"reader": names[0], "path": "mine", "licence": "CC-BY-4.0"}
    plain = {"reader": "hf_messages", "path": "plain", "licence": "MIT"}
    plugins.find(sources, "hf_messages").example(folder / "raw" / "plain")
    config = recipe(folder / "raw", [], sources={"mine": mine, "plain": plain})
    return open_dataset(build(config))


def test_a_build_keeps_pairs_counts_them_and_holds_out_what_a_benchmark_tests(made):
    rows = [sample for part in made.splits for sample in made.rows(part)]
    pairs = [sample for sample in rows if sample.rejected is not None]
    assert len(pairs) == 8 and len(rows) > 8
    metas = [meta for part in made.splits for meta in made.rows(part).index()]
    assert [meta.paired for meta in metas] == [sample.rejected is not None for sample in rows]
    assert sum(tally.get("pairs", 0) for tally in made.info["splits"].values()) == 8
    card = (made.path / "README.md").read_text("utf-8")
    assert "Preference pairs: 8 samples" in card and "偏好对：8 个样本" in card
    held = [sample.split for sample in pairs if "invented matter 0" in sample.messages[0].text]
    assert held == ["test"]
    assert not examined(made.path).faults


def test_a_data_set_of_before_opens_and_is_whole(tmp_path):
    dataset = publish(tmp_path / "set", [talk(0, (turn("user", "a?"), turn("assistant", "b")))])
    file = dataset.path / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(file).drop_columns(["rejected"])
    old = schema(without=["rejected"])
    pq.write_table(pa.Table.from_batches(table.cast(old).to_batches(), schema=old), file)
    rows = dataset.rows("train")
    assert [sample.rejected for sample in rows] == [None]
    assert [sample.rejected for sample, _ in rows.words()] == [None]
    assert [meta.paired for meta in rows.index()] == [False]
    assert [str(f) for f in examined(dataset.path).faults if "columns" in f.key] == []


@pytest.mark.parametrize(("changed", "said"), [("", "empty"), ("b", "answer itself")], ids=["empty", "equal"])
def test_a_rejected_answer_must_say_something_else(changed, said):
    sample = talk(0, (turn("user", "a?"), turn("assistant", "b")))
    with pytest.raises(RecordError, match=said):
        replace(sample, rejected=changed)
    assert sample_from_row({**vars_of(sample), "rejected": "c"}).rejected == "c"


def vars_of(sample):
    return {name: getattr(sample, name) for name in sample.__dataclass_fields__}


READERS = {"sharegpt": "sharegpt", "swift": "sharegpt", "trl": "hf_messages", "webdataset": "webdataset"}


@pytest.mark.parametrize("to", READERS)
def test_pairs_come_back_from_an_export(to, tmp_path):
    picture = tiny_picture("pair", kind="PNG")
    samples = [
        talk(0, (turn("user", None, "a?"), turn("assistant", "b")), (picture,), rejected="Never <image> c"),
        talk(1, (turn("user", "a?"), turn("assistant", "b")), rejected="c"),
        talk(2, (turn("user", "a?"), turn("assistant", "b"))),
    ]
    dataset = publish(tmp_path / "set", samples)
    outlet = export(dataset.path, to, tmp_path / "out")
    assert not outlet.counts.dropped and outlet.rows == {"train": 3}
    counts = Counts()
    records = list(plugins.find(sources, READERS[to]).records(tmp_path / "out", counts))
    assert not counts.dropped + counts.noted
    told = {record.id: (record.texts[0].answer, record.texts[0].rejected) for record in records}
    assert told == {sample.id: ("b", sample.rejected) for sample in samples}


def test_a_format_without_a_place_for_it_counts_the_worse_answer(tmp_path):
    pair = talk(1, (turn("user", "a?"), turn("assistant", "b")), rejected="c")
    outlet = export(publish(tmp_path / "set", [pair]).path, "llava", tmp_path / "out")
    assert outlet.counts.dropped == {"data.no_place_for_pair": 1}
    assert outlet.rows == {"train": 1}
    assert "- 1: the format has no place for the worse answer" in (tmp_path / "out/README.md").read_text()


def test_a_translation_is_of_the_answer_alone(made):
    record = next(plugins.find(sources, "hf_messages").records(made.path.parent / "raw" / "plain", Counts()))
    text = replace(record.texts[0], rejected="Another.")
    assert passed(text, lambda words: f"<{words}>").rejected is None
