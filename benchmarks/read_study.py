"""Reading a CT of 1,000 slices beside pydicom and SimpleITK, and memory over many files; last one JSON.

Bare pydicom is `dcmread` and `pixel_array`, with no order, no geometry and no Hounsfield units. Seconds
are the process's own, best of several rounds in turns. SimpleITK sorts and rescales too (used when it is
installed): its voxels, in its own order, must equal ours. Memory is that of the process after the headers
of all small files were read, and while frame after frame is decoded.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from pydicom import FileDataset, FileMetaDataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from doctorsun.imaging.opening import load_study

CT = "1.2.840.10008.5.1.4.1.1.2"
EXTRA_ELEMENTS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 slices, 1,000 files")
    parser.add_argument("--slices", type=int)
    parser.add_argument("--files", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    slices = chosen.slices or (200 if chosen.quick else 1000)
    files = chosen.files or (1000 if chosen.quick else 10_000)
    with tempfile.TemporaryDirectory() as place:
        found = speed(Path(place), slices, chosen.rounds)
    with tempfile.TemporaryDirectory() as place:
        found |= memory(Path(place), files)
    print(json.dumps(found))


def speed(folder: Path, slices: int, rounds: int) -> dict[str, object]:
    """Processor seconds of each reader over the same slices, in names that say nothing of their order."""
    make(folder, slices, px=512)
    readers: dict[str, Callable[[Path], object]] = {"ours": ours, "pydicom": bare}
    if (simple := simple_itk()) is not None:
        readers["simpleitk"] = simple
    best = dict.fromkeys(readers, float("inf"))
    for _ in range(rounds):
        for name, reader in readers.items():
            start = time.process_time()
            reader(folder)
            best[name] = min(best[name], time.process_time() - start)
    for name, seconds in best.items():
        print(f"{name:10} {seconds:.2f} s, {1000 * seconds / slices:.2f} ms a slice")
    found: dict[str, object] = {"slices": slices}
    found |= {
        f"read_vs_{name}": round(seconds / best["ours"], 3)
        for name, seconds in best.items()
        if name != "ours"
    }
    if simple is not None:
        same = np.array_equal(load_study(folder).series[0].voxels(), simple(folder))
        print(f"voxels equal SimpleITK's: {same}")
        found["voxels_equal_simpleitk"] = bool(same)
    return found


def memory(folder: Path, files: int) -> dict[str, object]:
    """Resident MiB: before, after the headers of all files, and at most while every frame is decoded."""
    make(folder, files, px=32)
    process = psutil.Process()
    before = process.memory_info().rss
    study = load_study(folder)
    headers = process.memory_info().rss
    highest = 0
    for series in study.series:
        for index, frame in enumerate(series.frames()):
            assert frame.pixels.size
            if index % 100 == 0:
                highest = max(highest, process.memory_info().rss)
    mib = {"before": before, "headers": headers, "frames": highest}
    print(f"{files} files: " + ", ".join(f"{name} {value / 2**20:.0f} MiB" for name, value in mib.items()))
    return {"files": files} | {f"mib_{name}": round(value / 2**20, 1) for name, value in mib.items()}


def ours(folder: Path) -> None:
    """Every slice in Hounsfield units, in the order of its place."""
    for series in load_study(folder).series:
        for frame in series.frames():
            assert frame.pixels.ndim == 2


def bare(folder: Path) -> None:
    """Every slice as it is stored, in the order of names."""
    for path in sorted(folder.iterdir()):
        assert dcmread(path).pixel_array.ndim == 2


def simple_itk() -> Callable[[Path], object] | None:
    """SimpleITK's reader of a series; null where it is not installed (pip install SimpleITK)."""
    try:
        import SimpleITK
    except ImportError:
        print("SimpleITK is not installed: pip install SimpleITK")
        return None

    def read(folder: Path) -> object:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return SimpleITK.GetArrayFromImage(reader.Execute()).astype(np.float32)

    return read


def make(folder: Path, number: int, *, px: int) -> None:
    """Slices of one CT under shuffled names, each with as many elements as a scanner writes."""
    generator = np.random.default_rng(0)
    values = generator.integers(0, 4096, (px, px), dtype=np.int16)
    for place, name in enumerate(generator.permutation(number)):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CT
        one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID = CT
        one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[str(place), str(px)]
        )
        one.StudyInstanceUID, one.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        one.FrameOfReferenceUID, one.Modality, one.InstanceNumber = "1.2.3.5", "CT", place + 1
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, 1.25 * place], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = [0.7, 0.7], 1.25
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.WindowCenter, one.WindowWidth = 40, 400
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.Rows = one.Columns = px
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        block = one.private_block(0x0029, "BENCHMARK", create=True)
        for element in range(EXTRA_ELEMENTS):
            block.add_new(element, "LO", f"value {element}")
        one.PixelData = np.roll(values, place).tobytes()
        one.save_as(folder / f"{name:06}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    main()
