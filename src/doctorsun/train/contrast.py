"""A picture and the text about it, told from all other pairs by a sigmoid loss (SigLIP, arXiv 2303.15343)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from doctorsun.train.answers import Reading

_MOST_TOKENS = 96
_TELLING = {"caption", "report"}


class ContrastHead(nn.Module):
    """The small text side: the mean of token embeddings, mapped to where the pictures are mapped to."""

    def __init__(
        self, reading: Reading, rows: Mapping[str, Sequence[int]], *, width: int, vocabulary: int
    ) -> None:
        super().__init__()
        self._reading = reading
        entries = reading.corpus.entries
        self._rows = {
            picture: [row for row in places if entries[row].task in _TELLING] or list(places)
            for picture, places in rows.items()
        }
        self.tokens = nn.EmbeddingBag(vocabulary, width, mode="mean")
        self.text = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.picture = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def forward(self, features_BND: Tensor, step: Sequence[tuple[str, int, int]], **_: Any) -> Tensor:  # noqa: ANN401
        """The loss of a batch: pairs of one picture, or with one and the same text, belong together."""
        texts = [self._text(name, draw) for name, _, draw in step]
        offsets = torch.tensor([0, *[len(text) for text in texts[:-1]]]).cumsum(0).to(features_BND.device)
        words_BD = self.tokens(torch.cat(texts).to(features_BND.device), offsets)
        seen = functional.normalize(self.picture(features_BND.mean(dim=1)).float(), dim=-1)
        read = functional.normalize(self.text(words_BD).float(), dim=-1)
        logits = seen @ read.T * self.scale.exp() + self.bias
        signs = self._signs([name for name, _, _ in step], texts).to(logits.device)
        return -functional.logsigmoid(signs * logits).sum() / len(step)

    def _text(self, name: str, draw: int) -> Tensor:
        rows = self._rows[name]
        piece = self._reading.pieces[rows[(draw >> 8) % len(rows)]]
        return torch.from_numpy(piece.ids[:_MOST_TOKENS]).long()

    def _signs(self, names: Sequence[str], texts: Sequence[Tensor]) -> Tensor:
        said = [tuple(text.tolist()) for text in texts]
        together = [
            [names[i] == names[j] or said[i] == said[j] for j in range(len(names))] for i in range(len(names))
        ]
        return torch.where(torch.tensor(together), 1.0, -1.0)
