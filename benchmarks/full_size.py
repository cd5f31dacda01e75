"""The 8B recipe with random weights on one GPU: tokens/s, MFU, peak memory beside the estimate, both stages.

With the ratio to transformers' Trainer; then a real training on a data set, as large as the minutes allow.
Model, rates and layout are those of the preset `doctor_sun_8b`. One card of 80 GB has no room for float32
copies of 8 billion weights (16 bytes a weight with gradients): stage 2 holds weights and both moments of
AdamW in bf16 and rounds at random, 8 bytes a weight; the Trainer gets as much (a bf16 model with AdamW's
states in bf16) and gradient checkpointing as well. Both read the same invented samples; tokens are the
samples' own, image tokens with them, padding left out. `--quick` does the same on the CPU with a small model.
The last line is one JSON object.

    python benchmarks/full_size.py [--gpu h100] [--steps 6] [--train DATASET --minutes 20]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from doctorsun.core.config import load, validate
from doctorsun.model.tuning import apply_tuning
from doctorsun.train.device import Compute, repeatable
from doctorsun.train.estimate.flops import mfu, step_flops
from doctorsun.train.estimate.gpus import accelerator
from doctorsun.train.estimate.layout import assumed
from doctorsun.train.estimate.memory import Spread, memory_of
from doctorsun.train.estimate.meter import peak_above
from doctorsun.train.estimate.shapes import shape_of
from doctorsun.train.estimate.skeleton import config_of
from doctorsun.train.forward import read_pictures, weighted_loss
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.packing import Piece, Row, pack
from doctorsun.train.recipe import Recipe, StageConfig

SMALL: dict[str, Any] = {
    "vision": {"width": 96, "layers": 3, "heads": 3, "mlp": 384, "image_px": 112, "patch_px": 14},
    "language": {"width": 128, "layers": 3, "heads": 4, "kv_heads": 2, "mlp": 352, "vocabulary": 4000},
}
GIB = 2**30


@dataclass
class Case:
    """A model with random weights on the device, one stage of it, and the rows of a step."""

    model: Any
    stage: StageConfig
    compute: Compute
    rows: list[Row]
    groups: Any


def recipe_of(quick: bool) -> Recipe:
    """The preset as one card can train it; small and on the CPU for `quick`."""
    recipe = load(Recipe, "doctor_sun_8b")
    stages = []
    for stage in recipe.stages:
        changes: dict[str, Any] = {"precision": "bf16", "share": 2, "steps": 8}
        if stage.kind == "instruct":
            changes["weights"] = "bf16_stochastic"
        if quick:
            changes |= {"rows": 2, "row_tokens": 512}
        stages.append(stage.model_copy(update=changes))
    model = validate(Recipe, {"name": "q", "data": {"name": "q"}, "model": SMALL}, where="quick").model
    return recipe.model_copy(update={"stages": stages, **({"model": model} if quick else {})})


def prepare(recipe: Recipe, number: int) -> Case:
    """Weights drawn at random, tuned as the stage says, and invented rows."""
    stage = recipe.stages[number - 1]
    compute = Compute(stage)
    config = config_of(recipe.model)
    torch.manual_seed(0)
    with torch.device(compute.device):
        from transformers import AutoModelForImageTextToText

        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    tuned = apply_tuning(model, stage.tune, seed=0)
    rows = list(assumed(stage, image_tokens=shape_of(config).vision.features).rows)
    draw = np.random.default_rng(0)
    for piece in (piece for row in rows for piece in row.pieces):
        piece.ids[piece.prefix :] = draw.integers(1, config.text_config.vocab_size, piece.tail)
    return Case(model, stage, compute, rows, tuned.groups)


def ours(recipe: Recipe, number: int, steps: int) -> dict[str, float]:
    """Steps of the lean path, as the loop takes them."""
    case = prepare(recipe, number)
    case.compute.take(case.model)
    case.model.train()
    tokens = shape_of(case.model.config).vision.features
    optimizers = Optimizers(case.groups, case.stage)
    learning = [one for group in case.groups for one in group.parameters]
    learnt = sum(int(piece.learnt.sum()) for row in case.rows for piece in row.pieces)
    kept: dict[tuple[str, int], Tensor] = {}

    def step() -> float:
        optimizers.zero_grad()
        total = 0.0
        for first in range(0, len(case.rows), case.stage.micro_rows):
            rows = case.rows[first : first + case.stage.micro_rows]
            packed = pack(rows, image_tokens=tokens, room=len(rows) * case.stage.row_tokens)
            with case.compute.autocast():
                features_PND = _features(case, packed.views, kept)
                weights_T = torch.full((len(packed.targets_T),), 1 / learnt, device=case.compute.device)
                loss, _ = weighted_loss(case.model, packed, features_PND, weights_T=weights_T)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(learning, case.stage.clip)
        optimizers.step()
        return total

    return measured(step, steps, case.compute.device, standing=standing(case.model, optimizers))


def _features(case: Case, views: list[tuple[str, int]], kept: dict[tuple[str, int], Tensor]) -> Tensor:
    """Features of invented pictures; those of a frozen encoder are computed once."""
    side = case.model.config.vision_config.image_size
    frozen = case.stage.vision.mode == "frozen"
    if not frozen:
        pixels = torch.zeros(len(views), 3, side, side, device=case.compute.device)
        return read_pictures(case.model, pixels)
    for view in views:
        if view not in kept:
            with torch.no_grad():
                pixels = torch.zeros(1, 3, side, side, device=case.compute.device)
                kept[view] = read_pictures(case.model, pixels)[0].to(case.compute.dtype).cpu()
    return torch.stack([kept[view] for view in views]).to(case.compute.device)


def theirs(recipe: Recipe, number: int, steps: int) -> dict[str, float]:
    """Steps of transformers' Trainer on the same samples, each with its own picture, padded."""
    from transformers import Trainer, TrainingArguments

    case = prepare(recipe, number)
    pieces = [piece for row in case.rows for piece in row.pieces]
    samples = [_sample(piece, case.model.config) for piece in pieces]
    case.model.config.use_cache = False
    per_pass = max(1, len(pieces) // max(1, len(case.rows)))
    marks: list[float] = []

    class Timed(Trainer):  # type: ignore[misc]
        def training_step(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - transformers has no types
            marks.append(time.perf_counter())
            return super().training_step(*args, **kwargs)

    with tempfile.TemporaryDirectory() as out:
        accumulate = -(-len(pieces) // per_pass)
        arguments = TrainingArguments(
            output_dir=out,
            per_device_train_batch_size=per_pass,
            gradient_accumulation_steps=accumulate,
            max_steps=steps + 1,
            learning_rate=1e-5,
            bf16=True,
            use_cpu=case.compute.device.type == "cpu",
            gradient_checkpointing=True,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            save_strategy="no",
            report_to=[],
            logging_steps=10**6,
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        trainer = Timed(
            model=case.model, args=arguments, train_dataset=samples * (steps + 1), data_collator=collate
        )
        if case.compute.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        trainer.train()
    ended = time.perf_counter()
    peak = torch.cuda.max_memory_allocated() if case.compute.device.type == "cuda" else 0
    return {"step_s": (ended - marks[accumulate]) / steps, "peak": peak}


def _sample(piece: Piece, config: Any) -> dict[str, Tensor]:  # noqa: ANN401 - transformers has no types
    ids = torch.from_numpy(piece.ids).long()
    ids[: piece.prefix] = config.image_token_index
    labels = torch.where(torch.from_numpy(piece.learnt), ids, -100)
    side = config.vision_config.image_size
    return {"input_ids": ids, "labels": labels, "pixel_values": torch.zeros(3, side, side)}


def collate(samples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """A padded batch."""
    pad = nn.utils.rnn.pad_sequence
    ids = pad([sample["input_ids"] for sample in samples], batch_first=True, padding_value=1)
    labels = pad([sample["labels"] for sample in samples], batch_first=True, padding_value=-100)
    real = pad([torch.ones_like(sample["input_ids"]) for sample in samples], batch_first=True)
    pixels = torch.stack([sample["pixel_values"] for sample in samples])
    return {"input_ids": ids, "labels": labels, "attention_mask": real, "pixel_values": pixels}


def standing(model: nn.Module, optimizers: Optimizers) -> Callable[[], int]:
    """Tells the bytes that stand before a step begins."""

    def told() -> int:
        tensors = [*model.parameters(), *model.buffers()]
        tensors += [one for state in optimizers.state.values() for one in state.values()]
        return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())

    return told


def measured(
    step: Callable[[], float], steps: int, device: torch.device, *, standing: Callable[[], int]
) -> dict[str, float]:
    """Seconds of the median step after one for warm-up, and the peak of tensors in one more."""
    loss = step()
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        loss = step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    before = standing()
    with peak_above(device=device) as peak:
        step()
    return {"step_s": median(seconds), "peak": before + peak.bytes, "loss": loss}


def stage_figures(arguments: argparse.Namespace, number: int) -> dict[str, object]:
    """Ours and theirs of one stage, each in a process of its own, and the estimate."""
    recipe = recipe_of(arguments.quick)
    stage, config = recipe.stages[number - 1], config_of(recipe.model)
    layout = assumed(stage, image_tokens=shape_of(config).vision.features)
    load_, tokens = layout.load, sum(len(piece.ids) for row in layout.rows for piece in row.pieces)
    found = {who: ask(arguments, who, number) for who in ("ours", "theirs")}
    estimate = memory_of(config, stage, layout, Spread(gpu=not arguments.quick)).total
    flops = step_flops(
        config,
        stage,
        tokens=load_.tokens,
        pictures=load_.pictures,
        learnt=load_.learnt,
        pairs=load_.pairs,
    )
    mine, peer = found["ours"], found["theirs"]
    peak = accelerator(arguments.gpu).tflops
    return {
        "stage": recipe.label(number),
        "tokens_per_s": round(tokens / mine["step_s"], 1),
        "rows_tokens_per_s": round(load_.tokens / mine["step_s"], 1),
        "mfu": None if arguments.quick else round(mfu(flops, seconds=mine["step_s"], tflops=peak), 4),
        "tflops": round(flops / mine["step_s"] / 1e12, 4),
        "peak_gib": round(mine["peak"] / GIB, 3),
        "estimated_gib": round(estimate / GIB, 3),
        "estimate_error": round(estimate / mine["peak"] - 1, 4),
        "tokens_per_s_vs_hf_trainer": round(peer["step_s"] / mine["step_s"], 3),
        "peak_memory_vs_hf_trainer": round(peer["peak"] / mine["peak"], 3) if peer["peak"] else None,
    }


def ask(arguments: argparse.Namespace, who: str, number: int) -> dict[str, float]:
    """What a worker's last line says."""
    command = [sys.executable, __file__, "--worker", who, str(number), "--steps", str(arguments.steps)]
    command += ["--quick"] if arguments.quick else []
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{who}, stage {number}:\n{done.stderr[-3000:]}")
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def train(dataset: Path, minutes: float, *, quick: bool) -> dict[str, object]:
    """All stages of `real_mini` on a built data set, with as many steps as the minutes allow; last losses."""
    from doctorsun.train.estimate.rehearse import rehearse
    from doctorsun.train.run import run

    recipe = load(Recipe, "real_mini", overrides=[f"data.out={dataset}"])
    keep = [stage for stage in recipe.stages if stage.kind != "medical-vision"]
    anything = {"sources": None, "kinds": None, "topics": None}
    stages = [
        stage.model_copy(update={"mixture": stage.mixture.model_copy(update=anything)}) for stage in keep
    ]
    recipe = recipe.model_copy(update={"stages": stages[:2] if quick else stages})
    with tempfile.TemporaryDirectory() as name:
        times = [one.step_s for one in rehearse(recipe, Path(name) / "try")]
        planned = sum((stage.steps or 1) * s for stage, s in zip(recipe.stages, times, strict=True))
        share = 60 * minutes / planned
        scaled = [
            stage.model_copy(update={"steps": max(2, round((stage.steps or 1) * share))})
            for stage in recipe.stages
        ]
        began = time.perf_counter()
        run(recipe.model_copy(update={"stages": scaled}), Path(name) / "run")
        lines = (Path(name) / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    losses = {f"{row['stage']} {row['name']}": row["loss"] for row in rows if "loss" in row}
    taken = (time.perf_counter() - began) / 60
    return {"minutes": round(taken, 2), "steps": [stage.steps for stage in scaled], "last_losses": losses}


def main() -> None:
    """Measure both stages, then train; or be one of the runs measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small model on the CPU")
    parser.add_argument("--gpu", default="h100", help="whose peak the MFU is a share of")
    parser.add_argument("--steps", type=int, default=6, help="timed steps of each kind")
    parser.add_argument("--train", type=Path, help="a built data set to train on")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        who, number = arguments.worker
        recipe = recipe_of(arguments.quick)
        with repeatable(2):
            print(json.dumps({"ours": ours, "theirs": theirs}[who](recipe, int(number), arguments.steps)))
        return
    result: dict[str, object] = {"quick": arguments.quick}
    for number in (1, 2):
        result[f"stage_{number}"] = figures = stage_figures(arguments, number)
        print(figures, flush=True)
    if arguments.train:
        result["training"] = train(arguments.train, arguments.minutes, quick=arguments.quick)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
