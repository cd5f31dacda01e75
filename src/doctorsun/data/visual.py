"""What files of pictures with words have in common: finding a picture, one record a picture, options."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Kind, Lang, Origin, Picture, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam, exam_record
from doctorsun.data.reading import HIDDEN, PICTURE_ENDINGS, is_picture, read_picture
from doctorsun.language.glossary import glossary

_LABELLED = re.compile(r"^\s*[(（]?([A-H])[)）.:：、]\s*")
_YES_NO = frozenset({"yes", "no", "是", "否", "是的", "不是", "有", "没有", "包含", "不包含"})


class Pictures:
    """The picture files below a folder, by the name that a row gives.

    A name is looked for in `place` and in `folders` below it; where it is in none of them, all of `place` is
    listed once (about 400 bytes a picture) unless `search` is false. `unique` says that the name of a file
    tells the picture, whatever folders a row writes before it.
    """

    def __init__(self, place: Path, *folders: str, search: bool = True, unique: bool = False) -> None:
        self._place = place
        self._folders = [path for path in (place, *(place / name for name in folders)) if path.is_dir()]
        self._search = search
        self._unique = unique
        self._listings: dict[Path, dict[str, str]] = {}

    def find(self, name: str) -> Path | None:
        """The file of a picture; null where there is none, where two might be meant, or it lies outside."""
        inner = PurePosixPath(name.strip().replace("\\", "/"))
        if not inner.name or ".." in inner.parts:
            return None
        names = [inner] if is_picture(inner.name) else [_ended(inner, end) for end in PICTURE_ENDINGS]
        return next((path for each in names if (path := self._lying(each) or self._listed(each))), None)

    def _lying(self, inner: PurePosixPath) -> Path | None:
        if inner.is_absolute():
            return None
        paths = [folder / inner for folder in self._folders]
        exact = next((path for path in paths if _is_file(path)), None)
        return exact or next(filter(None, map(self._cased, paths)), None)

    def _cased(self, path: Path) -> Path | None:
        """The file whose name differs in its capitals alone; a folder is listed once, on its first miss."""
        known = self._listings.get(path.parent)
        if known is None:
            inside = path.parent.iterdir() if path.parent.is_dir() else ()
            names = sorted((each.name for each in inside), reverse=True)
            known = self._listings[path.parent] = {name.lower(): name for name in names}
        name = known.get(path.name.lower())
        return path.with_name(name) if name and _is_file(path.with_name(name)) else None

    def _listed(self, inner: PurePosixPath) -> Path | None:
        listed = self._names.get(inner.name.lower(), ()) if self._search else ()
        folders = tuple(folder for folder, _ in listed)
        wanted = "/".join(part for part in inner.parent.parts if part != "/")
        same = tuple(folder for folder in folders if not wanted or f"/{folder}".endswith(f"/{wanted}"))
        found = same or (folders if self._unique else ())
        return self._place / found[0] / dict(listed)[found[0]] if len(found) == 1 else None

    @cached_property
    def _names(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """The folders in which a file of each name lies, and its name there; capitals do not count."""
        found: dict[str, tuple[tuple[str, str], ...]] = {}
        for top, inner, files in os.walk(self._place):
            inner[:] = sorted(name for name in inner if not name.startswith(HIDDEN))
            folder = Path(top).relative_to(self._place).as_posix()
            for name in filter(is_picture, files):
                found[name.lower()] = (*found.get(name.lower(), ()), (folder, name))
        return found


def illustrated(
    record: Record, names: Sequence[str], pictures: Pictures, counts: Counts, *, prefix: str = ""
) -> Iterator[Record]:
    """The record with its pictures; where one cannot be had, each of its words is counted instead."""
    found: list[Picture] = []
    for name in names:
        path = pictures.find(name)
        if path is None:
            lost(record, "data.image_absent", counts)
            return
        try:
            found.append(read_picture(path, f"{prefix}{path.name}"))
        except RecordError as error:
            lost(record, error.key, counts)
            return
    if not found:
        lost(record, "data.image_absent", counts)
        return
    yield replace(record, images=tuple(found))


def lost(record: Record, reason: str, counts: Counts) -> None:
    """Count each of a record's words, or the record itself where it has none."""
    for name in [f"{record.id}/{text.key}" if text.key else record.id for text in record.texts] or [
        record.id
    ]:
        counts.drop(reason, name)


def gathered(rows: Iterable[tuple[str, Text]]) -> dict[str, tuple[Text, ...]]:
    """The words of each picture, by the picture's name, in the order of the file."""
    found: dict[str, list[Text]] = {}
    for name, text in rows:
        found.setdefault(name, []).append(text)
    return {name: tuple(texts) for name, texts in found.items()}


def in_runs(rows: Iterable[tuple[str, Text]]) -> Iterator[tuple[str, int, tuple[Text, ...]]]:
    """The words of neighbouring rows with one picture, by its name and the number of times it has come.

    For files too long to be gathered; about 200 bytes a picture are kept.
    """
    seen: Counter[str] = Counter()
    for name, found in groupby(rows, key=lambda row: row[0]):
        seen[name] += 1
        yield name, seen[name], tuple(text for _, text in found)


def placed(record: Record) -> Record:
    """The record with the split of its words as its own.

    Words of one split hand it over. Where they differ (a benchmark that divides the questions and not the
    pictures), words of the test keep theirs, and a picture with words of validation is not trained on.
    """
    splits = {text.split for text in record.texts}
    if len(splits) == 1:
        texts = tuple(replace(text, split=None) for text in record.texts)
        return replace(record, texts=texts, split=splits.pop())
    return replace(record, split="validation" if "validation" in splits else None)


def embedded(value: object, name: str) -> Picture | None:
    """The picture of a Parquet cell of the form {bytes, path}; null where the cell holds no bytes."""
    raw = value.get("bytes") if isinstance(value, Mapping) else value
    return Picture(raw, name) if isinstance(raw, bytes) and raw else None


def words(value: object) -> str:
    """What a field says; nothing where it is absent, null or a list."""
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def kind_of(answer: str) -> Kind:
    """Closed where the answer is yes or no, else open: for files that do not say it."""
    return "closed" if answer.strip().rstrip(".。").lower() in _YES_NO else "open"


def finding_of(name: str) -> str | None:
    """The finding of the glossary whose id a label is ("Pleural effusion" is pleural_effusion), else null."""
    term = glossary().terms.get(re.sub(r"[\W_]+", "_", name.strip().lower()))
    return term.id if term and term.kind == "finding" else None


def shown(pictures: Pictures, cell: object) -> Picture | None:
    """The picture that a cell names; null where there is none."""
    name = words(cell)
    path = pictures.find(name) if name else None
    return read_picture(path, path.name) if path else None


def choice(exam: Exam, counts: Counts, *, lang: Lang, origin: Origin = "human") -> Text | None:
    """The words of a question with lettered options about a picture; null where it cannot be asked: counted.

    Letters inside the options ("A: …") are left out; `right` is a letter or the words of an option.
    """
    options = {name: _LABELLED.sub("", text) for name, text in exam.options.items()}
    asked = replace(exam, options=options, right=_letter(options, exam.right))
    record = exam_record(asked, counts, lang=lang)
    if record is None:
        return None
    return replace(record.texts[0], task="vqa", origin=origin, split=exam.split, key=exam.key)


def _letter(options: Mapping[str, str], right: str) -> str:
    """The letter of the right option; empty where the words given are those of none."""
    if right.strip().upper() in options:
        return right.strip().upper()
    same = (name for name, text in options.items() if _plain(text) == _plain(_LABELLED.sub("", right)))
    return next(same, "")


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def _ended(inner: PurePosixPath, ending: str) -> PurePosixPath:
    return inner.with_name(inner.name + ending)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
