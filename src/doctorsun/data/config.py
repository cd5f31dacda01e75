"""What a recipe says of its data: sources, licences, shares of the splits, limits. Cheap to import."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from doctorsun.core.config import Config
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Lang, Split
from doctorsun.data.licences import non_commercial
from doctorsun.data.translation.config import TranslationConfig
from doctorsun.language.questions import QuestionConfig

OPEN_LICENCES = ("CC0-1.0", "PDDL-1.0", "MIT", "Apache-2.0", "BSD-3-Clause", "CC-BY", "CC-BY-SA")


class SourceConfig(Config):
    """How much of one source is used.

    `accept` names licences that are fine for this source alone, such as `unknown`: that is how a recipe opts
    in by name. `limit` keeps that many records, the same ones for the same seed. `options` go to the source.
    `reader` names the file in `data/sources/` where the recipe calls the source otherwise, so that one reader
    serves many folders; `path` is the folder (below `root`, or whole) where it is not to be looked for;
    `licence`, `general` and `title` say of such a folder what its card cannot know. A `path` that is not
    there is an error, unless the source is `optional`: then it is one that is absent.
    """

    use: bool = True
    reader: str | None = None
    path: Path | None = None
    optional: bool = False
    licence: str | None = None
    general: bool | None = None
    title: str | None = None
    limit: int | None = Field(default=None, ge=1)
    accept: tuple[str, ...] = ()
    options: dict[str, int | float | str | bool] = {}


class LicenceConfig(Config):
    """Licences any source may have; `CC-BY` covers all its versions.

    `commercial` says that the result is to be sold: then nothing that forbids it, or may, can be accepted.
    """

    allow: tuple[str, ...] = OPEN_LICENCES
    commercial: bool = False


class SplitConfig(Config):
    """Shares of groups held out by hash; rows that a benchmark calls test are test in any case.

    `force` puts every record into one split, as for a folder that shall only test a model; what a benchmark
    calls test stays test.
    """

    force: Split | None = None
    test: float = Field(default=0.2, ge=0, lt=1)
    validation: float = Field(default=0.05, ge=0, lt=1)

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.test + self.validation >= 1:
            raise ValueError("test + validation must stay below 1")
        return self


class PictureConfig(Config):
    """Limits on pictures. One whose longer side exceeds `max_px` is stored smaller; null for never.

    `min_px` is the least length of its shorter side. `check` decodes every picture (full), or reads only the
    header and the end of plain PNG and JPEG files and keeps their bytes (header): then files are compared,
    not pixels, and nothing is known of pictures that are blank or nearly the same.
    """

    check: Literal["full", "header"] = "full"
    min_px: int = Field(default=16, ge=1)
    max_px: int | None = Field(default=None, ge=16)
    max_mib: int = Field(default=32, ge=1)
    max_megapixels: int = Field(default=64, ge=1)


class TextConfig(Config):
    """Limits on human words, in characters of the whole sample; `skip` names filters that are not used."""

    max_chars: int = Field(default=6000, ge=1)
    skip: tuple[str, ...] = ()


class NearConfig(Config):
    """Whether nearly equal pictures and texts are looked for.

    Confirmed pictures, texts of two sources and examination questions go to one side of the split; of free
    texts of one source one stays.
    """

    pictures: bool = True
    texts: bool = True


class AuditConfig(Config):
    """What no training row may hold: pictures and questions that a benchmark calls test.

    `benchmarks` are names of sources, null for all that are present under `root`, used by the recipe or not.
    What is found is taken out (`remove`) and counted; the build fails where more than `limit` remain.
    """

    benchmarks: tuple[str, ...] | None = None
    limit: int = Field(default=0, ge=0)
    remove: bool = True


class DataConfig(Config):
    """The data of a recipe.

    `root` is the folder under which the sources' own folders are found, `out` the data set's place
    (datasets/NAME where null). `drop_limit` is the share of a source's records that may be unusable; what a
    licence forbids or was never fetched does not count. `workers` is the number of processes, null for one a
    core. `questions` says what is asked of each record. `engine` runs the work on this machine or on Ray, in
    the cluster at `ray_address` (a new one on this machine where null); all of its machines must see `root`
    and `out`. `keep` leaves what was made in a hidden folder beside the data set, where the next build finds
    what has not changed: mostly text, since pictures in files of their own are not copied there and shards
    are links to those of the data set.
    """

    name: str = Field(default="data", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = 0
    root: Path | None = None
    out: Path | None = None
    langs: tuple[Lang, ...] = ("zh", "en")
    sources: dict[str, SourceConfig] = {}
    licences: LicenceConfig = LicenceConfig()
    split: SplitConfig = SplitConfig()
    pictures: PictureConfig = PictureConfig()
    text: TextConfig = TextConfig()
    questions: QuestionConfig = QuestionConfig()
    translation: TranslationConfig = TranslationConfig()
    drop_limit: float = Field(default=0.5, ge=0, le=1)
    near: NearConfig = NearConfig()
    audit: AuditConfig = AuditConfig()
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    workers: int | None = Field(default=None, ge=1)
    keep: bool = True

    @property
    def place(self) -> Path:
        """Where the data set is written."""
        return self.out or Path("datasets") / self.name

    def used(self) -> dict[str, SourceConfig]:
        """The sources that are switched on, by name; ConfigError where there is none."""
        found = {name: source for name, source in sorted(self.sources.items()) if source.use}
        if not found:
            raise ConfigError("data.no_sources", where=self.name)
        if self.licences.commercial:
            accepted = {name: (*self.licences.allow, *source.accept) for name, source in found.items()}
            for name, licences in accepted.items():
                for licence in filter(non_commercial, licences):
                    raise ConfigError("data.not_commercial", where=f"{self.name}: {name}", found=licence)
        return found
