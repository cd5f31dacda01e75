"""WebDataset tar shards: pictures with a caption (txt) or a conversation (json) of the same name."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doctorsun.core.schema import Card, Record
from doctorsun.data.counts import Counts
from doctorsun.data.encoding import decoded, detect, tell
from doctorsun.data.formats.conversations import Conversations, Options
from doctorsun.data.formats.files import files_in, read_each, split_told
from doctorsun.data.formats.tar_samples import tar_samples
from doctorsun.data.miniature import tiny_picture
from doctorsun.data.reading import is_picture

__all__ = ["CARD", "READER", "Options", "example", "find", "records"]

READER = True
CAPTIONS = ("txt", "caption", "text")
CARD = Card(
    name="webdataset",
    title="WebDataset tar",
    licence="unknown",
    url="https://github.com/webdataset/webdataset",
    languages=("zh", "en"),
    citation="Aizman A, Maltby G, Breuel T. High performance I/O for large scale deep learning. 2019.",
    obtain="Your own files: name this reader, their folder (path) and their licence in the recipe.",
    obtain_zh="读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）。",
    patient_groups=False,
    notes=(
        "Plain tar files; jpg, png, webp, tif and 0.jpg, 1.jpg, … beside txt (a caption) or json "
        "(conversations, messages, or caption, or question and answer). Nothing is unpacked to disk. "
        "Options: `file`, `lang`, `group`, `origin`."
    ),
)


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write an invented shard."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "train-000000.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for at in range(5):
            talk = {"question": f"虚构图像{at}中有什么？", "answer": f"虚构的亮斑{at}。"}
            words = {
                "json": json.dumps(talk, ensure_ascii=False).encode(),
                "txt": f"A bright blot, number {at}.".encode(),
            }
            kind = "json" if at % 2 else "txt"
            files = {"jpg": tiny_picture(f"tar-{at}"), kind: words[kind]}
            for ending, raw in files.items():
                about = tarfile.TarInfo(f"{at:06d}.{ending}")
                about.size = len(raw)
                tar.addfile(about, io.BytesIO(raw))


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a sample: its pictures and its caption or conversation."""
    said = Options(**options)
    talks = Conversations.of(place, said, counts)

    def read(path: Path) -> Iterator[Record]:
        return talks.records(_rows(path, counts), split=split_told(path, place))

    yield from read_each(files_in(place, said.file, (".tar",)), read, counts)


def _rows(path: Path, counts: Counts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The samples as rows of a conversation."""
    for key, files in tar_samples(path, counts):
        where = f"{path.stem}/{key}"
        names = sorted((ending for ending in files if is_picture(f"a.{ending}")), key=_number)
        row = _words(files, where, counts, marks="<image>" * len(names))
        if isinstance(row, str):
            counts.drop(row, where)
        else:
            images = [{"bytes": files[name], "path": f"{key}.{name}"} for name in names]
            yield where, {**row, "images": images}


def _words(files: Mapping[str, bytes], where: str, counts: Counts, *, marks: str) -> dict[str, Any] | str:
    """The row of the words of a sample, else the key of the reason why there is none."""
    row: dict[str, Any] = {}
    if "json" in files:
        try:
            tree = json.loads(_text(files["json"], where, counts))
        except (ValueError, RecursionError):
            return "data.bad_json_row"
        row = tree if isinstance(tree, dict) else {}
    if row.get("conversations") or row.get("messages"):
        return row
    caption = next((row[name] for name in ("answer", *CAPTIONS) if isinstance(row.get(name), str)), None)
    plain = next((files[name] for name in CAPTIONS if name in files), None)
    if caption is None and plain is not None:
        caption = _text(plain, where, counts)
    if caption is None:
        return "data.nothing_known"
    asked = row["question"] if isinstance(row.get("question"), str) else ""
    if not marks and not asked:
        return "data.image_absent"
    turns = [
        {"role": "user", "content": f"{marks}\n{asked}"},
        {"role": "assistant", "content": caption},
    ]
    return {**row, "messages": turns, "image": None}


def _text(raw: bytes, where: str, counts: Counts) -> str:
    found = detect(raw)
    if found is None:
        return ""
    tell(found, where, counts)
    return decoded(raw, found)


def _number(ending: str) -> tuple[int, str]:
    first = ending.partition(".")[0]
    return (int(first) if first.isdigit() and len(first) < 9 else -1, ending)
