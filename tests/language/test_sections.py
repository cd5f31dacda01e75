"""The sections of reports, zh and en, as hospitals write their headers."""

import csv
from pathlib import Path

import pytest

from doctorsun.language.sections import NAMES, Sections, asked, language_of, sections

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "iu-xray-reports" / "dataset.csv"
ZH = Sections(findings="两肺纹理清晰。", impression="未见异常。")
EN = Sections(findings="The lungs are clear.", impression="No acute disease.")


@pytest.mark.parametrize(
    "text",
    [
        "检查所见：两肺纹理清晰。\n诊断意见：未见异常。",
        "影像所见:两肺纹理清晰。 印象:未见异常。",
        "所见：两肺纹理清晰。结论：未见异常。",
        "【检查所见】两肺纹理清晰。【印 象】未见异常。",
        "一、影像表现：两肺纹理清晰。\n二、影像诊断：未见异常。",
        "超声所见\n两肺纹理清晰。\n超声提示\n未见异常。",
        "镜下所见\u3000\u3000两肺纹理清晰。\n病理诊断\u3000\u3000未见异常。",
        "CT表现（平扫）：两肺纹理清晰。提示：未见异常。",
        "**检查所见**：两肺纹理清晰。\n**印象**：未见异常。",
        "诊 断 意 见 ： 未见异常。\n检 查 所 见 ： 两肺纹理清晰。",
    ],
    ids=lambda text: text[:6].strip(),
)
def test_chinese_headers_are_found_however_they_are_written(text):
    assert sections(text) == ZH


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: The lungs are clear.\n\nIMPRESSION: No acute disease.",
        "Findings: The lungs are clear. Impression: No acute disease.",
        "FINDINGS:\nThe lungs are clear.\nIMPRESSION(S):\nNo acute disease.",
        "findings\nThe lungs are clear.\nconclusion\nNo acute disease.",
        "[FINDINGS] The lungs are clear.\n[IMPRESSION] No acute disease.",
        "FINDINGS： The lungs are clear.\nOPINION： No acute disease.",
        "IMPRESSION: No acute disease.\nFINDINGS: The lungs are clear.",
    ],
    ids=lambda text: text[:20].strip(),
)
def test_english_headers_are_found_however_they_are_written(text):
    assert sections(text) == EN


def test_every_kind_of_section_has_its_place():
    text = (
        "EXAMINATION: CHEST\nINDICATION: Cough.\nCOMPARISON: None.\nTECHNIQUE: PA and lateral.\n"
        "FINDINGS: Clear.\nIMPRESSION: Normal.\nRECOMMENDATION: None needed."
    )
    assert sections(text) == Sections(
        "Clear.", "Normal.", "Cough.", "None.", "PA and lateral.", "CHEST\nNone needed."
    )
    text = "检查方法：平扫。\n临床诊断：咳嗽。\n与前片比较：好转。\n所见：清晰。\n印象：正常。\n报告医师：甲"
    assert sections(text) == Sections("清晰。", "正常。", "咳嗽。", "好转。", "平扫。", "甲")


def test_numbered_impressions_stay_together():
    assert sections("印象：\n1、肺结节。\n2、胸腔积液。").impression == "1、肺结节。\n2、胸腔积液。"
    assert sections("IMPRESSION: 1. Nodule.\n2. Effusion.").impression == "1. Nodule.\n2. Effusion."


@pytest.mark.parametrize(
    "text",
    [
        "右肺见结节影，提示恶性可能，建议复查。",
        "Comparison with the prior film shows no change; the findings are stable.",
        "患者[姓名]，诊断明确，与前片对比好转",
        "[NAME] was seen. The impression is good.",
        "Lungs: clear. Heart: normal.",
        "",
    ],
    ids=["zh verb", "en verb", "zh token", "en token", "sub-headers", "nothing"],
)
def test_words_of_a_sentence_are_no_headers(text):
    assert sections(text) == Sections(other=text)


def test_nothing_of_a_report_is_lost():
    text = "甲。\n检查所见：乙。\n印象：丙。\n建议：丁。\nFINDINGS: e. IMPRESSION: f."
    found = "".join(getattr(sections(text), name) for name in NAMES)
    assert all(char in found for char in "甲乙丙丁ef")


def test_a_mixed_report_is_chinese_and_its_english_headers_count():
    text = "FINDINGS: 右肺上叶见GGO，约8mm，CT value -600HU。 IMPRESSION: 考虑MIA。"
    assert language_of(text) == "zh"
    assert sections(text).impression == "考虑MIA。"
    assert language_of("The lungs are clear.") == "en"


def test_a_report_is_written_under_its_headers():
    assert ZH.report("zh") == "检查所见：两肺纹理清晰。\n印象：未见异常。"
    assert EN.report("en") == "Findings: The lungs are clear.\nImpression: No acute disease."
    assert Sections(impression="正常。", other="甲").report("zh") == "印象：正常。"
    assert Sections(other="两肺清晰。").report("zh") == "两肺清晰。"


def test_a_question_holds_the_findings_and_differs_from_seed_to_seed():
    told = {asked("conclude", "zh", seed=str(at), findings="两肺{清晰}。") for at in range(20)}
    assert len(told) > 1
    assert all("两肺{清晰}。" in question for question in told)
    assert asked("impression", "en", seed="a") == asked("impression", "en", seed="a")


def test_real_reports_are_found_whole_under_their_headers():
    if not SHARED.is_file():
        pytest.skip(f"{SHARED.name} of IU X-ray is not beside the repository")
    with SHARED.open(encoding="utf-8", newline="") as file:
        rows = [(row["findings"].split(), row["impression"].split()) for row in csv.DictReader(file)]
    whole = [(seen, said) for seen, said in rows if seen and said]
    found = [sections(f"FINDINGS: {' '.join(seen)} IMPRESSION: {' '.join(said)}") for seen, said in whole]
    told = [(each.findings.split(), each.impression.split()) for each in found]
    assert sum(one == other for one, other in zip(told, whole, strict=True)) > 0.999 * len(whole)
