"""Pictures as the language model reads them, each looked at once and kept while there is room."""

from collections import OrderedDict
from collections.abc import Sequence

import torch

from doctorsun.model.parts import Parts
from doctorsun.model.vision import image_embeddings


class Gallery:
    """The embeddings of the pictures asked about lately; those longest unused go first."""

    def __init__(self, parts: Parts, *, batch: int, room_bytes: int = 256 * 2**20) -> None:
        self._parts = parts
        self._batch = batch
        self._room_bytes = room_bytes
        self._kept: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    @torch.inference_mode()
    def look(self, images: Sequence[bytes]) -> dict[bytes, torch.Tensor]:
        """`embeddings_ND` of each picture, by the bytes of its file."""
        found = {raw: self._kept[raw] for raw in images if raw in self._kept}
        fresh = list(dict.fromkeys(raw for raw in images if raw not in found))
        for begin in range(0, len(fresh), self._batch):
            some = fresh[begin : begin + self._batch]
            pixels_BCHW = self._parts.pictures.pixels(some).to(self._parts.model.device)
            found.update(zip(some, image_embeddings(self._parts.model, pixels_BCHW), strict=True))
        for raw, embeddings_ND in found.items():
            self._kept[raw] = embeddings_ND
            self._kept.move_to_end(raw)
        self._forget()
        return found

    def _forget(self) -> None:
        held = sum(kept.numel() * kept.element_size() for kept in self._kept.values())
        while held > self._room_bytes and self._kept:
            _, oldest = self._kept.popitem(last=False)
            held -= oldest.numel() * oldest.element_size()
