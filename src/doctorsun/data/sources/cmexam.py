"""CMExam: questions of the Chinese medical licensing examination, with explanations."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from doctorsun.core.schema import Card, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam, exam_records, lettered
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import first_folder, read_table

COLUMNS = ("Question", "Options", "Answer", "Explanation")
FILES: dict[str, Split | None] = {
    "train": None,
    "val": "validation",
    "test": "test",
    "test_with_annotations": "test",
}
HEAD = 4096
CARD = Card(
    name="cmexam",
    title="CMExam",
    licence="CC-BY-NC-4.0",
    url="https://github.com/williamliujl/CMExam",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Liu J, Zhou P, Hua Y, Chong D, Tian Z, Liu A et al. Benchmarking large language models on CMExam - "
        "a comprehensive Chinese medical exam dataset. NeurIPS Datasets and Benchmarks, 2023."
    ),
    obtain="Take train.csv, val.csv and test_with_annotations.csv from data/ of the repository (or .xlsx).",
    obtain_zh="从仓库的 data/ 目录取 train.csv、val.csv 和 test_with_annotations.csv（或同名 .xlsx）。",
    size="68,119 questions: 54,497 train, 6,811 val, 6,811 test",
    non_commercial=True,
    notes="About 3 in 100 questions have several right options. The explanations are the exam books' own.",
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the tables."""
    return first_folder(root, lambda at: any(_is_table(at.path / name) for name in at.files))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for file in ("train", "val", "test_with_annotations"):
        rows = [
            [
                f"虚构考题{file}{at}，应选",
                "A 甲项\nB 乙项\nC 丙项\nD 丁项\nE 戊项",
                "C" if at else "BD",
                "虚构的解析。",
            ]
            for at in range(3)
        ]
        put_table(folder / "cmexam" / "data" / f"{file}.csv", COLUMNS, rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question: its letters, and why."""
    for path in sorted(path for path in place.iterdir() if _is_table(path)):
        yield from exam_records(_exams(path, counts), counts, lang="zh")


def _exams(path: Path, counts: Counts) -> Iterator[Exam]:
    name = path.stem.removesuffix("_with_annotations")
    for at, row in enumerate(read_table(path, COLUMNS, counts=counts)):
        words = {column: _words(row[column]) for column in COLUMNS}
        yield Exam(
            key=f"{name}-{at}",
            stem=words["Question"],
            options=lettered(words["Options"]),
            right=words["Answer"],
            why=words["Explanation"],
            split=FILES[path.stem],
        )


def _words(cell: str) -> str:
    r"""What a cell says; tables that went through pandas hold "nan" for nothing and "\n" for a line's end."""
    return "" if cell == "nan" else cell.replace("\\n", "\n")


def _is_table(path: Path) -> bool:
    """Whether a file is called like one of the tables and begins with their columns."""
    if path.stem not in FILES or path.suffix not in {".csv", ".xlsx"}:
        return False
    try:
        if path.suffix == ".csv":
            with path.open("rb") as file:
                head = file.read(HEAD).partition(b"\n")[0]
        else:
            with ZipFile(path) as book:
                parts = [
                    name for name in book.namelist() if name.endswith(("sheet1.xml", "sharedStrings.xml"))
                ]
                head = b"".join(book.open(name).read(HEAD) for name in parts)
    except (OSError, BadZipFile, RuntimeError, NotImplementedError):
        return "cmexam" in path.parent.name.lower()
    return all(column.encode() in head for column in COLUMNS)
