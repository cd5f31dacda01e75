"""MODEL on the command line -> a `Chat`: a run directory, a checkpoint, or a model directory."""

from pathlib import Path

from doctorsun.core.errors import ModelError
from doctorsun.engines.local import LocalChat
from doctorsun.model.store import Dtype


def model_folder(target: str | Path) -> Path:
    """The model folder that is meant: the target itself, or `model/` in it; ModelError if there is none."""
    if "://" in str(target):
        raise ModelError("engines.no_url", found=target)
    folder = Path(target)
    for place in (folder, folder / "model"):
        if (place / "config.json").is_file():
            return place
    if (folder / "recipe.yaml").is_file():
        raise ModelError("engines.run_unfinished", where=folder)
    raise ModelError("engines.no_model", where=folder)


def open_chat(
    target: str | Path, *, dtype: Dtype = "float32", batch: int | None = None, device: str | None = None
) -> LocalChat:
    """The model of a run, checkpoint or model directory, ready to answer; its name is that of the run."""
    folder = model_folder(target)
    resolved = folder.resolve()
    name = resolved.parent.name if resolved.name == "model" else resolved.name
    return LocalChat(folder, dtype=dtype, batch=batch, name=name, device=device)
