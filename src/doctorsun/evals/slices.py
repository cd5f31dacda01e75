"""Which rows are looked at together: by language, modality, source, origin, topic, question and phrasing."""

from collections.abc import Callable, Sequence
from itertools import groupby

from doctorsun.evals.predictions import Prediction

Part = tuple[str, str, list[int]]
# What the tiny model is held to (issue 2) is asked for by these names.
_LOCAL = ("finding", "side", "size")


def parts(rows: Sequence[Prediction]) -> list[Part]:
    """Every (language, slice, places of its rows) that holds a row; `all` languages first.

    Questions in wordings that are never trained on stand in the slices `phrasing=held_out…` alone: `all` and
    its parts say what is known of pictures, these what is known of words.
    """
    found: list[Part] = []
    for lang in ("all", "en", "zh"):
        places = [at for at, row in enumerate(rows) if lang in {"all", row.lang}]
        known = [at for at in places if not rows[at].phrasing_held_out]
        found += [(lang, "all", known)] if known else []
        found += [(lang, name, members) for name, members in _slices(rows, places)]
    return found


def _slices(rows: Sequence[Prediction], places: Sequence[int]) -> list[tuple[str, list[int]]]:
    found: list[tuple[str, list[int]]] = []
    for dimension, value in _DIMENSIONS.items():
        chosen = [at for at in places if dimension.startswith("phrasing") or not rows[at].phrasing_held_out]
        named = [(name, at) for at in chosen if (name := value(rows[at])) is not None]
        named.sort()
        for name, members in groupby(named, key=lambda pair: pair[0]):
            found.append((_slice_name(dimension, name), [at for _, at in members]))
    together = [at for at in places if rows[at].topic in _LOCAL]
    others = [at for at in places if rows[at].topic not in {None, "modality"}]
    combined: list[tuple[str, list[int]]] = []
    for name, whole in ((f"topic={'|'.join(_LOCAL)}", together), ("topic!=modality", others)):
        combined.append((name, [at for at in whole if not rows[at].phrasing_held_out]))
        for known in ("seen", "held_out"):
            chosen = [at for at in whole if _phrasing(rows[at]) == known]
            combined.append((f"phrasing={known},{name}", chosen))
    return found + [pair for pair in combined if pair[1]]


def _slice_name(dimension: str, name: str) -> str:
    """`source=busi`, and `source=busi,topic=diagnosis` for two dimensions."""
    return f"{dimension.partition(',')[0]}={name}"


def _phrasing(row: Prediction) -> str | None:
    if row.phrasing_held_out is None:
        return None
    return "held_out" if row.phrasing_held_out else "seen"


def _source_topic(row: Prediction) -> str | None:
    return f"{row.source},topic={row.topic}" if row.topic is not None else None


def _topic_phrasing(row: Prediction) -> str | None:
    known = _phrasing(row)
    return f"{known},topic={row.topic}" if known and row.topic is not None else None


def _question_phrasing(row: Prediction) -> str | None:
    known = _phrasing(row)
    return f"{known},question={row.question_key}" if known and row.question_key else None


_DIMENSIONS: dict[str, Callable[[Prediction], str | None]] = {
    "modality": lambda row: row.modality,
    "source": lambda row: row.source,
    "origin": lambda row: row.origin,
    "topic": lambda row: row.topic,
    "form": lambda row: row.form,
    "phrasing": _phrasing,
    "question": lambda row: row.question_key,
    "source,topic": _source_topic,
    "phrasing,topic": _topic_phrasing,
    "phrasing,question": _question_phrasing,
}
