"""Checkpoints that are whole or absent: written aside, fsynced, listed with SHA-256, renamed; two are kept.

A checkpoint holds what a stage learns and its optimizer's state, as safetensors, and where it stood, as JSON.
Nothing random is stored: all randomness is a function of the step (see draws.py).
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from doctorsun.core.errors import ModelError, TrainError
from doctorsun.core.files import whole_folder, write_whole
from doctorsun.core.progress import reporter
from doctorsun.model.trust import MANIFEST, verify_manifest, write_manifest
from doctorsun.train.crash import crash_point
from doctorsun.train.optimizer import Optimizers

KEPT = 2
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that verified; `state` is what the loop gave to `save_checkpoint`."""

    folder: Path
    state: dict[str, Any]

    def restore(self, learning: Mapping[str, nn.Parameter], optimizer: Optimizers) -> int:
        """Put every tensor back and return how many; TrainError unless it holds exactly those that learn."""
        weights = load_file(self.folder / _WEIGHTS)
        moments = _by_parameter(load_file(self.folder / _OPTIMIZER))
        foreign = sorted(weights.keys() ^ learning.keys()) + sorted(moments.keys() - learning.keys())
        if foreign:
            raise TrainError("train.foreign_tensors", where=self.folder, count=len(foreign), names=foreign[0])
        count = 0
        for name, parameter in learning.items():
            with torch.no_grad():
                parameter.copy_(weights[name])
            count += 1
            for key, tensor in moments.get(name, {}).items():
                optimizer.state[parameter][key] = tensor.to(
                    tensor.device if key == "step" else parameter.device
                )
                count += 1
        return count


def save_checkpoint(
    stage: Path,
    learning: Mapping[str, nn.Parameter],
    optimizer: Optimizers,
    *,
    step: int,
    state: Mapping[str, object],
) -> None:
    """Write `checkpoint-STEP` in the folder of a stage, then drop all but the newest two."""
    with whole_folder(stage / f"checkpoint-{step}") as aside:
        save_file({name: parameter.detach().cpu() for name, parameter in learning.items()}, aside / _WEIGHTS)
        crash_point("ckpt.after_weights")
        save_file(_moments(learning, optimizer), aside / _OPTIMIZER)
        crash_point("ckpt.after_optimizer")
        write_whole(aside / _STATE, json.dumps({"step": step, **state}, indent=1) + "\n")
        write_manifest(aside)
        crash_point("ckpt.before_rename")
    crash_point("ckpt.after_rename")
    for old in _checkpoints(stage)[KEPT:]:
        drop_folder(old)


def newest_checkpoint(stage: Path) -> Checkpoint | None:
    """The newest checkpoint of a stage that verifies; those that do not are named and left out."""
    for folder in _checkpoints(stage):
        try:
            if not (folder / MANIFEST).is_file():
                raise ModelError("model.file_absent", where=folder / MANIFEST)
            verify_manifest(folder)
        except ModelError as error:
            reporter().note("train.checkpoint_damaged", where=folder, problem=error)
            continue
        return Checkpoint(folder, json.loads((folder / _STATE).read_text(encoding="utf-8")))
    return None


def drop_checkpoints(stage: Path) -> None:
    """Remove all checkpoints of a stage, when it is finished."""
    for folder in _checkpoints(stage):
        drop_folder(folder)


def drop_folder(folder: Path) -> None:
    """Remove a folder; a kill in the middle never leaves a part of it under its name."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    crash_point("ckpt.before_drop")
    shutil.rmtree(gone)


def sweep(stage: Path) -> None:
    """Remove what a kill has left half written or half removed."""
    for folder in stage.glob(".*"):
        if folder.name.endswith((".aside", ".gone")):
            shutil.rmtree(folder, ignore_errors=True)


def _checkpoints(stage: Path) -> list[Path]:
    """The folders of checkpoints, newest first."""
    found = [folder for folder in stage.glob("checkpoint-*") if folder.name.partition("-")[2].isdigit()]
    return sorted(found, key=lambda folder: int(folder.name.partition("-")[2]), reverse=True)


def _moments(learning: Mapping[str, nn.Parameter], optimizer: Optimizers) -> dict[str, Tensor]:
    return {
        f"{key}/{name}": tensor.detach().cpu()
        for name, parameter in learning.items()
        for key, tensor in optimizer.state.get(parameter, {}).items()
    }


def _by_parameter(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        key, _, name = path.partition("/")
        found.setdefault(name, {})[key] = tensor
    return found
