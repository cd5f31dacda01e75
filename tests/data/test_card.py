"""The card counts what is inside, names every licence that forbids something, and Croissant says the rest."""

import pytest

from doctorsun.data.card import HOSPITAL_LICENCE, by, card, limits_of
from doctorsun.data.croissant import croissant
from tests.data.published import CARD, publish, talk, turn

WORDS = (turn("user", "a?"), turn("assistant", "b"))


def made(folder, **values):
    licences = ["MIT", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "unknown"]
    samples = [
        talk(at, WORDS, licence=licence, lang="zh" if at else "en", modality="xray" if at else None)
        for at, licence in enumerate(licences * 400)
    ]
    return publish(folder / "set", samples, **values).info


def test_the_card_counts_by_language_modality_task_kind_source_licence_and_reason(tmp_path):
    info = made(tmp_path)
    info["sources"]["invented"]["counts"]["dropped"] = {"data.blank_picture": 12345}
    text = card(info)
    for row in (
        "| training `train` | 1,600 |",
        "| Chinese | 1,599 |",
        "| X-ray | 1,599 |",
        "| question | 1,600 |",
        "| none | 1,600 |",
        "| `invented` | 1,600 |",
        "| CC-BY-NC-4.0 | 400 | `invented` |",
        "| `invented` | the picture is blank | 12,345 |",
        "| 中文 | 1,599 |",
        "| X线 | 1,599 |",
        "| `invented` | 图像是空白的 | 12,345 |",
    ):
        assert row in text


def test_the_card_names_what_each_licence_forbids_and_its_sources(tmp_path):
    text = card(made(tmp_path))
    assert "- **CC-BY-NC-4.0**: no commercial use (`invented`)" in text
    assert "- **CC-BY-ND-4.0**: no changed version may be passed on (`invented`)" in text
    assert "- **unknown**: the licence is unknown" in text
    assert "- **MIT**" not in text
    assert "- **CC-BY-ND-4.0**: 不得转发修改后的版本 (`invented`)" in text


@pytest.mark.parametrize(
    ("licence", "limits"),
    [
        ("MIT", []),
        ("CC-BY-SA-4.0", []),
        ("CC-BY-NC-ND-4.0", ["data.limit_nc", "data.limit_nd"]),
        ("unknown", ["data.limit_unknown"]),
        ("PhysioNet-1.5.0", ["data.limit_own"]),
        (HOSPITAL_LICENCE, ["data.limit_private"]),
    ],
)
def test_what_a_licence_forbids(licence, limits):
    assert limits_of(licence) == limits


def test_the_leaky_official_split_is_not_counted(tmp_path):
    info = made(tmp_path)
    info["splits"]["official"] = {"by_lang": {"zh": 9999}}
    assert dict(by(info, "lang")) == {"zh": 1599, "en": 1}


def test_croissant_tells_of_people_biases_and_collection_and_is_valid(tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    info = made(tmp_path)
    info["sources"]["invented"]["card"] = {**CARD, "name": "invented", "patient_groups": False}
    tree = croissant(info, {name: known for name, known in info["files"].items() if name.startswith("data/")})
    found = mlcroissant.Dataset(jsonld=tree)
    assert not found.metadata.ctx.issues.errors
    assert "invented" in found.metadata.personal_sensitive_information[0]
    assert "xray 1,599" in found.metadata.data_biases[0]
    assert "No patient ids in: invented" in found.metadata.data_biases[1]
    assert "https://example.org" in str(found.metadata.data_collection)
