"""More than a hundred hostile files: each is read right or refused with one clear reason, cheaply."""

import re
import resource
import time
from pathlib import Path

import pytest

from doctorsun.core.errors import DoctorSunError, RecordError
from doctorsun.core.strings import say
from doctorsun.imaging.isolation import Costs, Guard
from tests.imaging import hostile

pytest.importorskip("pydicom", reason="hostile DICOM files need the extra `imaging`")

from tests.imaging import hostile_dicom

MAKERS = hostile.FILES | hostile_dicom.FILES
GROWTH_MB = 512
HANG_S = 60  # five seconds of work on a machine that is busy with much else
MOST_FRAMES = 20
LEAKS = re.compile(r"0x[0-9a-f]{6,}|Traceback|File \"|site-packages|\.py\b|/etc/|/tmp/|张三丰")


def look(path):
    """In the worker: read everything at a path; what was read, what was said, what it cost.

    Sentences are said without the place, which is a name inside the file and may be anything.
    """
    from doctorsun.imaging.opening import load_study

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    study = load_study(Path(path))
    said = [say(remark.key, **{"where": "", **remark.values}) for remark in study.refused]
    frames = 0
    for series in study.series:
        said += [say(remark.key, **{"where": "", **remark.values}) for remark in series.remarks]
        for index in range(min(len(series), MOST_FRAMES)):
            try:
                pixels = series.frame(index).pixels
            except RecordError as error:
                said.append(say(error.key, **{**error.values, "where": ""}))
            else:
                assert pixels.ndim in {2, 3}
                assert pixels.size
                frames += 1
    return {
        "frames": frames,
        "said": said,
        "grown_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10,
        "cpu_s": time.process_time() - began,
    }


@pytest.fixture(scope="module")
def guard(tmp_path_factory):
    """A worker that has read an honest file of each kind, so that libraries do not count as growth."""
    folder = tmp_path_factory.mktemp("honest")
    (folder / "a.png").write_bytes(hostile.picture())
    (folder / "b.dcm").write_bytes(hostile_dicom.raw(hostile_dicom.honest()))
    (folder / "c.nii").write_bytes(hostile.nifti())
    (folder / "d.tif").write_bytes(hostile.picture("TIFF"))
    with Guard(Costs(memory_mb=2048, timeout_s=HANG_S)) as one:
        found = one.run(look, str(folder))
        assert found["frames"] == 7, found
        yield one


def test_there_are_enough_files():
    assert len(MAKERS) >= 120


@pytest.mark.parametrize("name", MAKERS)
def test_a_hostile_file_is_read_or_refused_and_costs_little(name, guard, tmp_path):
    path = tmp_path / name
    path.write_bytes(MAKERS[name]())
    assert path.stat().st_size < 12 * 2**20
    try:
        found = guard.run(look, str(path), where=name)
    except DoctorSunError as error:
        assert error.key not in {"imaging.crashed", "imaging.too_slow", "imaging.too_much_memory"}, str(error)
        found = {"frames": 0, "said": [str(error)], "grown_mb": 0, "cpu_s": 0}
    assert found["frames"] or found["said"]
    for sentence in found["said"]:
        assert not LEAKS.search(sentence), sentence
        assert "\n" not in sentence
    assert found["grown_mb"] < GROWTH_MB
    assert found["cpu_s"] < 15
    assert {one.name for one in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("name", ["a.png", "a.dcm", "a.jpg", "a.tif", "a.nii", "a.zip"])
def test_a_file_cut_at_64_places_is_read_or_refused(name, guard, tmp_path):
    makers = {
        "a.png": hostile.picture,
        "a.jpg": lambda: hostile.picture("JPEG"),
        "a.tif": lambda: hostile.picture("TIFF", compression="tiff_deflate"),
        "a.nii": hostile.nifti,
        "a.dcm": lambda: hostile_dicom.raw(hostile_dicom.honest()),
        "a.zip": lambda: hostile.zipped(("a.png", hostile.picture())),
    }
    whole = makers[name]()
    for place in range(64):
        folder = tmp_path / f"{place:02d}"
        folder.mkdir()
        (folder / name).write_bytes(whole[: len(whole) * place // 64])
    found = guard.run(look, str(tmp_path), where=name)
    assert len(found["said"]) + found["frames"] >= 64
    assert found["grown_mb"] < GROWTH_MB
