"""Which pictures a report belongs to: by accession number, study UID, patient and day, or name of a file."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from doctorsun.data.hospital.linking import Links
from doctorsun.data.hospital.mapping import Joint
from doctorsun.data.hospital.taking import Study


class Index:
    """The studies by each of their digests."""

    def __init__(self, studies: Iterable[Study], order: Sequence[Joint]) -> None:
        self.order = order
        self.by: dict[str, dict[str, list[Study]]] = defaultdict(lambda: defaultdict(list))
        for study in studies:
            for how, digests in study.links.items():
                for digest in sorted(digests):
                    self.by[how][digest].append(study)

    def find(self, links: Links) -> tuple[Study, ...] | None:
        """The study of a report, several where they are pictures that one name stands for.

        Empty where there is none; null where more than one fits and nothing tells which.
        """
        doubtful = False
        for how in self.order:
            fitting = _each_once(self._all(how, links))
            found = [study for study in fitting if study.files] or fitting
            if len(found) == 1 or (found and _one_report(found, how)):
                return tuple(found)
            doubtful = doubtful or bool(found)
        return None if doubtful else ()

    def _all(self, how: Joint, links: Links) -> Iterable[Study]:
        held: Mapping[str, list[Study]] = self.by[how]
        for digest in links.get(how, ()):
            yield from held.get(digest, ())


def _one_report(found: Sequence[Study], how: Joint) -> bool:
    """Whether several pictures without a header are the pictures of one report: A12_1.png, A12_2.png."""
    return how in {"accession", "file"} and all(study.kind == "picture" for study in found)


def _each_once(found: Iterable[Study]) -> list[Study]:
    return list({study.id: study for study in found}.values())
