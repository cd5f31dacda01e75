"""All quality filters over one piece of human words: what they mend, and the first that refuses."""

from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Text
from doctorsun.data import filters
from doctorsun.data.config import TextConfig


@dataclass(frozen=True, slots=True)
class Seen:
    """What a filter looks at: the words, how many pictures they are about, and the recipe's limits."""

    text: Text
    pictures: int
    limits: TextConfig

    @property
    def whole(self) -> str:
        """Everything that is said, earlier turns first."""
        turns = [turn.text for turn in self.text.history]
        return "\n".join([*turns, self.text.question or "", self.text.answer.strip()])

    @property
    def prose(self) -> bool:
        """Whether the answer is free text: no letter, no yes or no."""
        return self.text.kind not in ("closed", "choice")


@dataclass(frozen=True, slots=True)
class Filtered:
    """The words as they are used, what was mended (keys of notes), and the reason why they are not used."""

    text: Text
    notes: tuple[str, ...] = ()
    fault: str | None = None


def filtered(text: Text, config: TextConfig, *, pictures: int = 0) -> Filtered:
    """The words after every filter that is not skipped; ConfigError where the recipe skips an unknown one."""
    notes = []
    for module in _used(config.skip):
        seen = Seen(text, pictures, config)
        if hasattr(module, "mend"):
            answer = module.mend(seen)
            if answer != text.answer:
                text = replace(text, answer=answer)
                notes.append(str(module.REASON))
        elif module.fault(seen):
            return Filtered(text, tuple(notes), str(module.REASON))
    return Filtered(text, tuple(notes))


@cache
def _used(skip: tuple[str, ...]) -> tuple[ModuleType, ...]:
    """The filters in order: those that mend come first, so that the others judge what is left."""
    known = plugins.names(filters)
    for name in skip:
        if name not in known:
            near = plugins.near(name, known)
            raise ConfigError("core.unknown_component", where="text.skip", found=name, near=near)
    modules = [plugins.find(filters, name) for name in known if name not in skip]
    return tuple(sorted(modules, key=lambda module: not hasattr(module, "mend")))
