"""Burned-in text: found in both languages and every turn, blanked in every frame, anatomy left alone."""

import sys

import numpy as np
import pytest

from doctorsun.core.errors import MissingExtra
from doctorsun.privacy.burned import Box, clean_pixels, find_text, reading
from tests.privacy import rendered
from tests.privacy.rendered import Style

pytest.importorskip("rapidocr", reason="burned-in text needs the extra `privacy`")
LOOKS = [
    Style(10, "white", "0", "en"),
    Style(12, "yellow", "270", "en"),
    Style(40, "black", "180", "en"),
    Style(16, "faint", "slanted", "en"),
    Style(12, "white", "90", "zh"),
]


def needs_font(lang):
    if not rendered.can_draw(lang):
        pytest.skip(f"no font for {lang} on this machine: apt install fonts-noto-cjk")


def blanked(outcome, shape):
    mask = np.zeros(shape, np.bool_)
    for box in outcome.boxes[0]:
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def stamped(text="MRN 889911", *, shape=(96, 224), size=20, level=255):
    """Text in a frame of noise, uint8, and its ink."""
    made = rendered.written(text, size=size, shape=shape)
    noise = np.random.default_rng(3).integers(20, 60, shape).astype(np.uint8)
    return np.where(made, np.uint8(level), noise), made


@pytest.mark.parametrize(
    "look", LOOKS, ids=lambda look: f"{look.lang}-{look.size}-{look.contrast}-{look.turn}"
)
def test_text_is_blanked_to_the_last_stroke_and_nothing_can_be_read_after(look):
    needs_font(look.lang)
    made = rendered.burned(1, look=look, px=224)
    outcome = clean_pixels(made.pixels[None])
    mask = blanked(outcome, made.pixels.shape[:2])
    assert made.inks
    for ink in made.inks:
        assert (ink & mask).sum() >= 0.99 * ink.sum()
    assert outcome.checked
    assert not find_text(outcome.pixels[0])
    assert mask.mean() < 0.7
    assert (outcome.pixels[0][~mask] == made.pixels[~mask]).all()


@pytest.mark.parametrize("number", range(7))
def test_a_clean_picture_of_each_kind_comes_back_as_it_is(number):
    pixels = rendered.clean(number, px=224)[None]
    outcome = clean_pixels(pixels)
    assert outcome.pixels is pixels
    assert outcome.boxes == ((),)
    assert outcome.checked


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_stored_values_of_any_type_keep_it_and_get_their_lowest_value(kind):
    eight, ink = stamped()
    stored = (eight.astype(kind) * 8 - (1000 if np.issubdtype(kind, np.signedinteger) else 0))[None]
    outcome = clean_pixels(stored)
    assert outcome.pixels.dtype == stored.dtype
    assert (outcome.pixels[0][ink] == stored.min()).mean() >= 0.99
    assert stored[0][ink].min() > stored.min()


def test_text_far_above_the_picture_and_text_on_an_empty_picture_are_found():
    eight, ink = stamped()
    high = np.where(ink, 65_535, eight.astype(np.uint16) * 10)[None].astype(np.uint16)
    empty = np.where(ink, 1, 0).astype(np.uint8)[None]
    for stored in (high, empty):
        outcome = clean_pixels(stored)
        assert blanked(outcome, ink.shape)[ink].mean() >= 0.99


def test_text_of_one_frame_is_blanked_in_all():
    eight, ink = stamped()
    plain = np.random.default_rng(4).integers(20, 60, (2, *eight.shape)).astype(np.uint8)
    plain[1] = eight
    outcome = clean_pixels(plain)
    assert len(outcome.boxes) == 2
    assert len(set(outcome.boxes)) == 1
    assert blanked(outcome, ink.shape)[ink].mean() >= 0.99
    assert (outcome.pixels[0][ink] == outcome.pixels[0].min()).mean() >= 0.99


def test_of_many_frames_an_even_sample_and_both_extremes_are_looked_at(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "doctorsun.privacy.burned.cleaning.find_text", lambda frame: seen.append(int(frame[0, 0])) or ()
    )
    frames = np.zeros((200, 4, 4), np.uint8)
    frames[:] = np.arange(200, dtype=np.uint8)[:, None, None]
    frames[:, 1, 1] = 255
    assert clean_pixels(frames).checked
    assert len(seen) == 32 + 2


def test_a_frame_in_colour_is_blanked_in_all_channels():
    eight, ink = stamped()
    colour = np.stack([eight, eight, np.full_like(eight, 40)], axis=-1)[None]
    outcome = clean_pixels(colour)
    mask = blanked(outcome, ink.shape)
    assert mask[ink].mean() >= 0.99
    assert (outcome.pixels[0][mask] == colour[0].min(axis=(0, 1))).all()


def test_a_mark_of_the_side_stays_when_asked():
    frame, ink = stamped("MRN 889911")
    outcome = clean_pixels(frame[None], keep=("mrn 889911",))
    assert (outcome.pixels[0] == frame).all()
    assert outcome.checked


def test_a_large_picture_is_looked_at_in_tiles():
    frame, ink = stamped(shape=(160, 1200), size=28)
    assert blanked(clean_pixels(frame[None]), ink.shape)[ink].mean() >= 0.99


def test_what_was_read_is_in_no_repr():
    assert "ZHANG" not in repr(Box(0, 0, 9, 9, 0.5, "ZHANG SAN"))


def test_without_ocr_the_line_to_type_is_named(monkeypatch):
    reading._engine.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtra, match="privacy"):
        find_text(np.zeros((64, 64), np.uint8))
    reading._engine.cache_clear()
