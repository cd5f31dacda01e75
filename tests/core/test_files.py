"""A file or a folder is whole or absent, whatever happens while it is written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctorsun.core import files
from doctorsun.core.errors import StorageError
from doctorsun.core.files import sha256_file, storage_errors, whole_folder, write_whole


def test_a_file_is_written_with_its_folders(tmp_path: Path):
    write_whole(tmp_path / "a" / "b.txt", "你好")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "你好"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_the_sum_of_a_file_is_its_sha256(tmp_path: Path):
    write_whole(tmp_path / "a", b"abc")
    assert sha256_file(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_keeps_the_old_file_and_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    path = tmp_path / "results.json"
    write_whole(path, "old")

    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]
    assert str(caught.value).startswith(f"{path}: the disk is full")


def test_a_file_in_the_way_of_a_folder_and_a_folder_in_the_way_of_a_file_are_named(tmp_path: Path):
    (tmp_path / "notes").write_text("words")
    with pytest.raises(StorageError, match="no folder can be made here"):
        write_whole(tmp_path / "notes" / "report.html", "x")
    with pytest.raises(StorageError, match="this is a folder; expected the name of a file"):
        write_whole(tmp_path, "x")


def test_a_folder_appears_only_when_its_block_ends_well(tmp_path: Path):
    with whole_folder(tmp_path / "model") as aside:
        (aside / "config.json").write_text("{}")
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "model" / "config.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_error_while_a_folder_is_filled_keeps_the_old_one(tmp_path: Path):
    with whole_folder(tmp_path / "model") as aside:
        (aside / "a").write_text("old")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "model") as aside:
        (aside / "a").write_text("new")
        raise RuntimeError
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "state.json"
    write_whole(path, "old")
    killed = (
        "import os, signal, sys; from pathlib import Path; from doctorsun.core import files\n"
        "files.os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_whole(Path(sys.argv[1]), 'new' * 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", killed, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"
    write_whole(path, "newer")
    assert path.read_text() == "newer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_place_that_may_not_be_written_is_named(tmp_path: Path):
    with pytest.raises(StorageError) as caught, storage_errors(tmp_path):
        raise PermissionError(errno.EACCES, "no")
    assert str(caught.value).startswith(f"{tmp_path}: may not be written")


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path):
    place = tmp_path / "gone" / "file"
    with pytest.raises(StorageError) as caught, storage_errors(place):
        raise FileNotFoundError(errno.ENOENT, "no such file")
    assert str(caught.value).startswith(f"{place}: there is no such place")


def test_an_error_of_another_kind_keeps_its_traceback(tmp_path: Path):
    with pytest.raises(FileNotFoundError), storage_errors(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_a_full_disk_is_known_when_a_library_only_quotes_its_number(tmp_path: Path):
    quoted = "Error while serializing: I/O error: No space left on device (os error 28)"
    with pytest.raises(StorageError, match="the disk is full"), storage_errors(tmp_path):
        raise RuntimeError(quoted)
    with pytest.raises(RuntimeError, match="os error 2"), storage_errors(tmp_path):
        raise RuntimeError("gone (os error 2)")
