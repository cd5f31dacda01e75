"""DICOM objects that hold no picture, by SOP class (DICOM PS3.4 B.5): what to say of each."""

DIRECTORY = "1.2.840.10008.1.3.10"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# The first prefix that fits, so longer ones come first.
_PICTURELESS = (
    ("104.", "imaging.is_document"),
    ("88.59", "imaging.is_key_note"),
    ("88.", "imaging.is_report"),
    ("9.", "imaging.is_waveform"),
    ("11.", "imaging.is_presentation"),
    ("481.3", "imaging.is_structures"),
    ("481.", "imaging.is_plan"),
    ("66.", "imaging.is_registration"),
    ("67", "imaging.is_registration"),
)


def pictureless(sop_class: str) -> str:
    """The sentence for an object without pixels of this class."""
    if sop_class == DIRECTORY:
        return "imaging.is_directory"
    if sop_class.startswith(_STORAGE):
        rest = sop_class.removeprefix(_STORAGE)
        for prefix, key in _PICTURELESS:
            if rest.startswith(prefix):
                return key
    return "imaging.no_pixels"
