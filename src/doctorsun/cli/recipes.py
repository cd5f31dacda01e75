"""The `key=value` words of a command line, as the overrides of a recipe."""

import json
from collections.abc import Sequence
from pathlib import Path

from doctorsun.core.errors import ConfigError, DataError
from doctorsun.data.config import DataConfig


def for_data(words: Sequence[str]) -> list[str]:
    """Overrides of a recipe where `split.force=test` and `out=DIR` mean the data set's own keys."""
    return [
        f"data.{word}" if word.split("=")[0].split(".")[0] in DataConfig.model_fields else word
        for word in words
    ]


def for_run(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """Overrides of a recipe, and the folder of the run where `out=DIR` says one."""
    places = [word.removeprefix("out=") for word in words if word.startswith("out=")]
    if "" in places:
        raise ConfigError("core.bad_override", found="out=")
    return [word for word in words if not word.startswith("out=")], Path(places[-1]) if places else None


def already_built(config: DataConfig) -> bool:
    """Whether the data set of this recipe is there, made with the same values, and still what was built."""
    from doctorsun.data.dataset import open_dataset
    from doctorsun.data.publish import UNSTATED

    if not (config.place / "dataset.json").is_file():
        return False
    try:
        dataset = open_dataset(config.place)
        dataset.verify()
    except DataError:
        return False
    asked = json.loads(config.model_dump_json(exclude=UNSTATED))
    return bool(dataset.info.get("recipe") == asked)
