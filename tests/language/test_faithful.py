"""Numbers, sides and denials: what a translation may not change, on invented sentences in both languages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctorsun.core.errors import ConfigError
from doctorsun.language import cues
from doctorsun.language.cues import sentences
from doctorsun.language.laterality import side_changed, sides
from doctorsun.language.negation import denial_changed, denials
from doctorsun.language.numbers import lost_numbers, quantities

THINGS = [("nodule", "结节"), ("mass", "肿块"), ("calcification", "钙化"), ("effusion", "积液")]
PLACES = [("upper lobe", "上叶"), ("lower lobe", "下叶"), ("kidney", "肾"), ("breast", "乳腺")]
SIDES = [("left", "左"), ("right", "右")]
UNITS = [("mm", "毫米"), ("cm", "厘米"), ("mg", "毫克"), ("%", "%"), ("kg", "公斤"), ("ml", "毫升")]
DENY = [
    ("No {} is seen.", "未见{}。"),
    ("There is no {}.", "没有{}。"),
    ("The patient denies {}.", "患者否认{}。"),
    ("The study is negative for {}.", "检查未发现{}。"),
    ("The lung is without {}.", "肺内无{}。"),
]
ASSERT = [
    ("There is a {}.", "可见{}。"),
    ("A {} is seen.", "见一{}。"),
    ("The film shows a {}.", "片中显示{}。"),
]
SMALL = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def zh_en(rule, zh, en, **more):
    """What a rule says of a pair, the same in both directions."""
    there = rule(zh, en, source_lang="zh", target_lang="en", **more)
    back = rule(en, zh, source_lang="en", target_lang="zh", **more)
    assert bool(there) == bool(back)
    return bool(there)


def measured(thing, place, side, number, unit):
    return (
        f"右侧{place[1]}正常。{side[1]}{place[1]}见{thing[1]}，约{number}{unit[1]}。",
        f"The right {place[0]} is normal. A {thing[0]} of {number} {unit[0]} is in the {side[0]} {place[0]}.",
    )


reports = st.builds(
    measured,
    *map(st.sampled_from, (THINGS, PLACES, SIDES)),
    st.one_of(st.integers(1, 9999), st.decimals("0.1", "99.9", places=1)),
    st.sampled_from(UNITS),
)


@SMALL
@given(reports)
def test_a_faithful_report_passes_all_rules(pair):
    zh, en = pair
    assert not zh_en(lost_numbers, zh, en)
    assert not zh_en(side_changed, zh, en)
    assert not zh_en(denial_changed, zh, en)


@SMALL
@given(
    st.integers(1, 500), st.integers(1, 500), st.sampled_from(UNITS), st.sampled_from(THINGS), st.booleans()
)
def test_another_number_is_found_in_either_language(first, second, unit, thing, chinese):
    zh, en = f"{thing[1]}{first}{unit[1]}。", f"A {thing[0]} of {first} {unit[0]}."
    if chinese:
        zh = f"{thing[1]}{second}{unit[1]}。"
    else:
        en = f"A {thing[0]} of {second} {unit[0]}."
    assert zh_en(lost_numbers, zh, en) == (first != second)


@SMALL
@given(st.integers(1, 500), st.permutations(UNITS))
def test_another_unit_or_none_is_found(number, units):
    (_, unit), (other, _) = units[:2]
    assert zh_en(lost_numbers, f"{number}{unit}", f"{number} {other}")
    assert zh_en(lost_numbers, f"{number}{unit}", f"{number}")


@SMALL
@given(st.sampled_from(SIDES), st.sampled_from(PLACES), st.sampled_from(THINGS))
def test_a_flipped_lost_or_doubled_side_is_found(side, place, thing):
    zh = f"{side[1]}{place[1]}{thing[1]}。"
    flipped = next(name for name, _ in SIDES if name != side[0])
    for wrong in (f"A {flipped} {place[0]} {thing[0]}.", f"A {thing[0]}.", f"Bilateral {thing[0]}s."):
        assert zh_en(side_changed, zh, wrong)
    assert zh_en(side_changed, f"双侧{place[1]}{thing[1]}。", f"A {side[0]} {place[0]} {thing[0]}.")


@SMALL
@given(st.sampled_from(DENY), st.sampled_from(DENY), st.sampled_from(ASSERT), st.sampled_from(THINGS))
def test_a_lost_or_added_denial_is_found_and_a_kept_one_is_not(deny, other, state, thing):
    assert not zh_en(denial_changed, deny[1].format(thing[1]), other[0].format(thing[0]))
    assert zh_en(denial_changed, deny[1].format(thing[1]), state[0].format(thing[0]))
    assert zh_en(denial_changed, state[1].format(thing[1]), deny[0].format(thing[0]))


@SMALL
@given(st.lists(st.booleans(), min_size=2, max_size=5), st.data())
def test_one_lost_denial_among_many_sentences_is_found(denied, data):
    zh = "".join(
        (DENY if no else ASSERT)[at % 3][1].format(THINGS[at % 4][1]) for at, no in enumerate(denied)
    )
    en = [(DENY if no else ASSERT)[at % 3][0].format(THINGS[at % 4][0]) for at, no in enumerate(denied)]
    assert not zh_en(denial_changed, zh, " ".join(en))
    at = data.draw(st.integers(0, len(en) - 1))
    en[at] = (ASSERT if denied[at] else DENY)[0][0].format(THINGS[at % 4][0])
    assert zh_en(denial_changed, zh, " ".join(en))


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("三十五岁男性", "A 35-year-old man"),
        ("3×4厘米肿块", "a 3 x 4 cm mass"),
        ("大小3~5mm", "3 to 5 mm in size"),
        ("30毫米", "3 cm"),
        ("120万人", "1,200,000 people"),
        ("3.5万", "35 thousand"),
        ("百分之五十", "50 percent"),
        ("2024年3月5日", "March 5, 2024"),
        ("20世纪90年代", "the 1990s"),
        ("第2级", "Grade II"),
        ("两枚结节", "two nodules"),
        ("12个月", "12 months"),
        ("下午3点", "3 pm"),
        ("新型冠状病毒肺炎", "COVID-19"),
        ("24平方厘米", "24 cm²"),
        ("血压120/80mmHg", "blood pressure 120/80 mmHg"),
        ("5×10⁹/L", "5 x 10^9/L"),
        ("二尖瓣及三尖瓣", "the mitral and tricuspid valves"),
        ("一百万", "a million"),
        ("T12椎体", "the T12 vertebra"),
    ],
)
def test_the_same_number_may_be_written_otherwise(zh, en):
    assert not zh_en(lost_numbers, zh, en)


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("2024年3月5日", "March 5, 2023"),
        ("三枚结节", "two nodules"),
        ("1.5 cm", "15 cm"),
        ("3×4厘米", "3 x 5 cm"),
        ("120万人", "120 thousand people"),
        ("5毫克", "5 micrograms"),
        ("24平方厘米", "24 cm"),
        ("大小5mm", "small"),
        ("偏小", "5 mm in size"),
    ],
)
def test_another_number_written_otherwise_is_found(zh, en):
    assert zh_en(lost_numbers, zh, en)


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("双肺清晰", "The lungs are clear"),
        ("两侧胸腔积液", "Bilateral pleural effusions"),
        ("左右两侧胸腔积液", "Left and right pleural effusions"),
        ("左肺及右肺均可见", "Seen in both lungs"),
        ("约30岁左右", "About 30"),
        ("他离开了房间，你说得对", "He left the room, and you are right"),
        ("心脏右移", "Rightward shift of the heart"),
        ("双侧肺不张", "Bibasilar atelectasis"),
    ],
)
def test_a_side_may_be_said_otherwise(zh, en):
    assert not zh_en(side_changed, zh, en)


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("未见异常", "Normal"),
        ("心影无异常", "The heart is unremarkable"),
        ("年龄不确定的骨折", "An age-indeterminate fracture"),
        ("未见结节、肿块或积液", "No nodule, no mass and no effusion"),
        ("肺不张", "Atelectasis"),
        ("不仅如此，还非常大", "Moreover, it is very large"),
        ("与前片相比无变化", "Unchanged from the previous film"),
        ("不规则肿块", "An irregular mass"),
        ("是否有积液？", "Is there an effusion?"),
        ("特别注意左肺", "Note the left lung in particular"),
        ("我不能去", "I can’t go"),
        ("排除肺炎", "Pneumonia has been ruled out"),
    ],
)
def test_a_denial_may_be_said_otherwise(zh, en):
    assert not zh_en(denial_changed, zh, en)


@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("心影正常，未见积液", "The heart is normal with an effusion"),
        ("肺部清晰，无气胸", "The lungs are clear with a pneumothorax"),
        ("阴性", "Positive"),
        ("我不能去", "I can go"),
        ("有发热", "No fever"),
    ],
)
def test_another_denial_is_found_beside_words_of_health(zh, en):
    assert zh_en(denial_changed, zh, en)


def test_a_word_that_yaml_reads_as_a_truth_is_told(monkeypatch):
    monkeypatch.setattr(cues, "word_file", lambda name: {"en": {"firm": [False, "not"]}})
    with pytest.raises(ConfigError) as error:
        cues.pattern.__wrapped__("negation.yaml", "en", "firm")
    assert "negation.yaml: en.firm" in str(error.value)


def test_what_a_text_says_can_be_looked_at():
    assert [float(one.bare) for one in quantities("a 3.5 cm nodule, two cysts", "en")] == [3.5, 2.0]
    assert sides("左肺", "zh").firm == {"left"}
    assert sides("He left the room", "en").firm == frozenset()
    assert denials("未见结节，无积液", "zh").firm == 2
    assert sentences("约1.5 cm。No change. 3.0 mm") == ["约1.5 cm", "No change", "3.0 mm"]
