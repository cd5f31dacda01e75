"""Where pydicom and its decoders meet a file of unknown make: what they raise becomes one clear error."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError

from doctorsun.core.errors import RecordError

# What pydicom, its plugins and NumPy raise on files that are damaged or made to hurt.
DAMAGE = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def damage_named(where: str, key: str = "imaging.bad_dicom") -> Iterator[None]:
    """Turn what is raised in the block into a RecordError `key`; pydicom stays silent meanwhile.

    Its warnings and its log quote the values of the file, and those may be a patient's.
    """
    with _SILENCE:
        try:
            yield
        except RecordError:
            raise
        except DAMAGE:
            raise RecordError(key, where=where) from None


@contextmanager
def _silent() -> Iterator[None]:
    logger = logging.getLogger("pydicom")
    heard, mode = logger.propagate, config.settings.reading_validation_mode
    logger.propagate = False
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = heard
        config.settings.reading_validation_mode = mode


class _Silence:
    """Entered by any number of threads; the first one in makes it silent, the last one out ends that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._stack.enter_context(_silent())
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._stack.close()


_SILENCE = _Silence()
