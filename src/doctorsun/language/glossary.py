"""The bilingual glossary: what can be seen, said and asked. A clinician can edit it: `words/*.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field

from doctorsun.core.config import Config, validate
from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near
from doctorsun.core.schema import Lang

TermKind = Literal[
    "place",
    "modality",
    "view",
    "anatomy",
    "organ",
    "structure",
    "site",
    "diagnosis",
    "grade",
    "finding",
    "side",
    "size",
    "amount",
]


class Term(Config):
    """One thing with its wording in both languages; `en` and `zh` are the wordings that answers use."""

    id: str
    kind: TermKind
    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)
    also_en: tuple[str, ...] = ()
    also_zh: tuple[str, ...] = ()
    phrase_en: str = ""
    phrase_zh: str = ""
    article: str = "a"
    plural: str = ""
    normal: bool = False

    def name(self, lang: Lang) -> str:
        """The wording of a short answer."""
        return self.zh if lang == "zh" else self.en

    def wordings(self, lang: Lang) -> tuple[str, ...]:
        """Every wording that means this term, the one of answers first."""
        phrase = self.phrase_zh if lang == "zh" else self.phrase_en
        also = self.also_zh if lang == "zh" else self.also_en
        return tuple(dict.fromkeys((self.name(lang), *also, *((phrase,) if phrase else ()))))

    def phrase(self, lang: Lang) -> str:
        """The wording inside a sentence: in English with a small first letter, abbreviations excepted."""
        if lang == "zh":
            return self.phrase_zh or self.zh
        return self.phrase_en or uncapital(self.en)

    def with_article(self, lang: Lang) -> str:
        """The wording inside a sentence, in English with its article."""
        phrase = self.phrase(lang)
        return f"{self.article} {phrase}" if lang == "en" and self.article else phrase

    def many(self, lang: Lang) -> str:
        """The wording for several of them."""
        return self.phrase(lang) if lang == "zh" else self.plural or f"{self.phrase(lang)}s"


class Attribute(Config):
    """A fact with finitely many answers: `values` are ids of terms, `numbers` the first and last number."""

    id: str
    topic: str
    en: str
    zh: str
    of: str | None = None
    bank: str | None = None
    values: tuple[str, ...] = ()
    numbers: tuple[int, int] | None = None
    scope: dict[str, tuple[str, ...]] = {}

    @property
    def labels(self) -> tuple[str, ...]:
        """The canonical labels of all answers."""
        if self.numbers is None:
            return self.values
        return tuple(str(number) for number in range(self.numbers[0], self.numbers[1] + 1))

    def labels_in(self, source: str) -> tuple[str, ...]:
        """The labels that a source can have; all where its scope is not written down."""
        return self.scope.get(source, self.labels)


@dataclass(frozen=True)
class Glossary:
    """All terms and attributes by id."""

    terms: Mapping[str, Term]
    attributes: Mapping[str, Attribute]

    def term(self, name: str) -> Term:
        """The term of an id; ConfigError names the near one."""
        if name not in self.terms:
            raise ConfigError("language.unknown_term", found=name, near=near(name, list(self.terms)))
        return self.terms[name]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of a fact's name, null where the fact is a finding that is there or not."""
        return self.attributes.get(name)

    def topic(self, name: str) -> str:
        """What a question about this fact is reported under."""
        attribute = self.attribute(name)
        return attribute.topic if attribute else "finding"

    def answer(self, label: str, lang: Lang) -> str:
        """The wording of a label: a term's name, a number, or yes and no."""
        if label in YES_NO:
            return YES_NO[label][lang]
        return label if label.isdigit() else self.term(label).name(lang)


C = TypeVar("C", bound=Config)
YES_NO: dict[str, dict[Lang, str]] = {"yes": {"en": "Yes", "zh": "是"}, "no": {"en": "No", "zh": "否"}}


@cache
def glossary() -> Glossary:
    """The glossary of the package; ConfigError says which entry is wrong."""
    terms = {term.id: term for term in _entries("terms.yaml", Term)}
    attributes = {attribute.id: attribute for attribute in _entries("attributes.yaml", Attribute)}
    for attribute in attributes.values():
        for name in (*attribute.values, *((attribute.of,) if attribute.of else ())):
            if name not in terms:
                raise ConfigError("language.unknown_value", where=attribute.id, found=name)
    return Glossary(terms, attributes)


def uncapital(text: str) -> str:
    """The text with a small first letter, unless its first word has capitals (CT, X-ray, COVID-19)."""
    first = text.split(" ")[0]
    return text if first[1:2] == "-" or first[1:].lower() != first[1:] else text[:1].lower() + text[1:]


def _entries(file: str, schema: type[C]) -> list[C]:
    text = resources.files("doctorsun.language").joinpath("words", file).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)
    ids = [row.get("id") for row in rows]
    doubled = next((name for name in ids if ids.count(name) > 1), None)
    if doubled is not None:
        raise ConfigError("language.doubled_id", where=file, found=doubled)
    return [validate(schema, row, where=f"{file}: {row.get('id')}") for row in rows]
