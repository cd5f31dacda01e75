"""What is exported comes back through the generic readers: the same words, pictures and provenance."""

import pytest

from doctorsun.core import plugins
from doctorsun.data import sources
from doctorsun.data.counts import Counts
from doctorsun.data.export import export
from doctorsun.data.miniature import tiny_picture
from tests.data.published import publish, talk, turn

READERS = {"llava": "llava_json", "sharegpt": "sharegpt", "swift": "sharegpt", "trl": "hf_messages"}
READERS |= {"webdataset": "webdataset"}
PICTURES = [tiny_picture(f"{at}", kind=kind) for at, kind in enumerate(["PNG", "JPEG"])]


def came_back(record):
    """What a record says, with every image before the first question, as the samples below have them."""
    (text,) = record.texts
    turns = [*((message.role, message.text) for message in text.history)]
    turns += [("user", text.question), ("assistant", text.answer)]
    known = (record.id, record.licence, record.group, text.lang, text.origin)
    return known, tuple(turns), tuple(picture.bytes for picture in record.images)


def went_out(sample):
    turns = tuple((message.role, message.text) for message in sample.messages)
    known = (sample.id, sample.licence, sample.group, sample.lang, sample.origin)
    return known, turns, tuple(picture.bytes for picture in sample.images)


def read_back(to, folder):
    counts = Counts()
    module = plugins.find(sources, READERS[to])
    records = list(module.records(folder, counts))
    assert not counts.dropped
    return {record.id: record for record in records}


@pytest.mark.parametrize("to", sorted(READERS))
def test_the_generic_reader_reads_an_export_back_equal(to, built, tmp_path):
    export(built.path, to, tmp_path / "out")
    records = read_back(to, tmp_path / "out")
    asked = {sample.id: sample for part in built.splits for sample in built.rows(part)}
    assert records.keys() == asked.keys()
    for name, sample in asked.items():
        if to != "llava" or sample.messages[0].role != "system":
            assert came_back(records[name]) == went_out(sample), name


@pytest.mark.parametrize("to", sorted(READERS))
def test_what_was_typed_as_an_image_comes_back_as_it_was_typed(to, tmp_path):
    samples = [
        talk(
            0,
            (turn("user", None, "这里的 <image> 是标签吗？"), turn("assistant", "是 <video>")),
            PICTURES[:1],
        ),
        talk(1, (turn("user", "What is < image> or <audio>?"), turn("assistant", "A tag, <image>."))),
        talk(
            2,
            (
                turn("user", None, None, "Compare <image>."),
                turn("assistant", "Done."),
                turn("user", "Sure?"),
                turn("assistant", "<image>"),
            ),
            tuple(PICTURES),
        ),
    ]
    dataset = publish(tmp_path / "set", samples)
    export(dataset.path, to, tmp_path / "out")
    records = read_back(to, tmp_path / "out")
    for sample in samples:
        assert came_back(records[sample.id]) == went_out(sample)
