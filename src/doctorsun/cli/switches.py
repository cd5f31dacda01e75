"""What holds for every verb and may stand anywhere on the line: `--ui`, `--debug`, `--online`."""

import logging
import os
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from doctorsun.core.errors import ConfigError
from doctorsun.core.strings import LANGUAGES, Lang

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
NETWORK = {"HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"}


@dataclass(frozen=True, slots=True)
class Switches:
    """`ui` is the language of messages; `debug` shows tracebacks; `online` lets libraries ask the network."""

    ui: Lang
    debug: bool = False
    online: bool = False


def locale_language(environment: Mapping[str, str]) -> Lang:
    """The language that the user's locale asks for; English when it says nothing of Chinese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def take_switches(words: Sequence[str], environment: Mapping[str, str]) -> tuple[Switches, list[str]]:
    """The switches of a command line, and the words that are left; what follows `--` is left alone."""
    ui = locale_language(environment)
    debug = online = False
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            left += [word, *rest]
        elif word == "--debug":
            debug = True
        elif word == "--online":
            online = True
        elif word == "--ui":
            ui = _ui(next(rest, ""))
        elif word.startswith("--ui="):
            ui = _ui(word.removeprefix("--ui="))
        else:
            left.append(word)
    return Switches(ui, debug, online), left


def stay_offline(environment: MutableMapping[str, str], *, online: bool) -> None:
    """Tell the libraries to stay off the network and send nothing, unless the user asked for it."""
    for name, value in OFFLINE.items():
        if not (online and name in NETWORK):
            environment.setdefault(name, value)
    # It tells at import, whoever imports it, that a kernel of the hub is absent.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def goes_online() -> bool:
    """Whether the user lets libraries ask the network."""
    return not any(os.environ.get(name) == OFFLINE[name] for name in NETWORK)


def _ui(word: str) -> Lang:
    for lang in LANGUAGES:
        if word == lang:
            return lang
    raise ConfigError("cli.bad_ui", found=word)
