"""What a person should look at after a folder was worked on: texts that were changed, pictures that wait."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.progress import track
from doctorsun.imaging.isolation import Costs, Guard
from doctorsun.privacy.folder import found_files
from doctorsun.privacy.key import Key
from doctorsun.privacy.reports import TABLES, TEXTS
from doctorsun.privacy.review import SHOWN, Pictured, Reviewed, write_review
from doctorsun.privacy.tables import TableConfig, cells_of

MOST_PICTURES = 100
RELEASE = "sun study deidentify IN OUT --approve {number}"
_WAITING = "privacy.waits_picture"
_COSTS = Costs(memory_mb=4096, timeout_s=300)


def write_queue(
    path: Path, source: Path, *, outside: Path, sources_list: Path, key: Key, columns: TableConfig
) -> Path:
    """The place of the review page of a folder that was worked on, which lies outside the output."""
    texts, pictures = read_queue(source, sources_list=sources_list, key=key, columns=columns)
    return write_review(path, texts, outside=outside, pictures=pictures)


def read_queue(
    source: Path, *, sources_list: Path, key: Key, columns: TableConfig, release: str = RELEASE
) -> tuple[list[Reviewed], list[Pictured]]:
    """The texts that were changed and the pictures that wait, before and after.

    `release` says how a picture is released, with its id for {number}.
    """
    texts = list(_texts(source, key, columns))[:SHOWN]
    listed = json.loads(sources_list.read_text(encoding="utf-8"))
    waiting = [one for one in listed if one["reason"] == _WAITING][:MOST_PICTURES]
    return texts, list(_pictures(source, waiting, release))


def _texts(source: Path, key: Key, columns: TableConfig) -> Iterator[Reviewed]:
    for path in found_files(source):
        if path.suffix.lower() not in TABLES | TEXTS or path.is_symlink():
            continue
        try:
            cells = cells_of(path, key=key, columns=columns)
        except (DataError, RecordError):
            continue  # the folder's report counts it by its reason
        name = path.relative_to(source).as_posix()
        yield from (Reviewed(f"{name}:{one.row} {one.column}", one.before, one.cleaned) for one in cells)


def _pictures(source: Path, waiting: list[dict[str, str]], release: str) -> Iterator[Pictured]:
    with Guard(_COSTS) as guard:
        for one in track(waiting, "privacy.reviewing"):
            try:
                told = guard.run(_looked_at, str(source / one["path"]), where=one["id"])
            except (DataError, RecordError):
                continue  # it waits all the same, and is released by nothing but its id
            before, after = (bytes(told[name]) for name in ("before", "after"))
            how = release.format(number=one["id"])
            yield Pictured(how, one["path"], before, after, told["boxes"])


def _looked_at(path: str) -> dict[str, Any]:
    """In the worker: the first frame of a file as it is seen, before and after blanking."""
    from doctorsun.imaging.looks import look
    from doctorsun.imaging.opening import load_study
    from doctorsun.imaging.pictures import encode
    from doctorsun.privacy.burned import clean_pixels

    study = load_study(Path(path))
    if not study.series:
        raise RecordError("imaging.no_pixels", where="")
    seen = look(study.series[0].frame(0))
    cleaned = clean_pixels(seen[None])
    files = {"before": encode(seen), "after": encode(np.asarray(cleaned.pixels[0], np.uint8))}
    return {name: np.frombuffer(raw, np.uint8) for name, raw in files.items()} | {
        "boxes": len(cleaned.boxes[0])
    }
