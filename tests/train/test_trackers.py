"""Trackers get every figure once, stay offline, and get no text unless it is asked for.

Only TensorBoard is installed; the others are modules of the same shape that write down how they were called.
"""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from doctorsun.core.errors import ConfigError, MissingExtra
from doctorsun.core.plugins import names
from doctorsun.train.recipe import Recipe
from doctorsun.train.watch import reporters, trackers
from doctorsun.train.watch.points import Points
from doctorsun.train.watch.trackers import Trackers
from tests.train.small import recipe, text_stage

STUBBED = ("wandb", "swanlab", "trackio", "mlflow")


class Stub:
    """What a tracker was told: how it was opened, what it was sent, and that it was closed."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.sent: list[tuple[int, dict[str, Any]]] = []
        self.closed = 0

    def log(self, figures: dict[str, Any], step: int) -> None:
        self.sent.append((step, figures))

    def finish(self) -> None:
        self.closed += 1

    def init(self, **told: object) -> "Stub":
        self.opened.append(told)
        return self

    def module(self, name: str) -> ModuleType:
        """A library of that name."""
        made: Any = ModuleType(name)
        made.init = self.init
        made.Settings = SimpleNamespace
        made.Table = lambda columns, data: (columns, data)
        made.Text = str
        made.MlflowClient = lambda tracking_uri: StubClient(self, tracking_uri)
        made.Metric = lambda key, value, timestamp, step: (key, value, step)
        return made


class StubClient:
    """MLflow's client, as far as it is used."""

    def __init__(self, stub: Stub, tracking_uri: str | None) -> None:
        self._stub = stub
        stub.opened.append({"uri": tracking_uri})

    def get_experiment_by_name(self, _name: str) -> SimpleNamespace | None:
        return SimpleNamespace(experiment_id="1") if len(self._stub.opened) > 1 else None

    def create_experiment(self, _name: str) -> str:
        return "1"

    def search_runs(self, _ids: list[str], *, filter_string: str) -> list[SimpleNamespace]:
        known = len(self._stub.opened) > 1
        self._stub.opened[-1]["filter"] = filter_string
        return [SimpleNamespace(info=SimpleNamespace(run_id="r"))] if known else []

    def create_run(self, _id: str, *, run_name: str, tags: dict[str, str]) -> SimpleNamespace:
        self._stub.opened[-1] |= {"name": run_name, "tags": tags}
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))

    def log_dict(self, _run: str, tree: dict[str, Any], _file: str) -> None:
        self._stub.opened[-1]["config"] = tree

    def log_batch(self, _run: str, *, metrics: list[tuple[str, float, int]]) -> None:
        self._stub.log({key: value for key, value, _ in metrics}, step=metrics[0][2])

    def log_text(self, _run: str, text: str, file: str) -> None:
        self._stub.log({file: text}, step=0)

    def set_terminated(self, _run: str) -> None:
        self._stub.closed += 1


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    made = Stub()
    for name in (*STUBBED, "mlflow.entities"):
        monkeypatch.setitem(sys.modules, name, made.module(name))
    monkeypatch.setattr(trackers, "FOLLOW_S", 0.0)
    return made


def asked(out: Path, *report_to: str, **changes: object) -> Recipe:
    return recipe(out, text_stage(), report_to=list(report_to), **changes)


def write(out: Path, *steps: tuple[int, int]) -> None:
    """Metrics and timings of some steps of some stages."""
    with (out / "metrics.jsonl").open("a") as metrics, (out / "timings.jsonl").open("a") as timings:
        for stage, step in steps:
            place = {"stage": stage, "name": f"s{stage}", "step": step}
            metrics.write(json.dumps({**place, "loss": 10.0 * stage + step}) + "\n")
            timings.write(json.dumps({**place, "seconds": 0.1, "tokens_per_s": 5.0}) + "\n")


def answer(out: Path) -> None:
    row = {"stage": 1, "name": "s1", "step": 2, "id": "x/1", "lang": "zh"}
    row |= {"question": "是什么？", "answer": "肺结节"}
    (out / "samples.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard reads."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_every_file_of_the_folder_is_a_tracker_of_the_issue():
    assert names(reporters) == ["mlflow", "swanlab", "tensorboard", "trackio", "wandb"]


@pytest.mark.parametrize("name", STUBBED)
def test_points_come_once_though_the_process_is_another_one(stub: Stub, tmp_path: Path, name: str):
    write(tmp_path, (1, 1), (1, 2))
    with Trackers(asked(tmp_path, name), tmp_path, online=False) as first:
        first.follow()
        write(tmp_path, (1, 3))
    kept = (tmp_path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(kept[:1]))
    with Trackers(asked(tmp_path, name), tmp_path, online=False) as second:
        second.follow()
        write(tmp_path, (1, 2), (1, 3), (2, 1))
    losses = [(step, value) for step, figures in stub.sent for key, value in figures.items() if "loss" in key]
    assert losses == [(1, 11.0), (2, 12.0), (3, 13.0), (4, 21.0)]
    assert any("s1/tokens_per_s" in figures for _, figures in stub.sent)
    assert stub.closed == 2


@pytest.mark.parametrize("name", STUBBED)
def test_the_same_run_is_gone_on_with(stub: Stub, tmp_path: Path, name: str):
    for _ in range(2):
        with Trackers(asked(tmp_path, name), tmp_path, online=False):
            pass
    key = json.loads((tmp_path / "trackers" / "places.json").read_text())["key"]
    first, second = stub.opened
    if name == "mlflow":
        assert first["filter"] == second["filter"] and key in first["filter"]
        return
    assert first == second
    assert second["resume"] == "allow" and key[:6] in str(second.get("id") or second["name"])


@pytest.mark.parametrize(
    ("name", "offline", "online"),
    [("wandb", "offline", "online"), ("swanlab", "offline", "cloud")],
)
def test_a_tracker_reaches_its_server_only_where_the_user_says_so(
    stub: Stub, tmp_path: Path, name: str, offline: str, online: str
):
    for allowed in (False, True):
        with Trackers(asked(tmp_path, name), tmp_path, online=allowed):
            pass
    assert [told["mode"] for told in stub.opened] == [offline, online]


def test_mlflow_writes_into_the_folder_of_the_run_unless_it_is_online(stub: Stub, tmp_path: Path):
    for allowed in (False, True):
        with Trackers(asked(tmp_path, "mlflow"), tmp_path, online=allowed):
            pass
    assert stub.opened[0]["uri"] == f"sqlite:///{tmp_path.resolve()}/trackers/mlflow/mlflow.db"
    assert stub.opened[1]["uri"] is None


@pytest.mark.parametrize("name", STUBBED)
def test_no_text_of_a_sample_is_sent_unless_it_is_asked_for(stub: Stub, tmp_path: Path, name: str):
    write(tmp_path, (1, 2))
    answer(tmp_path)
    with Trackers(asked(tmp_path, name), tmp_path, online=False):
        pass
    assert "肺结节" not in str(stub.sent) + str(stub.opened)
    with Trackers(asked(tmp_path, name, report_samples=True), tmp_path, online=False):
        pass
    assert str(stub.sent).count("肺结节") == 1


def test_no_path_of_the_data_is_told(stub: Stub, tmp_path: Path):
    with Trackers(asked(tmp_path, "wandb"), tmp_path, online=False):
        pass
    assert str(tmp_path) not in str(stub.opened[0]["config"])


def test_tensorboard_has_every_point_once_though_the_process_is_another_one(tmp_path: Path):
    write(tmp_path, (1, 1), (1, 2), (1, 3))
    with Trackers(asked(tmp_path, "tensorboard"), tmp_path, online=False):
        pass
    kept = (tmp_path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(kept[:2]))
    with Trackers(asked(tmp_path, "tensorboard"), tmp_path, online=False) as again:
        again.follow(now=True)
        write(tmp_path, (1, 3), (2, 1))
    found = scalars(tmp_path / "trackers" / "tensorboard")
    assert found["s1/loss"] == [(1, 11.0), (2, 12.0), (3, 13.0)]
    assert found["s2/loss"] == [(4, 21.0)]


@pytest.mark.parametrize("name", STUBBED)
def test_a_tracker_that_is_not_installed_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setitem(sys.modules, name, None)
    with (
        pytest.raises(MissingExtra, match=rf"pip install 'doctorsun\[{name}\]'"),
        Trackers(asked(tmp_path, name), tmp_path, online=False),
    ):
        pass


def test_a_misspelt_tracker_names_the_near_one(tmp_path: Path):
    with (
        pytest.raises(ConfigError, match="did you mean: tensorboard"),
        Trackers(asked(tmp_path, "tensorbord"), tmp_path, online=False),
    ):
        pass


def test_a_line_that_a_kill_has_cut_is_no_point(tmp_path: Path):
    write(tmp_path, (1, 1))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": 1, "na')
    assert [step for _, _, step in Points(tmp_path).points()] == [1]
