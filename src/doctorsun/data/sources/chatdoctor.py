"""ChatDoctor: the 5k English dialogues that ChatGPT wrote from a table of diseases."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_text
from doctorsun.data.reading import first_folder, read_json_rows
from doctorsun.data.talk import talk_record

FILE = "chatdoctor5k.json"
CARD = Card(
    name="chatdoctor",
    title="ChatDoctor 5k",
    licence="Apache-2.0",
    url="https://github.com/Kent0n-Li/ChatDoctor",
    languages=("en",),
    citation=(
        "Li Y, Li Z, Zhang K, Dan R, Jiang S, Zhang Y. ChatDoctor: A medical chat model fine-tuned on LLaMA "
        "using medical domain knowledge. Cureus 15(6):e40895, 2023."
    ),
    obtain=f"Take {FILE} from the repository.",
    obtain_zh=f"从仓库取 {FILE}。",
    size="5,452 dialogues",
    notes=(
        "Written by ChatGPT: origin synthetic, not checked by physicians. Where the answer goes on with "
        "words of the patient, it ends before them."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds the file."""
    return first_folder(root, lambda at: FILE in at.files)


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    rows = [
        {
            "instruction": "Answer as a doctor.",
            "input": f"Doctor, I have invented complaint {at}.",
            "output": f"This is invented advice number {at}.",
        }
        for at in range(6)
    ]
    put_text(folder / "chatdoctor" / FILE, json.dumps(rows))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a dialogue; the standing instruction, the same for all, is left out."""
    for at, row in enumerate(read_json_rows(place / FILE)):
        key = f"5k-{at}"
        if row is None or not isinstance(row.get("input"), str) or not isinstance(row.get("output"), str):
            counts.drop("data.bad_row", key)
            continue
        answer, turn, _ = row["output"].partition("Patient:")
        if turn:
            counts.note("data.next_turn_cut", key)
        yield talk_record(key, row["input"], answer, lang="en", origin="synthetic", task="dialogue")
