"""What a DICOM file says of the picture: modality, body part, side, view, description."""

from collections.abc import Sequence

from doctorsun.core.schema import Laterality
from doctorsun.imaging.dicom.elements import Group
from doctorsun.imaging.dicom.places import first
from doctorsun.imaging.study import Facts

_SIDES: dict[str, Laterality] = {"L": "left", "R": "right", "B": "bilateral"}
# View codes of CID 4010 and CID 4014 in SNOMED CT, and in the SNOMED-RT style that older files write.
_VIEWS = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "272479007": "PA",
    "R-10214": "PA",
    "399348003": "AP",
    "R-10206": "AP",
    "399067008": "LATERAL",
    "R-10236": "LATERAL",
    "399173006": "LL",
    "399198007": "RL",
    "399033003": "FRONTAL",
    "399182000": "OBLIQUE",
    "399135007": "LAO",
    "399356000": "RAO",
    "399006002": "LPO",
    "399038007": "RPO",
}


def facts_of(elements: Group, groups: Sequence[Group]) -> Facts:
    """The facts of a file, a frame's functional groups before the file's own elements."""
    side = (
        _text(elements.get("ImageLaterality"))
        or _text(first(groups, "FrameAnatomySequence", "FrameLaterality"))
        or _text(elements.get("Laterality"))
    )
    return Facts(
        modality=_text(elements.get("Modality")),
        body_part=_text(elements.get("BodyPartExamined")) or _meaning(elements, "AnatomicRegionSequence"),
        laterality=_SIDES.get(side or ""),
        view=_view(elements),
        description=_text(elements.get("SeriesDescription")),
    )


def _view(elements: Group) -> str | None:
    position = _text(elements.get("ViewPosition"))
    if position:
        return position.upper()
    for item in elements.get("ViewCodeSequence") or ():
        return _VIEWS.get(str(item.get("CodeValue"))) or _text(item.get("CodeMeaning"))
    return None


def _meaning(elements: Group, keyword: str) -> str | None:
    for item in elements.get(keyword) or ():
        return _text(item.get("CodeMeaning"))
    return None


def _text(value: object) -> str | None:
    if isinstance(value, str) and value.strip():
        return value.strip()
    return None
