"""What a de-identified file keeps: the Basic Profile (113100) and the options of PS3.15 Annex E.3."""

from typing import Annotated, Literal

from pydantic import Field

from doctorsun.core.config import Config

PrivateElement = Annotated[str, Field(pattern=r"^[^|\\]{1,64}\|[0-9A-Fa-f]{4}\|[0-9A-Fa-f]{2}$")]


class DicomPolicy(Config):
    """The options; the default keeps what training needs and nothing that names a person or a place.

    `pixels`: which pictures are searched for burned-in text (113101). "modality": all but slices of CT, MR,
    PET and the like, and whatever says that it has burned-in text; "sample": a tenth of those slices too.
    `dates`: "shifted" by one number of days per patient (113107), or "removed".
    `private`: elements kept (113111), each as "CREATOR|GROUP|ELEMENT" in hex: "SIEMENS MR HEADER|0019|0C".
    """

    pixels: Literal["none", "modality", "sample", "all"] = "modality"
    dates: Literal["shifted", "removed"] = "shifted"
    clean_descriptors: bool = True
    clean_structured: bool = False
    patient_characteristics: bool = True
    device_identity: bool = False
    institution: bool = False
    private: tuple[PrivateElement, ...] = ()
    max_mb: int = 1024
    max_elements: int = 500_000
    max_depth: int = 32

    def private_elements(self, creator: str, group: int) -> frozenset[int]:
        """The last bytes of the elements that are kept of a private creator's block in a group."""
        asked = (one.split("|") for one in self.private)
        return frozenset(
            int(number, 16) for maker, place, number in asked if maker == creator and int(place, 16) == group
        )

    def codes(self, *, pixels_checked: bool) -> tuple[str, ...]:
        """The codes of CID 7050 for what is done to a file, in order."""
        asked = {
            "113100": True,
            "113101": pixels_checked,
            "113104": self.clean_structured,
            "113105": self.clean_descriptors,
            "113107": self.dates == "shifted",
            "113108": self.patient_characteristics,
            "113109": self.device_identity,
            "113111": bool(self.private),
            "113112": self.institution,
        }
        return tuple(code for code, done in asked.items() if done)
