"""VQA-Med 2021: a new validation and test set on abnormalities; it trained on VQA-Med 2020."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.vqa_med import Table, find_tables, table_records

TABLES = (
    Table(r"2021-vqanswering.*validationset\.txt$", split="validation", topic="finding"),
    Table(
        r"(?=.*vqa)(?!.*vqg)(?=.*2021).*test.*-questions\.txt$",
        ("picture", "question"),
        "test",
        answers=r"(?=.*vqa)(?!.*vqg)(?=.*2021).*test.*-referenceanswers\.txt$",
        topic="finding",
    ),
)
CARD = Card(
    name="vqa_med_2021",
    title="VQA-Med 2021 (ImageCLEF)",
    licence="unknown",
    url="https://github.com/abachaa/VQA-Med-2021",
    languages=("en",),
    test_rows="some",
    citation=(
        "Ben Abacha A, Sarrouti M, Demner-Fushman D, Hasan SA, Müller H. Overview of the VQA-Med task at "
        "ImageCLEF 2021: Visual question answering and generation in the medical domain. CEUR 2936, 2021."
    ),
    obtain=(
        "Clone the repository and unpack the archives of task 1 (the new validation set and the test set) "
        "into one folder. Its training set is that of vqa_med_2020."
    ),
    obtain_zh=(
        "克隆该仓库，把任务一的压缩包（新验证集与测试集）解压到同一个文件夹；其训练集即 vqa_med_2020。"
    ),
    size="1,000 pictures, 1,000 questions",
    patient_groups=False,
    notes=(
        "The page states no licence: 'unknown' here. Pictures are of MedPix, as those of VQA-RAD and of the "
        "other years: some are the same. Questions of the generation task (VQG) have no answers and are not "
        "read."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the text files of both parts."""
    return find_tables(root, TABLES)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "vqa-med-2021" / "VQA-Med-2021-Tasks-1-2-NewValidationSets"
    names = [f"synpic{92000 + number}" for number in range(4)]
    lines = "".join(f"{name}|what is abnormal in picture {name}?|blot {name}\n" for name in names)
    put_text(place / "VQA-Med-2021-VQAnswering-Task1-New-ValidationSet.txt", lines)
    for name in names:
        put_picture(place / "ImageCLEF-2021-VQA-Med-New-Validation-Images" / f"{name}.jpg")
    place = folder / "vqa-med-2021" / "Task1-VQA-2021-TestSet-w-GroundTruth"
    names = [f"synpic{92100 + number}" for number in range(3)]
    asked = "".join(f"{name}|what is wrong in picture {name}?\n" for name in names)
    put_text(place / "Task1-VQA-2021-TestSet-Questions.txt", asked)
    told = "".join(f"{name}|blot {name}#spot {name}\n" for name in names)
    put_text(place / "Task1-VQA-2021-TestSet-ReferenceAnswers.txt", told)
    for name in names:
        put_picture(place / "VQA-500-Images" / f"{name}.jpg")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture, with every question as it was asked."""
    yield from table_records(place, TABLES, counts)
