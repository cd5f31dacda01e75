"""Sources of questions about pictures, each in the form its publisher gave it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from doctorsun.core import plugins
from doctorsun.core.errors import DataError
from doctorsun.core.schema import Record, Text
from doctorsun.data import sources
from doctorsun.data.counts import Counts
from doctorsun.data.exams import Exam
from doctorsun.data.miniature import put_picture, put_table, put_text
from doctorsun.data.visual import Pictures, choice, gathered, placed

SHARED = Path(__file__).parents[3] / "shared" / "data"
ASKING = ("slake", "pathvqa", "pmc_vqa", "vqa_med_2019", "vqa_med_2020", "vqa_med_2021", "omnimedvqa")


def read(name, root):
    module, counts = plugins.find(sources, name), Counts()
    return {record.id: record for record in module.records(module.find(root), counts)}, counts


def made(name, root):
    plugins.find(sources, name).example(root)
    return read(name, root)


def texts_of(records):
    return [text for record in records.values() for text in record.texts]


def rewrite(path, change):
    rows = json.loads(path.read_text(encoding="utf-8"))
    change(rows)
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in ASKING if name != "pathvqa"])
def test_each_question_of_an_absent_picture_is_counted_and_none_becomes_text(name, tmp_path):
    whole, _ = made(name, tmp_path)
    for path in [*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")]:
        path.unlink()
    records, counts = read(name, tmp_path)
    assert records == {}
    assert counts.dropped == {"data.image_absent": len(texts_of(whole))}
    assert len(counts.examples["data.image_absent"]) == 3


@pytest.mark.parametrize("name", ASKING)
def test_every_record_has_its_picture_and_a_text_with_a_key(name, tmp_path):
    records, _ = made(name, tmp_path)
    assert all(record.images and record.images[0].bytes for record in records.values())
    assert all(text.key and text.question and text.answer for text in texts_of(records))
    assert all(text.task == "vqa" and text.kind for text in texts_of(records))


def test_slake_asks_in_both_languages_and_keeps_official_test_questions_apart(tmp_path):
    records, _ = made("slake", tmp_path)
    assert {text.lang for text in texts_of(records)} == {"zh", "en"}
    # Pictures 3 and 6 of the example stand in two files, as most test pictures of SLAKE do.
    both = records["xmlab6"]
    assert both.split == "validation"
    assert {text.split for text in both.texts} == {"validation", "test"}
    assert records["xmlab3"].split == "validation"
    assert records["xmlab8"].split == "test"
    assert {text.split for text in records["xmlab8"].texts} == {None}
    assert records["xmlab0"].split is None


def test_boxes_of_slake_become_facts_where_the_glossary_knows_the_finding(tmp_path):
    made("slake", tmp_path)
    place = next(tmp_path.rglob("xmlab0"))
    drawn = [{"Nodule": [4, 5, 2, 2]}, {"Nodule": [10, 8, 20, 16]}, {"Invented organ": [1, 1, 9, 9]}]
    (place / "detection.json").write_text(json.dumps(drawn))
    facts = {fact.name: fact for fact in read("slake", tmp_path)[0]["xmlab0"].facts}
    assert facts["nodule"].status == "present"
    assert facts["nodule"].box_xyxy == (0.25, 0.25, 0.75, 0.75)
    assert set(facts) == {"modality", "body_region", "nodule"}


def test_organs_and_diseases_that_slake_draws_are_known_by_its_own_names(tmp_path):
    made("slake", tmp_path)
    names = ("Left Lung", "Small Bowel", "Large Bowel", "Brain Non-enhancing Tumor", "Infiltration", "Liver")
    drawn = [{name: [1, 1, 4 + at, 9]} for at, name in enumerate(names)]
    (next(tmp_path.rglob("xmlab0")) / "detection.json").write_text(json.dumps(drawn))
    facts = {fact.name for fact in read("slake", tmp_path)[0]["xmlab0"].facts if fact.box_xyxy}
    expected = {"left_lung", "small_bowel", "colon", "brain_non_enhancing_tumor", "infiltrate", "liver"}
    assert facts == expected


@pytest.mark.parametrize("broken", ["{", '[{"Nodule": 3}]', '[{"Nodule": ["a", 1, 2, 3]}]', "[1]"])
def test_a_damaged_box_costs_the_box_alone(broken, tmp_path):
    whole, _ = made("slake", tmp_path)
    next(tmp_path.rglob("xmlab0/detection.json")).write_text(broken)
    records, counts = read("slake", tmp_path)
    assert len(records) == len(whole)
    assert counts.noted == {"data.boxes_left_aside": 1}
    assert {fact.name for fact in records["xmlab0"].facts} == {"modality", "body_region"}


def test_odd_rows_of_slake_are_counted_by_reason(tmp_path):
    made("slake", tmp_path)

    def change(rows):
        rows[0]["q_lang"] = "fr"
        rows[1]["answer_type"] = "HALF OPEN"
        del rows[2]["qid"]
        rows[3]["img_name"] = ["xmlab1/source.jpg"]

    rewrite(next(tmp_path.rglob("train.json")), change)
    _, counts = read("slake", tmp_path)
    assert counts.dropped == {"data.unknown_language": 1, "data.unknown_label": 1, "data.bad_row": 2}


def test_pathvqa_groups_rows_of_one_picture_and_keeps_the_official_split(tmp_path):
    records, _ = made("pathvqa", tmp_path)
    assert Counter(record.split for record in records.values()) == {None: 3, "validation": 3, "test": 3}
    assert all(len(record.texts) == 2 for record in records.values())
    assert {text.kind for text in texts_of(records)} == {"open", "closed"}


def test_pathvqa_is_read_in_the_lxmert_form_with_its_loose_pairs(tmp_path):
    plugins.find(sources, "pathvqa").example_lxmert(tmp_path)
    records, counts = read("pathvqa", tmp_path)
    assert {name: record.split for name, record in records.items()} == {
        "train_0001": None,
        "train_0002": None,
        "val_0001": "validation",
        "val_0002": "validation",
        "test_0001": "test",
        "test_0002": "test",
    }
    assert [text.answer for text in records["val_0001"].texts] == ["yes", "blot val 1"]
    assert counts.dropped == {"data.image_absent": 1}
    assert counts.examples["data.image_absent"] == ["Fig.1/QA_pairs_vb-0"]


def test_of_several_answers_with_scores_pathvqa_takes_the_best(tmp_path):
    plugins.find(sources, "pathvqa").example_lxmert(tmp_path)

    def change(rows):
        rows[1]["labelf"]["pvqa"][0] = {"no": 0.3, "yes": 0.6, "maybe": 0.1}
        rows[2]["labelf"]["pvqa"] = [{"yes": 1}]

    rewrite(next(tmp_path.rglob("pvqa_train.json")), change)
    records, counts = read("pathvqa", tmp_path)
    assert records["train_0001"].texts[0].answer == "yes"
    assert counts.dropped["data.bad_row"] == 1
    assert "train_0002" not in records


def test_no_pickle_of_pathvqa_is_ever_opened(tmp_path):
    put_text(tmp_path / "PathVQA" / "qas" / "train" / "train_qa.pkl", "not read")
    assert plugins.find(sources, "pathvqa").find(tmp_path) is None


def test_a_damaged_parquet_is_one_clear_line(tmp_path):
    made("pathvqa", tmp_path)
    table = next(tmp_path.rglob("train-*.parquet"))
    table.write_bytes(table.read_bytes()[:-200] + b"\0" * 200)
    records, _ = read("pathvqa", tmp_path)
    assert {record.split for record in records.values()} == {"validation", "test"}


def test_pmc_vqa_is_a_choice_grouped_by_paper(tmp_path):
    records, _ = made("pmc_vqa", tmp_path)
    assert {record.split for record in records.values()} == {None, "test"}
    assert len({record.group for record in records.values()}) < len(records)
    for text in texts_of(records):
        assert text.kind == "choice"
        assert text.origin == "synthetic"
        right = text.choices["ABCD".index(text.answer)]
        assert f"{text.answer}. {right}" in text.question.splitlines()
        assert not any(
            option.startswith(f"{letter}:") for letter, option in zip("ABCD", text.choices, strict=True)
        )


def test_pmc_vqa_reads_the_answer_in_words_where_no_letter_is_told(tmp_path):
    made("pmc_vqa", tmp_path)
    table = next(tmp_path.rglob("train.csv"))
    table.write_text(table.read_text().replace("Answer_label", "other"))
    records, counts = read("pmc_vqa", tmp_path)
    assert not counts.dropped
    assert {text.answer for text in texts_of(records)} == set("ABCD")


def test_a_figure_of_pmc_vqa_has_the_stricter_of_two_licences(tmp_path):
    whole, _ = made("pmc_vqa", tmp_path)
    place = next(tmp_path.rglob("train.csv")).parent
    papers = sorted({record.group for record in whole.values()})[:2]
    rows = [["f", papers[0], "CC BY"], ["f", papers[1], "CC BY-NC-ND"]]
    put_table(place / "oa_comm_use_file_list.csv", ["File", "AccessionID", "License"], rows)
    found = {record.group: record.licence for record in read("pmc_vqa", tmp_path)[0].values()}
    assert [found[paper] for paper in papers] == ["CC-BY-SA-4.0", "CC-BY-NC-ND"]
    assert None in found.values()


def test_slake_is_read_as_hugging_face_names_its_files(tmp_path):
    whole, _ = made("slake", tmp_path)
    file = next(tmp_path.rglob("validate.json"))
    file.rename(file.with_name("validation.json"))
    assert read("slake", tmp_path)[0] == whole


def test_the_clean_test_of_pmc_vqa_is_read_only_without_the_whole_one(tmp_path):
    whole, _ = made("pmc_vqa", tmp_path)
    table = next(tmp_path.rglob("test.csv"))
    table.with_name("test_clean.csv").write_bytes(table.read_bytes())
    assert read("pmc_vqa", tmp_path)[0] == whole
    table.unlink()
    assert len(read("pmc_vqa", tmp_path)[0]) == len(whole)


def test_vqa_med_2019_takes_topics_from_the_files_of_categories(tmp_path):
    records, _ = made("vqa_med_2019", tmp_path)
    assert {text.topic for text in texts_of(records)} == {"modality", "finding", "region"}
    assert {record.split for record in records.values()} == {None, "validation", "test"}
    for path in tmp_path.rglob("C?_*.txt"):
        path.unlink()
    again, _ = read("vqa_med_2019", tmp_path)
    assert len(texts_of(again)) == len(texts_of(records))


def test_several_right_answers_of_vqa_med_stand_together(tmp_path):
    records, _ = made("vqa_med_2019", tmp_path)
    said = next(record for record in records.values() if record.split == "test").texts[0]
    assert said.answer.startswith("lung; pleura")


def test_a_line_with_a_field_too_many_is_counted(tmp_path):
    made("vqa_med_2020", tmp_path)
    table = next(tmp_path.rglob("*Train_QA_pairs.txt"))
    table.write_text(table.read_text() + "synpic91000|what|is|this\n|lost?|yes\n")
    _, counts = read("vqa_med_2020", tmp_path)
    assert counts.dropped == {"data.bad_row": 2}


def test_test_questions_of_vqa_med_find_their_answers_in_the_second_file(tmp_path):
    for name in ("vqa_med_2020", "vqa_med_2021"):
        records, _ = made(name, tmp_path / name)
        tested = [record for record in records.values() if record.split == "test"]
        assert len(tested) == 3
        assert all(text.answer for record in tested for text in record.texts)


def test_all_of_omnimedvqa_is_test_and_one_misnamed_column_is_read(tmp_path):
    made("omnimedvqa", tmp_path)

    def change(rows):
        for row in rows:
            row["modality"] = row.pop("modality_type")

    rewrite(next(tmp_path.rglob("Invented CT.json")), change)
    records, _ = read("omnimedvqa", tmp_path)
    assert {record.split for record in records.values()} == {"test"}
    assert {record.modality for record in records.values()} == {"ct", "fundus_photo"}
    assert {len(text.choices) for text in texts_of(records)} == {2, 4}


def test_a_right_answer_that_is_no_option_is_counted(tmp_path):
    made("omnimedvqa", tmp_path)
    rewrite(next(tmp_path.rglob("Invented CT.json")), lambda rows: rows[0].update(gt_answer="something else"))
    _, counts = read("omnimedvqa", tmp_path)
    assert sum(counts.dropped.values()) == 1


def test_a_missing_column_of_pmc_vqa_is_not_its_folder(tmp_path):
    put_table(tmp_path / "x" / "train.csv", ["Figure_path", "Question"], [["PMC1_F1.jpg", "What?"]])
    assert plugins.find(sources, "pmc_vqa").find(tmp_path) is None


def test_a_picture_is_found_by_its_folder_or_by_a_name_that_is_its_own(tmp_path):
    for path in ("one/source.jpg", "two/source.jpg", "deep/three/only.png", "bare.jpg"):
        put_picture(tmp_path / path)
    pictures = Pictures(tmp_path, unique=True)
    assert pictures.find("two/source.jpg") == tmp_path / "two" / "source.jpg"
    assert pictures.find("three/only.png") == tmp_path / "deep" / "three" / "only.png"
    assert pictures.find("elsewhere/only.png") == tmp_path / "deep" / "three" / "only.png"
    assert pictures.find("bare") == tmp_path / "bare.jpg"
    assert pictures.find("source.jpg") is None


@pytest.mark.parametrize(
    "name", ["", ".", "../bare.jpg", "/etc/passwd", "x" * 5000 + ".jpg", "no\0thing.jpg"]
)
def test_a_name_that_leads_outside_or_nowhere_finds_nothing(name, tmp_path):
    put_picture(tmp_path / "bare.jpg")
    put_picture(tmp_path / "inner" / "other.jpg")
    assert Pictures(tmp_path / "inner").find(name) is None


def test_another_folder_is_never_taken_where_names_are_not_unique(tmp_path):
    put_picture(tmp_path / "xmlab1" / "source.jpg")
    assert Pictures(tmp_path).find("xmlab2/source.jpg") is None


def test_words_of_one_split_hand_it_to_the_record():
    rows = [
        ("a", text("1", "test")),
        ("b", text("2", None)),
        ("a", text("3", "test")),
        ("b", text("4", "test")),
    ]
    found = {name: placed(Record(id=name, texts=texts)) for name, texts in gathered(rows).items()}
    assert (found["a"].split, [each.split for each in found["a"].texts]) == ("test", [None, None])
    assert (found["b"].split, [each.split for each in found["b"].texts]) == (None, [None, "test"])


def text(key, split):
    return Text("answer", lang="en", task="vqa", question="what?", split=split, key=key)


def test_a_choice_without_a_second_option_is_counted():
    counts = Counts()
    assert choice(Exam(key="k", stem="what?", options={"A": "A: one"}, right="A"), counts, lang="en") is None
    assert sum(counts.dropped.values()) == 1


def test_a_file_that_is_no_json_is_one_clear_line(tmp_path):
    made("slake", tmp_path)
    next(tmp_path.rglob("test.json")).write_text("this is no JSON")
    with pytest.raises(DataError):
        read("slake", tmp_path)


@pytest.mark.parametrize(
    ("name", "number"), [("slake", 14028), ("pathvqa", 12190), ("vqa_med_2019", 500), ("roco", 612)]
)
def test_real_annotations_without_pictures_are_all_counted(name, number):
    place = plugins.find(sources, name).find(SHARED) if SHARED.is_dir() else None
    if place is None:
        pytest.skip(f"no files of {name} in ../shared/data")
    counts = Counts()
    assert list(plugins.find(sources, name).records(place, counts)) == []
    assert counts.dropped == {"data.image_absent": number}
