"""Text of any encoding, tables of any kind, and folders that are walked once."""

import datetime
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from doctorsun.core.errors import DataError
from doctorsun.data import reading
from doctorsun.data.counts import Counts
from doctorsun.data.encoding import CHUNK, detect, text_pieces
from doctorsun.data.miniature import tiny_picture
from doctorsun.data.reading import (
    folders,
    read_json_rows,
    read_rows,
    read_sheet,
    read_table,
    read_text,
    walked_once,
)

ZH = "患者右肺下叶见一类圆形结节，边缘光滑，考虑良性病变。建议三个月后复查。\n"
TW = "病人右肺下葉見一類圓形結節，邊緣光滑，考慮良性病變。建議三個月後複查。\n"
EN = "The right lower lobe shows a round nodule of 8 mm.\n"


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        (EN, "utf-8", {}),
        (ZH, "utf-8", {}),
        (ZH, "utf-8-sig", {}),
        (ZH, "gb18030", {"data.encoding_gb18030": 1}),
        ("年龄,所见\n57,右肺见结节\n", "gbk", {"data.encoding_gb18030": 1}),
        (TW, "big5", {"data.encoding_big5": 1}),
        ("姓名,所見\n甲,右肺見結節影\n", "big5", {"data.encoding_big5": 1}),
        (ZH, "utf-16", {"data.encoding_utf_16": 1}),
        (EN, "utf-16-le", {"data.encoding_utf_16": 1}),
        (EN + ZH, "utf-16-be", {"data.encoding_utf_16": 1}),
        (ZH, "utf-32", {"data.encoding_utf_32": 1}),
        ("Café au lait spots, 38 °C, Sjögren's naïve\n", "cp1252", {"data.encoding_cp1252": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and len(value) < 12 else "",
)
def test_the_encoding_of_a_file_is_found_and_told(text, encoding, told, tmp_path):
    file, counts = tmp_path / "a.csv", Counts()
    file.write_bytes(text.encode(encoding))
    assert read_text(file, counts=counts) == text
    assert counts.noted == told
    assert "".join(text_pieces(file, Counts())) == text
    assert all(names == ["a.csv"] for names in counts.examples.values())


def test_without_counts_no_other_encoding_is_taken(tmp_path):
    (tmp_path / "a.csv").write_bytes(ZH.encode("gb18030"))
    with pytest.raises(DataError) as caught:
        read_text(tmp_path / "a.csv")
    assert caught.value.key == "data.bad_encoding"


@pytest.mark.parametrize("filler", ["", "a" * (CHUNK - 20)], ids=["near", "far"])
def test_a_stray_byte_in_utf_8_spoils_no_other_letter(filler, tmp_path):
    file, counts = tmp_path / "a.txt", Counts()
    file.write_bytes(filler.encode() + ZH.encode() + b"x\xffy\n" + ZH.encode() * 3)
    assert read_text(file, counts=counts) == filler + ZH + "x\ufffdy\n" + ZH * 3
    assert counts.noted == {"data.stray_bytes": 1}
    assert "".join(text_pieces(file, Counts())) == filler + ZH + "x\ufffdy\n" + ZH * 3


def test_chinese_that_begins_after_a_million_english_letters_is_found(tmp_path):
    file, counts = tmp_path / "a.txt", Counts()
    file.write_bytes((EN * 50000).encode() + ZH.encode("gb18030") * 2)
    assert "".join(text_pieces(file, counts)).endswith(ZH)
    assert counts.noted == {"data.encoding_gb18030": 1}


def test_a_file_cut_inside_a_character_keeps_what_is_whole():
    for encoding in ("utf-8", "gb18030"):
        raw = (ZH * 40).encode(encoding)[:-2]
        assert detect(raw).name == encoding


@pytest.mark.parametrize("raw", [bytes(range(256)) * 20, tiny_picture("a", kind="PNG"), b"\0" * 999])
def test_what_is_no_text_is_refused(raw, tmp_path):
    (tmp_path / "a.csv").write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_text(tmp_path / "a.csv", counts=Counts())
    assert caught.value.key == "data.bad_encoding"


def test_a_file_too_large_to_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_MIB", 0)
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(DataError) as caught:
        read_text(tmp_path / "a.csv")
    assert caught.value.key == "data.file_too_large"


def test_a_row_with_a_bad_quote_costs_only_itself_when_somebody_is_told(tmp_path):
    (tmp_path / "a.csv").write_text('name,said\na,"one"\nb,"t"wo\nc,three\n')
    counts = Counts()
    rows = read_rows(tmp_path / "a.csv", ("name",), counts=counts)
    assert [row["name"] for row in rows] == ["a", "c"]
    assert counts.dropped == {"data.bad_table_row": 1}
    assert counts.examples["data.bad_table_row"] == ["a.csv/3"]
    with pytest.raises(DataError):
        read_rows(tmp_path / "a.csv", ("name",))


def test_an_odd_line_end_inside_a_json_line_ends_no_row(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"said": "one\u2028two"}\n{"said": "three"}\n')
    assert [row["said"] for row in read_json_rows(tmp_path / "a.jsonl")] == ["one\u2028two", "three"]


def test_a_sheet_is_read_like_a_table(tmp_path):
    book = Workbook()
    book.create_sheet("rows").append(["编号 ", "日期", "大小", "所见", None])
    sheet = book["rows"]
    sheet.append([7.0, datetime.date(2026, 3, 5), 1.5, " 右肺结节\n复查", "x"])
    sheet.append([None] * 5)
    sheet.append(["8", datetime.datetime.fromisoformat("2026-03-05T08:30"), None, "无"])
    book.save(tmp_path / "a.xlsx")
    rows = read_table(tmp_path / "a.xlsx", ("编号", "所见"), counts=Counts())
    assert [{name: row[name] for name in ("编号", "日期", "大小", "所见")} for row in rows] == [
        {"编号": "7", "日期": "2026-03-05", "大小": "1.5", "所见": "右肺结节\n复查"},
        {"编号": "8", "日期": "2026-03-05T08:30:00", "大小": "", "所见": "无"},
    ]
    with pytest.raises(DataError, match="印象"):
        read_sheet(tmp_path / "a.xlsx", ("印象",))


def test_a_sheet_that_unpacks_to_too_much_is_refused(tmp_path):
    with ZipFile(tmp_path / "a.xlsx", "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (8 * 2**20))
    with pytest.raises(DataError) as caught:
        read_sheet(tmp_path / "a.xlsx")
    assert caught.value.key == "data.file_too_large"


def test_folders_are_walked_once_within_a_block_and_anew_after_it(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    walked = []
    scan = reading.os.scandir
    monkeypatch.setattr(reading.os, "scandir", lambda path: walked.append(path) or scan(path))
    plain = list(folders(tmp_path))
    assert len(walked) == 3
    with walked_once():
        assert next(folders(tmp_path)).path == tmp_path
        assert len(walked) == 4
        assert [list(folders(tmp_path)), list(folders(tmp_path))] == [plain, plain]
        assert len(walked) == 6
    (tmp_path / "c").mkdir()
    assert len(list(folders(tmp_path))) == 4
