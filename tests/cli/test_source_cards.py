"""`sun data sources`: all sources for a person and for a program, and one card whole."""

import json

import pytest
from rich.cells import cell_len

from doctorsun.cli import source_cards
from doctorsun.cli.main import main
from doctorsun.cli.source_cards import amount
from doctorsun.core import plugins
from doctorsun.core.strings import use_language
from doctorsun.data import sources
from doctorsun.data.catalog import catalog, entry


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch):
    """A person at a terminal of a hundred columns."""
    for place in ("screen", "source_cards"):
        monkeypatch.setattr(f"doctorsun.cli.{place}.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")


def rows(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_program_reads_one_object_a_source(capsys):
    assert main(["data", "sources"]) == 0
    found = {row["name"]: row for row in rows(capsys)}
    assert set(found) == set(plugins.names(sources))
    assert all(row["obtain"] and row["licence"] for row in found.values())
    assert all(row["url"] for row in found.values() if not row["generated"])
    assert found["bunny"]["general"] and not found["vqa_rad"]["general"]
    assert found["omnimedvqa"]["test_rows"] == "all"
    assert found["llava_json"]["reader"] and found["llava_json"]["options"]["lang"] == "auto"
    assert "found" not in found["busi"]


def test_with_a_folder_it_is_told_what_is_there_and_how_much(capsys, tmp_path):
    plugins.find(sources, "busi").example(tmp_path / "raw")
    assert main(["data", "sources", "--data", "raw"]) == 0
    found = {row["name"]: row for row in rows(capsys)}
    files = [path for path in (tmp_path / "raw").rglob("*") if path.is_file()]
    assert found["busi"]["found"] and not found["idrid"]["found"]
    assert found["busi"]["files"] == len(files)
    assert found["busi"]["bytes"] == sum(path.stat().st_size for path in files)
    assert found["phantom"]["found"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Medical sources", "General sources", "some", "made by a program", "How to get the")),
        ("zh", ("医学数据来源", "通用数据来源", "部分", "由程序生成", "获取方法", "下载")),
    ],
)
def test_a_person_reads_it_in_their_language_on_a_hundred_columns(lang, words, person, capsys, tmp_path):
    (tmp_path / "raw").mkdir()
    assert main(["data", "sources", "--ui", lang, "--data", "raw"]) == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []
    assert max(cell_len(line.rstrip()) for line in shown.splitlines() if "https://" not in line) <= 100
    assert "  bccd  https://github.com/Shenggan/BCCD_Dataset\n" in shown


@pytest.mark.parametrize("name", ["vqa_rad", "table_images", "phantom"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_one_card_is_shown_whole(name, lang, person, capsys, tmp_path):
    plugins.find(sources, "vqa_rad").example(tmp_path / "raw")
    assert main(["data", "sources", name, "--ui", lang, "--data", "raw"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    card = plugins.find(sources, name).CARD
    for words in (card.title, card.licence, card.citation, card.notes, card.url):
        assert "".join(words.split()) in shown


def test_one_card_is_one_object_in_a_pipe(capsys):
    assert main(["data", "sources", "idrid"]) == 0
    (found,) = rows(capsys)
    assert found["citation"] == plugins.find(sources, "idrid").CARD.citation
    assert found["test_rows"] == "some"


def test_a_wrong_name_says_the_near_one(capsys):
    assert main(["data", "sources", "vqarad"]) == 2
    assert "vqa_rad" in capsys.readouterr().err


def test_how_to_get_a_source_is_told_in_chinese_where_its_card_does():
    said = [each for each in catalog() if each.card.obtain_zh]
    assert said
    use_language("zh")
    assert [source_cards.obtain(each) for each in said] == [each.card.obtain_zh for each in said]


def test_an_entry_of_the_catalog_knows_the_options():
    assert entry("coco_captions").options == {"file": "", "images": "", "lang": "auto", "origin": "human"}
    assert "count" in entry("phantom").options


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (14_300_000, "14 MB"), (5 * 10**15, "5000 TB")],
)
def test_bytes_are_said_as_people_say_them(size, said):
    assert amount(size) == said
