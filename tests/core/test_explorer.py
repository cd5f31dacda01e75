"""The explorer of curves: its numbers stand in the page, thinned without hiding a spike, and run no code."""

import base64
import hashlib
import json
import re

from doctorsun.core.explorer import KEPT_POINTS, Course, Explorer
from doctorsun.core.page import Page, Prose, both

EVIL = "</script><script>alert(1)</script>"


def course(run: str, values: list[float], *, figure: str = "loss") -> Course:
    steps = [float(step) for step in range(1, len(values) + 1)]
    return Course(run, "1 align", figure, {"step": steps}, values, {"step": 0.0})


def explorer(*courses: Course, **changes: object) -> Explorer:
    found = {
        "figures": [("loss", both("cli.axis_loss")), ("lr", both("cli.axis_lr"))],
        "axes": [("step", both("cli.axis_step"))],
        "stages": ["1 align"],
        "runs": sorted({one.run for one in courses}),
    }
    return Explorer(courses, **(found | changes))  # type: ignore[arg-type]


def page(*courses: Course, **changes: object) -> str:
    return Page("Runs", [explorer(*courses, **changes)]).render()


def numbers(html: str) -> list[dict[str, object]]:
    found = re.search(r'class="courses">(.*?)</script>', html, re.S)
    assert found is not None
    told: list[dict[str, object]] = json.loads(found[1])["courses"]
    return told


def test_a_long_curve_is_thinned_and_keeps_its_spike():
    values = [1.0] * 50_000
    values[31_234] = 9.0
    (told,) = numbers(page(course("a", values)))
    kept = told["y"]
    assert isinstance(kept, list) and len(kept) <= KEPT_POINTS and max(kept) == 9.0


def test_what_is_not_finite_leaves_a_gap():
    (told,) = numbers(page(course("a", [1.0, float("nan"), float("inf"), 2.0])))
    assert told["y"] == [1.0, 2.0] and told["x"] == {"step": [1.0, 4.0]}


def test_the_name_of_a_run_is_never_markup():
    html = page(course(EVIL, [1.0]))
    assert "<script>alert" not in html
    assert numbers(html)[0]["run"] == EVIL


def test_a_figure_that_no_run_has_is_not_drawn():
    html = page(course("a", [1.0]))
    assert 'data-figure="loss"' in html and 'data-figure="lr"' not in html


def test_only_chosen_runs_are_shown_at_first():
    html = page(course("a", [1.0]), course("b", [1.0]), chosen=["b"])
    boxes = re.findall(r'data-control="run" value="(\d)"( checked)?', html)
    assert boxes == [("0", ""), ("1", " checked")]


def test_the_policy_lets_the_script_of_the_page_run_and_no_other():
    for html in (page(course("a", [1.0])), Page("Plain", [Prose(["words"])]).render()):
        script = re.findall(r"<script>(.*?)</script>", html, re.S)[-1]
        sum_ = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src &#x27;sha256-{sum_}&#x27;" in html or f"script-src 'sha256-{sum_}'" in html
    assert ".explorer" in page(course("a", [1.0])) and "Explorers" not in Page("Plain", []).render()
