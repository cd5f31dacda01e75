"""Numbers as one short line of text: a sparkline, a duration, a line that fits its terminal."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

_STEPS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=^"
GAP = "  "


def sparkline(values: Sequence[float], width: int, *, plain: bool = False) -> str:
    """The course of all values in at most `width` characters, each the mean of its share; low is low.

    `plain` draws with ASCII, for a terminal that shows nothing else.
    """
    steps = _ASCII if plain else _STEPS
    finite = [value for value in values if value - value == 0]
    if not finite or width < 1:
        return ""
    count = min(width, len(finite))
    edges = [round(at * len(finite) / count) for at in range(count + 1)]
    parts = [finite[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    reach = (high - low) or 1.0
    return "".join(steps[round((mean - low) / reach * (len(steps) - 1))] for mean in means)


def duration(seconds: float) -> str:
    """A duration as a clock shows it: `0:07`, `12:34`, `5:06:07`, `3d 04:05`."""
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days}d {hours:02d}:{minutes:02d}"
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def fitted(pieces: Sequence[str], width: int) -> str:
    """The pieces side by side, the last ones left out where they do not fit; Chinese is two cells wide.

    The first piece is shortened where even that does not fit.
    """
    line = ""
    for piece in filter(None, pieces):
        longer = f"{line}{GAP}{piece}" if line else piece
        if cell_len(longer) > width:
            return line or set_cell_size(piece, max(width, 0))
        line = longer
    return line
