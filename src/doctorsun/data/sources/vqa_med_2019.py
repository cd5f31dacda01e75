"""VQA-Med 2019: questions on modality, plane, organ system and abnormality of radiology pictures."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.vqa_med import Table, find_tables, table_records

TRAIN, VALIDATION, TEST = (
    "ImageClef-2019-VQA-Med-Training",
    "ImageClef-2019-VQA-Med-Validation",
    "VQAMed2019Test",
)
PARTS: dict[str, Split | None] = {"train": None, "val": "validation"}
CATEGORIES = {
    "c1_modality": "modality",
    "c2_plane": "view",
    "c3_organ": "region",
    "c4_abnormality": "finding",
}
TOLD = ("picture", "topic", "question", "answer")
# The files of a category say the topic; the one of all pairs holds the same lines and is read without them.
BY_CATEGORY = tuple(
    Table(rf"^{name}_{part}\.txt$", split=split, topic=topic)
    for part, split in PARTS.items()
    for name, topic in CATEGORIES.items()
)
ALL_PAIRS = tuple(Table(rf"^all_qa_pairs_{part}\.txt$", split=split) for part, split in PARTS.items())
WITH_ANSWERS = Table(r"^vqamed2019_test_questions_w_ref_answers\.txt$", TOLD, "test")
CARD = Card(
    name="vqa_med_2019",
    title="VQA-Med 2019 (ImageCLEF)",
    licence="CC-BY-4.0",
    url="https://zenodo.org/records/10499039",
    languages=("en",),
    test_rows="some",
    citation=(
        "Ben Abacha A, Hasan SA, Datla VV, Liu J, Demner-Fushman D, Müller H. VQA-Med: Overview of the "
        "medical visual question answering task at ImageCLEF 2019. CEUR 2380, 2019."
    ),
    obtain=(
        f"Download the three archives from the page and unpack them into one folder: {TRAIN}, {VALIDATION}, "
        f"{TEST}."
    ),
    obtain_zh=f"从该页面下载三个压缩包，解压到同一个文件夹：{TRAIN}、{VALIDATION}、{TEST}。",
    size="4,200 pictures, 15,292 questions",
    patient_groups=False,
    notes=(
        "Pictures are of MedPix, as those of VQA-RAD and of the later years: some are the same. Where a "
        "question has several right answers they stand together with a semicolon between them."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the text files of all parts."""
    return find_tables(root, (*BY_CATEGORY, *ALL_PAIRS, WITH_ANSWERS))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "vqa-med-2019"
    for at, (top, part, images) in enumerate(
        ((TRAIN, "train", "Train_images"), (VALIDATION, "val", "Val_images"))
    ):
        names = [f"synpic{90000 + 10 * at + number}" for number in range(4)]
        lines = [f"{name}|what is shown in picture {name}?|thing {name}" for name in names]
        asked = [
            f"{name}|is this an invented ct?|{('yes', 'no')[number % 2]}" for number, name in enumerate(names)
        ]
        put_text(place / top / f"All_QA_Pairs_{part}.txt", "\n".join([*lines, *asked]) + "\n")
        put_text(place / top / "QAPairsByCategory" / f"C1_Modality_{part}.txt", "\n".join(asked) + "\n")
        put_text(place / top / "QAPairsByCategory" / f"C4_Abnormality_{part}.txt", "\n".join(lines) + "\n")
        for name in names:
            put_picture(place / top / images / f"{name}.jpg")
    tested = [f"synpic{90100 + number}" for number in range(3)]
    lines = [f"{name}|organ|what organ is invented?|lung#pleura of {name}" for name in tested]
    put_text(place / TEST / "VQAMed2019_Test_Questions_w_Ref_Answers.txt", "\n".join(lines) + "\n")
    for name in tested:
        put_picture(place / TEST / "VQAMed2019_Test_Images" / f"{name}.jpg")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a picture, with every question as it was asked."""
    pairs = BY_CATEGORY if find_tables(place, BY_CATEGORY) else ALL_PAIRS
    yield from table_records(place, (*pairs, WITH_ANSWERS), counts)
