"""A line of figures fits its terminal, in both languages."""

import pytest
from rich.cells import cell_len

from doctorsun.cli.sparkline import duration, fitted, sparkline


def test_a_falling_loss_falls_in_the_sparkline():
    assert sparkline([8.0, 6.0, 4.0, 1.0], 4) == "█▆▄▁"
    assert sparkline([8.0, 6.0, 4.0, 1.0], 4, plain=True) == "^=-_"


def test_many_losses_are_meaned_into_few_characters():
    assert sparkline([1.0] * 500 + [0.0] * 500, 10) == "█" * 5 + "▁" * 5


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf")]])
def test_nothing_finite_draws_nothing(values: list[float]):
    assert sparkline(values, 10) == ""


def test_equal_losses_are_one_level():
    assert sparkline([2.0, 2.0, 2.0], 10) == "▁▁▁"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0:00"), (67, "1:07"), (3725, "1:02:05"), (93_784, "1d 02:03"), (3599.6, "1:00:00")],
)
def test_a_duration_reads_as_a_clock(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize("width", range(1, 60))
@pytest.mark.parametrize("what", ["instruct-hybrid", "图文指令微调"])
def test_a_line_is_never_wider_than_its_terminal(what: str, width: int):
    line = fitted([what, "▁▂▃", "12/300", "", "损失 1.234"], width)
    assert cell_len(line) <= width
    assert line.startswith(what[:1]) or width < 2


def test_what_does_not_fit_is_left_out_from_the_end():
    assert fitted(["训练", "1/2", "ETA 0:07"], 9) == "训练  1/2"
