"""Samples to look at: a card a picture, its questions in both languages side by side, its origin."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from doctorsun.core.page import (
    Badge,
    Block,
    Card,
    Facet,
    Fold,
    Gallery,
    Line,
    Pairs,
    Token,
    Tokens,
    Tone,
    Twin,
    Twins,
    Words,
    both,
    join,
)
from doctorsun.core.schema import Message, Sample
from doctorsun.core.thumbnails import thumbnail
from doctorsun.data.dataset import OFFICIAL, Dataset
from doctorsun.data.inspection.choosing import choose
from doctorsun.data.wording import (
    fact_words,
    kind_word,
    lang_word,
    origin_word,
    split_word,
    task_word,
    term_word,
    topic_word,
)

# A sample as a model reads it; the data know no model, so the command hands it in.
TokenView = Callable[[Sample], Sequence[Token]]
Lot = tuple[str, tuple[int, ...]]
WORDS_SHOWN = 900
THUMBNAIL_PX = 256
OPEN_TWINS = 4
FACTS_SHOWN = 12
PICTURES_SHOWN = 6
TOKEN_CARDS = 60
MEMORY_MIB = 256
TOKENS_SHOWN = 700
# A page stays below 15 MB: pictures and words of the cards count, marks around them are about a fifth more.
BUDGET_BYTES = 10 * 2**20


def gallery(dataset: Dataset, *, seed: int, tokens: TokenView | None) -> Gallery:
    """A few pictures of each source and split with all their questions, within a budget of bytes."""
    lots = list(_in_turn({part: choose(dataset.rows(part), seed=seed) for part in dataset.splits}))
    made: dict[int, Card] = {}
    for part in dataset.splits:
        made.update(_made(dataset, part, lots, tokens))
    cards: list[Card] = []
    left = BUDGET_BYTES
    for at in range(len(lots)):
        left -= _weight(made[at])
        if left < 0:
            break
        cards.append(made[at])
    cards.sort(key=lambda card: not card.pictures)
    return Gallery(cards, _facets(cards, dataset.splits), wide=True)


def _in_turn(chosen: Mapping[str, Sequence[tuple[int, ...]]]) -> Iterator[Lot]:
    """The lots of all splits by turns, each split as fast as it is large, so that no budget ends with one."""
    ranked = [
        ((at + 1) / len(lots), number, part, rows)
        for number, (part, lots) in enumerate(chosen.items())
        for at, rows in enumerate(lots)
    ]
    yield from ((part, rows) for _, _, part, rows in sorted(ranked))


def _made(
    dataset: Dataset, part: str, lots: Sequence[Lot], tokens: TokenView | None
) -> Iterator[tuple[int, Card]]:
    """The cards of one split by their place among all lots, made in the order of the files."""
    wanted = sorted((rows, at) for at, (of, rows) in enumerate(lots) if of == part)
    samples = dataset.rows(part).take([row for rows, _ in wanted for row in rows], memory_mib=MEMORY_MIB)
    for rows, at in wanted:
        yield at, _card(part, list(islice(samples, len(rows))), tokens if at < TOKEN_CARDS else None)


def _facets(cards: Sequence[Card], splits: Sequence[str]) -> list[Facet]:
    def values(key: str, named: Callable[[str], Words]) -> list[tuple[str, Words]]:
        told = (card.facets[key] for card in cards)
        found = set(chain.from_iterable([one] if isinstance(one, str) else one for one in told))
        return [(value, named(value)) for value in sorted(found)]

    return [
        Facet("source", both("data.page_filter_source"), values("source", str)),
        Facet("modality", both("data.page_filter_modality"), values("modality", term_word)),
        Facet("lang", both("data.page_filter_lang"), values("lang", lang_word)),
        Facet("task", both("data.page_filter_task"), values("task", task_word)),
        Facet("split", both("data.page_filter_split"), [(name, split_word(name)) for name in splits]),
    ]


def _card(part: str, samples: Sequence[Sample], tokens: TokenView | None) -> Card:
    """One picture with its questions."""
    first = samples[0]
    twins = _twins(samples)
    facts = _unique(fact_words(fact) for sample in samples for fact in sample.facts)[:FACTS_SHOWN]
    lines = [Line(both("data.page_facts"), join([*facts], zh="；", en="; "))] if facts else []
    more: list[Block] = [Twins(twins[:OPEN_TWINS])]
    if len(twins) > OPEN_TWINS:
        title = both("data.page_more_questions", number=len(twins) - OPEN_TWINS)
        more.append(Fold(title, [Twins(twins[OPEN_TWINS:])]))
    more.append(Fold(both("data.page_provenance"), [_provenance(part, samples)]))
    more += _token_folds(samples, tokens) if tokens else []
    tone: Tone = "warn" if part == OFFICIAL else "plain"
    return Card(
        lines,
        pictures=[thumbnail(image.bytes, max_px=THUMBNAIL_PX) for image in first.images[:PICTURES_SHOWN]],
        title=join([term_word(name) for name in (first.modality, first.anatomy) if name], zh=" · ", en=" · ")
        if first.modality
        else task_word(first.task),
        badges=[Badge(first.source), Badge(split_word(part), tone), Badge(first.licence)],
        facets={
            "source": first.source,
            "modality": first.modality or "none",
            "lang": sorted({sample.lang for sample in samples}),
            "task": sorted({sample.task for sample in samples}),
            "split": part,
        },
        more=more,
    )


def _twins(samples: Iterable[Sample]) -> list[Twin]:
    """The questions in their order; the two languages of one stand together."""
    found: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        found.setdefault(sample.id.rpartition("/")[0], {})[sample.lang] = sample
    return [_twin(pair.get("zh"), pair.get("en")) for pair in found.values()]


def _twin(zh: Sample | None, en: Sample | None) -> Twin:
    told = zh or en
    if told is None:
        raise ValueError("a question is there in one language at least")
    name = [topic_word(told.topic, told.task)]
    if told.kind and told.kind != "report":
        name.append(kind_word(told.kind))
    return Twin(join([*name], zh=" · ", en=" · "), _said(zh), _said(en))


def _said(sample: Sample | None) -> tuple[str, str] | None:
    """What was asked (of a talk every turn before the last) and what was answered."""
    if sample is None:
        return None
    *before, last = sample.messages
    asked = [_turn(turn) if len(before) > 1 else turn.text for turn in before]
    return _short("\n".join(asked)), _short(last.text)


def _turn(message: Message) -> str:
    return f"{'—' if message.role == 'assistant' else '·'} {message.text}"


def _provenance(part: str, samples: Sequence[Sample]) -> Pairs:
    first = samples[0]
    told: list[tuple[Words, Words]] = [
        (both("data.page_id"), first.id.rpartition("/")[0] or first.id),
        (both("data.page_filter_source"), first.source),
        (both("data.page_licence"), first.licence),
        (both("data.page_group"), first.group or both("data.not_told")),
        (both("data.page_filter_split"), split_word(part)),
        (both("data.page_filter_origin"), join(_unique(origin_word(sample.origin) for sample in samples))),
        (both("data.page_derived"), _listed(sample.derived_from for sample in samples)),
        (both("data.page_phrasing"), _listed(sample.phrasing for sample in samples)),
    ]
    return Pairs([(name, words) for name, words in told if words])


def _token_folds(samples: Sequence[Sample], view: TokenView) -> list[Block]:
    """The first question of each language, token by token."""
    shown: dict[str, Sample] = {}
    for sample in samples:
        shown.setdefault(sample.lang, sample)
    return [
        Fold(both("data.page_tokens", lang=lang_word(lang)), [Tokens(view(sample)[:TOKENS_SHOWN])])
        for lang, sample in sorted(shown.items(), reverse=True)
    ]


def _weight(card: Card) -> int:
    """About how many bytes a card adds to a page."""
    pictures = sum(len(picture or "") for picture in card.pictures)
    return pictures + len(repr(card.more).encode("utf-8"))


def _unique(words: Iterable[Words]) -> list[Words]:
    return list(dict.fromkeys(words))


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(name for name in names if name))


def _short(text: str) -> str:
    return text if len(text) <= WORDS_SHOWN else f"{text[:WORDS_SHOWN]} …"
