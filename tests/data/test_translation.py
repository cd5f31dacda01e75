"""Texts through a server on the loopback that translates by a table and goes wrong on order."""

import json
import re
from dataclasses import replace

import pytest

from doctorsun.cli.translating import open_translator
from doctorsun.core.errors import DataError, MissingExtra
from doctorsun.core.progress import use_reporter
from doctorsun.core.schema import Message, Part, Record, Text
from doctorsun.core.strings import lines, say
from doctorsun.data.translation import run, simplified
from doctorsun.data.translation.config import TranslationConfig
from doctorsun.data.translation.passing import passed, wanted
from doctorsun.data.translation.prompts import read
from doctorsun.data.translation.replies import NAME, Replies
from doctorsun.data.translation.run import check_private, missing_languages, translate_texts
from doctorsun.data.translation.terms import named
from doctorsun.data.translation.translator import Translator
from doctorsun.engines.http import HttpChat, HttpSettings
from tests.engines.served import serving, words

PAIRS = {
    "左上叶可见一枚12毫米的结节，未见胸腔积液。": (
        "A 12 mm nodule is seen in the left upper lobe. There is no pleural effusion."
    ),
    "是否有骨折？": "Is there a fracture?",
    "右侧第5肋骨可见骨折。": "There is a fracture of the right fifth rib.",
    "下列哪项最可能？": "Which of the following is most likely?",
    "左肺结节": "A nodule of the left lung",
    "右肺肿块": "A mass of the right lung",
    "请只回答选项的字母。": "Answer with the letter of the option alone.",
    "咳嗽三天，无发热。": "A cough for three days, no fever.",
    "多喝水。": "Drink more water.",
    "谢谢医生，还有别的吗？": "Thank you, doctor. Is there anything else?",
    "请按时复查。": "Please come back for your check-up on time.",
}
REPORT, REPORT_EN = next(iter(PAIRS.items()))
TABLE = PAIRS | {en: zh for zh, en in PAIRS.items()}
REASONS = (
    *("numbers", "laterality", "negation", "glossary", "language", "length", "letters", "agreement"),
    *("reply", "cut", "refused", "limit", "too_long", "off", "choices"),
)


def translated(asked):
    return json.dumps([TABLE.get(one, one) for one in json.loads(words(asked))], ensure_ascii=False)


def spoiled(change):
    """A server's answer whose translations into English go through `change`."""

    def answer(asked):
        told = json.loads(translated(asked))
        english = "into English" in asked["messages"][0]["content"]
        return json.dumps([change(one) if english else one for one in told], ensure_ascii=False)

    return answer


def text(answer=REPORT, lang="zh", *, key="k", **more):
    return Text(answer=answer, lang=lang, task="report", key=key, **more)


def translator(served, **said):
    settings = HttpSettings(workers=said.get("workers", 4), retries=3)
    chat = HttpChat(served.url, settings, sleep=lambda seconds: None)
    return Translator(chat, TranslationConfig(endpoint=served.url, **{"workers": 4, **said}))


def outcome(answer=translated, given=None, **said):
    """What becomes of one text, and how many calls it took."""
    with serving(answer=answer) as served:
        found = translator(served, **said).translate([given or text()])[0]
    return found, len(served.asked)


class Notes:
    def __init__(self):
        self.told = []

    def step(self, label, done, total, **values):
        self.told.append((label, {"done": done, "total": total}))

    def note(self, event, **values):
        say(event, **values)
        self.told.append((event, values))


@pytest.fixture
def notes():
    found = Notes()
    use_reporter(found)
    yield found.told
    use_reporter(type("Silent", (), {"step": lambda *_, **__: None, "note": lambda *_, **__: None})())


@pytest.mark.parametrize(("source", "lang", "into"), [(REPORT, "zh", "en"), (REPORT_EN, "en", "zh")])
def test_a_text_comes_out_in_the_other_language_with_all_else_as_it_was(source, lang, into):
    given = text(source, lang, topic="finding", split="test")
    found, calls = outcome(given=given)
    expected = replace(given, answer=TABLE[source], lang=into, origin="translated")
    assert (found.text, found.reason) == (expected, None)
    assert calls == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: one.replace("12", "21"), "numbers"),
        (lambda one: one.replace("12 mm", "12 cm"), "numbers"),
        (lambda one: one.replace("A 12 mm", "A"), "numbers"),
        (lambda one: one.replace("left", "right"), "laterality"),
        (lambda one: one.replace("the left", "the"), "laterality"),
        (lambda one: one.replace("There is no pleural", "There is a pleural"), "negation"),
        (lambda one: one.replace("A 12 mm nodule is", "No 12 mm nodule is"), "negation"),
        (lambda one: one.replace("nodule", "shadow"), "glossary"),
        (lambda one: one.replace("There is no pleural effusion.", "没有胸腔积液。"), "language"),
        (lambda one: "", "language"),
        (lambda one: one + " It is advisable to see a doctor at once, and to be well." * 6, "length"),
        (lambda one: "B. " + one, "letters"),
        (
            lambda one: "No pleural effusion. In the left upper lobe all is strange but 12 mm nodule.",
            "agreement",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_each_check_catches_its_fault_and_the_row_stays_in_one_language(change, reason):
    found, _ = outcome(spoiled(change))
    assert (found.text, found.reason) == (None, f"data.translation_{reason}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda asked: '["cut', "reply"),
        (lambda asked: '["one", "two"]', "reply"),
        (lambda asked: '{"a": 1}', "reply"),
        (lambda asked: "", "reply"),
        (lambda asked: json.dumps(["x" * 9000]), "cut"),
    ],
)
def test_a_reply_that_cannot_be_read_has_a_name(answer, reason):
    found, calls = outcome(answer)
    assert (found.text, found.reason) == (None, f"data.translation_{reason}")
    assert calls == 2


def test_every_reason_has_a_sentence_in_both_languages():
    for lang in ("zh", "en"):
        known = lines(lang, "data")
        for reason in REASONS:
            assert known[f"translation_{reason}"]


def test_a_text_that_failed_is_tried_again_and_told_why():
    def answer(asked):
        told = translated(asked)
        again = "Your last reply" in asked["messages"][0]["content"]
        return told if again else told.replace("left", "right")

    with serving(answer=answer) as served:
        found = translator(served).translate([text()])[0]
    assert found.reason is None
    assert "side" in served.asked[1]["messages"][0]["content"]


def test_the_prompt_names_the_wordings_of_the_glossary():
    with serving(answer=translated) as served:
        translator(served).translate([text()])
    told = served.asked[0]["messages"][0]["content"]
    assert "结节 = Nodule" in told
    assert "胸腔积液 = Pleural effusion" in told
    assert [one.found for one in named("no effusion on the US, a line", "en", "zh")] == []


def test_a_choice_keeps_its_letters_and_the_order_of_its_options():
    asked = "下列哪项最可能？\n选项：\nA. 左肺结节\nB. 右肺肿块\nC. CT\n请只回答选项的字母。"
    given = Text(asked, "zh", "qa", question=asked, kind="choice", choices=("左肺结节", "右肺肿块", "CT"))
    given = replace(given, answer="B")
    found, _ = outcome(given=given)
    assert found.text is not None
    assert found.text.answer == "B"
    assert found.text.choices == ("A nodule of the left lung", "A mass of the right lung", "CT")
    assert found.text.question == (
        "Which of the following is most likely?\nOptions:\nA. A nodule of the left lung\n"
        "B. A mass of the right lung\nC. CT\nAnswer with the letter of the option alone."
    )


def test_options_that_would_read_alike_are_refused():
    given = text("A", kind="choice", question="下列哪项最可能？", choices=("胸部影像", "胸部图像"))
    table = TABLE | {"胸部影像": "A picture of the chest", "胸部图像": "A picture of the chest"}

    def alike(asked):
        return json.dumps([table.get(one, one) for one in json.loads(words(asked))], ensure_ascii=False)

    found, _ = outcome(alike, given)
    assert found.reason == "data.translation_choices"


def test_a_lettered_answer_keeps_its_letter_and_yes_and_no_need_no_model():
    lettered = text(
        "B. 右肺肿块", kind="choice", question="下列哪项最可能？", choices=("左肺结节", "右肺肿块")
    )
    assert passed(lettered, TABLE.__getitem__).answer == "B. A mass of the right lung"
    closed = text("是", kind="closed", question="是否有骨折？")
    assert passed(closed, TABLE.__getitem__).answer == "Yes"
    assert wanted(closed) == ["是否有骨折？"]
    assert wanted(text("3.5")) == []


def test_the_turns_before_are_translated_and_their_pictures_stay():
    first = Message("user", (Part("image"), Part("text", "咳嗽三天，无发热。")))
    history = (first, Message("assistant", (Part("text", "多喝水。"),)))
    found, _ = outcome(given=text("请按时复查。", question="谢谢医生，还有别的吗？", history=history))
    assert found.text is not None
    assert found.text.history[0].content == (
        Part("image"),
        Part("text", "A cough for three days, no fever."),
    )
    assert found.text.history[1].text == "Drink more water."


def test_chinese_comes_out_simplified():
    def answer(asked):
        return translated(asked).replace("结节", "結節").replace("叶", "葉")

    found, _ = outcome(answer, text(REPORT_EN, "en"))
    assert found.text == text(REPORT, origin="translated")
    assert simplified.simplified("電腦斷層掃描") == "电脑断层扫描"


def test_without_opencc_the_install_line_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opencc", None)
    simplified._converter.cache_clear()
    with pytest.raises(MissingExtra):
        simplified.simplified("葉")
    simplified._converter.cache_clear()


@pytest.mark.parametrize(
    "reply",
    [
        '["a"]',
        '```json\n["a"]\n```',
        '<think>hm [1] </think>\n["a"]',
        'Here: ["a"]',
        " a ",
        "<think>x</think>a",
    ],
)
def test_a_reply_is_read_as_models_write_it(reply):
    assert read(reply, 1) == ["a"]


@pytest.mark.parametrize("reply", ["", "[", "[1]", '["a", "b"]', '{"x": "a"}', '["a"'])
def test_another_reply_is_not_read(reply):
    assert read(reply, 1) is None


def test_trouble_with_the_server_changes_no_result():
    given = [(str(at), text(zh)) for at, zh in enumerate(PAIRS)]
    troubles = [429, 500, "drop", "cut", "garbage", ("slow", 0.05), None]
    with serving(answer=translated) as served:
        good = list(translate_texts(given, translator(served)))
    with serving(answer=translated, trouble=lambda at, _: troubles[at % 7] if at % 2 else None) as served:
        assert list(translate_texts(given, translator(served))) == good
    assert sum(found is not None for _, found, _ in good) == len(PAIRS)


def test_a_text_that_the_server_refuses_is_named_and_the_others_go_on():
    def trouble(number, asked):
        return ("error", 400, "content_filter") if "骨折" in words(asked) else None

    given = [("a", text()), ("b", text("右侧第5肋骨可见骨折。")), ("c", text("多喝水。"))]
    with serving(answer=translated, trouble=trouble) as served:
        found = list(translate_texts(given, translator(served)))
    assert [(name, reason) for name, _, reason in found] == [
        ("a", None),
        ("b", "data.translation_refused"),
        ("c", None),
    ]


def test_what_is_cached_is_not_asked_again_and_comes_out_the_same(tmp_path):
    given = [(str(at), text(zh)) for at, zh in enumerate(PAIRS)]
    with serving(answer=translated) as served:
        first = list(translate_texts(given, translator(served, cache=tmp_path)))
        asked = len(served.asked)
        second = list(translate_texts(given[::-1], translator(served, cache=tmp_path)))
    assert second[::-1] == first
    assert len(served.asked) == asked
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


def test_a_damaged_cache_is_told(tmp_path):
    (tmp_path / NAME).write_bytes(b"no database" * 500)
    with pytest.raises(DataError) as error:
        Replies(tmp_path)
    assert error.value.key == "data.translation_cache_damaged"


def test_an_estimate_is_told_before_the_first_call_and_the_time_after_a_few(notes):
    given = [(str(at), text(zh)) for at, zh in enumerate(PAIRS)]
    with serving(answer=translated) as served:
        made = translator(served, price_in=1000.0, price_out=2000.0)
        calls_at = []
        outcomes = translate_texts(given, made)
        next(outcomes)
        calls_at.append(len(served.asked))
        list(outcomes)
    events = [event for event, _ in notes]
    assert events[:2] == ["data.translation_estimate", "data.translation_time"]
    told = notes[0][1]
    assert (told["texts"], told["calls"]) == (len(PAIRS), len(served.asked))
    assert float(told["cost"]) > 0
    assert events[-1] == "data.step_translate"
    assert 0.5 < told["tokens_in"] / made.spent.tokens_in < 1.5


def test_the_limits_of_cost_and_time_stop_before_more_is_spent(notes):
    given = [(str(at), text(zh)) for at, zh in enumerate(PAIRS)]
    with serving(answer=translated) as served:
        with pytest.raises(DataError) as dear:
            list(translate_texts(given, translator(served, price_in=1e6, max_cost=0.5)))
        assert not served.asked
    with serving(answer=translated, trouble=lambda *_: ("slow", 0.05)) as served:
        with pytest.raises(DataError) as slow:
            list(translate_texts(given, translator(served, max_minutes=1e-5)))
        assert len(served.asked) == 2 * run.PROBE
    assert dear.value.key == "data.translation_too_dear"
    assert slow.value.key == "data.translation_too_slow"


def test_the_limit_of_rows_keeps_the_same_ones_in_any_order():
    given = [(f"id-{at}", text(zh)) for at, zh in enumerate(PAIRS)]
    given.append(("long", text("字" * 5000)))
    kept = []
    for order in (given, given[::-1]):
        with serving(answer=translated) as served:
            found = list(translate_texts(order, translator(served, max_rows=3)))
        assert [name for name, _, _ in found] == [name for name, _ in order]
        kept.append({name: reason for name, _, reason in found})
    assert kept[0] == kept[1]
    assert sorted(kept[0].values(), key=str)[:3] == [None] * 3
    assert kept[0]["long"] == "data.translation_too_long"
    assert list(kept[0].values()).count("data.translation_limit") == len(PAIRS) - 3


def test_only_what_has_no_partner_is_missing():
    both = (text(key="a"), text(REPORT_EN, "en", key="a"))
    alone = text("多喝水。", key="b")
    again = text("Drink.", "en", key="c", origin="translated")
    record = Record("r", texts=tuple(replace(one, key=one.key) for one in (*both, alone, again)))
    assert missing_languages(record, ("zh", "en")) == [alone]
    assert missing_languages(record, ("zh",)) == []


def test_a_recipe_opens_its_translator_or_none(monkeypatch):
    monkeypatch.setenv("SUN_API_KEY", "k" * 9)
    assert open_translator(TranslationConfig()) is None
    with serving(answer=translated, key="k" * 9) as served:
        made = open_translator(
            TranslationConfig(endpoint=served.url, extra={"top_k": 1}), hospitals=["hospital"]
        )
        assert made is not None
        assert made.translate([text()])[0].reason is None
        assert served.asked[0]["top_k"] == 1
    far = TranslationConfig(endpoint="https://api.example.org/v1", remote=True)
    with pytest.raises(DataError):
        open_translator(far, hospitals=["hospital"])


def test_the_words_of_a_hospital_go_to_no_remote_host_that_was_not_named():
    far = TranslationConfig(endpoint="https://api.example.org/v1", remote=True)
    check_private(far, [])
    check_private(TranslationConfig(endpoint="http://localhost:8000"), ["hospital"])
    check_private(far.model_copy(update={"hospital_hosts": ("api.example.org",)}), ["hospital"])
    with pytest.raises(DataError) as error:
        check_private(far, ["hospital"])
    assert re.search("hospital.*api.example.org", str(error.value))
