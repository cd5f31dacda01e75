"""Chinese medical dialogue data (Toyhom): questions on the web and doctors' answers, GB18030."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import Folder, first_folder, read_rows
from doctorsun.data.talk import talk_record

COLUMNS = ("department", "title", "ask", "answer")
CARD = Card(
    name="medical_dialogue_zh",
    title="Chinese medical dialogue data",
    licence="MIT",
    url="https://github.com/Toyhom/Chinese-medical-dialogue-data",
    languages=("zh",),
    citation="Toyhom. Chinese medical dialogue data, 2019. github.com/Toyhom/Chinese-medical-dialogue-data",
    obtain="Clone the repository; every CSV with the columns department, title, ask, answer is read.",
    notes="Answers of web doctors, unchecked. Files are GB18030; UTF-8 copies are read too.",
)


def find(root: Path) -> Path | None:
    """The folder that holds the tables, or the folders of tables."""
    place = first_folder(root, _has_tables)
    departments = place is not None and place.parent != root.parent and place.name.endswith("科")
    return place.parent if place is not None and departments else place


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    rows = [
        ["内科", f"虚构标题{at}？", f"虚构的询问，第{at}条？", f"虚构的回答，第{at}条。"] for at in range(6)
    ]
    put_table(folder / "dialogue" / "样例_内科.csv", COLUMNS, rows, encoding="gb18030")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question; the title is added where the question does not hold it."""
    for table in sorted(path for path in place.rglob("*.csv") if _is_table(path)):
        for at, row in enumerate(read_rows(table, COLUMNS, encodings=("utf-8-sig", "gb18030"))):
            title, ask = row["title"], row["ask"]
            question = ask if title in ask or not title else f"{title}\n{ask}"
            yield talk_record(f"{table.stem}-{at}", question, row["answer"], lang="zh", task="dialogue")


def _has_tables(folder: Folder) -> bool:
    return any(name.endswith(".csv") and _is_table(folder.path / name) for name in folder.files)


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(200).partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return False
    return head.strip().split(b",") == [name.encode() for name in COLUMNS]
