"""Features of a frozen encoder on disk: shared, checked, limited, and never what decides a bit."""

import errno
import os
from pathlib import Path

import pytest
import torch

from doctorsun.train import features as module
from doctorsun.train.features import FeatureCache, FeatureStore
from doctorsun.train.run import run
from tests.hearing import Heard
from tests.train.nursery import fingerprint
from tests.train.small import align_stage, recipe, write_dataset

SHAPE = (4, 8)
SIZE = 4 * 8 * 4 + 32


class Counted:
    """A cache that remembers what it computed."""

    def __init__(self, folder: Path, *, limit: int = 10**6, dtype: torch.dtype = torch.float32) -> None:
        self.asked: list[tuple[str, int]] = []
        store = FeatureStore(folder, limit=limit) if limit else None
        self.cache = FeatureCache(self.compute, store, name=file_name, shape=SHAPE, dtype=dtype)

    def compute(self, view: tuple[str, int]) -> torch.Tensor:
        self.asked.append(view)
        return torch.full(SHAPE, float(view[1])) + torch.arange(8) / 3


def file_name(view: tuple[str, int]) -> str:
    return f"{view[0]}{view[1]:02d}"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_feature_is_computed_once_and_read_by_later_runs(tmp_path: Path, dtype: torch.dtype):
    views = [("aa", 1), ("bb", 2), ("aa", 1)]
    first = Counted(tmp_path, dtype=dtype)
    found = first.cache.features(views)
    assert first.asked == [("aa", 1), ("bb", 2)] and found.dtype == dtype
    assert torch.equal(found, torch.stack([first.compute(view).to(dtype) for view in views]))
    later = Counted(tmp_path, dtype=dtype)
    assert torch.equal(later.cache.features(views), found) and not later.asked
    assert files(tmp_path) == ["aa01", "bb02"]


@pytest.mark.parametrize("place", [0, 70, SIZE - 1])
def test_a_damaged_feature_is_told_and_made_again(tmp_path: Path, heard: Heard, place: int):
    right = Counted(tmp_path).cache.features([("aa", 1)])
    path = tmp_path / "aa" / "aa01"
    raw = bytearray(path.read_bytes())
    raw[place] ^= 8
    path.write_bytes(bytes(raw))
    later = Counted(tmp_path)
    assert torch.equal(later.cache.features([("aa", 1)]), right)
    assert later.asked == [("aa", 1)] and heard.events == ["train.feature_damaged"]
    path.write_bytes(path.read_bytes()[:-5])
    assert torch.equal(Counted(tmp_path).cache.features([("aa", 1)]), right)
    assert Counted(tmp_path).cache.features([("aa", 1)]).equal(right) and len(heard.events) == 2


def test_beyond_the_limit_those_go_that_were_unused_for_longest(tmp_path: Path, heard: Heard):
    old = Counted(tmp_path)
    old.cache.features([("aa", number) for number in range(10)])
    for number in range(10):
        os.utime(tmp_path / "aa" / f"aa{number:02d}", (1000 + number, 1000 + number))
    new = Counted(tmp_path, limit=10 * SIZE)
    new.cache.features([("aa", 0), ("bb", 1)])
    assert new.asked == [("bb", 1)]
    kept = files(tmp_path)
    assert "aa00" in kept and "bb01" in kept, "what is used now stays"
    assert "aa01" not in kept and "aa09" in kept and not heard.events


def test_a_run_larger_than_the_limit_keeps_what_fits_and_says_so_once(tmp_path: Path, heard: Heard):
    small = Counted(tmp_path, limit=3 * SIZE)
    views = [("aa", number) for number in range(6)]
    right = torch.stack([small.compute(view) for view in views])
    for _ in range(2):
        assert torch.equal(small.cache.features(views), right)
    assert files(tmp_path) == ["aa00", "aa01", "aa02"]
    assert heard.events == ["train.features_limit"]


@pytest.mark.parametrize("trouble", ["disk", "spare"])
def test_a_full_disk_is_told_and_the_run_goes_on(tmp_path: Path, heard: Heard, monkeypatch, trouble: str):
    counted = Counted(tmp_path)
    if trouble == "spare":
        monkeypatch.setattr(module, "_SPARE", 2**62)
    else:

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(Path, "replace", refuse)
    views = [("aa", 1), ("bb", 2)]
    for _ in range(2):
        assert torch.equal(counted.cache.features(views), torch.stack([counted.compute(v) for v in views]))
    assert len(counted.asked) == 8 and files(tmp_path) == []
    assert heard.events == ["train.features_disk" if trouble == "spare" else "train.features_unkept"]


def test_writers_of_one_feature_do_not_disturb_each_other(tmp_path: Path):
    caches = [Counted(tmp_path), Counted(tmp_path)]
    for counted in caches:
        counted.cache._store._used.clear()
        counted.cache._store.write("aa01", counted.compute(("aa", 1)))
    assert files(tmp_path) == ["aa01"]
    assert Counted(tmp_path).cache.features([("aa", 1)]).equal(caches[0].compute(("aa", 1))[None])


def test_a_warm_cache_a_cold_one_and_none_give_the_same_bits(tmp_path: Path):
    data = write_dataset(tmp_path / "data")
    stage = align_stage(augment={"crop": 0.1, "views": 2})
    asked = recipe(data, stage)
    none = recipe(data, stage, features={"limit_gb": 0})
    run(asked, tmp_path / "runs" / "cold")
    kept = files(tmp_path / "runs" / ".features")
    run(asked, tmp_path / "runs" / "warm")
    assert kept and files(tmp_path / "runs" / ".features") == kept
    run(none, tmp_path / "other" / "none")
    assert not (tmp_path / "other" / ".features").exists()
    prints = [fingerprint(tmp_path / place) for place in ("runs/cold", "runs/warm", "other/none")]
    weights = [{name: value for name, value in one.items() if name != "files"} for one in prints]
    assert weights[0] == weights[1] == weights[2]
