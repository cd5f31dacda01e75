"""An invented miniature of every source on disk, and recipes over it."""

from pathlib import Path

from doctorsun.core import plugins
from doctorsun.data import sources
from doctorsun.data.config import DataConfig, SourceConfig

ACCEPT = ("unknown", "CC-BY-NC", "CC-BY-NC-SA")
PICTURES = ["bccd", "brain_tumor_mri", "busi", "covid_chestxray", "ham10000", "idrid", "nih_cxr", "vqa_rad"]
TEXTS = ["alpaca_en_zh", "alpaca_general", "chatdoctor", "huatuo_zh", "medical_dialogue_zh", "medquad"]


def write_sources(root: Path, names: list[str]) -> None:
    for name in names:
        plugins.find(sources, name).example(root / f"folder-{len(name)}-{name[::-1]}")


def recipe(root: Path, names: list[str], **values: object) -> DataConfig:
    tree = {
        "name": "invented",
        "root": root,
        "out": root.parent / "built",
        "workers": 1,
        "sources": {name: SourceConfig(accept=ACCEPT) for name in names},
        **values,
    }
    return DataConfig.model_validate(tree)
