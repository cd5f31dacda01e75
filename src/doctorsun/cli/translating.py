"""The translator of a recipe: its server or its model's folder, opened where translation is wished for."""

import os
from collections.abc import Iterable

from doctorsun.data.translation.config import TranslationConfig
from doctorsun.data.translation.run import check_private
from doctorsun.data.translation.translator import Translator


def open_translator(config: TranslationConfig, *, hospitals: Iterable[str] = ()) -> Translator | None:
    """The translator, null where the recipe names no endpoint.

    `hospitals` are the sources with a hospital's words. The key is in `key_file`, else in SUN_API_KEY.
    """
    if config.endpoint is None:
        return None
    check_private(config, hospitals)
    from doctorsun.engines.http import HttpSettings
    from doctorsun.engines.open import open_any

    shared = {"model", "remote", "workers", "per_minute", "timeout_s", "key_file", "extra"}
    settings = HttpSettings(**config.model_dump(include=shared))
    key = None if config.key_file else os.environ.get("SUN_API_KEY")
    return Translator(open_any(config.endpoint, http=settings, key=key), config)
