"""What lies beside the shards: dataset.json, the card in both languages, croissant.json, audit.json."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import PIL
import pyarrow as pa
import yaml

import doctorsun
from doctorsun.core.files import sha256_file, write_whole
from doctorsun.core.schema import SPLITS
from doctorsun.core.strings import Lang, say_in
from doctorsun.data.audit import examine
from doctorsun.data.config import DataConfig
from doctorsun.data.croissant import croissant
from doctorsun.data.dataset import OFFICIAL, Dataset, seal
from doctorsun.data.inspection import render
from doctorsun.data.licences import non_commercial, strictest
from doctorsun.data.rows import Written
from doctorsun.data.stage import Staged

FORMAT = 1


@dataclass
class _Tally:
    """What one split holds."""

    samples: int = 0
    pictures: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    by: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def describe(folder: Path, config: DataConfig, staged: Sequence[Staged], written: Sequence[Written]) -> None:
    """Write everything that is not a shard; dataset.json comes last, with the hashes of the rest."""
    names = sorted(f"data/{shard.file.name}" for shard in written)
    parts = [part for part in (*SPLITS, OFFICIAL) if any(name.startswith(f"data/{part}-") for name in names)]
    draft = Dataset(
        folder, {"name": config.name, "splits": dict.fromkeys(parts), "files": dict.fromkeys(names)}
    )
    tallies = {part: _tally(draft, part) for part in parts}
    licences = sorted({name for tally in tallies.values() for name in tally.by["licence"]})
    info: dict[str, Any] = {
        "name": config.name,
        "format": FORMAT,
        "licence": strictest(licences),
        "licences": licences,
        "non_commercial": any(map(non_commercial, licences)),
        "recipe": config.model_dump(mode="json", exclude={"root", "out", "workers"}),
        "versions": {
            "doctorsun": doctorsun.__version__,
            "pyarrow": pa.__version__,
            "pillow": PIL.__version__,
        },
        "splits": {part: _plain(tally) for part, tally in tallies.items()},
        "sources": {source.name: _source(source, tallies) for source in staged},
    }
    hashes = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
        for name in names
    }
    found = examine(Dataset(folder, {**info, "files": hashes}))
    _put(folder / "audit.json", found)
    write_whole(folder / "index.html", render(Dataset(folder, {**info, "files": hashes}), found))
    write_whole(folder / "README.md", card(info))
    _put(folder / "croissant.json", croissant(info, hashes))
    for name in ("README.md", "audit.json", "croissant.json", "index.html"):
        hashes[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
    whole = {**info, "files": dict(sorted(hashes.items()))}
    _put(folder / "dataset.json", {**whole, "sha256": seal(whole)})


def card(info: Mapping[str, Any]) -> str:
    """The README.md of a data set: metadata that hubs read, then the facts in English and in Chinese."""
    head = {
        "pretty_name": info["name"],
        "language": ["zh", "en"],
        "license": "other",
        "license_name": info["licence"],
        "task_categories": ["visual-question-answering", "image-to-text", "question-answering"],
        "tags": ["medical", "doctorsun"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": part, "path": f"data/{part}-*.parquet"} for part in info["splits"]],
            }
        ],
    }
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(_words(info, lang) for lang in ("en", "zh")) + "\n"


def _words(info: Mapping[str, Any], lang: Lang) -> str:
    lines = [
        f"# {info['name']}",
        "",
        say_in(lang, "data.card_intro", licence=info["licence"]),
        "",
        f"| {say_in(lang, 'data.card_split')} | {say_in(lang, 'data.card_numbers')} |",
        "|---|---|",
    ]
    for part, tally in info["splits"].items():
        numbers = say_in(
            lang, "data.card_counts", **{name: tally[name] for name in ("samples", "pictures", "groups")}
        )
        lines.append(f"| {part} | {numbers} |")
    if OFFICIAL in info["splits"]:
        lines += ["", say_in(lang, "data.card_official")]
    for name, source in info["sources"].items():
        lines += ["", *_source_words(name, source, lang)]
    return "\n".join(lines)


def _source_words(name: str, source: Mapping[str, Any], lang: Lang) -> list[str]:
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
    for reason, number in counts["dropped"].items():
        words = say_in(lang, f"data.reason_{reason.replace('.', '_')}")
        lines.append(f"- {number}: {words}")
    return lines


def _tally(dataset: Dataset, part: str) -> _Tally:
    tally = _Tally()
    for row in dataset.rows(part).columns(
        "source", "lang", "licence", "origin", "task", "group", "image_sha256"
    ):
        tally.samples += 1
        tally.pictures.update(row["image_sha256"])
        tally.groups.add(row["group"])
        for name in ("source", "lang", "licence", "origin", "task"):
            tally.by[name][row[name]] += 1
        tally.by["source_licence"][f"{row['source']}\0{row['licence']}"] += 1
    return tally


def _plain(tally: _Tally) -> dict[str, Any]:
    by = {
        name: dict(sorted(tally.by[name].items())) for name in ("source", "lang", "licence", "origin", "task")
    }
    return {
        "samples": tally.samples,
        "pictures": len(tally.pictures),
        "groups": len(tally.groups),
        **{f"by_{name}": numbers for name, numbers in by.items()},
    }


def _source(source: Staged, tallies: Mapping[str, _Tally]) -> dict[str, Any]:
    pairs = {pair for tally in tallies.values() for pair in tally.by["source_licence"]}
    return {
        "card": asdict(source.card),
        "present": source.present,
        "licences": sorted(pair.partition("\0")[2] for pair in pairs if pair.startswith(f"{source.name}\0")),
        "counts": source.counts.to_json(),
        "samples": {part: tally.by["source"][source.name] for part, tally in tallies.items()},
    }


def _put(path: Path, tree: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(tree, ensure_ascii=False, indent=1) + "\n")
