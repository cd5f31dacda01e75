"""About what a staged source will become: its samples by language, task and modality, from some records."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import SPLITS, Message, Part, Record, Sample, Split, Text
from doctorsun.data.blocks import index_of
from doctorsun.data.config import DataConfig
from doctorsun.data.dataset import Meta
from doctorsun.data.keys import Met, keys_of
from doctorsun.data.split import Codes
from doctorsun.data.stage import Staged
from doctorsun.data.wording import UNSAID
from doctorsun.language.answers import form, label, question_key
from doctorsun.language.questions import samples_of

# Records of a source that are looked at whole; more tell little more.
PROBED = 400
DIMENSIONS = ("lang", "task", "modality")
_RECORD = TypeAdapter(Record)


@dataclass(slots=True)
class Forecast:
    """What one source holds: exact but for `samples` and `train`, which are estimated.

    `splits` counts records, `test_only` those that a benchmark tests with, or with words of. `samples` counts
    samples by language, task and modality; `train` has the training samples as mixing sees them, each as
    often as it counts.
    """

    licences: set[str] = field(default_factory=set)
    pictures: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    test_only: int = 0
    samples: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in DIMENSIONS})
    train: list[Meta] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Probe:
    """One sample that was looked at; `balanced` says that yes and no are made even in its cell."""

    meta: Meta
    split: Split
    train: bool
    balanced: bool


def forecast(source: Staged, splits: Codes, config: DataConfig) -> Forecast:
    """The forecast of a source whose records, in the order of its blocks, go to these splits [n]."""
    found, pixels = Forecast(), Met()
    used = np.concatenate([np.zeros(0, np.bool_), *(kept.used for kept in source.blocks)])
    counted = Counter(splits[used].tolist())
    found.splits = {part: counted[at] for at, part in enumerate(SPLITS) if counted[at]}
    probed = _probed(used)
    share = float(used.sum()) / max(1, len(probed))
    start, probes = 0, list[_Probe]()
    for kept in source.blocks:
        table = index_of(kept.block.path, ("record", "pixels_sha256", "tested"))
        mine = table.filter(pa.array(kept.used))
        pixels.fresh(keys_of(pc.list_flatten(mine["pixels_sha256"]).to_pylist()))
        found.test_only += int(pc.sum(mine["tested"]).as_py() or 0)
        found.licences |= _licences(mine["record"], source.card.licence)
        here = probed[(probed >= start) & (probed < start + len(table))]
        for at in here.tolist():
            record = _RECORD.validate_json(table["record"][at - start].as_py())
            probes += _probes(record, source, SPLITS[splits[at]], config)
        start += len(table)
    found.pictures = len(pixels)
    _count(found, probes, share)
    return found


def _probed(used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of used records, spread evenly."""
    places = np.flatnonzero(used)
    if len(places) <= PROBED:
        return places
    return places[np.linspace(0, len(places) - 1, PROBED).astype(np.int64)]


def _licences(records: pa.ChunkedArray, own: str) -> set[str]:
    """The licences of records. Quotes inside of words are escaped, so the pattern finds the field alone."""
    told = pc.struct_field(pc.extract_regex(records, pattern=r'"licence":"(?P<licence>[^"]*)"'), "licence")
    names: list[str | None] = pc.unique(told).to_pylist()
    return {name or own for name in names}


def _count(found: Forecast, probes: Sequence[_Probe], share: float) -> None:
    """Add what was looked at, each sample as often as it stands for; fractions add up."""
    lots = Counter((each.split, each.meta.question_key, each.meta.label) for each in probes if each.balanced)
    whole = trained = 0.0
    for each in probes:
        weight = share * (_even(lots, each) if each.balanced else 1.0)
        times, whole = int(whole + weight + 1e-9) - int(whole + 1e-9), whole + weight
        for name in DIMENSIONS:
            found.samples[name][getattr(each.meta, name) or UNSAID] += times
        if each.train:
            times, trained = int(trained + weight + 1e-9) - int(trained + 1e-9), trained + weight
            found.train += [each.meta] * times


def _even(lots: Counter[tuple[Split, str | None, str | None]], probe: _Probe) -> float:
    """The share of an answer's questions that stay where yes comes as often as no."""
    key, said = probe.meta.question_key, probe.meta.label
    own = lots[probe.split, key, said]
    return min(own, lots[probe.split, key, "no" if said == "yes" else "yes"]) / own


def _probes(record: Record, source: Staged, split: Split, config: DataConfig) -> Iterator[_Probe]:
    """What a record becomes."""
    general = source.card.general
    try:
        asked = samples_of(
            record,
            source.card,
            split=split,
            seed=config.seed,
            langs=config.langs,
            config=config.questions,
        )
    except RecordError:
        asked = []
    for sample in asked:
        meta = _meta(sample, general=general)
        yield _Probe(meta, split, split == "train", form(sample) == "yesno")
    for text in record.texts:
        try:
            meta = _meta(_said(text, record, source, split), general=general)
        except (RecordError, ValidationError):
            continue
        yield _Probe(meta, split, split == "train" and text.split != "test", balanced=False)


def _said(text: Text, record: Record, source: Staged, split: Split) -> Sample:
    asked = Message("user", (Part("text", text.question or ""),))
    return Sample(
        id=f"{source.name}/{record.id}",
        images=(),
        messages=(asked, Message("assistant", (Part("text", text.answer),))),
        lang=text.lang,
        task=text.task,
        source=source.name,
        licence=record.licence or source.card.licence,
        origin=text.origin,
        kind=text.kind,
        topic=text.topic,
        modality=record.modality,
        split=split,
        facts=text.facts,
    )


def _meta(sample: Sample, *, general: bool) -> Meta:
    return Meta(
        id=sample.id,
        lang=sample.lang,
        task=sample.task,
        kind=sample.kind,
        source=sample.source,
        topic=sample.topic,
        label=label(sample),
        question_key=question_key(sample),
        picture=None,
        general=general,
        row=0,
        modality=sample.modality,
    )
