"""The words are in the language they are said to be in; Chinese with English terms in it is Chinese."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.wrong_language"
# An English text may quote Chinese; one third of its letters is no quotation any more.
CHINESE_SHARE = 0.3
OTHER_SHARE = 0.3
LEAST_WORDS = 12
_CJK = re.compile(r"[\u3400-\u9fff]")
_OTHER = re.compile(r"[\u0370-\u05ff\u0600-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\uac00-\ud7af]")
_GREEK = re.compile(r"[\u0370-\u03ff]")
_WORD = re.compile(r"[a-zà-öø-ÿ]+")
_ENGLISH = re.compile(
    r"\b(?:the|of|and|is|in|to|with|for|or|are|was|what|which|no|there|be|on|by|this|it|as)\b", re.IGNORECASE
)
# In small letters: "IL-6" and "LES" are abbreviations.
_LATIN = re.compile(
    r"\b(?:el|los|las|que|una|por|con|para|del|como|est[áà]|les|des|est|une|dans|pour|avec|sur|der|die|und|das"
    r"|ist|nicht|mit|ein|eine|von|zu|den|il|che|di|per|sono|della|não|uma|os|em|mais|het|een|van|niet)\b"
)


def fault(seen: Seen) -> bool:
    """Whether the words cannot be of their language."""
    words = seen.whole
    letters = sum(char.isalpha() for char in words)
    chinese = len(_CJK.findall(words))
    if len(_OTHER.findall(words)) - len(_GREEK.findall(words)) > OTHER_SHARE * max(letters, 1):
        return True
    if seen.text.lang == "zh":
        return not chinese and letters > 0
    return chinese > CHINESE_SHARE * max(letters, 1) or _other_latin(words)


def _other_latin(words: str) -> bool:
    """Whether small words of other languages outnumber the English ones in a text of some length."""
    found = _WORD.findall(words.lower())
    if len(found) < LEAST_WORDS:
        return False
    other, english = len(_LATIN.findall(words)), len(_ENGLISH.findall(words))
    return other > 2 * english and other >= len(found) // 8
