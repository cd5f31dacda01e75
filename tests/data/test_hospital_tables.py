"""What a hospital says of its folder, the tables it exports, and how its reports find their pictures."""

import json
import re
from pathlib import Path

import pytest
import yaml

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.data.config import DataConfig
from doctorsun.data.counts import Counts
from doctorsun.data.hospital.joining import Index
from doctorsun.data.hospital.linking import links_of
from doctorsun.data.hospital.mapping import Mapping, Reports, read_mapping
from doctorsun.data.hospital.reports import clean_report, fields_of_row, links_of_row, report_id
from doctorsun.data.hospital.seeing import facts_of
from doctorsun.data.hospital.tables import Row, check_tables, rows_of
from doctorsun.data.hospital.taking import Study
from doctorsun.data.miniature import put_table, put_text
from doctorsun.privacy.key import Key

KEY = Key(b"h" * 32)
COLUMNS = {"accession": "号", "name": "姓名", "findings": "所见"}
HEAD = ("号", "姓名", "所见")
ROWS = [("A1001", "甲乙丙", "两肺清晰。"), ("A1002", "丁戊己", "左肺结节。")]


def table(file, **columns):
    return Reports.model_validate({"file": file, "columns": columns or COLUMNS})


def rows(place, reports):
    counts, bad = Counts(), []
    found = list(rows_of(place, reports, 0, counts, bad))
    assert len(bad) == counts.dropped.total()
    return found, counts


def row(cells, path="", **columns):
    return Row("reports.0:2", table("x.csv", **(columns or COLUMNS)), cells, path)


def study(name, **links):
    found = Study(name, "dicom", None, files=["one.dcm"])
    for how, digests in links_of(KEY, **links).items():
        found.links[how].update(digests)
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_read_in_any_of_its_encodings(encoding, tmp_path):
    put_table(tmp_path / "r.csv", HEAD, ROWS, encoding=encoding)
    found, counts = rows(tmp_path, table("r.csv"))
    assert [one.one("name") for one in found] == ["甲乙丙", "丁戊己"]
    assert [one.place for one in found] == ["reports.0:2", "reports.0:3"]
    name = encoding.removesuffix("-sig").replace("-", "_")
    assert counts.examples == {f"data.encoding_{name}": ["reports.0"]}


def test_a_sheet_and_json_say_the_same_as_a_csv(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for line in (HEAD, *ROWS):
        book.active.append(line)
    book.save(tmp_path / "r.xlsx")
    objects = [dict(zip(HEAD, line, strict=True)) for line in ROWS]
    put_text(tmp_path / "r.json", json.dumps({"reports": objects}))
    put_text(tmp_path / "r.jsonl", "\n".join(json.dumps(one) for one in objects))
    put_table(tmp_path / "r.csv", HEAD, ROWS)
    told = [
        [dict(one.cells) for one in rows(tmp_path, table(f"r.{end}"))[0]]
        for end in ("csv", "xlsx", "json", "jsonl")
    ]
    assert told[0] == told[1] == told[2] == told[3] == objects


@pytest.mark.parametrize("end", ["csv", "xlsx"])
def test_titles_above_the_head_and_empty_rows_are_passed_over_and_rows_keep_their_numbers(end, tmp_path):
    lines = [["报告导出", "", ""], ["", "", ""], [*HEAD], [*ROWS[0]], ["", "", ""], [*ROWS[1]]]
    if end == "csv":
        put_table(tmp_path / "r.csv", lines[0], lines[1:])
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for line in lines:
            book.active.append([cell or None for cell in line])
        book.active.merge_cells("A1:C1")
        book.save(tmp_path / "r.xlsx")
    found, counts = rows(tmp_path, table(f"r.{end}"))
    assert [(one.place, one.one("name")) for one in found] == [
        ("reports.0:4", ROWS[0][1]),
        ("reports.0:6", ROWS[1][1]),
    ]
    assert not counts.dropped


def test_a_wrong_table_is_told_before_any_picture_is_worked_on(tmp_path):
    put_table(tmp_path / "r.csv", HEAD, ROWS)
    (tmp_path / "broken.csv").write_bytes(b"\xff\x00\x81" * 40)
    check_tables(tmp_path, [table("r.csv")])
    with pytest.raises(ConfigError) as caught:
        check_tables(tmp_path, [table("r.csv"), table("r.csv", name="病人", findings="所见")])
    assert caught.value.key == "data.hospital_no_column"
    with pytest.raises(DataError) as caught:
        check_tables(tmp_path, [table("broken.csv")])
    assert caught.value.values["where"] == "broken.csv"


def test_an_approval_of_a_report_is_of_the_words_that_were_looked_at():
    told = {"号": "A1", "姓名": "甲乙丙", "所见": "两肺清晰。"}
    assert report_id(row(told), KEY) == report_id(row(dict(told)), KEY)
    assert report_id(row(told), KEY) != report_id(row({**told, "所见": "丁戊己，左肺结节。"}), KEY)


def test_text_files_are_reports_of_their_own(tmp_path):
    put_text(tmp_path / "texts" / "A1.txt", "所见：甲。", encoding="gb18030")
    put_text(tmp_path / "texts" / "A2.txt", "所见：乙。")
    found, _ = rows(tmp_path, Reports(file="texts/*.txt"))
    assert [(one.place, one.path, one.cells["text"]) for one in found] == [
        ("reports.0.1", "texts/A1.txt", "所见：甲。"),
        ("reports.0.2", "texts/A2.txt", "所见：乙。"),
    ]
    assert links_of_row(found[0], KEY)["file"] == links_of(KEY, files=["texts\\A1.dcm"])["file"]


def test_half_a_character_and_a_number_of_json_become_text(tmp_path):
    put_text(tmp_path / "r.json", '[{"号": 81000001.0, "姓名": "\\ud800甲", "所见": ["清晰", null]}]')
    (found,), _ = rows(tmp_path, table("r.json"))
    assert [found.one(role) for role in ("accession", "name", "findings")] == ["81000001", "?甲", "清晰"]


def test_odd_rows_are_counted_by_their_number(tmp_path):
    put_text(tmp_path / "r.csv", "号,姓名,所见\nA1,甲乙丙,清晰\nA2,丁戊己\n\nA3,庚辛壬,清晰,多余\n")
    found, counts = rows(tmp_path, table("r.csv"))
    assert len(found) == 1
    assert counts.examples["data.bad_row"] == ["reports.0:3", "reports.0:5"]


def test_a_wrong_column_is_named_with_its_file_and_the_near_one(tmp_path):
    put_table(tmp_path / "r.csv", ("检查号码", "姓名", "检查所见"), ROWS)
    with pytest.raises(ConfigError) as caught:
        rows(tmp_path, table("r.csv", accession="检查号", findings="检查所见"))
    assert caught.value.values == {
        "where": "r.csv",
        "role": "accession",
        "found": "检查号",
        "near": "检查号码",
    }


def test_a_table_without_a_head_tells_no_patient(tmp_path):
    put_table(tmp_path / "r.csv", ROWS[0], ROWS[1:])
    with pytest.raises(ConfigError) as caught:
        rows(tmp_path, table("r.csv"))
    assert not any(value in str(caught.value) for value in ROWS[0])


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("images: x\n", "core.missing_key"),
        ("images: x\nreports: [{file: r.csv, columns: {finding: 所见}}]\n", "core.unknown_key"),
        ("images: x\nreports: [{file: r.csv, columns: {accession: 号}}]\n", "data.hospital_no_words"),
        ("images: x\nreports: [{file: r.csv, lang: fr, columns: {text: 所见}}]\n", "core.bad_value"),
        ("images: [x\n", "core.bad_yaml"),
        ("- images\n", "core.bad_yaml"),
    ],
    ids=["missing", "misspelt", "no words", "language", "broken", "list"],
)
def test_a_wrong_mapping_is_one_clear_line(text, key, tmp_path):
    put_text(tmp_path / "hospital.yaml", text)
    with pytest.raises(ConfigError) as caught:
        read_mapping(tmp_path, "hospital.yaml")
    assert caught.value.key == key
    assert "hospital.yaml" in str(caught.value)


def test_a_mapping_leads_out_of_its_folder_nowhere(tmp_path):
    put_table(tmp_path / "r.csv", HEAD, ROWS)
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigError) as caught:
        rows(tmp_path / "in", table("../r.csv"))
    assert caught.value.key == "data.hospital_outside"
    with pytest.raises(ConfigError) as caught:
        rows(tmp_path, table("nothing.csv"))
    assert caught.value.key == "data.hospital_no_file"


@pytest.mark.parametrize(
    ("of_study", "of_report"),
    [
        ({"accession": ["A 100-1"]}, {"accession": ["a1001"]}),
        ({"accession": ["000123456"]}, {"accession": ["123456"]}),
        ({"study": ["1.2.3.4"]}, {"study": ["1.2.3.4"]}),
        ({"patient": ["P-77"], "days": ["20240305"]}, {"patient": ["p77"], "days": ["2024-03-05 08:30"]}),
        ({"files": ["images/A7/IM1.dcm"]}, {"files": ["IM1.DCM"]}),
        ({"files": ["images/A7/IM1.dcm"]}, {"files": ["A7"]}),
    ],
    ids=["accession", "no zeros", "study", "patient and day", "file", "folder"],
)
def test_a_report_finds_its_study_by(of_study, of_report):
    index = Index(
        [study("ours", **of_study), study("other", accession=["B9"], files=["x"])],
        ("accession", "study", "patient_date", "file"),
    )
    found = index.find(links_of(KEY, **of_report))
    assert [one.id for one in found] == ["ours"]


def test_a_report_that_fits_two_studies_is_doubtful_until_something_tells_them_apart():
    order = ("patient_date", "file")
    same = {"patient": ["P7"], "days": ["2024-03-05"]}
    index = Index([study("a", **same, files=["a.dcm"]), study("b", **same, files=["b.dcm"])], order)
    assert index.find(links_of(KEY, **same)) is None
    assert [one.id for one in index.find(links_of(KEY, **same, files=["b"]))] == ["b"]
    assert index.find(links_of(KEY, patient=["P8"], days=["2024-03-05"])) == ()


def test_a_report_is_cleaned_with_what_the_header_of_its_pictures_knows():
    of_header = study("s")
    of_header.fields["names"].add("Sternhagen^Ottilie=石^天海")
    of_header.patient = "P7"
    told = row({"所见": "石天海，男，两肺清晰。Sternhagen复查。"}, findings="所见")
    report = clean_report(told, [of_header], KEY, shift=True)
    assert report.sections.findings == "[姓名]，男，两肺清晰。[姓名]复查。"
    assert not report.waits


def test_columns_that_the_mapping_does_not_name_still_tell_what_to_look_for():
    told = row(
        {"号": "A1001", "姓名": "石天海", "所见": "清晰。家属13912345678。", "联系电话": "13912345678"}
    )
    assert fields_of_row(told)["phones"] == {"13912345678"}
    assert "139" not in clean_report(told, [], KEY, shift=True).sections.findings


def test_a_report_of_nobody_known_waits_until_a_person_says_it_holds_no_name():
    told = row({"所见": "两肺清晰。"}, findings="所见")
    assert clean_report(told, [], KEY, shift=True).waits == "privacy.waits_text"
    nameless = Row(told.place, told.table.model_copy(update={"nameless": True}), told.cells)
    assert clean_report(nameless, [], KEY, shift=True).sections.findings == "两肺清晰。"


@pytest.mark.parametrize(
    ("cells", "found", "said"),
    [
        ({"所见": "检查所见：清晰。\n印象：正常。"}, "清晰。", "正常。"),
        ({"所见": "清晰。", "印象": "印象：正常。"}, "清晰。", "正常。"),
        ({"所见": "清晰，对比：旧片。心影大。", "印象": ""}, "清晰，对比：旧片。心影大。", ""),
    ],
    ids=["both in one", "header in its column", "plain"],
)
def test_sections_are_told_by_columns_and_by_headers(cells, found, said):
    told = row({"姓名": "石天海", **cells}, name="姓名", findings="所见", impression="印象")
    report = clean_report(told, [], KEY, shift=True)
    assert (report.sections.findings, report.sections.impression) == (found, said)


@pytest.mark.parametrize("name", ["hospital.md", "hospital.zh.md"])
def test_the_examples_of_the_page_are_read(name):
    text = (Path(__file__).parents[2] / "docs" / name).read_text()
    mapping, own = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert validate(Mapping, yaml.safe_load(mapping), where=name).look.max_pictures == 4
    assert "hospital" in validate(DataConfig, yaml.safe_load(own)["data"], where=name).sources
    roles = set(re.findall(r"^\| `?(\w+)`", text, flags=re.MULTILINE))
    assert roles


def test_codes_of_headers_and_words_of_tables_become_facts():
    codes = {"modality": ["DX", "CR"], "region": ["CHEST", "CHEST"], "view": ["PA", "LL"]}
    assert [(fact.name, fact.value) for fact in facts_of(codes)] == [
        ("modality", '"xray"'),
        ("region", '"chest"'),
    ]
    assert [fact.value for fact in facts_of({}, modality="彩超")] == ['"ultrasound"']
    assert facts_of({"modality": ["XX"]}, modality="Foo") == ()
