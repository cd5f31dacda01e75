"""What a recipe says of its data: sources, licences, shares of the splits, limits. Cheap to import."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from doctorsun.core.config import Config
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Lang, Split
from doctorsun.language.questions import QuestionConfig

OPEN_LICENCES = ("CC0-1.0", "PDDL-1.0", "MIT", "Apache-2.0", "BSD-3-Clause", "CC-BY", "CC-BY-SA")


class SourceConfig(Config):
    """How much of one source is used.

    `accept` names licences that are fine for this source alone, such as `unknown`: that is how a recipe opts
    in by name. `limit` keeps that many records, the same ones for the same seed. `options` go to the source.
    `reader` names the file in `data/sources/` where the recipe calls the source otherwise, so that one reader
    serves many folders; `path` is the folder (below `root`, or whole) where it is not to be looked for;
    `licence`, `general` and `title` say of such a folder what its card cannot know.
    """

    use: bool = True
    reader: str | None = None
    path: Path | None = None
    licence: str | None = None
    general: bool | None = None
    title: str | None = None
    limit: int | None = Field(default=None, ge=1)
    accept: tuple[str, ...] = ()
    options: dict[str, int | float | str | bool] = {}


class LicenceConfig(Config):
    """Licences any source may have; `CC-BY` covers all its versions."""

    allow: tuple[str, ...] = OPEN_LICENCES


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

    `min_px` is the least length of its shorter side.
    """

    min_px: int = Field(default=16, ge=1)
    max_px: int | None = Field(default=None, ge=16)
    max_mib: int = Field(default=32, ge=1)
    max_megapixels: int = Field(default=64, ge=1)


class TextConfig(Config):
    """Limits on human words, in characters of the whole sample; `skip` names filters that are not used."""

    max_chars: int = Field(default=6000, ge=1)
    skip: tuple[str, ...] = ()


class DataConfig(Config):
    """The data of a recipe.

    `root` is the folder under which the sources' own folders are found, `out` the data set's place
    (datasets/NAME where null). `drop_limit` is the share of a source's records that may be unusable; what a
    licence forbids or was never fetched does not count. `workers` is the number of processes, null for one a
    core. `questions` says what is asked of each record.
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
    drop_limit: float = Field(default=0.5, ge=0, le=1)
    workers: int | None = Field(default=None, ge=1)

    @property
    def place(self) -> Path:
        """Where the data set is written."""
        return self.out or Path("datasets") / self.name

    def used(self) -> dict[str, SourceConfig]:
        """The sources that are switched on, by name; ConfigError where there is none."""
        found = {name: source for name, source in sorted(self.sources.items()) if source.use}
        if not found:
            raise ConfigError("data.no_sources", where=self.name)
        return found
