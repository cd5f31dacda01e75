"""The results that belong to a model, for its card."""

import json
from pathlib import Path
from typing import Any


def results_of(source: Path) -> list[dict[str, Any]]:
    """All rows of the evaluations in the run that a model belongs to; empty where there are none."""
    run = source.parent if source.name == "model" else source
    found: list[dict[str, Any]] = []
    for path in [run / "results.json", *sorted((run / "eval").glob("*/results.json"))]:
        if path.is_file():
            rows = json.loads(path.read_text(encoding="utf-8"))
            found += [row for row in rows if isinstance(row, dict)]
    return found
