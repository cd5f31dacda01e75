"""docs/formats.md is what came of real files: `python -m tests.imaging.test_formats_page` writes it anew."""

import logging
import warnings
from collections.abc import Iterator

from tests.house import ROOT
from tests.imaging.dicoms import Row, rows
from tests.imaging.test_nifti import outcomes

PAGE = ROOT / "docs" / "formats.md"
MARK = "<!-- What follows is made by tests/imaging/test_formats_page.py. -->\n"


def tables() -> str:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = "".join(f"{line}\n" for line in [*_dicom(rows()), "", *_volumes(outcomes())])
    logging.disable(logging.NOTSET)
    return text


def _dicom(found: list[Row]) -> Iterator[str]:
    yield "## DICOM, by transfer syntax"
    yield ""
    yield "| transfer syntax | photometric interpretation | file | what came of it |"
    yield "|---|---|---|---|"
    for row in found:
        yield f"| {row.transfer_syntax} | {row.photometric} | {row.file} | {row.outcome} |"


def _volumes(found: list[tuple[str, str]]) -> Iterator[str]:
    yield "## NIfTI and Analyze"
    yield ""
    yield "| file | what came of it |"
    yield "|---|---|"
    for name, outcome in found:
        if outcome != "imaging.no_nifti":
            yield f"| {name} | {outcome} |"
    yield ""
    others = sum(outcome == "imaging.no_nifti" for _, outcome in found)
    yield f"{others} more files of that wheel are of other formats (PAR/REC, MINC, AFNI, tracks): refused."


def test_the_page_of_formats_is_what_came_of_the_files():
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == tables()


if __name__ == "__main__":
    head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(head + MARK + tables(), encoding="utf-8")
