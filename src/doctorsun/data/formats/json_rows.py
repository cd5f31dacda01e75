"""The objects of a JSON list or of JSON lines, one at a time: a damaged one costs only itself."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError
from doctorsun.data.counts import Counts
from doctorsun.data.encoding import text_pieces

Row = Mapping[str, Any]
JSON_ENDINGS = (".json", ".jsonl")
# A row that is longer is no row of pictures and words: the file is damaged there, or it is no such list.
LONGEST = 2**24
_BETWEEN = ", \t\r\n"
# Of so many first lines one must be an object, else the file is no JSON lines.
FIRST = 100
# A whole string, the begin of one that goes on in the next piece, or a bracket.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:(")|\\?\Z)|[\[\]{}]', re.DOTALL)
_STEP = {"{": 1, "[": 1, "}": -1, "]": -1}


def json_rows(path: Path, counts: Counts) -> Iterator[tuple[str, Row]]:
    """Each object with its place (`file/number`), from a file of any size in any encoding.

    What is no object, names a key twice, is nested too deeply or is longer than 16 million characters is
    counted by its place. DataError where the file is neither a list nor lines.
    """
    pieces = text_pieces(path, counts)
    first, start = "", ""
    while not start and (piece := next(pieces, None)) is not None:
        first, start = first + piece, (first + piece).lstrip()[:1]
    if start == "[":
        yield from _counted(_listed(first, pieces), path.name, counts, "data.list_cut")
    elif start == "{":
        yield from _really_lines(_lines(first, pieces), path.name, counts)
    else:
        raise DataError("data.bad_json", where=path.name)


def _counted(texts: Iterable[str | None], name: str, counts: Counts, lost: str) -> Iterator[tuple[str, Row]]:
    for at, text in enumerate(texts):
        row = lost if text is None else _object(text)
        if isinstance(row, str):
            counts.drop(row, f"{name}/{at}")
        else:
            yield f"{name}/{at}", row


def _really_lines(texts: Iterator[str | None], name: str, counts: Counts) -> Iterator[tuple[str, Row]]:
    """The rows of JSON lines; DataError where none of the first is one, as in an object of many lines."""
    first = list(islice(texts, FIRST))
    if all(text is None or isinstance(_object(text), str) for text in first):
        raise DataError("data.bad_json", where=name)
    yield from _counted(chain(first, texts), name, counts, "data.row_too_long")


def _object(text: str) -> Row | str:
    """The object of a text, else the key of what is wrong with it."""
    doubled: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.append("")
        return found

    try:
        row = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return "data.bad_json_row"
    if doubled:
        return "data.doubled_key"
    return row if isinstance(row, dict) else "data.bad_row"


def _lines(text: str, pieces: Iterator[str]) -> Iterator[str | None]:
    """The lines that say anything, null for one that is too long."""
    long = False
    while True:
        *lines, text = text.split("\n")
        for line in lines:
            if long or len(line) > LONGEST:
                yield None
            elif line.strip():
                yield line
            long = False
        if len(text) > LONGEST:
            text, long = "", True
        piece = next(pieces, None)
        if piece is None:
            break
        text += piece
    if long or text.strip():
        yield None if long else text


def _listed(text: str, pieces: Iterator[str]) -> Iterator[str | None]:
    """The texts of a list's items; null where one is too long or cut, and then nothing more."""
    at = begin = text.index("[") + 1
    depth = 0
    while True:
        for found in _TOKEN.finditer(text, at):
            token, at = found[0], found.end()
            if token[0] == '"' and found[1] is None:
                at = found.start()
                break
            depth += _STEP.get(token, 0)
            if depth == 0 and token in "}]":
                yield text[begin:at].lstrip(_BETWEEN)
                begin = at
            elif depth < 0:
                yield from (item for item in text[begin : at - 1].split(",") if item.strip())
                return
        else:
            at = len(text)
        piece = next(pieces, None)
        if piece is None or len(text) - begin > LONGEST:
            yield None
            return
        text, at, begin = text[begin:] + piece, at - begin, 0
