"""An invented miniature of every source on disk, and recipes over it."""

from pathlib import Path

from doctorsun.core import plugins
from doctorsun.data import sources
from doctorsun.data.config import DataConfig, SourceConfig

ACCEPT = (
    "unknown",
    "CC-BY-NC",
    "CC-BY-NC-SA",
    "CC-BY-NC-ND",
    "hospital-private",
    "PhysioNet-Credentialed-1.5.0",
)
PICTURES = [
    "bccd",
    "brain_tumor_mri",
    "busi",
    "covid_chestxray",
    "ham10000",
    "idrid",
    "llava_med",
    "medmnist",
    "medtrinity_25m",
    "nih_cxr",
    "omnimedvqa",
    "pathvqa",
    "pmc_oa",
    "pmc_vqa",
    "pocus",
    "pubmedvision",
    "quilt_1m",
    "roco",
    "rocov2",
    "slake",
    "vqa_med_2019",
    "vqa_med_2020",
    "vqa_med_2021",
    "vqa_rad",
]
TEXTS = ["alpaca_en_zh", "alpaca_general", "chatdoctor", "huatuo_zh", "medical_dialogue_zh", "medquad"]
TEXTS += [
    "cmb",
    "cmedqa2",
    "cmexam",
    "cmmlu_medical",
    "medmcqa",
    "medqa",
    "medqa_zh",
    "mmlu_medical",
    "pubmedqa",
]
TEXTS += ["huatuo26m", "pulse_eval"]

REPORTS = ["iu_xray", "mimic_cxr", "openi_zh_en"]
# It reads DICOM in a process of its own, so it is kept out of builds of everything.
HOSPITALS = ["hospital"]

GENERAL = ["allava", "belle", "bunny", "llava_instruct", "sharegpt4v"]
# They look for nothing: a recipe says where their files are.
READERS = ["coco_captions", "hf_messages", "llava_json", "preference_pairs", "sharegpt"]
READERS += ["table_images", "table_studies", "webdataset"]


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
