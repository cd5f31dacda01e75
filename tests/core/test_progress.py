"""What goes on is told to whoever asked, and to nobody by default."""

from doctorsun.core.progress import reporter, track, use_reporter


class Kept:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def step(self, label: str, done: int, total: int | None, **values: object) -> None:
        self.steps.append((label, done, total))

    def note(self, event: str, **values: object) -> None:
        """Not asked for here."""


def test_items_come_through_unchanged_and_are_counted():
    kept, before = Kept(), reporter()
    use_reporter(kept)
    try:
        assert list(track("abc", "core.missing_key")) == ["a", "b", "c"]
        assert list(track(iter("ab"), "core.missing_key")) == ["a", "b"]
    finally:
        use_reporter(before)
    assert kept.steps == [
        ("core.missing_key", 1, 3),
        ("core.missing_key", 2, 3),
        ("core.missing_key", 3, 3),
        ("core.missing_key", 1, None),
        ("core.missing_key", 2, None),
    ]
