"""Traditional Chinese -> simplified."""

from functools import cache
from typing import Any

from doctorsun.core.errors import MissingExtra


def simplified(text: str) -> str:
    """The text with simplified characters (opencc `t2s`); other characters stay. Needs the extra `data`."""
    found: str = _converter().convert(text)
    return found


@cache
def _converter() -> Any:  # noqa: ANN401 - a class without types
    try:
        from opencc import OpenCC
    except ImportError:
        raise MissingExtra("opencc", "data") from None
    return OpenCC("t2s")
