import os
import signal
import time

import numpy as np
import pytest

from doctorsun.core.errors import DataError, MissingExtra, RecordError
from doctorsun.imaging.isolation import Costs, Guard


def double(values):
    return {"twice": np.asarray(values) * 2, "empty": np.zeros((0, 3), np.float32), "n": np.int64(3)}


def fail(key):
    raise DataError(key, where="x")


def lack():
    raise MissingExtra("DICOM", "imaging")


def burst(secret):
    raise KeyError(secret)


def hang():
    time.sleep(600)


def die():
    os.kill(os.getpid(), signal.SIGSEGV)


def swell(megabytes):
    return len(bytearray(megabytes << 20))


def dive(depth):
    return dive(depth + 1)


def number():
    return os.getpid()


@pytest.fixture
def guard():
    with Guard(Costs(memory_mb=300, timeout_s=20)) as guard:
        yield guard


def test_results_and_arrays_come_back_as_they_were(guard):
    found = guard.run(double, np.arange(6, dtype=np.int16).reshape(2, 3))
    assert found["twice"].dtype == np.int16
    assert found["twice"].tolist() == [[0, 2, 4], [6, 8, 10]]
    assert found["empty"].shape == (0, 3)
    assert found["n"] == 3


def test_one_worker_serves_many_calls(guard):
    assert guard.run(number) == guard.run(number) != os.getpid()


def test_what_a_user_can_fix_is_raised_as_it_was_there(guard):
    with pytest.raises(DataError, match="x"):
        guard.run(fail, "imaging.empty")
    with pytest.raises(MissingExtra, match="imaging"):
        guard.run(lack)


def test_a_bug_is_told_by_kind_and_place_without_its_message(guard):
    with pytest.raises(RecordError) as caught:
        guard.run(burst, "张三丰", where="a.dcm")
    assert caught.value.key == "imaging.crashed"
    assert "KeyError (test_isolation.py:" in str(caught.value)
    assert "张三丰" not in str(caught.value)
    assert guard.run(swell, 1) == 1 << 20


def test_a_crash_costs_one_file(guard):
    with pytest.raises(RecordError) as caught:
        guard.run(die, where="b.dcm")
    assert caught.value.key == "imaging.crashed"
    assert guard.run(swell, 1) == 1 << 20


def test_a_hang_is_ended():
    with Guard(Costs(timeout_s=0.5)) as guard:
        with pytest.raises(RecordError) as caught:
            guard.run(hang, where="c.dcm")
        assert caught.value.key == "imaging.too_slow"


def test_memory_is_limited(guard):
    with pytest.raises(RecordError) as caught:
        guard.run(swell, 2000, where="d.dcm")
    assert caught.value.key == "imaging.too_much_memory"
    assert guard.run(swell, 10) == 10 << 20


def test_endless_recursion_is_one_bad_file(guard):
    with pytest.raises(RecordError) as caught:
        guard.run(dive, 0, where="e.dcm")
    assert caught.value.key == "imaging.crashed"
