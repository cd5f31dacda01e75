"""MODEL on the command line -> a `Chat`: a run, a checkpoint, a model directory, or the URL of a server."""

from pathlib import Path
from typing import TYPE_CHECKING

from doctorsun.core.chat import Chat
from doctorsun.core.errors import ModelError
from doctorsun.engines.address import is_url
from doctorsun.engines.http import HttpChat, HttpSettings

if TYPE_CHECKING:
    from doctorsun.engines.local import LocalChat
    from doctorsun.engines.whole import WholeChat
    from doctorsun.model.parts import Parts
    from doctorsun.model.store import Dtype


def model_folder(target: str | Path) -> Path:
    """The model folder that is meant: the target itself, or `model/` in it; ModelError if there is none."""
    if is_url(target):
        raise ModelError("engines.no_url", found=target)
    folder = Path(target)
    for place in (folder, folder / "model"):
        if (place / "config.json").is_file():
            return place
    if (folder / "recipe.yaml").is_file():
        raise ModelError("engines.run_unfinished", where=folder)
    raise ModelError("engines.no_model", where=folder)


def open_any(target: str | Path, *, http: HttpSettings | None = None, key: str | None = None) -> Chat:
    """The model that is meant, ready to answer: of a folder, or of the server at a URL.

    "URL#NAME" names one of the server's models. `http` says how a server is asked and `key` is its key;
    neither touches a folder.
    """
    if not is_url(target):
        return open_chat(target)
    url, _, model = str(target).partition("#")
    settings = http or HttpSettings()
    return HttpChat(url, settings.model_copy(update={"model": model}) if model else settings, key=key)


def open_chat(
    target: str | Path, *, dtype: "Dtype" = "float32", batch: int | None = None, device: str | None = None
) -> "LocalChat | WholeChat":
    """The model of a run, checkpoint or model directory, ready to answer; its name is that of the run."""
    folder = model_folder(target)
    resolved = folder.resolve()
    name = resolved.parent.name if resolved.name == "model" else resolved.name
    return chat_with(folder, dtype=dtype, batch=batch, name=name, device=device)


def chat_with(
    source: "Path | Parts",
    *,
    dtype: "Dtype" = "float32",
    batch: int | None = None,
    name: str | None = None,
    device: str | None = None,
) -> "LocalChat | WholeChat":
    """A model of this machine, ready to answer: the lean way for a LLaVA, its class's own for any other."""
    import torch

    from doctorsun.engines.local import LocalChat
    from doctorsun.engines.whole import WholeChat
    from doctorsun.model.store import load_model

    parts = load_model(source, dtype=dtype) if isinstance(source, Path) else source
    if isinstance(source, Path):
        name = name or source.name
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = LocalChat if parts.whole is None else WholeChat
    return kind(parts, batch=batch, name=name or "model", device=device)
