"""A checkpoint in which one bit is not what it was is never gone on from."""

import random

import pytest
import torch
from torch import nn

from doctorsun.core.config import validate
from doctorsun.core.errors import TrainError
from doctorsun.model.tuning import Group
from doctorsun.train.checkpoint import newest_checkpoint, save_checkpoint
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.recipe import StageConfig
from tests.train.flips import unseen
from tests.train.small import text_stage


def trained(seed: int, *, steps: int = 2) -> tuple[dict[str, nn.Parameter], Optimizers]:
    """Two weights and what AdamW remembers of them after some steps."""
    torch.manual_seed(seed)
    learning = {"layer.weight": nn.Parameter(torch.randn(6, 4)), "layer.bias": nn.Parameter(torch.randn(6))}
    group = Group("language", tuple(learning), tuple(learning.values()), 0.1, 0.0)
    optimizer = Optimizers([group], validate(StageConfig, text_stage(), where="stage"))
    for _ in range(steps):
        optimizer.zero_grad()
        sum(parameter.square().sum() for parameter in learning.values()).backward()
        optimizer.step()
    return learning, optimizer


@pytest.fixture
def stage(tmp_path):
    for step in (2, 4):
        learning, optimizer = trained(step)
        save_checkpoint(tmp_path, learning, optimizer, step=step, state={"metrics_bytes": step})
    return tmp_path


def test_any_flipped_bit_of_any_file_is_seen_and_the_checkpoint_before_is_taken(stage):
    assert unseen(stage, newest=4, before=2, count=80, draw=random.Random(1)) == []


def test_every_tensor_comes_back_to_the_bit(stage):
    learning, optimizer = trained(4)
    fresh, empty = trained(9, steps=0)
    assert newest_checkpoint(stage).restore(fresh, empty) == 2 + 2 * 3
    for name, parameter in learning.items():
        assert torch.equal(fresh[name], parameter)
        for key, tensor in optimizer.state[parameter].items():
            assert torch.equal(empty.state[fresh[name]][key], tensor)


def test_a_tensor_that_the_stage_does_not_train_is_named(stage):
    learning, optimizer = trained(9, steps=0)
    learning["other.weight"] = learning.pop("layer.weight")
    with pytest.raises(TrainError, match=r"layer\.weight"):
        newest_checkpoint(stage).restore(learning, optimizer)
