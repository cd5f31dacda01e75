"""What one datum is: a Sample, the Facts it states, and the Card of the source it came from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic import dataclasses as checked

from doctorsun.core.errors import RecordError

Lang = Literal["zh", "en"]
Task = Literal["caption", "vqa", "report", "qa", "dialogue"]
Kind = Literal["closed", "open", "choice", "report"]
Origin = Literal["human", "template", "translated", "synthetic"]
Split = Literal["train", "validation", "test"]
Role = Literal["system", "user", "assistant"]
Status = Literal["present", "absent", "uncertain"]
Laterality = Literal["left", "right", "bilateral"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message: a run of text, or the place of the next image (then `text` is null)."""

    type: Literal["image", "text"]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text of the turn, its images left out."""
        return "".join(part.text or "" for part in self.content)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as Parquet holds it: the bytes of an image file, and a name that tells no patient."""

    bytes: bytes
    path: str


@checked.dataclass(frozen=True, slots=True, config=_STRICT)
class Fact:
    """One thing known of a picture; what is unknown is null.

    `name` and a text `value` are ids of the glossary; `value` is JSON text; `box_xyxy` is 0..1 of width and
    height.
    """

    name: str
    value: str | None = None
    status: Status | None = None
    site: str | None = None
    laterality: Laterality | None = None
    size_mm: float | None = None
    severity: str | None = None
    image: int | None = None
    box_xyxy: tuple[float, float, float, float] | None = None


@checked.dataclass(frozen=True, slots=True, config=_STRICT)
class Sample:
    """One conversation about zero or more pictures, with everything that is known of where it came from.

    `images` bind to the `image` parts of `messages` in order; an `<image>` inside text is text.
    `facts` are those that the answer states. `topic` says what is asked (modality, view, finding, side, size,
    count, grade, diagnosis, region, ...). `phrasing` is the id of the phrasing in the bank of the question.
    `group` is the hash of the patient, else lesion, study or paper; null when unknown.
    `rejected` is a worse answer that could stand in the place of the last one: a preference pair.
    """

    id: str
    images: tuple[Picture, ...]
    messages: tuple[Message, ...]
    lang: Lang
    task: Task
    source: str
    licence: str
    origin: Origin
    kind: Kind | None = None
    topic: str | None = None
    phrasing: str | None = None
    choices: tuple[str, ...] = ()
    modality: str | None = None
    anatomy: str | None = None
    group: str | None = None
    derived_from: str | None = None
    split: Split = "train"
    facts: tuple[Fact, ...] = ()
    rejected: str | None = None

    def __post_init__(self) -> None:
        """Raise RecordError unless image parts and images are equal in number and an answer ends the talk.

        A rejected answer must say something, and something else than the answer.
        """
        places = sum(part.type == "image" for message in self.messages for part in message.content)
        if places != len(self.images):
            raise RecordError("schema.image_count", where=self.id, found=places, expected=len(self.images))
        if not self.messages or self.messages[-1].role != "assistant" or not self.messages[-1].text.strip():
            raise RecordError("schema.no_answer", where=self.id)
        said = None if self.rejected is None else self.rejected.strip()
        if said is not None and said in ("", self.messages[-1].text.strip()):
            raise RecordError("schema.no_pair", where=self.id)


@checked.dataclass(frozen=True, slots=True, config=_STRICT)
class Card:
    """What a source says of itself.

    `licence` is an SPDX id, else `unknown`; `general` marks text not of medicine; `patient_groups` is false
    where the source tells no patient, so a split by group is optimistic. `obtain` and `obtain_zh` say how the
    files are had; `size` is how much the whole published set holds; `test_rows` says how many of its rows a
    benchmark calls test, which never train.
    """

    name: str
    title: str
    licence: str
    url: str
    languages: tuple[Lang, ...]
    citation: str
    obtain: str
    non_commercial: bool = False
    synthetic: bool = False
    general: bool = False
    patient_groups: bool = True
    notes: str = ""
    obtain_zh: str = ""
    size: str = ""
    test_rows: Literal["none", "some", "all"] = "none"


@dataclass(frozen=True, slots=True)
class Text:
    """Words a person (or a machine, see `origin`) wrote about a picture or a matter.

    `question` is null for a caption or a report; `answer` is the words; `history` holds earlier turns.
    `split` is the one a benchmark gave these words where it splits one picture's words; "test" never trains.
    `key` tells these words from the others of the record, where the source has such a key. `rejected` is a
    worse answer to the same, where a person or a machine preferred `answer` to it.
    """

    answer: str
    lang: Lang
    task: Task
    question: str | None = None
    kind: Kind | None = None
    topic: str | None = None
    choices: tuple[str, ...] = ()
    origin: Origin = "human"
    history: tuple[Message, ...] = ()
    facts: tuple[Fact, ...] = ()
    split: Split | None = None
    key: str = ""
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What one picture of several is: of which study, and which slice (from 1) of how many of its series.

    `series` is a number from 1 where a study has several series of slices; what does not apply is null.
    """

    study: Literal["current", "prior"] | None = None
    series: int | None = None
    slice: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a source knows of one picture, study or conversation; `data/` turns it into Samples.

    `facts` become zh and en language by the phrasing banks; `texts` stay as they are. `split` is the official
    one, null when the source has none; `group` is the raw id of the patient, lesion, study or paper (hashed
    later). `shown` tells each image from the others, and is empty where they need no names.
    """

    id: str
    images: tuple[Picture, ...] = ()
    facts: tuple[Fact, ...] = ()
    texts: tuple[Text, ...] = ()
    modality: str | None = None
    anatomy: str | None = None
    group: str | None = None
    licence: str | None = None
    split: Split | None = None
    shown: tuple[Shown, ...] = ()


_SAMPLE = TypeAdapter(Sample)


def sample_from_row(row: Mapping[str, Any]) -> Sample:
    """The Sample that a Parquet or JSON row holds; RecordError names the field that does not fit."""
    try:
        return _SAMPLE.validate_python(dict(row))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise RecordError(
            "schema.bad_field", where=str(row.get("id", "?")), field=place, problem=first["msg"]
        ) from None


def sample_to_row(sample: Sample) -> dict[str, Any]:
    """The plain dictionary that `sample_from_row` reads back to an equal Sample."""
    return asdict(sample)
