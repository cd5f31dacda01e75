"""A data set of coloured squares, a recipe and a run, small enough for a test."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from pytest import MonkeyPatch, raises

from doctorsun.core.config import validate
from doctorsun.core.files import sha256_file
from doctorsun.core.schema import Fact, Message, Part, Picture, Sample
from doctorsun.data.dataset import seal
from doctorsun.data.shards import Row, sha256, write_shard
from doctorsun.train.recipe import Recipe
from doctorsun.train.run import run

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
ZH = {"red": "红色", "green": "绿色", "blue": "蓝色"}
MODEL = {
    "vision": {"width": 32, "layers": 2, "heads": 2, "mlp": 64, "image_px": 32, "patch_px": 8},
    "language": {
        "width": 32,
        "layers": 2,
        "heads": 4,
        "kv_heads": 2,
        "mlp": 64,
        "vocabulary": 512,
        "context": 256,
    },
    "feature_layer": -1,
}


def square(colour: str, seed: int) -> Picture:
    levels = np.random.default_rng(seed).integers(0, 50, (32, 32, 3)) + np.array(COLOURS[colour]) - 25
    file = io.BytesIO()
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return Picture(file.getvalue(), f"{seed}.png")


def samples(count: int, *, split: str) -> list[Sample]:
    """Three questions about each of `count` squares, and a talk without a picture for every other one."""
    found = []
    for number in range(count):
        colour = list(COLOURS)[number % 3]
        fact = Fact("square_colour", value=json.dumps(colour))
        picture = square(colour, number + (1000 if split != "train" else 0))
        caption = f"A {colour} square, number {number} of the series, on a plain ground."
        rows = [
            ("en", "closed", "vqa", "What colour is the square?", colour),
            ("zh", "closed", "vqa", "方块是什么颜色？", ZH[colour]),
            ("en", "report", "caption", "Describe the picture.", caption),
        ]
        for place, (lang, kind, task, question, answer) in enumerate(rows):
            ask = Message("user", (Part("image"), Part("text", question)))
            say = Message("assistant", (Part("text", answer),))
            found.append(
                Sample(
                    f"squares/{split}/{number}/{place}",
                    (picture,),
                    (ask, say),
                    lang,
                    task,
                    "squares",
                    "Apache-2.0",
                    "synthetic",
                    kind=kind,
                    split=split,
                    facts=(fact,),
                )
            )
        if number % 2:
            ask = Message("user", (Part("text", "How many sides has a square?"),))
            say = Message("assistant", (Part("text", f"Four, as ever ({number})."),))
            found.append(
                Sample(
                    f"talk/{split}/{number}",
                    (),
                    (ask, say),
                    "en",
                    "qa",
                    "talk",
                    "Apache-2.0",
                    "synthetic",
                    kind="open",
                    split=split,
                )
            )
    return found


def write_dataset(
    folder: Path, *, train: int = 24, validation: int = 6, made: Callable[..., list[Sample]] = samples
) -> Path:
    (folder / "data").mkdir(parents=True)
    files = {}
    for split, count in (("train", train), ("validation", validation)):
        rows = [_row(sample) for sample in made(count, split=split)]
        name = f"data/{split}-00000-of-00001.parquet"
        write_shard(folder / name, rows)
        files[name] = {"sha256": sha256_file(folder / name), "bytes": (folder / name).stat().st_size}
    card = {"title": "Squares", "licence": "Apache-2.0", "synthetic": True}
    sources = {"squares": {"card": card}}
    info = {
        "name": "squares",
        "licence": "Apache-2.0",
        "splits": {"train": {}, "validation": {}},
        "files": files,
        "sources": sources,
    }
    (folder / "dataset.json").write_text(json.dumps(info | {"sha256": seal(info)}))
    return folder


def _row(sample: Sample) -> Row:
    closed = sample.kind == "closed"
    label = json.loads(sample.facts[0].value) if closed else None
    key = "squares/square_colour/what" if closed else None
    names = tuple(sha256(image.bytes) for image in sample.images)
    return Row(sample, label, key, sample.source == "talk", names, names)


def vision_stage(**changes: object) -> dict[str, object]:
    stage = {
        "kind": "medical-vision",
        "vision": {"mode": "full", "lr": 0.001},
        "steps": 4,
        "pictures": 8,
        "objectives": {"facts": 1.0, "contrastive": 0.1},
        "augment": {"crop": 0.2, "rotate": 10, "brightness": 0.1},
        "save_every": 2,
        "precision": "fp32",
    }
    return stage | changes


def text_stage(**changes: object) -> dict[str, object]:
    stage = {
        "kind": "medical-llm",
        "language": {"mode": "full", "lr": 0.001},
        "steps": 4,
        "row_tokens": 96,
        "rows": 4,
        "supervise": "all",
        "save_every": 2,
        "precision": "fp32",
    }
    return stage | changes


def align_stage(**changes: object) -> dict[str, object]:
    stage = {
        "kind": "align",
        "projector": {"mode": "full", "lr": 0.001},
        "steps": 4,
        "row_tokens": 128,
        "rows": 4,
        "save_every": 2,
        "precision": "fp32",
    }
    return stage | changes


def instruct_stage(**changes: object) -> dict[str, object]:
    stage = {
        "kind": "instruct",
        "vision": {"mode": "lora", "lr": 0.001, "rank": 4, "alpha": 8},
        "projector": {"mode": "full", "lr": 0.001},
        "language": {"mode": "full", "lr": 0.001, "weight_decay": 0.01},
        "augment": {"crop": 0.1},
        "steps": 6,
        "row_tokens": 128,
        "rows": 4,
        "micro_rows": 2,
        "save_every": 2,
        "precision": "fp32",
    }
    return stage | changes


def recipe(data: Path, *stages: dict[str, object], **changes: object) -> Recipe:
    tree = {
        "name": "small",
        "seed": 3,
        "threads": 1,
        "data": {"name": "squares", "out": str(data)},
        "model": MODEL,
        "stages": list(stages),
    }
    return validate(Recipe, tree | changes, where="small")


def straight_and_broken(full: Recipe, folder: Path, monkeypatch: MonkeyPatch) -> tuple[bytes, bytes]:
    """The weights of a run, and of one that was broken off behind its second checkpoint and went on."""
    run(full, folder / "straight")
    seen = []

    def stop(name: str) -> None:
        seen.append(name)
        if seen.count("ckpt.after_rename") == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, raises(KeyboardInterrupt):
        patched.setattr("doctorsun.train.checkpoint.crash_point", stop)
        run(full, folder / "broken")
    run(full, folder / "broken")
    one, other = (
        (folder / name / "model" / "model.safetensors").read_bytes() for name in ("straight", "broken")
    )
    return one, other
