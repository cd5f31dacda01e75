"""Names of things in words of both languages: splits, tasks, kinds, origins, modalities, topics, facts."""

import json

from doctorsun.core.schema import Fact
from doctorsun.core.strings import Lang, lines, say_in
from doctorsun.core.strings import reason as without_place
from doctorsun.core.words import Both, both, join
from doctorsun.language.glossary import YES_NO, glossary

FORMS = frozenset({"yesno", "choice", "what"})
TOPICS = frozenset(
    {"amount", "count", "diagnosis", "finding", "grade", "modality", "region", "side", "site", "size", "view"}
) | {"other"}
# What stands for a null where things are counted.
UNSAID = "none"


def reason_in(lang: Lang, reason: str) -> str:
    """Why something was left out: its own line, else what an error of that key says, without a place."""
    name = f"reason_{reason.replace('.', '_')}"
    return say_in(lang, f"data.{name}") if name in lines(lang, "data") else without_place(reason, lang)


def split_word(part: str) -> Both:
    """A split."""
    return both(f"data.split_{part}")


def lang_word(lang: str) -> Both:
    """A language."""
    return both(f"data.lang_{lang}")


def task_word(task: str) -> Both:
    """A task."""
    return both(f"data.task_{task}")


def kind_word(kind: str | None) -> Both:
    """The kind of a question; that of a sample which has none."""
    return both(f"data.kind_{kind or UNSAID}")


def origin_word(origin: str) -> Both:
    """Who made the words."""
    return both(f"data.origin_{origin}")


def term_word(name: str | None) -> Both:
    """A modality, a part of the body, a value: the glossary's wording, else the name itself."""
    if not name or name == UNSAID:
        return both("data.not_told")
    known = glossary()
    term = known.terms.get(name) or known.attributes.get(name)
    if term is not None:
        return Both(zh=term.zh, en=term.en)
    if name in YES_NO:
        return Both(zh=YES_NO[name]["zh"], en=YES_NO[name]["en"])
    words = name.replace("_", " ")
    return Both(zh=words, en=words)


def topic_word(topic: str | None, task: str) -> Both:
    """What a question is about; its task where that is not known."""
    if topic is None:
        return task_word(task)
    return both(f"data.topic_{topic}") if topic in TOPICS else term_word(topic)


def question_word(key: str) -> Both:
    """A question by its key, SOURCE/FACT/FORM or SOURCE/FACT=VALUE/yesno, without its source."""
    _, _, rest = key.partition("/")
    asked, _, form = rest.rpartition("/")
    name, _, value = asked.partition("=")
    words = both("data.topic_other") if name in {"", "human", "other"} else term_word(name)
    if value:
        words = both("data.fact_value", name=words, value=term_word(value))
    return join([words, both(f"data.form_{form}")], zh=" · ", en=" · ") if form in FORMS else words


def fact_words(fact: Fact) -> Both:
    """A fact as a person says it: what, whether it is there, where, how large."""
    words = term_word(fact.name)
    value = _value(fact.value)
    if value:
        words = both("data.fact_value", name=words, value=term_word(value))
    if fact.status is not None:
        status = both(f"data.status_{fact.status}")
        words = join([words, status]) if value else both("data.fact_value", name=words, value=status)
    told = [words]
    told += [term_word(name) for name in (fact.laterality, fact.site, fact.severity) if name]
    if fact.size_mm is not None:
        told.append(both("data.fact_size", size=f"{fact.size_mm:g}"))
    if fact.box_xyxy is not None:
        told.append(both("data.fact_box", box=", ".join(f"{edge:.2f}" for edge in fact.box_xyxy)))
    return join([*told])


def _value(text: str | None) -> str | None:
    """What the JSON text of a fact's value says, as a name."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str) else str(found)
