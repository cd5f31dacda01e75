"""How fast a data set is built and how much memory that takes; last, one JSON object. Runs some minutes.

Pictures: made JPEG and PNG files through `build`, against a loop of Pillow that does the same work (read,
decode, refuse blank ones, hash file and pixels, store in Parquet) in one process; the same with headers read
alone, and with looks for near pictures as well, which the loop does not take; one worker against two. Rows: a
million made dialogues through the whole build, with the most resident memory of the main process and of a
worker. Each part is kept in --work and not measured again there.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from shutil import rmtree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("Pneumonia", "No_findings")
SIDES = (512, 768, 1024)
ROWS_SOURCE = """
from doctorsun.core.schema import Card
from doctorsun.data.talk import talk_record

CARD = Card("made_rows", "Made rows", "CC0-1.0", "", ("en",), "Made by a benchmark.", "", synthetic=True)
THINGS = ("fever", "cough", "rash", "pain", "fracture", "nodule", "edema", "anemia", "stroke", "asthma")


def records(place, counts, *, seed=0, count=1000):
    for at in range(count):
        one, two = THINGS[at % 10], THINGS[at // 10 % 10]
        words = f"{at * 2654435761 % 2**32:08x} {at * 40503 % 65536:04x}"
        yield talk_record(
            f"row-{at}",
            f"Patient {words} has {one} and {two} since day {at % 97}. What should be done for case {at}?",
            f"For {one} with {two} in {words}, check again on day {at % 31}; note value {at * 7919 % 10007}.",
            lang="en",
            origin="synthetic",
        )
"""


def make_pictures(folder: Path, number: int) -> None:
    """Pictures of clouds and grain, three of four JPEG, of the sizes that published sets have."""
    rng = np.random.default_rng(0)
    for at in range(number):
        side = SIDES[at % len(SIDES)]
        coarse = Image.fromarray(rng.uniform(0, 200, (16, 16)).astype(np.float32))
        clouds = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
        pixels = np.clip(clouds + rng.normal(0, 6, (side, side)), 0, 255).astype(np.uint8)
        jpeg = at % 4 != 3
        file = folder / CLASSES[at % 2] / f"{at:08d}_000.{'jpg' if jpeg else 'png'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels).convert("RGB" if at % 3 else "L")
        image.save(file, quality=90) if jpeg else image.save(file, compress_level=4)


def pillow_loop(folder: Path, out: Path) -> int:
    """The plain way: one process, one picture after another."""
    schema = pa.schema(
        [("name", pa.string()), ("bytes", pa.binary()), ("file", pa.string()), ("pixels", pa.string())]
    )
    done, rows = 0, []
    with pq.ParquetWriter(out, schema, compression="snappy") as writer:
        for path in sorted(folder.rglob("*_000.*")):
            raw = path.read_bytes()
            pixels = np.asarray(Image.open(BytesIO(raw)).convert("RGB"))
            if pixels.max() == pixels.min():
                continue
            rows.append(
                {
                    "name": path.name,
                    "bytes": raw,
                    "file": hashlib.sha256(raw).hexdigest(),
                    "pixels": hashlib.sha256(pixels.tobytes()).hexdigest(),
                }
            )
            done += 1
            if len(rows) == 64:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows = []
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return done


def build_pictures(folder: Path, out: Path, *, workers: int, check: str, near: bool) -> dict[str, float]:
    """One build of the pictures, in this process and its workers."""
    from doctorsun.data.build import build
    from doctorsun.data.config import DataConfig

    config = DataConfig.model_validate(
        {
            "name": "speed",
            "root": folder,
            "out": out,
            "workers": workers,
            "keep": False,
            "langs": ["en"],
            "near": {"pictures": near},
            "pictures": {"check": check},
            "questions": {"forms": {}, "open": 0, "findings": 0, "reports": 0},
            "sources": {"nih_cxr": {"accept": ["unknown"]}},
        }
    )
    began = time.monotonic()
    build(config)
    return {"seconds": time.monotonic() - began}


def build_rows(out: Path, number: int) -> dict[str, float]:
    """The whole build of made rows; resident memory in MiB."""
    from doctorsun.data import sources
    from doctorsun.data.build import build
    from doctorsun.data.config import DataConfig
    from doctorsun.data.dataset import open_dataset

    module = out.parent / "made" / "made_rows.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(ROWS_SOURCE)
    sources.__path__.append(str(module.parent))
    config = DataConfig.model_validate(
        {
            "name": "rows",
            "out": out,
            "workers": 2,
            "keep": False,
            "sources": {"made_rows": {"options": {"count": number}}},
        }
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    dataset = open_dataset(build(config))
    seconds = time.monotonic() - began
    main = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "rows": sum(tally["samples"] for tally in dataset.info["splits"].values()),
        "main_mib": main,
        "main_before_mib": before,
        "worker_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


def part(name: str, work: Path, words: list[str]) -> dict[str, float]:
    """A part measured in a process of its own, or found from an earlier run."""
    kept = work / f"{name}.json"
    if not kept.is_file():
        asked = [sys.executable, __file__, "--part", name, "--work", str(work), *words]
        found = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
        kept.write_text(found.splitlines()[-1])
    print(name, kept.read_text(), flush=True)
    return dict(json.loads(kept.read_text()))


def measure(name: str, work: Path, pictures: int, rows: int) -> dict[str, float]:
    """One part in this process."""
    out = work / f"{name}-out"
    rmtree(out, ignore_errors=True)
    if name == "rows":
        found = build_rows(out, rows)
    elif name == "pillow":
        began = time.monotonic()
        number = pillow_loop(work / "pictures", work / "loop.parquet")
        found = {"seconds": time.monotonic() - began, "pictures": number}
        assert number == pictures
    else:
        check, near, workers = name.split("-")
        found = build_pictures(
            work / "pictures", out, workers=int(workers), check=check, near=near == "looks"
        )
    rmtree(out, ignore_errors=True)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return found | {"cpu_seconds": round(sum(each.ru_utime + each.ru_stime for each in used), 1)}


def main() -> None:
    """Measure all parts, or one where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures and rows")
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--work", type=Path, help="where parts are kept; a temporary folder where absent")
    parser.add_argument("--part")
    arguments = parser.parse_args()
    pictures = arguments.pictures or (200 if arguments.quick else 6000)
    rows = arguments.rows or (20_000 if arguments.quick else 1_000_000)
    sys.path.insert(0, str(ROOT))
    if arguments.part:
        print(json.dumps(measure(arguments.part, arguments.work, pictures, rows)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        if not (work / "pictures").is_dir():
            make_pictures(work / "pictures-aside", pictures)
            (work / "pictures-aside").rename(work / "pictures")
        words = ["--pictures", str(pictures), "--rows", str(rows)]
        names = ("pillow", "full-alone-2", "header-alone-2", "full-alone-1", "full-looks-2", "rows")
        found = {name: part(name, work, words) for name in names}
    seconds = {name: known["seconds"] for name, known in found.items()}
    result = {
        "pictures": pictures,
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "pictures_a_second": round(pictures / seconds["full-alone-2"]),
        "images_vs_pillow_loop": round(seconds["pillow"] / seconds["full-alone-2"], 2),
        "pass_through_vs_pillow_loop": round(seconds["pillow"] / seconds["header-alone-2"], 2),
        "images_with_looks_vs_pillow_loop": round(seconds["pillow"] / seconds["full-looks-2"], 2),
        "two_workers_vs_one": round(seconds["full-alone-1"] / seconds["full-alone-2"], 2),
        "cpu_seconds": {name: known["cpu_seconds"] for name, known in found.items()},
        "rows": found["rows"]["rows"],
        "rows_a_second": round(found["rows"]["rows"] / seconds["rows"]),
        "rows_main_mib": round(found["rows"]["main_mib"]),
        "rows_worker_mib": round(found["rows"]["worker_mib"]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
