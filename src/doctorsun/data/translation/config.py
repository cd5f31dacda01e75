"""What a recipe says of translation: which server, which languages, which limits. Cheap to import."""

from pathlib import Path
from typing import Any

from pydantic import Field

from doctorsun.core.config import Config
from doctorsun.core.schema import Lang


class TranslationConfig(Config):
    """Translation of words that exist in one language only; off while `endpoint` is null.

    `endpoint` is the URL of an OpenAI-compatible server, or a model's folder. A server beyond the local
    network needs `remote`; a hospital's words go there only if its host is named in `hospital_hosts`. `langs`
    are translated into. `cache` is a folder that keeps every reply, so that a second build asks nothing.
    `attempts` is how often a text is tried, each time told what was wrong. `agreement` is the least F1
    between a text and its translation back (`back_translate`). `max_rows` translates so many texts of a
    source at most, the same ones each time; `max_cost` and `max_minutes` stop before more is spent. Prices
    are for a million tokens, in any currency. `extra` is sent with each question, as a server wants it:
    `{chat_template_kwargs: {enable_thinking: false}}` keeps Qwen3 from thinking.
    """

    endpoint: str | None = None
    model: str | None = None
    remote: bool = False
    hospital_hosts: tuple[str, ...] = ()
    key_file: Path | None = None
    langs: tuple[Lang, ...] = ("zh", "en")
    workers: int = Field(default=8, ge=1, le=256)
    per_minute: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=300.0, gt=0)
    cache: Path | None = None
    attempts: int = Field(default=2, ge=1, le=5)
    back_translate: bool = True
    agreement: float = Field(default=0.4, ge=0, le=1)
    max_chars: int = Field(default=4000, ge=1)
    max_rows: int | None = Field(default=None, ge=1)
    max_cost: float | None = Field(default=None, ge=0)
    max_minutes: float | None = Field(default=None, gt=0)
    price_in: float = Field(default=0.0, ge=0)
    price_out: float = Field(default=0.0, ge=0)
    extra: dict[str, Any] = {}
