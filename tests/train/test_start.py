"""A big model begins without every process holding all of it."""

from pathlib import Path

import pytest
import torch

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, TrainError
from doctorsun.model.assemble import assemble
from doctorsun.model.config import ModelConfig
from doctorsun.model.store import load_model, save_model
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.train.parallel import start
from doctorsun.train.parallel.config import ParallelConfig
from doctorsun.train.parallel.sharding import mesh_of
from doctorsun.train.parallel.world import World
from doctorsun.train.recipe import StageConfig
from tests.train.small import MODEL, instruct_stage


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("start") / "model"
    tokenizer = train_tokenizer(["what colour is it", "红色的方块"], size=300, context=256)
    save_model(assemble(validate(ModelConfig, MODEL, where="model"), tokenizer, seed=1), place)
    return place


def stage(**changes: object) -> StageConfig:
    return validate(StageConfig, instruct_stage(**changes), where="stage")


def test_an_outline_has_every_tensor_of_the_model_and_holds_none(folder: Path):
    made, loaded = start.outline(folder).model, load_model(folder).model
    shapes = {name: tensor.shape for name, tensor in made.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in loaded.state_dict().items()}
    assert {parameter.device.type for parameter in made.parameters()} == {"meta"}
    assert {name for name, _ in made.named_buffers()} == {name for name, _ in loaded.named_buffers()}


def test_a_process_that_is_not_the_first_loads_no_weights(folder: Path, monkeypatch):
    monkeypatch.setattr(start, "world", lambda: World(1, 2))
    monkeypatch.setattr(start, "load_model", lambda _: pytest.fail("it loads the model"))
    monkeypatch.setattr(start, "mesh_of", lambda *_: None)
    filled = []
    monkeypatch.setattr(start, "shard", lambda model, _, **how: (model, how["whole"]))
    monkeypatch.setattr(start, "fill", lambda root, source, _: filled.append((root, source)))
    frozen = stage(vision="frozen", augment={})
    begun = start.begin(folder, frozen, ParallelConfig(shard="full"), seed=1)
    ((root, source),) = filled
    assert root == (begun.parts.model, ["model.vision_tower"]) and source is None
    assert all(parameter.device.type == "meta" for parameter in begun.parts.model.parameters())


def test_learnt_tensors_are_put_into_the_whole_model_by_name(folder: Path):
    parts = start.tuned_model(folder, stage(), seed=1)
    name, parameter = next(iter(parts.model.named_parameters()))
    start.put_into(parts, {name: torch.full_like(parameter, 7.0)})
    assert bool((parts.model.get_parameter(name) == 7.0).all())


def test_weights_in_four_bits_are_not_spread(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(start, "world", lambda: World(0, 2))
    asked = stage(language={"mode": "qlora", "lr": 1e-3, "rank": 4, "alpha": 8})
    with pytest.raises(TrainError, match=r"parallel\.shard=none"):
        start.begin(tmp_path, asked, ParallelConfig(shard="full"), seed=1)


def test_copies_that_do_not_divide_the_processes_are_refused():
    with pytest.raises(ConfigError, match="copy_ranks is 2, but the 3 processes"):
        mesh_of(World(0, 3), ParallelConfig(shard="hybrid", copy_ranks=2))
