"""PMC-VQA: questions with four options about figures of PubMed Central, written by a language model."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam
from doctorsun.data.licences import strictest
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.papers import PaperLicences, paper_of
from doctorsun.data.reading import Folder, first_folder
from doctorsun.data.streams import columns_of, csv_rows
from doctorsun.data.visual import Pictures, choice, illustrated, in_runs, placed

# The clean test is part of the test, so it is only read where the whole one is absent.
TABLES: dict[str, Split | None] = {
    "train.csv": None,
    "train_2.csv": None,
    "test.csv": "test",
    "test_2.csv": "test",
}
CLEAN = "test_clean.csv"
LETTERS = "ABCD"
COLUMNS = ("Figure_path", "Question", *(f"Choice {letter}" for letter in LETTERS))
CARD = Card(
    name="pmc_vqa",
    title="PMC-VQA",
    licence="CC-BY-SA-4.0",
    url="https://huggingface.co/datasets/xmcmic/PMC-VQA",
    languages=("en",),
    test_rows="some",
    citation=(
        "Zhang X, Wu C, Zhao Z, Lin W, Zhang Y, Wang Y, Xie W. PMC-VQA: Visual instruction tuning for "
        "medical visual question answering. arXiv 2305.10415, 2023."
    ),
    obtain=(
        "Download train.csv, test.csv and images.zip (version 1), train_2.csv, test_2.csv and images_2.zip "
        "(version 2) into one folder and unpack the archives there."
    ),
    obtain_zh=(
        "把 train.csv、test.csv、images.zip（第一版）以及 train_2.csv、test_2.csv、images_2.zip（第二版）"
        "下载到同一个文件夹，并就地解压压缩包。"
    ),
    size="226,946 questions on 149,075 pictures, 21 GB",
    notes=(
        "Questions, answers and options were written by a language model from captions: origin synthetic. "
        "The set says CC BY-SA; each figure stays under the licence of its paper: where the set's own "
        "oa_comm_use_file_list.csv lies there too, a sample has the stricter of both. The group is the paper."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds a table with the columns of PMC-VQA."""
    return first_folder(root, _fits)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "PMC-VQA"
    head = ["Figure_path", "Question", "Answer", *(f"Choice {letter}" for letter in LETTERS), "Answer_label"]
    for at, file in enumerate(TABLES):
        rows = []
        for number in range(4):
            paper = 900000 + 10 * at + number // 2
            name, right = f"PMC{paper}_F{number}.jpg", number % 4
            options = [f" {letter}:thing {letter.lower()} of {number}" for letter in LETTERS]
            answer = options[right].partition(":")[2]
            rows.append([name, f"What is invented in {name}?", answer, *options, LETTERS[right]])
            put_picture(place / ("figures" if "_2" in file else "images") / name)
        put_table(place / file, head, rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record for neighbouring rows with one picture, with every question and its options."""
    pictures = Pictures(place, "images", "figures", "images_2", unique=True)
    licences = PaperLicences(place)
    for name, time, texts in in_runs(_texts(place, counts)):
        stem = Path(name).stem
        key = f"{stem}-{time}" if time > 1 else stem
        paper = paper_of(name)
        told = licences.of(paper)
        licence = strictest((CARD.licence, told)) if told else None
        record = Record(id=key, texts=texts, group=paper or stem, licence=licence)
        yield from illustrated(placed(record), (name,), pictures, counts)


def _texts(place: Path, counts: Counts) -> Iterator[tuple[str, Text]]:
    tables = dict(TABLES)
    if not (place / "test.csv").is_file():
        tables[CLEAN] = "test"
    for file, split in tables.items():
        path = place / file
        for at, row in enumerate(csv_rows(path, COLUMNS) if path.is_file() else ()):
            name, key = row["Figure_path"], f"{path.stem}-{at}"
            if not name:
                counts.drop("data.bad_row", f"{file}/{at}")
                continue
            text = choice(_exam(row, key, split), counts, lang="en", origin="synthetic")
            if text is not None:
                yield name, text


def _exam(row: Mapping[str, str], key: str, split: Split | None) -> Exam:
    options = {letter: row[f"Choice {letter}"] for letter in LETTERS}
    right = row.get("Answer_label", "") or row.get("Answer", "")
    return Exam(key=key, stem=row["Question"], options=options, right=right, split=split)


def _fits(folder: Folder) -> bool:
    files = [name for name in (*TABLES, CLEAN) if name in folder.files]
    return any(set(COLUMNS) <= set(columns_of(folder.path / name)) for name in files)
