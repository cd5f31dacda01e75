"""The matrix of families: parts on disk, assembled, trained, saved, and asked in plain transformers."""

from pathlib import Path

from doctorsun.model.assemble import assemble
from doctorsun.model.store import save_model
from tests.model.members import ENCODERS, LANGUAGES, join, write_encoder, write_language
from tests.train.joined import ADAPT, ALIGN, INSTRUCT, Lessons, answer_here, answer_there


class Matrix:
    """Members of all families, written when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lessons = Lessons(folder / "lessons")

    def check(self, eyes: str, words: str) -> None:
        """Assemble two members, train two stages of three steps, save, and compare the answers."""
        parts = assemble(join(self._part(write_encoder, eyes), self._part(write_language, words)), seed=0)
        # A diagonal trains the encoder whole and the language model by LoRA, all others the other way round.
        place = list(ENCODERS).index(eyes) - list(LANGUAGES).index(words)
        second = ADAPT if place % 5 == 0 else INSTRUCT
        assert not self._lessons.learn(parts, ALIGN, eyes=eyes)
        still = self._lessons.learn(parts, second, eyes=eyes)
        assert not [name for name in still if not name.endswith(("k_proj.bias", "mask_token"))], still
        there = self._folder / "joined" / f"{eyes}-{words}"
        save_model(parts, there)
        here = answer_here(parts)
        assert here
        assert answer_there(there) == here

    def _part(self, write, name: str) -> Path:
        folder = self._folder / write.__name__ / name
        return folder if folder.is_dir() else write(folder, name)
