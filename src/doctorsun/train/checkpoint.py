"""Checkpoints that are whole or absent: written aside, fsynced, listed with SHA-256, renamed; two are kept.

A checkpoint holds what a stage learns and its optimizer's state, as safetensors (see tensors.py), and where
it stood, as JSON. Nothing random is stored: all randomness is a function of the step (see draws.py).
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from doctorsun.core.errors import ModelError, TrainError
from doctorsun.core.files import aside_of, sha256_file, sync_folder, whole_folder, write_whole
from doctorsun.core.progress import reporter
from doctorsun.model.trust import MANIFEST, read_json, verify_manifest, write_manifest, write_sums
from doctorsun.train.crash import crash_point
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.parallel.world import World, world
from doctorsun.train.tensors import Shapes, is_spread, load_into, save_pieces, save_whole, shapes_in

KEPT = 2
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_SLASH = "/"  # stands between what the optimizer remembers and the name of a weight


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that verified; `state` is what the loop gave to `save_checkpoint`."""

    folder: Path
    state: dict[str, Any]

    def restore(self, learning: Mapping[str, nn.Parameter], optimizer: Optimizers) -> int:
        """Put every tensor back and return how many; TrainError unless it holds exactly those that learn."""
        known = shapes_in(self.folder)
        moments = _by_parameter(known)
        self._refuse_foreign(sorted(moments.keys() - learning.keys()))
        wanted: dict[str, Tensor] = {}
        for name, parameter in learning.items():
            for key, (shape, dtype) in moments.get(name, {}).items():
                optimizer.state[parameter][key] = wanted[f"{key}/{name}"] = _like(parameter, shape, dtype)
        load_into(wanted, self.folder)
        count = self.restore_weights(learning) + len(wanted)
        assert count == len(known) == self.state.get("tensors", count), "every tensor is put back"
        return count

    def restore_weights(self, learning: Mapping[str, nn.Parameter]) -> int:
        """Put the weights back and return how many; TrainError unless it holds exactly those that learn."""
        known = {name for name in shapes_in(self.folder) if _SLASH not in name}
        self._refuse_foreign(sorted(known ^ learning.keys()))
        load_into(learning, self.folder)
        return len(learning)

    def _refuse_foreign(self, names: Sequence[str]) -> None:
        if names:
            raise TrainError("train.foreign_tensors", where=self.folder, count=len(names), names=names[0])


def save_checkpoint(
    stage: Path,
    learning: Mapping[str, nn.Parameter],
    optimizer: Optimizers,
    *,
    step: int,
    state: Mapping[str, object],
    spare: int | None = None,
) -> None:
    """Write `checkpoint-STEP` in the folder of a stage, then drop all but the newest two and `spare`.

    All ranks call it; where each holds a whole model the main one writes, else each its pieces.
    """
    everyone = world()
    folder = stage / f"checkpoint-{step}"
    moments = _moments(learning, optimizer)
    told = {"step": step, "tensors": len(learning) + len(moments), **state}
    if is_spread(learning):
        _save_together(folder, {**learning, **moments}, told, everyone)
    else:
        with everyone.main_first():
            if everyone.is_main:
                _save_alone(folder, learning, moments, told)
    if everyone.is_main:
        crash_point("ckpt.after_rename")
        for old in _checkpoints(stage)[KEPT:]:
            if old.name != f"checkpoint-{spare}":
                drop_folder(old)


def _save_alone(
    folder: Path, learning: Mapping[str, Tensor], moments: Mapping[str, Tensor], state: Mapping[str, object]
) -> None:
    with whole_folder(folder) as aside:
        save_whole(learning, aside / _WEIGHTS)
        crash_point("ckpt.after_weights")
        save_whole(moments, aside / _OPTIMIZER)
        crash_point("ckpt.after_optimizer")
        write_whole(aside / _STATE, json.dumps(state, indent=1) + "\n")
        write_manifest(aside)
        crash_point("ckpt.before_rename")


def _save_together(
    folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, object], everyone: World
) -> None:
    """Each rank writes its pieces; the main one lists them all and puts the folder in its place."""
    aside = aside_of(folder)
    with whole_folder(folder) if everyone.is_main else nullcontext():
        everyone.barrier()  # the folder is there
        save_pieces(tensors, aside)
        crash_point("ckpt.after_optimizer")
        files = sorted(aside.glob("*.safetensors"))[everyone.rank :: everyone.size]
        for file in files:
            sync_folder(file)
        lists = everyone.gather({file.name: sha256_file(file) for file in files})
        if everyone.is_main:
            write_whole(aside / _STATE, json.dumps(state, indent=1) + "\n")
            sums = {name: total for one in lists for name, total in one.items()}
            write_sums(aside, sums | {_STATE: sha256_file(aside / _STATE)})
        crash_point("ckpt.before_rename")
    everyone.barrier()  # the checkpoint is there


def checkpoint_at(stage: Path, step: int) -> Checkpoint:
    """The checkpoint of one step; ModelError names the file that is not what was saved."""
    folder = stage / f"checkpoint-{step}"
    _verify(folder)
    return Checkpoint(folder, json.loads((folder / _STATE).read_text(encoding="utf-8")))


def newest_checkpoint(stage: Path) -> Checkpoint | None:
    """The newest checkpoint of a stage that verifies; those that do not are named and left out.

    All ranks call it and get the same one: the main rank looks.
    """
    everyone = world()
    step = everyone.told(_newest_step(stage) if everyone.is_main else None)
    if step is None:
        return None
    folder = stage / f"checkpoint-{step}"
    return Checkpoint(folder, json.loads((folder / _STATE).read_text(encoding="utf-8")))


def _newest_step(stage: Path) -> int | None:
    for folder in _checkpoints(stage):
        try:
            _verify(folder)
        except ModelError as error:
            reporter().note("train.checkpoint_damaged", where=folder, problem=error)
            continue
        return int(folder.name.partition("-")[2])
    return None


def _verify(folder: Path) -> None:
    """ModelError unless the folder holds what its manifest lists, to the bit, and nothing else."""
    if not (folder / MANIFEST).is_file():
        raise ModelError("model.file_absent", where=folder / MANIFEST)
    verify_manifest(folder)
    listed = read_json(folder / MANIFEST)
    assert isinstance(listed, dict)
    for file in sorted(folder.iterdir()):
        if file.name != MANIFEST and file.name not in listed["sha256"]:
            raise ModelError("model.file_changed", where=file)


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
        f"{key}{_SLASH}{name}": tensor
        for name, parameter in learning.items()
        for key, tensor in optimizer.state.get(parameter, {}).items()
    }


def _by_parameter(shapes: Shapes) -> dict[str, Shapes]:
    """The optimizer's tensors of each parameter, by their keys."""
    found: dict[str, Shapes] = {}
    for path, told in shapes.items():
        key, slash, name = path.partition(_SLASH)
        if slash:
            found.setdefault(name, {})[key] = told
    return found


def _like(parameter: nn.Parameter, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """An empty tensor where the parameter's own is: spread over ranks if it is of the parameter's shape."""
    if shape == parameter.shape:
        return torch.empty_like(parameter, dtype=dtype, requires_grad=False)
    return torch.empty(shape, dtype=dtype, device=parameter.device)
