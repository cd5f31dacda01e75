"""A CSV or XLSX with a row a picture (or a question about one) and a folder of pictures."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Picture, Record, Split, Task, Text
from doctorsun.data.counts import Counts
from doctorsun.data.formats.conversations import LANGS, ORIGINS, lang_of
from doctorsun.data.formats.files import HELD_OUT, files_in, one_of, picture_of, read_each, split_told
from doctorsun.data.formats.labels import facts_of, labels_of
from doctorsun.data.formats.sheet import SHEET_ENDINGS
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.reading import read_table
from doctorsun.data.visual import kind_of
from doctorsun.language.glossary import glossary

Row = Mapping[str, str]
READER = True
PLACE = "\0place"
TABLE_ENDINGS = (".csv", ".tsv", ".tab", *SHEET_ENDINGS)
TASKS: tuple[Task, ...] = ("caption", "report")
CARD = Card(
    name="table_images",
    title="CSV / XLSX + a folder of pictures",
    licence="unknown",
    url="https://huggingface.co/docs/datasets/image_dataset",
    languages=("zh", "en"),
    citation="RFC 4180, common format and MIME type for comma-separated values (CSV) files, 2005.",
    obtain=(
        "Your own files: name this reader, their folder (path), their licence and in options the columns: "
        "image_column, text_column, question_column, label_columns."
    ),
    obtain_zh=(
        "读取您自己的文件：在配方中写明该读取器（reader）、文件夹（path）和许可证（licence），并在 options "
        "中写明各列：image_column、text_column、question_column、label_columns。"
    ),
    patient_groups=False,
    notes=(
        "`text_column` is the caption or report, with `question_column` the answer; empty for labels "
        'alone. `label_columns` such as "effusion, 肺炎, dx=skin_diagnosis" become facts of the glossary, in '
        "both languages. `group_column` names the patient, `split_column` the official split."
    ),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which columns say what; `file` is a pattern, `images` the folder that names of pictures start from."""

    file: str = ""
    images: str = ""
    image_column: str = "image"
    text_column: str = "text"
    question_column: str = ""
    label_columns: str = ""
    group_column: str = ""
    split_column: str = ""
    modality: str = ""
    task: str = "caption"
    lang: str = "auto"
    origin: str = "human"


def find(root: Path) -> Path | None:
    """Nothing: the recipe says where the files are."""
    return None


def example(folder: Path) -> None:
    """Write an invented table and its pictures."""
    rows = []
    for at in range(5):
        put_picture(folder / "images" / f"{at}.jpg")
        rows.append(
            (f"{at}.jpg", f"虚构图像{at}中央有一个亮斑。" if at % 2 else f"A bright blot, number {at}.")
        )
    put_table(folder / "captions.csv", ("image", "text"), rows, encoding="gb18030")


def records(place: Path, counts: Counts, **options: str) -> Iterator[Record]:
    """One record a picture: its labels as facts, and every text of it."""
    said = Options(**options)
    one_of("lang", said.lang, LANGS)
    modality = one_of("modality", said.modality, ("", *glossary().attributes["modality"].values))
    labels = labels_of(said.label_columns)
    asked = (said.image_column, said.text_column, said.question_column, said.group_column, said.split_column)
    columns = [*filter(None, asked), *(label.column for label in labels)]
    show = picture_of(place, said.images)
    made = (Fact("modality", value=json.dumps(modality)),) if modality else ()

    def read(path: Path) -> Iterator[Record]:
        rows: dict[str, list[Row]] = {}
        for at, row in enumerate(read_table(path, columns, counts=counts)):
            if row[said.image_column]:
                rows.setdefault(row[said.image_column], []).append({**row, PLACE: f"{path.name}/{at}"})
            else:
                counts.drop("data.bad_row", f"{path.name}/{at}")
        for name, told in rows.items():
            facts = facts_of(told[0], labels)
            record = Record(
                id=f"{path.stem}/{name}",
                facts=(*made, *(facts or ())),
                texts=tuple(_text(row, said) for row in told if said.text_column and row[said.text_column]),
                modality=modality or None,
                group=told[0].get(said.group_column) or name,
                split=_split(told, said.split_column) or split_told(path, place),
            )
            fault = "data.unknown_label" if facts is None else _shown(record, show, name)
            if isinstance(fault, str):
                counts.drop(fault, told[0][PLACE])
            else:
                yield fault

    yield from read_each(files_in(place, said.file, TABLE_ENDINGS), read, counts)


def _split(rows: Sequence[Row], column: str) -> Split | None:
    """The strictest split that the rows of one picture tell: what is tested once is never trained on."""
    told = {HELD_OUT.get(row.get(column, "").lower()) for row in rows}
    return "test" if "test" in told else "validation" if "validation" in told else None


def _shown(record: Record, show: Callable[[object], Picture | None], name: str) -> Record | str:
    """The record with its picture, else the key of the reason why there is none."""
    try:
        picture = show(name)
    except RecordError as error:
        return error.key
    return "data.image_absent" if picture is None else replace(record, images=(picture,))


def _text(row: Row, said: Options) -> Text:
    answer, question = row[said.text_column], row.get(said.question_column)
    told = lang_of(f"{question or ''}{answer}") if said.lang == "auto" else said.lang
    return Text(
        answer=answer,
        lang="zh" if told == "zh" else "en",
        task="vqa" if question else one_of("task", said.task, TASKS),
        question=question or None,
        kind=kind_of(answer) if question else "report" if said.task == "report" else None,
        origin=one_of("origin", said.origin, ORIGINS),
        key=row[PLACE],
    )
