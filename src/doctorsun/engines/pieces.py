"""Tokens one by one -> text that can be shown: a character of several tokens waits until it is whole."""

from doctorsun.model.encode import Encoder

_BROKEN = "\ufffd"


class TextPieces:
    """The text of an answer as it grows; the pieces together are the text of all its ids."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._ids: list[int] = []
        self._from = 0
        self._shown = 0

    def add(self, token: int) -> str:
        """What the next token lets be shown; often a word, sometimes nothing yet."""
        self._ids.append(token)
        piece = self._fresh()
        if piece.endswith(_BROKEN):
            return ""
        self._from, self._shown = self._shown, len(self._ids)
        return piece

    def finish(self) -> str:
        """What was held back and will not become whole any more."""
        piece = self._fresh()
        self._from = self._shown = len(self._ids)
        return piece

    def _fresh(self) -> str:
        """The text behind what is shown, decoded with the tokens before it: some tokens join with them."""
        shown = self._encoder.decode(self._ids[self._from : self._shown])
        return self._encoder.decode(self._ids[self._from :])[len(shown) :]
