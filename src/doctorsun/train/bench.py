"""What the stages of a run share: places on disk, corpora, decoded pictures, kept features."""

import hashlib
import json
import shutil
from functools import cached_property
from itertools import chain
from pathlib import Path

from doctorsun.core.schema import SPLITS
from doctorsun.data.dataset import Dataset
from doctorsun.model.parts import Parts
from doctorsun.train.answers import Setting, frozen_features
from doctorsun.train.corpus import Corpus
from doctorsun.train.features import FeatureCache, encoder_hash
from doctorsun.train.ledger import Ledger
from doctorsun.train.recipe import Recipe, StageConfig
from doctorsun.train.views import PictureStore


class Bench:
    """The workbench of one run in the folder `out`."""

    def __init__(self, recipe: Recipe, dataset: Dataset, out: Path) -> None:
        self.recipe = recipe
        self.dataset = dataset
        self.out = out
        self.ledger = Ledger(out)
        self._features: tuple[str, FeatureCache] | None = None

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

    def pictures(self, parts: Parts) -> PictureStore:
        """All pictures of both splits, decoded as the model's processor wants them."""
        splits = [self.dataset.rows(split) for split in SPLITS if split != "test"]
        sources = {
            name: corpus.entries[rows[0]].source
            for corpus in (self.validation, self.training)
            if corpus
            for name, rows in corpus.pictures().items()
        }
        seen: set[str] = set()
        found = (
            (name, picture)
            for name, picture in chain.from_iterable(rows.pictures() for rows in splits)
            if not (name in seen or seen.add(name))  # type: ignore[func-returns-value]
        )
        how = json.dumps(
            [parts.processor.image_processor.to_dict(), self.dataset.info.get("files")],
            sort_keys=True,
            default=str,
        )
        key = hashlib.sha256(how.encode("utf-8")).hexdigest()[:16]
        folder = self.out / "cache" / f"pictures-{key}"
        return PictureStore.build(found, folder, parts.pictures, sources=sources)

    def features(self, parts: Parts, stage: StageConfig, setting: Setting) -> FeatureCache:
        """The features of a frozen encoder; kept from one stage to the next if nothing about them changes."""
        key = encoder_hash(
            parts.model.model.vision_tower,
            parts.model.config.vision_feature_layer,
            parts.model.config.vision_feature_select_strategy,
            parts.processor.image_processor.to_dict(),
            stage.augment,
            setting.seed,
            setting.compute.dtype,
        )
        if self._features is None or self._features[0] != key:
            self._features = key, frozen_features(parts, stage, setting, self.out / "cache")
        return self._features[1]

    def clear(self) -> None:
        """Remove what can be made again."""
        self._features = None
        shutil.rmtree(self.out / "cache", ignore_errors=True)
