"""Clean files -> the pictures of a study and the facts of its headers, in a guarded process."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Fact
from doctorsun.imaging.looks import LookConfig, Sent, names_of, pictures_of
from doctorsun.imaging.opening import load_study
from doctorsun.imaging.pictures import encode
from doctorsun.language.glossary import glossary

# DICOM's codes (PS3.3 C.7.3.1.1.1) and what hospitals write into tables, as ids of the glossary.
MODALITIES = {
    "CR": "xray",
    "DX": "xray",
    "DR": "xray",
    "RF": "xray",
    "RG": "xray",
    "CT": "ct",
    "MR": "mri",
    "MRI": "mri",
    "US": "ultrasound",
    "OP": "fundus_photo",
    "SM": "histology",
}
REGIONS = {
    "CHEST": "chest",
    "THORAX": "chest",
    "LUNG": "chest",
    "HEAD": "head",
    "BRAIN": "head",
    "SKULL": "head",
    "ABDOMEN": "abdomen",
    "BREAST": "breast",
    "EYE": "eye",
    "SKIN": "skin",
}
VIEWS = {
    "PA": "pa",
    "AP": "ap",
    "LATERAL": "lateral",
    "LL": "lateral",
    "RL": "lateral",
    "AXIAL": "axial",
    "CORONAL": "coronal",
    "SAGITTAL": "sagittal",
}


def seen(paths: list[str], look: dict[str, Any]) -> dict[str, Any]:
    """In the worker: the pictures of a study as PNG, what each is, and the codes of its series' headers.

    RecordError where no frame can be read.
    """
    how = LookConfig.model_validate(look)
    series = [one for path in paths for one in load_study(Path(path)).series]
    pictures: list[Sent] = []
    codes: dict[str, list[str]] = {"modality": [], "region": [], "view": []}
    for at, one in enumerate(series):
        left = how.max_pictures - len(pictures)
        if left < 1:
            break
        # Each series gives one as long as there is room, as `pictures_of` does for a study.
        share = max(1, left // (len(series) - at))
        pictures += pictures_of(one, look=how, max_pictures=share)
        facts = one.facts
        told = {
            "modality": facts.modality,
            "region": facts.body_part,
            "view": facts.view or one.geometry.plane,
        }
        for name, value in told.items():
            codes[name].append((value or "").upper())
    if not pictures:
        raise RecordError("imaging.no_pixels", where="")
    return {
        "pictures": [np.frombuffer(encode(sent.pixels), np.uint8) for sent in pictures],
        "shown": [asdict(one) for one in names_of(pictures)],
        "codes": codes,
    }


def facts_of(codes: Mapping[str, Iterable[str]], *, modality: str = "") -> tuple[Fact, ...]:
    """What headers say of all pictures alike, as far as the glossary knows it.

    `modality` is a table's word, for pictures without a header.
    """
    words = {
        "modality": _common(codes.get("modality", ()), MODALITIES) or _worded(modality),
        "region": _common(codes.get("region", ()), REGIONS),
        "view": _common(codes.get("view", ()), VIEWS),
    }
    return tuple(Fact(name, value=json.dumps(value)) for name, value in words.items() if value)


def value_of(facts: Iterable[Fact], name: str) -> str | None:
    """The value of a fact by its name, null where it is not known."""
    return next((json.loads(fact.value) for fact in facts if fact.name == name and fact.value), None)


def _common(codes: Iterable[str], known: Mapping[str, str]) -> str | None:
    found = {known.get(code.replace(" ", "")) for code in codes}
    return found.pop() if len(found) == 1 else None


def _worded(word: str) -> str | None:
    """The modality that a word of a table means: a code, or any wording of the glossary."""
    plain = word.strip().casefold()
    if plain.upper() in MODALITIES:
        return MODALITIES[plain.upper()]
    for name in dict.fromkeys(MODALITIES.values()):
        term = glossary().term(name)
        if plain in {said.casefold() for said in (*term.wordings("zh"), *term.wordings("en"))}:
            return name
    return None
