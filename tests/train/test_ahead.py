"""Pictures read ahead by threads: the same bits in the same order, and nothing read in vain."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture
from doctorsun.model.pictures import PictureProcessor, image_processor
from doctorsun.train.ahead import PixelsAhead
from doctorsun.train.run import run
from doctorsun.train.threads import in_threads
from doctorsun.train.views import PictureStore
from tests.model.tiny import picture
from tests.train.nursery import fingerprint
from tests.train.small import instruct_stage, recipe, vision_stage, write_dataset


def steps() -> list[list[tuple[str, int]]]:
    return [[(f"p{number}", number), ("p", 0)] for number in range(9)]


class Reader:
    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, int], ...]] = []
        self.threads: set[str] = set()

    def __call__(self, views: tuple[tuple[str, int], ...]) -> torch.Tensor:
        self.asked.append(views)
        self.threads.add(threading.current_thread().name)
        return torch.tensor([float(number) for _, number in views])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_steps_and_pictures_come_as_without_threads(workers: int):
    reader = Reader()
    ahead = PixelsAhead(reader, workers=workers)
    seen = []
    for step in ahead.follow(steps(), lambda step: [tuple(step)]):
        seen.append(step)
        assert ahead.pixels(tuple(step)).tolist() == [float(number) for _, number in step]
    assert seen == steps() and sorted(reader.asked) == sorted(tuple(step) for step in steps())
    assert bool(reader.threads - {"MainThread"}) == bool(workers)
    assert ahead.waited_s > 0


def test_a_resumed_run_reads_nothing_of_the_steps_it_passes_over():
    reader = Reader()
    ahead = PixelsAhead(reader, workers=2)
    for number, step in enumerate(ahead.follow(steps(), lambda step: [tuple(step)])):
        if number >= 5:
            ahead.pixels(tuple(step))
    assert {views[0][1] for views in reader.asked} == {5, 6, 7, 8}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_threads_give_what_they_make_in_order_and_their_errors(workers: int):
    assert list(in_threads(lambda n: n * n, range(20), workers=workers)) == [n * n for n in range(20)]
    found = []
    with pytest.raises(ZeroDivisionError):
        for one in in_threads(lambda n: 6 // (3 - n), range(9), workers=workers):
            found.append(one)
    assert found == [2, 3, 6]


@pytest.mark.parametrize("workers", [0, 2])
def test_decoded_pictures_are_the_same_and_a_broken_one_is_named(tmp_path: Path, workers: int):
    names = [f"p{number}" for number in range(7)]
    found = [(name, Picture(picture(number), f"{name}.png")) for number, name in enumerate(names)]
    processor = PictureProcessor(image_processor(32))
    how = {"sources": dict.fromkeys(names, "s"), "workers": workers}
    PictureStore.build(found, tmp_path / "store", processor, **how)
    levels = b"".join(processor.levels(one.bytes).numpy().tobytes() for _, one in found)
    assert (tmp_path / "store" / "levels.u8").read_bytes() == levels
    found[4] = ("p4", replace(found[4][1], bytes=b"no picture"))
    with pytest.raises(RecordError, match="p4"):
        PictureStore.build(found, tmp_path / "other", processor, **how)
    assert not (tmp_path / "other").exists()


def test_a_run_has_the_same_bits_with_any_number_of_workers(tmp_path: Path):
    data = write_dataset(tmp_path / "data")
    weights = []
    for workers in (0, 1, 2):
        stages = vision_stage(workers=workers), instruct_stage(workers=workers, augment={"crop": 0.2})
        run(recipe(data, *stages), tmp_path / f"run{workers}")
        told = fingerprint(tmp_path / f"run{workers}")
        weights.append({name: value for name, value in told.items() if not name.endswith(("files", "json"))})
    assert any(name.endswith("model.safetensors") for name in weights[0])
    assert weights[0] == weights[1] == weights[2]
