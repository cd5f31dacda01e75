"""Windows by the standard's formulas, choices by policy, and a record of what was sent."""

import numpy as np
import pytest

from doctorsun.core.config import validate
from doctorsun.core.errors import ConfigError, RecordError
from doctorsun.imaging.choosing import choose, shares
from doctorsun.imaging.looks import LookConfig, fitted, look, pictures_of, tone_of
from doctorsun.imaging.study import Facts, Frame, Geometry, Lut, Series, Study, Window
from doctorsun.imaging.told import described
from doctorsun.imaging.windows import CT_WINDOWS, grey, grey_by_lut, percentile_window

VALUES = np.array([-2000, -160, -100, 0, 39.5, 40, 100, 239, 240, 3000], np.float32)


NOWHERE = Geometry()


def by_the_book(x, window):
    """DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1, one value at a time, for an output of 0..1."""
    c, w = window.center, window.width
    if window.function == "sigmoid":
        return 1 / (1 + np.exp(np.clip(-4 * (x - c) / w, -700, 700)))
    if window.function == "linear_exact":
        return 0 if x <= c - w / 2 else 1 if x > c + w / 2 else (x - c) / w + 0.5
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    if x > c - 0.5 + (w - 1) / 2:
        return 1
    return (x - (c - 0.5)) / (w - 1) + 0.5


def series(frames, *, name="s", kind="dicom", geometry=NOWHERE):
    return Series(
        name=name,
        format=kind,
        facts=Facts(),
        geometry=geometry,
        shape=frames[0].pixels.shape[:2],
        sources=("f",) * len(frames),
        read=frames.__getitem__,
    )


def ct(value=0.0, shape=(8, 8), **more):
    return Frame(np.full(shape, value, np.float32), "hu", **more)


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (-600, 1500), (40.5, 2), (0, 1), (100, 0.5)])
def test_the_window_functions_are_those_of_the_standard(function, center, width):
    if function == "linear" and width < 1:
        pytest.skip("the standard wants 1 at least")
    window = Window(center, width, function)
    around = np.concatenate([VALUES, center + width * np.linspace(-0.7, 0.7, 57)]).astype(np.float32)
    expected = [by_the_book(float(x), window) for x in around]
    assert np.abs(grey(around, window) - expected).max() < 2e-4


def test_what_is_no_number_is_black_and_the_infinite_is_not_lost():
    levels = grey(np.array([np.nan, -np.inf, np.inf], np.float32), Window(0, 10))
    assert levels.tolist() == [0, 0, 1]


def test_a_table_is_looked_up_and_its_ends_go_on():
    lut = Lut(10, np.array([0, 0.25, 1], np.float32))
    assert grey_by_lut(np.array([-5, 10, 11, 12, 99, np.nan], np.float32), lut).tolist() == [
        0,
        0,
        0.25,
        1,
        1,
        0,
    ]


def test_percentiles_leave_the_air_around_aside():
    picture = np.zeros((100, 100), np.float32)
    picture[40:60, 40:60] = np.linspace(100, 200, 400).reshape(20, 20)
    window = percentile_window([picture])
    assert window.low == pytest.approx(101, abs=0.6)
    assert window.high == pytest.approx(199, abs=0.6)
    assert np.isfinite(grey(np.zeros((3, 3), np.float32), percentile_window([np.zeros((3, 3))]))).all()


def test_the_file_comes_first_then_the_meaning():
    lut = Lut(0, np.array([0, 1], np.float32))
    window = Window(10, 20)
    pixels = np.ones((4, 4), np.float32)
    cases = {
        "lut": Frame(pixels, "hu", window=window, lut=lut),
        "file": Frame(pixels, "hu", window=window),
        "abdomen": Frame(pixels, "hu"),
        "suv": Frame(pixels, "suv"),
        "full": Frame(pixels, "label"),
        "percentile": Frame(pixels, "intensity"),
        "colour": Frame(np.zeros((4, 4, 3), np.uint8), "rgb"),
    }
    for name, frame in cases.items():
        assert tone_of(frame, "auto").name == name
        assert look(frame).shape == (4, 4, 3)
        assert look(frame).dtype == np.uint8


def test_a_window_that_the_file_lacks_cannot_be_insisted_on():
    with pytest.raises(RecordError) as caught:
        pictures_of(series([ct()], name="ct-1"), look=LookConfig(window="file"))
    assert str(caught.value).startswith("ct-1")


def test_monochrome1_is_turned():
    frame = Frame(np.array([[0, 100]], np.float32), "intensity", window=Window(50, 100, "linear_exact"))
    turned = Frame(frame.pixels, "intensity", window=frame.window, inverted=True)
    assert (look(turned) == 255 - look(frame)).all()


@pytest.mark.parametrize("name", CT_WINDOWS)
def test_the_usual_windows_go_by_name(name):
    window = CT_WINDOWS[name]
    frame = Frame(np.array([[window.low - 5, window.center, window.high + 5]], np.float32), "hu")
    assert look(frame, LookConfig(window=name))[0, :, 0].tolist() == pytest.approx([0, 128, 255], abs=2)


def test_three_windows_are_red_green_and_blue_as_medgemma_was_trained():
    hu = np.linspace(-1500, 1500, 301, dtype=np.float32)[None]
    seen = look(Frame(hu, "hu"), LookConfig(window="three"))
    for channel, (low, high) in enumerate([(-1024, 1024), (-135, 215), (0, 80)]):
        clipped = (np.clip(hu, low, high) - low) / (high - low) * 255
        assert np.abs(seen[..., channel] - clipped).max() <= 0.51


@pytest.mark.parametrize("policy", ["even", "middle", "first", "ends", "all"])
@pytest.mark.parametrize(("count", "most"), [(0, 4), (1, 4), (5, 5), (5, 9), (100, 7), (3, 1), (9, 2)])
def test_choices_are_in_order_within_bounds_and_never_twice(policy, count, most):
    chosen = choose(count, policy, most)
    assert list(chosen) == sorted(set(chosen))
    assert all(0 <= index < count for index in chosen)
    assert len(chosen) == (count if policy == "all" else min(count, most))


def test_each_policy_takes_what_its_name_says():
    assert choose(100, "even", 4) == (12, 37, 62, 87)
    assert choose(100, "middle", 4) == (48, 49, 50, 51)
    assert choose(100, "ends", 3) == (0, 49, 99)
    assert choose(100, "first", 3) == (0, 1, 2)


def test_small_series_are_not_drowned_by_large_ones():
    assert shares([1, 300, 2], 8) == (1, 5, 2)
    assert shares([9, 9, 9], 2) == (1, 1, 0)
    assert shares([1, 1], 16) == (1, 1)


def test_a_picture_is_made_square_and_small_and_its_share_is_told():
    pixels = np.zeros((100, 100, 3), np.uint8)
    square, share = fitted(pixels, 500, spacing_mm=(2.0, 1.0))
    assert (square.shape[:2], share) == ((200, 100), 1.0)
    small, share = fitted(np.zeros((100, 200, 3), np.uint8), 100)
    assert (small.shape[:2], share) == ((50, 100), 0.25)


def test_what_was_sent_is_said_in_both_languages():
    study = Study((series([ct(window=Window(40, 400), shape=(80, 80))] * 48, name="ct-1"),))
    sent = pictures_of(study, look=LookConfig(max_pictures=2), max_px=45)
    assert [one.index for one in sent] == [12, 36]
    assert sent[0].pixels.shape == (45, 45, 3)
    assert described(sent, "en") == "ct-1: window -160..240 HU, slices 13,37 of 48, sent at 32 % of its size"
    assert described(sent, "zh") == "ct-1：窗 -160..240 HU，共 48 层，取第 13,37 层，以原面积的 32 % 送入"


@pytest.mark.parametrize("window", ["lung", "three", "full"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_tone_can_be_said(window, lang):
    frames = [ct(float(value)) for value in (1, 2)]
    colour = series([Frame(np.zeros((4, 4, 3), np.uint8), "rgb")] * 2, name="tiles", kind="slide")
    sent = pictures_of(Study((series(frames), colour)), look=LookConfig(window=window))
    assert len(described(sent, lang).splitlines()) == 2


def test_pictures_of_one_mr_series_share_their_scaling():
    frames = [Frame(np.full((6, 6), value, np.float32), "intensity") for value in (100, 200, 300)]
    sent = pictures_of(series(frames))
    assert len({one.tone for one in sent}) == 1
    assert sent[0].pixels.max() < sent[1].pixels.max() < sent[2].pixels.max()


def test_max_pictures_counts_for_the_whole_study():
    study = Study((series([ct()] * 9, name="a"), series([ct()], name="b")))
    sent = pictures_of(study, max_pictures=4)
    assert [one.series for one in sent] == ["a", "a", "a", "b"]


def test_a_recipe_can_nest_the_config_and_a_wrong_window_is_named():
    how = validate(LookConfig, {"window": "lung", "max_px": 448}, where="recipe")
    assert (how.window, how.policy) == ("lung", "even")
    with pytest.raises(ConfigError, match="window"):
        validate(LookConfig, {"window": "lungs"}, where="recipe")


@pytest.mark.parametrize("name", ["lung", "three", "suv"])
def test_a_window_of_other_units_is_not_laid_on_values_it_does_not_fit(name):
    frame = Frame(np.linspace(0, 4000, 64, dtype=np.float32).reshape(8, 8), "intensity")
    assert tone_of(frame, name).name == tone_of(frame, "auto").name == "percentile"
