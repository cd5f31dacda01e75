"""What waits for a person in a hospital's folder, before and after cleaning, as blocks of a page."""

from pathlib import Path

from doctorsun.core.blocks import Block, Section
from doctorsun.core.errors import DataError
from doctorsun.core.words import both


def review_blocks(place: Path, key: Path | None = None) -> list[Block]:
    """The pictures that wait and the texts that were changed; DataError where no build read the folder.

    `key` is the secret that the build used where it does not lie beside the folder.
    """
    from doctorsun.data.hospital.desk import key_path, open_desk
    from doctorsun.data.hospital.looking import to_look_at
    from doctorsun.data.hospital.mapping import read_mapping
    from doctorsun.data.sources.hospital import MAPPING
    from doctorsun.privacy.review import blocks_of

    if not place.is_dir():
        raise DataError("data.no_folder", where=place)
    secret = str(key or "")
    if not key_path(place, secret).is_file():
        raise DataError("cli.no_queue", where=place)
    desk = open_desk(place, secret)
    if not desk.sources.is_file():
        raise DataError("cli.no_queue", where=place)
    texts, pictures = to_look_at(place, read_mapping(place, MAPPING), desk)
    return [Section(both("privacy.review_title"), blocks_of(texts, pictures))]
