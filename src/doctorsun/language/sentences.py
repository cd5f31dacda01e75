"""Facts as sentences, in both languages: what captions, findings and reports are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from doctorsun.core.schema import Fact, Lang
from doctorsun.language.answers import value
from doctorsun.language.banks import Phrasing, banks, first_bank
from doctorsun.language.glossary import Term, glossary

_OPENING = frozenset({"modality", "view", "region"})
_EN_WHERE = {"side": " on the {value}", "half": " in the {value} half of the picture"}
_HEALTHY = frozenset({"normal", "no_tumor", "no_finding", "retinopathy_0", "macular_edema_0"})
_ZH_WHERE = {"side": "{value}", "half": "画面{value}"}
_POSITION = "position"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A phrasing with what fills it, for both languages, and the facts that it states."""

    phrasing: Phrasing
    slots: Mapping[Lang, Mapping[str, str]]
    facts: tuple[Fact, ...]

    def text(self, lang: Lang) -> str:
        """The sentence in one language."""
        return self.phrasing.fill(lang, self.slots[lang])


@dataclass(frozen=True, slots=True)
class Statements:
    """All sentences about a picture: how it was made, what is there, what is not, and the rest."""

    opening: tuple[Sentence, ...]
    present: tuple[Sentence, ...]
    absent: tuple[Sentence, ...]
    values: tuple[Sentence, ...]
    nothing: Sentence | None


def statements(facts: Sequence[Fact], rng: Random) -> Statements:
    """A sentence for every fact, with the side and size of a finding in its own sentence."""
    findings = [
        fact for fact in facts if glossary().attribute(fact.name) is None and fact.status != "uncertain"
    ]
    there = {fact.name for fact in findings if fact.status == "present"}
    linked = [fact for fact in facts if _detail(fact) and _of(fact) in there]
    opening: list[Sentence] = []
    present: list[Sentence] = []
    absent: list[Sentence] = []
    values: list[Sentence] = []
    for fact in facts:
        if fact in findings and fact.status == "present":
            present.append(_present(fact, [other for other in linked if _of(other) == fact.name], rng))
        elif fact in findings:
            absent.append(_plain_finding(fact, rng))
        elif fact.status is None and fact not in linked:
            place = opening if glossary().topic(fact.name) in _OPENING else values
            place.append(_value(fact, rng))
    nothing = None
    if findings and not present and not any(map(_is_abnormal, facts)):
        nothing = Sentence(rng.choice(banks()["nothing.say"]), {"en": {}, "zh": {}}, tuple(findings))
    return Statements(tuple(opening), tuple(present), tuple(absent), tuple(values), nothing)


def join(sentences: Sequence[Sentence], lang: Lang) -> str:
    """The sentences as one text."""
    return ("" if lang == "zh" else " ").join(sentence.text(lang) for sentence in sentences)


def thing_slots(term: Term, lang: Lang, *, size: str = "") -> dict[str, str]:
    """What fills {thing}, {a_thing}, {things} for a finding."""
    phrase, a_phrase = term.phrase(lang), term.with_article(lang)
    if size and lang == "en":
        a_phrase = f"{'a' if term.article else ''} {size} {phrase}".strip()
    many = term.many(lang)
    slots = {"thing": phrase, "a_thing": a_phrase, "things": many}
    slots |= {"A_thing": _capital(a_phrase), "Things": _capital(many)}
    return slots


def value_slots(label: str, lang: Lang) -> dict[str, str]:
    """What fills {value} and {a_value} for a label."""
    if label.isdigit():
        return {"value": label, "a_value": label, "Value": label}
    term = glossary().term(label)
    return {
        "value": term.phrase(lang),
        "a_value": term.with_article(lang),
        "Value": _capital(term.phrase(lang)),
    }


def slots_of(name: str, lang: Lang, *, label: str | None = None) -> dict[str, str]:
    """What fills the phrasings about one fact: its finding or thing, and the value asked for."""
    attribute = glossary().attribute(name)
    thing = attribute.of if attribute else name
    slots = thing_slots(glossary().term(thing), lang) if thing else {}
    return slots | (value_slots(label, lang) if label is not None else {})


def is_position(fact: Fact) -> bool:
    """Whether a fact says where in the picture another finding lies; `site` names that finding."""
    return fact.name == _POSITION


def fact_slots(fact: Fact, lang: Lang, *, label: str | None = None) -> dict[str, str]:
    """What fills the phrasings about this fact; the thing of a place is the finding that lies there."""
    slots = slots_of(fact.name, lang, label=label)
    if is_position(fact) and fact.site:
        slots |= thing_slots(glossary().term(fact.site), lang)
    return slots


def bank_of(name: str, form: str) -> str:
    """The bank for a fact and a form of question: its own, else of its `bank` or kind, else of its topic."""
    attribute = glossary().attribute(name)
    if attribute is None:
        return first_bank(f"{name}.{form}", f"{glossary().term(name).kind}.{form}", f"finding.{form}")
    named = (f"{attribute.bank}.{form}",) if attribute.bank else ()
    return first_bank(f"{name}.{form}", *named, f"{attribute.topic}.{form}")


def _is_abnormal(fact: Fact) -> bool:
    """Whether a value is a disease or a grade of one, beside which nobody says that all is well."""
    term = glossary().terms.get(value(fact) or "")
    named = glossary().topic(fact.name) in {"diagnosis", "grade"} and fact.status is None
    return named and term is not None and not term.normal and term.id not in _HEALTHY


def _detail(fact: Fact) -> bool:
    return (
        glossary().topic(fact.name) in {"side", "size"} and _of(fact) is not None and value(fact) is not None
    )


def _of(fact: Fact) -> str | None:
    attribute = glossary().attribute(fact.name)
    return attribute.of if attribute else None


def _present(fact: Fact, details: Sequence[Fact], rng: Random) -> Sentence:
    term = glossary().term(fact.name)
    filled: dict[Lang, Mapping[str, str]] = {}
    for lang in _LANGS:
        size = where = ""
        for detail in details:
            said = glossary().term(value(detail) or "").phrase(lang)
            if glossary().topic(detail.name) == "size":
                size = said
            else:
                form = "half" if bank_of(detail.name, "what").startswith("half") else "side"
                where = (_ZH_WHERE if lang == "zh" else _EN_WHERE)[form].format(value=said)
        slots = thing_slots(term, lang, size=size)
        filled[lang] = slots | {"where": where, "size": f"{size}的" if size and lang == "zh" else ""}
    phrasing = rng.choice(banks()[bank_of(fact.name, "present")])
    return Sentence(phrasing, filled, (fact, *details))


def _plain_finding(fact: Fact, rng: Random) -> Sentence:
    phrasing = rng.choice(banks()[bank_of(fact.name, "absent")])
    return Sentence(phrasing, {lang: slots_of(fact.name, lang) for lang in _LANGS}, (fact,))


def _value(fact: Fact, rng: Random) -> Sentence:
    phrasing = rng.choice(banks()[bank_of(fact.name, "say")])
    slots = {lang: slots_of(fact.name, lang, label=value(fact)) for lang in _LANGS}
    return Sentence(phrasing, slots, (fact,))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_LANGS: tuple[Lang, ...] = ("zh", "en")
