"""Blocks: found by what they were made from, and read back as they were checked."""

from doctorsun.core.schema import Picture, Record, Text
from doctorsun.data.blocks import Chunk, make_block, open_block, read_block
from doctorsun.data.config import DataConfig
from doctorsun.data.miniature import tiny_picture

ASKED = Text(
    "A bright round blot.", "en", "vqa", question="What is shown in the picture?", kind="open", key="q0"
)


def chunk(folder, *keys, seed=0):
    records = tuple(
        Record(id=key, images=(Picture(tiny_picture(key), f"{key}.jpg"),), texts=(ASKED,)) for key in keys
    )
    return Chunk("made", records, DataConfig(seed=seed), "code", folder)


def test_a_block_is_found_again_and_another_one_has_another_name(tmp_path):
    path = make_block(chunk(tmp_path, "a", "b"))
    before = path.stat().st_mtime_ns
    assert make_block(chunk(tmp_path, "a", "b")) == path
    assert path.stat().st_mtime_ns == before
    others = [chunk(tmp_path, "a"), chunk(tmp_path, "b", "a"), chunk(tmp_path, "a", "b", seed=1)]
    assert len({make_block(other) for other in others} | {path}) == 4


def test_records_come_back_as_they_were_checked(tmp_path):
    path = make_block(chunk(tmp_path, "a", "b"))
    assert open_block(path).records == 2
    found = list(read_block(path))
    assert [each.record.id for each in found] == ["a", "b"]
    assert found[0].record.images[0].bytes == tiny_picture("a")
    assert [each.record.images for each in read_block(path, pictures=False)] == [(), ()]
