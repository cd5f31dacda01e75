"""How much burned-in text is blanked, and how many clean pictures are left alone; last, one JSON object.

500 made pictures with text (Chinese and English, 10 to 40 px, white, black, yellow, faint, turned) and 500
without. A line of text counts as covered when 99 % of its inked pixels are blanked; a picture counts as read
when the OCR still finds text in it afterwards. Answers are kept in a file, so that a stopped run goes on and
parts (`--part 1/2`) can run side by side. `--real DIR` looks at a folder of real pictures instead: there a
blanked picture may well hold text (L, R, AP), so each is saved for the eye.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.imaging.pictures import open_picture  # noqa: E402
from doctorsun.privacy.burned import clean_pixels, find_text  # noqa: E402
from tests.privacy import rendered  # noqa: E402

COVERED = 0.99
STRIDE = 137
Row = dict[str, Any]


def look_at_burned(number: int) -> Row:
    """One picture with text, cleaned: the covered part of each line, and whether any can be read after."""
    made = rendered.burned(number)
    began = time.process_time()
    outcome = clean_pixels(made.pixels[None])
    seconds = time.process_time() - began
    blank = np.zeros(made.pixels.shape[:2], np.bool_)
    for box in outcome.boxes[0]:
        blank[box.top : box.bottom, box.left : box.right] = True
    return {
        "kind": "burned",
        "number": number,
        "seconds": round(seconds, 2),
        "covered": [round(float((ink & blank).sum() / ink.sum()), 4) for ink in made.inks],
        "blanked": round(float(blank.mean()), 4),
        "read_after": not outcome.checked,
        "size": made.style.size,
        "contrast": made.style.contrast,
        "turn": made.style.turn,
        "lang": made.style.lang,
    }


def look_at_clean(number: int) -> Row:
    """One picture without text: what was found all the same."""
    pixels = rendered.clean(number)
    began = time.process_time()
    boxes = find_text(pixels)
    seconds = round(time.process_time() - began, 2)
    found = [[box.text, round(box.score, 2), box.right - box.left, box.bottom - box.top] for box in boxes]
    return {"kind": "clean", "number": number, "seconds": seconds, "found": found}


def wilson(hits: int, total: int) -> list[float]:
    """The share and the ends of its Wilson 95 % interval."""
    if not total:
        return []
    z, share = 1.96, hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return [round(share, 4), round(middle - reach, 4), round(middle + reach, 4)]


def coverage(rows: Iterable[Row]) -> list[float]:
    """The share of covered lines with its interval."""
    lines = [part >= COVERED for row in rows for part in row["covered"]]
    return wilson(sum(lines), len(lines))


def summary(rows: list[Row]) -> Row:
    """All figures of the kept answers."""
    burned = [row for row in rows if row["kind"] == "burned"]
    clean = [row for row in rows if row["kind"] == "clean"]
    result: Row = {
        "pictures": len(burned),
        "lines": sum(len(row["covered"]) for row in burned),
        "covered": coverage(burned),
        "read_after": wilson(sum(row["read_after"] for row in burned), len(burned)),
        "clean_pictures": len(clean),
        "false_blanking": wilson(sum(bool(row["found"]) for row in clean), len(clean)),
    }
    for axis in ("size", "contrast", "turn", "lang"):
        values = sorted({row[axis] for row in burned})
        result[axis] = {str(value): coverage(row for row in burned if row[axis] == value) for value in values}
    for name, some in (("burned", burned), ("clean", clean)):
        if some:
            result[f"cpu_s_per_{name}_picture"] = round(sum(row["seconds"] for row in some) / len(some), 2)
    return result


def kept(path: Path) -> list[Row]:
    """The answers of earlier runs, each picture once."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return list({(row["kind"], row["number"]): row for row in rows}.values())


def real(folder: Path, out: Path, most: int) -> Row:
    """Real pictures, evenly chosen from a folder; the blanked ones are saved with their boxes for the eye."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".png", ".jpg", ".jpeg"})
    chosen = paths[:: max(1, len(paths) // most)][:most]
    out.mkdir(parents=True, exist_ok=True)
    blanked = []
    for path in chosen:
        pixels = open_picture(path.read_bytes(), where=path.name)
        boxes = find_text(pixels)
        if boxes:
            blanked.append({"file": path.name, "boxes": [[box.text, round(box.score, 2)] for box in boxes]})
            framed = pixels.copy()
            for box in boxes:
                framed[box.top : box.bottom, (box.left, box.right - 1)] = (255, 0, 0)
                framed[(box.top, box.bottom - 1), box.left : box.right] = (255, 0, 0)
            Image.fromarray(framed).save(out / f"{path.stem}.png")
    return {"real_pictures": len(chosen), "real_blanked": len(blanked), "blanked": blanked}


def main() -> None:
    """Look at every picture not yet in the file, then print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 pictures of each kind, no file")
    parser.add_argument("--count", type=int, default=500, help="pictures of each kind")
    parser.add_argument("--part", default="1/1", help="this share of the pictures, such as 1/2")
    parser.add_argument("--out", type=Path, default=Path("runs/burned_text.jsonl"), help="the kept answers")
    parser.add_argument("--real", type=Path, help="a folder of real pictures, instead of made ones")
    options = parser.parse_args()
    if options.real:
        print(json.dumps(real(options.real, options.out.with_suffix(""), options.count), ensure_ascii=False))
        return
    part, parts = (int(number) for number in options.part.split("/"))
    # A stride without a common factor, so that the first few pictures hold some of every kind.
    numbers = [index * STRIDE % options.count for index in range(options.count)][part - 1 :: parts]
    numbers = numbers[:20] if options.quick else numbers
    rows = [] if options.quick else kept(options.out)
    done = {(row["kind"], row["number"]) for row in rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        for kind, look_at in (("burned", look_at_burned), ("clean", look_at_clean)):
            if (kind, number) in done or (
                kind == "burned" and not rendered.can_draw(rendered.style(number).lang)
            ):
                continue
            row = look_at(number)
            rows.append(row)
            if not options.quick:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(json.dumps(summary(kept(options.out) if not options.quick else rows), ensure_ascii=False))


if __name__ == "__main__":
    main()
