"""What a DICOMDIR lists (DICOM PS3.3 F.3.2.2), read as names only."""

from pydicom import dcmread

from doctorsun.imaging.archive import Entry
from doctorsun.imaging.dicom.damage import damage_named


def referenced_files(entry: Entry) -> list[tuple[str, ...]]:
    """The file ids in their order, each a tuple of folders and a name; RecordError on a damaged file."""
    with damage_named(entry.name), entry.open() as file:
        listed = dcmread(file, stop_before_pixels=True)
        ids = [record.get("ReferencedFileID") for record in listed.DirectoryRecordSequence]
        return [(one,) if isinstance(one, str) else tuple(map(str, one)) for one in ids if one]
