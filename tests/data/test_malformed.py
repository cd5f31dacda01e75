"""Malformed files are refused one by one, each with its reason, while everything beside them is used."""

import gzip
import io
import json
import shutil
import tarfile
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doctorsun.core import plugins
from doctorsun.data import sources
from doctorsun.data.build import build, reason_text
from doctorsun.data.counts import EXAMPLES, Counts
from doctorsun.data.dataset import open_dataset
from doctorsun.data.formats.json_rows import LONGEST
from doctorsun.data.miniature import tiny_picture
from tests.data.invented import recipe


def talk(question="What is invented here?", answer="Nothing but this."):
    said = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"conversations": said}


def text(*rows):
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def messages(image):
    asked = [{"type": "image", "text": None}, {"type": "text", "text": "What is it?"}]
    answer = [{"type": "text", "text": "An invented blot."}]
    said = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": said, "images": [{"bytes": None, "path": None, **image}]}


def parquet(*rows):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


def tar(*entries):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, raw, more in entries:
            about = tarfile.TarInfo(name)
            about.size = len(raw)
            for field, value in more.items():
                setattr(about, field, value)
            archive.addfile(about, io.BytesIO(raw))
    return file.getvalue()


def header(name, **fields):
    about = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(about, field, value)
    return about.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def archive(**parts):
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return file.getvalue()


ENTITIES = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><Types>&c;</Types>'
NO_FOOTER = parquet(messages({"bytes": tiny_picture("a")}))[:-4] + b"XXXX"
PICTURE = tiny_picture("inside", kind="PNG")
DEEP = "[" * 100_000 + "]" * 100_000
LONG = "a" * (LONGEST + 2)

LIST, LINES = "llava_json x.json", "llava_json x.jsonl"
ROWS, TAR, COCO = "hf_messages x.parquet", "webdataset x.tar", "coco_captions x.json"
CSV, XLSX = "table_images x.csv", "table_images x.xlsx"
NUL = text(talk("h"), talk("i\x01")).replace("\\u0001", "\0")
LINK = {"type": tarfile.SYMTYPE, "linkname": "b"}
FOLDERS = {"hf_messages": "data", "coco_captions": "annotations"}

# What it is called: the reader and the file, its content, the reasons with their numbers.
CASES = {
    "an empty file": (LIST, b"", {"bad_json": 1}),
    "a list cut inside a string": (LIST, f"[{text(talk())[:40]}", {"list_cut": 1}),
    "a list cut after a comma": (LIST, f"[{text(talk())},", {"list_cut": 1}),
    "a damaged item of a list": (LIST, f"[{{x}},{text(talk('b'))}]", {"bad_json_row": 1}),
    "one bad line": (LINES, f'{text(talk("c"))}\n{{"a\n{text(talk("d"))}', {"bad_json_row": 1}),
    "a deep item": (LIST, f'[{{"a": {DEEP}}}, {text(talk("e"))}]', {"bad_json_row": 1}),
    "a deep line": (LINES, f'{text(talk("f"))}\n{{"a": {DEEP}}}', {"bad_json_row": 1}),
    "NaN for words": (LIST, text([talk(answer=float("nan"))]), {"bad_row": 1}),
    "a key twice": (LINES, text(talk("g")) + '\n{"id": 1, "id": 2}', {"doubled_key": 1}),
    "NUL in a line": (LINES, NUL, {"bad_json_row": 1}),
    "a line without end": (LINES, f'{text(talk("j"))}\n{{"a": "{LONG}"}}', {"row_too_long": 1}),
    "an item without end": (LIST, f'[{text(talk("k"))}, {{"a": "{LONG}', {"list_cut": 1}),
    "a picture named json": (LIST, PICTURE, {"bad_encoding": 1}),
    "bytes of no text": (LINES, bytes(range(256)) * 40, {"bad_encoding": 1}),
    "a single word": (LIST, '"word"', {"bad_json": 1}),
    "settings of a tool": (LIST, json.dumps({"a": {"b": 1}}, indent=1), {"bad_json": 1}),
    "a list of numbers": (LIST, "[1, 2, 3]", {"bad_row": 3}),
    "Parquet without its end": (ROWS, NO_FOOTER, {"unreadable_file": 1}),
    "Parquet cut in two": (ROWS, NO_FOOTER[:200], {"unreadable_file": 1}),
    "Parquet of nothing": (ROWS, b"", {"unreadable_file": 1}),
    "Parquet of other columns": (ROWS, parquet({"a": 1}, {"a": 2}), {"bad_row": 2}),
    "Parquet with a lost picture": (ROWS, parquet(messages({"path": "no.png"})), {"image_absent": 1}),
    "a tar cut in two": (TAR, tar(("a.jpg", PICTURE, {}))[:700], {"tar_cut": 1}),
    "a tar without its end": (TAR, tar(("a.txt", b"a" * 512, {}))[:1024], {"tar_cut": 1, "image_absent": 1}),
    "a tar with a link": (TAR, tar(("a.jpg", b"", LINK)), {"tar_link": 1}),
    "a tar that points outside": (TAR, tar(("../a.jpg", b"a", {}), ("/b.jpg", b"b", {})), {"tar_outside": 2}),
    "a tar of an endless entry": (TAR, header("a.jpg", size=2**40), {"tar_large": 1, "tar_cut": 1}),
    "a tar of an endless header": (TAR, header("a", size=2**33, type=b"x"), {"bad_tar": 1}),
    "a packed tar": (TAR, gzip.compress(tar(("a.txt", b"a", {}))), {"bad_tar": 1}),
    "a tar with damaged words": (TAR, tar(("a.jpg", b"a", {}), ("a.json", b"{", {})), {"bad_json_row": 1}),
    "XLSX that is no archive": (XLSX, b"PK\3\4" + bytes(90), {"bad_sheet": 1}),
    "XLSX of other parts": (XLSX, archive(readme="a"), {"bad_sheet": 1}),
    "XLSX that unpacks without end": (XLSX, archive(a=" " * 2**24), {"file_too_large": 1}),
    "XLSX with entities": (XLSX, archive(**{"[Content_Types].xml": ENTITIES}), {"bad_sheet": 1}),
    "CSV with a bad quote": (CSV, 'image,text\na,"b"c\n', {"bad_table_row": 1}),
    "CSV with a field without end": (CSV, f'image,text\na,"{"b" * 140_000}\n', {"bad_table_row": 1}),
    "CSV of nothing": (CSV, b"", {"missing_column": 1}),
    "CSV of other columns": (CSV, "picture;words\na;b\n", {"missing_column": 1}),
    "COCO cut in two": (COCO, '{"images": [{"id": 1', {"bad_json": 1}),
    "COCO that is a list": (COCO, text([talk()]), {"bad_coco": 1}),
}


def put(root, reader, name, content):
    raw = content.encode() if isinstance(content, str) else content
    (root / FOLDERS.get(reader, "") / name).write_bytes(raw)


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_file_costs_itself_and_says_why(case, tmp_path):
    what, content, reasons = CASES[case]
    reader, _, name = what.partition(" ")
    module, counts = plugins.find(sources, reader), Counts()
    module.example(tmp_path)
    good = [record.id for record in module.records(tmp_path, Counts())]
    put(tmp_path, reader, name, content)
    found = [record.id for record in module.records(tmp_path, counts)]
    assert [each for each in found if each in good] == good
    assert counts.dropped == {f"data.{reason}": number for reason, number in reasons.items()}
    for reason in counts.dropped:
        assert 1 <= len(counts.examples[reason]) <= EXAMPLES
        assert all(example.startswith("x") for example in counts.examples[reason])
        assert reason_text(reason)


def test_a_build_of_all_of_them_goes_on_and_tells_each_reason(tmp_path):
    expected = {}
    for number, (what, content, reasons) in enumerate(CASES.values()):
        reader, _, name = what.partition(" ")
        root = tmp_path / "raw" / reader
        if reader not in expected:
            plugins.find(sources, reader).example(root)
        if len(content) < LONGEST:
            put(root, reader, f"x{number}{name[1:]}", content)
            expected.setdefault(reader, set()).update(f"data.{reason}" for reason in reasons)
    mine = {reader: {"path": reader, "licence": "CC0-1.0"} for reader in expected}
    info = open_dataset(build(recipe(tmp_path / "raw", [], sources=mine, drop_limit=1))).info
    assert len(CASES) >= 30
    for reader, asked in expected.items():
        counts = info["sources"][reader]["counts"]
        assert counts["kept"] >= 4
        assert asked <= set(counts["dropped"])
        assert all(counts["examples"][reason] for reason in asked)


def test_files_in_other_encodings_are_read_and_told(tmp_path):
    for name in ("utf-8-sig", "utf-16", "gb18030", "big5"):
        asked = "編造的問題是什麼？" if name == "big5" else "虚构的问题是什么？"
        row = json.dumps([talk(asked, "一句人造的回答，只有一句。")], ensure_ascii=False)
        (tmp_path / f"{name}.json").write_bytes(row.encode(name))
    counts = Counts()
    found = list(plugins.find(sources, "llava_json").records(tmp_path, counts))
    assert {record.texts[0].lang for record in found} == {"zh"}
    assert len(found) == 4
    assert counts.noted == {f"data.encoding_{name}": 1 for name in ("utf_16", "gb18030", "big5")}
    assert not counts.dropped


def test_half_a_character_of_a_file_spoils_one_row(tmp_path):
    rows = [talk(f"虚构的问题{at}是什么？", "虚构的回答。") for at in range(40)]
    raw = text(*rows).encode()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.jsonl").write_bytes(raw.replace("题7".encode(), b"\xe9\xa2" + b"7"))
    mine = {"mine": {"reader": "llava_json", "path": ".", "licence": "CC0-1.0"}}
    info = open_dataset(build(recipe(tmp_path / "raw", [], sources=mine))).info
    counts = info["sources"]["mine"]["counts"]
    assert (counts["kept"], counts["dropped"]) == (39, {"data.broken_text": 1})
    assert counts["noted"]["data.stray_bytes"] == 1


def test_memory_does_not_grow_with_a_line_without_end(tmp_path):
    psutil = pytest.importorskip("psutil")
    with (tmp_path / "a.jsonl").open("w") as file:
        file.write(text(talk()) + "\n")
        for _ in range(96):
            file.write("b" * 2**20)
    counts, own = Counts(), psutil.Process()
    before = own.memory_info().rss
    assert len(list(plugins.find(sources, "llava_json").records(tmp_path, counts))) == 1
    assert counts.dropped == {"data.row_too_long": 1}
    assert own.memory_info().rss - before < 200 * 2**20
    shutil.rmtree(tmp_path)
