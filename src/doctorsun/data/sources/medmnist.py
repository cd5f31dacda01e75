"""MedMNIST: twelve sets of small pictures in one form (.npz), with their official splits."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from doctorsun.core.errors import DataError
from doctorsun.core.schema import Card, Fact, Picture, Record, Split
from doctorsun.data.counts import Counts
from doctorsun.data.reading import Folder, first_folder
from doctorsun.imaging.pictures import encode
from doctorsun.language.coding import exhaustive_facts

SPLITS: dict[str, Split | None] = {"train": None, "val": "validation", "test": "test"}
# What ChestX-ray14, from which ChestMNIST comes, calls a class that MedMNIST shortens.
NIH = {"pleural": "Pleural_Thickening"}
ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)
ORGAN_TERMS = (
    "bladder",
    "left_femoral_head",
    "right_femoral_head",
    "heart",
    "left_kidney",
    "right_kidney",
    "liver",
    "left_lung",
    "right_lung",
    "pancreas",
    "spleen",
)


@dataclass(frozen=True, slots=True)
class Subset:
    """One set: what its pictures are, its classes as it publishes them, and what the glossary calls them.

    `values` are the labels of the attribute `fact` in the order of the classes. `several` says that a picture
    may have any number of the classes; `finding` is the one finding of a set of two classes, there in class
    `sign`.
    """

    classes: tuple[str, ...]
    modality: str | None = None
    region: str | None = None
    view: str | None = None
    fact: str = ""
    values: tuple[str, ...] = ()
    finding: str = ""
    sign: int = 1
    several: bool = False
    licence: str = "CC-BY-4.0"


SUBSETS = {
    "pathmnist": Subset(
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
        modality="histology",
        region="tissue",
        fact="tissue_type",
        values=(
            "adipose_tissue",
            "slide_background",
            "cell_debris",
            "lymphocytes_tissue",
            "mucus",
            "smooth_muscle",
            "colon_mucosa",
            "cancer_stroma",
            "colorectal_adenocarcinoma",
        ),
    ),
    "chestmnist": Subset(
        (
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ),
        modality="xray",
        region="chest",
        several=True,
    ),
    "dermamnist": Subset(
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
        modality="dermoscopy",
        region="skin",
        fact="skin_diagnosis",
        values=(
            "actinic_keratosis",
            "basal_cell_carcinoma",
            "benign_keratosis",
            "dermatofibroma",
            "melanoma",
            "melanocytic_nevus",
            "vascular_lesion",
        ),
        licence="CC-BY-NC-4.0",
    ),
    "octmnist": Subset(
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        modality="oct",
        region="eye",
        fact="oct_diagnosis",
        values=("choroidal_neovascularization", "diabetic_macular_edema", "drusen", "normal_retina"),
    ),
    "pneumoniamnist": Subset(("normal", "pneumonia"), modality="xray", region="chest", finding="pneumonia"),
    "retinamnist": Subset(
        ("0", "1", "2", "3", "4"),
        modality="fundus_photo",
        region="eye",
        fact="retinopathy_grade",
        values=tuple(f"retinopathy_{grade}" for grade in range(5)),
    ),
    "breastmnist": Subset(
        ("malignant", "normal or benign"),
        modality="ultrasound",
        region="breast",
        finding="breast_cancer",
        sign=0,
    ),
    "bloodmnist": Subset(
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes (myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
        modality="blood_smear",
        region="blood",
        fact="blood_cell",
        values=(
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature_granulocyte",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "thrombocyte",
        ),
    ),
    "tissuemnist": Subset(
        (
            "collecting duct, connecting tubule",
            "distal convoluted tubule",
            "glomerular endothelial cells",
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
        modality="fluorescence_microscopy",
        region="tissue",
        fact="kidney_cell",
        values=(
            "collecting_duct",
            "distal_tubule",
            "glomerular_endothelium",
            "interstitial_endothelium",
            "kidney_leukocytes",
            "podocytes",
            "proximal_tubule",
            "thick_limb",
        ),
    ),
    "organamnist": Subset(ORGANS, modality="ct", view="axial", fact="shown_organ", values=ORGAN_TERMS),
    "organcmnist": Subset(ORGANS, modality="ct", view="coronal", fact="shown_organ", values=ORGAN_TERMS),
    "organsmnist": Subset(ORGANS, modality="ct", view="sagittal", fact="shown_organ", values=ORGAN_TERMS),
}
CARD = Card(
    name="medmnist",
    title="MedMNIST (2D)",
    licence="CC-BY-NC-4.0",
    url="https://zenodo.org/records/10519652",
    languages=("zh", "en"),
    test_rows="some",
    citation=(
        "Yang J, Shi R, Wei D, Liu Z, Zhao L, Ke B, Pfister H, Ni B. MedMNIST v2: A large-scale lightweight "
        "benchmark for 2D and 3D biomedical image classification. Scientific Data 10:41, 2023."
    ),
    obtain=(
        "Download any of the twelve files NAMEmnist.npz (or NAMEmnist_64.npz, _128, _224) into one folder."
    ),
    obtain_zh=("把十二个 NAMEmnist.npz（或 NAMEmnist_64.npz、_128、_224）中的任意几个下载到同一个文件夹。"),
    size="708,069 pictures of 28 to 224 pixels in 12 sets",
    non_commercial=True,
    patient_groups=False,
    notes=(
        "All sets are CC BY 4.0 but DermaMNIST, which is CC BY-NC 4.0; samples carry the licence of their "
        "set. Where a set lies there in several sizes the largest is read. The labels of ChestMNIST were "
        "mined from reports by a machine: what they do not name counts as absent. The set is for schooling "
        "and tests of programs: pictures of 28 pixels show little."
    ),
)


def find(root: Path) -> Path | None:
    """The folder that holds one of the files."""
    return first_folder(root, lambda at: bool(_files(at)))


def example(folder: Path) -> None:
    """Write an invented miniature of the data set: sets with one label, with two and with several."""
    rng = np.random.default_rng(0)
    place = folder / "medmnist"
    place.mkdir(parents=True, exist_ok=True)
    for name, channels in (("pneumoniamnist", 1), ("dermamnist", 3), ("chestmnist", 1), ("bloodmnist", 3)):
        subset, arrays = SUBSETS[name], dict[str, Any]()
        for split in SPLITS:
            shape = (4, 28, 28) if channels == 1 else (4, 28, 28, channels)
            arrays[f"{split}_images"] = rng.integers(0, 255, shape, dtype=np.uint8)
            labels = rng.integers(0, 2, (4, len(subset.classes))) if subset.several else np.arange(4)[:, None]
            arrays[f"{split}_labels"] = (labels % len(subset.classes)).astype(np.uint8)
        np.savez(place / f"{name}.npz", **arrays)


def records(place: Path, counts: Counts, *, subsets: str = "") -> Iterator[Record]:
    """One record a picture; `subsets` are names of sets separated by commas, all where empty."""
    wanted = {name.strip() for name in subsets.split(",") if name.strip()} or set(SUBSETS)
    listed = Folder(place, (), tuple(sorted(path.name for path in place.iterdir())))
    for name, file in sorted(_files(listed).items()):
        if name in wanted:
            yield from _of_file(place / file, name, counts)


def _of_file(path: Path, name: str, counts: Counts) -> Iterator[Record]:
    subset = SUBSETS[name]
    for part, split in SPLITS.items():
        labels = _labels(path, part)
        for at, pixels in enumerate(_pictures(path, part)):
            key = f"{name}-{part}-{at}"
            label = [int(value) for value in np.atleast_1d(labels[at])] if at < len(labels) else []
            known = subset.several or (len(label) == 1 and 0 <= label[0] < len(subset.classes))
            if not known or (subset.several and len(label) != len(subset.classes)):
                counts.drop("data.unknown_label", key)
                continue
            yield Record(
                id=key,
                images=(Picture(encode(pixels), f"{key}.png"),),
                facts=tuple(_facts(subset, label)),
                modality=subset.modality,
                anatomy=subset.region,
                group=key,
                licence=subset.licence,
                split=split,
            )


def _facts(subset: Subset, label: list[int]) -> Iterator[Fact]:
    opening = {"modality": subset.modality, "view": subset.view, "region": subset.region}
    yield from (Fact(name, value=json.dumps(value)) for name, value in opening.items() if value)
    if subset.fact:
        yield Fact(subset.fact, value=json.dumps(subset.values[label[0]]))
    if subset.finding:
        yield Fact(subset.finding, status="present" if label[0] == subset.sign else "absent")
    if subset.several:
        there = [name for name, value in zip(subset.classes, label, strict=True) if value]
        yield from exhaustive_facts([NIH.get(name, name) for name in there], "nih")


def _labels(path: Path, part: str) -> NDArray[np.generic]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found: NDArray[np.generic] = arrays[f"{part}_labels"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, ZlibError):
        raise DataError("data.unreadable_file", where=path.name) from None
    return found


def _pictures(path: Path, part: str) -> Iterator[NDArray[np.uint8]]:
    """The pictures of one split, one at a time, as RGB [height, width, 3]; a file may hold gigabytes."""
    try:
        with ZipFile(path) as archive, archive.open(f"{part}_images.npy") as file:
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, by_column, kind = read[np.lib.format.read_magic(file)](file)
            if by_column or kind != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (3,)):
                raise ValueError
            size = int(np.prod(shape[1:]))
            for _ in range(shape[0]):
                pixels = np.frombuffer(file.read(size), np.uint8).reshape(shape[1:])
                yield pixels if len(shape) == 4 else np.repeat(pixels[..., None], 3, axis=2)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, ZlibError):
        raise DataError("data.unreadable_file", where=path.name) from None


def _files(folder: Folder) -> Mapping[str, str]:
    """The file of each set in a folder, the one with the largest pictures."""
    found: dict[str, tuple[int, str]] = {}
    for name in folder.files:
        told = re.fullmatch(r"(\w+?mnist)(?:_(\d+))?\.npz", name)
        if told and told[1] in SUBSETS:
            found[told[1]] = max(found.get(told[1], (0, "")), (int(told[2] or 28), name))
    return {name: file for name, (_, file) in found.items()}
