"""What stands before each picture of several: of which study it is, and which slice of how many.

The one wording for training, questions at the command line and whatever serves: a model hears at work what it
was taught.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from doctorsun.core.schema import Lang, Part, Shown

_STUDIES: dict[Lang, dict[str, str]] = {
    "en": {"current": "Current study:\n", "prior": "Prior study:\n"},
    "zh": {"current": "本次检查：\n", "prior": "既往检查：\n"},
}
_SLICE: dict[Lang, str] = {"en": "Slice {slice} of {count}: ", "zh": "第{slice}层（共{count}层）："}
_SERIES: dict[Lang, str] = {
    "en": "Series {series}, slice {slice} of {count}: ",
    "zh": "序列{series}，第{slice}层（共{count}层）：",
}


def picture_parts(pictures: int, shown: Sequence[Shown], lang: Lang) -> tuple[Part, ...]:
    """The places of a turn's pictures, each with its name before it; without `shown` they have no names.

    The name of a study stands once, before its first picture.
    """
    if not shown:
        return (Part("image"),) * pictures
    parts: list[Part] = []
    study = None
    for _, one in zip(range(pictures), shown, strict=True):
        name = _STUDIES[lang][one.study] if one.study is not None and one.study != study else ""
        study = one.study
        if one.slice is not None:
            wording = _SLICE if one.series is None else _SERIES
            name += wording[lang].format(slice=one.slice, count=one.count, series=one.series)
        parts += [Part("text", name)] if name else []
        parts.append(Part("image"))
    return tuple(parts)


def told_as(
    study: Literal["current", "prior"], shown: Sequence[Shown], *, pictures: int
) -> tuple[Shown, ...]:
    """The pictures of one study under its name."""
    return tuple(replace(one, study=study) for one in (shown or (Shown(),) * pictures))
