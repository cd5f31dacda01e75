"""The processor's side of a whole image-text model: what its pictures are written as and read as.

Everything here is what transformers' own processor of the family does; only its answers are kept and joined.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from doctorsun.model.expansion import Expansion, Size
from doctorsun.model.pictures import rgb_picture

PixelInputs = dict[str, Tensor]
_NOMINAL: Size = (448, 448)
_SIZES_KEPT = 4096
_KINDS = ("mm_token_type_ids", "token_type_ids")
_OF_TEXT = ("input_ids", "attention_mask", "text_replacement_offsets", *_KINDS)


class WholePictures:
    """Pictures as a processor writes and reads them."""

    def __init__(self, processor: Any, *, token: str) -> None:  # noqa: ANN401 - transformers has no types
        self.chat = processor
        self.place: str = processor.image_token
        self.token = token
        self._runs = re.compile(f"(?:{re.escape(token)})+")
        self._known = lru_cache(maxsize=_SIZES_KEPT)(self._expand)

    def expand(self, sizes: Sequence[Size | None]) -> Sequence[Expansion]:
        """What the processor writes for the pictures of one conversation, by their sizes."""
        return self._known(tuple(size or _NOMINAL for size in sizes)) if sizes else []

    def inputs(self, images: Sequence[bytes]) -> PixelInputs:
        """What the model reads of the pictures of one conversation; RecordError says which is no picture."""
        if not images:
            return {}
        pictures = [rgb_picture(raw, where=str(number)) for number, raw in enumerate(images)]
        read = self._read(pictures, return_tensors="pt")
        return {name: value for name, value in read.items() if name not in _OF_TEXT}

    def size(self, raw: bytes, *, where: str) -> Size:
        """Width and height of a picture file, turned as its EXIF says."""
        width, height = rgb_picture(raw, where=where).size
        return width, height

    def kinds(self, ids: Sequence[Sequence[int]]) -> dict[str, list[list[int]]]:
        """What the model wants to be told of each token beside its id: whether it is of a picture."""
        if not self.chat.return_mm_token_type_ids:
            return {}
        name = next(name for name in _KINDS if name in self.chat.model_input_names)
        return {name: self.chat.create_mm_token_type_ids([list(row) for row in ids])}

    def probe(self, size: Size, text: str) -> list[int]:
        """The processor's own ids of a question about a grey picture."""
        content = [{"type": "image", "image": Image.new("RGB", size)}, {"type": "text", "text": text}]
        turns = [{"role": "user", "content": content}]
        ids = self.chat.apply_chat_template(turns, tokenize=True, add_generation_prompt=True)
        return list(ids[0])

    def _expand(self, sizes: tuple[Size, ...]) -> list[Expansion]:
        read = self._read([Image.new("RGB", size) for size in sizes])
        found = []
        for told in read["text_replacement_offsets"][0]:
            text: str = told["replacement"]
            runs = tuple(len(run.group()) // len(self.token) for run in self._runs.finditer(text))
            found.append(Expansion(self._runs.sub(self.token, text), runs))
        return found

    def _read(self, pictures: list[Image.Image], **how: str) -> Mapping[str, Any]:
        read: Mapping[str, Any] = self.chat(
            text=[self.place * len(pictures)], images=[pictures], return_text_replacement_offsets=True, **how
        )
        return read


def join_inputs(inputs: Sequence[PixelInputs]) -> PixelInputs:
    """The inputs of several conversations, one behind the other; short stacks of tiles are filled up."""
    joined: PixelInputs = {}
    for name in inputs[0] if inputs else ():
        tensors = [one[name] for one in inputs]
        if tensors[0].ndim > 1:
            longest = max(tensor.shape[1] for tensor in tensors)
            tensors = [
                functional.pad(tensor, (0, 0) * (tensor.ndim - 2) + (0, longest - tensor.shape[1]))
                for tensor in tensors
            ]
        joined[name] = torch.cat(tensors)
    return joined
