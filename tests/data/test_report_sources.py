"""IU X-ray, the bilingual Open-i captions and MIMIC-CXR: reports with and without their films."""

import gzip
import shutil

import pytest

from doctorsun.core.errors import DataError
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.data.sources import iu_xray, mimic_cxr, openi_zh_en


def read(module, root):
    counts = Counts()
    return {each.id: each for each in module.records(module.find(root), counts)}, counts


def made(module, root):
    module.example(root)
    return read(module, root)


def test_a_report_of_iu_xray_has_its_films_and_what_its_terms_say(tmp_path):
    found, _ = made(iu_xray, tmp_path)
    normal, other = found["CXR1"], found["CXR2"]
    assert len(normal.images) == 2
    assert normal.texts[0].answer.startswith("Findings: Invented finding 1 of the left lung.\nImpression: ")
    away = {fact.name: fact.status for fact in normal.facts if fact.status}
    assert set(away.values()) == {"absent"} and {"effusion", "pneumonia", "nodule"} < set(away)
    assert not {"support_device", "scoliosis", "calcified_granuloma"} & set(away)
    assert [fact.name for fact in other.facts if fact.status == "present"] == ["effusion"]
    assert normal.group != other.group


@pytest.mark.parametrize("module", [iu_xray, mimic_cxr], ids=["iu_xray", "mimic_cxr"])
def test_a_report_without_films_teaches_its_conclusion_from_its_findings_only(module, tmp_path):
    whole, _ = made(module, tmp_path)
    for path in [*tmp_path.rglob("*.png"), *tmp_path.rglob("*.jpg")]:
        path.unlink()
    found, counts = read(module, tmp_path)
    assert counts.dropped == {"data.image_absent": len(whole)}
    assert all(not each.images and not each.facts and each.id.endswith("-text") for each in found.values())
    for text in (text for each in found.values() for text in each.texts):
        assert (text.task, text.kind) == ("qa", "open")
        assert "nvented" in text.question
        assert text.answer not in text.question
    assert len({each.texts[0].question.split(":")[0] for each in found.values()}) > 1
    # CXR4 has no findings, so nothing can be concluded from them.
    assert len(found) == (5 if module is iu_xray else 6)


def test_the_table_of_iu_xray_is_read_too(tmp_path):
    rows = [
        ("CXR8", "img/CXR8_1.png", "Invented lungs, clear.", "Normal.", "normal"),
        ("CXR8", "img/CXR8_2.png", "Invented lungs, clear.", "Normal.", "normal"),
        ("CXR9", "img/CXR9_1.png", "An effusion of XXXX.", "Effusion.", "Pleural Effusion/left|Nodule"),
    ]
    put_table(tmp_path / "dataset.csv", iu_xray.COLUMNS, rows)
    for name in ("CXR8_1", "CXR8_2", "CXR9_1"):
        put_picture(tmp_path / "img" / f"{name}.png")
    found, counts = read(iu_xray, tmp_path)
    assert [len(each.images) for each in found.values()] == [2, 1]
    assert {fact.name: fact.status for fact in found["CXR9"].facts if fact.status} == {
        "effusion": "present",
        "nodule": "present",
        "cardiomegaly": "absent",
        "pneumothorax": "absent",
    }
    assert counts.noted == {"data.masked_words": 1}


@pytest.mark.parametrize(
    "damage",
    [
        b"<eCitation><uId",
        b'<!DOCTYPE x [<!ENTITY a "b">]><eCitation>&a;</eCitation>',
        b"",
        b"\xff\xfe\x00",
    ],
    ids=["cut", "entity", "empty", "bytes"],
)
def test_a_damaged_report_costs_only_itself(damage, tmp_path):
    whole, _ = made(iu_xray, tmp_path)
    (next(tmp_path.rglob("ecgen-radiology")) / "3.xml").write_bytes(damage)
    found, counts = read(iu_xray, tmp_path)
    assert set(whole) - set(found) == {"CXR3"}
    assert counts.dropped == {"data.bad_annotation": 1}


def test_a_film_of_open_i_has_its_words_in_both_languages(tmp_path):
    found, counts = made(openi_zh_en, tmp_path)
    assert {text.lang: text.origin for text in found["11_1"].texts} == {"zh": "translated", "en": "synthetic"}
    assert found["11_1"].group == found["11_2"].group != found["12_1"].group
    next(tmp_path.rglob("openi-en.json")).unlink()
    alone, counts = read(openi_zh_en, tmp_path)
    assert [text.lang for each in alone.values() for text in each.texts] == ["zh"] * 6
    assert not counts.dropped


def test_words_of_open_i_without_their_film_are_counted(tmp_path):
    made(openi_zh_en, tmp_path)
    next(tmp_path.rglob("12_1.png")).unlink()
    found, counts = read(openi_zh_en, tmp_path)
    assert len(found) == 5
    assert counts.examples == {"data.image_absent": ["12_1"]}


def test_captions_without_their_list_are_one_clear_line(tmp_path):
    made(openi_zh_en, tmp_path)
    next(tmp_path.rglob("openi-en.json")).write_text("[]")
    with pytest.raises(DataError, match="annotations"):
        read(openi_zh_en, tmp_path)


def test_a_study_of_mimic_has_its_label_its_view_and_its_official_split(tmp_path):
    found, counts = made(mimic_cxr, tmp_path)
    first, last = found["s50000000"], found["s50000005"]
    assert {each.split for each in found.values()} == {"train", "validation", "test"}
    assert (first.split, last.split) == ("train", "test")
    assert first.group == found["s50000001"].group != last.group
    told = {fact.name: fact.status or fact.value for fact in first.facts}
    assert told == {"modality": '"xray"', "region": '"chest"', "view": '"lateral"', "pneumonia": "absent"}
    assert {fact.name: fact.status for fact in found["s50000001"].facts}["effusion"] == "uncertain"
    said = "Findings: The invented lungs of film 0 are clear.\nImpression: 1. Invented 0."
    assert first.texts[0].answer == said
    assert not counts.dropped


def test_packed_tables_of_mimic_are_read_and_missing_ones_are_counted(tmp_path):
    whole, _ = made(mimic_cxr, tmp_path)
    for path in sorted(tmp_path.rglob("mimic-cxr-2.0.0-*.csv")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read(mimic_cxr, tmp_path)[0] == whole
    next(tmp_path.rglob("*chexpert*")).unlink()
    found, counts = read(mimic_cxr, tmp_path)
    assert counts.noted == {"data.table_absent": 1}
    assert not any(fact.status for each in found.values() for fact in each.facts)


def test_a_cut_table_of_mimic_is_one_clear_line(tmp_path):
    made(mimic_cxr, tmp_path)
    table = next(tmp_path.rglob("*split.csv"))
    packed = gzip.compress(table.read_bytes())
    table.unlink()
    table.with_name(f"{table.name}.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError) as caught:
        read(mimic_cxr, tmp_path)
    assert caught.value.key == "data.bad_table"


def test_films_of_mimic_without_reports_still_have_their_labels(tmp_path):
    made(mimic_cxr, tmp_path)
    shutil.rmtree(next(tmp_path.rglob("mimic-cxr-reports")))
    found, _ = read(mimic_cxr, tmp_path)
    assert len(found) == 6
    assert all(each.facts and each.images and not each.texts for each in found.values())


@pytest.mark.parametrize(
    ("terms", "absent"),
    [
        ("No Indexing", set()),
        ("Costophrenic Angle/blunted", {"cardiomegaly", "pneumothorax"}),
        ("Technical Quality of Image Unsatisfactory|Cardiomegaly", set()),
        ("Scoliosis", {"cardiomegaly", "effusion", "pneumothorax"}),
    ],
)
def test_headings_of_iu_xray_exclude_only_what_every_report_speaks_of(terms, absent, tmp_path):
    put_table(tmp_path / "dataset.csv", iu_xray.COLUMNS, [("CXR7", "a/CXR7_1.png", "Lungs.", "Film.", terms)])
    put_picture(tmp_path / "a" / "CXR7_1.png")
    found, _ = read(iu_xray, tmp_path)
    assert {fact.name for fact in found["CXR7"].facts if fact.status == "absent"} == absent


def test_a_study_of_mimic_without_a_finding_has_none_of_the_common_ones(tmp_path):
    made(mimic_cxr, tmp_path)
    table = next(tmp_path.rglob("*chexpert.csv"))
    head, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},No Finding", f"{first},1.0", *(f"{line}," for line in rest)]) + "\n")
    found, _ = read(mimic_cxr, tmp_path)
    stated = {fact.name: fact.status for fact in found["s50000000"].facts if fact.status}
    assert set(stated.values()) == {"absent"} and {"pneumothorax", "cardiomegaly"} < set(stated)
    assert "support_device" not in stated
