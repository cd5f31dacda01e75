"""A Text through a translation: which of its words are translated, which follow by rule, and the new Text."""

import re
from collections.abc import Callable
from dataclasses import replace

from doctorsun.core.schema import Lang, Message, Text
from doctorsun.language.answers import LETTERS
from doctorsun.language.glossary import YES_NO

_LETTERS_ONLY = re.compile(rf"[\s(（]*[{LETTERS}](?:[\s,，、;；/&]*[{LETTERS}])*[\s)）.。]*")
_LETTERED = re.compile(rf"^\s*[(（]?([{LETTERS}])[)）.．、:：]\s*", flags=re.MULTILINE)
_NAMED = re.compile(
    rf"(?i:\b(?:options?|choices?|answers?)\b(?:\s+(?:is|are|was|were))?)\s*[:(]*([{LETTERS}])(?![A-Za-z])"
    rf"|(?:答案|选项?|项)(?:应?[为是])?\s*[:：(（]*([{LETTERS}])(?![A-Za-z])|(?<![A-Za-z])([{LETTERS}])\s*(?:选?项)"
)
_OPTIONS: dict[str, Lang] = {"options:": "en", "选项:": "zh"}
_HEADS: dict[Lang, str] = {"en": "Options:", "zh": "选项："}
Say = Callable[[str], str]


def other(lang: Lang) -> Lang:
    """The other language."""
    return "en" if lang == "zh" else "zh"


def wanted(text: Text) -> list[str]:
    """The strings of a Text that a model has to translate, each once, in their order."""
    found: dict[str, None] = {}

    def take(words: str) -> str:
        found[words] = None
        return words

    passed(text, take)
    return list(found)


def passed(text: Text, say: Say) -> Text:
    """The Text in the other language; `say` translates one string. Letters and order of options stay.

    A translation is of the answer alone: that one answer is better than another may not survive it.
    """
    lang = other(text.lang)
    return replace(
        text,
        lang=lang,
        origin="translated",
        history=tuple(_turn(turn, text, say) for turn in text.history),
        question=None if text.question is None else _question(text.question, text, say),
        choices=tuple(_words(choice, text, say) for choice in text.choices),
        answer=_answer(text, say),
        rejected=None,
    )


def letters(words: str) -> tuple[list[str], set[str]]:
    """The letters that begin lines, in their order, and those that are named as an option or an answer."""
    return _LETTERED.findall(words), {next(filter(None, found)) for found in _NAMED.findall(words)}


def has_options(text: Text) -> bool:
    """Whether a Text asks to choose among lettered options."""
    return bool(text.choices) or len(_LETTERED.findall(text.question or "")) > 1


def _turn(turn: Message, text: Text, say: Say) -> Message:
    parts = (
        replace(part, text=_words(part.text, text, say)) if part.type == "text" and part.text else part
        for part in turn.content
    )
    return replace(turn, content=tuple(parts))


def _question(question: str, text: Text, say: Say) -> str:
    """Line by line where there are options: what is between their lines keeps together."""
    if not has_options(text):
        return _words(question, text, say)
    done: list[str] = []
    held: list[str] = []

    def flush() -> None:
        if held:
            done.append(_words("\n".join(held), text, say))
            held.clear()

    for line in question.split("\n"):
        letter = _LETTERED.match(line)
        if letter:
            flush()
            done.append(line[: letter.end()] + _words(line[letter.end() :], text, say))
        elif line.strip().lower().replace("：", ":") in _OPTIONS:
            flush()
            done.append(_HEADS[other(text.lang)])
        else:
            held.append(line)
    flush()
    return "\n".join(done)


def _answer(text: Text, say: Say) -> str:
    if text.kind == "closed":
        plain = text.answer.strip().strip(".。").lower()
        for said in YES_NO.values():
            if plain == said[text.lang].lower():
                return said[other(text.lang)]
    if has_options(text):
        if _LETTERS_ONLY.fullmatch(text.answer):
            return text.answer
        letter = _LETTERED.match(text.answer)
        if letter and "\n" not in text.answer:
            return text.answer[: letter.end()] + _words(text.answer[letter.end() :], text, say)
    return _words(text.answer, text, say)


def _words(words: str, text: Text, say: Say) -> str:
    """The words translated, the white space around them kept; what holds no letter stays as it is."""
    bare = words.strip()
    if not any(char.isalpha() for char in bare) or (text.lang == "zh" and bare.isascii() and len(bare) <= 12):
        return words
    start = words.index(bare)
    return words[:start] + say(bare) + words[start + len(bare) :]
