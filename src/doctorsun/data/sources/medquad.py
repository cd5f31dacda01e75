"""MedQuAD: questions and answers from pages of the National Institutes of Health."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from doctorsun.core.errors import MissingExtra
from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder
from doctorsun.data.talk import talk_record

CARD = Card(
    name="medquad",
    title="MedQuAD",
    licence="CC-BY-4.0",
    url="https://github.com/abachaa/MedQuAD",
    languages=("en",),
    citation=(
        "Ben Abacha A, Demner-Fushman D. A question-entailment approach to question answering. BMC "
        "Bioinformatics 20:511, 2019."
    ),
    obtain="Clone the repository; every folder whose name ends with _QA is read.",
    obtain_zh="克隆仓库；读取名称以 _QA 结尾的各目录。",
    size="47,457 questions on 12 sites; 31,034 of them without their answer, for copyright",
    notes="The group is the page: all questions of one page stay together.",
)


def find(root: Path) -> Path | None:
    """The folder that holds the folders of pages."""
    return first_folder(root, lambda at: any(_is_part(name) for name in at.folders))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for at in range(4):
        pairs = "".join(
            f'<QAPair pid="{n}"><Question qid="{at}-{n}" qtype="information">What is invented disease '
            f"{at}, part {n}?</Question><Answer>An invented answer about part {n} of {at}.</Answer></QAPair>"
            for n in range(2)
        )
        page = f'<Document id="{at}" source="Invented"><QAPairs>{pairs}</QAPairs></Document>'
        put_text(folder / "medquad" / "6_Invented_QA" / f"{at:07d}.xml", page)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question that has an answer."""
    if find_spec("defusedxml") is None:
        raise MissingExtra("XML", "data")
    from defusedxml import ElementTree

    for part in sorted(path for path in place.iterdir() if path.is_dir() and _is_part(path.name)):
        for path in sorted(part.glob("[!.]*.xml")):
            try:
                pairs = list(ElementTree.parse(path).iter("QAPair"))
            except (OSError, ElementTree.ParseError, ValueError, LookupError):
                counts.drop("data.bad_annotation", f"{part.name}/{path.name}")
                continue
            for at, pair in enumerate(pairs):
                question = " ".join((pair.findtext("Question") or "").split())
                key = f"{part.name}-{path.stem}-{at}"
                answer = " ".join((pair.findtext("Answer") or "").split())
                record = talk_record(key, question.replace(" ?", "?"), answer, lang="en")
                yield replace(record, group=f"{part.name}/{path.stem}")


def _is_part(name: str) -> bool:
    return name.endswith("_QA") and name[:1].isdigit()
