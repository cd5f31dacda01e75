"""Between the halves of a build: words that exist in one language only get a translation beside them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.schema import Text
from doctorsun.data.blocks import CODECS, RECORD, open_block, read_block, word_columns
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.filtering import filtered
from doctorsun.data.fingerprint import code_fingerprint
from doctorsun.data.keys import KEY_BYTES
from doctorsun.data.shelf import Shelf
from doctorsun.data.stage import Kept, Staged
from doctorsun.data.storing import whole_file
from doctorsun.data.translation.run import missing_languages, translate_texts
from doctorsun.data.translation.translator import Translator

# A translation that no filter of words lets through.
UNUSABLE = "data.translation_reply"
Places = dict[str, tuple[int, str, Text]]


def translated(source: Staged, config: DataConfig, translator: Translator | None, *, shelf: Shelf) -> Staged:
    """The source with what could be translated; what could not stays in one language, noted by reason."""
    if translator is None:
        return source
    counts = Counts()
    places = _missing(source, config)
    found: dict[int, dict[str, list[Text]]] = {}
    asked = [(name, text) for name, (_, _, text) in places.items()]
    for name, text, reason in translate_texts(asked, translator):
        block, record, _ = places[name]
        judged = filtered(text, config.text, pictures=0) if text is not None else None
        if judged is None or judged.fault is not None:
            counts.note(reason or UNUSABLE, name)
        else:
            found.setdefault(block, {}).setdefault(record, []).append(judged.text)
            counts.note("data.translated")
    blocks = tuple(
        _rewritten(kept, found[at], config, shelf) if at in found else kept
        for at, kept in enumerate(source.blocks)
    )
    return replace(source, blocks=blocks, counts=_with(source.counts, counts))


def _missing(source: Staged, config: DataConfig) -> Places:
    """The texts that want a translation by their id, each with the number of its block and its record."""
    places: Places = {}
    for at, kept in enumerate(source.blocks):
        records = (checked.record for checked in read_block(kept.block.path, pictures=False))
        for record, used in zip(records, kept.used.tolist(), strict=True):
            langs = [lang for lang in config.translation.langs if lang in config.langs]
            for text in missing_languages(record, langs) if used else ():
                places[f"{source.name}/{record.id}/{text.key}/{text.lang}"] = (at, record.id, text)
    return places


def _rewritten(kept: Kept, found: Mapping[str, Sequence[Text]], config: DataConfig, shelf: Shelf) -> Kept:
    """The block with more words, in a file of its own whose name tells what was put in."""
    digest = hashlib.blake2b(f"{code_fingerprint()}{kept.block.path.name}".encode(), digest_size=KEY_BYTES)
    for name, texts in sorted(found.items()):
        digest.update(repr((name, texts)).encode("utf-8", "surrogatepass"))
    path = shelf.use(shelf.blocks / f"{digest.hexdigest()}.parquet")
    if not path.is_file():
        _write(kept.block.path, path, found, near=config.near.texts)
    return Kept(replace(open_block(path), counts=kept.block.counts), kept.used)


def _write(old: Path, new: Path, found: Mapping[str, Sequence[Text]], *, near: bool) -> None:
    """A block's file once more, with more words in its records and what follows from them."""
    table = pq.read_table(old)
    columns: dict[str, list[Any]] = {}
    for at, raw in enumerate(table["record"].to_pylist()):
        record = RECORD.validate_json(raw)
        record = replace(record, texts=(*record.texts, *found.get(record.id, ())))
        for name, value in word_columns(record, near=near).items():
            columns.setdefault(name, table[name].to_pylist())[at] = value
    for name, values in sorted(columns.items()):
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array(values, field.type))
    with whole_file(new) as aside:
        pq.write_table(table, aside, use_dictionary=False, write_statistics=False, compression=CODECS)


def _with(counts: Counts, more: Counts) -> Counts:
    total = Counts(kept=counts.kept)
    total.add(replace(counts, kept=0))
    total.add(more)
    return total
