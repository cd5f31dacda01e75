"""A Record's facts as Samples: questions in three forms, captions and reports, in parallel zh and en.

What is asked of a record is a function of (seed, source, record id) alone. Wording, order of options and the
choice of what to ask are drawn before the right answer is looked at.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from doctorsun.core.config import Config
from doctorsun.core.errors import RecordError
from doctorsun.core.plugins import near
from doctorsun.core.schema import Card, Fact, Kind, Lang, Message, Part, Record, Sample, Split, Status, Task
from doctorsun.language.answers import LETTERS, Form, value
from doctorsun.language.banks import Phrasing, pick
from doctorsun.language.glossary import YES_NO, glossary
from doctorsun.language.regions import box_text, position_facts, single_boxes
from doctorsun.language.sentences import Sentence, bank_of, fact_slots, is_position, join, statements
from doctorsun.language.shown import picture_parts

LANGS: tuple[Lang, ...] = ("zh", "en")
_HEADS: dict[Lang, tuple[str, str]] = {"en": ("Findings: ", " Impression: "), "zh": ("所见：", "印象：")}
_OPTIONS: dict[Lang, str] = {"en": "Options:", "zh": "选项："}
_NOTHING: dict[Lang, str] = {"en": "No abnormality", "zh": "未见异常"}


class QuestionConfig(Config):
    """What is asked of each record.

    `forms` says by a fact's name, else by its topic, in which forms it is asked; a fact with neither is not
    asked. `per_record` is the most closed and choice questions about one record, 0 for all. `open`,
    `captions`, `findings` and `reports` say how many of each are written. Findings with a box are asked for
    their `position` where `forms` names it, and for the box itself where `boxes` is true.
    """

    forms: dict[str, tuple[Form, ...]] = {
        "modality": ("what", "yesno", "choice"),
        "view": ("what", "yesno"),
        "region": ("what", "yesno", "choice"),
        "finding": ("yesno",),
        "diagnosis": ("what", "yesno", "choice"),
        "site": ("what", "choice"),
        "grade": ("what", "yesno", "choice"),
        "side": ("what", "yesno"),
        "size": ("what", "yesno"),
        "count": ("what",),
        "amount": ("what", "yesno"),
    }
    per_record: int = 0
    boxes: bool = False
    open: int = 1
    captions: int = 1
    findings: int = 1
    reports: int = 1

    def forms_of(self, name: str) -> tuple[Form, ...]:
        """The forms in which a fact is asked."""
        return self.forms.get(name, self.forms.get(glossary().topic(name), ()))


DEFAULT = QuestionConfig()


@dataclass(frozen=True, slots=True)
class _Ask:
    """One question in no language yet; `question` and `answer` hold its text in each."""

    key: str
    task: Task
    kind: Kind | None
    topic: str | None
    phrasing: str
    facts: tuple[Fact, ...]
    question: dict[Lang, str]
    answer: dict[Lang, str]
    choices: dict[Lang, tuple[str, ...]]


def samples_of(
    record: Record,
    card: Card,
    *,
    split: Split,
    seed: int = 0,
    langs: Sequence[Lang] = LANGS,
    config: QuestionConfig = DEFAULT,
) -> list[Sample]:
    """The Samples that a record's facts give, zh and en of each; in training no phrasing that is held out.

    Ids are SOURCE/RECORD/QUESTION/LANG: what differs by its last step alone is the same question.
    RecordError when a fact is not of the glossary.
    """
    facts = tuple(fact for fact in record.facts if fact.status != "uncertain")
    for fact in facts:
        _check(fact, record)
    asks: list[_Ask] = []
    for fact in (*facts, *position_facts(facts)):
        for form in config.forms_of(fact.name):
            rng = _rng(seed, card, record, f"{_named(fact)}.{form}")
            asks += _closed(fact, form, card, rng, split)
    chooser = _rng(seed, card, record, "which")
    if config.per_record and len(asks) > config.per_record:
        asks = [asks[at] for at in sorted(chooser.sample(range(len(asks)), config.per_record))]
    asks += _free(facts, config, lambda name: _rng(seed, card, record, name), split)
    return [_sample(ask, record, card, lang, split) for ask in asks for lang in langs]


def with_options(stem: str, choices: Sequence[str], lang: Lang) -> str:
    """A question's stem with its options below, each behind its letter; at most as many as LETTERS."""
    lines = [f"{LETTERS[at]}. {text}" for at, text in enumerate(choices)]
    return "\n".join([stem, _OPTIONS[lang], *lines])


def _check(fact: Fact, record: Record) -> None:
    attribute = glossary().attribute(fact.name)
    if attribute is None:
        if fact.name not in glossary().terms:
            known = [*glossary().attributes, *glossary().terms]
            raise RecordError(
                "language.unknown_fact", where=record.id, found=fact.name, near=near(fact.name, known)
            )
        return
    label = value(fact)
    if label not in attribute.labels:
        expected = ", ".join(attribute.labels)
        raise RecordError(
            "language.unknown_label", where=record.id, found=label, fact=fact.name, expected=expected
        )


def _closed(fact: Fact, form: Form, card: Card, rng: Random, split: Split) -> list[_Ask]:
    """The question of one form about one fact; none where the form does not suit the fact."""
    attribute = glossary().attribute(fact.name)
    if attribute is None:
        return [_finding(fact, rng, split)] if form == "yesno" and fact.status else []
    labels = attribute.labels_in(card.name)
    label = value(fact) or ""
    if form == "what":
        return [_what(replace(fact, status=None), rng, split)]
    others = [other for other in labels if other != label]
    if not others:
        return []
    if form == "yesno":
        asked = label if rng.random() < 0.5 else rng.choice(others)
        return [_is_it(fact, asked, rng, split)]
    options = [label, *rng.sample(others, min(3, len(others)))]
    rng.shuffle(options)
    return [_choice(replace(fact, status=None), options, rng, split)]


def _finding(fact: Fact, rng: Random, split: Split) -> _Ask:
    phrasing = pick(bank_of(fact.name, "yesno"), rng, split=split)
    answer = YES_NO["yes" if fact.status == "present" else "no"]
    return _ask(fact, "yesno", phrasing, {lang: fact_slots(fact, lang) for lang in LANGS}, answer)


def _what(fact: Fact, rng: Random, split: Split) -> _Ask:
    phrasing = pick(bank_of(fact.name, "what"), rng, split=split)
    label = value(fact) or ""
    answer = {lang: glossary().answer(label, lang) for lang in LANGS}
    return _ask(fact, "what", phrasing, {lang: fact_slots(fact, lang) for lang in LANGS}, answer)


def _is_it(fact: Fact, asked: str, rng: Random, split: Split) -> _Ask:
    phrasing = pick(bank_of(fact.name, "yesno"), rng, split=split)
    right = asked == value(fact)
    status: Status = "present" if right else "absent"
    stated = Fact(fact.name, value=json.dumps(_json_value(asked)), status=status, site=fact.site)
    slots = {lang: fact_slots(fact, lang, label=asked) for lang in LANGS}
    return _ask(stated, "yesno", phrasing, slots, YES_NO["yes" if right else "no"])


def _choice(fact: Fact, options: Sequence[str], rng: Random, split: Split) -> _Ask:
    phrasing = pick(bank_of(fact.name, "what"), rng, split=split)
    letter = pick("letter", rng, split=split)
    question, choices = {}, {}
    for lang in LANGS:
        choices[lang] = tuple(glossary().answer(option, lang) for option in options)
        stem = phrasing.fill(lang, fact_slots(fact, lang))
        question[lang] = f"{with_options(stem, choices[lang], lang)}\n{letter.fill(lang, {})}"
    right = LETTERS[options.index(value(fact) or "")]
    ask = _ask(
        fact,
        "choice",
        phrasing,
        {lang: fact_slots(fact, lang) for lang in LANGS},
        {"en": right, "zh": right},
    )
    return replace(ask, kind="choice", question=question, choices=choices)


def _ask(
    fact: Fact, form: str, phrasing: Phrasing, slots: dict[Lang, dict[str, str]], answer: dict[Lang, str]
) -> _Ask:
    return _Ask(
        key=f"{_named(fact)}-{form}",
        task="vqa",
        kind="closed",
        topic=glossary().topic(fact.name),
        phrasing=phrasing.name,
        facts=(fact,),
        question={lang: phrasing.fill(lang, slots[lang]) for lang in LANGS},
        answer=answer,
        choices={"en": (), "zh": ()},
    )


def _named(fact: Fact) -> str:
    """A name for a fact within its record: of places there can be several."""
    return f"{fact.name}-{fact.site}" if is_position(fact) else fact.name


def _free(
    facts: Sequence[Fact], config: QuestionConfig, rng_of: Callable[[str], Random], split: Split
) -> Iterator[_Ask]:
    """Open questions, captions, findings and reports."""
    findings = [fact for fact in facts if glossary().attribute(fact.name) is None]
    abnormal = [fact for fact in findings if not glossary().term(fact.name).normal]
    for at in range(config.open if abnormal else 0):
        yield _open(abnormal, rng_of(f"open-{at}"), at, split)
    for fact in single_boxes(facts) if config.boxes else ():
        yield _boxed(fact, rng_of(f"box-{fact.name}"), split)
    for at in range(config.captions if facts else 0):
        rng = rng_of(f"caption-{at}")
        phrasing = pick("caption", rng, split=split)
        said = statements(facts, rng)
        main = (*said.present, *((said.nothing,) if said.nothing else ()), *said.values)
        yield _prose(f"caption-{at}", "caption", phrasing, (*said.opening, *main))
    beyond = [fact for fact in facts if glossary().topic(fact.name) not in {"modality", "view", "region"}]
    for at in range(config.findings if beyond else 0):
        rng = rng_of(f"findings-{at}")
        phrasing = pick("findings", rng, split=split)
        said = statements(facts, rng)
        yield _prose(f"findings-{at}", "report", phrasing, (*said.values, *said.present, *said.absent))
    for at in range(config.reports if not all(map(_is_organ, findings)) else 0):
        yield _report(facts, rng_of(f"report-{at}"), at, split)


def _open(findings: Sequence[Fact], rng: Random, at: int, split: Split) -> _Ask:
    phrasing = pick("finding.open", rng, split=split)
    there = [fact for fact in findings if fact.status == "present"]
    answer: dict[Lang, str] = {}
    for lang in LANGS:
        names = [glossary().term(fact.name).name(lang) for fact in there]
        answer[lang] = ("、" if lang == "zh" else ", ").join(names) or _NOTHING[lang]
    return _text(f"open-{at}", phrasing, tuple(there or findings), answer)


def _boxed(fact: Fact, rng: Random, split: Split) -> _Ask:
    """Where exactly a finding lies: the answer is its box."""
    phrasing = pick("box.ask", rng, split=split)
    box = box_text(fact.box_xyxy or (0.0, 0.0, 1.0, 1.0))
    slots = {lang: fact_slots(fact, lang) for lang in LANGS}
    return replace(_text(f"{fact.name}-box", phrasing, (fact,), {"en": box, "zh": box}, slots), topic="box")


def _prose(key: str, task: Task, phrasing: Phrasing, said: Sequence[Sentence]) -> _Ask:
    answer = {lang: join(said, lang) for lang in LANGS}
    ask = _text(key, phrasing, _facts_of(said), answer)
    return replace(ask, task=task, kind="report")


def _report(facts: Sequence[Fact], rng: Random, at: int, split: Split) -> _Ask:
    phrasing = pick("report", rng, split=split)
    said = statements(facts, rng)
    body = (*said.opening, *said.values, *said.present, *said.absent)
    main = tuple(sentence for sentence in said.present if not _is_organ(sentence.facts[0]))
    impression = main or ((said.nothing,) if said.nothing else ())
    answer: dict[Lang, str] = {}
    for lang in LANGS:
        first, second = _HEADS[lang]
        answer[lang] = f"{first}{join(body, lang)}{second}{join(impression, lang)}"
    ask = _text(f"report-{at}", phrasing, _facts_of(body), answer)
    return replace(ask, task="report", kind="report")


def _is_organ(fact: Fact) -> bool:
    """Whether a fact only says that an organ is in view, which is no finding of a report."""
    return glossary().term(fact.name).kind == "organ"


def _text(
    key: str,
    phrasing: Phrasing,
    facts: tuple[Fact, ...],
    answer: dict[Lang, str],
    slots: dict[Lang, dict[str, str]] | None = None,
) -> _Ask:
    return _Ask(
        key=key,
        task="vqa",
        kind="open",
        topic=None,
        phrasing=phrasing.name,
        facts=facts,
        question={lang: phrasing.fill(lang, slots[lang] if slots else {}) for lang in LANGS},
        answer=answer,
        choices={"en": (), "zh": ()},
    )


def _facts_of(said: Sequence[Sentence]) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(fact for sentence in said for fact in sentence.facts))


def _sample(ask: _Ask, record: Record, card: Card, lang: Lang, split: Split) -> Sample:
    places = picture_parts(len(record.images), record.shown, lang)
    return Sample(
        id=f"{card.name}/{record.id}/{ask.key}/{lang}",
        images=record.images,
        messages=(
            Message("user", (*places, Part("text", ask.question[lang]))),
            Message("assistant", (Part("text", ask.answer[lang]),)),
        ),
        lang=lang,
        task=ask.task,
        source=card.name,
        licence=record.licence or card.licence,
        origin="synthetic" if card.synthetic else "template",
        kind=ask.kind,
        topic=ask.topic,
        phrasing=ask.phrasing,
        choices=ask.choices[lang],
        modality=record.modality,
        anatomy=record.anatomy,
        group=record.group,
        split=split,
        facts=ask.facts,
    )


def _rng(seed: int, card: Card, record: Record, what: str) -> Random:
    """The generator of one question: it depends on no other record and on no fact's value."""
    digest = hashlib.sha256(f"{seed}/{card.name}/{record.id}/{what}".encode()).digest()
    return Random(int.from_bytes(digest[:8]))


def _json_value(label: str) -> str | int:
    return int(label) if label.isdigit() else label
