"""A data set of invented samples as a build would leave it, without building one."""

import json
from collections import Counter
from pathlib import Path

from doctorsun.core.files import sha256_file
from doctorsun.core.schema import Message, Part, Picture, Sample
from doctorsun.data.dataset import Dataset, open_dataset, seal
from doctorsun.data.licences import strictest
from doctorsun.data.shards import Row, sha256, write_shard

CARD = {
    "title": "Invented",
    "licence": "MIT",
    "url": "https://example.org",
    "citation": "Nobody, 2026.",
    "patient_groups": True,
    "synthetic": False,
    "notes": "",
}


def turn(role: str, *parts: str | None) -> Message:
    """A message; null is an image."""
    return Message(role, tuple(Part("image") if part is None else Part("text", part) for part in parts))


def talk(
    at: int, messages: tuple[Message, ...], pictures: tuple[bytes, ...] = (), **values: object
) -> Sample:
    """One sample with these turns and pictures."""
    known = {
        "id": f"invented/{at}/q/en",
        "images": tuple(Picture(raw, f"{number}.png") for number, raw in enumerate(pictures)),
        "messages": messages,
        "lang": "en",
        "task": "vqa" if pictures else "qa",
        "source": "invented",
        "licence": "MIT",
        "origin": "human",
        "group": f"group-{at}",
    }
    return Sample(**{**known, **values})


def publish(
    folder: Path, samples: list[Sample], *, files: dict[str, str] | None = None, **changes
) -> Dataset:
    """A data set folder of these samples, each in the file of its split, with `files` beside the shards."""
    (folder / "data").mkdir(parents=True)
    splits = {part: [each for each in samples if each.split == part] for part in ("train", "test")}
    splits = {part: found for part, found in splits.items() if found}
    for part, found in splits.items():
        write_shard(folder / "data" / f"{part}-00000-of-00001.parquet", map(_row, found))
    for name, text in (files or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    licences = sorted({each.licence for each in samples})
    info = {
        "name": "made",
        "format": 1,
        "licence": strictest(licences),
        "licences": licences,
        "splits": {part: _tally(found) for part, found in splits.items()},
        "recipe": {"sources": {"invented": {"reader": None}}},
        "sources": {
            "invented": {
                "card": CARD,
                "present": True,
                "licences": licences,
                "counts": {"kept": len(samples), "words": 0, "dropped": {}, "noted": {}, "examples": {}},
                "samples": {part: len(found) for part, found in splits.items()},
            }
        },
        **changes,
    }
    listed = sorted(path for path in folder.rglob("*") if path.is_file())
    info["files"] = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in listed
    }
    (folder / "dataset.json").write_text(json.dumps({**info, "sha256": seal(info)}), encoding="utf-8")
    return open_dataset(folder)


def _row(sample: Sample) -> Row:
    names = tuple(sha256(picture.bytes) for picture in sample.images)
    return Row(sample, None, None, False, names, names)


def _tally(samples: list[Sample]) -> dict[str, object]:
    names = ("source", "lang", "licence", "origin", "task", "kind", "modality")
    by = {f"by_{name}": Counter(getattr(each, name) or "none" for each in samples) for name in names}
    return {"samples": len(samples), "pictures": 0, "groups": len(samples), **by}
