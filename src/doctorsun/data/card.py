"""README.md of a data set and of its exports: what hubs read, then the facts in English and in Chinese."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from doctorsun.core.strings import Lang, say_in
from doctorsun.data.dataset import OFFICIAL
from doctorsun.data.licences import UNKNOWN, non_commercial
from doctorsun.data.wording import (
    kind_word,
    lang_word,
    origin_word,
    reason_in,
    split_word,
    task_word,
    term_word,
)

Info = Mapping[str, Any]
HOSPITAL_LICENCE = "hospital-private"
_FORBIDS = {"NC": "data.limit_nc", "ND": "data.limit_nd"}
_NAMED = {
    "lang": lang_word,
    "task": task_word,
    "kind": kind_word,
    "modality": term_word,
    "origin": origin_word,
}
_EXAMPLE_ROWS = 40


def card(info: Info) -> str:
    """The README.md of a data set."""
    return front(info) + "\n\n".join(_whole(info, lang) for lang in ("en", "zh")) + "\n"


def export_card(
    info: Info,
    to: str,
    about: str,
    *,
    files: Sequence[str],
    rows: Mapping[str, int],
    dropped: Mapping[str, int],
) -> str:
    """The README.md beside an export: `about` is the key of what is to be known of the format."""
    apart = {part: tally["pairs"] for part, tally in info["splits"].items() if tally.get("pairs")}
    head = front(info, pairs=apart) if to == "trl" else ""
    words = []
    for lang in ("en", "zh"):
        counted = [(f"{split_word(part).of(lang)} `{part}`", f"{number:,}") for part, number in rows.items()]
        lines = [
            f"# {info['name']} ({to})",
            "",
            say_in(lang, "data.export_intro", licence=info["licence"]),
            "",
            say_in(lang, about, name=info["name"]),
            "",
            *_table(lang, ("data.card_split", "data.page_samples_column"), counted),
            "",
            say_in(lang, "data.export_files", files=", ".join(f"`{name}`" for name in files[:_EXAMPLE_ROWS])),
            *_dropped_lines(dropped, lang),
            "",
            *_licences(info, lang),
            "",
            *_sources(info, lang),
        ]
        words.append("\n".join(lines))
    return head + "\n\n".join(words) + "\n"


def front(info: Info, *, pairs: Iterable[str] = ()) -> str:
    """The metadata that hubs and `datasets` read from the head of a card.

    `pairs` are the splits whose preference pairs lie in a folder of their own.
    """
    head: dict[str, Any] = {
        "pretty_name": info["name"],
        "language": sorted({lang for tally in info["splits"].values() for lang in tally["by_lang"]}),
        "license": "other",
        "license_name": info["licence"],
        "task_categories": ["visual-question-answering", "image-to-text", "question-answering"],
        "tags": ["medical", "doctorsun"],
        "configs": [_files("default", "data", info["splits"])],
    }
    if pairs:
        head["configs"].append(_files("pairs", "pairs", pairs))
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n"


def _files(name: str, folder: str, parts: Iterable[str]) -> dict[str, Any]:
    """Where the files of one configuration of a data set lie."""
    data = [{"split": part, "path": f"{folder}/{part}-*.parquet"} for part in parts]
    return {"config_name": name, "data_files": data}


def by(info: Info, name: str) -> list[tuple[str, int]]:
    """How many samples of each language, task, … all splits but the leaky one hold, the most first."""
    found: Counter[str] = Counter()
    for part, tally in info["splits"].items():
        if part != OFFICIAL:
            found.update(tally.get(f"by_{name}", {}))
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def restricted(info: Info) -> list[tuple[str, str, list[str]]]:
    """Licences that forbid something, or may; the key of what it is; the sources under the licence."""
    found = []
    for licence in info["licences"]:
        sources = [name for name, source in info["sources"].items() if licence in source["licences"]]
        found += [(licence, key, sources) for key in limits_of(licence)]
    return found


def limits_of(licence: str) -> list[str]:
    """The keys of what a licence forbids."""
    if licence == UNKNOWN:
        return ["data.limit_unknown"]
    if licence == HOSPITAL_LICENCE:
        return ["data.limit_private"]
    found = [key for term, key in _FORBIDS.items() if f"-{term}" in licence]
    return found or (["data.limit_own"] if non_commercial(licence) else [])


def _whole(info: Info, lang: Lang) -> str:
    columns = ("data.card_split", "data.page_samples_column", "data.page_pictures_column")
    splits = [
        (
            f"{split_word(part).of(lang)} `{part}`",
            *(f"{tally[name]:,}" for name in ("samples", "pictures", "groups")),
        )
        for part, tally in info["splits"].items()
    ]
    lines = [
        f"# {info['name']}",
        "",
        say_in(lang, "data.card_intro", licence=info["licence"]),
        "",
        *_table(lang, (*columns, "data.page_groups_column"), splits),
    ]
    if OFFICIAL in info["splits"]:
        lines += ["", say_in(lang, "data.card_official")]
    pairs = sum(tally.get("pairs", 0) for tally in info["splits"].values())
    if pairs:
        lines += ["", say_in(lang, "data.card_pairs", number=pairs)]
    lines += ["", *_licences(info, lang), "", f"## {say_in(lang, 'data.card_counted')}"]
    for name in ("lang", "modality", "task", "kind", "source", "origin"):
        lines += ["", *_counted(info, name, lang)]
    lines += ["", *_lost(info, lang), "", *_sources(info, lang)]
    return "\n".join(lines)


def _counted(info: Info, name: str, lang: Lang) -> list[str]:
    named = _NAMED.get(name)
    rows = [(named(each).of(lang) if named else f"`{each}`", f"{n:,}") for each, n in by(info, name)]
    return _table(lang, (f"data.page_filter_{name}", "data.page_samples_column"), rows)


def _licences(info: Info, lang: Lang) -> list[str]:
    counted = dict(by(info, "licence"))
    rows = []
    for licence in info["licences"]:
        names = [f"`{name}`" for name, source in info["sources"].items() if licence in source["licences"]]
        rows.append((licence, f"{counted.get(licence, 0):,}", ", ".join(names)))
    columns = ("data.page_licence", "data.page_samples_column", "data.page_filter_source")
    lines = [f"## {say_in(lang, 'data.card_licences')}", "", *_table(lang, columns, rows), ""]
    lines.append(say_in(lang, "data.card_strictest", licence=info["licence"]))
    for licence, key, sources in restricted(info):
        named = ", ".join(f"`{name}`" for name in sources)
        lines.append(f"- **{licence}**: {say_in(lang, key)} ({named})")
    return lines


def _lost(info: Info, lang: Lang) -> list[str]:
    rows = [
        (f"`{name}`", reason_in(lang, reason), f"{number:,}")
        for name, source in info["sources"].items()
        for reason, number in source["counts"]["dropped"].items()
    ]
    if not rows:
        return [say_in(lang, "data.card_nothing_lost")]
    columns = ("data.page_filter_source", "data.page_reason", "data.page_number")
    return [f"## {say_in(lang, 'data.page_dropped')}", "", *_table(lang, columns, rows)]


def _dropped_lines(dropped: Mapping[str, int], lang: Lang) -> list[str]:
    return ["", *(f"- {number:,}: {reason_in(lang, reason)}" for reason, number in sorted(dropped.items()))]


def _sources(info: Info, lang: Lang) -> Iterator[str]:
    for name, source in info["sources"].items():
        yield from ("", *_source(name, source, lang))


def _source(name: str, source: Info, lang: Lang) -> list[str]:
    about = source["card"]
    lines = [f"## {about['title']} (`{name}`)", ""]
    if not source["present"]:
        return [*lines, say_in(lang, "data.card_absent")]
    licences = ", ".join(source["licences"]) or about["licence"]
    lines.append(
        say_in(lang, "data.card_source", licence=licences, url=about["url"], citation=about["citation"])
    )
    if not about["patient_groups"]:
        lines.append(say_in(lang, "data.card_no_patients"))
    if about["synthetic"]:
        lines.append(say_in(lang, "data.card_synthetic"))
    counts = source["counts"]
    lines += ["", say_in(lang, "data.kept", number=counts["kept"])]
    lines += [f"- {number:,}: {reason_in(lang, reason)}" for reason, number in counts["dropped"].items()]
    return lines


def _table(lang: Lang, columns: Iterable[str], rows: Iterable[Sequence[str]]) -> list[str]:
    names = [say_in(lang, key) for key in columns]
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *body]
