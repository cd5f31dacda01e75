"""Chat messages with images as `datasets` and TRL write them: Parquet or JSON lines on disk, or of a hub."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from doctorsun.core.errors import ConfigError, DataError, MissingExtra
from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.formats import conversations
from doctorsun.data.formats.conversations import Conversations
from doctorsun.data.formats.files import files_in, read_each, split_told
from doctorsun.data.formats.rows import LEAVE, ROW_ENDINGS, rows_of
from doctorsun.data.miniature import tiny_picture

Row = Mapping[str, Any]
READER = True
WANTED = ("*.parquet", "*.json", "*.jsonl", "*.jpg", "*.jpeg", "*.png", "*.webp")
CARD = Card(
    name="hf_messages",
    title="Hugging Face `messages` + `images`",
    licence="unknown",
    url="https://huggingface.co/docs/trl/dataset_formats",
    languages=("zh", "en"),
    citation="Lhoest Q, et al. Datasets: a community library for natural language processing. EMNLP 2021.",
    obtain=(
        "Your own files: name this reader, their folder (path) and their licence in the recipe; or "
        "options hub: OWNER/NAME and revision: COMMIT, kept below path."
    ),
    obtain_zh=(
        "读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）；"
        "或写 options 的 hub: 所有者/名称 与 revision: 提交号，下载内容存放在 path 下。"
    ),
    patient_groups=False,
    notes=(
        "`messages` (or `prompt` with `completion`, or with `chosen` and `rejected`), `images` or `image` as "
        "{bytes, path}. Nothing is fetched unless `hub` is set. Options: `hub`, `revision`, `file`, "
        "`images`, `lang`, `group`, `origin`."
    ),
)


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write an invented file."""
    rows = []
    for at in range(5):
        asked = [
            {"type": "image", "text": None},
            {"type": "text", "text": f"虚构图像{at}中有什么？" if at % 2 else f"What is in picture {at}?"},
        ]
        answer = [{"type": "text", "text": f"虚构的亮斑{at}。" if at % 2 else f"An invented blot {at}."}]
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        image = {"bytes": tiny_picture(f"hf-{at}", kind="PNG"), "path": None}
        rows.append({"messages": messages, "images": [image]})
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data" / "train-00000-of-00001.parquet")


@dataclass(frozen=True, slots=True)
class Options(conversations.Options):
    """As of all files of conversations; `hub` and `revision` name a data set to fetch into the folder."""

    hub: str = ""
    revision: str = ""


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a row: its pictures and its whole conversation."""
    said = Options(**options)
    home = fetched(said.hub, said.revision, place) if said.hub else place
    talks = Conversations.of(home, said, counts)

    def read(path: Path) -> Iterator[Record]:
        return talks.records(_whole(rows_of(path, counts)), split=split_told(path, home))

    yield from read_each(files_in(home, said.file, ROW_ENDINGS, leave=LEAVE), read, counts)


def fetched(hub: str, revision: str, cache: Path) -> Path:
    """The folder below `cache` with one revision of a hub's data set; DataError where it cannot be had."""
    if not revision:
        raise ConfigError("data.no_revision", where=hub)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise MissingExtra("hub", "hub") from None
    try:
        path = snapshot_download(
            hub, repo_type="dataset", revision=revision, cache_dir=cache, allow_patterns=list(WANTED)
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise DataError("data.hub_unreachable", where=hub, problem=type(error).__name__) from None
    return Path(path)


def _whole(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """Rows whose prompt and completion stand apart, with their turns together."""
    for place, row in rows:
        prompt, completion = row.get("prompt"), row.get("completion")
        if row.get("messages") is None and isinstance(prompt, list) and isinstance(completion, list):
            row = {**row, "messages": [*prompt, *completion]}
        yield place, row
