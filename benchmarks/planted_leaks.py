"""Benchmark pictures and questions hidden in training data, and how many are found; last, one JSON object.

Pictures: of each source 25 are hidden as they are and 25 altered (smaller, JPEG 50, contrast and brightness,
mirrored, cropped by 5 % of the area, all of it), between all its other pictures: the training side. The 50
originals are the benchmark. A training picture that was not planted and is paired with the benchmark all the
same is an alarm; it is no false one where the source says that both are of one patient or lesion. The others
are for the eye: `--show` writes them side by side. Thresholds were tuned on the first half of the sources.

Questions: text-only ones, exact, reworded (by a table of phrases) and translated (English; glossary terms and
a table of words, the rest lost), between the rows of two instruction sets. Looks are kept in `--out`, so a
stopped run goes on.
"""

import argparse
import csv
import hashlib
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.data.near.contamination import Side, contamination, find_leaks, repeated_triplets  # noqa: E402
from doctorsun.data.near.looks import LOOK_BYTES, look_of  # noqa: E402
from doctorsun.data.near.questions import QUESTION_BYTES, question_print  # noqa: E402
from doctorsun.imaging.pictures import open_picture  # noqa: E402
from doctorsun.language.glossary import glossary  # noqa: E402
from tests.data.altered import KINDS, alter  # noqa: E402

TUNED = ("ham10000-200x150", "nih-cxr-pneumonia-nofindings", "idrid", "brain-tumor-mri")
REPORTED = ("busi", "bccd", "covid-chestxray-dataset", "vqa-rad")
PLANTED = 25
ENDINGS = {".jpg", ".jpeg", ".png"}
REWORDED = (
    ("which of the following", "which one of these"),
    ("what is the most likely", "name the most probable"),
    ("most appropriate", "best"),
    ("patient", "person"),
    ("presents with", "comes with"),
    ("year-old", "years old"),
    ("examination shows", "on examination there is"),
    ("下列", "以下"),
    ("哪项", "哪一项"),
    ("患者", "病人"),
    ("不正确", "错误"),
    ("最可能的诊断", "诊断最可能"),
)
TRANSLATED = (
    ("which of the following", "下列哪项"),
    ("what is the most likely diagnosis", "最可能的诊断是什么"),
    ("year-old", "岁"),
    ("woman", "女性"),
    ("man", "男性"),
    ("presents to", "就诊于"),
    ("blood pressure", "血压"),
    ("pulse", "脉搏"),
    ("temperature", "体温"),
    ("history of", "病史"),
    ("pain", "疼痛"),
)
Row = dict[str, Any]
Seen = tuple[bytes, bytes]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def groups_of(folder: Path) -> dict[str, str]:
    """The patient or lesion of each file name, as far as the source tells."""
    found: dict[str, str] = {}
    for table in sorted(folder.rglob("*.csv")):
        with table.open(encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                name, group = (
                    row.get("image_id") or row.get("filename"),
                    row.get("lesion_id") or row.get("patientid"),
                )
                if name and group:
                    found[Path(name).stem] = group
    for path in files_of(folder):
        if re.fullmatch(r"\d{8}_\d{3}", path.stem):
            found[path.stem] = path.stem[:8]
    return found


def side_of(pictures: Sequence[str], shown: Sequence[Seen], questions: Sequence[bytes] = ()) -> Side:
    """A side of pictures and of questions that ask about none."""
    return Side(
        pictures,
        np.frombuffer(b"".join(pixels for pixels, _ in shown), np.uint8).reshape(-1, 32),
        np.frombuffer(b"".join(look for _, look in shown), np.uint8).reshape(-1, LOOK_BYTES),
        [str(at) for at in range(len(questions))],
        np.frombuffer(b"".join(questions), np.uint8).reshape(-1, QUESTION_BYTES),
        np.full(len(questions), -1),
    )


def seen(pixels: np.ndarray) -> Seen:
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest(), look_of(pixels)


def looked_at(folder: Path, out: Path, most: int) -> tuple[list[Path], list[Seen]]:
    """The pictures of a source with what they show, kept from an earlier run if there was one."""
    paths = files_of(folder)
    paths = paths[:: max(1, len(paths) // most)]
    kept = out / f"{folder.name}-{len(paths)}.npz"
    if not kept.is_file():
        shown = [seen(open_picture(path.read_bytes(), where=path.name)) for path in paths]
        pixels, looks = (np.frombuffer(b"".join(each), np.uint8) for each in zip(*shown, strict=True))
        aside = kept.with_suffix(".part.npz")
        np.savez(aside, pixels=pixels.reshape(len(paths), -1), looks=looks.reshape(len(paths), -1))
        aside.rename(kept)
    held = np.load(kept)
    return paths, [(bytes(one), bytes(two)) for one, two in zip(held["pixels"], held["looks"], strict=True)]


@dataclass
class Hidden:
    """The training side and the benchmark of some sources: their files, and what was planted as what."""

    files: list[Path] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    tests: list[Path] = field(default_factory=list)
    seen_tests: list[Seen] = field(default_factory=list)
    planted: dict[int, tuple[int, str]] = field(default_factory=dict)
    home: dict[Path, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def sort(self, one: int, two: int) -> str:
        """Whether a training picture and one of the benchmark are of one patient or lesion, if told."""
        both = [
            self.groups.get(f"{self.home[path]}/{path.stem}") for path in (self.files[one], self.tests[two])
        ]
        return "untold" if None in both else "same" if both[0] == both[1] else "different"


def hide(folder: Path, hidden: Hidden, options: argparse.Namespace) -> None:
    """Plant pictures of one source among the others."""
    paths, shown = looked_at(folder, options.out, options.most)
    hidden.groups |= {f"{folder.name}/{name}": told for name, told in groups_of(folder).items()}
    hidden.home |= {path: folder.name for path in paths}
    rng = random.Random(f"{options.seed}/{folder.name}")
    chosen = rng.sample(range(len(paths)), min(2 * options.planted, len(paths) // 2))
    for turn, place in enumerate(chosen):
        kind = "exact" if turn % 2 else list(KINDS)[turn // 2 % len(KINDS)]
        hidden.planted[len(hidden.files)] = (len(hidden.tests), kind)
        hidden.tests.append(paths[place])
        hidden.seen_tests.append(shown[place])
        made = shown[place]
        if kind != "exact":
            whole = open_picture(paths[place].read_bytes(), where=paths[place].name)
            made = seen(alter(whole, kind, random.Random(f"{options.seed}/{paths[place].name}")))
        hidden.files.append(paths[place])
        hidden.seen.append(made)
    for place in sorted(set(range(len(paths))) - set(chosen)):
        hidden.files.append(paths[place])
        hidden.seen.append(shown[place])


def pictures(folders: list[Path], options: argparse.Namespace) -> Row:
    """What is found of the planted pictures of some sources, and the alarms."""
    hidden = Hidden()
    for folder in folders:
        hide(folder, hidden, options)
    train = side_of([path.name for path in hidden.files], hidden.seen)
    leaks = find_leaks(train, side_of([path.name for path in hidden.tests], hidden.seen_tests))
    pairs = {(one, two) for one, two in leaks.pictures.tolist()}
    exact = {(one, two) for one, two in leaks.same_pixels.tolist()}
    recall: dict[str, list[bool]] = defaultdict(list)
    for place, (of, kind) in hidden.planted.items():
        found = exact if kind == "exact" else pairs
        twins = {two for two, test in enumerate(hidden.seen_tests) if test == hidden.seen_tests[of]}
        recall[kind].append(any((place, two) in found for two in twins))
    altered = [hit for kind, hits in recall.items() if kind != "exact" for hit in hits]
    alarms = sorted((one, two) for one, two in pairs if one not in hidden.planted)
    crossed = sorted(
        (one, two) for one, two in pairs if one in hidden.planted and hidden.planted[one][0] != two
    )
    judge = [(one, two) for one, two in alarms + crossed if hidden.sort(one, two) != "same"]
    if options.show and judge:
        sheet = options.show / f"{'-'.join(folder.name[:4] for folder in folders)}.png"
        show([(hidden.files[one], hidden.tests[two]) for one, two in judge], sheet)
    alarmed = {one for one, _ in alarms}
    return {
        "training": len(hidden.files),
        "benchmark": len(hidden.tests),
        "recall": {kind: round(float(np.mean(hits)), 4) for kind, hits in sorted(recall.items())},
        "altered": round(float(np.mean(altered)), 4),
        "alarms": {
            "pictures": len(alarmed),
            "share": round(len(alarmed) / max(len(hidden.files) - len(hidden.planted), 1), 5),
            "pairs by patient or lesion": Counter(hidden.sort(one, two) for one, two in alarms + crossed),
            "pictures by source": Counter(hidden.home[hidden.files[one]] for one in sorted(alarmed)),
        },
    }


def show(pairs: list[tuple[Path, Path]], file: Path, px: int = 150) -> None:
    """Pairs side by side, for the eye."""
    columns = 4
    sheet = Image.new("RGB", (columns * (2 * px + 8), -(-len(pairs) // columns) * (px + 4)), (60, 0, 80))
    for at, pair in enumerate(pairs):
        for side, path in enumerate(pair):
            tile = Image.open(path).convert("RGB").resize((px, px))
            sheet.paste(tile, (at % columns * (2 * px + 8) + side * px, at // columns * (px + 4)))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def reworded(question: str) -> str:
    """The question by the table of phrases, in any language, with another beginning."""
    for phrase, other in REWORDED:
        question = re.sub(re.escape(phrase), other, question, flags=re.IGNORECASE)
    return ("请回答：" if re.search(r"[\u4e00-\u9fff]", question) else "Please answer. ") + question


def translated(question: str) -> str:
    """An English question with glossary terms and some words in Chinese: what a rough translation keeps."""
    for phrase, other in TRANSLATED:
        question = re.sub(rf"\b{re.escape(phrase)}\b", other, question, flags=re.IGNORECASE)
    for term in glossary().terms.values():
        for wording in sorted(term.wordings("en"), key=len, reverse=True):
            question = re.sub(rf"\b{re.escape(wording)}s?\b", term.zh, question, flags=re.IGNORECASE)
    return re.sub(r"[a-z]{2,}", "某", question)


def questions(root: Path, options: argparse.Namespace) -> Row:
    """What is found of 200 planted text questions of each kind between the rows of two instruction sets."""
    tests = sorted(root.rglob("phrases_no_exclude_test.jsonl"))
    apollo = sorted(root.rglob("zh_cmb-single.json"))
    english = [
        json.loads(line)["question"] for path in tests for line in path.read_text("utf-8").splitlines()
    ]
    chinese = [row["question"] for path in apollo for row in json.loads(path.read_text("utf-8"))]
    rows = []
    for path in [*sorted(root.glob("chatdoctor/*.json")), *sorted(root.rglob("llama_data.json"))]:
        raw = path.read_text("utf-8")
        for row in json.loads(raw) if raw.lstrip().startswith("[") else map(json.loads, raw.splitlines()):
            rows.append(f"{row['instruction']}\n{row.get('input') or ''}")
    rng = random.Random(f"{options.seed}/questions")
    asked = rng.sample(english, min(200, len(english))) + rng.sample(chinese, min(200, len(chinese)))
    rows = rng.sample(rows, min(len(rows), 2000 if options.quick else len(rows)))
    bench = side_of([], [], [question_print(each) for each in asked])
    result: Row = {"training": len(rows), "benchmark": len(asked)}
    noise = [question_print(row) for row in rows]
    for kind, change in (("exact", str), ("reworded", reworded), ("translated", translated)):
        planted = [question_print(change(each)) for each in asked]
        train = side_of([], [], planted + noise)
        leaks = find_leaks(train, bench)
        words = np.concatenate([leaks.same_words, leaks.near_words])
        own = {two for one, two in words.tolist() if one < len(asked)}
        terms = {two for one, two in leaks.same_terms.tolist() if one < len(asked)} | own
        result[kind] = {
            lang: {
                "by_words": round(len(own & places) / max(len(places), 1), 4),
                "with_terms": round(len(terms & places) / max(len(places), 1), 4),
            }
            for lang, places in (("en", set(range(200))), ("zh", set(range(200, len(asked)))))
            if kind != "translated" or lang == "en"
        }
        result["false"] = {
            "by_words": len({one for one, _ in words.tolist() if one >= len(asked)}),
            "by_terms": len({one for one, _ in leaks.same_terms.tolist() if one >= len(asked)}),
        }
    return result


def vqa_rad(root: Path) -> Row | None:
    """The official split of VQA-RAD under the same eye: questions that test_* against all others."""
    tables = sorted(root.rglob("VQA_RAD*Public.json"))
    if not tables:
        return None
    rows = json.loads(tables[0].read_text("utf-8"))
    paths = {path.name: path for path in files_of(tables[0].parent)}
    shown = {name: seen(open_picture(path.read_bytes(), where=name)) for name, path in paths.items()}

    def side(test: bool) -> Side:
        some = [
            row
            for row in rows
            if str(row["phrase_type"]).startswith("test") is test and row["image_name"] in paths
        ]
        names = sorted({row["image_name"] for row in some})
        prints = [question_print(str(row["question"]), answer=str(row["answer"])) for row in some]
        made = side_of(names, [shown[name] for name in names], prints)
        ids = [str(row["qid"]) for row in some]
        return replace(made, rows=ids, picture_of=np.array([names.index(row["image_name"]) for row in some]))

    train, test = side(test=False), side(test=True)
    report: Row = contamination(train, {"vqa_rad": test})["vqa_rad"]
    return report | {
        "repeated in training": repeated_triplets(train),
        "repeated in test": repeated_triplets(test),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="150 pictures a source, 8 + 8 of them planted")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/planted_leaks"), help="looks that are kept")
    parser.add_argument("--show", type=Path, help="a folder for the alarms, side by side")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.most, options.planted = (150, 8) if options.quick else (10**9, PLANTED)
    options.out.mkdir(parents=True, exist_ok=True)
    result: Row = {}
    for half, names in (("tuned", TUNED), ("reported", REPORTED)):
        folders = [options.data / name for name in names if (options.data / name).is_dir()]
        if folders:
            result[half] = pictures(folders, options)
            print(half, json.dumps(result[half]), flush=True)
    result["questions"] = questions(options.data, options)
    print("questions", json.dumps(result["questions"]), flush=True)
    result["vqa_rad"] = vqa_rad(options.data)
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
