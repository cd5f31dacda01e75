"""What a user can fix: one line that says where, what was found, and what was expected or what to type."""

from doctorsun.core.strings import say


class DoctorSunError(Exception):
    """Something the user can fix. `key` names a line of `text/`, in which `values` are put; exit code 2."""

    exit_code = 2

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        """The message in the user's language, read at the time it is shown."""
        return say(self.key, **self.values)


class ConfigError(DoctorSunError):
    """A preset, an override or the name of a component is wrong."""


class RecordError(DoctorSunError):
    """One record cannot be used; a batch counts it by `key` and goes on."""


class DataError(DoctorSunError):
    """A source or a data set cannot be used."""


class ModelError(DoctorSunError):
    """A model directory cannot be used."""


class TrainError(DoctorSunError):
    """Training cannot go on."""


class Stopped(TrainError):
    """Training was asked to stop, saved and can go on; exit code 2 for a person, 143 for a scheduler."""

    def __init__(self, key: str, *, code: int = 2, **values: object) -> None:
        super().__init__(key, **values)
        self.exit_code = code


class EvalError(DoctorSunError):
    """An evaluation cannot be made."""


class StorageError(DoctorSunError):
    """A file cannot be written or read."""


class MissingExtra(DoctorSunError):
    """A feature needs a package that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__("core.missing_extra", feature=feature, extra=extra)
