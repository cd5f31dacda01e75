"""The one engine that takes identifiers out of text, for reports, rows of tables and names of files.

Own labels and word lists instead of presidio: it takes 17 s to import and has no Chinese model offline.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from doctorsun.core.errors import RecordError
from doctorsun.privacy.key import Key
from doctorsun.privacy.text.board import Board, Hit
from doctorsun.privacy.text.dates import Dates
from doctorsun.privacy.text.folding import HANZI, fold
from doctorsun.privacy.text.known import Known, Literals
from doctorsun.privacy.text.names import chinese_names, english_names
from doctorsun.privacy.text.patterned import addresses_of_the_net, high_ages, labelled_numbers, long_numbers
from doctorsun.privacy.text.places import addresses, hospitals

MAX_CHARACTERS = 2_000_000
TOKENS = {
    "name": ("姓名", "NAME"),
    "doctor": ("医生", "DOCTOR"),
    "hospital": ("医院", "HOSPITAL"),
    "department": ("科室", "DEPARTMENT"),
    "address": ("地址", "ADDRESS"),
    "phone": ("电话", "PHONE"),
    "email": ("邮箱", "EMAIL"),
    "url": ("网址", "URL"),
    "ip": ("IP", "IP"),
    "account": ("账号", "ACCOUNT"),
    "plate": ("车牌", "PLATE"),
    "bed": ("床号", "BED"),
    "zip": ("邮编", "ZIP"),
    "date": ("日期", "DATE"),
    "other": ("其他", "OTHER"),
}
AGES = ("90+", "90岁以上")
_DONE = re.compile(
    rf"\[(?:{'|'.join(sorted({word for pair in TOKENS.values() for word in pair}))}|ID-[A-Z2-9]{{10}})\]|"
    rf"90岁以上|90\+"
)
_NEAR = 20


@dataclass(frozen=True, slots=True)
class Span:
    """One removal: its place in the original text, its kind, and what stands there now."""

    start: int
    end: int
    kind: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text without identifiers, and what was replaced, in order."""

    text: str
    spans: tuple[Span, ...]


class TextCleaner:
    """Takes identifiers out of the texts of one record, in Chinese and English, always the same way.

    The values that the record's own fields hold (`known`) go first, in all spellings; then forms, labels,
    names and places. Dates move by the key's number of days for `known.patient`, or are removed. Kinds in
    `keep` stay. Cleaning twice changes nothing more, except that moved dates move again: nothing marks them.
    """

    def __init__(
        self,
        key: Key,
        *,
        known: Known | None = None,
        dates: Literal["shift", "remove"] = "shift",
        keep: Collection[str] = (),
    ) -> None:
        self.key = key
        self.known = known or Known()
        self.keep = frozenset(keep)
        self.literals = Literals(self.known)
        self.dates = Dates(key.shift_days(self.known.patient) if dates == "shift" else None, self.known.dates)

    def clean(self, text: str, *, where: str = "") -> Cleaned:
        """The cleaned text; RecordError when it is longer than two million characters."""
        if len(text) > MAX_CHARACTERS:
            raise RecordError("privacy.text_too_long", where=where, found=len(text), limit=MAX_CHARACTERS)
        folded = fold(text)
        board = Board(folded.text)
        board.take(Hit(*found.span(), "done") for found in _DONE.finditer(folded.text))
        for stage in self._stages():
            for hits in stage(board.text):
                board.take(hit for hit in hits if hit.kind not in self.keep)
        spans = []
        for hit in sorted(board.hits, key=lambda hit: hit.start):
            if hit.kind != "done":
                start, end = folded.span(hit.start, hit.end)
                put = self._put(hit, folded.text, chinese=_is_chinese(folded.text, hit))
                spans.append(Span(start, end, hit.kind, put))
        return Cleaned(_replaced(text, spans), tuple(spans))

    def pseudonym(self, value: str) -> str:
        """What stands for a number, however it is written: the same under one key."""
        return f"[{self.key.number(value)}]"

    def _stages(self) -> tuple[Callable[[str], Iterator[list[Hit]]], ...]:
        return (
            self.literals.find,
            addresses_of_the_net,
            labelled_numbers,
            chinese_names,
            english_names,
            self.literals.find_words,
            addresses,
            hospitals,
            self.dates.find,
            long_numbers,
            high_ages,
        )

    def _put(self, hit: Hit, text: str, *, chinese: bool) -> str:
        """What stands in the place of a find."""
        if hit.put is not None:
            return hit.put
        if hit.kind == "id":
            return self.pseudonym(text[hit.start : hit.end])
        if hit.kind == "age":
            return AGES[text[hit.end - 1] == "岁"]
        return f"[{TOKENS[hit.kind][0 if chinese else 1]}]"


def _is_chinese(text: str, hit: Hit) -> bool:
    """Whether Chinese stands near a find on its line, or in it."""
    start, end = max(0, hit.start - _NEAR), hit.end + _NEAR
    before = text[start : hit.start].rpartition("\n")[2]
    after = text[hit.end : end].partition("\n")[0]
    return bool(re.search(f"[{HANZI}]", before + text[hit.start : hit.end] + after))


def _replaced(text: str, spans: list[Span]) -> str:
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += [text[at : span.start], span.replacement]
        at = span.end
    return "".join(parts) + text[at:]
