"""PULSE-EVAL: Chinese medical tasks with reference answers, from check-up reports to case records."""

import json
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

from doctorsun.core.schema import Card, Lang, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder, read_json_rows
from doctorsun.data.talk import talk_record

LANGS: dict[str, Lang] = {
    "CheckupQA": "zh",
    "EMRHG": "zh",
    "MedQA-Mainland": "zh",
    "MedQA-USMLE": "en",
    "MedTreat": "zh",
    "MedTriage": "zh",
    "MedicineQA_RAG": "zh",
    "PromptCBLUE": "zh",
    "webMedQA": "zh",
}
CARD = Card(
    name="pulse_eval",
    title="PULSE-EVAL",
    licence="unknown",
    url="https://github.com/openmedlab/PULSE-EVAL",
    languages=("zh", "en"),
    test_rows="all",
    citation=(
        "Zhang X, Xue K, Zhang S. PULSE: Pretrained and unified language service engine. OpenMEDLab, 2023. "
        "github.com/openmedlab/PULSE"
    ),
    obtain="Clone the repository; the JSON lines in data/ are read.",
    obtain_zh="克隆仓库；读取 data/ 下的 JSONL 文件。",
    size="about 150 questions for each of nine tasks",
    notes="All rows are test. Rows without a reference answer, which only a judge can mark, are counted.",
)


def find(root: Path) -> Path | None:
    """The folder that holds the tasks."""
    return first_folder(root, _has_files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for task in ("CheckupQA", "EMRHG"):
        rows = [
            {"type": task, "question": f"虚构{task}问题{at}？", "reference_answer": f"虚构答案{at}。"}
            for at in range(3)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        put_text(folder / "pulse" / "data" / f"{task}.jsonl", lines)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question that has a reference answer."""
    for task, lang in LANGS.items():
        path = place / f"{task}.jsonl"
        for at, row in enumerate(read_json_rows(path, counts=counts) if path.is_file() else []):
            key = f"{task}-{at}"
            words = [(row or {}).get(name) for name in ("question", "reference_answer")]
            if not isinstance(words[0], str) or not isinstance(words[1], str):
                counts.drop("data.bad_row", key)
            elif not words[1].strip():
                counts.drop("data.no_answer", key)
            else:
                # Some tasks were taken from XML and have kept its "&#10;".
                record = talk_record(key, unescape(words[0]), unescape(words[1]), lang=lang)
                yield replace(record, split="test")


def _has_files(folder: Folder) -> bool:
    return len({f"{task}.jsonl" for task in LANGS} & set(folder.files)) > 1
