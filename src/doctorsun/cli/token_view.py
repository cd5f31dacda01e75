"""Samples as a model reads them: what the page of a data set shows, and may not find out by itself."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from doctorsun.cli.places import model_folder
from doctorsun.core.blocks import Token
from doctorsun.core.config import load, preset_names
from doctorsun.core.errors import ModelError, RecordError
from doctorsun.core.schema import Sample

if TYPE_CHECKING:
    from doctorsun.data.dataset import Dataset
    from doctorsun.data.inspection import TokenView
    from doctorsun.model.encode import Encoded, Encoder

TEXTS = 200_000
_BROKEN = "\ufffd"
_LONGEST = 8


def token_view(word: str, dataset: "Dataset") -> "TokenView":
    """The view of a model (a run or a folder), or of the model that a preset would train on these data."""
    encoder = _encoder(word, dataset)

    def view(sample: Sample) -> Sequence[Token]:
        from doctorsun.model.pictures import rgb_picture

        try:
            # Some models write as many tokens as a picture is large.
            sizes = [rgb_picture(picture.bytes, where=sample.id).size for picture in sample.images]
            return list(_tokens(encoder.encode(sample.messages, where=sample.id, sizes=sizes), encoder))
        except (ModelError, RecordError) as error:
            return [Token(str(error), learnt=False)]

    return view


def _encoder(word: str, dataset: "Dataset") -> "Encoder":
    from doctorsun.model.reading import encoder_for, encoder_in

    try:
        return encoder_in(model_folder(word))
    except ModelError:
        if word not in preset_names() and Path(word).suffix not in {".yaml", ".yml"}:
            raise
    from doctorsun.train.recipe import Recipe

    words = islice(dataset.rows("train").words(), TEXTS)
    texts = (message.text for sample, _ in words for message in sample.messages)
    return encoder_for(load(Recipe, word).model, texts)


def _tokens(encoded: "Encoded", encoder: "Encoder") -> Iterator[Token]:
    """The tokens as they read; those of one image are one, and so are those that share a character."""
    special = set(encoder.tokenizer.all_special_ids)
    pairs = zip(encoded.ids, encoded.mask, _pictures(encoded), strict=True)
    for (image, learnt, _), run in groupby(
        pairs, key=lambda one: (one[0] == encoder.image_id, one[1], one[0] == encoder.image_id and one[2])
    ):
        ids = [number for number, *_ in run]
        if image:
            yield Token(f"<image ×{len(ids)}>", learnt)
        else:
            yield from (Token(text, learnt) for text in _readable(ids, encoder, special))


def _pictures(encoded: "Encoded") -> Iterator[int]:
    """How many pictures have begun, at each token."""
    starts = set(encoded.image_starts)
    return accumulate(int(at in starts) for at in range(len(encoded.ids)))


def _readable(ids: Sequence[int], encoder: "Encoder", special: set[int]) -> Iterator[str]:
    pending: list[int] = []
    for at, number in enumerate(ids):
        pending.append(number)
        text: str = encoder.tokenizer.decode(
            pending, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        last = at == len(ids) - 1 or number in special or len(pending) >= _LONGEST
        if last or not text.endswith(_BROKEN):
            yield text
            pending = []
