"""A whole image-text model of this machine behind `Chat`: greedy answers by transformers' own `generate`.

Shapes: B questions, L tokens of the longest, padded on the left so that the next token is the last column.
"""

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation.streamers import BaseStreamer

from doctorsun.core.chat import Piece, Reply, Request
from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Message, Part
from doctorsun.engines.pieces import TextPieces
from doctorsun.model.anatomy import anatomy
from doctorsun.model.parts import Parts
from doctorsun.model.whole import join_inputs

_BATCH = 8


@dataclass(frozen=True, slots=True)
class _Asked:
    place: int
    ids: list[int]
    images: tuple[bytes, ...]
    max_new_tokens: int


class WholeChat:
    """Answers with a model that reads pictures in its own way, `batch` questions at a time."""

    def __init__(
        self, parts: Parts, *, batch: int | None = None, name: str = "model", device: str | None = None
    ) -> None:
        assert parts.whole is not None
        self.name = name
        self._model = parts.model if device is None else parts.model.to(device)
        self._encoder = parts.encoder
        self._reader = parts.whole
        self._batch = batch or _BATCH
        self._context: int = self._model.config.text_config.max_position_embeddings
        ends = self._model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
        self._ends = frozenset((self._encoder.end_id, *ends))
        self._pad: int = self._encoder.tokenizer.pad_token_id

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The answers in the order of the questions."""
        self._model.eval()
        asked = [self._asked(request, place) for place, request in enumerate(requests)]
        replies: dict[int, Reply] = {}
        alike = sorted(asked, key=lambda one: len(one.ids))
        for begin in range(0, len(alike), self._batch):
            some = alike[begin : begin + self._batch]
            replies |= {one.place: reply for one, reply in zip(some, self._replies(some), strict=True)}
        for one in asked:
            yield replies[one.place]

    def stream(self, request: Request) -> Iterator[Piece]:
        """The pieces of one answer; a character that needs several tokens comes when it is whole."""
        self._model.eval()
        asked = self._asked(request, 0)
        tokens, told = _Tokens(), _Told()
        text = TextPieces(self._encoder)
        with ThreadPoolExecutor(max_workers=1) as worker:
            made = worker.submit(self._generate, [asked], told, tokens)
            made.add_done_callback(lambda _: tokens.end())
            for count, number in enumerate(tokens):
                piece = text.finish() if number in self._ends else text.add(number)
                if piece:
                    yield Piece(piece, float(told.logprobs[count][0]))
            made.result()  # raises what went wrong
        if rest := text.finish():
            yield Piece(rest, None)

    @torch.inference_mode()
    def features(self, images: Sequence[bytes]) -> np.ndarray:
        """`[n, width]` float32: for each picture the mean of what the language model gets in its place."""
        self._model.eval()
        language = self._model.get_submodule(anatomy(self._model).language)
        rows = []
        for raw in images:
            asked = self._asked(Request((Message("user", (Part("image"), Part("text", "?"))),), (raw,)), 0)
            seen: list[torch.Tensor] = []
            hook = language.register_forward_pre_hook(
                lambda _module, _args, told, seen=seen: seen.append(told["inputs_embeds"]), with_kwargs=True
            )
            try:
                self._model.model(**self._inputs([asked]), use_cache=False)
            finally:
                hook.remove()
            places = torch.tensor(asked.ids) == self._encoder.image_id
            rows.append(seen[0][0][places.to(seen[0].device)].float().mean(dim=0).cpu())
        width: int = self._model.config.text_config.hidden_size
        return torch.stack(rows).numpy() if rows else np.zeros((0, width), dtype=np.float32)

    def _asked(self, request: Request, place: int) -> _Asked:
        sizes = [self._reader.size(raw, where=str(number)) for number, raw in enumerate(request.images)]
        wanted = sum(part.type == "image" for message in request.messages for part in message.content)
        if wanted != len(sizes):
            raise RecordError("engines.image_count", where=place, found=wanted, expected=len(sizes))
        ids = self._encoder.prompt(request.messages, where=str(place), sizes=sizes).ids
        room = self._context - len(ids)
        if room < 1:
            raise RecordError("engines.too_long", where=place, found=len(ids), expected=self._context)
        return _Asked(place, ids, request.images, min(request.max_new_tokens, room))

    def _replies(self, some: Sequence[_Asked]) -> list[Reply]:
        told = _Told()
        made_BL = self._generate(some, told)
        logprobs_BL = torch.stack(told.logprobs, dim=1)
        return [
            self._reply(ids[: one.max_new_tokens], logprobs)
            for one, ids, logprobs in zip(some, made_BL.tolist(), logprobs_BL.tolist(), strict=True)
        ]

    def _reply(self, ids: list[int], logprobs: list[float]) -> Reply:
        end = next((at for at, number in enumerate(ids) if number in self._ends), None)
        ids = ids if end is None else ids[: end + 1]
        return Reply(
            text=self._encoder.decode(ids if end is None else ids[:-1]),
            tokens=len(ids),
            stopped=end is not None,
            logprobs=tuple(logprobs[: len(ids)]),
            ids=tuple(ids),
        )

    @torch.inference_mode()
    def _generate(self, some: Sequence[_Asked], told: "_Told", streamer: "_Tokens | None" = None) -> Any:  # noqa: ANN401
        """`made_BL`: the ids behind the questions."""
        inputs = self._inputs(some)
        how = GenerationConfig(
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            max_new_tokens=max(one.max_new_tokens for one in some),
            eos_token_id=sorted(self._ends),
            pad_token_id=self._pad,
        )
        made_BL = self._model.generate(
            **inputs, generation_config=how, logits_processor=LogitsProcessorList([told]), streamer=streamer
        )
        return made_BL[:, inputs["input_ids"].shape[1] :]

    def _inputs(self, some: Sequence[_Asked]) -> dict[str, torch.Tensor]:
        longest = max(len(one.ids) for one in some)
        ids = [[self._pad] * (longest - len(one.ids)) + one.ids for one in some]
        real = [[0] * (longest - len(one.ids)) + [1] * len(one.ids) for one in some]
        told = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(real)}
        told |= {name: torch.tensor(rows) for name, rows in self._reader.kinds(ids).items()}
        told |= join_inputs([self._reader.inputs(one.images) for one in some if one.images])
        return {name: tensor.to(self._model.device) for name, tensor in told.items()}


class _Told(LogitsProcessor):  # type: ignore[misc]  # transformers has no types
    """Takes down the log-probability of the likeliest token at each step, in nats, and changes nothing."""

    def __init__(self) -> None:
        self.logprobs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        best_BV = scores.float()
        self.logprobs.append((best_BV.max(dim=-1).values - best_BV.logsumexp(dim=-1)).cpu())
        return scores


class _Tokens(BaseStreamer):  # type: ignore[misc]
    """The tokens of one answer as another thread makes them; the question, which comes first, is left out."""

    def __init__(self) -> None:
        self._asked = False
        self._made: queue.Queue[int | None] = queue.Queue()

    def put(self, value: torch.Tensor) -> None:
        """Take what `generate` has."""
        if self._asked:
            self._made.put(int(value.flatten()[0]))
        self._asked = True

    def end(self) -> None:
        """No more comes; said by `generate`, and again when it is over for whatever reason."""
        self._made.put(None)

    def __iter__(self) -> Iterator[int]:
        while (number := self._made.get()) is not None:
            yield number
