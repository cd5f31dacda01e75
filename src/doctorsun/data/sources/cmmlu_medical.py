"""CMMLU's questions of medical subjects."""

from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.exams import has_subjects, subject_records
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import first_folder

SIX = (
    "anatomy",
    "clinical_knowledge",
    "college_medicine",
    "genetics",
    "nutrition",
    "traditional_chinese_medicine",
)
FURTHER = ("college_medical_statistics", "professional_medicine", "virology")
NAMES = "{subject}.csv"
CARD = Card(
    name="cmmlu_medical",
    title="CMMLU, medical subjects",
    licence="CC-BY-NC-SA-4.0",
    url="https://github.com/haonan-li/CMMLU",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Li H, Zhang Y, Koto F, Yang Y, Zhao H, Gong Y, Duan N, Baldwin T. CMMLU: Measuring massive "
        "multitask language understanding in Chinese. Findings of ACL 2024."
    ),
    obtain="Clone the repository; data/dev and data/test are read.",
    obtain_zh="克隆仓库；读取 data/dev 与 data/test。",
    size="1,164 test and 30 dev questions of the six subjects",
    non_commercial=True,
    notes=(
        "Six subjects; `further: true` adds medical statistics, professional medicine and virology. dev "
        "holds the few-shot examples."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds dev and test."""
    return first_folder(root, lambda at: has_subjects(at.path, SIX + FURTHER, NAMES, parts=("dev", "test")))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for part in ("dev", "test"):
        for subject in SIX[:2]:
            rows = [
                [at, f"{part}虚构考题{subject}{at}是", "甲", "乙，丙", "丁", "戊", "ABCD"[at]]
                for at in range(3)
            ]
            head = ("", "Question", "A", "B", "C", "D", "Answer")
            put_table(folder / "cmmlu" / "data" / part / NAMES.format(subject=subject), head, rows)


def records(place: Path, counts: Counts, *, further: bool = False) -> Iterator[Record]:
    """One record a question of the six subjects, and of three further ones where asked."""
    subjects = SIX + FURTHER if further else SIX
    yield from subject_records(place, counts, subjects=subjects, names=NAMES, lang="zh")
