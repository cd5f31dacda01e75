"""What must hold of pictures and words before they become samples; each fault is the key of its reason."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Picture, Text
from doctorsun.data.config import PictureConfig, TextConfig
from doctorsun.data.shards import sha256
from doctorsun.imaging.pictures import Limits, decode, encode, shrink

LANGS = ("zh", "en")
# An answer this long that stands in its question is a copy; a short one may be a choice that was offered.
COPY_CHARS = 30
FOREIGN_SHARE = 0.3
_CJK = re.compile(r"[\u3400-\u9fff]")
_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffd]")


@dataclass(frozen=True, slots=True)
class CheckedPicture:
    """A picture as it is stored: `sha256` of the bytes, `pixels` of what they show; `changed` is a key."""

    picture: Picture
    sha256: str
    pixels: str
    changed: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """The key of the reason why a picture cannot be used."""

    reason: str


def check_pictures(pictures: Sequence[Picture], config: PictureConfig) -> tuple[CheckedPicture, ...] | Fault:
    """All pictures of a record as they are stored, or the first fault."""
    found = []
    for picture in pictures:
        checked = check_picture(picture, config)
        if isinstance(checked, Fault):
            return checked
        found.append(checked)
    return tuple(found)


def check_picture(picture: Picture, config: PictureConfig) -> CheckedPicture | Fault:
    """One picture: decodes, is not blank, keeps the limits; turned, converted or shrunk where needed."""
    limits = Limits(config.max_mib * 2**20, config.max_megapixels * 10**6)
    try:
        upright = decode(picture.bytes, where=picture.path, limits=limits)
    except RecordError as error:
        return Fault(error.key)
    pixels = upright.pixels
    if int(pixels.max()) == int(pixels.min()):
        return Fault("data.blank_picture")
    changed = None if upright.plain else "data.picture_converted"
    if config.max_px is not None and max(pixels.shape[:2]) > config.max_px:
        pixels, changed = shrink(pixels, config.max_px), "data.picture_shrunk"
    raw = picture.bytes if changed is None else encode(pixels, jpeg=upright.format == "JPEG")
    digest = hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes())
    return CheckedPicture(Picture(raw, picture.path), sha256(raw), digest.hexdigest(), changed)


def check_text(text: Text, config: TextConfig) -> str | None:
    """The key of what is wrong with human words, null where nothing is."""
    question, answer = text.question, text.answer.strip()
    whole = "".join([*(turn.text for turn in text.history), question or "", answer])
    faults = (
        ("data.unknown_language", text.lang not in LANGS),
        ("data.empty_answer", not answer),
        ("data.empty_question", question is not None and not question.strip()),
        ("data.broken_text", bool(_BROKEN.search(whole))),
        ("data.too_long", len(whole) > config.max_chars),
        ("data.wrong_language", _foreign(whole, text.lang)),
        ("data.answer_in_question", _copied(question or "", answer)),
    )
    return next((reason for reason, wrong in faults if wrong), None)


def _foreign(text: str, lang: str) -> bool:
    """Whether words cannot be of the language they are said to be; Latin words inside Chinese are usual."""
    chinese = len(_CJK.findall(text))
    letters = sum(char.isalpha() for char in text)
    if lang == "zh":
        return not chinese and letters > 0
    return chinese > FOREIGN_SHARE * max(letters, 1)


def _copied(question: str, answer: str) -> bool:
    asked, said = (re.sub(r"\W+", "", words).lower() for words in (question, answer))
    return bool(said) and (asked == said or (len(said) >= COPY_CHARS and said in asked))
