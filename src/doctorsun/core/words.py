"""Words of a page in two languages at once, and the only place where text becomes HTML."""

from dataclasses import dataclass
from html import escape

from doctorsun.core.strings import Lang, say_in


@dataclass(frozen=True, slots=True)
class Both:
    """The same words in Chinese and in English; the page shows one of them."""

    zh: str
    en: str

    def of(self, lang: Lang) -> str:
        """The words in one language."""
        return self.zh if lang == "zh" else self.en


Words = Both | str


def both(key: str, /, **values: object) -> Both:
    """The sentence `room.name` of `text/` in both languages, with `values` put in.

    A value that is a `Both` stands in its own language.
    """
    zh, en = (
        say_in(lang, key, **{name: _value(value, lang) for name, value in values.items()})
        for lang in ("zh", "en")
    )
    return Both(zh=zh, en=en)


def join(words: list[Words], zh: str = "、", en: str = ", ") -> Both:
    """Several words as one, with the separator of each language."""
    return Both(
        zh=zh.join(plain(word, "zh") for word in words), en=en.join(plain(word, "en") for word in words)
    )


def plain(words: Words, lang: Lang) -> str:
    """The words in one language, as text."""
    return words if isinstance(words, str) else words.of(lang)


def tag(name: str, content: str = "", **attributes: str | None) -> str:
    """An element around HTML `content`; attribute values are escaped, null ones left out, `_` becomes `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>"


def html(words: Words, element: str = "span", **attributes: str | None) -> str:
    """The words as HTML: text that is the same in both languages once, else one element for each language."""
    if isinstance(words, str):
        return tag(element, escape(words), **attributes) if attributes or element != "span" else escape(words)
    inherited = attributes.pop("class_", None)
    parts = []
    for lang, text in (("zh", words.zh), ("en", words.en)):
        name = f"t-{lang} {inherited}" if inherited else f"t-{lang}"
        parts.append(tag(element, escape(text), class_=name, lang=lang, **attributes))
    return "".join(parts)


def label(words: Words) -> dict[str, str | None]:
    """Attributes that name an element for a screen reader; the page's script swaps them with the language."""
    return {
        "aria_label": plain(words, "en"),
        "data_label_zh": plain(words, "zh"),
        "data_label_en": plain(words, "en"),
    }


def _value(value: object, lang: Lang) -> object:
    return value.of(lang) if isinstance(value, Both) else value
