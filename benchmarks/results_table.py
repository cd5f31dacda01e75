"""Print the Markdown table of `docs/results.md` from the folder of an evaluation.

Balanced accuracy with its 95 % interval beside what is simpler. A row is a question key and a language; those
with fewer than `--least` questions are left out and counted.
"""

import argparse
import json
from pathlib import Path
from typing import Any

HEAD = (
    "| question | lang | n | answers | shuffled | chance | majority | k-NN 8x8 | head | answers - head "
    "| shown |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--least", type=int, default=20)
    parser.add_argument("--prefix", default="question=")
    chosen = parser.parse_args()
    verdicts = json.loads((chosen.folder / "questions.json").read_text(encoding="utf-8"))
    named = [one for one in verdicts if one["slice"].startswith(chosen.prefix)]
    kept = [one for one in named if one["n"] >= chosen.least]
    print(HEAD)
    for one in sorted(kept, key=lambda one: (one["slice"], one["lang"])):
        print(row(one, prefix=chosen.prefix))
    print(f"\n{len(named) - len(kept)} rows with fewer than {chosen.least} questions are left out.")


def row(one: dict[str, Any], *, prefix: str) -> str:
    cells = [
        one["slice"].removeprefix(prefix),
        one["lang"],
        str(one["n"]),
        interval(one.get("balanced")),
        plain(one.get("shuffled")),
        f"{one['chance']:.2f}" if one.get("chance") is not None else "-",
        plain(one.get("majority")),
        plain(one.get("knn")),
        plain(one.get("head")),
        interval(one.get("above_head"), sign="+"),
        "shown" if one["shown"] else "not shown",
    ]
    return "| " + " | ".join(cells) + " |"


def plain(result: dict[str, Any] | None) -> str:
    return f"{result['value']:.2f}" if result else "-"


def interval(result: dict[str, Any] | None, *, sign: str = "") -> str:
    if not result:
        return "-"
    value = f"{result['value']:{sign}.2f}"
    return value if result["low"] is None else f"{value} [{result['low']:.2f}, {result['high']:.2f}]"


if __name__ == "__main__":
    main()
