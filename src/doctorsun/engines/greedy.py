"""Greedy decoding of many questions at once; the part before the question is read once for each picture.

Shapes: B rows, P tokens of the shared start (up to the last image token), S of the longest rest, D wide.
Rests are padded on the left, so the next token is always the last column; padding is masked and takes no
position.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, LlavaForConditionalGeneration

KeysValues = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, slots=True)
class Row:
    """One question: the number of its start among those at hand, the ids after it, the room to answer."""

    start: int
    rest: list[int]
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Token:
    """The next token of one row; `last` when the row ends with it, by an end token or for want of room."""

    row: int
    id: int
    logprob: float
    last: bool


@torch.inference_mode()
def read_starts(model: LlavaForConditionalGeneration, embeddings_BPD: torch.Tensor) -> KeysValues:
    """The keys and values of starts that are equally long, layer by layer."""
    cache = DynamicCache()
    model.model.language_model(inputs_embeds=embeddings_BPD, past_key_values=cache, use_cache=True)
    return [(layer.keys, layer.values) for layer in cache.layers]


def decode(
    model: LlavaForConditionalGeneration,
    rows: Sequence[Row],
    starts: KeysValues,
    *,
    end_ids: frozenset[int],
    pad_id: int,
) -> Iterator[list[Token]]:
    """The next tokens of all rows that go on, step by step, until none does.

    `starts` is empty when the rows have no shared start.
    """
    state = _State(model, rows, starts, pad_id=pad_id)
    ids_BS, left_B = state.rests, [row.max_new_tokens for row in rows]
    alive = list(range(len(rows)))
    while alive:
        chosen, logprobs = state.step(ids_BS)
        tokens, keep = [], []
        for column, (row, token) in enumerate(zip(alive, chosen, strict=True)):
            left_B[row] -= 1
            last = token in end_ids or left_B[row] <= 0
            tokens.append(Token(row, token, logprobs[column], last))
            if not last:
                keep.append(column)
        yield tokens
        if len(keep) < len(alive):
            state.keep(keep)
        alive = [alive[column] for column in keep]
        ids_BS = torch.tensor([[chosen[column]] for column in keep], device=state.device)


class _State:
    """The cache, the mask and the positions of the rows that go on."""

    def __init__(
        self, model: LlavaForConditionalGeneration, rows: Sequence[Row], starts: KeysValues, *, pad_id: int
    ) -> None:
        self.model = model
        self.device = model.device
        longest = max(len(row.rest) for row in rows)
        pads = [longest - len(row.rest) for row in rows]
        self.rests = torch.tensor(
            [[pad_id] * pad + row.rest for pad, row in zip(pads, rows, strict=True)], device=self.device
        )
        shared = starts[0][0].shape[-2] if starts else 0
        pads_B = torch.tensor(pads, device=self.device)
        places_S = torch.arange(longest, device=self.device)
        real_BS = places_S >= pads_B[:, None]
        self.mask = torch.cat([real_BS.new_ones(len(rows), shared), real_BS], dim=1).long()
        self.positions = (places_S - pads_B[:, None]).clamp(min=0) + shared
        self.cache = _cache(starts, torch.tensor([row.start for row in rows], device=self.device))

    @torch.inference_mode()
    def step(self, ids_BS: torch.Tensor) -> tuple[list[int], list[float]]:
        """The likeliest next token of each row and its log-probability."""
        hidden_BSD = self.model.model.language_model(
            input_ids=ids_BS,
            attention_mask=self.mask,
            position_ids=self.positions,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        logits_BV = self.model.lm_head(hidden_BSD[:, -1]).float()
        best = logits_BV.max(dim=-1)
        logprobs_B = best.values - logits_BV.logsumexp(dim=-1)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        self.positions = self.positions[:, -1:] + 1
        return best.indices.tolist(), logprobs_B.tolist()

    @torch.inference_mode()
    def keep(self, columns: list[int]) -> None:
        """Go on with these rows alone."""
        if not columns:
            return
        index = torch.tensor(columns, device=self.device)
        self.cache.batch_select_indices(index)
        self.mask, self.positions = self.mask[index], self.positions[index]


@torch.inference_mode()
def _cache(starts: KeysValues, index: torch.Tensor) -> DynamicCache:
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(starts):
        cache.update(keys[index], values[index], layer)
    return cache
