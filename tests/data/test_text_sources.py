"""Exams and questions in words: official splits, odd files, and the real ones where this machine has them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.data import sources
from doctorsun.data.counts import Counts
from doctorsun.data.miniature import put_table, put_text
from tests.data.invented import TEXTS

ROOT = Path(os.environ.get("DOCTORSUN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
# What the real files give: the records, and what is left out by reason.
REAL = {
    "alpaca_en_zh": (12611, {}),
    "alpaca_general": (1999, {}),
    "chatdoctor": (5452, {}),
    "cmb": (2000, {}),
    "cmexam": (6806, {"data.no_answer": 1, "data.option_absent": 3, "data.right_option_twice": 1}),
    "cmmlu_medical": (1194, {}),
    "huatuo_zh": (9658, {}),
    "medical_dialogue_zh": (7644, {}),
    "medmcqa": (4179, {"data.right_option_twice": 4}),
    "medqa": (1273, {}),
    "medquad": (2280, {}),
    "mmlu_medical": (1089, {}),
    "pubmedqa": (1000, {}),
    "pulse_eval": (450, {"data.no_answer": 450}),
}


def read(name, root, **options):
    module, counts = plugins.find(sources, name), Counts()
    return list(module.records(module.find(root), counts, **options)), counts


def made(name, root, **options):
    plugins.find(sources, name).example(root)
    return read(name, root, **options)


def splits(records):
    return {record.id: record.split for record in records}


def rewrite(root, pattern, change):
    path = next(root.rglob(pattern))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_a_card_says_in_both_languages_how_to_get_how_much(name):
    card = plugins.find(sources, name).CARD
    assert card.obtain.isascii()
    assert not card.obtain_zh.isascii()
    assert any(char.isdigit() for char in card.size)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cmb", {"train-0": None, "val-0": "validation", "test-0": "test", "clin-0": "test"}),
        ("cmedqa2", {"0": None, "4": "validation", "5": "test"}),
        ("cmexam", {"train-0": None, "val-0": "validation", "test-0": "test"}),
        ("cmmlu_medical", {"dev-anatomy-0": "validation", "test-anatomy-0": "test"}),
        ("huatuo26m", {"lite-0": None, "train-0": None, "validation-0": "validation", "test-0": "test"}),
        ("medmcqa", {"train-train.json-0": None, "dev-dev.json-0": "test"}),
        ("medqa", {"train-0": None, "dev-0": "validation", "test-0": "test"}),
        ("medqa_zh", {"train-0": None, "dev-0": "validation", "test-0": "test"}),
        ("mmlu_medical", {"dev-anatomy-0": "validation", "test-anatomy-0": "test"}),
        ("pubmedqa", {"90000": "test", "90003": None}),
        ("pulse_eval", {"CheckupQA-0": "test", "EMRHG-2": "test"}),
    ],
)
def test_official_splits_are_obeyed(name, expected, tmp_path):
    assert expected.items() <= splits(made(name, tmp_path)[0]).items()


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_hold_something_else_give_nothing_and_say_so(name, tmp_path):
    module, counts = plugins.find(sources, name), Counts()
    module.example(tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        path.write_bytes(b"something else\n")
    place, records, refused = module.find(tmp_path), [], False
    try:
        records += module.records(place, counts) if place else []
    except DataError:
        refused = True
    assert not records
    assert place is None or refused or counts.dropped


def test_cmexam_is_read_from_a_spreadsheet_that_went_through_pandas(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="the extra data is not installed")
    book = openpyxl.Workbook()
    for row in (
        ("Question", "Options", "Answer", "Explanation"),
        ("虚构考题一", "A 甲\\nB 乙\\nC 丙", "AC", "解析一行\\n又一行"),
        ("虚构考题二", "A 甲\\nB 乙\\nC 丙", "B", "nan"),
        ("虚构考题三", "A 甲\\nB 乙\\nC 丙", "nan", "nan"),
        ("虚构考题四", "A 甲\\nB 乙\\nD 丁", "D", "nan"),
    ):
        book.active.append(row)
    (tmp_path / "data").mkdir()
    book.save(tmp_path / "data" / "val.xlsx")
    (first, second), counts = read("cmexam", tmp_path)
    assert [text.answer for text in first.texts] == ["AC", "解析一行\n又一行"]
    assert [text.answer for text in second.texts] == ["B"]
    assert counts.dropped == {"data.no_answer": 1, "data.option_absent": 1}


def test_a_spreadsheet_of_other_columns_is_not_cmexam(tmp_path):
    put_table(tmp_path / "val.csv", ("Question", "Answer"), [["甲", "乙"]])
    assert plugins.find(sources, "cmexam").find(tmp_path) is None


def test_cmb_joins_the_answers_of_its_test(tmp_path):
    records = {record.id: record for record in made("cmb", tmp_path)[0]}
    assert [text.answer for text in records["test-1"].texts] == ["ACD"]
    assert [text.answer for text in records["val-0"].texts] == ["B", "虚构的解析。"]
    assert all(text.question.startswith("虚构病例。\n") for text in records["clin-0"].texts)


def test_cmb_without_its_answers_loses_its_test_and_says_so(tmp_path):
    made("cmb", tmp_path)
    next(tmp_path.rglob("CMB-test-choice-answer.json")).unlink()
    records, counts = read("cmb", tmp_path)
    assert counts.dropped == {"data.no_answer": 3}
    assert not any(record.id.startswith("test") for record in records)


def test_cmb_as_apollo_reshaped_it_is_test(tmp_path):
    rows = [
        {
            "question": "虚构考题",
            "options": "(A) 甲.\n(B) 乙.\n(E) .",
            "answer": "(B)",
            "source": "cmb-single",
        },
        {"question": "虚构考题", "options": "(A) 甲.\n(B) 乙.", "answer": "(A)", "source": "another"},
    ]
    put_text(tmp_path / "metadata" / "test" / "zh.json", json.dumps(rows, ensure_ascii=False))
    (record,), counts = read("cmb", tmp_path)
    (text,) = record.texts
    assert (text.choices, text.answer, record.split) == (("甲", "乙"), "B", "test")
    assert counts.noted == {"data.row_of_another_set": 1}


@pytest.mark.parametrize("name", ["medqa", "medqa_zh"])
@pytest.mark.parametrize("options", [4, 5])
def test_medqa_is_read_with_as_many_options_as_asked(name, options, tmp_path):
    for record in made(name, tmp_path, options=options)[0]:
        assert {len(text.choices) for text in record.texts} == {options}


@pytest.mark.parametrize("name", ["medqa", "medqa_zh"])
def test_medqa_with_five_options_only_is_read_with_five(name, tmp_path):
    made(name, tmp_path)
    shutil.rmtree(next(tmp_path.rglob("4_options")))
    records, _ = read(name, tmp_path)
    assert {len(text.choices) for record in records for text in record.texts} == {5}


def test_medmcqa_counts_its_options_from_one_and_the_copies_on_the_hub_from_nought(tmp_path):
    whole = made("medmcqa", tmp_path)[0]
    for path in sorted(tmp_path.rglob("*.json")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps({**row, "cop": row["cop"] - 1}) + "\n" for row in rows))
    assert read("medmcqa", tmp_path)[0] == whole
    assert [record.texts[0].answer for record in whole[:4]] == ["A", "B", "C", "D"]


def test_medmcqa_whose_answers_are_secret_is_counted(tmp_path):
    made("medmcqa", tmp_path)
    train = next(tmp_path.rglob("train.json"))
    rows = [json.loads(line) for line in train.read_text().splitlines()]
    for row in rows:
        del row["cop"]
    train.with_name("test.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, counts = read("medmcqa", tmp_path)
    assert counts.dropped == {"data.no_answer": 4}


def test_pubmedqa_asks_from_the_abstract(tmp_path):
    short, long = made("pubmedqa", tmp_path)[0][0].texts
    assert short.question.startswith("We invented drug 0.\nNobody was treated")
    assert short.answer == "yes"
    assert long.answer not in long.question
    assert (short.kind, long.kind) == ("closed", "open")


def test_pubmedqa_without_its_split_never_trains(tmp_path):
    made("pubmedqa", tmp_path)
    next(tmp_path.rglob("test_ground_truth.json")).unlink()
    records, counts = read("pubmedqa", tmp_path)
    assert {record.split for record in records} == {"test"}
    assert counts.noted == {"data.split_absent": 1}


def test_the_test_set_of_pubmedqa_alone_is_test(tmp_path):
    made("pubmedqa", tmp_path)
    labelled = next(tmp_path.rglob("ori_pqal.json"))
    next(tmp_path.rglob("test_ground_truth.json")).unlink()
    labelled.rename(labelled.with_name("test_set.json"))
    assert {record.split for record in read("pubmedqa", tmp_path)[0]} == {"test"}


@pytest.mark.parametrize("name", ["mmlu_medical", "cmmlu_medical"])
def test_further_subjects_are_read_where_asked(name, tmp_path):
    made(name, tmp_path)
    anatomy = next(tmp_path.rglob("test/anatomy*.csv"))
    shutil.copy(anatomy, anatomy.with_name(anatomy.name.replace("anatomy", "virology")))
    fewer, more = read(name, tmp_path)[0], read(name, tmp_path, further=True)[0]
    assert {record.id for record in more} - {record.id for record in fewer} == {
        f"test-virology-{at}" for at in range(3)
    }


def test_the_folder_with_the_tests_of_mmlu_is_taken_before_one_with_examples(tmp_path):
    put_table(tmp_path / "a" / "dev" / "anatomy_dev.csv", ("One?", "a", "b", "c", "d", "A"), [])
    put_table(tmp_path / "b" / "c" / "test" / "anatomy_test.csv", ("One?", "a", "b", "c", "d", "A"), [])
    assert plugins.find(sources, "mmlu_medical").find(tmp_path) == tmp_path / "b" / "c"


@pytest.mark.parametrize("name", ["dev_candidates.txt", "test_candidates.txt"])
def test_cmedqa2_without_its_held_out_questions_is_refused(name, tmp_path):
    made("cmedqa2", tmp_path)
    next(tmp_path.rglob(name)).unlink()
    with pytest.raises(DataError, match=name) as caught:
        read("cmedqa2", tmp_path)
    assert caught.value.key == "data.no_table"


def test_cmedqa2_keeps_all_answers_of_a_question_and_no_wrong_candidate(tmp_path):
    record = made("cmedqa2", tmp_path)[0][4]
    assert [text.answer for text in record.texts] == ["虚构回答8。", "虚构回答9。"]
    assert {text.question for text in record.texts} == {"虚构提问4？"}


def test_a_question_of_cmedqa2_that_nobody_answered_is_counted(tmp_path):
    made("cmedqa2", tmp_path)
    rewrite(tmp_path, "question.csv", lambda text: text + "77,虚构提问？\n")
    assert read("cmedqa2", tmp_path)[1].dropped == {"data.no_answer": 1}


def test_huatuo_takes_the_first_wording_and_no_answer_that_is_a_link(tmp_path):
    made("huatuo26m", tmp_path)
    rows = [
        {"questions": ["虚构提问？"], "answers": ["https://example.org/a"]},
        {"questions": [["虚构何物？", "何物虚构？"]], "answers": ["虚构之物。"]},
        {"questions": [], "answers": ["虚构之物。"]},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    rewrite(tmp_path, "train_datasets.jsonl", lambda _: text)
    records, counts = read("huatuo26m", tmp_path)
    assert counts.dropped == {"data.answer_is_link": 1, "data.bad_row": 1}
    (record,) = [record for record in records if record.id.startswith("train")]
    assert record.texts[0].question == "虚构何物？"
    assert {record.texts[0].origin for record in records if record.id.startswith("lite")} == {"synthetic"}


def test_all_departments_of_the_dialogues_are_read_and_their_sample_is_not(tmp_path):
    whole = made("medical_dialogue_zh", tmp_path)[0]
    assert {record.id.split("-")[0] for record in whole} == {"内科5", "儿科5"}
    table = next(tmp_path.rglob("内科*.csv"))
    shutil.copy(table, table.parents[2] / "样例_内科5-6.csv")
    assert read("medical_dialogue_zh", tmp_path)[0] == whole


def test_the_sample_of_the_dialogues_alone_is_read(tmp_path):
    put_table(
        tmp_path / "x" / "样例_内科.csv",
        ("department", "title", "ask", "answer"),
        [["内科", "", "甲？", "乙"]],
    )
    assert len(read("medical_dialogue_zh", tmp_path)[0]) == 1


def test_a_page_of_medquad_that_would_grow_without_end_costs_only_itself(tmp_path):
    whole = made("medquad", tmp_path)[0]
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Document><QAPair>&b;</QAPair></Document>'
    rewrite(tmp_path, "0000001.xml", lambda _: bomb)
    records, counts = read("medquad", tmp_path)
    assert len(records) == len(whole) - 2
    assert counts.dropped == {"data.bad_annotation": 1}


@pytest.mark.parametrize("name", sorted(REAL))
def test_the_real_files_give_what_they_gave(name):
    if not ROOT.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {ROOT} is no folder; set DOCTORSUN_DATA to run this test")
    records, counts = read(name, ROOT)
    assert (len(records), dict(counts.dropped)) == REAL[name]
    assert len({record.id for record in records}) == len(records)
    choices = [text for record in records for text in record.texts if text.kind == "choice"]
    assert all(text.answer == "".join(sorted(set(text.answer))) for text in choices)


def test_an_answer_ends_before_the_next_words_of_the_patient(tmp_path):
    made("chatdoctor", tmp_path)
    path = next(tmp_path.rglob("chatdoctor5k.json"))
    rows = json.loads(path.read_text())
    rows[1]["output"] = "We need an invented test.Patient: Which one?"
    path.write_text(json.dumps(rows))
    records, counts = read("chatdoctor", tmp_path)
    assert records[1].texts[0].answer == "We need an invented test."
    assert counts.noted == {"data.next_turn_cut": 1}


def test_signs_of_a_translation_server_are_read_as_themselves(tmp_path):
    made("alpaca_en_zh", tmp_path)
    for path in tmp_path.rglob("*.json"):
        rows = json.loads(path.read_text(encoding="utf-8"))
        rows[0]["output"] += " &#39;x&#39; &lt; 3"
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    answers = {record.id: record.texts[0].answer for record in read("alpaca_en_zh", tmp_path)[0]}
    assert answers["zh-0-6-0"].endswith(" 'x' < 3")
    assert answers["en-0-6-0"].endswith(" &#39;x&#39; &lt; 3")


def test_line_breaks_of_xml_in_pulse_eval_are_line_breaks(tmp_path):
    made("pulse_eval", tmp_path)
    path = next(tmp_path.rglob("CheckupQA.jsonl"))
    path.write_text(
        path.read_text(encoding="utf-8").replace("虚构答案0。", "甲。&#10;乙。"), encoding="utf-8"
    )
    assert read("pulse_eval", tmp_path)[0][0].texts[0].answer == "甲。\n乙。"


def test_an_explanation_that_only_repeats_the_answer_of_medmcqa_is_none(tmp_path):
    made("medmcqa", tmp_path)
    path = next(tmp_path.rglob("train.json"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    told = ["Answer- C", f"Ans. B: {rows[1]['opb']}", "Ans. is (a) An invented reason.", "A reason."]
    for row, exp in zip(rows, told, strict=True):
        row["exp"] = exp
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [record for record in read("medmcqa", tmp_path)[0] if record.id.startswith("train")]
    assert [record.texts[-1].key for record in found] == ["choice", "choice", "why", "why"]
