"""What was chosen of a study and how it was shown, said in Chinese and English."""

from collections.abc import Sequence
from itertools import groupby

from doctorsun.core.strings import Lang, say_in
from doctorsun.imaging.looks import Sent
from doctorsun.imaging.study import Window
from doctorsun.imaging.windows import CT_WINDOWS

_WIDE = 20


def described(pictures: Sequence[Sent], lang: Lang) -> str:
    """One sentence a series: window, frames and size of what was sent; frames are counted from 1."""
    parts = []
    for series, group in groupby(pictures, key=lambda sent: sent.series):
        sents = list(group)
        shares = [sent.share for sent in sents]
        parts.append(
            say_in(
                lang,
                "imaging.shown",
                series=series,
                tone=_tone(sents, lang),
                frames=_frames(sents, lang),
                percent=max(1, round(100 * sum(shares) / len(shares))),
            )
        )
    return "\n".join(parts)


def _frames(sents: Sequence[Sent], lang: Lang) -> str:
    numbers = ",".join(str(sent.index + 1) for sent in sents)
    key = "imaging.shown_tiles" if sents[0].tiles else "imaging.shown_slices"
    if sents[0].count == 1:
        key = "imaging.shown_single"
    return say_in(lang, key, numbers=numbers, count=sents[0].count)


def _tone(sents: Sequence[Sent], lang: Lang) -> str:
    first = sents[0]
    name, unit = first.tone.name, f" {first.unit}" if first.unit else ""
    if name in {"colour", "lut"}:
        return say_in(lang, f"imaging.tone_{name}")
    if len({sent.tone.windows for sent in sents}) > 1:
        return say_in(lang, "imaging.tone_each")
    ranges = "; ".join(_range(window) for window in first.tone.windows) + unit
    if name in CT_WINDOWS:
        return say_in(lang, "imaging.tone_named", name=say_in(lang, f"imaging.window_{name}"), range=ranges)
    return say_in(lang, "imaging.tone_three" if name == "three" else "imaging.tone_window", range=ranges)


def _range(window: Window) -> str:
    """Low and high, whole numbers where the range is wide."""
    places = 0 if window.width >= _WIDE else 3
    return "..".join(
        f"{round(value, places):g}" if places else str(round(value)) for value in (window.low, window.high)
    )
