"""A made hospital of 500 DICOM studies with zh and en reports becomes a data set; last, one JSON object.

GB18030 CSV and XLSX, names in paths, headers, texts and pixels, reports without pictures and the other way
round. Joined + listed must be all rows. `left` counts seeded values (names in every spelling, numbers,
phones, days, UIDs) in any byte of the data set (UTF-8, GB 18030, UTF-16, base64) and in every value that its
Parquet holds; `read_off` counts pictures off which OCR still reads something. Ultrasound waits for a person:
the second build is the one after all that waits was approved.
"""

import argparse
import base64
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.data.build import build
from doctorsun.data.config import DataConfig
from doctorsun.data.hospital.desk import desk_path
from doctorsun.data.hospital.invented import Invented
from doctorsun.data.hospital.miniature import write_hospital
from doctorsun.data.hospital.proof import check_places, prove
from doctorsun.imaging.pictures import open_picture
from doctorsun.privacy.burned import clean_pixels
from doctorsun.privacy.residual import Residual, Value

CODECS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")


def config(root: Path) -> DataConfig:
    """The recipe, as a user would write it."""
    options = {"mapping": "hospital.yaml", "key": str(root / "secret" / "hospital.key")}
    source = {"path": "hospital", "accept": ["hospital-private"], "options": options}
    tree = {"name": "own", "root": root / "raw", "out": root / "built", "drop_limit": 1}
    return DataConfig.model_validate({**tree, "sources": {"hospital": source}})


def values(folder: Path) -> Iterator[str | bytes]:
    """Every text and every bytes that the Parquet files of a data set hold."""
    for path in sorted(folder.rglob("*.parquet")):
        stack: list[object] = pq.read_table(path).to_pylist()
        while stack:
            one = stack.pop()
            if isinstance(one, dict):
                stack += one.values()
            elif isinstance(one, list):
                stack += one
            elif isinstance(one, str | bytes):
                yield one


def left(folder: Path, made: list[Invented]) -> Counter[str]:
    """How many seeded values stand in a data set, searched without the code that proves builds."""
    secrets = sorted({text for one in made for text in one.secrets if len(text) > 1})
    found: Counter[str] = Counter()
    texts = "\n".join(one for one in values(folder) if isinstance(one, str))
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    words = texts.encode() + b"".join(path.read_bytes() + path.name.encode() for path in files)
    for secret in secrets:
        forms = {secret.encode(codec) for codec in CODECS}
        forms |= {base64.b64encode(b"\0" * at + secret.encode())[at + 1 : -4] for at in range(3)}
        found["words"] += any(form in words for form in forms if len(form) >= 6)
    known = Residual(Value("bytes", secret) for secret in secrets)
    for path in sorted(folder.rglob("*.parquet")):
        raw = path.read_bytes()
        found["pages"] += known.in_bytes(raw, samples=[range(len(raw))]).total()
    for one in values(folder):
        if isinstance(one, bytes):
            found["pictures"] += known.in_bytes(one, samples=[range(len(one))]).total()
    return +found


def read_off(folder: Path, most: int) -> tuple[int, int]:
    """How many large pictures were looked at, and off how many of them OCR still reads something."""
    seen: set[bytes] = set()
    bad = 0
    for one in values(folder):
        if len(seen) == most:
            break
        if isinstance(one, bytes) and one not in seen:
            pixels = open_picture(one)
            if pixels.shape[0] > 100:
                seen.add(one)
                bad += bool(clean_pixels(pixels[None]).boxes[0])
    return len(seen), bad


def one_build(root: Path, made: list[Invented], *, looked_at: int) -> dict[str, object]:
    """Build once, and count what was joined, listed and left."""
    recipe = config(root)
    check_places(recipe)
    start = time.perf_counter()
    folder = build(recipe)
    seconds = time.perf_counter() - start
    prove(folder, recipe)
    proof = time.perf_counter() - start - seconds
    place, key = root / "raw" / "hospital", str(root / "secret" / "hospital.key")
    told = json.loads((desk_path(place, key) / "listed.json").read_text())
    lists = {name: len(found) for name, found in told.items() if name.startswith("reports_")}
    info = json.loads((folder / "dataset.json").read_text())
    pictures, bad = read_off(folder, looked_at)
    return {
        "rows": told["rows"],
        "joined": told["joined"],
        "listed": lists,
        "unaccounted": told["rows"] - told["joined"] - sum(lists.values()),
        "images_unmatched": len(told["images_unmatched"]),
        "files_waiting": len(told["files_not_used"]),
        "samples": {split: held["samples"] for split, held in info["splits"].items()},
        "left": dict(left(folder, made)),
        "pictures_read": pictures,
        "read_off": bad,
        "seconds": round(seconds, 1),
        "seconds_of_proof": round(proof, 1),
    }


def approve(root: Path) -> None:
    """Tick all that waits, as a person would after a look at the review page."""
    desk = desk_path(root / "raw" / "hospital", str(root / "secret" / "hospital.key"))
    told = json.loads((desk / "listed.json").read_text())
    ids = [one["id"] for one in (*told["files_not_used"], *told["reports_waiting"])]
    (desk / "approved.txt").write_text("\n".join(ids) + "\n")


def main() -> None:
    """Make, build, approve, build again, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 studies instead of 500")
    parser.add_argument(
        "--page", action="store_true", help="make the review page too (one more OCR a picture)"
    )
    quick, page = vars(parser.parse_args()).values()
    studies = 30 if quick else 500
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = write_hospital(root / "raw" / "hospital", studies=studies, sheet=True)
        if not page:
            mapping = root / "raw" / "hospital" / "hospital.yaml"
            mapping.write_text(mapping.read_text(encoding="utf-8") + "review: false\n", encoding="utf-8")
        first = one_build(root, made, looked_at=2 if quick else 20)
        approve(root)
        second = one_build(root, made, looked_at=2 if quick else 20)
    print(json.dumps({"studies": studies, "first": first, "after_approval": second}, ensure_ascii=False))


if __name__ == "__main__":
    main()
