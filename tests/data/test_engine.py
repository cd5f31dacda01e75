"""One machine or a cluster, one process or several: the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from doctorsun.core.errors import DataError, MissingExtra
from doctorsun.data.build import build
from doctorsun.data.workers import local, workers
from doctorsun.data.workers.local import LocalWorkers
from tests.data.invented import recipe, write_sources
from tests.data.killed import tree

NAMES = ["bccd", "medquad", "vqa_rad"]


def test_a_ray_cluster_of_two_machines_gives_the_bytes_of_one_process(tmp_path):
    pytest.importorskip("ray", reason="the extra doctorsun[ray] is not installed")
    from ray.cluster_utils import Cluster

    write_sources(tmp_path / "raw", NAMES)
    one = tree(build(recipe(tmp_path / "raw", NAMES, out=tmp_path / "one")))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        asked = {"engine": "ray", "ray_address": cluster.address, "workers": None}
        two = tree(build(recipe(tmp_path / "raw", NAMES, out=tmp_path / "two", **asked)))
    finally:
        cluster.shutdown()
    assert one == two


def test_without_ray_the_line_to_type_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="ray"), workers(recipe(tmp_path, [], engine="ray")):
        pass


def test_an_address_where_no_cluster_answers_is_one_clear_line(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra doctorsun[ray] is not installed")

    def refuse(**words):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ray, "init", refuse)
    asked = recipe(tmp_path, [], engine="ray", ray_address="127.0.0.1:1")
    with pytest.raises(DataError, match="nobody there"), workers(asked):
        pass


@pytest.mark.parametrize("number", [1, 2])
def test_results_come_in_the_order_of_the_items_and_few_items_wait(number, monkeypatch):
    monkeypatch.setattr(local, "ALONE_BYTES", 0)
    taken, crew = [], LocalWorkers(number)

    def items():
        for at in range(40):
            taken.append(at)
            yield at

    try:
        for done, value in enumerate(crew.map(float, items(), weigh=lambda item: 1)):
            assert value == done
            assert len(taken) - done <= local.AHEAD * number + 1
    finally:
        crew.close()
    assert len(taken) == 40


def test_items_of_many_bytes_wait_one_by_one(monkeypatch):
    monkeypatch.setattr(local, "ALONE_BYTES", 0)
    monkeypatch.setattr(local, "AHEAD_BYTES", 10)
    taken, crew = [], LocalWorkers(2)
    try:
        found = crew.map(len, (taken.append(at) or "x" * 9 for at in range(12)), weigh=len)
        for done, value in enumerate(found):
            assert value == 9
            assert len(taken) - done <= 2
    finally:
        crew.close()


def test_a_worker_that_is_killed_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(local, "ALONE_BYTES", 0)
    crew = LocalWorkers(2)
    try:
        with pytest.raises(DataError) as caught:
            list(crew.map(_abort, range(4), weigh=lambda item: 1))
        assert caught.value.key == "data.worker_died"
    finally:
        crew.close()


def _abort(_: int) -> None:
    os.kill(os.getpid(), 9)


def test_few_bytes_start_no_process():
    crew = LocalWorkers(2)
    assert list(crew.map(abs, [-1, -2], weigh=lambda item: 10)) == [1, 2]
    assert crew._pool is None


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = (
        "import os, time; from doctorsun.data.workers import local; local.ALONE_BYTES = 0;"
        "from doctorsun.data.workers.local import LocalWorkers\n"
        "if __name__ == '__main__':\n"
        "    crew = LocalWorkers(1 + 1)\n"
        "    for _ in crew.map(abs, range(9), weigh=lambda item: 1): pass\n"
        "    print(*crew._pool._processes, flush=True); time.sleep(60)\n"
    )
    (tmp_path / "run.py").write_text(script)
    parent = subprocess.Popen([sys.executable, tmp_path / "run.py"], stdout=subprocess.PIPE, text=True)
    children = [int(word) for word in parent.stdout.readline().split()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert children
    for _ in range(200):
        if not any(_runs(child) for child in children):
            return
        time.sleep(0.05)
    raise AssertionError("workers outlive their parent")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
