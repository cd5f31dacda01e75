"""The folders that a conversion stands on besides its source, told apart by their configurations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from doctorsun.core.errors import ModelError
from doctorsun.model.trust import read_json


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock vision encoder, a stock language model, a whole model; null where none was given."""

    vision: Path | None = None
    language: Path | None = None
    whole: Path | None = None


def stock_of(folders: Sequence[Path]) -> Stock:
    """The folders by what they hold; ModelError for a folder of no model and for two of a kind."""
    found: dict[str, Path] = {}
    for folder in folders:
        place = folder / "model" if (folder / "model" / "config.json").is_file() else folder
        if not (place / "config.json").is_file():
            raise ModelError("model.no_model", where=folder)
        part = _part(config_of(place))
        if part in found:
            raise ModelError("convert.two_bases", first=found[part], second=place)
        found[part] = place
    return Stock(found.get("vision"), found.get("language"), found.get("whole"))


def config_of(folder: Path) -> dict[str, object]:
    """What `config.json` of a folder says; empty where there is none."""
    path = folder / "config.json"
    tree = read_json(path) if path.is_file() else {}
    if not isinstance(tree, dict):
        raise ModelError("model.bad_json", where=path)
    return tree


def _part(config: dict[str, object]) -> str:
    if "text_config" in config and config.get("model_type") not in {"clip", "siglip"}:
        return "whole"
    return "vision" if "image_size" in config or "vision_config" in config else "language"
