"""Figures of PubMed Central: whose paper a figure is of, and the licence of it where a list tells."""

import re
from array import array
from pathlib import Path

import numpy as np

from doctorsun.data.licences import UNKNOWN, spdx
from doctorsun.data.streams import columns_of, csv_rows

# Lists of the open-access subset: File, Article Citation, AccessionID (or Accession ID), …, License.
LISTS = ("oa_comm_use_file_list.csv", "oa_non_comm_use_pdf.csv", "oa_file_list.csv")
IDS = ("AccessionID", "Accession ID", "PMCID")
_PAPER = re.compile(r"PMC(\d{1,12})")


def paper_of(name: str) -> str | None:
    """The PMC id in the name of a picture, null where there is none."""
    found = _PAPER.search(name)
    return found[0] if found else None


def licence_of(code: str) -> str:
    """The licence (SPDX) of a paper by its code at PubMed Central; unknown where it is not CC."""
    return spdx(code) if code.strip().upper().startswith("CC") else UNKNOWN


class PaperLicences:
    """The licences that lists of PubMed Central in a folder tell: millions of papers, 9 bytes each."""

    def __init__(self, place: Path) -> None:
        numbers, codes, names = array("q"), bytearray(), dict[str, int]()
        for path in (place / name for name in LISTS):
            if path.is_file():
                column = next((name for name in IDS if name in columns_of(path)), IDS[0])
                for row in csv_rows(path, (column, "License")):
                    if paper := _PAPER.fullmatch(row[column]):
                        numbers.append(int(paper[1]))
                        codes.append(names.setdefault(licence_of(row["License"]), len(names)))
        order = np.argsort(np.array(numbers, np.int64), kind="stable")
        self._numbers = np.array(numbers, np.int64)[order]
        self._codes = np.frombuffer(codes, np.uint8)[order]
        self._names: tuple[str, ...] = tuple(names)

    def of(self, paper: str | None) -> str | None:
        """The licence (SPDX) of a paper by its PMC id; null where no list tells it."""
        found = _PAPER.fullmatch(paper or "")
        number = int(found[1]) if found else -1
        at = int(np.searchsorted(self._numbers, number))
        if at == len(self._numbers) or self._numbers[at] != number:
            return None
        return self._names[int(self._codes[at])]
