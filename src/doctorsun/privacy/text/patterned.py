"""Identifiers with a form of their own, or a label before them: numbers, phones, addresses of the net, ages.

Every pattern is linear: no repeat stands inside a repeat, and what may be long is bounded.
"""

import re
from collections.abc import Iterator

from doctorsun.privacy.text.board import Hit
from doctorsun.privacy.text.folding import HANZI
from doctorsun.privacy.text.lexicon import labels

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ATE_ZH = r"(?:号码|编号|卡号|代码|号|[nN]o\.?)?"
_SEP_ZH = r"[ \t]{0,4}(?:[:#]|为|是|[-=])?\s{0,4}"
_SEP_EN = r"[ \t]{0,3}(?:(?:number|no\.?|num|#|id)[ \t]{0,2})?[:#=]?(?:\s{0,3}(?:is|was)\s)?\s{0,4}"
_START_EN = r"(?<![A-Za-z])"
_CODE = (
    r"(?P<v>[A-Za-z]{0,6}[-_]?\d[A-Za-z0-9]{0,40}"
    r"(?:[\-_/.](?=[A-Za-z]{0,3}\d)[A-Za-z0-9]{1,20}| \d{3,12}(?![\d\-/.年A-Za-z])){0,5})"
)
_DIGITS = r"(?P<v>[+(]{0,2}\d[\d\-() .]{3,22}\d(?: ?(?:x|ext\.?|转) ?\d{1,6})?)"
_ACCOUNT = r"(?P<v>[A-Za-z0-9][A-Za-z0-9_\-.]{3,40})"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def _zh(name: str, value: str, *, ending: str = "") -> re.Pattern[str]:
    return re.compile(f"(?<![A-Za-z])(?:{labels(name + '_zh')}){ending}{_SEP_ZH}{value}", re.IGNORECASE)


def _en(name: str, value: str) -> re.Pattern[str]:
    return re.compile(f"{_START_EN}(?:{labels(name + '_en')})(?![A-Za-z]){_SEP_EN}{value}", re.IGNORECASE)


FORMED = [
    ("email", r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,6}"),
    ("url", rf"(?:https?|ftp|file|dicom|wado)://[^\s{HANZI}<>\"',;)]{{1,2000}}|"
            rf"(?<![A-Za-z0-9.])www\.[^\s{HANZI}<>\"',;)]{{3,2000}}"),
    ("url", r"(?<![A-Za-z0-9.\-@])[A-Za-z0-9\-]{2,63}(?:\.[A-Za-z0-9\-]{1,63}){0,4}\.(?:com|cn|net|org|"
            r"edu|gov|io|local)(?:/[^\s]{0,500})?(?![A-Za-z0-9])"),
    ("ip", rf"(?<![\d.]){_OCTET}(?:\.{_OCTET}){{3}}(?![\d.]\d|\d)(?::\d{{2,5}})?"),
    ("ip", r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Fa-f:])"),
    ("ip", r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])"),
    ("id", r"(?<![\d])[1-9]\d{5}[ -]?(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ "
           r"-]?\d{3}[\dXx](?![\dA-Za-z])"),
    ("id", r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"),
    ("account", r"(?<![A-Za-z0-9])wxid_[A-Za-z0-9_\-]{3,40}"),
    ("plate",
        rf"[{_PROVINCES}][A-HJ-NP-Z][·• \-]?(?=[A-HJ-NP-Z0-9]{{0,5}}\d)[A-HJ-NP-Z0-9]{{5,6}}(?![A-Za-z0-9])"),
    ("phone", r"(?<![\d.])(?:\+?0{0,2}86[ \-]?)?1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}(?!\d)"),
    ("phone", r"(?<![\d.])\(?0\d{2,3}(?:\)[ \-]?|[ \-]|(?=[2-9]))\d{7,8}(?:-\d{1,6}|转\d{1,6})?(?!\d)"),
    ("phone", r"(?<![\d.])[48]00[ \-]?\d{3,4}[ \-]?\d{3,4}(?!\d)"),
    ("phone",
        r"(?<![\d.])(?:\+?1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}[ .\-])\d{3}[ .\-]\d{4}(?: ?(?:x|ext\.?) "
        r"?\d{1,6})?(?!\d)"),
    ("phone",
        r"(?<![\dA-Za-z])\+\d{1,3}[ \-.(]{0,2}\d{1,4}(?:[ \-.)]{1,2}\d{2,5}){1,5}(?!\d)|"
        r"(?<![\dA-Za-z])\+\d{9,14}(?!\d)"),
    ("id", r"(?<![A-Za-z0-9])(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|"
           r"2[0-3])(?:[0-5]\d){2}(?!\d))(?:[A-Za-z]{1,5}[-_]?)?\d{14,40}[A-Za-z]?(?![A-Za-z0-9])(?!\.\d)"),
]  # fmt: skip
_FORMED = [(kind, re.compile(pattern)) for kind, pattern in FORMED]
_LONG = re.compile(
    r"(?<![A-Za-z0-9.])(?:[A-Z]{1,5}[-_]?\d{6,20}|(?!\d{5,17}000(?!\d))\d{8,20})[A-Za-z]?(?![A-Za-z0-9])(?"
    r"![.,]\d)(?! ?(?:copies|cells|IU|/|×))"
)
_IDS = [
    _zh("id", _CODE, ending=_ATE_ZH),
    _en("id", _CODE),
    re.compile(rf"{_START_EN}(?:{labels('visit_en')})[ \t]{{0,3}}[:#]\s{{0,4}}{_CODE}", re.IGNORECASE),
]
_PHONES = [_zh("phone", _DIGITS), _en("phone", _DIGITS)]
_ACCOUNTS = [_zh("account", _ACCOUNT), _en("account", _ACCOUNT)]
_ZIPS = [_zh("zip", r"(?P<v>\d{6})(?!\d)"), _en("zip", r"(?P<v>\d{5}(?:-\d{4})?)(?!\d)")]
_PLATES = [_en("plate", r"(?P<v>[A-Za-z0-9]{1,4}[ \-]?[A-Za-z0-9]{2,5})(?![A-Za-z0-9])")]
_BEDS = [
    re.compile(rf"(?:{labels('bed_zh')})[ \t]{{0,4}}:?\s{{0,4}}(?P<v>[+加]?[A-Za-z]{{0,2}}\d{{1,4}}[A-Za-z"
               rf"]?(?:-\d{{1,3}})?床?)(?![\dA-Za-z.])"),
    re.compile(rf"(?<![A-Za-z])(?:{labels('bed_en')})(?![A-Za-z])[ \t]{{0,2}}(?:#|:|"
               rf"no\.?)?\s{{0,3}}(?P<v>[A-Z]{{0,2}}\d{{1,4}}[A-Z]?(?:-\d{{1,3}}[A-Z]?)?)(?![\dA-Za-z.])",
               re.IGNORECASE),
    re.compile(r"(?<![\d.])(?P<v>[+加]?\d{1,3}床)(?![旁边])"),
]  # fmt: skip
_AGES = [
    re.compile(r"(?<![\d.])(?P<v>(?:9\d|1[0-4]\d) {0,2}周?岁)(?!以上)"),
    re.compile(r"(?<=年龄)(?P<pre>[ \t]{0,4}:?\s{0,3})(?P<v>9\d|1[0-4]\d)(?![\d.+%])"),
    re.compile(r"(?i:(?<![a-z])(?:age|aged))(?P<pre>[ \t]{0,2}:?\s{0,3})(?P<v>9\d|1[0-4]\d)(?![\d.+%])"),
    re.compile(r"(?<![\d.])(?P<v>9\d|1[0-4]\d)(?=[ -]?(?:years?|yrs?|yo|y/o|y\.o\.|YO|Y/O|"
               r"YEARS?)(?![A-Za-z]))"),
    re.compile(r"(?<![\dA-Za-z.])(?P<v>0?9\dY|1[0-4]\dY)(?![A-Za-z0-9])"),
    re.compile(r"(?P<v>(?:九十|一百)[零一二三四五六七八九十]{0,3}周?岁)(?!以上)"),
]  # fmt: skip


def is_resident_number(value: str) -> bool:
    """Whether 18 characters are a resident's number with its right check character (GB 11643)."""
    bare = re.sub(r"[ -]", "", value).upper()
    if not re.fullmatch(r"\d{17}[\dX]", bare):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, bare, strict=False))
    return bare[-1] == "10X98765432"[total % 11]


def addresses_of_the_net(text: str) -> Iterator[list[Hit]]:
    """E-mail, URL, IP and MAC addresses, and numbers that say by their form what they are."""
    for kind, pattern in _FORMED:
        yield [Hit(*found.span(), kind) for found in pattern.finditer(text)]


def labelled_numbers(text: str) -> Iterator[list[Hit]]:
    """Numbers after their label: of patients, visits, films; phones, accounts, codes, plates, beds."""
    kinds = {"account": _ACCOUNTS, "phone": _PHONES, "id": _IDS, "zip": _ZIPS, "plate": _PLATES, "bed": _BEDS}
    for kind, patterns in kinds.items():
        for pattern in patterns:
            yield [
                Hit(*found.span("v"), kind) for found in pattern.finditer(text) if _is_value(kind, found["v"])
            ]


def long_numbers(text: str) -> Iterator[list[Hit]]:
    """Runs of eight digits and more, or of six after capitals, that nothing else has explained."""
    yield [Hit(*found.span(), "id") for found in _LONG.finditer(text)]


def high_ages(text: str) -> Iterator[list[Hit]]:
    """Ages above 89, which are few enough to name a person."""
    for pattern in _AGES:
        yield [Hit(*found.span("v"), "age") for found in pattern.finditer(text)]


def _is_value(kind: str, value: str) -> bool:
    """Whether a labelled value is long enough to be one: "CT 3 mm" is no number of a film."""
    digits = sum(char.isdigit() for char in value)
    return digits >= {"id": 3, "phone": 5, "account": 1, "zip": 5, "plate": 1, "bed": 1}[kind]
