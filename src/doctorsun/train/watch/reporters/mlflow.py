"""MLflow: a database in the run's folder; with --online the server that MLflow's own settings name."""

import time
from collections.abc import Mapping
from typing import Any

from doctorsun.train.watch.trackers import Tracked, library

_PROJECT, _KEY = "doctorsun", "doctorsun.key"


class MLflow:
    """One run, found again by its tag; through the client, so that no run of the process is touched."""

    keeps = True

    def __init__(self, told: Tracked) -> None:
        mlflow = library("mlflow")
        told.folder.mkdir(parents=True, exist_ok=True)
        place = None if told.online else f"sqlite:///{(told.folder / 'mlflow.db').resolve()}"
        self._metric: Any = library("mlflow.entities").Metric
        self._client: Any = mlflow.MlflowClient(tracking_uri=place)
        experiment = self._client.get_experiment_by_name(_PROJECT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(_PROJECT)
        found = self._client.search_runs([number], filter_string=f"tags.`{_KEY}` = '{told.key}'")
        if found:
            self._id: str = found[0].info.run_id
            return
        run = self._client.create_run(number, run_name=told.name, tags={_KEY: told.key})
        self._id = run.info.run_id
        self._client.log_dict(self._id, told.config, "recipe.json")

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of one step."""
        now_ms = int(time.time() * 1000)
        metrics = [self._metric(name, value, now_ms, step) for name, value in figures.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def sample(self, name: str, text: str, step: int) -> None:
        """Log an answer as a text file."""
        self._client.log_text(self._id, text, f"samples/{name}/{step}.txt")

    def close(self) -> None:
        """Say that this process is done; a later one goes on."""
        self._client.set_terminated(self._id)


def open_tracker(told: Tracked) -> MLflow:
    """The run of that tracker."""
    return MLflow(told)
