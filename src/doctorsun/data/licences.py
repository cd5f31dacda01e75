"""Licences: one spelling, whether a recipe allows them, and which of several is the strictest."""

import re
from collections.abc import Iterable, Sequence

UNKNOWN = "unknown"
# From free to strict; what is not here is unknown, and stricter than all.
_STRICTNESS = {
    "CC0": 0,
    "PDDL": 0,
    "MIT": 1,
    "BSD": 1,
    "Apache": 1,
    "CC-BY": 2,
    "CC-BY-SA": 3,
    "CC-BY-ND": 4,
    "CC-BY-NC": 5,
    "CC-BY-NC-SA": 6,
    "CC-BY-NC-ND": 7,
}


def spdx(text: str) -> str:
    """The SPDX id of a licence as people write it ("CC BY-SA 4.0"), without a version where none is told."""
    words = re.sub(r"\s+", " ", text).strip()
    if not words or words.lower() in {"unknown", "none", "n/a"}:
        return UNKNOWN
    if words.upper().startswith("CC0"):
        return "CC0-1.0"
    if words.upper().startswith("CC"):
        found = re.fullmatch(r"CC[ -]BY((?:[ -](?:NC|SA|ND))*)(?:[ -]v?(\d\.\d))?", words, re.IGNORECASE)
        if not found:
            return UNKNOWN
        terms = "".join(f"-{term}" for term in re.findall(r"NC|SA|ND", found[1].upper()))
        return f"CC-BY{terms}" + (f"-{found[2]}" if found[2] else "")
    return "Apache-2.0" if words.lower().startswith("apache") else words


def allowed(licence: str, allow: Sequence[str]) -> bool:
    """Whether a licence stands in a list; a name without a version stands for all versions."""
    return licence in allow or _family(licence) in allow


def non_commercial(licence: str) -> bool:
    """Whether a licence forbids commercial use, or may because it is none of those known to be free."""
    return _rank(licence)[0] > _STRICTNESS["CC-BY-ND"]


def strictest(licences: Iterable[str]) -> str:
    """The strictest of several licences; unknown is stricter than all."""
    return max(sorted(set(licences)), key=_rank, default=UNKNOWN)


def _family(licence: str) -> str:
    return re.sub(r"-\d+(\.\d+)*$", "", licence)


def _rank(licence: str) -> tuple[int, str]:
    names = [name for name in _STRICTNESS if licence == name or licence.startswith(f"{name}-")]
    best = max(names, key=len, default="")
    return (_STRICTNESS.get(best, 8), licence)
