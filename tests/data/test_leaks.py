"""What a benchmark tests with is left out of what other sources train, whether the recipe uses it or not."""

import json

import pytest
from PIL import Image

from doctorsun.core.errors import DataError
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset
from tests.data.invented import recipe, write_sources


@pytest.fixture
def planted(tmp_path):
    """A root with BUSI and IDRiD, in which three pictures of BUSI are test pictures of IDRiD."""
    write_sources(tmp_path / "raw", ["busi", "idrid"])
    tests = sorted((tmp_path / "raw").rglob("b. Testing Set/*.jpg"))
    mine = sorted((tmp_path / "raw").rglob("benign (?).png"))
    for path, other in zip(mine[:3], tests, strict=False):
        Image.open(other).save(path)
    image = Image.open(tests[2])
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC).save(mine[2])
    return tmp_path / "raw"


def counts(folder):
    return json.loads((folder / "dataset.json").read_text())["sources"]["busi"]["counts"]


@pytest.mark.parametrize("used", [["busi", "idrid"], ["busi"]])
def test_pictures_of_a_benchmark_are_counted_and_left_out(used, planted):
    folder = build(recipe(planted, used))
    assert counts(folder)["dropped"] == {"data.in_benchmark": 3}
    assert counts(folder)["kept"] == 9
    held = [sample.id for part in open_dataset(folder).splits for sample in open_dataset(folder).rows(part)]
    assert not any(f"busi/benign ({at})" in name for at in (1, 2, 3) for name in held)
    found = json.loads((folder / "audit.json").read_text())["benchmarks"]
    assert (found["removed"], found["remaining"]) == (3, 0)
    assert found["compared"]["idrid"]["pictures"]["exact"] == 2
    assert found["compared"]["idrid"]["pictures"]["near"] == 1


def test_a_build_that_leaves_them_in_fails_above_the_limit(planted):
    with pytest.raises(DataError, match="idrid") as caught:
        build(recipe(planted, ["busi"], audit={"remove": False, "limit": 2}))
    assert caught.value.key == "data.benchmark_leak"
    folder = build(recipe(planted, ["busi"], audit={"remove": False, "limit": 3}))
    assert json.loads((folder / "audit.json").read_text())["benchmarks"]["remaining"] == 3


def test_only_the_benchmarks_that_were_named_are_compared_with(planted):
    folder = build(recipe(planted, ["busi"], audit={"benchmarks": []}))
    assert counts(folder)["kept"] == 12
    with pytest.raises(DataError) as caught:
        build(recipe(planted, ["busi"], audit={"benchmarks": ["medqa"]}))
    assert caught.value.key == "data.no_benchmark"


def test_pictures_of_one_benchmark_are_left_out_without_looking_for_near_ones(planted):
    folder = build(recipe(planted, ["busi", "idrid"], near={"pictures": False}))
    assert counts(folder)["dropped"] == {"data.in_benchmark": 2}


def test_near_pictures_of_one_source_go_to_one_side_of_the_split(tmp_path):
    write_sources(tmp_path / "raw", ["busi"])
    files = sorted((tmp_path / "raw").rglob("* (?).png"))
    for one, two in zip(files[::2], files[1::2], strict=False):
        image = Image.open(one)
        image.resize((image.width * 3 // 2, image.height * 3 // 2)).save(two)
    for seed in range(3):
        dataset = open_dataset(build(recipe(tmp_path / "raw", ["busi"], seed=seed)))
        part_of = {
            meta.id.split("/")[1]: part for part in dataset.splits for meta in dataset.rows(part).index()
        }
        for one, two in zip(files[::2], files[1::2], strict=False):
            assert part_of[one.stem] == part_of[two.stem]


def test_of_nearly_equal_texts_of_one_source_one_stays(tmp_path):
    words = (
        "The kidneys filter the blood, keep water and salts in balance, and make hormones the body needs. "
        "They lie at the back of the belly, one on each side, and send urine through ureters to the bladder"
    )
    ends = (".", " at once.", " below.")
    rows = [("What do kidneys do for a grown person?", f"{words}{end}") for end in ends]
    rows += [("How is a broken arm set?", "A cast holds it still for some weeks.")]
    write_sources(tmp_path / "raw", ["chatdoctor"])
    file = next((tmp_path / "raw").rglob("*.json"))
    told = [{"instruction": "Answer.", "input": asked, "output": said} for asked, said in rows]
    file.write_text(json.dumps(told))
    folder = build(recipe(tmp_path / "raw", ["chatdoctor"], split={"test": 0, "validation": 0}))
    info = json.loads((folder / "dataset.json").read_text())["sources"]["chatdoctor"]["counts"]
    assert info["kept"] == 2
    assert info["dropped"] == {"data.near_text": 2}
    assert json.loads((folder / "audit.json").read_text())["near"]["left_out"] == 2
