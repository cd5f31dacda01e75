"""Seeded DICOM objects through ours and three peers, each with its defaults; last, one JSON object.

Left: seeded values that still stand in any byte of the output (UTF-8, GB 18030, UTF-16, any case; deflated
data sets are inflated first). Lost: files without output. Marked: files that say that the identity was
removed. Intervals: pairs of a patient's studies whose distance in days is kept. The peers keep the caller's
names of files; those are not counted. All run in this process, ours with its residual scan; "guarded" is ours
as the command runs it: every file in a worker process, durable writes.
"""

import argparse
import contextlib
import importlib
import io
import json
import logging
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.privacy.dicom.release import rewrite
from doctorsun.privacy.folder import deidentify_folder
from doctorsun.privacy.key import Key
from tests.privacy.seeded import Seeded, seeded

KEY = Key(b"benchmark-key-of-thirty-two-byte")
Tool = Callable[[Path, Path], None]


@dataclass
class Score:
    """What one tool did to all files."""

    left: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    marked: int = 0
    pixels: int = 0
    days: dict[int, date] = field(default_factory=dict)
    seconds: float = 0.0


def ours(source: Path, target: Path) -> None:
    made = rewrite(source.read_bytes(), name=source.name, key=KEY)
    if made.raw:
        target.write_bytes(made.raw)


def dicognito_tool() -> Tool:
    anonymizer = importlib.import_module("dicognito.anonymizer").Anonymizer(seed="benchmark")

    def run(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(source)
        anonymizer.anonymize(dataset)
        dataset.save_as(target)

    return run


def deid_tool() -> Tool:
    header = importlib.import_module("deid.dicom")
    importlib.import_module("deid.logger").bot.level = 0
    recipe = importlib.import_module("deid.config").DeidRecipe()

    def run(source: Path, target: Path) -> None:
        (dataset,) = header.replace_identifiers([str(source)], deid=recipe, remove_private=True)
        dataset.save_as(target)

    return run


def dicom_anonymizer_tool() -> Tool:
    library = importlib.import_module("dicomanonymizer")

    def run(source: Path, target: Path) -> None:
        library.anonymize_dicom_file(str(source), str(target), delete_private_tags=True)

    return run


TOOLS: dict[str, Callable[[], Tool]] = {
    "ours": lambda: ours,
    "dicognito": dicognito_tool,
    "deid": deid_tool,
    "dicom_anonymizer": dicom_anonymizer_tool,
}


def inflated(raw: bytes) -> bytes:
    """The bytes, followed by those of the data set written plainly where they are deflated."""
    dataset = pydicom.dcmread(io.BytesIO(raw), force=True)
    if dataset.file_meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return raw
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dataset.save_as(file)
    return raw + file.getvalue()


def judge(score: Score, number: int, one: Seeded, target: Path) -> None:
    """Add one file's outcome to a score."""
    if not target.exists():
        score.lost += 1
        return
    raw = target.read_bytes()
    left = one.left_in(inflated(raw))
    score.left += sum(map(len, left.values()))
    score.kinds.update(list(left))
    made = pydicom.dcmread(io.BytesIO(raw), force=True)
    score.marked += made.get("PatientIdentityRemoved") == "YES"
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        score.days[number] = date.fromisoformat(str(made.StudyDate))
    with contextlib.suppress(Exception):
        score.pixels += bool(np.array_equal(made.pixel_array, one.pixels))


def run_tool(tool: Tool, files: dict[int, Seeded], place: Path) -> Score:
    score = Score()
    for number, one in files.items():
        source, target = place / f"{number}.dcm", place / f"{number}.out.dcm"
        source.write_bytes(one.raw)
        began = time.perf_counter()
        with contextlib.suppress(Exception), quiet():
            tool(source, target)
        score.seconds += time.perf_counter() - began
        with quiet():
            judge(score, number, one, target)
    return score


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings and chatter."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(io.StringIO()):
            yield


def guarded_seconds(files: dict[int, Seeded], place: Path) -> tuple[float, int]:
    """How long the whole folder takes in worker processes, and how many files come out the same as above."""
    for one in files.values():
        path = place / "in" / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.raw)
    began = time.perf_counter()
    deidentify_folder(place / "in", place / "out", key=KEY, sources_list=place / "sources.json")
    seconds = time.perf_counter() - began
    made = [rewrite(one.raw, name=one.name, key=KEY) for one in files.values()]
    return seconds, sum((place / "out" / one.verdict.name).read_bytes() == one.raw for one in made)


def kept_intervals(score: Score, files: dict[int, Seeded]) -> int:
    pairs = [(number, number + 1) for number in files if number % 2 == 0 and number + 1 in files]
    return sum(
        a in score.days
        and b in score.days
        and score.days[b] - score.days[a] == files[b].study_date - files[a].study_date
        for a, b in pairs
    )


def main() -> None:
    """Print one row a tool; ratios compare values left (plus one) and seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="24 files instead of 300")
    parser.add_argument("--size", type=int, default=128, help="rows and columns of a slice")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    count = 24 if chosen.quick else 300
    with quiet():
        files = {
            number: seeded(number, patient=number // 2 + 1, days=number % 2 * 45, size=chosen.size)
            for number in range(count)
        }
    seeds = sum(len(texts) for one in files.values() for texts in one.values.values())
    result: dict[str, Any] = {"files": count, "kinds": len(files[0].values), "values": seeds}
    print(f"{count} files, {result['kinds']} kinds, {seeds} seeded values")
    print(
        f"{'tool':<18}{'left':>8}{'kinds':>7}{'lost':>6}{'marked':>8}{'pixels':>8}{'intervals':>11}{'seconds':>9}"
    )
    scores: dict[str, Score] = {}
    for name, make in TOOLS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                with quiet():
                    tool = make()
            except ImportError:
                print(f"{name:<18}{'not installed':>8}")
                continue
            score = scores[name] = run_tool(tool, files, Path(folder))
        kept = f"{kept_intervals(score, files)}/{count // 2}"
        print(
            f"{name:<18}{score.left:>8}{len(score.kinds):>7}{score.lost:>6}{score.marked:>8}"
            f"{score.pixels:>8}{kept:>11}{score.seconds:>9.2f}"
        )
        result |= {
            f"{name}_left": score.left,
            f"{name}_lost": score.lost,
            f"{name}_s": round(score.seconds, 2),
        }
    for name, score in scores.items():
        if name != "ours":
            result[f"left_vs_{name}"] = round((score.left + 1) / (scores["ours"].left + 1), 2)
            result[f"speed_vs_{name}"] = round(score.seconds / scores["ours"].seconds, 3)
            print(f"{name}: left kinds {dict(score.kinds.most_common(12))}")
    with tempfile.TemporaryDirectory() as folder, quiet():
        guarded, same = guarded_seconds(files, Path(folder))
    result |= {"guarded_s": round(guarded, 2), "guarded_same": same}
    print(json.dumps(result))
    raise SystemExit(1 if scores["ours"].left or scores["ours"].lost or same < count else 0)


if __name__ == "__main__":
    main()
