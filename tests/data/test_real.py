"""The real folders, where this machine has them: every source is found, read and turned into samples."""

import json
import os
from pathlib import Path

import pytest

from doctorsun.data.build import build
from doctorsun.data.catalog import catalog
from tests.data.invented import recipe

ROOT = Path(os.environ.get("DOCTORSUN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not ROOT.is_dir(), reason=f"REAL DATA ABSENT: {ROOT} is no folder; set DOCTORSUN_DATA to run these tests"
)


# What lies in the shared folder with its pictures, and what only with its words.
WITH_PICTURES = {
    "bccd",
    "brain_tumor_mri",
    "busi",
    "covid_chestxray",
    "ham10000",
    "idrid",
    "medmnist",
    "nih_cxr",
    "pocus",
    "vqa_rad",
}
WORDS_ALONE = {
    "alpaca_en_zh",
    "alpaca_general",
    "chatdoctor",
    "cmb",
    "cmexam",
    "cmmlu_medical",
    "huatuo_zh",
    "iu_xray",
    "medical_dialogue_zh",
    "medmcqa",
    "medqa",
    "medquad",
    "mmlu_medical",
    "openi_zh_en",
    "pathvqa",
    "pubmedqa",
    "pulse_eval",
    "roco",
    "slake",
    "vqa_med_2019",
}


@needs_data
def test_every_real_source_is_found():
    here = {each.card.name for each in catalog(ROOT) if each.place is not None}
    assert here == WITH_PICTURES | WORDS_ALONE


@needs_data
def test_some_of_each_real_source_becomes_samples(tmp_path):
    sources = {
        name: {"accept": ["unknown", "CC-BY-NC", "CC-BY-NC-SA"], "limit": 10}
        for name in sorted(WITH_PICTURES)
        if name != "ham10000"
    }
    folder = build(recipe(ROOT, [], out=tmp_path / "built", sources=sources))
    info = json.loads((folder / "dataset.json").read_text())
    assert all(source["counts"]["kept"] >= 8 for source in info["sources"].values())
