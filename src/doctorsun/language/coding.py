"""Labels and codes of others -> Facts: CheXpert, ChestX-ray14, MeSH, ICD-10, by `words/codes.yaml`."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near
from doctorsun.core.schema import Fact, Laterality, Status
from doctorsun.language.glossary import glossary

Scheme = Literal["chexpert", "nih", "mesh", "icd10"]
_NAMES = TypeAdapter(dict[Scheme, tuple[str, ...]])
_SIDES: dict[str, Laterality] = {"left": "left", "right": "right", "bilateral": "bilateral"}
_GRADES = ("mild", "moderate", "severe")


@cache
def terms_by_name(scheme: Scheme) -> Mapping[str, str]:
    """The term of every name that a scheme uses, names in small letters; ConfigError names a wrong line."""
    found: dict[str, str] = {}
    for term, names in _lines()[0].items():
        if term not in glossary().terms:
            close = near(term, list(glossary().terms))
            raise ConfigError("language.unknown_term", found=term, near=close)
        found |= {name.lower(): term for name in names.get(scheme, ())}
    return found


@cache
def terms_of(scheme: Scheme) -> tuple[str, ...]:
    """The terms a scheme can state, in the order of the file."""
    return tuple(dict.fromkeys(terms_by_name(scheme).values()))


def label_facts(labels: Mapping[str, Status], scheme: Scheme) -> tuple[Fact, ...]:
    """One Fact for each label the scheme's list knows; where names share a term, what is there wins."""
    rank: tuple[Status, ...] = ("present", "uncertain", "absent")
    known = terms_by_name(scheme)
    stated: dict[str, Status] = {}
    for label, status in labels.items():
        term = known.get(label.strip().lower())
        if term is not None and (term not in stated or rank.index(status) < rank.index(stated[term])):
            stated[term] = status
    return tuple(Fact(term, status=status) for term, status in sorted(stated.items()))


def exhaustive_facts(present: Iterable[str], scheme: Scheme) -> tuple[Fact, ...]:
    """Facts from a list that names all that was found: what it can state and does not name is absent."""
    named = [label.strip() for label in present]
    found = label_facts(dict.fromkeys(named, "present"), scheme)
    there = {fact.name for fact in found}
    away = (Fact(term, status="absent") for term in terms_of(scheme) if term not in there)
    return (*found, *sorted(away, key=lambda fact: fact.name))


def mesh_facts(headings: Iterable[str]) -> tuple[Fact, ...]:
    """Present findings of MeSH headings such as "Opacity/lung/base/left/mild", with side and severity."""
    found: dict[str, Fact] = {}
    known = terms_by_name("mesh")
    for heading in headings:
        name, *qualifiers = (part.strip().lower() for part in heading.split("/"))
        for term in filter(None, map(known.get, (name, *(f"{name}/{word}" for word in qualifiers)))):
            side, grade = _side(qualifiers), _grade(qualifiers)
            found.setdefault(term, Fact(term, status="present", laterality=side, severity=grade))
    return tuple(found[term] for term in sorted(found))


def is_normal(headings: Iterable[str], scheme: Scheme) -> bool:
    """Whether a list of labels says that nothing was found."""
    said = {heading.strip().lower() for heading in headings}
    return bool(said) and said <= {name.lower() for name in _lines()[1].get(scheme, ())}


def normal_facts() -> tuple[Fact, ...]:
    """What a chest film has not when a person calls it normal."""
    return tuple(Fact(term, status="absent") for term in sorted(_tree()["excluded"]))


def icd10_facts(codes: Iterable[str]) -> tuple[Fact, ...]:
    """Present findings of ICD-10 codes, with a dot or without; a code stands for all below it."""
    bare = [code.strip().upper().replace(".", "") for code in codes]
    stems = {name.upper().replace(".", ""): term for name, term in terms_by_name("icd10").items()}
    there = {term for stem, term in stems.items() if any(code.startswith(stem) for code in bare)}
    return tuple(Fact(term, status="present") for term in sorted(there))


def _side(qualifiers: Iterable[str]) -> Laterality | None:
    return next((_SIDES[word] for word in qualifiers if word in _SIDES), None)


def _grade(qualifiers: Iterable[str]) -> str | None:
    return next((word for word in qualifiers if word in _GRADES), None)


@cache
def _lines() -> tuple[dict[str, dict[Scheme, tuple[str, ...]]], dict[Scheme, tuple[str, ...]]]:
    """The names of every term, and those for nothing found."""
    tree = _tree()
    terms = {term: _NAMES.validate_python(names) for term, names in tree["terms"].items()}
    return terms, _NAMES.validate_python(tree["normal"])


@cache
def _tree() -> dict[str, Any]:
    text = resources.files("doctorsun.language").joinpath("words", "codes.yaml").read_text(encoding="utf-8")
    tree: dict[str, Any] = yaml.safe_load(text)
    return tree
