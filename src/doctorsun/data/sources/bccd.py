"""BCCD: blood smears with a box around every cell."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_text
from doctorsun.data.reading import first_folder, pictures_below, read_picture

Box = tuple[float, float, float, float]

CELLS = {"RBC": "red_blood_cell", "WBC": "white_blood_cell", "Platelets": "platelet"}
# Fewer than the first number is "few", fewer than the second "some": thirds of the training pictures.
BINS = {"RBC": ("rbc_bin", 10, 14)}
NUMBERS = {"WBC": ("wbc_count", 9), "Platelets": ("platelet_count", 30)}
LISTS: dict[str, Split] = {"val": "validation", "test": "test"}
CARD = Card(
    name="bccd",
    title="BCCD: blood cell count and detection",
    licence="MIT",
    url="https://github.com/Shenggan/BCCD_Dataset",
    languages=("en",),
    test_rows="some",
    citation="Cosmicad, akshaylamba. BCCD Dataset, 2017. github.com/Shenggan/BCCD_Dataset",
    obtain="Clone the repository; BCCD/JPEGImages, BCCD/Annotations and BCCD/ImageSets are read.",
    patient_groups=False,
    notes=(
        "The official lists of ImageSets say what is validation and test. Boxes of red cells are known "
        "to be incomplete, so their number is only told in thirds of this set (under 10, 10 to 13, from "
        "14); these words are no laboratory ranges. A place is told of a cell that is alone of its kind."
    ),
    obtain_zh="克隆该仓库；读取 BCCD/JPEGImages、BCCD/Annotations 和 BCCD/ImageSets。",
    size="364 pictures, 4,888 boxes",
)


@dataclass(frozen=True, slots=True)
class _Cells:
    """What one annotation tells: the boxes of each kind, 0..1 of width and height, the largest first."""

    boxes: dict[str, list[Box]]


def find(root: Path) -> Path | None:
    """The folder that holds Annotations and JPEGImages."""
    return first_folder(root, lambda at: {"Annotations", "JPEGImages"} <= set(at.folders))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set."""
    place = folder / "BCCD"
    names = [f"BloodImage_{90000 + at:05d}" for at in range(12)]
    for at, name in enumerate(names):
        put_picture(place / "JPEGImages" / f"{name}.jpg", size=(64, 48))
        cells = ["WBC"] * (1 + at % 2) + ["RBC"] * (6 + at) + ["Platelets"] * (at % 3)
        put_text(place / "Annotations" / f"{name}.xml", _annotation(name, cells))
    put_text(place / "ImageSets" / "Main" / "train.txt", "".join(f"{name}\n" for name in names[:8]))
    put_text(place / "ImageSets" / "Main" / "val.txt", "".join(f"{name}\n" for name in names[8:10]))
    put_text(place / "ImageSets" / "Main" / "test.txt", "".join(f"{name}\n" for name in names[10:]))


def records(place: Path, counts: Counts) -> Iterator[Record]:
    """One record a smear: which cells there are, how many, and where the only one of a kind is."""
    lists = _lists(place / "ImageSets")
    files = pictures_below(place / "JPEGImages")
    for path in sorted((place / "Annotations").glob("[!.]*.xml")):
        name = path.stem
        if name not in files:
            counts.drop("data.image_absent", name)
            continue
        try:
            cells = _cells(path)
            picture = read_picture(files[name], files[name].name)
        except RecordError as error:
            counts.drop(error.key, name)
            continue
        yield Record(
            id=name,
            images=(picture,),
            facts=tuple(_facts(cells)),
            modality="blood_smear",
            anatomy="blood",
            group=name,
            split=lists.get(name),
        )
    for name in sorted(files.keys() - {path.stem for path in (place / "Annotations").glob("[!.]*.xml")}):
        counts.drop("data.no_annotation", name)


def _lists(place: Path) -> dict[str, Split]:
    found: dict[str, Split] = {}
    for part, split in LISTS.items():
        for path in sorted(place.rglob(f"{part}.txt")):
            names = path.read_text(encoding="utf-8", errors="replace").split()
            found.update(dict.fromkeys(names, split))
    return found


def _cells(path: Path) -> _Cells:
    """The boxes of one annotation; RecordError where it is damaged."""
    try:
        tree = ElementTree.parse(path).getroot()
        width, height = (float(tree.findtext(f"size/{name}") or 0) for name in ("width", "height"))
        boxes: dict[str, list[Box]] = {name: [] for name in CELLS}
        for cell in tree.iter("object"):
            corner = [
                float(cell.findtext(f"bndbox/{name}") or "nan") for name in ("xmin", "ymin", "xmax", "ymax")
            ]
            boxes[cell.findtext("name") or ""].append(_box(corner, width, height))
    except (OSError, ElementTree.ParseError, ValueError, LookupError, ZeroDivisionError):
        raise RecordError("data.bad_annotation", where=path.name) from None
    ordered = {name: sorted(found, key=_area, reverse=True) for name, found in boxes.items()}
    return _Cells(ordered)


def _box(corner: Sequence[float], width: float, height: float) -> Box:
    left, top, right, bottom = corner
    if not (left < right and top < bottom):
        raise ValueError
    box = (left / width, top / height, right / width, bottom / height)
    first, second, third, fourth = (round(min(max(side, 0.0), 1.0), 4) for side in box)
    return (first, second, third, fourth)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _facts(cells: _Cells) -> Iterator[Fact]:
    yield Fact("modality", value=json.dumps("blood_smear"))
    yield Fact("region", value=json.dumps("blood"))
    numbers = Counter({name: len(boxes) for name, boxes in cells.boxes.items()})
    for name, finding in CELLS.items():
        boxes = cells.boxes[name]
        # "Where is the red cell?" has no answer where there are more.
        box = boxes[0] if len(boxes) == 1 else None
        yield Fact(finding, status="present" if boxes else "absent", box_xyxy=box)
    for name, (fact, top) in NUMBERS.items():
        if numbers[name] <= top:
            yield Fact(fact, value=json.dumps(numbers[name]))
    for name, (fact, some, many) in BINS.items():
        label = "few" if numbers[name] < some else "some" if numbers[name] < many else "many"
        yield Fact(fact, value=json.dumps(label))


def _annotation(name: str, cells: Sequence[str]) -> str:
    objects = "".join(
        f"<object><name>{cell}</name><bndbox><xmin>{at}</xmin><ymin>{at}</ymin><xmax>{at + 20}</xmax>"
        f"<ymax>{at + 15}</ymax></bndbox></object>"
        for at, cell in enumerate(cells)
    )
    size = "<size><width>64</width><height>48</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}.jpg</filename>{size}{objects}</annotation>\n"
