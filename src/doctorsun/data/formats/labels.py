"""Columns of labels -> facts: a column is a finding that is there or not, or has one of several values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from doctorsun.core.errors import ConfigError
from doctorsun.core.plugins import near
from doctorsun.core.schema import Fact, Status
from doctorsun.language.glossary import Attribute, glossary

# As tables and labelling programs write them; 1, 0 and -1 are those of CheXpert.
STATUS: dict[str, Status] = {
    **dict.fromkeys(("1", "1.0", "yes", "y", "true", "present", "positive", "是", "有", "阳性"), "present"),
    **dict.fromkeys(("0", "0.0", "no", "n", "false", "absent", "negative", "否", "无", "阴性"), "absent"),
    **dict.fromkeys(("-1", "-1.0", "uncertain", "maybe", "可疑", "不确定"), "uncertain"),
}
UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "未知"})


@dataclass(frozen=True, slots=True)
class Label:
    """A column, and the fact of the glossary that it tells."""

    column: str
    fact: str


def labels_of(text: str) -> tuple[Label, ...]:
    """The labels of "effusion, 肺炎, dx=skin_diagnosis": columns, named as their facts or set equal to them.

    ConfigError where a name is neither an id nor a wording of the glossary.
    """
    found = []
    for piece in filter(None, (each.strip() for each in text.replace("，", ",").split(","))):
        column, _, name = (part.strip() for part in piece.partition("="))
        fact = _names().get((name or column).lower())
        if fact is None:
            known = near((name or column).lower(), sorted(_names()))
            raise ConfigError("data.unknown_fact", where=column, found=name or column, near=known[:200])
        found.append(Label(column, fact))
    return tuple(found)


def facts_of(row: Mapping[str, str], labels: Sequence[Label]) -> tuple[Fact, ...] | None:
    """The facts that a row tells, none of an empty cell; null where a cell holds no value of its fact."""
    cells = [(label.fact, row.get(label.column, "").strip().lower()) for label in labels]
    found = [_fact(name, cell) for name, cell in cells if cell not in UNKNOWN]
    told = tuple(fact for fact in found if fact is not None)
    return told if len(told) == len(found) else None


def _fact(name: str, cell: str) -> Fact | None:
    attribute = glossary().attribute(name)
    if attribute is None:
        status = STATUS.get(cell)
        return Fact(name, status=status) if status else None
    label = _values(name).get(cell.removesuffix(".0"))
    return Fact(name, value=json.dumps(int(label) if attribute.numbers else label)) if label else None


@cache
def _values(name: str) -> Mapping[str, str]:
    """What each wording of a value of an attribute means."""
    attribute: Attribute = glossary().attributes[name]
    if attribute.numbers:
        return {label: label for label in attribute.labels}
    said = {words.lower(): term for term in attribute.labels for words in _wordings(term)}
    return said | {term: term for term in attribute.labels}


@cache
def _names() -> Mapping[str, str]:
    """The fact that each id or wording names: findings, and attributes."""
    known = glossary()
    findings = [name for name, term in known.terms.items() if term.kind in ("finding", "diagnosis")]
    said = {words.lower(): name for name in reversed(findings) for words in _wordings(name)}
    told = {words.lower(): name for name, each in known.attributes.items() for words in (each.en, each.zh)}
    return {**told, **said, **{name: name for name in (*findings, *known.attributes)}}


def _wordings(name: str) -> tuple[str, ...]:
    term = glossary().terms[name]
    return (*term.wordings("en"), *term.wordings("zh"))
