"""Building: the same bytes again, nothing shared between splits, and faults that cost only themselves."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from doctorsun import data, imaging
from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError, DataError
from doctorsun.core.schema import SPLITS
from doctorsun.core.strings import lines
from doctorsun.data import sources
from doctorsun.data.audit import audit
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from doctorsun.data.miniature import put_picture, put_table
from doctorsun.language.answers import label, question_key
from doctorsun.language.banks import held_out
from tests.data.invented import PICTURES, TEXTS, recipe, write_sources


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def dropped(path, source):
    return json.loads((path / "dataset.json").read_text())["sources"][source]["counts"]["dropped"]


def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("doctorsun.data.workers.local.ALONE_BYTES", 0)
    names = ["busi", "vqa_rad", "bccd", "medquad"]
    write_sources(tmp_path / "raw", names)
    one = tree(build(recipe(tmp_path / "raw", names, out=tmp_path / "one", workers=1)))
    two = tree(build(recipe(tmp_path / "raw", names, out=tmp_path / "two", workers=2)))
    assert one == two
    assert any(name.startswith("data/train-") for name in one)


def test_another_seed_splits_otherwise(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    one, two = (
        open_dataset(build(recipe(tmp_path / "raw", ["busi"], out=tmp_path / str(seed), seed=seed)))
        for seed in (1, 2)
    )
    assert {meta.id for meta in one.rows("train").index()} != {meta.id for meta in two.rows("train").index()}


def test_no_path_of_this_machine_stands_in_the_data_set(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    folder = build(recipe(tmp_path / "raw", ["busi"]))
    assert not any(
        str(tmp_path).encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file()
    )


def test_splits_share_neither_groups_nor_pictures(built):
    found = audit(built.path)
    assert all(numbers == {"groups": 0, "pictures": 0} for numbers in found["shared"].values())
    assert found["doubled_ids"] == 0
    assert set(SPLITS) <= set(built.splits)


@pytest.mark.parametrize("seed", range(6))
def test_splits_stay_apart_whatever_the_seed_even_with_twins(tmp_path, seed):
    write_sources(tmp_path / "raw", ["busi", "ham10000"])
    pictures = sorted((tmp_path / "raw").rglob("ISIC*.jpg"))
    for at in range(0, 12, 3):
        shutil.copy(pictures[at], pictures[at + 1])
    folder = build(recipe(tmp_path / "raw", ["busi", "ham10000"], seed=seed))
    assert sum(sum(numbers.values()) for numbers in audit(folder)["shared"].values()) == 0


def test_a_new_source_moves_no_group_that_was_there(tmp_path):
    write_sources(tmp_path / "raw", PICTURES)
    few = open_dataset(build(recipe(tmp_path / "raw", ["ham10000", "busi"], out=tmp_path / "few")))
    many = open_dataset(build(recipe(tmp_path / "raw", PICTURES, out=tmp_path / "many")))
    for split in SPLITS:
        after = {meta.id for meta in many.rows(split).index() if meta.source in {"ham10000", "busi"}}
        assert {meta.id for meta in few.rows(split).index()} == after


def test_what_a_benchmark_calls_test_never_trains(built):
    for split in ("train", "validation"):
        for sample, _ in built.rows(split).words():
            assert not sample.id.startswith(("brain_tumor_mri/Testing", "idrid/test"))
            assert not (
                sample.source == "vqa_rad" and sample.origin == "human" and _number(sample.id) % 4 == 3
            )


def test_the_official_split_holds_every_question_marked_test(built):
    official = [each for each in built.rows("official").words() if each[0].source == "vqa_rad"]
    assert sorted(_number(sample.id) for sample, _ in official) == [3, 7, 11, 15, 19, 23]
    assert all(sample.split == "test" for sample, _ in official)
    assert "official" in (built.path / "README.md").read_text()


def test_forced_test_makes_one_split_of_everything(tmp_path):
    write_sources(tmp_path / "raw", PICTURES)
    dataset = open_dataset(build(recipe(tmp_path / "raw", PICTURES, split={"force": "test"})))
    assert dataset.splits == ("test",)
    asked = [sample.id for sample, _ in dataset.rows("test").words() if sample.source == "vqa_rad"]
    assert {_number(name) for name in asked if "/q" in name} == set(range(24))


def test_held_out_phrasings_never_train(built):
    trained = [sample.phrasing for sample, _ in built.rows("train").words() if sample.phrasing]
    tested = [sample.phrasing for sample, _ in built.rows("test").words() if sample.phrasing]
    assert trained
    assert not any(held_out(phrasing) for phrasing in trained)
    assert any(held_out(phrasing) for phrasing in tested)


def test_yes_and_no_are_equally_many_for_each_question(built):
    for split in SPLITS:
        facts = [sample for sample, _ in built.rows(split).words() if sample.origin == "template"]
        said = Counter((question_key(sample), sample.lang, label(sample)) for sample in facts)
        for key, lang, _ in said:
            if key and key.endswith("/yesno"):
                assert said[key, lang, "yes"] == said[key, lang, "no"], key


def test_every_question_from_facts_stands_in_both_languages(built):
    langs = Counter()
    for sample, _ in built.rows("train").words():
        if sample.origin == "template" and sample.facts:
            langs[sample.id.rpartition("/")[0]] += {"zh": 1, "en": 100}[sample.lang]
    assert {name: both for name, both in langs.items() if both != 101} == {}


def test_an_absent_source_is_skipped_said_and_counted(tmp_path, heard):
    write_sources(tmp_path / "raw", ["busi"])
    folder = build(recipe(tmp_path / "raw", ["busi", "idrid"]))
    assert [values["source"] for event, values in heard.notes if event == "data.source_absent"] == ["idrid"]
    assert json.loads((folder / "dataset.json").read_text())["sources"]["idrid"]["present"] is False


def test_licences_that_nobody_accepted_are_left_out(tmp_path):
    write_sources(tmp_path / "raw", ["busi", "covid_chestxray", "bccd"])
    config = recipe(tmp_path / "raw", ["busi", "covid_chestxray", "bccd"])
    strict = config.model_copy(
        update={
            "sources": {name: each.model_copy(update={"accept": ()}) for name, each in config.sources.items()}
        }
    )
    folder = build(strict)
    info = json.loads((folder / "dataset.json").read_text())
    assert dropped(folder, "busi") == {"data.licence": 12}
    assert info["licences"] == ["CC-BY-3.0", "CC-BY-4.0", "MIT"]
    assert not info["non_commercial"]


def test_the_data_set_states_the_strictest_licence(built):
    assert built.licence == "unknown"
    assert built.info["non_commercial"]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda path: path.write_bytes(b""), "imaging.empty"),
        (lambda path: path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2]), "imaging.damaged"),
        (lambda path: path.write_bytes(b"this is a letter"), "imaging.no_picture"),
        (lambda path: put_blank(path), "data.blank_picture"),
    ],
)
def test_a_bad_picture_costs_only_its_record(tmp_path, harm, reason):
    write_sources(tmp_path / "raw", ["busi"])
    harm(next((tmp_path / "raw").rglob("benign (1).png")))
    folder = build(recipe(tmp_path / "raw", ["busi"]))
    info = json.loads((folder / "dataset.json").read_text())["sources"]["busi"]["counts"]
    assert info["dropped"] == {reason: 1}
    assert info["examples"][reason] == ["busi/benign (1)"]
    assert info["kept"] == 11


def put_blank(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 20), "black").save(path)


def test_a_source_with_an_unusable_table_costs_only_itself(tmp_path, heard):
    write_sources(tmp_path / "raw", ["ham10000", "busi"])
    table = next((tmp_path / "raw").rglob("HAM10000_metadata.csv"))
    table.write_bytes(table.read_bytes() + "坏".encode("gb18030"))
    folder = build(recipe(tmp_path / "raw", ["ham10000", "busi"]))
    assert dropped(folder, "ham10000") == {"data.bad_encoding": 1}
    assert len(open_dataset(folder).rows("train")) > 0
    said = [values["problem"] for event, values in heard.notes if event == "data.source_unusable"]
    assert len(said) == 1
    assert "HAM10000_metadata.csv" in said[0]


def test_words_that_cannot_be_used_are_counted_by_reason(tmp_path):
    good = [["内科", f"标题{at}", f"询问{at}是什么？", f"回答{at}。"] for at in range(8)]
    bad = [
        ["内科", "甲", "问题甲？", ""],
        ["内科", "乙", "问题乙？", "坏的\ufffd字"],
        ["内科", "", "only English here?", "only English there"],
        ["内科", "", "完全相同的一段话", "完全相同的一段话"],
    ]
    put_table(tmp_path / "raw" / "x.csv", ["department", "title", "ask", "answer"], [*good, *bad])
    folder = build(recipe(tmp_path / "raw", ["medical_dialogue_zh"]))
    assert dropped(folder, "medical_dialogue_zh") == {
        "data.empty_answer": 1,
        "data.broken_text": 1,
        "data.wrong_language": 1,
        "data.answer_in_question": 1,
    }


def test_too_many_lost_records_end_the_build_with_the_table(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    for path in sorted((tmp_path / "raw").rglob("benign*.png")):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="busi/benign") as caught:
        build(recipe(tmp_path / "raw", ["busi"], drop_limit=0.2))
    assert caught.value.key == "data.too_much_lost"
    assert not (tmp_path / "built").exists()


def test_nothing_usable_ends_the_build(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError) as caught:
        build(recipe(tmp_path / "raw", ["busi"]))
    assert caught.value.key == "data.nothing_left"


def test_a_misspelt_source_names_the_near_one(tmp_path):
    with pytest.raises(ConfigError, match="ham10000"):
        build(recipe(tmp_path, ["ham1000"]))


def test_what_is_no_data_set_is_never_replaced(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError) as caught:
        build(recipe(tmp_path / "raw", ["busi"]))
    assert caught.value.key == "data.place_taken"
    assert (tmp_path / "built" / "thesis.txt").read_text() == "years of work"


def test_a_limit_keeps_the_same_records_each_time(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    limited = {"sources": {"busi": {"accept": ["unknown"], "limit": 5}}}
    one, two = (
        open_dataset(build(recipe(tmp_path / "raw", [], out=tmp_path / out, **limited))) for out in "ab"
    )
    assert one.info["sources"]["busi"]["counts"]["kept"] == 5
    assert tree(one.path) == tree(two.path)


def test_phantoms_need_no_root(tmp_path):
    config = recipe(tmp_path, [], sources={"phantom": {"options": {"count": 3, "px": 64}}})
    dataset = open_dataset(build(config.model_copy(update={"out": tmp_path / "out", "root": None})))
    assert {sample.origin for sample, _ in dataset.rows("train").words()} == {"synthetic"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written_is_named(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(Exception, match="locked"):
        build(recipe(tmp_path / "raw", ["busi"], out=tmp_path / "locked" / "x"))


def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    before = tree(build(recipe(tmp_path / "raw", ["busi"])))
    script = (
        "import resource, sys; from pathlib import Path; from doctorsun.core.errors import StorageError;"
        "from doctorsun.data.build import build; from tests.data.invented import recipe;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))\n"
        f"try: build(recipe(Path({str(tmp_path / 'raw')!r}), ['busi'], seed=7))\n"
        "except StorageError as error: print(error.key)"
    )
    for size in (1000, 9000, 20_000):
        run = subprocess.run(
            [sys.executable, "-c", script, str(size)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout.strip() == "core.disk_full", run.stderr
        assert tree(tmp_path / "built") == before


def test_a_picture_of_unknown_size_is_shrunk_only_when_asked(tmp_path):
    plugins.find(sources, "busi").example(tmp_path / "raw")
    put_picture(next((tmp_path / "raw").rglob("benign (1).png")), size=(900, 600))
    folder = build(recipe(tmp_path / "raw", ["busi"], pictures={"max_px": 300}))
    counts = json.loads((folder / "dataset.json").read_text())["sources"]["busi"]["counts"]
    assert counts["noted"]["data.picture_shrunk"] == 1


def test_text_sources_alone_make_a_data_set(tmp_path):
    write_sources(tmp_path / "raw", TEXTS)
    dataset = open_dataset(build(recipe(tmp_path / "raw", TEXTS, split={"test": 0, "validation": 0})))
    assert {meta.general for meta in dataset.rows("train").index()} == {True, False}


def test_every_reason_has_its_words():
    known = lines("en", "data")
    files = sorted(Path(data.__file__).parent.rglob("*.py"))
    # What cannot be translated is noted, not dropped.
    code = "".join(path.read_text() for path in files if path.parent.name != "translation")
    reasons = set(re.findall(r"""(?:drop\(|Fault\(|^ {8}\()"(data\.\w+)\"""", code, flags=re.MULTILINE))
    pictures = Path(imaging.__file__).with_name("pictures.py").read_text()
    reasons |= set(re.findall(r"\"(imaging\.\w+)\"", pictures))
    assert len(reasons) > 20
    assert {reason for reason in reasons if f"reason_{reason.replace('.', '_')}" not in known} == set()


def _number(name: str) -> int:
    return int(name.split("/q")[1].split("/")[0]) if "/q" in name else -1
