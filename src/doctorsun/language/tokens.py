"""Text as tokens for metrics: English words as SQuAD normalises them, Chinese character by character.

Latin words and numbers inside Chinese stay whole ("CT", "3.5", "COVID-19"); Han characters inside English
count one by one.
"""

import re
import string
import unicodedata

from doctorsun.core.schema import Lang

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ZH_TOKEN = re.compile(rf"[{_HAN}]|\d+(?:\.\d+)?%?|[^\W\d_{_HAN}]+(?:-?\d+)?|\w")
_ONE_HAN = re.compile(rf"([{_HAN}])")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}‘’“”，。、；：？！（）《》]")


def tokens(text: str, lang: Lang) -> list[str]:
    """The tokens that a metric compares: small letters, no punctuation; in English no articles.

    English is `normalize_answer` of SQuAD v1.1 (punctuation is deleted, not replaced by a space).
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    if lang == "zh":
        return _ZH_TOKEN.findall(folded)
    return _ONE_HAN.sub(r" \1 ", _ARTICLES.sub(" ", _PUNCTUATION.sub("", folded))).split()


def normal(text: str, lang: Lang) -> str:
    """The text as exact match compares it: its tokens, with spaces between those of English."""
    return ("" if lang == "zh" else " ").join(tokens(text, lang))
