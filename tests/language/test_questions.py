"""Facts become questions, captions and reports that say the same in both languages and give nothing away."""

import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from doctorsun.core.errors import RecordError
from doctorsun.core.schema import Card, Fact, Picture, Record, Sample
from doctorsun.language.answers import form, label, question_key, read_answer, read_letter
from doctorsun.language.banks import held_out
from doctorsun.language.glossary import glossary
from doctorsun.language.questions import QuestionConfig, samples_of

CARD = Card("phantom", "t", "CC0-1.0", "", ("zh", "en"), "", "", synthetic=True)
SKIN = replace(CARD, name="ham10000", synthetic=False)


def chest(name: str = "1", *, side: str | None = "left", size: str = "large", count: int = 3) -> Record:
    facts = [Fact("modality", '"xray"'), Fact("view", '"pa"'), Fact("effusion", status="absent")]
    facts.append(Fact("wbc_count", str(count)))
    if side:
        facts.append(Fact("nodule", status="present", laterality=side, box_xyxy=(0.1, 0.1, 0.2, 0.2)))
        facts += [Fact("nodule_side", f'"{side}"'), Fact("nodule_size", f'"{size}"')]
    else:
        facts.append(Fact("nodule", status="absent"))
    return Record(name, (Picture(b"x", "x.png"),), tuple(facts), modality="xray", group="7")


def skin(name: str, diagnosis: str = "melanoma") -> Record:
    facts = (Fact("modality", '"dermoscopy"'), Fact("skin_diagnosis", f'"{diagnosis}"'))
    return Record(name, (Picture(b"x", "x.png"),), facts)


def one(samples: list[Sample], key: str, lang: str) -> Sample:
    return next(sample for sample in samples if sample.id.endswith(f"/{key}/{lang}"))


def asked(sample: Sample) -> str:
    return sample.messages[0].text


def test_every_question_stands_in_both_languages_with_the_same_facts_and_phrasing():
    samples = samples_of(chest(), CARD, split="test")
    pairs = defaultdict(dict)
    for sample in samples:
        pairs[sample.id.rpartition("/")[0]][sample.lang] = sample
    assert len(pairs) * 2 == len(samples) == len({sample.id for sample in samples})
    for pair in pairs.values():
        assert pair["zh"].facts == pair["en"].facts
        assert pair["zh"].phrasing == pair["en"].phrasing
        assert label(pair["zh"]) == label(pair["en"])
        assert re.search(r"[\u4e00-\u9fff]", asked(pair["zh"]))
        assert not re.search(r"[\u4e00-\u9fff{}]", asked(pair["en"]) + pair["en"].messages[1].text)
        assert "{" not in asked(pair["zh"]) + pair["zh"].messages[1].text


def test_golden_sentences():
    samples = samples_of(chest(), CARD, split="train", seed=3)
    said = {(sample.id.split("/")[2], sample.lang): sample.messages[1].text for sample in samples}
    assert said["nodule-yesno", "en"] == "Yes" and said["nodule-yesno", "zh"] == "是"
    assert said["effusion-yesno", "en"] == "No" and said["effusion-yesno", "zh"] == "否"
    assert said["nodule_side-what", "en"] == "Left" and said["nodule_side-what", "zh"] == "左侧"
    assert said["nodule_size-what", "en"] == "Large" and said["nodule_size-what", "zh"] == "较大"
    assert said["modality-what", "en"] == "X-ray" and said["modality-what", "zh"] == "X线"
    assert said["wbc_count-what", "en"] == said["wbc_count-what", "zh"] == "3"
    assert said["open-0", "en"] == "Nodule" and said["open-0", "zh"] == "结节"
    for key in ("caption-0", "findings-0", "report-0"):
        assert "large nodule" in said[key, "en"] and "on the left" in said[key, "en"]
        assert "较大的结节" in said[key, "zh"] and "左侧" in said[key, "zh"]
    assert said["report-0", "en"].startswith("Findings: ") and " Impression: " in said["report-0", "en"]
    assert said["report-0", "zh"].startswith("所见：") and "印象：" in said["report-0", "zh"]
    assert "pleural effusion" in said["findings-0", "en"] and "胸腔积液" in said["findings-0", "zh"]


def test_a_picture_without_findings_is_said_to_show_none():
    samples = samples_of(chest(side=None), CARD, split="train")
    assert one(samples, "open-0", "en").messages[1].text == "No abnormality"
    assert one(samples, "open-0", "zh").messages[1].text == "未见异常"
    assert not any("nodule_side" in sample.id for sample in samples)


def test_samples_do_not_depend_on_the_records_before():
    first = samples_of(chest("9"), CARD, split="test", seed=5)
    samples_of(chest("2"), CARD, split="test", seed=5)
    assert samples_of(chest("9"), CARD, split="test", seed=5) == first
    assert samples_of(chest("9"), CARD, split="test", seed=6) != first


def test_the_wording_of_a_question_does_not_depend_on_the_answer():
    for at in range(40):
        left = samples_of(chest(str(at)), CARD, split="test")
        right = samples_of(chest(str(at), side="right", size="small", count=0), CARD, split="test")
        none = samples_of(chest(str(at), side=None), CARD, split="test")
        for key in ("nodule_side-what", "nodule_size-what", "wbc_count-what", "nodule-yesno", "caption-0"):
            assert asked(one(left, key, "zh")) == asked(one(right, key, "zh"))
        for key in ("nodule-yesno", "open-0", "report-0"):
            assert asked(one(left, key, "en")) == asked(one(none, key, "en"))


def test_training_never_sees_a_phrasing_that_is_held_out_and_testing_does():
    train = [sample for at in range(60) for sample in samples_of(chest(str(at)), CARD, split="train")]
    test = [sample for at in range(60) for sample in samples_of(chest(str(at)), CARD, split="test")]
    assert not any(held_out(sample.phrasing or "") for sample in train)
    assert 0.2 < sum(held_out(sample.phrasing or "") for sample in test) / len(test) < 0.3


def test_a_value_is_asked_for_with_yes_and_with_no_about_equally_often():
    said = Counter()
    for at in range(400):
        diagnosis = ("melanoma", "melanocytic_nevus")[at % 2]
        sample = one(samples_of(skin(str(at), diagnosis), SKIN, split="test"), "skin_diagnosis-yesno", "zh")
        said[label(sample)] += 1
        assert (sample.facts[0].status == "present") == (sample.facts[0].value == f'"{diagnosis}"')
        name = glossary().term(sample.facts[0].value.strip('"')).phrase("zh")
        assert name in asked(sample)
    assert 160 < said["yes"] < 240


def test_every_letter_is_right_equally_often_and_its_option_is_the_answer():
    letters = Counter()
    for at in range(400):
        choice = one(samples_of(skin(str(at)), SKIN, split="train"), "skin_diagnosis-choice", "en")
        letter = choice.messages[1].text
        letters[letter] += 1
        assert choice.choices["ABCD".index(letter)] == "Melanoma"
        assert f"{letter}. Melanoma" in asked(choice)
        assert len(set(choice.choices)) == 4
    assert all(70 < letters[letter] < 130 for letter in "ABCD")


def test_the_reference_answer_of_every_question_reads_as_its_label():
    records = [(chest(), CARD), (chest(side="right", size="small", count=0), CARD), (skin("1"), SKIN)]
    for record, card in records:
        for sample in samples_of(record, card, split="test"):
            text, how = sample.messages[1].text, form(sample)
            if how == "choice":
                assert read_letter(text, sample.choices, sample.lang) == text
            elif how == "yesno":
                assert read_answer(text, ("yes", "no"), sample.lang) == label(sample)
            elif how == "what":
                attribute = glossary().attributes[sample.facts[0].name]
                assert read_answer(text, attribute.labels, sample.lang) == label(sample)


def test_a_source_is_never_asked_about_values_outside_its_scope():
    for at in range(100):
        choice = one(samples_of(chest(str(at)), CARD, split="test"), "modality-choice", "en")
        assert "MRI" not in choice.choices


def test_the_plan_says_what_is_asked():
    plan = QuestionConfig(
        forms={"side": ("what",), "finding": ("yesno",)}, captions=2, findings=0, reports=0, open=0
    )
    keys = {sample.id.split("/")[2] for sample in samples_of(chest(), CARD, split="train", config=plan)}
    assert keys == {"nodule_side-what", "nodule-yesno", "effusion-yesno", "caption-0", "caption-1"}
    few = QuestionConfig(per_record=2, captions=0, findings=0, reports=0, open=0)
    assert len(samples_of(chest(), CARD, split="train", config=few)) == 4
    assert {sample.lang for sample in samples_of(chest(), CARD, split="train", langs=("zh",))} == {"zh"}


def test_a_sample_keeps_where_it_came_from():
    sample = one(samples_of(chest(), CARD, split="validation"), "nodule-yesno", "zh")
    assert (sample.source, sample.licence, sample.origin) == ("phantom", "CC0-1.0", "synthetic")
    assert (sample.split, sample.modality, sample.group) == ("validation", "xray", "7")
    assert (sample.topic, sample.kind) == ("finding", "closed")
    assert sample.facts[0].box_xyxy == (0.1, 0.1, 0.2, 0.2)
    assert question_key(sample) == "phantom/nodule/yesno"
    assert samples_of(skin("1"), SKIN, split="train")[0].origin == "template"


def test_a_fact_outside_the_glossary_names_the_near_one():
    with pytest.raises(RecordError, match="nodule"):
        samples_of(replace(chest(), facts=(Fact("nodul", status="present"),)), CARD, split="train")
    with pytest.raises(RecordError, match="left, right"):
        samples_of(replace(chest(), facts=(Fact("nodule_side", '"up"'),)), CARD, split="train")


def test_an_uncertain_finding_is_not_asked():
    record = replace(chest(), facts=(Fact("nodule", status="uncertain"),))
    assert samples_of(record, CARD, split="train") == []


def test_what_belongs_there_is_no_answer_to_what_is_abnormal():
    cells = (Fact("white_blood_cell", status="present"), Fact("platelet", status="absent"))
    smear = replace(chest(), facts=cells)
    sick = replace(smear, facts=(*cells, Fact("malaria_parasite", status="present")))
    assert not [one for one in samples_of(smear, CARD, split="train") if one.kind == "open"]
    found = [one for one in samples_of(sick, CARD, split="train") if one.kind == "open"]
    assert {one.messages[-1].text for one in found} == {"Malaria parasite", "疟原虫"}
