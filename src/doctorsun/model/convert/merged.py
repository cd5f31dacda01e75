"""One plain model of a base and what stands beside it: an adapter's LoRA layers added into the weights.

Written as `hf` is; the word says what is wanted of an adapter or of an xtuner directory.
"""

from pathlib import Path

from doctorsun.model.convert import hf
from doctorsun.model.parts import Parts
from doctorsun.model.stock import Stock

QUANTISE = hf.QUANTISE


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put the merged model into `folder` in transformers' format."""
    hf.write(parts, folder, stock=stock, quantise=quantise)
