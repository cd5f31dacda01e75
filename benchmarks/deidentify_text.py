"""Text de-identification on made reports with known values, and on real ones; last, one JSON object.

Made reports come from tests/privacy/reports.py: every third from templates that were held back while the
recogniser was tuned (no miss of theirs was listed; they were written by the same hand). Groups: "known" (the
record's own fields say it), "pattern" (a form or a label of its own), "label" (names, places and departments
by label, title or kin), "unlabelled" (names in running text). Real texts are read where ../shared/data is.
"""

import argparse
import json
import sys
import time
from collections import Counter
from math import sqrt
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doctorsun.privacy.text import Known, TextCleaner
from tests.privacy.clinical import lost, real_reports, terms
from tests.privacy.leftovers import KEY, clean, left
from tests.privacy.report_values import HOSTILE
from tests.privacy.reports import make

Z = 1.96
CERTAIN = ("known", "pattern")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson)."""
    share, spread = hits / n, Z * Z / n
    middle = share + spread / 2
    reach = Z * sqrt(share * (1 - share) / n + spread / (4 * n))
    return (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)


def made(number: int, lang: str, seed: int) -> dict[str, object]:
    """Values seeded and left by class, clinical terms lost and the speed, on made reports in one language."""
    reports = make(number, lang, seed=seed)
    began = time.perf_counter()
    cleaned = [clean(report) for report in reports]
    seconds = time.perf_counter() - began
    seeded: Counter[tuple[str, str]] = Counter()
    missed: Counter[tuple[str, str]] = Counter()
    parts: Counter[tuple[str, bool]] = Counter()
    parts_missed: Counter[tuple[str, bool]] = Counter()
    clinical = gone = 0
    for report, result in zip(reports, cleaned, strict=True):
        seeded.update((value.group, value.kind) for value in report.values)
        parts.update((value.group, report.held) for value in report.values)
        found = left(report, result)
        missed.update((value.group, value.kind) for value in found)
        parts_missed.update((value.group, report.held) for value in found)
        clinical += terms(report.text).total()
        gone += lost(report.text, result.text, (value.surface for value in report.values))
    _show(lang, seeded, missed)
    return {
        "reports": number,
        "values": seeded.total(),
        "kinds": len({kind for _, kind in seeded}),
        "left": {group: sum(n for (one, _), n in missed.items() if one == group) for group in CERTAIN},
        "recall": {
            f"{group}{'_held' if held else ''}": round(1 - parts_missed[group, held] / n, 4)
            for (group, held), n in sorted(parts.items())
        },
        "clinical_terms": clinical,
        "clinical_lost": gone,
        "reports_a_second": round(number / seconds, 1),
    }


def _show(lang: str, seeded: Counter[tuple[str, str]], missed: Counter[tuple[str, str]]) -> None:
    print(f"\n{lang}: {seeded.total()} values")
    for (group, kind), n in sorted(seeded.items()):
        low, high = wilson(n - missed[group, kind], n)
        share = 100 * (n - missed[group, kind]) / n
        row = f"{group:<11}{kind:<16}{n:>6}{missed[group, kind]:>6} left{share:>8.2f} %"
        print(f"{row}  [{100 * low:.2f}, {100 * high:.2f}]")


def real(name: str, texts: list[str]) -> dict[str, object]:
    """Clinical terms lost and removals in a thousand real texts, in which there should be next to none."""
    cleaner = TextCleaner(KEY)
    spans: Counter[str] = Counter()
    clinical = gone = 0
    for text in texts:
        result = cleaner.clean(text)
        spans.update(span.kind for span in result.spans)
        clinical += terms(text).total()
        gone += lost(text, result.text)
    rate = {kind: round(1000 * n / len(texts), 2) for kind, n in sorted(spans.items())}
    print(f"{name:<18}{len(texts):>6} texts, {gone} of {clinical} clinical terms lost; spans in 1000: {rate}")
    return {"texts": len(texts), "clinical_terms": clinical, "clinical_lost": gone, "spans_a_thousand": rate}


def hostile(length: int) -> dict[str, object]:
    """The slowest of endless repeats, and how time grows when the text does by four: 4 is linear."""
    known = Known(names=("张三丰", "John A. Smith"), ids=("11111111",), addresses=("中山路11号11室",))
    cleaner = TextCleaner(KEY, known=known)
    slowest, growth = 0.0, 0.0
    for part in HOSTILE:
        seconds = []
        for characters in (length // 4, length):
            text = part * (characters // len(part))
            began = time.process_time()
            cleaner.clean(text)
            seconds.append(time.process_time() - began)
        slowest, growth = max(slowest, seconds[1]), max(growth, seconds[1] / max(seconds[0], 1e-3))
        print(f"{part!r:<16}{seconds[0]:>8.2f} s{seconds[1]:>8.2f} s")
    return {"characters": length, "slowest_s": round(slowest, 2), "growth_for_four": round(growth, 2)}


def main() -> None:
    """Count what is left, what was lost, and how fast it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 reports and 300 real texts of each kind")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    number, most = (100, 300) if arguments.quick else (2000, 10_000)
    result: dict[str, object] = {lang: made(number, lang, arguments.seed) for lang in ("zh", "en")}
    print("\nreal texts")
    result["real"] = {name: real(name, read()[:most]) for name, read in real_reports().items()}
    print("\nendless repeats")
    result["hostile"] = hostile(40_000 if arguments.quick else 1_000_000)
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
