"""CMB: questions of Chinese medical examinations of all professions, and cases with open questions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam, exam_records, lettered
from doctorsun.data.formats.json_rows import json_rows
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import Folder, first_folder, read_json_rows

Row = Mapping[str, Any]

EXAMS: dict[str, tuple[str, Split | None]] = {
    "CMB-train-merge.json": ("train", None),
    "CMB-val-merge.json": ("val", "validation"),
    "CMB-test-choice-question-merge.json": ("test", "test"),
}
ANSWERS, CASES = "CMB-test-choice-answer.json", "CMB-Clin-qa.json"
# Apollo's choice of 2,000 test questions, its options as one text.
RESHAPED, RESHAPED_SOURCE = ("zh_cmb-single.json", "zh.json"), "cmb-single"
HEAD = 65536
SEVERAL = "多项选择题"
CARD = Card(
    name="cmb",
    title="CMB (Chinese Medical Benchmark)",
    licence="Apache-2.0",
    url="https://github.com/FreedomIntelligence/CMB",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Wang X, Chen GH, Song D, Zhang Z, Chen Z, Xiao Q et al. CMB: A comprehensive medical benchmark in "
        "Chinese. NAACL 2024."
    ),
    obtain=(
        "Clone the repository and unpack data/CMB.zip there, or take CMB-Exam and CMB-Clin from the hub "
        f"(FreedomIntelligence/CMB) with {ANSWERS} of the repository beside them."
    ),
    obtain_zh=(
        "克隆仓库并就地解压 data/CMB.zip；或从 Hugging Face（FreedomIntelligence/CMB）取 CMB-Exam "
        f"与 CMB-Clin，并放入仓库中的 {ANSWERS}。"
    ),
    size="269,359 train, 280 val and 11,200 test questions; 74 cases",
    notes=(
        "Questions of several right options are answered with all their letters. The 280 of val are few-shot "
        "examples. Apollo's reshaped test questions (zh.json) are read where the original files are absent."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the original files or folders, else Apollo's file."""
    return first_folder(root, _has_files) or first_folder(root, lambda at: _reshaped(at.path) is not None)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "CMB" / "CMB-Exam"
    for file, (part, _) in EXAMS.items():
        rows = [_invented(part, at) for at in range(3)]
        text = json.dumps(rows, ensure_ascii=False, indent=2)
        put_text(place / f"CMB-{part}" / file, text)
    answers = [{"id": at, "answer": "ACD" if at == 1 else "B"} for at in range(3)]
    put_text(folder / "CMB" / ANSWERS, json.dumps(answers))
    pairs = [{"question": f"虚构问题{at}？", "solution": f"虚构解答{at}。"} for at in range(2)]
    case = {"id": 0, "title": "案例分析-虚构", "description": "虚构病例。", "QA_pairs": pairs}
    put_text(folder / "CMB" / "CMB-Clin" / CASES, json.dumps([case], ensure_ascii=False))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question, or a case with all its questions."""
    files = {path.name: path for path in sorted(place.rglob("CMB-*.json"))}
    answers = {
        str(row.get("id")): str(row.get("answer") or "")
        for row in (read_json_rows(files[ANSWERS], counts=counts) if ANSWERS in files else [])
        if row
    }
    for file, (part, split) in EXAMS.items():
        if file in files:
            rows = json_rows(files[file], counts)
            secret = answers if part == "test" else {}
            yield from exam_records(
                _exams(rows, counts, name=part, split=split, secret=secret), counts, lang="zh"
            )
    if CASES in files:
        yield from _cases(read_json_rows(files[CASES], counts=counts), counts)
    reshaped = None if files else _reshaped(place)
    if reshaped is not None:
        yield from exam_records(_reshaped_exams(reshaped, counts), counts, lang="zh")


def _exams(
    rows: Iterator[tuple[str, Row]],
    counts: Counts,
    *,
    name: str,
    split: Split | None,
    secret: Mapping[str, str],
) -> Iterator[Exam]:
    for place, row in rows:
        key, options = f"{name}-{row.get('id', place.rpartition('/')[2])}", row.get("option")
        if not isinstance(row.get("question"), str) or not isinstance(options, dict):
            counts.drop("data.bad_row", key)
            continue
        yield Exam(
            key=key,
            stem=row["question"],
            options={str(letter): str(text or "") for letter, text in sorted(options.items())},
            right=str(row.get("answer") or secret.get(str(row.get("id"))) or ""),
            why=str(row.get("explanation") or ""),
            several=row.get("question_type") == SEVERAL,
            split=split,
        )


def _reshaped_exams(path: Path, counts: Counts) -> Iterator[Exam]:
    for at, row in enumerate(read_json_rows(path, counts=counts)):
        if row is not None and row.get("source") != RESHAPED_SOURCE:
            counts.note("data.row_of_another_set")
            continue
        words = [str((row or {}).get(field) or "") for field in ("question", "options", "answer")]
        options = {letter: text.removesuffix(".") for letter, text in lettered(words[1]).items()}
        yield Exam(key=f"single-{at}", stem=words[0], options=options, right=words[2], split="test")


def _cases(rows: Sequence[Row | None], counts: Counts) -> Iterator[Record]:
    for at, row in enumerate(rows):
        key = f"clin-{(row or {}).get('id', at)}"
        pairs = (row or {}).get("QA_pairs")
        if row is None or not isinstance(row.get("description"), str) or not isinstance(pairs, list):
            counts.drop("data.bad_row", key)
            continue
        texts = tuple(
            Text(
                question=f"{row['description'].strip()}\n{str(pair.get('question') or '').strip()}",
                answer=str(pair.get("solution") or "").strip(),
                lang="zh",
                task="qa",
                kind="open",
                key=f"q{number}",
            )
            for number, pair in enumerate(pairs)
            if isinstance(pair, dict)
        )
        yield Record(id=key, texts=texts, group=key, split="test")


def _has_files(folder: Folder) -> bool:
    files = {*EXAMS, ANSWERS, CASES} & set(folder.files)
    return bool(files) or "CMB-Exam" in folder.folders


def _reshaped(place: Path) -> Path | None:
    """Apollo's file, which says near its begin where its rows are from."""
    for name in RESHAPED:
        try:
            with (place / name).open("rb") as file:
                if f'"{RESHAPED_SOURCE}"'.encode() in file.read(HEAD):
                    return place / name
        except OSError:
            continue
    return None


def _invented(part: str, at: int) -> dict[str, object]:
    """A question as CMB has it; an option without words stands in many."""
    row: dict[str, object] = {
        "id": at,
        "exam_type": "医师考试",
        "exam_class": "执业医师",
        "exam_subject": "虚构科目",
        "question": f"{part}虚构考题{at}，应选",
        "question_type": SEVERAL if at == 1 else "单项选择题",
        "option": {**{letter: f"虚构选项{letter}{at}" for letter in "ABCD"}, "E": ""},
    }
    if part != "test":
        row["answer"] = "ACD" if at == 1 else "B"
    if part == "val":
        row["explanation"] = "虚构的解析。"
    return row
