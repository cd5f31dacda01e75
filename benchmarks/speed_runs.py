"""The runs that train_speed.py compares: ours, transformers' Trainer, TRL's SFTTrainer, on one data set."""

import io
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from doctorsun.core.config import validate
from doctorsun.core.schema import Message, Part, Picture, Sample
from doctorsun.data.dataset import open_dataset
from doctorsun.data.shards import Row, sha256, write_shard
from doctorsun.model.assemble import assemble
from doctorsun.model.parts import Parts
from doctorsun.model.store import load_model, save_model
from doctorsun.model.tokenizer import train_tokenizer
from doctorsun.model.tuning import apply_tuning
from doctorsun.train.answers import Answers
from doctorsun.train.bench import Bench
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.device import repeatable
from doctorsun.train.loop import Loop, Place
from doctorsun.train.packing import Piece
from doctorsun.train.parallel.world import World
from doctorsun.train.recipe import Recipe
from doctorsun.train.schedule import row_steps
from doctorsun.train.stage import make_objective
from doctorsun.train.watch.hands import Hands
from doctorsun.train.watch.watching import Watch

BATCH = 8
ROW = "row_tokens.json"
Clock = Callable[[], float]
FULL = {
    "vision": {"width": 384, "layers": 12, "heads": 6, "mlp": 1536, "image_px": 224, "patch_px": 14},
    "language": {"width": 512, "layers": 8, "heads": 8, "kv_heads": 8, "mlp": 1408, "vocabulary": 32000},
}
SMALL = {
    "vision": {"width": 96, "layers": 3, "heads": 3, "mlp": 384, "image_px": 112, "patch_px": 14},
    "language": {"width": 128, "layers": 3, "heads": 4, "kv_heads": 4, "mlp": 352, "vocabulary": 4000},
}
TUNED: dict[str, dict[str, Any]] = {
    "frozen": {"vision": "frozen"},
    "lora": {"vision": {"mode": "lora", "lr": 1e-4, "rank": 16, "dropout": 0.0}},
}


def invent(folder: Path, *, pictures: int, questions: int, words: int) -> None:
    """A data set of noise pictures; of its answers 60 % are short and 40 % as long as a report."""
    draw = random.Random(0)
    lexicon = [
        "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(words)
    ]
    rows = []
    for number in range(pictures):
        picture = _picture(number)
        for place in range(questions):
            asked = " ".join(draw.choices(lexicon, k=7))
            answer = " ".join(draw.choices(lexicon, k=2 if draw.random() < 0.6 else 40))
            ask = Message("user", (Part("image"), Part("text", f"{asked}?")))
            say = Message("assistant", (Part("text", f"{answer}."),))
            name = f"noise/{number}/{place}"
            sample = Sample(name, (picture,), (ask, say), "en", "vqa", "noise", "CC0-1.0", "synthetic")
            hashed = (sha256(picture.bytes),)
            rows.append(Row(sample, None, None, False, hashed, hashed))
    (folder / "data").mkdir(parents=True)
    write_shard(folder / "data" / "train-00000-of-00001.parquet", rows)
    files: dict[str, Any] = {"data/train-00000-of-00001.parquet": {}}
    info = {"name": "noise", "licence": "CC0-1.0", "splits": {"train": {}}, "files": files}
    (folder / "dataset.json").write_text(json.dumps(info), encoding="utf-8")


def _picture(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((512, 512), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return Picture(file.getvalue(), f"{seed}.jpg")


def make_recipe(place: Path, model: dict[str, Any], *, precision: str, tune: str, threads: int = 1) -> Recipe:
    """The recipe of one instruct stage over one epoch, of as many steps as the peers make of it."""
    sized = place / ROW
    row = json.loads(sized.read_text(encoding="utf-8")) if sized.is_file() else 512
    stage: dict[str, Any] = {
        "kind": "instruct",
        "projector": {"mode": "full", "lr": 1e-4},
        "language": {"mode": "full", "lr": 1e-4},
        "mixture": {"balance": False, "general": None},
        "epochs": 1,
        "row_tokens": row,
        "rows": 1,
        "precision": precision,
        "save_every": 10**6,
        **TUNED[tune],
    }
    data = {"name": "noise", "out": str(place / "data")}
    sizes = {"vision": model["vision"], "language": {**model["language"], "context": 1024}}
    tree = {
        "name": "speed",
        "threads": threads,
        "data": data,
        "model": sizes,
        "stages": [stage],
        "features": {"folder": str(place / f"features-{precision}")},
    }
    return validate(Recipe, tree, where="benchmark")


def prepare(place: Path, model: dict[str, Any], *, pictures: int, questions: int) -> None:
    """Data set and model on disk, the same for all runs."""
    words = model["language"]["vocabulary"]
    invent(place / "data", pictures=pictures, questions=questions, words=words)
    recipe = make_recipe(place, model, precision="fp32", tune="frozen")
    corpus = Corpus.of_rows(open_dataset(place / "data").rows("train"))
    texts = [message.text for entry in corpus.entries for message in entry.messages]
    filler = " ".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=20 * words))
    tokenizer = train_tokenizer([*texts, filler], size=words, context=1024)
    more = [f"<|spare{number}|>" for number in range(words - len(tokenizer))]
    tokenizer.add_tokens(more)
    parts = assemble(recipe.model, tokenizer, seed=0)
    save_model(parts, place / "start")
    pieces = Pieces(corpus, parts.encoder, context=1024, supervise="answers", text_only=False)
    for row in range(128, 2**16, 32):
        stage = recipe.stages[0].model_copy(update={"row_tokens": row})
        if sum(1 for _ in row_steps(corpus.metas, pieces, stage, seed=0)) * BATCH <= len(corpus.entries):
            break
    (place / ROW).write_text(json.dumps(row), encoding="utf-8")


def pieces_of(parts: Parts, place: Path) -> list[Piece]:
    """The encoded samples, in the order of the data set."""
    corpus = Corpus.of_rows(open_dataset(place / "data").rows("train"))
    pieces = Pieces(corpus, parts.encoder, context=1024, supervise="answers", text_only=False)
    return [pieces[row] for row in range(len(corpus.entries))]


def ours(recipe: Recipe, place: Path, clock: Clock, *, kept: bool = False) -> dict[str, Any]:
    """What one epoch of the lean loop takes; `kept` says whether an earlier run's features may be read."""
    assert recipe.features.folder
    if not kept:
        shutil.rmtree(recipe.features.folder, ignore_errors=True)
    with repeatable(recipe.threads), tempfile.TemporaryDirectory(dir=place) as out:
        parts = load_model(place / "start")
        tokens = sum(len(piece.ids) for piece in pieces_of(parts, place))
        began = clock()
        learner, loop = _lean(recipe, place, Path(out), parts)
        told: dict[str, Any] = _timed_features(learner, clock)
        loop.run(start_size=0)
        return _taken(tokens, clock() - began, steps=learner.total) | told


def kept(recipe: Recipe, place: Path, clock: Clock) -> dict[str, Any]:
    """What a later epoch takes: the features are on disk."""
    return ours(recipe, place, clock, kept=True)


def _lean(recipe: Recipe, place: Path, out: Path, parts: Parts) -> tuple[Answers, Loop]:
    dataset = open_dataset(place / "data")
    watch = Watch(recipe, dataset, out, hands=Hands(), world=World())
    stage = recipe.stages[0]
    tuned = apply_tuning(parts.model, stage.tune, seed=0)
    learner = make_objective(Bench(recipe, dataset, out, watch), stage, parts, tuned, seed=0)
    assert isinstance(learner, Answers)
    return learner, Loop(learner, stage, Place(out, 1, "speed", 0), watch=watch.stage(1, parts))


def _timed_features(learner: Answers, clock: Clock) -> dict[str, Any]:
    """How long features were computed, and how many; filled while the learner works."""
    told: dict[str, Any] = {"features": 0, "features_s": 0.0}
    cache = learner._setting.cache
    if cache is not None:
        compute = cache._compute

        def timed(view: tuple[str, int]) -> Tensor:
            began = clock()
            found = compute(view)
            told["features"] += 1
            told["features_s"] += clock() - began
            return found

        cache._compute = timed
    return told


def profile(recipe: Recipe, place: Path, _: Clock) -> dict[str, Any]:
    """Where the time of one epoch of ours goes: the share of each of PyTorch's operators, and of all else."""
    with repeatable(recipe.threads), tempfile.TemporaryDirectory(dir=place) as out:
        learner, loop = _lean(recipe, place, Path(out), load_model(place / "start"))
        began = time.perf_counter()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            loop.run(start_size=0)
        seconds = time.perf_counter() - began
    rows = sorted(seen.key_averages(), key=lambda row: row.self_cpu_time_total, reverse=True)
    shares = {row.key: round(row.self_cpu_time_total / 1e6 / seconds, 4) for row in rows[:14]}
    other = 1 - sum(row.self_cpu_time_total for row in rows) / 1e6 / seconds
    return {
        "seconds": seconds,
        "steps": learner.total,
        "shares": shares,
        "outside_operators": round(other, 4),
    }


class Padded(torch.utils.data.Dataset[dict[str, Tensor]]):
    """The samples as users of Trainer have them: ids beforehand, each picture decoded when it is read."""

    def __init__(self, parts: Parts, place: Path) -> None:
        self.pieces = pieces_of(parts, place)
        self._read = parts.pictures.pixels
        rows = open_dataset(place / "data").rows("train")
        self._pictures = {name: picture.bytes for name, picture in rows.pictures()}

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        piece = self.pieces[number]
        ids = torch.from_numpy(piece.ids).long()
        labels = torch.where(torch.from_numpy(piece.learnt), ids, -100)
        return {
            "input_ids": ids,
            "labels": labels,
            "pixel_values": self._read([self._pictures[piece.pictures[0]]])[0],
        }


def collate(samples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """A padded batch."""
    pad = nn.utils.rnn.pad_sequence
    ids = pad([sample["input_ids"] for sample in samples], batch_first=True)
    labels = pad([sample["labels"] for sample in samples], batch_first=True, padding_value=-100)
    real = pad([torch.ones_like(sample["input_ids"]) for sample in samples], batch_first=True)
    pixels = torch.stack([sample["pixel_values"] for sample in samples])
    return {"input_ids": ids, "labels": labels, "attention_mask": real, "pixel_values": pixels}


def theirs(recipe: Recipe, place: Path, clock: Clock) -> dict[str, Any]:
    """What one epoch of transformers' Trainer takes, with the same parts tuned."""
    torch.set_num_threads(recipe.threads)
    parts = load_model(place / "start")
    apply_tuning(parts.model, recipe.stages[0].tune, seed=0)
    samples = Padded(parts, place)
    with tempfile.TemporaryDirectory(dir=place) as out:
        arguments = TrainingArguments(**_asked(recipe, out), remove_unused_columns=False)
        trainer = Trainer(model=parts.model, args=arguments, train_dataset=samples, data_collator=collate)
        return _trained(trainer, parts, samples.pieces, clock)


def trl(recipe: Recipe, place: Path, clock: Clock) -> dict[str, Any]:
    """What one epoch of TRL's SFTTrainer takes, learning the answers alone; nothing is computed again."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(recipe.threads)
    parts = load_model(place / "start")
    apply_tuning(parts.model, recipe.stages[0].tune, seed=0)
    rows = open_dataset(place / "data").rows("train")
    pictures = {name: picture.bytes for name, picture in rows.pictures()}
    samples = [
        {
            "prompt": [{"role": "user", "content": entry.messages[0].text}],
            "completion": [{"role": "assistant", "content": entry.messages[1].text}],
            "images": [{"bytes": pictures[entry.pictures[0]], "path": None}],
        }
        for entry in Corpus.of_rows(rows).entries
    ]
    told = datasets.Dataset.from_list(samples).cast_column("images", datasets.List(datasets.Image()))
    with tempfile.TemporaryDirectory(dir=place) as out:
        asked = SFTConfig(**_asked(recipe, out), gradient_checkpointing=False, max_length=None)
        trainer = SFTTrainer(parts.model, args=asked, train_dataset=told, processing_class=parts.processor)
        found = _trained(trainer, parts, pieces_of(parts, place), clock)
        return found | {"tokens_counted": float(trainer._total_train_tokens)}


def _asked(recipe: Recipe, out: str) -> dict[str, Any]:
    return {
        "output_dir": out,
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        "bf16": recipe.stages[0].precision == "bf16",
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": [],
        "logging_steps": 10**6,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
    }


def _trained(trainer: Trainer, parts: Parts, pieces: list[Piece], clock: Clock) -> dict[str, Any]:
    parts.model.config.use_cache = False
    began = clock()
    trainer.train()
    taken = clock() - began
    return _taken(sum(len(piece.ids) for piece in pieces), taken, steps=trainer.state.global_step)


def _taken(tokens: int, seconds: float, *, steps: int) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
    return {
        "tokens": tokens,
        "tokens_per_s": tokens / seconds,
        "seconds": seconds,
        "peak_gib": peak,
        "steps": steps,
    }


def gradient_error(recipe: Recipe, place: Path, _: Clock) -> dict[str, Any]:
    """The greatest relative error of a gradient over the tensors, ours against a plain padded step."""
    with repeatable(recipe.threads), tempfile.TemporaryDirectory(dir=place) as out:
        parts = load_model(place / "start")
        learner, _loop = _lean(recipe, place, Path(out), parts)
        step = next(learner.steps())
        learner.backward(step)
        found = dict(_gradients(learner))
        parts.model.zero_grad()
        samples = Padded(parts, place)
        numbers = {piece.id: number for number, piece in enumerate(samples.pieces)}
        batch = collate([samples[numbers[piece.id]] for row in step for piece in row.pieces])
        parts.model(**batch, use_cache=False).loss.backward()
        # A key's bias has no gradient: softmax does not see it. What stands there is rounding alone.
        plain = {name: one for name, one in _gradients(learner) if not name.endswith("k_proj.bias")}
        return {"error": max(float((found[name] - one).norm() / one.norm()) for name, one in plain.items())}


def _gradients(learner: Answers) -> Iterator[tuple[str, Tensor]]:
    for group in learner.groups:
        for name, parameter in zip(group.names, group.parameters, strict=True):
            if parameter.grad is not None and parameter.grad.norm() > 0:
                yield name, parameter.grad.clone()


WORK = {
    "ours": ours,
    "kept": kept,
    "hf": theirs,
    "trl": trl,
    "gradients": gradient_error,
    "profile": profile,
}
