"""Near-duplicates among texts, beside datasketch, and how many of the pairs are found; last one JSON object.

Both get the same texts, the same groups of three tokens, 120 hashes and bands of five, and do the whole work:
splitting into tokens, prints, index, pairs. datasketch is used as its guide shows (`update_batch` for each
text, then query and insert); `bulk` is its faster way to make prints. Seconds are the process's own, the best
of several rounds in turns. Recall is counted against exact Jaccard over all pairs of a sample with changed
copies. `--data DIR` takes real texts (JSON of instructions); else they are made by code, in both languages.
"""

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH

from doctorsun.data.near.texts import BAND, HASHES, NEAR, near_texts, text_prints

TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
GROUP = 3
SAMPLE = 1500
WORDS = [
    f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u") for c in ("n", "rin", "st", "va")
]


def made(number: int, rng: random.Random) -> str:
    """A text of 20 to 120 tokens, Chinese or English, with a number in it."""
    length = rng.randint(20, 120)
    if number % 2:
        return (
            "".join(chr(rng.randint(0x4E00, 0x5200)) for _ in range(length)) + f"，{rng.randint(1, 99)}岁。"
        )
    return " ".join(rng.choice(WORDS) for _ in range(length)) + f", {rng.randint(1, 99)} years."


def real(folder: Path) -> list[str]:
    """What the rows of all JSON files below a folder say, each row one text."""
    texts = []
    for path in sorted(folder.rglob("*.json")):
        raw = path.read_text(encoding="utf-8", errors="replace").strip()
        rows = json.loads(raw) if raw.startswith("[") else [json.loads(line) for line in raw.splitlines()]
        for row in rows:
            if isinstance(row, dict) and isinstance(row.get("output"), str):
                texts.append("\n".join(str(row.get(key) or "") for key in ("instruction", "input", "output")))
    return texts


def changed(text: str, rng: random.Random) -> str:
    """The text with one to a fifth of its tokens replaced."""
    places = [match.span() for match in TOKEN.finditer(text)]
    chosen = sorted(rng.sample(places, rng.randint(1, max(1, len(places) // 5))), reverse=True)
    for start, end in chosen:
        text = f"{text[:start]}{chr(rng.randint(0x5300, 0x5F00))}{text[end:]}"
    return text


def groups(text: str) -> set[str]:
    tokens = TOKEN.findall(text.lower())
    return {" ".join(tokens[at : at + GROUP]) for at in range(max(1, len(tokens) - GROUP + 1))}


def ours(texts: list[str]) -> set[tuple[int, int]]:
    return {(one, two) for one, two in near_texts(text_prints(texts)).tolist()}


def peer(texts: list[str], *, bulk: bool = False) -> set[tuple[int, int]]:
    encoded = [[group.encode() for group in groups(text)] for text in texts]
    if bulk:
        prints = MinHash.bulk(encoded, num_perm=HASHES)
    else:
        prints = [MinHash(num_perm=HASHES) for _ in encoded]
        for one, each in zip(prints, encoded, strict=True):
            one.update_batch(each)
    index = MinHashLSH(num_perm=HASHES, params=(HASHES // BAND, BAND))
    pairs = set()
    for at, one in enumerate(prints):
        near = (other for other in index.query(one) if prints[other].jaccard(one) >= NEAR)
        pairs |= {(other, at) for other in near}
        index.insert(at, one)
    return pairs


def recall(texts: list[str], find: Callable[[list[str]], set[tuple[int, int]]]) -> dict[str, float]:
    """Found and wrong shares among pairs well above and well below the threshold, which is an estimate's."""
    sets = [groups(text) for text in texts]
    of: dict[str, list[int]] = {}
    for at, each in enumerate(sets):
        for group in each:
            of.setdefault(group, []).append(at)
    shared: dict[tuple[int, int], int] = {}
    for places in of.values():
        for at, one in enumerate(places[:200]):
            for two in places[at + 1 : 200]:
                shared[one, two] = shared.get((one, two), 0) + 1
    exact = {pair: n / (len(sets[pair[0]]) + len(sets[pair[1]]) - n) for pair, n in shared.items()}
    found = find(texts)
    above = [pair for pair, share in exact.items() if share >= NEAR + 0.1]
    about = [pair for pair, share in exact.items() if NEAR <= share < NEAR + 0.1]
    wrong = [pair for pair in found if exact.get(pair, 0) < NEAR - 0.1]
    return {
        "pairs": len(above) + len(about),
        "recall_above_0.8": round(sum(pair in found for pair in above) / max(len(above), 1), 4),
        "recall_0.7_to_0.8": round(sum(pair in found for pair in about) / max(len(about), 1), 4),
        "wrong_below_0.6": round(len(wrong) / max(len(found), 1), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1,000 texts, one round")
    parser.add_argument("--texts", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="a folder of JSON files with instructions")
    options = parser.parse_args()
    rng = random.Random(0)
    count, rounds = (1000, 1) if options.quick else (options.texts, options.rounds)
    known = real(options.data) if options.data else [made(number, rng) for number in range(count)]
    texts = rng.sample(known, min(count, len(known)))
    texts += [changed(text, rng) for text in texts[: len(texts) // 10]]
    ways = {"ours": ours, "datasketch": peer, "bulk": lambda some: peer(some, bulk=True)}
    ours(texts[:50])
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way(texts)
            best[name] = min(best[name], time.process_time() - start)
    for name, seconds in best.items():
        print(f"{name:10} {1e6 * seconds / len(texts):8.1f} us a text")
    sample = texts[: SAMPLE // 2] + [changed(text, rng) for text in texts[: SAMPLE // 2]]
    quality = {"ours": recall(sample, ours), "datasketch": recall(sample, peer)}
    print(json.dumps(quality))
    print(
        json.dumps(
            {
                "texts": len(texts),
                "characters": round(float(np.mean([len(text) for text in texts])), 1),
                "text_dedupe_vs_datasketch": round(best["datasketch"] / best["ours"], 2),
                "text_dedupe_vs_datasketch_bulk": round(best["bulk"] / best["ours"], 2),
                **quality["ours"],
                "datasketch_recall_above_0.8": quality["datasketch"]["recall_above_0.8"],
            }
        )
    )


if __name__ == "__main__":
    main()
