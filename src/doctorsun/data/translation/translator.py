"""Texts of one language -> the other: asked, read, checked, translated back, asked again where it failed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from doctorsun.core.chat import Chat, Reply, Request
from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Lang, Text
from doctorsun.data.translation import prompts
from doctorsun.data.translation.config import TranslationConfig
from doctorsun.data.translation.fidelity import agreement, fault
from doctorsun.data.translation.passing import other, passed, wanted
from doctorsun.data.translation.replies import Replies, key_of
from doctorsun.data.translation.simplified import simplified
from doctorsun.data.translation.terms import Named, named


@dataclass(frozen=True, slots=True)
class Translated:
    """The translation of a Text, or the key of the reason why there is none."""

    text: Text | None
    reason: str | None = None


@dataclass(slots=True)
class _Job:
    """One Text under way; `told` are the translations of `words` once they have passed the rules."""

    text: Text
    words: list[str]
    told: list[str] | None = None
    reason: str | None = None

    @property
    def into(self) -> Lang:
        return other(self.text.lang)


@dataclass(slots=True)
class Spent:
    """What was asked of the model so far: calls, and tokens in and out."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(slots=True)
class Translator:
    """Translates with a `Chat`; what comes out depends on the texts and the replies alone."""

    chat: Chat
    config: TranslationConfig
    spent: Spent = field(default_factory=Spent)
    replies: Replies = field(init=False)

    def __post_init__(self) -> None:
        simplified("")
        self.replies = Replies(self.config.cache)

    def translate(self, texts: Sequence[Text]) -> list[Translated]:
        """The translations in the order of the texts; ModelError where the server cannot be used."""
        jobs = [_Job(text, wanted(text)) for text in texts]
        for job in jobs:
            job.told = None if job.words else []
        for _ in range(self.config.attempts):
            pending = [job for job in jobs if job.told is None and job.reason != "data.translation_refused"]
            self._forward(pending)
            self._back([job for job in pending if job.told is not None])
        return [_result(job) for job in jobs]

    def missing(self, text: Text) -> bool:
        """Whether the first call for a text is still to be made."""
        words = wanted(text)
        return bool(words) and self.replies.get(self._key(self._request(_Job(text, words)))) is None

    def _forward(self, jobs: Sequence[_Job]) -> None:
        """Ask for the translations, and keep those that pass the rules."""
        requests = [self._request(job) for job in jobs]
        for job, reply in zip(jobs, self._answers(requests), strict=True):
            told = self._read(reply, len(job.words), job.into)
            if isinstance(told, str):
                job.reason = told
                continue
            job.reason = _fault(job, told)
            job.told = told if job.reason is None else None

    def _back(self, jobs: Sequence[_Job]) -> None:
        """Translate back, and let go of what does not come back alike."""
        if not self.config.back_translate:
            return
        asked = [job for job in jobs if job.words]
        requests = [prompts.request(job.told or [], job.into, job.text.lang) for job in asked]
        for job, reply in zip(asked, self._answers(requests), strict=True):
            told = self._read(reply, len(job.words), job.text.lang)
            alike = isinstance(told, list) and agreement(job.words, told, job.text.lang)
            if isinstance(told, str) or alike < self.config.agreement:
                job.told, job.reason = None, "data.translation_agreement"

    def _request(self, job: _Job) -> Request:
        terms: dict[str, Named] = {}
        for words in job.words:
            terms |= {term.found: term for term in named(words, job.text.lang, job.into)}
        ask = partial(prompts.request, job.words, job.text.lang, job.into, terms=tuple(terms.values()))
        return ask(fault=job.reason)

    def _read(self, reply: Reply | None, number: int, into: Lang) -> list[str] | str:
        """The strings of a reply, or the key of what is wrong with it."""
        if reply is None:
            return "data.translation_refused"
        if not reply.stopped:
            return "data.translation_cut"
        told = prompts.read(reply.text, number)
        if told is None:
            return "data.translation_reply"
        return [simplified(one) for one in told] if into == "zh" else told

    def _answers(self, requests: Sequence[Request]) -> Iterator[Reply | None]:
        """The replies, from the cache where they are; null where the server refuses a question."""
        keys = [self._key(request) for request in requests]
        kept = {key: self.replies.get(key) for key in keys}
        fresh = {key: at for at, key in enumerate(keys) if kept[key] is None}
        asked = self._asked([requests[at] for at in fresh.values()])
        for key, reply in zip(fresh, asked, strict=True):
            kept[key] = None if reply is None else self.replies.keep(key, reply)
        yield from (kept[key] for key in keys)

    def _asked(self, requests: Sequence[Request]) -> Iterator[Reply | None]:
        done = 0
        while done < len(requests):
            answers = self.chat.answer(requests[done:])
            while done < len(requests):
                try:
                    reply = next(answers)
                except RecordError:
                    done += 1
                    yield None
                    break
                self._count(requests[done], reply)
                done += 1
                yield reply

    def _count(self, request: Request, reply: Reply) -> None:
        self.spent.calls += 1
        self.spent.tokens_in += sum(prompts.tokens(turn.text) for turn in request.messages)
        self.spent.tokens_out += reply.tokens or prompts.tokens(reply.text)

    def _key(self, request: Request) -> str:
        return key_of(self.chat.name, request, self.config.extra)


def _result(job: _Job) -> Translated:
    if job.told is None:
        return Translated(None, job.reason)
    return Translated(_made(job.text, job.words, job.told))


def _made(text: Text, words: Sequence[str], told: Sequence[str]) -> Text:
    return passed(text, dict(zip(words, told, strict=True)).__getitem__)


def _fault(job: _Job, told: Sequence[str]) -> str | None:
    """The key of what is wrong with the translations of a text, null where nothing is."""
    found = (fault(one, other, job.text.lang, job.into) for one, other in zip(job.words, told, strict=True))
    wrong = next(filter(None, found), None)
    if wrong is None and len(job.text.choices) == len(set(job.text.choices)):
        choices = _made(job.text, job.words, told).choices
        return "data.translation_choices" if len(set(choices)) < len(choices) else None
    return wrong
