"""Rows of LLaVA, ShareGPT and chat messages, however they spell it -> records of one conversation each."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Lang, Message, Origin, Part, Picture, Record, Role, Split, Task, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.files import one_of, picture_of
from doctorsun.data.formats.layout import Layout, first_of
from doctorsun.data.formats.preferences import PAIR, paired
from doctorsun.data.licences import spdx
from doctorsun.data.markers import unescape
from doctorsun.data.talk import question_group
from doctorsun.data.visual import kind_of, words

Row = Mapping[str, Any]
ORIGINS: tuple[Origin, ...] = ("human", "template", "translated", "synthetic")
LANGS = ("auto", "zh", "en")
OTHER_MEDIA = ("video", "videos", "audio", "audios")
MARK = "<image>"
CHINESE_SHARE = 0.3
ENOUGH_CHARS = 2000
_CJK = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+")
_BEFORE = re.compile(r"^(?:\s*<image>)+\s*")
_AFTER = re.compile(r"\s*(?:<image>\s*)+$")
# An image amid the words by its name: the only one, and one of several.
_NAMES: dict[Lang, tuple[str, str]] = {"en": ("the image", "image {}"), "zh": ("图像", "图{}")}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said, without the marks of images at its ends.

    `images` is their number, `before` that of those which stand before the words.
    """

    role: Role
    text: str
    images: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """What a recipe may say of files of conversations.

    `file` is a pattern (sub/*.json), `images` the folder that names of pictures start from, `lang` auto, zh
    or en, `group` the key of a row that names its patient or study, `origin` who wrote the answers.
    """

    file: str = ""
    images: str = ""
    lang: str = "auto"
    group: str = "group"
    origin: str = "human"


@dataclass
class Conversations:
    """Turns rows into records.

    `show` gives the picture of an image cell, null where it is absent. `lang` is zh, en, or auto: the row's
    own `lang`, else Chinese where three of ten signs and words are. `group` is the key of a row's patient or
    study; a row without it belongs to its first picture, else to its first question.
    """

    counts: Counts
    show: Callable[[object], Picture | None]
    lang: str = "auto"
    group: str = "group"
    origin: Origin = "human"
    layout: Layout = field(default_factory=Layout)
    _ids: Counter[str] = field(default_factory=Counter)

    @staticmethod
    def of(place: Path, options: Options, counts: Counts) -> "Conversations":
        """Those of files in `place`, as the options say; ConfigError where one has a value it cannot have."""
        return Conversations(
            counts,
            picture_of(place, options.images),
            lang=one_of("lang", options.lang, LANGS),
            group=options.group,
            origin=one_of("origin", options.origin, ORIGINS),
        )

    def records(self, rows: Iterable[tuple[str, Row]], *, split: Split | None = None) -> Iterator[Record]:
        """One record a row; what cannot be used is counted by its place."""
        for place, raw in rows:
            row = paired(raw, self.layout)
            try:
                found = row if isinstance(row, str) else self._record(place, row, split)
            except RecordError as error:
                found = error.key
            if isinstance(found, str):
                self.counts.drop(found, place)
            else:
                yield found

    def _record(self, place: str, row: Row, split: Split | None) -> Record | str:
        if any(row.get(name) for name in OTHER_MEDIA):
            return "data.no_picture_file"
        read = _turns(row, self.layout)
        if isinstance(read, str):
            return read
        cells = read[1]
        shown = self._shown(*read, row, place)
        if shown is None:
            return "data.image_count"
        if sum(turn.images > 0 for turn in shown) > 1:
            self.counts.note("data.image_of_later_turn", place)
        turns = self._paired(shown, place)
        if not turns:
            return "data.bad_turns"
        pictures = []
        for cell in cells:
            if (picture := self.show(cell)) is None:
                return "data.image_absent"
            pictures.append(picture)
        if row.get("escaped") is True:
            turns = [replace(turn, text=unescape(turn.text)) for turn in turns]
            row = {**row, PAIR: unescape(row[PAIR])} if isinstance(row.get(PAIR), str) else row
        name = self._name(row, place)
        return Record(
            id=name,
            images=tuple(pictures),
            texts=(self._text(turns, row, shown=bool(pictures)),),
            group=words(row.get(self.group)) or _group(turns, cells, pictures),
            licence=spdx(words(row["licence"])) if row.get("licence") else None,
            split="test" if row.get("split") == "test" else split,
        )

    def _shown(self, turns: list[Turn], cells: Sequence[object], row: Row, place: str) -> list[Turn] | None:
        """The turns with all images at their ends; null where there are more or fewer marks than images."""
        marks = sum(turn.images for turn in turns)
        inner = sum(turn.text.count(MARK) for turn in turns if turn.role == "user")
        if marks == len(cells):
            return turns
        if inner:
            return self._named_inside(turns, row) if marks + inner == len(cells) else None
        if marks:
            return None
        self.counts.note("data.image_unmarked", place)
        return _shown_first(turns, len(cells))

    def _named_inside(self, turns: Sequence[Turn], row: Row) -> list[Turn]:
        """The turns with a name for each image that is marked amid their words: pictures come first."""
        lang = self._lang(turns, row)
        several = sum(turn.images + turn.text.count(MARK) for turn in turns if turn.role == "user") > 1
        number, named = count(1), []
        for turn in turns:
            text = turn.text
            for _ in range(turn.before):
                next(number)
            while turn.role == "user" and MARK in text:
                text = text.replace(MARK, _NAMES[lang][several].format(next(number)), 1)
            for _ in range(turn.images - turn.before):
                next(number)
            inside = turn.text.count(MARK) if turn.role == "user" else 0
            named.append(replace(turn, text=text, images=turn.images + inside))
        return named

    def _paired(self, turns: Sequence[Turn], place: str) -> list[Turn]:
        """Questions with their answers, after a system turn at most; none where they do not alternate."""
        system = [turn for turn in turns[:1] if turn.role == "system"]
        talk = turns[len(system) :]
        while talk and talk[0].role == "assistant":
            self.counts.note("data.leading_answer", place)
            talk = talk[1:]
        while talk and talk[-1].role == "user":
            self.counts.note("data.unanswered", place)
            talk = talk[:-1]
        said = all(turn.text or turn.images for turn in talk[:-1])
        in_turn = [turn.role for turn in talk] == ["user", "assistant"] * (len(talk) // 2)
        return [*system, *talk] if talk and said and in_turn else []

    def _text(self, turns: Sequence[Turn], row: Row, *, shown: bool) -> Text:
        *before, asked, answered = turns
        task: Task = "vqa" if shown else "qa"
        if sum(turn.role == "user" for turn in before):
            task = "dialogue"
        elif shown and not asked.text:
            task = "caption"
        origin = next((name for name in ORIGINS if name == row.get("origin")), self.origin)
        return Text(
            question=None if task == "caption" else asked.text,
            answer=answered.text,
            lang=self._lang(turns, row),
            task=task,
            kind=kind_of(answered.text) if task == "vqa" else None if task == "caption" else "open",
            origin=origin,
            history=tuple(Message(turn.role, (Part("text", turn.text),)) for turn in before),
            key="talk",
            rejected=rejected.strip() if isinstance(rejected := row.get(PAIR), str) else None,
        )

    def _lang(self, turns: Sequence[Turn], row: Row) -> Lang:
        told = row.get("lang") if self.lang == "auto" else self.lang
        if told in ("zh", "en"):
            return "zh" if told == "zh" else "en"
        return lang_of("\n".join(turn.text for turn in turns if turn.role != "system"))

    def _name(self, row: Row, place: str) -> str:
        """The row's own id, else its place; what stands twice gets a number."""
        own = row.get("id")
        name = str(own).strip() if isinstance(own, str | int) and not isinstance(own, bool) else ""
        return self.unique(name or place)

    def unique(self, name: str) -> str:
        """The name itself the first time, later with a number."""
        self._ids[name] += 1
        return name if self._ids[name] == 1 else self.unique(f"{name}#{self._ids[name]}")


def lang_of(text: str) -> Lang:
    """The language of a text by its beginning: Chinese with English terms in it is Chinese."""
    text = text[:ENOUGH_CHARS]
    chinese = len(_CJK.findall(text))
    other = len(_WORD.findall(text)) if chinese else 1
    return "zh" if chinese > CHINESE_SHARE * (chinese + other) else "en"


def _shown_first(turns: Sequence[Turn], images: int) -> list[Turn]:
    """The turns with the images at the first question."""
    first = next((at for at, turn in enumerate(turns) if turn.role == "user"), None)
    return [replace(turn, images=images) if at == first else turn for at, turn in enumerate(turns)]


def _turns(row: Row, layout: Layout) -> tuple[list[Turn], list[object]] | str:
    """The turns and the cells of the images, else the key of what is wrong."""
    said = first_of(row, layout.messages)
    cells = _cells(first_of(row, layout.images))
    if not isinstance(said, list) or not said:
        return "data.bad_row"
    turns, inside = [], []
    for each in said:
        role = layout.role_of(each) if isinstance(each, dict) else None
        if role is None:
            return "data.bad_turns"
        read = _content(first_of(each, layout.content), role)
        if read is None:
            return "data.bad_row"
        turns.append(read[0])
        inside += read[1]
    system = row.get(layout.system) if layout.system else None
    if isinstance(system, str) and system.strip() and turns[0].role != "system":
        turns.insert(0, Turn("system", system.strip()))
    return turns, cells or inside


def _content(content: object, role: Role) -> tuple[Turn, list[object]] | None:
    """A turn and the image cells that stand inside it; null where it is neither text nor parts."""
    if isinstance(content, str):
        return _marked(content, role), []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return None
    texts, places, cells = [], [], []
    for part in content:
        kind = part.get("type")
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in ("image", "image_url"):
            cells += _cells(_inner(part))
            places.append(len(texts))
        else:
            return None
    if role != "user" or any(MARK in text for text in texts):
        return Turn(role, "".join(texts).strip(), len(places)), cells
    for at in reversed(places):
        texts.insert(at, MARK)
    return _marked("".join(texts), role), cells


def _inner(part: Row) -> object:
    link = part.get("image_url")
    named = (part.get(name) for name in ("image", "path", "url"))
    return next(filter(None, named), link.get("url") if isinstance(link, dict) else link)


def _marked(text: str, role: Role) -> Turn:
    """A turn whose images are written as `<image>` at either end; elsewhere it stays in the words."""
    if role != "user" or MARK not in text:
        return Turn(role, text.strip())
    before = _BEFORE.match(text)
    rest = text[before.end() :] if before else text
    after = _AFTER.search(rest)
    inner = rest[: after.start()] if after else rest
    first, last = (found[0].count(MARK) if found else 0 for found in (before, after))
    return Turn(role, inner.strip(), first + last, first)


def _cells(value: object) -> list[object]:
    return value if isinstance(value, list) else [value] if value else []


def _group(turns: Sequence[Turn], cells: Sequence[object], pictures: Sequence[Picture]) -> str:
    if pictures:
        own = cells[0] if isinstance(cells[0], str) and len(cells[0]) < 1000 else None
        return own or hashlib.sha256(pictures[0].bytes).hexdigest()[:32]
    return question_group(next(turn.text for turn in turns if turn.role == "user"))
