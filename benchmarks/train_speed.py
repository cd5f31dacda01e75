"""Tokens per second and peak memory of stage 2 (instruct) beside transformers' Trainer; last one JSON object.

Both train one model on one list of invented samples for one epoch, each in a process of its own, in turns.
Tokens are the samples' own, pictures expanded, padding left out; ours count decoding and caching of features.
Seconds are the process's own, so that a busy machine tells the same (`--clock wall` on a quiet one).
Before that, the gradients of one batch must agree (float32, relative error below 1e-5 for each tensor).
"""

import argparse
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
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
from doctorsun.train.recipe import Recipe
from doctorsun.train.stage import make_objective

BATCH = 8
TEXT_TOKENS = 60
Clock = Callable[[], float]
FULL = {
    "vision": {"width": 384, "layers": 12, "heads": 6, "mlp": 1536, "image_px": 224, "patch_px": 14},
    "language": {"width": 512, "layers": 8, "heads": 8, "kv_heads": 8, "mlp": 1408, "vocabulary": 32000},
}
SMALL = {
    "vision": {"width": 96, "layers": 3, "heads": 3, "mlp": 384, "image_px": 112, "patch_px": 14},
    "language": {"width": 128, "layers": 3, "heads": 4, "kv_heads": 4, "mlp": 352, "vocabulary": 4000},
}
TUNED = {
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
    files = {"data/train-00000-of-00001.parquet": {}}
    info = {"name": "noise", "licence": "CC0-1.0", "splits": {"train": {}}, "files": files}
    (folder / "dataset.json").write_text(json.dumps(info), encoding="utf-8")


def _picture(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((512, 512), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return Picture(file.getvalue(), f"{seed}.jpg")


def make_recipe(place: Path, model: dict[str, Any], *, precision: str, tune: str, questions: int) -> Recipe:
    """The recipe of one instruct stage over one epoch; a step holds about `BATCH` samples, as the peer's."""
    side = model["vision"]["image_px"] // model["vision"]["patch_px"]
    row = BATCH * (side * side // questions + TEXT_TOKENS)
    stage = {
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
    tree = {"name": "speed", "threads": 1, "data": data, "model": sizes, "stages": [stage]}
    return validate(Recipe, tree, where="benchmark")


def prepare(place: Path, model: dict[str, Any], *, pictures: int, questions: int) -> None:
    """Data set and model on disk, the same for all runs."""
    words = model["language"]["vocabulary"]
    invent(place / "data", pictures=pictures, questions=questions, words=words)
    recipe = make_recipe(place, model, precision="fp32", tune="frozen", questions=questions)
    corpus = Corpus.of_rows(open_dataset(place / "data").rows("train"))
    texts = [message.text for entry in corpus.entries for message in entry.messages]
    filler = " ".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=20 * words))
    tokenizer = train_tokenizer([*texts, filler], size=words, context=1024)
    more = [f"<|spare{number}|>" for number in range(words - len(tokenizer))]
    tokenizer.add_tokens(more)
    save_model(assemble(recipe.model, tokenizer, seed=0), place / "start")


def pieces_of(parts: Parts, place: Path) -> list[Piece]:
    """The encoded samples, in the order of the data set."""
    corpus = Corpus.of_rows(open_dataset(place / "data").rows("train"))
    pieces = Pieces(corpus, parts.encoder, context=1024, supervise="answers", text_only=False)
    return [pieces[row] for row in range(len(corpus.entries))]


def ours(recipe: Recipe, place: Path, clock: Clock) -> dict[str, float]:
    """What one epoch of the lean loop takes."""
    with repeatable(recipe.threads), tempfile.TemporaryDirectory(dir=place) as out:
        parts = load_model(place / "start")
        tokens = sum(len(piece.ids) for piece in pieces_of(parts, place))
        bench = Bench(recipe, open_dataset(place / "data"), Path(out))
        began = clock()
        tuned = apply_tuning(parts.model, recipe.stages[0].tune, seed=0)
        learner = make_objective(bench, recipe.stages[0], parts, tuned, seed=0)
        Loop(learner, recipe.stages[0], Place(Path(out), 1, "speed", 0), ledger=bench.ledger).run(
            start_size=0
        )
        return _taken(tokens, clock() - began, steps=learner.total)


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


def theirs(recipe: Recipe, place: Path, clock: Clock) -> dict[str, float]:
    """What one epoch of transformers' Trainer takes, with the same parts tuned."""
    torch.set_num_threads(recipe.threads)
    parts = load_model(place / "start")
    stage = recipe.stages[0]
    apply_tuning(parts.model, stage.tune, seed=0)
    samples = Padded(parts, place)
    parts.model.config.use_cache = False
    with tempfile.TemporaryDirectory(dir=place) as out:
        arguments = TrainingArguments(
            output_dir=out,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            learning_rate=1e-4,
            bf16=stage.precision == "bf16",
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            logging_steps=10**6,
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_num_workers=0,
        )
        trainer = Trainer(model=parts.model, args=arguments, train_dataset=samples, data_collator=collate)
        began = clock()
        trainer.train()
        taken = clock() - began
    return _taken(sum(len(p.ids) for p in samples.pieces), taken, steps=trainer.state.global_step)


def _taken(tokens: int, seconds: float, *, steps: int) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
    return {"tokens_per_s": tokens / seconds, "seconds": seconds, "peak_gib": peak, "steps": steps}


def gradient_error(recipe: Recipe, place: Path, _: Clock) -> dict[str, float]:
    """The greatest relative error of a gradient over the tensors, ours against a plain padded step."""
    with repeatable(recipe.threads), tempfile.TemporaryDirectory(dir=place) as out:
        parts = load_model(place / "start")
        bench = Bench(recipe, open_dataset(place / "data"), Path(out))
        tuned = apply_tuning(parts.model, recipe.stages[0].tune, seed=0)
        learner = make_objective(bench, recipe.stages[0], parts, tuned, seed=0)
        assert isinstance(learner, Answers)
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


WORK = {"ours": ours, "hf": theirs, "gradients": gradient_error}


def worker(arguments: argparse.Namespace) -> None:
    """One piece of work in this process; its figures are the last line."""
    model, place, questions = SMALL if arguments.quick else FULL, arguments.place, arguments.questions
    if arguments.worker == "prepare":
        pictures = 32 if arguments.quick else arguments.pictures
        prepare(place, model, pictures=pictures, questions=questions)
        print("{}")
        return
    recipe = make_recipe(
        place, model, precision=arguments.precision, tune=arguments.tune, questions=questions
    )
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    print(json.dumps(WORK[arguments.worker](recipe, place, clock)))


def ask(arguments: argparse.Namespace, place: Path, who: str, precision: str = "fp32") -> dict[str, float]:
    """What a worker prints. This process stays small: a child's peak memory begins at its parent's."""
    command = [sys.executable, __file__, "--worker", who, "--place", str(place), "--precision", precision]
    for name in ("tune", "questions", "clock", "pictures"):
        command += [f"--{name}", str(getattr(arguments, name))]
    command += ["--quick"] if arguments.quick else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def measure(arguments: argparse.Namespace, place: Path) -> dict[str, dict[str, float]]:
    """The median figures of each kind of run, which take turns."""
    found: dict[str, list[dict[str, float]]] = {}
    for turn in range(1 if arguments.quick else arguments.runs):
        for precision in ("fp32", "bf16"):
            for who in ("hf", "ours"):
                taken = ask(arguments, place, who, precision)
                found.setdefault(f"{who}_{precision}", []).append(taken)
                figures = ", ".join(f"{figure} {value:.2f}" for figure, value in taken.items())
                print(f"turn {turn + 1} {who:<4} {precision}: {figures}", flush=True)
    return {
        kind: {figure: median(taken[figure] for taken in turns) for figure in turns[0]}
        for kind, turns in found.items()
    }


def compare(arguments: argparse.Namespace) -> None:
    """Gradients first, then the runs in turns, then the ratios."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        ask(arguments, place, "prepare")
        error = ask(arguments, place, "gradients")["error"]
        print(f"gradients: greatest relative error {error:.2e}", flush=True)
        if error >= 1e-5:
            raise SystemExit("the gradients differ: no ratio counts")
        found = measure(arguments, place)
    result: dict[str, object] = {
        "gradient_error": error,
        "tune": arguments.tune,
        "questions": arguments.questions,
        "clock": arguments.clock,
    }
    for precision in ("fp32", "bf16"):
        mine, peer = found[f"ours_{precision}"], found[f"hf_{precision}"]
        ratio = round(mine["tokens_per_s"] / peer["tokens_per_s"], 3)
        result[f"tokens_per_s_vs_hf_trainer_{precision}"] = ratio
        result[f"peak_memory_vs_hf_trainer_{precision}"] = round(peer["peak_gib"] / mine["peak_gib"], 3)
    print(json.dumps(result))


def main() -> None:
    """Compare, or be one of the runs compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small model, one run of each")
    parser.add_argument(
        "--tune", choices=sorted(TUNED), default="frozen", help="the encoder: frozen, or LoRA"
    )
    parser.add_argument("--questions", type=int, default=3, help="questions a picture")
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind")
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--worker", choices=[*WORK, "prepare"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
