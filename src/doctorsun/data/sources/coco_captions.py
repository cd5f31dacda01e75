"""COCO captions: a JSON of `images` and of `annotations` that each caption one of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctorsun.core.errors import DataError, RecordError
from doctorsun.core.schema import Card, Record, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import LANGS, ORIGINS, lang_of
from doctorsun.data.formats.files import FOLDERS, files_in, one_of, picture_of, read_each, split_told
from doctorsun.data.formats.rows import LEAVE
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import read_json

READER = True
COCO_FOLDERS = (*FOLDERS, "train2017", "val2017", "train2014", "val2014")
CARD = Card(
    name="coco_captions",
    title="COCO captions JSON",
    licence="unknown",
    url="https://cocodataset.org/#format-data",
    languages=("zh", "en"),
    citation="Chen X, et al. Microsoft COCO captions: data collection and evaluation server. 2015.",
    obtain=(
        "Your own files in this format: name this reader, their folder (path) and their licence in the "
        "recipe. COCO itself: annotations_trainval2017.zip and train2017.zip from cocodataset.org."
    ),
    obtain_zh=(
        "读取您自己的同格式文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence）。"
        "COCO 本身：从 cocodataset.org 下载 annotations_trainval2017.zip 和 train2017.zip。"
    ),
    patient_groups=False,
    notes="Options: `file`, `images` (the folder that file names start from), `lang`, `origin`.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which files, where their pictures lie, and what is known of the words."""

    file: str = ""
    images: str = ""
    lang: str = "auto"
    origin: str = "human"


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write an invented file and its pictures."""
    images, annotations = [], []
    for at in range(4):
        name = f"{at:012d}.jpg"
        put_picture(folder / "train2017" / name)
        images.append({"id": at, "file_name": name, "width": 40, "height": 32})
        for number, caption in enumerate((f"A bright blot, number {at}.", f"第{at}个虚构的亮斑。")):
            annotations.append({"id": 10 * at + number, "image_id": at, "caption": caption})
    tree = {"info": {}, "licenses": [], "images": images, "annotations": annotations}
    put_text(folder / "annotations" / "captions_train2017.json", json.dumps(tree, ensure_ascii=False))


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a picture with all its captions."""
    said = Options(**options)
    one_of("lang", said.lang, LANGS)
    one_of("origin", said.origin, ORIGINS)
    show = picture_of(place, said.images, *COCO_FOLDERS)

    def read(path: Path) -> Iterator[Record]:
        images, texts = _read(path, said, counts)
        for number, name in images.items():
            try:
                picture = show(name)
            except RecordError as error:
                counts.drop(error.key, name)
                continue
            if picture is None:
                counts.drop("data.image_absent", name)
                continue
            yield Record(
                id=f"{path.stem}/{name}",
                images=(picture,),
                texts=tuple(texts.get(number, ())),
                group=name,
                split=split_told(path, place),
            )

    yield from read_each(files_in(place, said.file, (".json",), leave=LEAVE), read, counts)


def _read(path: Path, said: Options, counts: Counts) -> tuple[dict[str, str], dict[str, list[Text]]]:
    """The file name and the captions of each image id; DataError where this is another kind of JSON."""
    tree = read_json(path, counts=counts)
    lists = (tree.get("images"), tree.get("annotations")) if isinstance(tree, dict) else (None, None)
    if not all(isinstance(each, list) for each in lists):
        raise DataError("data.bad_coco", where=path.name)
    images: dict[str, str] = {}
    for at, image in enumerate(tree["images"]):
        name = image.get("file_name") if isinstance(image, dict) else None
        if not isinstance(name, str) or not name or "id" not in image:
            counts.drop("data.bad_row", f"{path.name}/images/{at}")
        else:
            images[str(image["id"])] = name
    texts: dict[str, list[Text]] = {}
    for at, each in enumerate(tree["annotations"]):
        if not isinstance(each, dict) or not isinstance(each.get("caption"), str) or "image_id" not in each:
            counts.drop("data.bad_row", f"{path.name}/annotations/{at}")
        elif str(each["image_id"]) not in images:
            counts.drop("data.image_absent", f"{path.name}/annotations/{at}")
        else:
            texts.setdefault(str(each["image_id"]), []).append(_text(each, said, at))
    return images, texts


def _text(row: Mapping[str, Any], said: Options, at: int) -> Text:
    words = row["caption"].strip()
    told = lang_of(words) if said.lang == "auto" else said.lang
    return Text(
        answer=words,
        lang="zh" if told == "zh" else "en",
        task="caption",
        origin=one_of("origin", said.origin, ORIGINS),
        key=f"caption-{row.get('id', at)}",
    )
