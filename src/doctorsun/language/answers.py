"""What an answer means: the label of a Sample's answer, and the label that a reply can be read as.

Reading is strict: a reply that contradicts itself, refuses, hedges or says something else is null.
"""

import json
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

from doctorsun.core.schema import Fact, Lang, Sample
from doctorsun.language.glossary import glossary

Form = Literal["what", "yesno", "choice"]
LETTERS = "ABCDEFGH"
_YES_NO = frozenset({"yes", "no"})

_REFUSAL = {
    "en": re.compile(
        r"\b(cannot|can't|can ?not|unable|unclear|uncertain|unsure|not sure|don't know|do not know|no idea|"
        r"maybe|perhaps|possibly|hard to (say|tell)|impossible to|sorry|insufficient)\b"
    ),
    "zh": re.compile(
        r"无法|不能(确定|判断|回答|肯定)|不确定|不清楚|不知道|难以|不好说|可能|也许|或许|抱歉|不明确"
    ),
}
_EN_YES = re.compile(r"\b(yes|yeah)\b")
_EN_NO = re.compile(r"\b(no(?! doubt)|nope|absent|not (present|visible|seen|there|shown|found))\b")
_ZH_CLAUSE = re.compile(r"[,，。.;；!！?？、\s]+")
_ZH_NEUTRAL = re.compile(r"^(是否|是不是|有无|有没有|是?(不?正常|异常))")
_ZH_NO = re.compile(r"^(图中|图像|画面|此处)?(不|否|没|无|未|并非|并无)")
_ZH_YES = re.compile(r"^(图中|图像|画面|此处)?(是|有|对|可见|存在|能|会|确实|显示)")
_EN_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ZH_NUMBERS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
}
_ZH_NUMBERS |= {"九": 9, "十": 10}
_ZH_COUNT = re.compile(r"([零〇一二两三四五六七八九十]+)(?=[个只枚处颗]|$)")
_EN_NEGATION = re.compile(
    r"\b(not|no|without|never|neither|nor|rather than|instead of|isn't|excludes?)\b[^,.;:]*$"
)
_ZH_NEGATION = re.compile(
    r"(不是|不|非|无|未见|没有|并非|排除|而不是)(是|属于|像|为|在|位于|明显|典型|很|太)?$"
)


def form(sample: Sample) -> Form | None:
    """How the question is put; null for captions, reports, open questions and talk."""
    if sample.kind == "choice":
        return "choice"
    if sample.kind != "closed":
        return None
    if len(sample.facts) == 1:
        return "yesno" if sample.facts[0].status in {"present", "absent"} else "what"
    return "yesno" if _human_yes_no(sample) else None


def label(sample: Sample) -> str | None:
    """The canonical label of the answer: "yes" or "no", the id of a value, a number; null when there is none.

    Of a choice it is the label of the right option, not its letter.
    """
    how = form(sample)
    if how is None:
        return None
    if how == "yesno":
        if len(sample.facts) == 1:
            return "yes" if sample.facts[0].status == "present" else "no"
        return _human_yes_no(sample)
    return value(sample.facts[0]) if len(sample.facts) == 1 else None


def question_key(sample: Sample) -> str | None:
    """What is balanced together: SOURCE/FACT/FORM, or SOURCE/FACT=VALUE/yesno where a value is asked for."""
    how = form(sample)
    if how is None:
        return None
    if len(sample.facts) != 1:
        return f"{sample.source}/{sample.topic or 'human'}/{how}"
    fact = sample.facts[0]
    asked = f"={value(fact)}" if how == "yesno" and fact.value is not None else ""
    return f"{sample.source}/{fact.name}{asked}/{how}"


def value(fact: Fact) -> str | None:
    """The label of a fact's value: a term's id or a number's digits; null when it has none."""
    if fact.value is None:
        return None
    found = json.loads(fact.value)
    return found if isinstance(found, str) else str(found)


def answer_text(sample: Sample) -> str:
    """The reference answer of a Sample."""
    return sample.messages[-1].text


def read_answer(reply: str, allowed: Collection[str], lang: Lang) -> str | None:
    """The one allowed label that a reply states; null when it states none, several, another, or hedges."""
    text = plain(reply)
    if not text or not allowed:
        return None
    if set(allowed) <= _YES_NO:
        found = None if _REFUSAL[lang].search(text) else _yes_no(text, lang)
        return found if found in allowed else None
    if all(name.isdigit() for name in allowed):
        return _number(text, frozenset(allowed), lang)
    kinds = frozenset(allowed)
    exact = {name for name in kinds if text in {plain(word) for word in _wordings(name, lang)}}
    if len(exact) == 1:
        return exact.pop()
    return None if _REFUSAL[lang].search(text) else _term(_folded(reply), kinds, lang)


def read_letter(reply: str, choices: Collection[str], lang: Lang) -> str | None:
    """The letter of the one option that a reply chooses, by its letter or by its words; else null."""
    text = unicodedata.normalize("NFKC", reply).strip()
    letters = LETTERS[: len(choices)]
    head = re.match(rf"^\(?([{letters}{letters.lower()}])(?:$|[).:,、。\s]*$|[).:、]\s*\S)", text)
    named = re.findall(
        rf"(?:(?:answer|option|choice)(?:\s+is)?|答案(?:是|为)?|选项?择?)\s*[::]?\s*\(?([{letters}])(?![a-zA-Z])",
        text,
        flags=re.IGNORECASE,
    )
    found = {letter.upper() for letter in [*([head[1]] if head else []), *named]}
    if not found:
        same = [at for at, choice in enumerate(choices) if plain(choice) == plain(text)]
        found = {letters[at] for at in same}
    return found.pop() if len(found) == 1 else None


def plain(text: str) -> str:
    """The text in one form: NFKC, small letters, one space, no punctuation at its ends."""
    return _folded(text).lower().strip(" .。,，;；:：!！?？\"'“”()（）*")


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).replace("’", "'").strip()


def _human_yes_no(sample: Sample) -> str | None:
    words = {
        "yes": "yes",
        "no": "no",
        "是": "yes",
        "否": "no",
        "是的": "yes",
        "不是": "no",
        "有": "yes",
        "没有": "no",
    }
    return words.get(plain(answer_text(sample)))


def _yes_no(text: str, lang: Lang) -> str | None:
    if lang == "en":
        found = {"yes"} if _EN_YES.search(text) else set()
        found |= {"no"} if _EN_NO.search(text) else set()
        return found.pop() if len(found) == 1 and "not absent" not in text else None
    found = set()
    for clause in _ZH_CLAUSE.split(text):
        if _ZH_NEUTRAL.match(clause):
            continue
        if _ZH_NO.match(clause):
            found.add("no")
        elif _ZH_YES.match(clause):
            found.add("yes")
            if re.search(r"[是有](没有|无|未见|不)", clause):
                found.add("no")
    return found.pop() if len(found) == 1 else None


def _number(text: str, allowed: frozenset[str], lang: Lang) -> str | None:
    if _REFUSAL[lang].search(text):
        return None
    found = {re.sub(r"^0+(?=\d)", "", number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)}
    if not found and lang == "en":
        words = re.findall(r"[a-z]+", text)
        found = {str(_EN_NUMBERS.index(word)) for word in words if word in _EN_NUMBERS}
        found |= {"0"} if text in {"none", "no"} else set()
    elif not found:
        found = (
            {"0"}
            if text in {"无", "没有", "未见"}
            else {_zh_number(word) for word in _ZH_COUNT.findall(text)}
        )
        if found != {"0"} and re.search(r"没有|未见|也无", text):
            return None
    number = found.pop() if len(found) == 1 else None
    return number if number in allowed else None


def _zh_number(word: str) -> str:
    tens, ten, units = word.rpartition("十")
    if not ten:
        return str(_ZH_NUMBERS[word]) if len(word) == 1 else "?"
    return str((_ZH_NUMBERS.get(tens, 1)) * 10 + _ZH_NUMBERS.get(units, 0))


@lru_cache(maxsize=4096)
def _wordings(name: str, lang: Lang) -> tuple[str, ...]:
    term = glossary().terms.get(name)
    return term.wordings(lang) if term else (name,)


@lru_cache(maxsize=256)
def _lexicon(allowed: frozenset[str], lang: Lang) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of every wording of the allowed terms and of their kind, the longest first, and their ids."""
    terms = glossary().terms
    kinds = {terms[name].kind for name in allowed if name in terms}
    others = [name for name in terms if terms[name].kind in kinds and name not in allowed]
    owner: dict[str, str] = {}
    for name in (*sorted(allowed), *others):
        for word in _wordings(name, lang):
            owner.setdefault(_key(word), name)
    ordered = sorted(owner, key=len, reverse=True)
    parts = [_word_pattern(word, lang) for word in ordered]
    return re.compile("|".join(parts)), owner


def _key(word: str) -> str:
    """A wording as it is looked up: abbreviations keep their capitals ("US" is not "us")."""
    return word if re.fullmatch(r"[A-Z]{2,3}", word) else word.lower()


def _word_pattern(word: str, lang: Lang) -> str:
    body = re.escape(word) if word.isupper() else f"(?i:{re.escape(word)})"
    if lang == "zh" and not re.fullmatch(r"[\w -]+", word, flags=re.ASCII):
        return body
    return rf"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])"


def _term(text: str, allowed: frozenset[str], lang: Lang) -> str | None:
    pattern, owner = _lexicon(allowed, lang)
    negation = _EN_NEGATION if lang == "en" else _ZH_NEGATION
    found = set()
    for match in pattern.finditer(text):
        before = text[: match.start()]
        if lang == "en":
            before = re.split(r"\bbut\b|\bit is\b", before.lower())[-1]
            before = " ".join(before.split(" ")[-5:])
        if not negation.search(before):
            found.add(owner.get(match[0], owner.get(match[0].lower(), "")))
    only = found.pop() if len(found) == 1 else None
    return only if only in allowed else None
