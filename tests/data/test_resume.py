"""Builds that were killed, grew or met one another: the same bytes, and nothing finished is redone."""

import fcntl
import random
import signal

import pytest

from doctorsun.core.errors import DataError
from doctorsun.data import blocks, rows
from doctorsun.data.build import build
from tests.data.invented import recipe, write_sources
from tests.data.killed import start, touches, tree

NAMES = ["busi", "medquad", "vqa_rad"]


@pytest.fixture
def made(monkeypatch):
    """Names of blocks and shards that are made, not found."""
    names = []
    pack, writer = blocks._row, rows.ShardWriter

    def row(chunk, raw, checked):
        if not names or names[-1] != chunk:
            names.append(chunk)
        return pack(chunk, raw, checked)

    class Writer(writer):
        def __init__(self, path):
            names.append(path)
            super().__init__(path)

    monkeypatch.setattr(blocks, "_row", row)
    monkeypatch.setattr(rows, "ShardWriter", Writer)
    return names


def test_killed_at_any_touch_of_the_disk_and_run_again_gives_the_same_bytes(tmp_path):
    write_sources(tmp_path / "raw", NAMES)
    (tmp_path / "killed").mkdir()
    config = recipe(tmp_path / "raw", NAMES, out=tmp_path / "killed" / "set", near={"pictures": False})
    whole = tree(build(config.model_copy(update={"out": tmp_path / "whole"})))
    said = tmp_path / "recipe.json"
    said.write_text(config.model_dump_json())
    draw, most = random.Random(4), touches(said)
    assert tree(config.place) == whole
    for _ in range(5):
        for path in sorted((tmp_path / "killed").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        process = start(said, draw.randint(1, most - 5))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert tree(build(config)) == whole
    assert not list((tmp_path / "killed").rglob("*.part"))


def test_the_same_build_again_makes_nothing_anew(tmp_path, made):
    write_sources(tmp_path / "raw", NAMES)
    first = tree(build(recipe(tmp_path / "raw", NAMES)))
    assert _blocks(made) == 3
    made.clear()
    assert tree(build(recipe(tmp_path / "raw", NAMES))) == first
    assert made == []


def test_one_more_source_makes_its_own_blocks_and_shards_alone(tmp_path, made):
    write_sources(tmp_path / "raw", [*NAMES, "bccd"])
    build(recipe(tmp_path / "raw", NAMES))
    made.clear()
    grown = tree(build(recipe(tmp_path / "raw", [*NAMES, "bccd"])))
    assert _blocks(made) == 1
    assert 1 <= len(made) - _blocks(made) <= 3
    fresh = recipe(tmp_path / "raw", [*NAMES, "bccd"], out=tmp_path / "fresh")
    assert tree(build(fresh)) == grown


def test_one_changed_picture_makes_one_block_anew(tmp_path, made, monkeypatch):
    monkeypatch.setattr("doctorsun.data.admission.CHUNK_RECORDS", 4)
    write_sources(tmp_path / "raw", ["busi"])
    build(recipe(tmp_path / "raw", ["busi"]))
    assert _blocks(made) == 3
    made.clear()
    one, two, *_ = sorted((tmp_path / "raw").rglob("benign (?).png"))
    one.write_bytes(two.read_bytes() + b"\0")
    build(recipe(tmp_path / "raw", ["busi"]))
    assert _blocks(made) == 1


def test_the_size_of_blocks_leaves_no_trace_in_the_rows(tmp_path, monkeypatch):
    write_sources(tmp_path / "raw", NAMES)
    large = tree(build(recipe(tmp_path / "raw", NAMES, out=tmp_path / "large")))
    monkeypatch.setattr("doctorsun.data.admission.CHUNK_RECORDS", 5)
    small = tree(build(recipe(tmp_path / "raw", NAMES, out=tmp_path / "small")))
    assert {name: large[name] for name in large if "/" in name} == {
        name: small[name] for name in small if "/" in name
    }


def test_a_damaged_shard_on_the_shelf_is_made_anew(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    whole = tree(build(recipe(tmp_path / "raw", ["busi"])))
    shard = next((tmp_path / ".built.sources" / "shards").glob("*-train.parquet"))
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.unlink()
    shard.write_bytes(raw)
    assert tree(build(recipe(tmp_path / "raw", ["busi"]))) == whole


def test_what_no_build_needs_any_more_leaves_the_shelf(tmp_path):
    write_sources(tmp_path / "raw", ["busi", "nih_cxr"])
    build(recipe(tmp_path / "raw", ["busi", "nih_cxr"]))
    shelf = tmp_path / ".built.sources"
    assert len(list((shelf / "blocks").iterdir())) == 2
    build(recipe(tmp_path / "raw", ["busi"]))
    assert len(list((shelf / "blocks").iterdir())) == 1
    build(recipe(tmp_path / "raw", ["busi"], keep=False))
    assert not shelf.exists()


def test_pictures_in_files_of_their_own_are_not_kept_twice(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    build(recipe(tmp_path / "raw", ["busi"]))
    block = next((tmp_path / ".built.sources" / "blocks").iterdir())
    picture = next((tmp_path / "raw").rglob("benign (1).png")).read_bytes()
    assert picture not in block.read_bytes()


def test_a_picture_that_changes_while_a_build_runs_ends_it_with_one_line(tmp_path, monkeypatch):
    from doctorsun.data import build as building

    write_sources(tmp_path / "raw", ["busi"])
    rule = building.rule

    def harm(*words):
        picture = next((tmp_path / "raw").rglob("benign (1).png"))
        picture.write_bytes(picture.read_bytes() + b"\0")
        return rule(*words)

    monkeypatch.setattr(building, "rule", harm)
    with pytest.raises(DataError) as caught:
        build(recipe(tmp_path / "raw", ["busi"]))
    assert caught.value.key == "data.source_changed"
    monkeypatch.undo()
    assert build(recipe(tmp_path / "raw", ["busi"])).is_dir()


def test_two_builds_into_one_place_do_not_meet(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    (tmp_path / ".built.sources").mkdir()
    with (tmp_path / ".built.sources" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError) as caught:
            build(recipe(tmp_path / "raw", ["busi"]))
        assert caught.value.key == "data.being_built"
    assert build(recipe(tmp_path / "raw", ["busi"])).is_dir()


def _blocks(made):
    return sum(isinstance(each, blocks.Chunk) for each in made)
