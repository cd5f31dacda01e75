"""One way into transformers' `from_pretrained`: local, safetensors, every key accounted for, no printing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers.utils import logging

from doctorsun.core.errors import ModelError
from doctorsun.model.trust import check_loading


def load_weights(
    kind: Any,  # noqa: ANN401 - a class of transformers, which has no types
    source: str | Path,
    *,
    dtype: torch.dtype | Literal["auto"],
    allowed: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401
    """The model of class `kind` in a folder or the local cache; keys that start as `allowed` may be left.

    ModelError for a broken file, a configuration that makes no sense, and keys that do not match.
    """
    try:
        with quiet():
            model, info = kind.from_pretrained(
                source,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                dtype=dtype,
            )
    except SafetensorError:
        raise ModelError("model.broken_weights", where=source) from None
    except OSError:
        raise ModelError("model.no_model", where=source) from None
    except (StrictDataclassError, ValueError, TypeError, KeyError) as error:
        raise ModelError("model.bad_config", where=source, problem=first_line(error)) from None
    check_loading(source, info, allowed=allowed)
    return model.eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and printing reports; what matters is raised."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    """The start of what an exception says, short enough for one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:200]
