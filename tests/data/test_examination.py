"""`examined` finds each kind of fault of a data set, one sentence a fault."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from doctorsun.core.files import sha256_file
from doctorsun.data.build import build
from doctorsun.data.dataset import open_dataset, seal
from doctorsun.data.examination import examined
from tests.data.invented import recipe, write_sources

NAMES = ["busi", "medquad"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("examined") / "raw"
    write_sources(root, NAMES)
    return build(recipe(root, NAMES))


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def keys(folder, **how):
    return [fault.key for fault in examined(folder, **how).faults]


def sealed(folder, **changes):
    """Write dataset.json anew, as one who changes files and hides it would."""
    info = open_dataset(folder).info | changes
    for name in info["files"]:
        path = folder / name
        info["files"][name] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    rest = {name: value for name, value in info.items() if name != "sha256"}
    (folder / "dataset.json").write_text(json.dumps({**rest, "sha256": seal(rest)}))


def rewritten(folder, change):
    path = next(path for path in sorted((folder / "data").iterdir()) if "train" in path.name)
    table = pq.read_table(path)
    pq.write_table(change(table), path)
    sealed(folder)


def changed(table, name, values):
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), [values])


@pytest.mark.parametrize("every", [True, False])
def test_a_whole_data_set_has_no_fault(whole, every):
    found = examined(whole, every_picture=every)
    assert found.faults == []
    assert found.files == len(open_dataset(whole).info["files"]) and found.rows and found.pictures


def test_every_file_that_changed_or_is_gone_is_named(copy):
    (copy / "README.md").write_text("other")
    (copy / "croissant.json").unlink()
    found = examined(copy).faults
    told = {(fault.key, fault.values["found"]) for fault in found}
    assert ("data.file_changed", "README.md") in told and ("data.file_missing", "croissant.json") in told


def test_a_cut_shard_is_named_and_not_read(copy):
    path = next((copy / "data").iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    assert keys(copy) == ["data.file_changed", "data.check_unreadable"]


def test_other_columns_are_found(copy):
    rewritten(copy, lambda table: table.drop_columns(["topic"]))
    assert "data.check_columns" in keys(copy)


def test_a_licence_that_the_card_does_not_name_is_found(copy):
    rewritten(copy, lambda table: changed(table, "licence", ["CC-BY-ND-9.9"] * len(table)))
    found = examined(copy).faults
    assert [(fault.key, fault.values["found"]) for fault in found] == [("data.check_licence", "CC-BY-ND-9.9")]


def test_a_picture_that_cannot_be_decoded_is_found(copy):
    def spoil(table):
        images = [
            [{"bytes": each["bytes"][:40], "path": each["path"]} for each in row or ()]
            for row in table["images"].to_pylist()
        ]
        return changed(table, "images", images)

    rewritten(copy, spoil)
    assert set(keys(copy)) == {"data.check_picture"}
    assert set(keys(copy, every_picture=True)) == {"data.check_picture"}


def test_what_two_splits_share_and_ids_that_come_twice_are_found(copy):
    train = next(path for path in (copy / "data").iterdir() if "train" in path.name)
    test = next(path for path in (copy / "data").iterdir() if "test" in path.name)
    shutil.copyfile(train, test)
    sealed(copy)
    assert keys(copy) == ["data.check_shared", "data.check_doubled", "data.check_split"]
