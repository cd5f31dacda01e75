"""Names after a label, before a title, after a word of kinship, and English ones by a list of first names."""

import re
from collections.abc import Iterator
from functools import cache

from doctorsun.privacy.text.board import MASK, Hit
from doctorsun.privacy.text.folding import HANZI
from doctorsun.privacy.text.lexicon import either, eponym_noun, labels, words

_SIGNED = "(?:[ \\t]{0,2}(?:签名|签字|签章|姓名|名字))?"
_ZH_LABEL = {
    kind: re.compile(
        f"(?:{labels(name)}){_SIGNED}(?P<sep>[ \\t]{{0,4}}[:/][:\\s]{{0,6}}|[ \\t]{{1,6}}|)(?=[{HANZI}])"
    )
    for kind, name in (("name", "name_zh"), ("doctor", "doctor_zh"))
}
_DONE = "陪|护送|代|提供|送|主刀|执刀|施术|操作|书写|记录|审核|完成"
_LOOSE = re.compile(
    f"(?:{labels('patient_zh')}|{labels('kin_zh')}|由(?=[{HANZI}]{{2,4}}(?:{_DONE})))"
    f"(?P<sep>[ \\t]{{0,4}}:\\s{{0,4}}|[ \\t]{{0,3}})(?=[{HANZI}])"
)
_FOREIGN = re.compile(f"[{HANZI}]{{1,8}}[·•・][{HANZI}]{{1,8}}(?:[·•・][{HANZI}]{{1,8}})?")
_RUN = re.compile(f"[{HANZI}]{{1,6}}")
_SPACED = re.compile(
    f"[{HANZI}](?P<g>[ \\t]{{1,3}})[{HANZI}](?:(?P=g)[{HANZI}](?![{HANZI}])){{0,2}}(?![{HANZI}])"
)
_NEXT_LABEL = re.compile(
    "性[ \\t]{0,4}别|年[ \\t]{0,4}龄|科[ \\t]{0,2}室|病区|床|住院|门诊|检查|审核|审签|复核|报告|诊断|主任|"
    "副主任|医师|医生|医院|技师|护士|日期|时间|电话|手机|联系|"
    "身份证|证件|出生|签名|签字|民族|职业|地址|住址|关系|病案|编号|先生|女士|小姐|录入|记录|申请|送检|"
    "临床|打印"
)
_STOPS = (
    "因于在男女自今曾现已主诉入来由的是为与和经被患既陪代护送要拒表说讲称签领到去做查并未无有以及等之"
    "将请从岁也均"
)
_TITLES = re.compile(
    "副?主任(?:医师|护师|技师)?|副?教授|医师|医生|大夫|护士长?|技师|院长|先生|女士|小姐|太太|阿姨|老师(?!傅)"
)
_AND = re.compile(r"[ \t]?[、/,;和及][ \t]?")
_LATIN_AFTER = re.compile(r"[ \t]{0,3}\((?P<v>[A-Z][A-Za-z]{1,20}(?:[ ,\-^]{1,2}[A-Z][A-Za-z]{0,20}){0,3})\)")

_T = r"(?:[A-Z][a-z]?\.|[A-Z][A-Za-z]{0,24}(?:['\-][A-Za-z]{1,24}){0,2})"
_P = r"(?:van|von|der|den|de|del|della|di|da|la|le|al|el|bin|ter|st)"
_GAP = r"(?:, ?| {1,2}|\^{1,3}|\.(?=[A-Z]))"
_NAME_EN = rf"{_T}(?:{_GAP}(?:{_P} ){{0,2}}{_T}){{0,4}}"
_TWO_EN = rf"{_T}(?:{_GAP}(?:{_P} ){{0,2}}{_T}){{1,4}}"
_OPEN_EN = rf"(?:{_P} ){{0,2}}{_NAME_EN}"
_CASES = [
    ("name", re.compile(rf"(?<![A-Za-z])(?i:{labels('name_en')})[ \t]{{0,3}}[:#][ \t]{{0,6}}\r?\n?[ "
                        rf"\t]{{0,6}}(?P<v>{_OPEN_EN})")),
    ("name", re.compile(r"(?<![A-Za-z])(?i:patient(?:'s)? name|pt\.? name|full name)[ \t]{0,3}:[ "
                        r"\t]{0,6}(?P<v>[A-Za-z'\-]{2,25}(?:,? [A-Za-z'\-]{1,25}){0,3})(?= {2}|\t|\r?\n|$)")),
    ("name", re.compile(rf"(?<![A-Za-z])(?i:patient name|pt name|patient's name)[ "
                        rf"\t]{{1,6}}(?P<v>{_OPEN_EN})")),
    ("doctor",
        re.compile(rf"(?<![A-Za-z])(?i:{labels('doctor_en')})(?:[ \t]{{0,3}}[:\-][ \t]{{0,6}}\r?\n?[ "
                   rf"\t]{{0,6}}|(?<=[bB][yY]) {{1,2}})(?P<v>{_OPEN_EN})")),
    ("doctor", re.compile(rf"(?<![A-Za-z])(?i:{labels('doctor_near_en')})[ \t]{{1,4}}(?P<v>{_OPEN_EN})")),
    ("doctor",
        re.compile(rf"(?<![A-Za-z])(?:Drs?|DR|Prof|PROF|Doctor|Professor)\.?[ \t]{{1,2}}(?P<v>{_OPEN_EN})")),
    ("name", re.compile(rf"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Mx|MR|MRS|MS|Master|Sir|Madam)\.?[ "
                        rf"\t]{{1,2}}(?P<v>{_OPEN_EN})")),
    ("doctor",
        re.compile(rf"(?<![A-Za-z'])(?P<v>{_T}(?:(?:, | )(?:{_P} ){{0,2}}{_T}){{0,3}}),? (?:M\.?D\b|"
                   rf"D\.O\b|Ph\.?D\b|R\.?N\b|RT\(|NP\b|PA-C\b|FRC[RSP]\b|MBBS\b|DDS\b|FACR\b)")),
    ("name", re.compile(rf"(?<![A-Za-z])(?i:daughter|son|wife|husband|mother|father|spouse|partner|sister|"
                        rf"brother|guardian|caregiver|accompanied by|next of kin|friend|neighbou?r|"
                        rf"discussed with|spoke with|notified)(?:,| is| was|:)? (?P<v>{_TWO_EN})")),
    ("name", re.compile(rf"(?<![A-Za-z])(?P<v>(?:{either(sorted(words('first_names')))})(?:-[A-Z][a-z]+)"
                        rf"?(?: [A-Z]\.?)?(?: {_P}){{0,2}} [A-Z][A-Za-z'\-]{{1,24}})(?![A-Za-z])")),
]  # fmt: skip

_TOKEN = re.compile(r"[A-Za-z][A-Za-z'\-]*")
_FIRST_BEFORE = re.compile(
    rf"(?<![A-Za-z])(?:{either(sorted(words('first_names')))})(?:-[A-Z][a-z]+)?(?= {MASK})"
)


def chinese_names(text: str) -> Iterator[list[Hit]]:
    """Chinese names in a folded text."""
    for kind, pattern in _ZH_LABEL.items():
        yield [hit for found in pattern.finditer(text) for hit in _after_label(text, found, kind)]
    yield [Hit(*found.span(), "name") for found in _FOREIGN.finditer(text) if _labelled(text, found.start())]
    yield list(_before_titles(text))
    yield [hit for found in _LOOSE.finditer(text) if (hit := _loose(text, found))]
    yield [Hit(*found.span(), "name") for found in _running().finditer(text) if not _is_word(found[0])]


def english_names(text: str) -> Iterator[list[Hit]]:
    """English names in a folded text."""
    for kind, pattern in _CASES:
        yield [hit for found in pattern.finditer(text) if (hit := _trimmed(found, kind))]
    yield [Hit(*found.span(), "name") for found in _FIRST_BEFORE.finditer(text)]
    yield [
        Hit(*found.span("v"), "name")
        for found in _LATIN_AFTER.finditer(text)
        if text[found.start() - 1 : found.start()] == MASK
    ]


def _after_label(text: str, found: re.Match[str], kind: str) -> Iterator[Hit]:
    sure = bool(found["sep"])
    at = found.end()
    if (foreign := _FOREIGN.match(text, at)) and sure:
        yield Hit(at, foreign.end(), kind)
        return
    end = _name_at(text, at, colon=sure, ends=not sure, any_name=kind == "name" and sure)
    while end is not None:
        yield Hit(at, end, kind)
        joint = _AND.match(text, end)
        at = joint.end() if joint else end
        end = _name_at(text, at, colon=False, ends=True) if joint else None


@cache
def _running() -> re.Pattern[str]:
    """A whole name that begins a clause: a surname that is no other word, and characters of given names."""
    family = "".join(sorted(words("surnames") - words("weak") - words("function")))
    given = "".join(sorted(words("given")))
    compound = "|".join(sorted(words("compound")))
    return re.compile(f"(?<![{HANZI}])(?:[{family}]|{compound})[{given}]{{1,2}}(?=[{_STOPS}]|[^{HANZI}]|$)")


def _loose(text: str, found: re.Match[str]) -> Hit | None:
    """A name after "患者" or a word of kinship: it must look like one and end like one."""
    colon = ":" in found["sep"]
    end = _name_at(text, found.end(), colon=colon, ends=not colon)
    return Hit(found.end(), end, "name") if end is not None else None


def _name_at(text: str, at: int, *, colon: bool, ends: bool, any_name: bool = False) -> int | None:
    """Where the name that begins at a place ends, null where none does.

    With `ends` the name must be followed by what follows names. Surnames that are ordinary words are believed
    after a colon, or where no Chinese follows; with `any_name` a short run that begins with no surname is.
    """
    run, size = _run(text, at)
    if len(run) < 2 or _is_word(run):
        return None
    family = _family(run, weak=True)
    if not family:
        return at + size(len(run)) if any_name and colon and len(run) <= 4 else None
    longest = family + 2
    length = min(len(run), longest)
    if len(run) > longest and run[family + 1] in _STOPS:
        length = family + 1
    if length == longest and run[length - 1] in _STOPS and ends:
        length -= 1
    end = at + size(length)
    doubtful = not colon and family == 1 and run[0] in words("weak") | words("function")
    if doubtful and (run[0] in words("function") or not _alone(text, end)):
        return None
    return end if length > family and (not ends or _ends(text, end)) else None


def _run(text: str, at: int) -> tuple[str, "_Size"]:
    """Up to six characters from a place, up to the next label; spaced ones where the first stands alone."""
    whole = _RUN.match(text, at)
    plain = whole[0] if whole else ""
    if len(plain) > 1:
        label = _NEXT_LABEL.search(text, at, at + 10)
        return (plain[: label.start() - at] if label and label.start() > at else plain), _Size(1)
    spaced = _SPACED.match(text, at)
    if not spaced:
        return "", _Size(1)
    step = 1 + len(spaced["g"])
    label = _NEXT_LABEL.search(text, at, spaced.end() + 4)
    end = label.start() if label and label.start() > at else spaced.end()
    return "".join(text[at:end].split()), _Size(step)


class _Size:
    """How many characters of the text a number of characters of a name takes."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, length: int) -> int:
        return (length - 1) * self.step + 1


def _family(run: str, *, weak: bool) -> int:
    """The number of characters of the surname a run begins with; 0 where it begins with none."""
    if run[:2] in words("compound") and len(run) > 2:
        return 2
    return int(run[0] in words("surnames") and (weak or run[0] not in words("weak") | words("function")))


@cache
def _kept() -> re.Pattern[str]:
    return re.compile("|".join(sorted(words("keep_zh"), key=len, reverse=True)))


def _is_word(run: str) -> bool:
    return bool((found := _kept().match(run)) and len(found[0]) > 1)


def _alone(text: str, end: int) -> bool:
    """Whether no word goes on at a place."""
    return not re.match(f"[{HANZI}A-Za-z0-9]", text[end : end + 1]) or bool(_NEXT_LABEL.match(text, end))


def _ends(text: str, end: int) -> bool:
    after = text[end : end + 1]
    return (
        not after
        or not re.match(f"[{HANZI}A-Za-z]", after)
        or after in _STOPS
        or bool(_NEXT_LABEL.match(text, end))
    )


def _labelled(text: str, start: int) -> bool:
    return (
        text[max(0, start - 1) : start] in {":", " ", "\t", "\n", ""}
        and "名" in text[max(0, start - 12) : start]
    )


def _before_titles(text: str) -> Iterator[Hit]:
    """A name, or a surname alone, before a title."""
    for title in _TITLES.finditer(text):
        end = title.start()
        person = title[0] in {"先生", "女士", "小姐", "太太", "阿姨"}
        for length in (4, 3, 2, 1):
            run = text[end - length : end]
            if (
                length > end
                or not re.fullmatch(f"[{HANZI}]+", run)
                or _is_word(run + title[0])
                or run in _NOT_NAMES
            ):
                continue
            grammar = run[0] in words("function") and text[end - length - 1 : end - length] not in _TOLD
            family = _family(run, weak=length == 3 and not grammar)
            if family and length <= family + 2 and (length > 1 or _stands(text, end - 1)):
                yield Hit(end - length, end, "name" if person else "doctor")
                break


_TOLD = frozenset("告知请由系")
_NOT_NAMES = frozenset({"华西", "金牌", "康复", "许多", "陪", "严格", "万", "申请"})


def _stands(text: str, at: int) -> bool:
    """Whether a single surname stands after what can stand before one: 请王主任, not 科主任."""
    before = text[at - 1 : at]
    return not re.match(f"[{HANZI}]", before) or before in "请由经与和给向找告知的是为于在及遵嘱按据让求"


def _trimmed(found: re.Match[str], kind: str) -> Hit | None:
    """A find without the words before and behind it that are none of a name."""
    start, end = found.span("v")
    text = found.string
    tokens = list(_TOKEN.finditer(text, start, end))
    if kind == "doctor" and text[found.end("v") : found.end()].strip(", "):
        while tokens and _is_common(tokens[0][0]) and len(tokens) > 1:
            tokens.pop(0)
    size = 0
    for token in tokens:
        if size and _closes(text, token):
            break
        size += 1
    tokens = tokens[:size]
    real = [token for token in tokens if not _is_common(token[0])]
    if not real or (len(real) == len(tokens) == 1 and len(real[0][0]) < 2):
        return None
    if eponym_noun().match(text, tokens[-1].end()):
        return None
    return Hit(tokens[0].start(), tokens[-1].end(), kind)


def _is_common(word: str) -> bool:
    bare = word.lower().rstrip(".")
    return bare in words("keep_en") | words("eponyms") and bare not in words("surnames_too") and len(bare) > 1


def _closes(text: str, token: re.Match[str]) -> bool:
    """Whether a word is the next label or the next sentence, no part of the name."""
    return _is_common(token[0]) or text[token.end() : token.end() + 1] == ":"
