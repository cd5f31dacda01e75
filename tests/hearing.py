"""A reporter that remembers."""


class Heard:
    """Every step and every note, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None, dict[str, object]]] = []
        self.notes: list[tuple[str, dict[str, object]]] = []

    @property
    def events(self) -> list[str]:
        """The names of the notes."""
        return [event for event, _ in self.notes]

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        self.steps.append((label, done, total, values))

    def note(self, event: str, **values: object) -> None:
        self.notes.append((event, values))
