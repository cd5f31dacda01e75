"""The hub that a push goes to: its address and token from the environment, its refusals as one line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from doctorsun.core.errors import ConfigError, DataError, MissingExtra
from doctorsun.core.strings import say

if TYPE_CHECKING:
    from doctorsun.data.hub import Hub


@contextmanager
def open_hub(repo: str, environment: Mapping[str, str]) -> Iterator["Hub"]:
    """The hub of HF_ENDPOINT (Hugging Face where that is not set), with the token of HF_TOKEN or of a login.

    ConfigError where the network was not asked for; DataError where the hub refuses or cannot be reached.
    """
    if environment.get("HF_HUB_OFFLINE") == "1":
        raise ConfigError("cli.push_offline", name=repo)
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
    except ImportError:
        raise MissingExtra(say("cli.feature_push"), "hub") from None
    # What the client beneath raises when a host cannot be reached; which client it is changes with versions.
    beneath = [
        kind for kind in HfHubHTTPError.__bases__ if issubclass(kind, Exception) and kind is not OSError
    ]
    known = [ConnectionError, HfHubHTTPError, HFValidationError, LocalTokenNotFoundError]
    told: tuple[type[Exception], ...] = (*known, *beneath)
    hub = HfApi(endpoint=environment.get("HF_ENDPOINT"), token=environment.get("HF_TOKEN"))
    try:
        yield cast("Hub", hub)
    except told as error:
        problem = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise DataError("data.push_failed", found=repo, problem=problem or type(error).__name__) from error
