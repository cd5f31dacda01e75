"""The cells of an XLSX as text, row by row; what unpacks to too much is refused before it is unpacked."""

from collections.abc import Iterator
from datetime import date, datetime, time
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from warnings import catch_warnings
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

from doctorsun.core.errors import DataError, MissingExtra

SHEET_ENDINGS = (".xlsx", ".xlsm")
LARGEST_MIB = 512
# A sheet of equal cells is packed up to about fiftyfold; a bomb a thousandfold.
RATIO = 200
ROWS, COLUMNS = 1_048_576, 1024
# What openpyxl and zipfile raise of a file whose parts are missing, cut, locked or of other content.
FAULTS = (
    *(BadZipFile, ZlibError, OSError, EOFError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, SyntaxError),
)


def sheet_cells(path: Path) -> Iterator[list[str]]:
    """The rows of the first sheet with any content, [] for an empty one: counted, they have their numbers.

    DataError where this is no safe XLSX.
    """
    if find_spec("openpyxl") is None or find_spec("defusedxml") is None:
        raise MissingExtra("XLSX", "data")
    from defusedxml.common import DefusedXmlException
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    _guard(path)
    try:
        with catch_warnings(category=UserWarning, action="ignore"):
            book = load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                rows = sheet.iter_rows(max_row=ROWS, max_col=COLUMNS, values_only=True)
                lines = map(_words, rows)
                for empty, line in enumerate(lines):
                    if line:
                        yield from repeat([], empty)
                        yield line
                        yield from lines
                        return
        finally:
            book.close()
    except (InvalidFileException, DefusedXmlException, *FAULTS) as error:
        raise DataError("data.bad_sheet", where=path.name, problem=type(error).__name__) from None


def _guard(path: Path) -> None:
    """Raise DataError where the file is no ZIP or unpacks to more than is safe."""
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
    except OSError:
        raise DataError("data.unreadable_file", where=path.name) from None
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError("data.bad_sheet", where=path.name, problem=type(error).__name__) from None
    whole, packed = (sum(getattr(part, size) for part in parts) for size in ("file_size", "compress_size"))
    if whole > LARGEST_MIB * 2**20 or (whole > 2**20 and whole > RATIO * max(packed, 1)):
        raise DataError("data.file_too_large", where=path.name, found=whole // 2**20, limit=LARGEST_MIB)


def _words(row: tuple[object, ...]) -> list[str]:
    return [_word(value) for value in row] if any(value is not None for value in row) else []


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
