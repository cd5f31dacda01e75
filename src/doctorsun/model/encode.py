"""Messages <-> token ids: the only place that knows a template.

The ids are those of the tokenizer's own `apply_chat_template`. What a person typed never becomes a control
token, and the loss covers each answer and its end token, exactly.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from tokenizers import Encoding, Tokenizer
from transformers import PreTrainedTokenizerBase

from doctorsun.core.schema import Message
from doctorsun.model.expansion import Expansion, FixedPictures, Grown, Pictured, Size, grow
from doctorsun.model.template import (
    EncodeError,
    Shape,
    Span,
    Template,
    Turn,
    fold_system,
    outline,
    place_texts,
    turns_of,
)

__all__ = ["EncodeError", "Encoded", "Encoder"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, with `mask` true where the token is to be learnt, and where each image's tokens start."""

    ids: list[int]
    mask: list[bool]
    image_starts: list[int]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of tokens that stands at character `start` of the rendering."""

    start: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class _Written:
    """The tokens of a rendering, each run of image tokens as one, and what the pictures in it are."""

    grown: Grown
    pieces: list[_Piece]
    expansions: Sequence[Expansion]

    @property
    def ids(self) -> list[int]:
        """All tokens, in a list of their own."""
        return [number for piece in self.pieces for number in piece.encoding.ids]


class Encoder:
    """The translation between conversations and the ids of one model.

    An image is `image_tokens` ids long; where `pictured` says how long it is, only one of unknown size is.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, *, image_tokens: int, pictured: Pictured | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.image_tokens = image_tokens
        self._pictured = pictured or FixedPictures(tokenizer, image_tokens)
        self.image_id: int = tokenizer.convert_tokens_to_ids(self._pictured.token)
        self._template = Template(self._pictured.chat, flat=pictured is None)
        self._control = _control_tokens(tokenizer, str(self._pictured.chat.chat_template))
        longest_first = sorted(self._control, key=len, reverse=True)
        self._typed = re.compile("|".join(re.escape(token) for token in longest_first))
        self._backend = _without(tokenizer, frozenset())
        self._plain = _without(tokenizer, frozenset(self._control))
        self._control_ids = frozenset(self._control.values())
        try:
            self.end_id = self._end_id()
        except EncodeError as error:
            error.values.setdefault("where", "chat_template")
            raise

    def encode(
        self, messages: Sequence[Message], *, where: str = "sample", sizes: Sequence[Size] | None = None
    ) -> Encoded:
        """The ids of a conversation that ends with an answer; EncodeError names `where` if it cannot be.

        Every answer is learnt; of a template that writes past turns differently, the last answer only.
        `sizes` are those of its pictures, which some models need to know.
        """
        try:
            turns = self._turns(messages)
            if not turns or turns[-1].role != "assistant":
                raise EncodeError("model.no_answer")
            return self._encode(turns, sizes)
        except EncodeError as error:
            error.values.setdefault("where", where)
            raise

    def prompt(
        self, messages: Sequence[Message], *, where: str = "request", sizes: Sequence[Size] | None = None
    ) -> Encoded:
        """The ids of a conversation that waits for an answer, up to the answer; nothing is learnt."""
        try:
            turns = self._turns(messages)
            marked, texts = outline(turns)
            shape = self._template.shape(marked, True)
            rendering = self._template.render(turns, ask=True)
            written = self._write(
                rendering, shape, place_texts(rendering, shape, texts), self._expansions(turns, sizes)
            )
        except EncodeError as error:
            error.values.setdefault("where", where)
            raise
        return self._expanded(written, [False] * len(written.ids))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids, control tokens left out."""
        text: str = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def _turns(self, messages: Sequence[Message]) -> tuple[Turn, ...]:
        turns = turns_of(messages)
        return turns if self._template.takes_system else fold_system(turns)

    def _encode(self, turns: tuple[Turn, ...], sizes: Sequence[Size] | None) -> Encoded:
        marked, texts = outline(turns)
        shape = self._template.shape(marked, False)
        rendering = self._template.render(turns, ask=False)
        spans = place_texts(rendering, shape, texts)
        if spans is None:
            answers = [self._last_answer(rendering, turns, shape)]
        elif self._past_turns_stand(rendering, turns, [spans[number] for number in shape.answers]):
            answers = [(spans[number], shape.pieces[number + 1]) for number in shape.answers]
        else:
            answers = [(spans[-1], shape.pieces[-1])]
        written = self._write(rendering, shape, spans, self._expansions(turns, sizes))
        mask = [False] * len(written.ids)
        for span, after in answers:
            first, last = self._token_range(written.pieces, written.grown.span(span), after)
            mask[first : last + 1] = [True] * (last + 1 - first)
        return self._expanded(written, mask)

    def _expansions(self, turns: Sequence[Turn], sizes: Sequence[Size] | None) -> Sequence[Expansion]:
        """What is written for each picture of a conversation."""
        count = sum(part is None for turn in turns for part in turn.parts)
        if sizes is not None and len(sizes) != count:
            raise EncodeError("model.image_count", found=len(sizes), expected=count)
        return self._pictured.expand(sizes if sizes is not None else [None] * count)

    def _write(
        self,
        rendering: str,
        shape: Shape,
        spans: tuple[Span, ...] | None,
        expansions: Sequence[Expansion],
    ) -> _Written:
        """The tokens of a rendering with its pictures written as they are to be."""
        place = self._pictured.place
        if spans is None:
            places = [match.start() for match in re.finditer(re.escape(place), rendering)]
        else:
            starts = [0, *(span.stop for span in spans)]
            places = [
                start + match.start()
                for start, piece in zip(starts, shape.pieces, strict=True)
                for match in re.finditer(re.escape(place), piece)
            ]
        if len(places) != len(expansions):
            raise EncodeError("model.control_typed", length=len(rendering))
        grown = grow(rendering, shape.pieces, places, place=place, by=expansions)
        moved = None if spans is None else tuple(grown.span(span) for span in spans)
        return _Written(grown, self._pieces(grown, moved), expansions)

    def _past_turns_stand(self, rendering: str, turns: tuple[Turn, ...], answers: list[Span]) -> bool:
        """Whether a template that trims answers trims them just so when they are the last."""
        if all(span.kept for span in answers):
            return True
        ends = [place for place, turn in enumerate(turns[:-1], start=1) if turn.role == "assistant"]
        return all(rendering.startswith(self._template.render(turns[:end], ask=False)) for end in ends)

    def _last_answer(self, rendering: str, turns: tuple[Turn, ...], shape: Shape) -> tuple[Span, str]:
        """The place of the last answer in a rendering whose past turns are not as they were written."""
        start = len(self._template.render(turns[:-1], ask=True))
        text, after = turns[-1].content, shape.pieces[-1]
        for form in (text, text.rstrip(), text.lstrip(), text.strip()):
            if rendering[start:] == form + after:
                return Span(start, start + len(form), kept=form == text), after
        raise EncodeError("model.answer_lost", turn=len(turns) - 1, length=len(text))

    def _pieces(self, grown: Grown, spans: tuple[Span, ...] | None) -> list[_Piece]:
        """The tokens of a rendering; only control tokens that the template wrote are control tokens."""
        whole = self._backend.encode(grown.text, add_special_tokens=False)
        written = [token for piece in grown.pieces for token in self._typed.findall(piece)]
        found = [number for number in whole.ids if number in self._control_ids]
        if found == [self._control[token] for token in written]:
            return [_Piece(0, whole)]
        if spans is None:
            raise EncodeError("model.control_typed", length=len(grown.text))
        return self._split_pieces(grown, spans)

    def _split_pieces(self, grown: Grown, spans: tuple[Span, ...]) -> list[_Piece]:
        """As `_pieces`, for texts that hold a control token, told from the template's by its place."""
        pieces: list[_Piece] = []
        done = 0
        starts = [0, *(span.stop for span in spans)]
        for start, written in zip(starts, grown.pieces, strict=True):
            for match in self._typed.finditer(written):
                begin, end = start + match.start(), start + match.end()
                pieces.append(
                    _Piece(done, self._plain.encode(grown.text[done:begin], add_special_tokens=False))
                )
                pieces.append(
                    _Piece(begin, self._backend.encode(grown.text[begin:end], add_special_tokens=False))
                )
                done = end
        pieces.append(_Piece(done, self._plain.encode(grown.text[done:], add_special_tokens=False)))
        return pieces

    def _token_range(self, pieces: list[_Piece], span: Span, after: str) -> tuple[int, int]:
        """The first and the last token of an answer with its end token; EncodeError if tokens straddle it."""
        end = self._typed.match(after.lstrip())
        end_char = span.stop + len(after) - len(after.lstrip())
        first, last = _token_at(pieces, span.start), _token_at(pieces, end_char)
        if end is None or first is None or last is None or last < first:
            raise EncodeError("model.no_end_token", start=span.start, stop=span.stop)
        if _token_start(pieces, first) != span.start:
            raise EncodeError("model.token_straddles", start=span.start, stop=span.stop)
        return first, last

    def _expanded(self, written: _Written, mask: list[bool]) -> Encoded:
        """The ids with each run of image tokens made as long as it is to be."""
        ids = written.ids
        lengths = [length for expansion in written.expansions for length in expansion.runs]
        places = [place for place, number in enumerate(ids) if number == self.image_id]
        for place, length in zip(reversed(places), reversed(lengths), strict=True):
            ids[place:place] = [self.image_id] * (length - 1)
            mask[place:place] = [False] * (length - 1)
        more = accumulate((length - 1 for length in lengths), initial=0)
        starts = [place + before for place, before in zip(places, more, strict=False)]
        firsts = accumulate([0, *(len(expansion.runs) for expansion in written.expansions[:-1])])
        return Encoded(ids, mask, [starts[first] for first in firsts] if starts else [])

    def _end_id(self) -> int:
        """The token that ends an answer, as the template writes it."""
        marked, _ = outline((Turn("user", ("?",)), Turn("assistant", ("!",))))
        after = self._template.shape(marked, False).pieces[-1].lstrip()
        match = self._typed.match(after)
        if match is None:
            raise EncodeError("model.template_no_end")
        return self._control[match.group()]


def _control_tokens(tokenizer: PreTrainedTokenizerBase, template: str) -> dict[str, int]:
    """The tokens that steer a model: all special ones, and added ones that the template itself writes."""
    return {
        str(token.content): number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special or (token.content.strip() and token.content in template)
    }


def _without(tokenizer: PreTrainedTokenizerBase, dropped: frozenset[str]) -> Tokenizer:
    """The tokenizer's engine without some added tokens, with exact offsets, adding no token by itself."""
    tree = json.loads(tokenizer.backend_tokenizer.to_str())
    tree["post_processor"] = None
    tree["truncation"] = tree["padding"] = None
    tree["added_tokens"] = [token for token in tree["added_tokens"] if token["content"] not in dropped]
    return Tokenizer.from_str(json.dumps(tree))


def _token_at(pieces: list[_Piece], char: int) -> int | None:
    """The number of the token that holds a character of the rendering."""
    before = 0
    for place, piece in enumerate(pieces):
        stop = pieces[place + 1].start if place + 1 < len(pieces) else None
        if stop is None or char < stop:
            token: int | None = piece.encoding.char_to_token(char - piece.start)
            return None if token is None else before + token
        before += len(piece.encoding.ids)
    return None


def _token_start(pieces: list[_Piece], token: int) -> int:
    """The character of the rendering at which a token starts."""
    for piece in pieces:
        count = len(piece.encoding.ids)
        if token < count:
            start: int = piece.encoding.offsets[token][0]
            return piece.start + start
        token -= count
    raise IndexError(token)
