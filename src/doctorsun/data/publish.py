"""What lies beside the shards: dataset.json, the card in both languages, croissant.json, audit.json."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import PIL
import pyarrow as pa

import doctorsun
from doctorsun.core.files import sha256_file, write_whole
from doctorsun.core.schema import SPLITS
from doctorsun.data.audit import examine
from doctorsun.data.card import card
from doctorsun.data.config import DataConfig
from doctorsun.data.croissant import croissant
from doctorsun.data.dataset import OFFICIAL, Dataset, seal
from doctorsun.data.inspection import render
from doctorsun.data.keys import Met, keys_of
from doctorsun.data.licences import non_commercial, strictest
from doctorsun.data.rows import Written
from doctorsun.data.stage import Staged
from doctorsun.data.wording import UNSAID

FORMAT = 1
# Where and how a data set was made is not what it is: these leave no trace in it.
UNSTATED: Any = {"sources": {"__all__": {"path"}}} | dict.fromkeys(
    ("root", "out", "workers", "engine", "ray_address", "keep"), True
)
COUNTED = ("source", "lang", "licence", "origin", "task", "kind", "modality")


@dataclass
class _Tally:
    """What one split holds."""

    samples: int = 0
    pairs: int = 0
    pictures: Met = field(default_factory=Met)
    groups: Met = field(default_factory=Met)
    by: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def describe(
    folder: Path,
    config: DataConfig,
    staged: Sequence[Staged],
    written: Sequence[Written],
    compared: Mapping[str, Any],
) -> None:
    """Write everything that is not a shard; dataset.json comes last, with the hashes of the rest.

    `compared` is what building found of nearly equal records and of benchmarks; it goes into audit.json.
    """
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
        "recipe": config.model_dump(mode="json", exclude=UNSTATED),
        "versions": {
            "doctorsun": doctorsun.__version__,
            "pyarrow": pa.__version__,
            "pillow": PIL.__version__,
        },
        "splits": {part: _plain(tally) for part, tally in tallies.items()},
        "sources": {source.name: _source(source, tallies) for source in staged},
    }
    hashes = {
        f"data/{shard.file.name}": {"bytes": shard.file.stat().st_size, "sha256": shard.sha256}
        for shard in sorted(written, key=lambda shard: shard.file.name)
    }
    found = examine(Dataset(folder, {**info, "files": hashes}))
    found |= compared
    _put(folder / "audit.json", found)
    write_whole(folder / "index.html", render(Dataset(folder, {**info, "files": hashes}), found))
    write_whole(folder / "README.md", card(info))
    _put(folder / "croissant.json", croissant(info, hashes))
    for name in ("README.md", "audit.json", "croissant.json", "index.html"):
        hashes[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
    whole = {**info, "files": dict(sorted(hashes.items()))}
    _put(folder / "dataset.json", {**whole, "sha256": seal(whole)})


def record_scan(folder: Path, told: Mapping[str, Any]) -> None:
    """Say in audit.json that a privacy scan of the whole data set passed, and seal dataset.json anew.

    `told` is what was scanned for and how much of it; a push of a hospital's data asks for this record.
    """
    found = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    _put(folder / "audit.json", {**found, "privacy": {**told, "passed": True}})
    info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    path = folder / "audit.json"
    info["files"]["audit.json"] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    rest = {name: value for name, value in info.items() if name != "sha256"}
    _put(folder / "dataset.json", {**rest, "sha256": seal(rest)})


def _tally(dataset: Dataset, part: str) -> _Tally:
    tally = _Tally()
    for batch in dataset.rows(part).batches(*COUNTED, "group", "image_sha256", "rejected"):
        tally.samples += len(batch)
        tally.pairs += len(batch) - batch["rejected"].null_count
        tally.pictures.fresh(keys_of(batch["image_sha256"].flatten().to_pylist()))
        tally.groups.fresh(keys_of(batch["group"].drop_null().to_pylist()))
        columns = {name: batch[name].to_pylist() for name in COUNTED}
        for name, values in columns.items():
            tally.by[name].update(value or UNSAID for value in values)
        pairs = zip(columns["source"], columns["licence"], strict=True)
        tally.by["source_licence"].update(f"{source}\0{licence}" for source, licence in pairs)
    return tally


def _plain(tally: _Tally) -> dict[str, Any]:
    by = {name: dict(sorted(tally.by[name].items())) for name in COUNTED}
    return {
        "samples": tally.samples,
        "pictures": len(tally.pictures),
        "groups": len(tally.groups),
        **({"pairs": tally.pairs} if tally.pairs else {}),
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
