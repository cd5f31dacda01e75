"""cMedQA2: questions of a Chinese community of patients, and the answers of its doctors."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card, Record, Split, Text
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_table
from doctorsun.data.reading import Folder, first_folder, read_table
from doctorsun.data.talk import question_group

QUESTIONS, ANSWERS = ("question.csv", "questions.csv"), ("answer.csv", "answers.csv")
HELD_OUT: dict[str, Split] = {"dev_candidates.txt": "validation", "test_candidates.txt": "test"}
CARD = Card(
    name="cmedqa2",
    title="cMedQA2",
    licence="unknown",
    url="https://github.com/zhangsheng93/cMedQA2",
    languages=("zh",),
    test_rows="some",
    citation=(
        "Zhang S, Zhang X, Wang H, Guo L, Liu S. Multi-scale attentive interaction networks for Chinese "
        "medical question answer selection. IEEE Access 6:74061-74071, 2018."
    ),
    obtain="Clone the repository; unpack question, answer, dev_ and test_candidates beside each other.",
    obtain_zh="克隆仓库，将 question、answer、dev_candidates、test_candidates 各压缩包解压到同一目录。",
    size="108,000 questions with 203,569 answers: 100,000 train, 4,000 dev, 4,000 test",
    notes="The repository says: for non-commercial research. Answers of web doctors, unchecked.",
)


def find(root: Path) -> Path | None:
    """The folder that holds the tables."""
    return first_folder(root, _has_files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "cmedqa2"
    put_table(
        place / "question.csv", ("question_id", "content"), [[at, f"虚构提问{at}？"] for at in range(6)]
    )
    answers = [[10 + at, at // 2, f"虚构回答{at}。"] for at in range(12)]
    put_table(place / "answer.csv", ("ans_id", "question_id", "content"), answers)
    put_table(place / "train_candidates.txt", ("question_id", "pos_ans_id", "neg_ans_id"), [[0, 10, 13]])
    for at, name in enumerate(HELD_OUT):
        rows = [[at + 4, 18, 0, 1], [at + 4, 10, 1, 0]]
        put_table(place / name, ("question_id", "ans_id", "cnt", "label"), rows)


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a question with all its answers; the wrong candidates are not read."""
    splits: dict[str, Split] = {}
    for name, split in HELD_OUT.items():
        rows = read_table(_one(place, (name,)), ("question_id",), counts=counts)
        splits |= dict.fromkeys((row["question_id"] for row in rows), split)
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    columns = ("ans_id", "question_id", "content")
    for row in read_table(_one(place, ANSWERS), columns, counts=counts):
        answers[row["question_id"]].append((row["ans_id"], row["content"]))
    for row in read_table(_one(place, QUESTIONS), ("question_id", "content"), counts=counts):
        key, question = row["question_id"], row["content"]
        if not answers[key]:
            counts.drop("data.no_answer", key)
            continue
        texts = tuple(
            Text(question=question, answer=words, lang="zh", task="qa", kind="open", key=f"a{number}")
            for number, words in answers.pop(key)
        )
        yield Record(id=key, texts=texts, group=question_group(question), split=splits.get(key))


def _one(place: Path, names: tuple[str, ...]) -> Path:
    """The first of these files that is there. Without those of dev and test their questions would train."""
    for name in names:
        if (place / name).is_file():
            return place / name
    raise DataError("data.no_table", where=place.name, expected=names[0])


def _has_files(folder: Folder) -> bool:
    files = set(folder.files)
    return bool(
        files & set(QUESTIONS) and files & set(ANSWERS) and any("candidates" in name for name in files)
    )
