"""NIH chest films in folders Pneumonia and No_findings, as re-packed by others."""

import json
from collections.abc import Iterator
from pathlib import Path

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record, Status
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture
from doctorsun.data.reading import first_folder, pictures_in, read_picture, subfolder

CLASSES: dict[Status, tuple[str, ...]] = {
    "present": ("Pneumonia",),
    "absent": ("No_findings", "No_finding", "No findings", "No Finding"),
}
CARD = Card(
    name="nih_cxr",
    title="ChestX-ray8 (NIH): pneumonia and no finding",
    licence="unknown",
    url="https://nihcc.app.box.com/v/ChestXray-NIHCC",
    languages=("en",),
    citation=(
        "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale chest X-ray "
        "database and benchmarks. CVPR 2017."
    ),
    obtain="Clone github.com/muhammedtalo/COVID-19; folders Pneumonia and No_findings are read.",
    notes=(
        "The NIH allows any use with attribution, the re-packed copy states no licence: 'unknown' here. "
        "Labels were mined from reports by machine and are partly wrong. The number before the "
        "underscore of a file's name is the patient."
    ),
    obtain_zh="克隆 github.com/muhammedtalo/COVID-19；读取 Pneumonia 和 No_findings 两个文件夹。",
    size="1,000 films in this copy (the whole of ChestX-ray8: 108,948)",
)


def find(root: Path) -> Path | None:
    """The folder that holds both class folders."""
    wanted = [{name.lower() for name in names} for names in CLASSES.values()]
    return first_folder(
        root, lambda at: all(names & {name.lower() for name in at.folders} for names in wanted)
    )


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    for at, names in enumerate(CLASSES.values()):
        for patient in range(8):
            put_picture(folder / "nih" / names[0] / f"{90000000 + 10 * patient + at:08d}_000.png")


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a film: whether there is pneumonia."""
    for status, names in CLASSES.items():
        folder = subfolder(place, *names)
        for path in pictures_in(folder) if folder else []:
            try:
                picture = read_picture(path, path.name)
            except RecordError as error:
                counts.drop(error.key, path.stem)
                continue
            yield Record(
                id=path.stem,
                images=(picture,),
                facts=(
                    Fact("modality", value=json.dumps("xray")),
                    Fact("region", value=json.dumps("chest")),
                    Fact("pneumonia", status=status),
                ),
                modality="xray",
                anatomy="chest",
                group=path.stem.partition("_")[0],
            )
