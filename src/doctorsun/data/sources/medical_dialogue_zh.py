"""Chinese medical dialogue data (Toyhom): questions on the web and doctors' answers, GB18030."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import Folder, first_folder, read_rows
from doctorsun.data.talk import talk_record

COLUMNS = ("department", "title", "ask", "answer")
SAMPLE = "样例"
CARD = Card(
    name="medical_dialogue_zh",
    title="Chinese medical dialogue data",
    licence="MIT",
    url="https://github.com/Toyhom/Chinese-medical-dialogue-data",
    languages=("zh",),
    citation="Toyhom. Chinese medical dialogue data, 2019. github.com/Toyhom/Chinese-medical-dialogue-data",
    obtain="Clone the repository; every CSV with the columns department, title, ask, answer is read.",
    obtain_zh="克隆仓库；读取所有含 department、title、ask、answer 四列的 CSV。",
    size="792,099 questions in six departments",
    notes=(
        "Answers of web doctors, unchecked. Words seem to have been exchanged for similar ones by a program, "
        "some for their contrary ('increase' for 'reduce'): no source of facts. Files are GB18030; copies "
        "in other encodings are read too. The sample file of the repository is left out where the "
        "departments themselves are there."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the tables, or the folders of tables."""
    place = first_folder(root, _has_tables)
    departments = place is not None and place != root and place.name.endswith("科")
    return place.parent if place is not None and departments else place


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "dialogue" / "Data_数据"
    for name, department in (("IM_内科", "内科"), ("Pediatric_儿科", "儿科")):
        rows = [
            [
                department,
                f"虚构标题{at}？",
                f"虚构的{department}询问，第{at}条？",
                f"虚构的{department}回答，第{at}条。",
            ]
            for at in range(6)
        ]
        put_table(place / name / f"{department}5-6.csv", COLUMNS, rows, encoding="gb18030")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question; the title is added where the question does not hold it."""
    tables = sorted(path for path in place.rglob("*.csv") if _is_table(path))
    whole = [path for path in tables if not path.name.startswith(SAMPLE)]
    for table in whole or tables:
        for at, row in enumerate(read_rows(table, COLUMNS, counts=counts)):
            title, ask = row["title"], row["ask"]
            question = ask if title in ask or not title else f"{title}\n{ask}"
            answer = unescape(row["answer"])
            yield talk_record(f"{table.stem}-{at}", unescape(question), answer, lang="zh", task="dialogue")


def _has_tables(folder: Folder) -> bool:
    return any(name.endswith(".csv") and _is_table(folder.path / name) for name in folder.files)


def _is_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(200).partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return False
    return head.strip().split(b",") == [name.encode() for name in COLUMNS]
