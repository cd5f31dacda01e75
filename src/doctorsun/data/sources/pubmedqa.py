"""PubMedQA: research questions answered yes, no or maybe from the abstract of the paper that asks them."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder, read_json

LABELLED, TRUTH, TEST = "ori_pqal.json", "test_ground_truth.json", "test_set.json"
ANSWERS = ("yes", "no", "maybe")
ASK = "Answer yes, no or maybe."
HEAD = 65536
CARD = Card(
    name="pubmedqa",
    title="PubMedQA (PQA-L)",
    licence="MIT",
    url="https://github.com/pubmedqa/pubmedqa",
    languages=("en",),
    test_rows="some",
    citation=(
        "Jin Q, Dhingra B, Liu Z, Cohen W, Lu X. PubMedQA: A dataset for biomedical research question "
        "answering. EMNLP-IJCNLP 2019."
    ),
    obtain=f"Clone the repository; data/{LABELLED} and data/{TRUTH} are read, else {TEST}.",
    obtain_zh=f"克隆仓库；读取 data/{LABELLED} 与 data/{TRUTH}，没有时读取 {TEST}。",
    size="1,000 questions that experts answered, 500 of them test",
    notes="The question holds the abstract without its conclusion; the conclusion is the long answer.",
)


def find(root: Path) -> Path | None:
    """The folder that holds all labelled questions, else the one with those of the test."""
    return first_folder(root, lambda at: LABELLED in at.files) or first_folder(
        root, lambda at: TEST in at.files and _is_ours(at.path / TEST)
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    rows = {
        str(90000 + at): {
            "QUESTION": f"Does invented drug {at} help?",
            "CONTEXTS": [f"We invented drug {at}.", "Nobody was treated with it."],
            "LABELS": ["BACKGROUND", "METHODS"],
            "MESHES": ["Humans"],
            "YEAR": "2020",
            "final_decision": ANSWERS[at % 3],
            "LONG_ANSWER": f"The effect of invented drug {at} stays a matter of imagination.",
        }
        for at in range(6)
    }
    truth = {key: row["final_decision"] for key, row in list(rows.items())[:3]}
    put_text(folder / "pubmedqa" / "data" / LABELLED, json.dumps(rows, indent=4))
    put_text(folder / "pubmedqa" / "data" / TRUTH, json.dumps(truth, indent=4))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a paper: the short answer and the long one."""
    file = place / (LABELLED if (place / LABELLED).is_file() else TEST)
    tree = read_json(file, counts=counts)
    test = set(tree) if isinstance(tree, dict) else set()
    if (place / TRUTH).is_file():
        test = set(read_json(place / TRUTH, counts=counts))
    elif file.name == LABELLED:
        counts.note("data.split_absent", TRUTH)
    if not isinstance(tree, dict):
        raise DataError("data.bad_json", where=file.name)
    for key, row in sorted(tree.items()):
        texts = _texts(row)
        if texts is None:
            counts.drop("data.bad_row", key)
            continue
        yield Record(id=key, texts=texts, group=key, split="test" if key in test else None)


def _texts(row: object) -> tuple[Text, ...] | None:
    """The two answers; null where the row lacks a field or its short answer is none of the three."""
    if not isinstance(row, dict) or not isinstance(row.get("CONTEXTS"), list):
        return None
    question, short, long = (
        str(row.get(name) or "") for name in ("QUESTION", "final_decision", "LONG_ANSWER")
    )
    if not question.strip() or short not in ANSWERS:
        return None
    asked = "\n".join([*(str(part).strip() for part in row["CONTEXTS"]), question.strip()])
    answer = Text(question=f"{asked}\n{ASK}", answer=short, lang="en", task="qa", kind="closed", key="short")
    why = Text(question=asked, answer=long.strip(), lang="en", task="qa", kind="open", key="long")
    return (answer, why) if why.answer else (answer,)


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b'"LONG_ANSWER"' in file.read(HEAD)
    except OSError:
        return False
