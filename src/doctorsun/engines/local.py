"""A model of this machine behind `Chat`: greedy answers in batches, each picture looked at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from doctorsun.core.chat import Piece, Reply, Request
from doctorsun.core.errors import RecordError
from doctorsun.engines.gallery import Gallery
from doctorsun.engines.greedy import KeysValues, Row, Token, decode, read_starts
from doctorsun.engines.pieces import TextPieces
from doctorsun.model.parts import Parts
from doctorsun.model.store import Dtype, load_model
from doctorsun.model.vision import patch_features

_WINDOW_BATCHES = 8
_BATCH, _SMALL_BATCH, _SMALL = 64, 192, 50_000_000


@dataclass(frozen=True, slots=True)
class _Start:
    ids: tuple[int, ...]
    images: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question in the model's tokens, cut behind its last image: many share the start and its images."""

    place: int
    start: _Start
    rest: list[int]
    max_new_tokens: int


class LocalChat:
    """Answers with a checkpoint; the same tokens as transformers' `generate`, one by one or in batches.

    `batch` questions are answered at a time, by default more of them by a small model.
    """

    def __init__(
        self,
        source: Path | Parts,
        *,
        dtype: Dtype = "float32",
        batch: int | None = None,
        name: str | None = None,
        device: str | None = None,
    ) -> None:
        self._parts = source if isinstance(source, Parts) else load_model(source, dtype=dtype)
        self.name = name or (source.name if isinstance(source, Path) else "model")
        self._model = self._parts.model
        self._batch = batch or (_SMALL_BATCH if self._model.num_parameters() < _SMALL else _BATCH)
        self._encoder = self._parts.encoder
        if device is not None or not isinstance(source, Parts):
            self._model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._context: int = self._model.config.text_config.max_position_embeddings
        self._gallery = Gallery(self._parts, batch=self._batch)
        ends = self._model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
        self._ends = frozenset((self._encoder.end_id, *ends))
        self._pad: int = self._encoder.tokenizer.pad_token_id

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The answers in the order of the questions; those alike are answered together."""
        self._model.eval()
        window = self._batch * _WINDOW_BATCHES
        for begin in range(0, len(requests), window):
            yield from self._window(requests[begin : begin + window], begin)

    def stream(self, request: Request) -> Iterator[Piece]:
        """The pieces of one answer; a character that needs several tokens comes when it is whole."""
        self._model.eval()
        asked = self._asked(request, 0)
        starts = self._read([asked.start])
        row = Row(0, asked.rest, asked.max_new_tokens)
        text = TextPieces(self._encoder)
        for tokens in decode(self._model, [row], starts, end_ids=self._ends, pad_id=self._pad):
            token = tokens[0]
            piece = text.finish() if token.id in self._ends else text.add(token.id)
            if token.last and token.id not in self._ends:
                piece += text.finish()
            if piece:
                yield Piece(piece, token.logprob)

    @torch.inference_mode()
    def features(self, images: Sequence[bytes]) -> np.ndarray:
        """`[n, width]` float32: for each picture the mean of the encoder's features that LLaVA reads."""
        self._model.eval()
        rows = []
        for begin in range(0, len(images), self._batch):
            pixels_BCHW = self._parts.pictures.pixels(images[begin : begin + self._batch])
            features_BNW = patch_features(self._model, pixels_BCHW.to(self._model.device))
            rows.append(features_BNW.float().mean(dim=1).cpu())
        width: int = self._model.config.vision_config.hidden_size
        return torch.cat(rows).numpy() if rows else np.zeros((0, width), dtype=np.float32)

    def _window(self, requests: Sequence[Request], offset: int) -> Iterator[Reply]:
        """The answers to some questions: grouped by the length of the start, then by that of the rest."""
        asked = [self._asked(request, offset + number) for number, request in enumerate(requests)]
        replies: list[Reply | None] = [None] * len(asked)
        for length in sorted({len(one.start.ids) for one in asked}):
            alike = [one for one in asked if len(one.start.ids) == length]
            alike.sort(key=lambda one: len(one.rest))
            starts = list(dict.fromkeys(one.start for one in alike))
            number = {start: place for place, start in enumerate(starts)}
            read = self._read(starts)
            for begin in range(0, len(alike), self._batch):
                some = alike[begin : begin + self._batch]
                rows = [Row(number[one.start], one.rest, one.max_new_tokens) for one in some]
                for one, reply in zip(some, self._replies(rows, read), strict=True):
                    replies[one.place - offset] = reply
        for done in replies:
            assert done is not None
            yield done

    def _replies(self, rows: list[Row], starts: KeysValues) -> list[Reply]:
        said: list[list[Token]] = [[] for _ in rows]
        for tokens in decode(self._model, rows, starts, end_ids=self._ends, pad_id=self._pad):
            for token in tokens:
                said[token.row].append(token)
        return [self._reply(tokens) for tokens in said]

    @torch.inference_mode()
    def _read(self, starts: list[_Start]) -> KeysValues:
        """What the language model keeps of starts that are equally long, in their order."""
        if not starts[0].ids:
            return []
        looks = self._gallery.look([raw for start in starts for raw in start.images])
        batches = []
        for begin in range(0, len(starts), self._batch):
            some = starts[begin : begin + self._batch]
            ids_BP = torch.tensor([start.ids for start in some], device=self._model.device)
            embeddings_BPD = self._model.get_input_embeddings()(ids_BP)
            seen = torch.cat([looks[raw] for start in some for raw in start.images])
            embeddings_BPD[ids_BP == self._encoder.image_id] = seen.to(embeddings_BPD.dtype)
            batches.append(read_starts(self._model, embeddings_BPD))
        return [
            (torch.cat([layer[0] for layer in layers]), torch.cat([layer[1] for layer in layers]))
            for layers in zip(*batches, strict=True)
        ]

    def _reply(self, tokens: list[Token]) -> Reply:
        stopped = tokens[-1].id in self._ends
        ids = [token.id for token in tokens]
        return Reply(
            text=self._encoder.decode(ids[:-1] if stopped else ids),
            tokens=len(ids),
            stopped=stopped,
            logprobs=tuple(token.logprob for token in tokens),
            ids=tuple(ids),
        )

    def _asked(self, request: Request, place: int) -> _Asked:
        encoded = self._encoder.prompt(request.messages, where=str(place))
        if len(encoded.image_starts) != len(request.images):
            raise RecordError(
                "engines.image_count",
                where=place,
                found=len(encoded.image_starts),
                expected=len(request.images),
            )
        room = self._context - len(encoded.ids)
        if room < 1:
            raise self._too_long(len(encoded.ids), len(request.images), place)
        cut = encoded.image_starts[-1] + self._encoder.image_tokens if encoded.image_starts else 0
        return _Asked(
            place=place,
            start=_Start(tuple(encoded.ids[:cut]), request.images),
            rest=encoded.ids[cut:],
            max_new_tokens=min(request.max_new_tokens, room),
        )

    def _too_long(self, length: int, images: int, place: int) -> RecordError:
        """What is wrong with a prompt that leaves no room for an answer, and how many images would fit."""
        told = {"where": place, "found": length, "expected": self._context}
        if not images:
            return RecordError("engines.too_long", **told)
        each = self._encoder.image_tokens
        fit = max(0, (self._context - 1 - (length - images * each)) // each)
        return RecordError("engines.too_many_images", **told, count=images, each=each, fit=fit)
