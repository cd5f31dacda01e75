"""Exports: what other toolkits read is what was built, whatever was typed."""

import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.core.schema import Message, Part
from doctorsun.data import exports
from doctorsun.data.dataset import open_dataset
from doctorsun.data.export import PROVENANCE, ending, export
from doctorsun.data.markers import escape, marked, unescape, unmarked
from doctorsun.data.miniature import tiny_picture
from tests.data.published import publish, talk, turn

FORMATS = plugins.names(exports)
ROLES = {"human": "user", "gpt": "assistant"}
PICTURES = [tiny_picture(f"{at}", kind=kind) for at, kind in enumerate(["PNG", "JPEG", "PNG"])]
WORDS = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        ["<image>", "< image>", "<  video>", "\n<image>\n", "<<image>>", "\u2028左肺", "\r\n", "<ima"]
    ),
)
TEXT = st.lists(WORDS, min_size=1, max_size=4).map("".join).filter(lambda text: text.strip())


@st.composite
def talks(draw):
    """Turns of users and answers, with images anywhere in the users' turns."""
    asked = st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=4)
    turns = []
    if draw(st.booleans()):
        turns.append(turn("system", draw(TEXT)))
    for _ in range(draw(st.integers(1, 3))):
        turns += [turn("user", *draw(asked)), turn("assistant", draw(TEXT))]
    places = sum(part.type == "image" for message in turns for part in message.content)
    pictures = draw(st.lists(st.sampled_from(PICTURES), min_size=places, max_size=places))
    return tuple(turns), tuple(pictures)


def joined(message: Message) -> Message:
    """The turn with texts that touch as one."""
    parts: list[Part] = []
    for part in message.content:
        if part.type == "text" and parts and parts[-1].type == "text":
            parts[-1] = Part("text", parts[-1].text + part.text)
        else:
            parts.append(part)
    return Message(message.role, tuple(parts))


def said(sample) -> tuple:
    """What must come back of a sample."""
    known = tuple(getattr(sample, name) for name in PROVENANCE)
    return known, tuple(map(joined, sample.messages)), tuple(picture.bytes for picture in sample.images)


def parts_of(content, *, escaped=True) -> tuple[Part, ...]:
    undo = unescape if escaped else str
    return tuple(Part("image") if p["type"] == "image" else Part("text", undo(p["text"])) for p in content)


def named(row, folder, names):
    return tuple(row[name] for name in PROVENANCE), tuple((folder / name).read_bytes() for name in names)


def read_llava(folder, part="train"):
    for row in json.loads((folder / f"{part}.json").read_text("utf-8")):
        names = row.get("image", [])
        known, pictures = named(row, folder, [names] if isinstance(names, str) else names)
        turns, system = [dict(each) for each in row["conversations"]], row.get("system")
        lead = []
        if system is not None:
            lead = [turn("system", system)]
            turns[0]["value"] = turns[0]["value"].removeprefix(f"{escape(system)}\n\n")
        yield known, (*lead, *(Message(ROLES[t["from"]], unmarked(t["value"])) for t in turns)), pictures


def read_sharegpt(folder, part="train"):
    told = json.loads((folder / "dataset_info.json").read_text("utf-8"))[f"made_{part}"]
    columns, tags = told["columns"], told["tags"]
    roles = {tags["user_tag"]: "user", tags["assistant_tag"]: "assistant"}
    for row in json.loads((folder / told["file_name"]).read_text("utf-8")):
        known, pictures = named(row, folder, row[columns["images"]])
        system = row[columns["system"]]
        lead = [turn("system", unescape(system))] if system else []
        turns = [
            Message(roles[t[tags["role_tag"]]], unmarked(t[tags["content_tag"]]))
            for t in row[columns["messages"]]
        ]
        yield known, (*lead, *turns), pictures


def read_swift(folder, part="train"):
    for line in (folder / f"{part}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        known, pictures = named(row, folder, row["images"])
        yield known, tuple(Message(m["role"], unmarked(m["content"])) for m in row["messages"]), pictures


def read_trl(folder, part="train"):
    for row in pq.read_table(folder / "data" / f"{part}-00000-of-00001.parquet").to_pylist():
        turns = tuple(Message(m["role"], parts_of(m["content"])) for m in row["messages"])
        pictures = tuple(image["bytes"] for image in row["images"])
        yield tuple(row[name] for name in PROVENANCE), turns, pictures


def read_webdataset(folder, part="train"):
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted(folder.glob(f"{part}-*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, kind = member.name.partition(".")
                assert list(found)[-1:] in ([key], []) or key not in found
                found.setdefault(key, {})[kind] = tar.extractfile(member).read()
    for files in found.values():
        row = json.loads(files.pop("json"))
        turns = tuple(
            joined(Message(m["role"], parts_of(m["content"], escaped=False))) for m in row["messages"]
        )
        yield tuple(row[name] for name in PROVENANCE), turns, tuple(files.values())


READERS = {
    "llava": read_llava,
    "sharegpt": read_sharegpt,
    "swift": read_swift,
    "trl": read_trl,
    "webdataset": read_webdataset,
}


def written(samples, to, place: Path) -> Path:
    dataset = publish(place / "set", samples)
    export(dataset.path, to, place / "out")
    return place / "out"


def test_every_format_has_a_reader_here():
    assert sorted(READERS) == FORMATS


@pytest.mark.parametrize("to", FORMATS)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(talks=st.lists(talks(), min_size=1, max_size=4))
def test_whatever_was_said_is_read_back_equal(to, talks):
    samples = [talk(at, turns, pictures) for at, (turns, pictures) in enumerate(talks)]
    with tempfile.TemporaryDirectory() as place:
        out = written(samples, to, Path(place))
        assert list(READERS[to](out)) == [said(sample) for sample in samples]


@given(text=st.lists(WORDS, max_size=6).map("".join))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_an_escape_can_be_undone_and_leaves_no_place_of_an_image(text):
    assert unescape(escape(text)) == text
    assert not re.search("<(image|video|audio)>", escape(text))


@given(talk=talks())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_marked_turn_has_as_many_places_as_images(talk):
    for message in talk[0]:
        images = sum(part.type == "image" for part in message.content)
        assert marked(message).count("<image>") == images
        assert unmarked(marked(message)) == joined(message).content


@pytest.mark.parametrize("to", FORMATS)
def test_a_built_data_set_is_read_back_equal_split_by_split(to, built, tmp_path):
    outlet = export(built.path, to, tmp_path / "out")
    reader = READERS[to]
    told = tmp_path / "out" / "dataset_info.json"
    if told.exists():
        told.write_text(told.read_text().replace(f'"{built.name}_', '"made_'))
    for part in built.splits:
        assert list(reader(tmp_path / "out", part)) == [said(sample) for sample in built.rows(part)]
    assert not outlet.counts.dropped
    assert outlet.rows == {part: len(built.rows(part)) for part in built.splits}


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_again_gives_the_same_bytes(to, built, tmp_path):
    for name in ("one", "two"):
        export(built.path, to, tmp_path / name)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert "README.md" in tree(tmp_path / "one")


@pytest.mark.parametrize("to", ["llava", "sharegpt", "swift"])
def test_a_picture_is_written_once_by_its_hash_with_the_ending_of_its_content(to, built, tmp_path):
    export(built.path, to, tmp_path / "out")
    files = [path for path in (tmp_path / "out" / "images").rglob("*") if path.is_file()]
    pictures = {name for part in built.splits for name, _ in built.rows(part).pictures()}
    assert len(files) == len(pictures)
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(path.stem)
        assert path.suffix == ending(path.read_bytes()) in {".png", ".jpg"}


@pytest.mark.parametrize("to", ["llava", "sharegpt", "swift", "trl"])
def test_turns_that_do_not_alternate_are_counted_and_named(to, tmp_path):
    good = talk(0, (turn("user", "a?"), turn("assistant", "b")))
    bad = talk(1, (turn("user", "a?"), turn("user", "c?"), turn("assistant", "b")))
    dataset = publish(tmp_path / "set", [good, bad])
    outlet = export(dataset.path, to, tmp_path / "out")
    assert outlet.counts.dropped == {"data.bad_turns": 1}
    assert outlet.counts.examples == {"data.bad_turns": [bad.id]}
    assert "- 1: the turns of the dialogue do not alternate" in (tmp_path / "out/README.md").read_text(
        "utf-8"
    )


def test_one_picture_is_a_name_and_several_are_a_list_for_llava(tmp_path):
    one = talk(0, (turn("user", None, "a?"), turn("assistant", "b")), (PICTURES[0],))
    two = talk(1, (turn("user", None, "a", None, "b?"), turn("assistant", "b")), tuple(PICTURES[:2]))
    none = talk(2, (turn("user", "a?"), turn("assistant", "b")))
    out = written([one, two, none], "llava", tmp_path)
    rows = json.loads((out / "train.json").read_text("utf-8"))
    assert isinstance(rows[0]["image"], str)
    assert len(rows[1]["image"]) == 2
    assert "image" not in rows[2]
    assert rows[1]["conversations"][0]["value"] == "<image>\na<image>\nb?"


def test_the_licences_stand_beside_an_export_in_both_languages(tmp_path):
    samples = [
        talk(at, (turn("user", "a?"), turn("assistant", "b")), licence=licence)
        for at, licence in enumerate(["MIT", "CC-BY-NC-ND-4.0", "unknown"])
    ]
    out = written(samples, "swift", tmp_path)
    words = (out / "README.md").read_text("utf-8")
    assert "- **CC-BY-NC-ND-4.0**: no changed version may be passed on (`invented`)" in words
    assert "- **unknown**：许可证不明" in words.replace("**: ", "**：")
    assert "Strictest of them, which holds for the whole: unknown" in words


def test_a_folder_that_holds_something_is_never_written_into(built, tmp_path):
    (tmp_path / "out").mkdir()
    export(built.path, "swift", tmp_path / "out")
    before = tree(tmp_path / "out")
    with pytest.raises(DataError, match="--out"):
        export(built.path, "llava", tmp_path / "out")
    (tmp_path / "file").write_text("years of work")
    with pytest.raises(DataError, match="--out"):
        export(built.path, "llava", tmp_path / "file")
    assert tree(tmp_path / "out") == before


def test_an_export_into_the_data_set_itself_is_refused(built):
    with pytest.raises(DataError) as caught:
        export(built.path, "llava", built.path / "llava")
    assert caught.value.key == "data.export_inside"


def test_a_wrong_format_names_the_near_one(built, tmp_path):
    with pytest.raises(ConfigError, match="sharegpt"):
        export(built.path, "sharegtp", tmp_path / "out")


def test_a_changed_data_set_is_not_exported(built, tmp_path):
    shutil.copytree(built.path, tmp_path / "copy")
    next((tmp_path / "copy" / "data").iterdir()).write_bytes(b"")
    with pytest.raises(DataError) as caught:
        export(tmp_path / "copy", "llava", tmp_path / "out")
    assert caught.value.key == "data.file_changed"
    assert not (tmp_path / "out").exists()


def test_the_library_webdataset_reads_the_shards(built, tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    export(built.path, "webdataset", tmp_path / "out")
    shards = sorted(map(str, (tmp_path / "out").glob("train-*.tar")))
    found = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))
    samples = list(open_dataset(built.path).rows("train"))
    assert [each["json"]["id"] for each in found] == [sample.id for sample in samples]
    with_picture = [each for each in found if {"png", "jpg"} & each.keys()]
    assert len(with_picture) == sum(len(sample.images) == 1 for sample in samples)
    assert all((each.get("png") or each.get("jpg")).size[0] > 8 for each in with_picture)
