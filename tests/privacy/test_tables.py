"""Tables: identity columns go and tell what to look for in the row; no row is lost in silence."""

import csv
import json
from datetime import date, timedelta

import pytest

from doctorsun.core.errors import DataError, StorageError
from doctorsun.privacy.key import Key
from doctorsun.privacy.tables import TableConfig, clean_name, clean_table, read_text
from doctorsun.privacy.text import Known, TextCleaner
from tests.privacy.leftovers import KEY

HEADER = ["姓名", "住院号", "出生日期", "年龄", "检查所见", "备注"]
ROWS = [
    [
        "张三丰",
        "00123456",
        "1931-05-06",
        "93岁",
        "张先生右肺结节8mm，病案00123456。",
        "zhangsanfeng 2024-03-05 复查",
    ],
    ["李四", "00999999", "1990-01-02", "34岁", "双肺未见异常。", "李 四 2024-03-09"],
]


def table(path, rows=None, *, header=None, encoding="utf-8", delimiter=","):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header or HEADER, *(rows or ROWS)])
    return path


def cleaned(path, **options):
    out = path.with_name(f"clean{path.suffix}")
    counts = clean_table(path, out, key=KEY, **options)
    return counts, out.read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_a_table_is_cleaned_in_every_encoding(tmp_path, encoding):
    counts, text = cleaned(table(tmp_path / "a.csv", encoding=encoding))
    assert counts.encoding == encoding
    assert counts.rows == 2
    for value in ("张三丰", "张先生", "zhangsanfeng", "00123456", "李", "1931", "93岁", "2024-03-05"):
        assert value not in text, value
    assert "右肺结节8mm" in text
    assert "双肺未见异常。" in text
    assert "90+" in text


def test_a_number_has_one_pseudonym_in_its_column_and_in_the_text(tmp_path):
    _, text = cleaned(table(tmp_path / "a.csv"))
    first = next(csv.DictReader(text.splitlines()))
    assert first["住院号"] in first["检查所见"]
    assert first["住院号"] != next(csv.DictReader(_with_other_key(tmp_path).splitlines()))["住院号"]


def _with_other_key(tmp_path):
    clean_table(tmp_path / "a.csv", tmp_path / "other.csv", key=Key(b"o" * 32))
    return (tmp_path / "other.csv").read_text(encoding="utf-8")


def test_rows_that_fit_no_column_are_counted_with_their_places(tmp_path):
    path = table(tmp_path / "a.csv", [ROWS[0], ["张三丰", "1"], ["", "", "", "", "", ""], ROWS[1]])
    counts, text = cleaned(path)
    assert counts.rows == 2
    assert dict(counts.left_out) == {"cells": 1, "blank": 1}
    assert counts.places == {"cells": [3], "blank": [4]}
    assert len(text.splitlines()) == 3


def test_a_table_without_known_columns_is_refused(tmp_path):
    path = table(tmp_path / "a.csv", header=["张三丰", "00123456", "x", "y", "z", "w"])
    with pytest.raises(DataError) as caught:
        cleaned(path)
    assert caught.value.key == "privacy.table_no_header"


def test_columns_can_be_named_by_the_caller(tmp_path):
    path = table(
        tmp_path / "a.tsv", [["赵敏", "8mm", "赵女士"]], header=["who", "size", "memo"], delimiter="\t"
    )
    counts, text = cleaned(path, columns=TableConfig(roles={"who": "name", "size": "keep"}))
    assert text.splitlines()[1] == "[姓名]\t8mm\t[姓名]"
    assert counts.roles == {"who": "name", "size": "keep", "memo": "text"}


def test_lines_of_json_are_cleaned_to_the_last_leaf(tmp_path):
    path = tmp_path / "a.jsonl"
    row = {
        "patient_name": "Jane Doe",
        "mrn": 12345678,
        "report": {"text": ["Ms. Doe, MRN 12345678", 8.5, None]},
    }
    path.write_text(json.dumps(row) + "\n{oops\n[1]\n" + "[" * 100_000 + "\n\n", encoding="utf-8")
    counts, text = cleaned(path)
    found = json.loads(text)
    assert found["mrn"].startswith("[ID-")
    assert found["report"]["text"] == [f"[NAME], MRN {found['mrn']}", 8.5, None]
    assert dict(counts.left_out) == {"no_json": 2, "no_object": 1}


def test_a_text_file_is_cleaned_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("姓名：张三\r\n右肺结节".encode("gb18030"))
    counts, _ = cleaned(path)
    assert (tmp_path / "clean.txt").read_bytes().decode() == "姓名：[姓名]\r\n右肺结节"
    assert counts.encoding == "gb18030"


@pytest.mark.parametrize(
    ("name", "raw", "key"),
    [("a.xlsx", b"x", "privacy.table_kind"), ("a.txt", b"abc\xff\xff\xffdefgh", "privacy.table_encoding")],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path, name, raw, key):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError) as caught:
        clean_table(tmp_path / name, tmp_path / "out.txt", key=KEY)
    assert caught.value.key == key


def test_the_original_is_never_overwritten(tmp_path):
    path = table(tmp_path / "a.csv")
    before = path.read_bytes()
    with pytest.raises(StorageError):
        clean_table(path, path, key=KEY)
    assert path.read_bytes() == before
    assert read_text(path)[1] == "utf-8"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("张三丰_CT_胸部.dcm", "姓名_CT_胸部.dcm"),
        ("ZHANG_SANFENG-CT.jpg", "NAME-CT.jpg"),
        ("李雷_MR.png", "姓名_MR.png"),
        ("chest_8mm_T2.png", "chest_8mm_T2.png"),
    ],
)
def test_names_of_files_are_cleaned(name, expected):
    assert clean_name(name, cleaner=TextCleaner(KEY, known=Known(names=("张三丰",)))) == expected


def test_numbers_and_dates_in_names_of_files_go():
    cleaned = clean_name("CT_12345678_20240305.dcm", cleaner=TextCleaner(KEY))
    assert cleaned.startswith("ID-")
    assert "12345678" not in cleaned
    assert "20240305" not in cleaned
    assert cleaned.endswith(".dcm")


def test_dates_of_a_row_move_with_the_number_that_stays_with_the_patient(tmp_path):
    source = tmp_path / "a.csv"
    source.write_text(
        "检查号,病案号,出生日期,检查日期\nX1,P77,1980-02-03,2024-03-05\nX2,P 77,1980-02-03,2024-03-07\n"
    )
    clean_table(source, tmp_path / "b.csv", key=KEY)
    rows = list(csv.DictReader((tmp_path / "b.csv").open(encoding="utf-8")))
    assert rows[0]["病案号"] == rows[1]["病案号"] == f"[{KEY.number('P77')}]"
    assert rows[0]["检查号"] != rows[1]["检查号"]
    days = [date.fromisoformat(row["检查日期"]) for row in rows]
    assert days[0] == date(2024, 3, 5) + timedelta(days=KEY.shift_days("P77"))
    assert (days[1] - days[0]).days == 2
    assert {row["出生日期"] for row in rows} == {""}
