"""`translate_texts`: many texts through a Translator, with an estimate first, limits, and progress.

A text without a translation stays as it is, and is noted under its reason; OFF is that of having no server.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from doctorsun.core.errors import DataError
from doctorsun.core.progress import reporter
from doctorsun.core.schema import Lang, Record, Text
from doctorsun.data.translation import prompts
from doctorsun.data.translation.config import TranslationConfig
from doctorsun.data.translation.passing import other, wanted
from doctorsun.data.translation.translator import Translator

OFF = "data.translation_off"
PROBE = 4
_BATCH_WORKERS = 8
_MILLION = 1_000_000
Named = tuple[str, Text]
Outcome = tuple[str, Text | None, str | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be asked: texts, calls, tokens in and out, and what they cost."""

    texts: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float


def translate_texts(texts: Sequence[Named], translator: Translator) -> Iterator[Outcome]:
    """Each text's id, its translation, or the reason (a key) why there is none; in the order of the texts.

    Before the first call the calls, tokens and cost are told; after a few calls the time. DataError where one
    is above the limit of the config. The same texts and the same cache give the same outcomes.
    """
    config = translator.config
    reasons = _left_out(texts, config)
    chosen = [text for name, text in texts if name not in reasons]
    waiting = [text for text in chosen if translator.missing(text)]
    _tell(estimate(waiting, config), config)
    _probe(waiting, translator)
    outcomes = _translated(chosen, translator)
    for name, _ in texts:
        if name in reasons:
            yield name, None, reasons[name]
        else:
            text, reason = next(outcomes)
            yield name, text, reason


def missing_languages(record: Record, langs: Sequence[Lang]) -> list[Text]:
    """The texts of a record that do not exist in the other language, where that is wished for.

    What is itself a translation is not translated back.
    """
    there = {(_place(text), text.lang) for text in record.texts}
    return [
        text
        for text in record.texts
        if text.origin != "translated"
        and other(text.lang) in langs
        and (_place(text), other(text.lang)) not in there
    ]


def check_private(config: TranslationConfig, hospitals: Iterable[str]) -> None:
    """Raise DataError where a hospital's words would go to a remote server whose host was not named for them.

    `hospitals` are the names of the sources that hold them.
    """
    names = sorted(hospitals)
    host = urlsplit(config.endpoint or "").hostname
    if config.endpoint and config.remote and names and host not in config.hospital_hosts:
        raise DataError("data.translation_private", where=", ".join(names), host=host)


def estimate(texts: Sequence[Text], config: TranslationConfig) -> Estimate:
    """What translating some texts takes, when each goes well the first time."""
    tokens_in = tokens_out = 0
    for text in texts:
        words = wanted(text)
        for lang in (text.lang, other(text.lang)) if config.back_translate else (text.lang,):
            asked = prompts.request(words, lang, other(lang))
            tokens_in += sum(prompts.tokens(turn.text) for turn in asked.messages)
            tokens_out += sum(prompts.tokens(one) for one in words)
    calls = len(texts) * (2 if config.back_translate else 1)
    cost = (tokens_in * config.price_in + tokens_out * config.price_out) / _MILLION
    return Estimate(len(texts), calls, tokens_in, tokens_out, cost)


def _left_out(texts: Sequence[Named], config: TranslationConfig) -> dict[str, str]:
    """The reasons of texts that are not asked for at all, by id; which those are depends on no order."""
    reasons = {name: "data.translation_too_long" for name, text in texts if _chars(text) > config.max_chars}
    rest = [name for name, _ in texts if name not in reasons]
    if config.max_rows is not None and len(rest) > config.max_rows:
        ranked = sorted(rest, key=lambda name: hashlib.sha256(name.encode("utf-8", "replace")).digest())
        reasons |= dict.fromkeys(ranked[config.max_rows :], "data.translation_limit")
    return reasons


def _translated(texts: Sequence[Text], translator: Translator) -> Iterator[tuple[Text | None, str | None]]:
    size = translator.config.workers * _BATCH_WORKERS
    for begin in range(0, len(texts), size):
        found = translator.translate(texts[begin : begin + size])
        reporter().step("data.step_translate", begin + len(found), len(texts))
        yield from ((one.text, one.reason) for one in found)


def _probe(waiting: Sequence[Text], translator: Translator) -> None:
    """Translate the first few, whose replies are kept, and tell how long the rest takes.

    The server is taken to answer more workers as fast as these few. DataError above the limit.
    """
    config, begun = translator.config, time.monotonic()
    if len(waiting) <= PROBE:
        return
    translator.translate(waiting[:PROBE])
    at_once = min(PROBE, config.workers)
    seconds_each = (time.monotonic() - begun) / PROBE * at_once / config.workers
    minutes = seconds_each * (len(waiting) - PROBE) / 60
    reporter().note("data.translation_time", texts=len(waiting), minutes=_rounded(minutes))
    if config.max_minutes is not None and minutes > config.max_minutes:
        raise DataError("data.translation_too_slow", found=_rounded(minutes), limit=config.max_minutes)


def _tell(needed: Estimate, config: TranslationConfig) -> None:
    if not needed.texts:
        return
    cost = _rounded(needed.cost)
    tokens = {"tokens_in": needed.tokens_in, "tokens_out": needed.tokens_out}
    reporter().note("data.translation_estimate", texts=needed.texts, calls=needed.calls, cost=cost, **tokens)
    if config.max_cost is not None and needed.cost > config.max_cost:
        raise DataError("data.translation_too_dear", found=cost, limit=config.max_cost)


def _place(text: Text) -> tuple[str, ...]:
    """What a text and its translation have in common: their key, else what they are."""
    return (text.key,) if text.key else ("", text.task, text.kind or "", text.topic or "")


def _chars(text: Text) -> int:
    turns = "".join(turn.text for turn in text.history)
    return len(turns + (text.question or "") + text.answer) + sum(map(len, text.choices))


def _rounded(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"
