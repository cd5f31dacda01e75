"""A process of its own for files that nobody vouches for: it may crash, hang or swell, the job goes on.

Requests go there by our own hand; what comes back is JSON and raw arrays, never an object to unpickle.
"""

import json
import math
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

import numpy as np

from doctorsun.core import errors
from doctorsun.core.errors import DoctorSunError, RecordError
from doctorsun.core.strings import Lang, language, use_language

_START_S = 120.0
_ARRAY = "__array__"


@dataclass(frozen=True, slots=True)
class Costs:
    """What one call may cost: memory on top of the bare process, and time by the clock."""

    memory_mb: int = 2048
    timeout_s: float = 60.0


class Guard:
    """Runs functions in a worker process; a worker that dies or is too slow is replaced.

    Functions are named at the top level of a module; arguments can be pickled; results are JSON values,
    NumPy arrays among them. A context manager: the worker ends with the block.
    """

    def __init__(self, costs: Costs = Costs()) -> None:
        self.costs = costs
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Callable[..., Any], *args: object, where: str = "") -> Any:  # noqa: ANN401 - JSON
        """The function's result.

        What the user can fix is raised here as it was there; RecordError (`imaging.crashed`, `too_slow`,
        `too_much_memory`) says that the file cannot be worked on, and the next call has a fresh worker.
        """
        pipe = self._started()
        try:
            pipe.send((function, args))
            if not pipe.poll(self.costs.timeout_s):
                self.close()
                raise RecordError("imaging.too_slow", where=where, limit=round(self.costs.timeout_s))
            answer = _receive(pipe)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.close()
            raise RecordError("imaging.crashed", where=where, problem="-") from None
        if "crash" in answer:
            self.close()
            if answer["crash"].startswith("MemoryError"):
                raise RecordError("imaging.too_much_memory", where=where, limit=self.costs.memory_mb)
            raise RecordError("imaging.crashed", where=where, problem=answer["crash"])
        if "error" in answer:
            raise _error(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _started(self) -> Connection:
        if self._pipe is not None:
            return self._pipe
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self.costs.memory_mb, language()), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe = ours
        if not ours.poll(_START_S):
            self.close()
            raise RecordError("imaging.too_slow", where="", limit=round(_START_S))
        _receive(ours)
        return ours


def _serve(pipe: Connection, memory_mb: int, lang: Lang) -> None:
    """The worker: answers until the pipe closes; an unforeseen error ends it and tells its place only."""
    use_language(lang)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(memory_mb)
    _send(pipe, {"ready": True})
    with _LastWords(pipe):
        while _answered(pipe):
            pass


def _answered(pipe: Connection) -> bool:
    """Whether a call came and was answered; false when the other side has gone."""
    try:
        function, args = pipe.recv()
    except EOFError:
        return False
    try:
        _send(pipe, {"result": function(*args)})
    except DoctorSunError as error:
        kind = type(error).__name__
        _send(pipe, {"error": {"kind": kind, "key": error.key, "values": _plain(error.values)}})
    return True


def _limit_memory(memory_mb: int) -> None:
    """Private memory may grow by so much and no more (`RLIMIT_DATA`); threads' stacks count too."""
    used = 0
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - no file of a user's
        for line in file:
            if line.startswith("VmData:"):
                used = int(line.split()[1]) * 1024
    limit = used + memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class _LastWords:
    """Swallows an unforeseen error after telling its kind and place, not its message, which may quote."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None:
            return False
        place = "?"
        while trace is not None:
            place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
            trace = trace.tb_next
        _send(self.pipe, {"crash": f"{kind.__name__} ({place})"})
        return True


def _send(pipe: Connection, message: Mapping[str, Any]) -> None:
    arrays: list[np.ndarray[Any, Any]] = []

    def place(value: object) -> object:
        if isinstance(value, np.ndarray):
            arrays.append(np.ascontiguousarray(value))
            return {_ARRAY: [value.dtype.str, *value.shape]}
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(type(value).__name__)

    header = json.dumps(message, default=place).encode()
    pipe.send_bytes(header)
    for array in arrays:
        if array.nbytes:
            pipe.send_bytes(array.reshape(-1).view(np.uint8).data)


def _receive(pipe: Connection) -> dict[str, Any]:
    """One message, its arrays put in their places in the order they were met."""
    header = json.loads(pipe.recv_bytes())

    def take(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, list):
            return [take(one) for one in value]
        if not isinstance(value, dict):
            return value
        if _ARRAY not in value:
            return {key: take(one) for key, one in value.items()}
        kind, *shape = value[_ARRAY]
        raw = pipe.recv_bytes() if math.prod(shape) else b""
        return np.frombuffer(raw, np.dtype(kind)).reshape(shape)

    message: dict[str, Any] = take(header)
    return message


def _error(told: Mapping[str, Any]) -> DoctorSunError:
    kind = getattr(errors, told["kind"], DoctorSunError)
    if kind is errors.MissingExtra:
        return errors.MissingExtra(told["values"]["feature"], told["values"]["extra"])
    error: DoctorSunError = kind(told["key"], **told["values"])
    return error


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value if isinstance(value, int | float) else str(value) for key, value in values.items()}
