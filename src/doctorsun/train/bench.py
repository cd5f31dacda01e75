"""What the stages of a run share: places on disk, corpora, decoded pictures, kept features."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

from doctorsun.core.schema import SPLITS, Picture
from doctorsun.data.dataset import Dataset
from doctorsun.model.parts import Parts
from doctorsun.model.whole import WholePictures
from doctorsun.train.corpus import Corpus
from doctorsun.train.features import FeatureStore
from doctorsun.train.originals import Originals
from doctorsun.train.parallel.world import world
from doctorsun.train.recipe import Recipe
from doctorsun.train.views import PictureStore
from doctorsun.train.watch.watching import Watch


class Bench:
    """The workbench of one run in the folder `out`."""

    def __init__(self, recipe: Recipe, dataset: Dataset, out: Path, watch: Watch) -> None:
        self.recipe = recipe
        self.dataset = dataset
        self.out = out
        self.watch = watch

    def stage(self, number: int) -> Path:
        """The folder of a stage, counted from 1."""
        return self.out / f"stage-{number}"

    def final(self, number: int) -> Path:
        """The model that a stage has left; of 0, the one that the first stage starts from."""
        return self.stage(number) / "final" if number else self.out / "start"

    @cached_property
    def training(self) -> Corpus:
        """The samples of the training split."""
        return Corpus.of_rows(self.dataset.rows("train"))

    @cached_property
    def validation(self) -> Corpus | None:
        """The samples of the validation split, null where there is none."""
        rows = self.dataset.rows("validation")
        return Corpus.of_rows(rows) if len(rows) else None

    def originals(self, reader: WholePictures) -> Originals:
        """All pictures of both splits as their files are, for a model that is no LLaVA."""
        key = hashlib.sha256(json.dumps(self.dataset.info.get("files"), sort_keys=True).encode()).hexdigest()
        folder = self.out / "cache" / f"originals-{key[:16]}"
        corpora = [corpus for corpus in (self.validation, self.training) if corpus]
        total = len({name for corpus in corpora for name in corpus.pictures()})
        with world().main_first():
            return Originals.build(self._all_pictures(), folder, reader, total=total)

    def pictures(self, parts: Parts) -> PictureStore:
        """All pictures of both splits, decoded as the model's processor wants them."""
        sources = {
            name: corpus.entries[rows[0]].source
            for corpus in (self.validation, self.training)
            if corpus
            for name, rows in corpus.pictures().items()
        }
        how = json.dumps(
            [parts.processor.image_processor.to_dict(), self.dataset.info.get("files")],
            sort_keys=True,
            default=str,
        )
        key = hashlib.sha256(how.encode("utf-8")).hexdigest()[:16]
        folder = self.out / "cache" / f"pictures-{key}"
        workers = max(stage.workers for stage in self.recipe.stages)
        with world().main_first():
            return PictureStore.build(
                self._all_pictures(), folder, parts.pictures, sources=sources, workers=workers
            )

    def _all_pictures(self) -> Iterator[tuple[str, Picture]]:
        """Every different picture of both splits once, with its SHA-256."""
        seen: set[str] = set()
        splits = [self.dataset.rows(split) for split in SPLITS if split != "test"]
        for name, picture in chain.from_iterable(rows.pictures() for rows in splits):
            if name not in seen:
                seen.add(name)
                yield name, picture

    @cached_property
    def features(self) -> FeatureStore:
        """What is kept of the features of frozen encoders, by this run and those beside it."""
        asked = self.recipe.features
        folder = Path(asked.folder) if asked.folder else self.out.parent / ".features"
        return FeatureStore(folder, limit=round(asked.limit_gb * 1e9))

    def clear(self) -> None:
        """Remove what can be made again."""
        shutil.rmtree(self.out / "cache", ignore_errors=True)
