"""VQA-Med 2020: questions on the abnormality that a radiology picture shows."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.vqa_med import Table, find_tables, table_records

TABLES = (
    Table(r"vqa.*2020.*train.*qa_?pairs\.txt$", topic="finding"),
    Table(r"vqa.*2020.*val.*qa_?pairs\.txt$", split="validation", topic="finding"),
    Table(
        r"(?=.*vqa)(?!.*vqg)(?=.*2020).*test.*questions\.txt$",
        ("picture", "question"),
        "test",
        answers=r"(?=.*vqa)(?!.*vqg)(?=.*2020).*test.*referenceanswers.*\.txt$",
        topic="finding",
    ),
)
CARD = Card(
    name="vqa_med_2020",
    title="VQA-Med 2020 (ImageCLEF)",
    licence="CC-BY-4.0",
    url="https://github.com/abachaa/VQA-Med-2020",
    languages=("en",),
    test_rows="some",
    citation=(
        "Ben Abacha A, Datla VV, Hasan SA, Demner-Fushman D, Müller H. Overview of the VQA-Med task at "
        "ImageCLEF 2020: Visual question answering and generation in the medical domain. CEUR 2696, 2020."
    ),
    obtain=(
        "Clone the repository and unpack its archives of task 1; the training set comes from the "
        "challenge's page at aicrowd.com (imageclef-2020-vqa-med-vqa). All into one folder."
    ),
    obtain_zh=(
        "克隆该仓库并解压任务一的压缩包；训练集从 aicrowd.com 的挑战赛页面（imageclef-2020-vqa-med-vqa）下"
        "载；全部放入同一个文件夹。"
    ),
    size="5,000 pictures, 5,000 questions",
    patient_groups=False,
    notes="Pictures are of MedPix, as those of VQA-RAD and of the other years: some are the same.",
)


def find(root: Path) -> Path | None:
    """The folder that holds the text files of all parts."""
    return find_tables(root, TABLES)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    top = folder / "VQA-Med-2020"
    for at, (name, part) in enumerate((("Training", "Train_QA_pairs"), ("Validation", "Val_QA_Pairs"))):
        place = top / f"VQAMed2020-VQAnswering-{name}Set"
        names = [f"synpic{91000 + 10 * at + number}" for number in range(4)]
        lines = [f"{each}|what is abnormal in picture {each}?|blot {each}" for each in names]
        put_text(place / f"VQAnswering_2020_{part}.txt", "\n".join(lines) + "\n")
        for each in names:
            put_picture(place / f"VQAnswering_2020_{name[:5]}_images" / f"{each}.jpg")
    names = [f"synpic{91100 + number}" for number in range(3)]
    stem = "VQAMed2020-Task1-VQAnswering-Test"
    asked = "".join(f"{name}|is picture {name} normal?\n" for name in names)
    put_text(top / "Test" / f"{stem}-Questions.txt", asked)
    put_text(top / "Test" / f"{stem}-ReferenceAnswers.txt", "".join(f"{name}|no\n" for name in names))
    for name in names:
        put_picture(top / "Test" / "images" / f"{name}.jpg")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture, with every question as it was asked."""
    yield from table_records(place, TABLES, counts)
