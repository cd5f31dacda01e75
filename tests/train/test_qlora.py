"""A stage on four bits, from checkpoint to checkpoint and into plain weights."""

import pytest
import torch

from doctorsun.model.store import load_model
from tests.train.small import instruct_stage, recipe, straight_and_broken, write_dataset

pytest.importorskip("bitsandbytes")
QLORA = {"mode": "qlora", "lr": 1e-2, "rank": 4, "alpha": 8, "dropout": 0.1}


def test_a_qlora_stage_resumes_to_the_same_bits_and_leaves_plain_weights(tmp_path, monkeypatch):
    data = write_dataset(tmp_path / "data", train=6, validation=2)
    stage = instruct_stage(
        vision={"mode": "frozen"}, language=QLORA, augment={}, steps=4, rows=2, save_every=1
    )
    full = recipe(data, stage)
    one, other = straight_and_broken(full, tmp_path, monkeypatch)
    assert one == other
    start, end = (load_model(tmp_path / "straight" / name).model for name in ("start", "model"))
    before, after = start.state_dict(), end.state_dict()
    assert before.keys() == after.keys()
    assert all(tensor.dtype == torch.float32 for tensor in after.values())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name for name in before if "language_model.layers" in name and "_proj" in name} <= changed
    assert not any("embed_tokens" in name or "vision_tower" in name for name in changed)
