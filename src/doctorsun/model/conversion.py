"""A model of one format -> the same model in another; each format is a file in `convert/`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import torch
import transformers

from doctorsun import __version__
from doctorsun.core.errors import ConfigError, ModelError
from doctorsun.core.files import sha256_file, whole_folder, write_whole
from doctorsun.core.plugins import find, names
from doctorsun.model import convert as formats
from doctorsun.model.stock import Stock, config_of, stock_of
from doctorsun.model.store import ABOUT, read_about
from doctorsun.model.trust import MANIFEST, write_manifest

Card = Callable[[Mapping[str, object]], str]


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion made: the format it read, where the result lies, and what was written of it."""

    source: str
    folder: Path
    about: Mapping[str, object]


def convert(
    source: Path,
    out: Path,
    *,
    to: str,
    bases: Sequence[Path] = (),
    quantise: str | None = None,
    card: Card | None = None,
) -> Converted:
    """Write the model of `source` into `out` in the format `to`; the folder is whole or absent.

    `bases` are the folders that an adapter or a checkpoint without its encoder stands on; `card` gives the
    README for what is known of the model. ModelError says what does not fit, ConfigError what was mistyped.
    """
    place = source / "model" if (source / "model" / "config.json").is_file() else source
    writer = _writer(to, quantise)
    stock = stock_of(bases)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError("convert.out_exists", where=out)
    name = recognise(place)
    parts = find(formats, name).read(place, stock)
    about = _about(place, stock, steps={"from": name, "to": to, "quantised": quantise})
    with whole_folder(out) as aside:
        writer.write(parts, aside, stock=stock, quantise=quantise)
        write_whole(aside / ABOUT, json.dumps(about, indent=1, ensure_ascii=False, default=str) + "\n")
        if card is not None:
            write_whole(aside / "README.md", card(about))
        write_manifest(aside)
    return Converted(name, out, about)


def recognise(folder: Path) -> str:
    """The format of a folder; ModelError lists those that are read."""
    if not folder.exists():
        raise ModelError("convert.no_source", where=folder)
    readers = [name for name in names(formats) if hasattr(find(formats, name), "read")]
    for name in readers:
        if find(formats, name).recognise(folder):
            return name
    config = config_of(folder)
    found = config.get("model_type") if folder.is_dir() else folder.suffix
    if "vision_config" in config:
        raise ModelError("convert.only_llava", where=folder, found=found)
    raise ModelError("convert.unknown_format", where=folder, found=found, expected=", ".join(readers))


def _writer(to: str, quantise: str | None) -> ModuleType:
    writer = find(formats, to, where="--to")
    known: tuple[str, ...] = writer.QUANTISE
    if quantise is not None and quantise not in known:
        if quantise in {"awq", "gptq"}:
            raise ConfigError("convert.needs_data", found=quantise)
        listed = ", ".join(known) or "-"
        raise ConfigError("convert.quantise_unknown", target=to, found=quantise, expected=listed)
    return writer


def _about(source: Path, stock: Stock, *, steps: Mapping[str, object]) -> dict[str, object]:
    """What was known of the source, and how this came of it."""
    before = read_about(source)
    bases = [place for place in (stock.vision, stock.language, stock.whole) if place]
    # What was learnt of the base is worth knowing of an adapter that was joined to it.
    before = before or next((found for place in bases if (found := read_about(place))), {})
    converted = {
        **steps,
        "source": source.resolve().parent.name if source.name == "model" else source.resolve().name,
        "source_sha256": fingerprint(source),
        "bases": {place.name: fingerprint(place) for place in bases},
        "made_with": before.get("versions"),
    }
    versions = {
        "doctorsun": __version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    earlier = before.get("converted")
    history = [*earlier, converted] if isinstance(earlier, list) else [converted]
    return {**before, "versions": versions, "converted": history}


def fingerprint(folder: Path) -> str:
    """One hash for the weights and the configuration of a folder, by its manifest where it has one."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        return sha256_file(manifest)
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".safetensors", ".json", ".gguf"})
    listing = "".join(f"{path.relative_to(folder).as_posix()} {sha256_file(path)}\n" for path in files)
    return sha256(listing.encode()).hexdigest()
