"""The scan for what was left: every spelling in every encoding, and no alarm at what is nobody's."""

import base64
import random

import numpy as np
import pytest

from doctorsun.privacy.residual import Residual, Value, common_words

NAME, NUMBER = "欧阳建国", "P12345678"


def scan(*texts):
    return Residual([Value("name", text) for text in texts])


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [NAME, NUMBER, "Featherstone"])
def test_a_value_is_found_in_every_encoding(codec, text):
    assert scan(text).in_bytes(b"\0\1" + text.encode(codec) + b"\0")["name"] == 1


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, str.swapcase])
def test_capitals_do_not_matter(change):
    assert scan("Featherstone").in_bytes(change("featherstone").encode())


@pytest.mark.parametrize("phase", range(3))
@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_value_inside_base64_is_found_at_every_phase(phase, codec):
    hidden = base64.b64encode(b"x" * phase + NAME.encode(codec) + b"tail of the text")
    assert scan(NAME).in_bytes(b"data:" + hidden)


def test_values_at_both_ends_and_across_a_border_of_the_search_are_found():
    size = 16 * 2**20
    for place in (0, size - 5, size - 2, size, 2 * size - 9):
        hay = bytearray(2 * size)
        hay[place : place + 9] = NUMBER.encode()
        assert scan(NUMBER).in_bytes(bytes(hay)), place


def test_each_value_is_counted_once_by_its_kind():
    values = [Value("PatientName", NAME), Value("PatientID", NUMBER)]
    left = Residual(values).in_bytes(f"{NAME} {NAME} {NUMBER} {NUMBER}".encode())
    assert left == {"PatientName": 1, "PatientID": 1}


def test_noise_raises_no_alarm():
    draw = random.Random(1)
    texts = ["".join(draw.choices("0123456789abcdefghij", k=draw.randrange(6, 14))) for _ in range(300)]
    assert not scan(*texts, "王小", NAME).in_bytes(noise(2**21), samples=[range(2**21)])


def test_short_words_count_between_their_neighbours_only():
    assert scan("Long").in_bytes(b"Dr. Long, MD")
    assert not scan("Long").in_bytes(b"longitudinal prolonged")
    assert scan("123456").in_bytes(b"ID 123456.")
    assert not scan("123456").in_bytes(b"2.25.9123456001 and 0.123456")
    assert scan("12345678").in_bytes(b"x9912345678001")


def test_very_short_values_count_as_whole_elements_only():
    known = scan("Li", "张", "77")
    assert known.in_text("LI") == "name" and known.in_text(" 张 ") == "name"
    assert known.in_text("lithium 张力 1977") is None
    assert not known.in_bytes("Li 张 77".encode())


def test_common_words_are_nobodys():
    assert "hospital" in common_words()
    assert scan("Hospital", "放射科").in_text("Hospital 放射科") is None


def test_short_hits_among_samples_do_not_count_and_long_ones_do():
    hay = b"\0" * 100 + b"Long " + NUMBER.encode()
    assert scan("Long", NUMBER).in_bytes(hay, samples=[range(100, len(hay))]) == {"name": 1}
    assert scan("Long", NUMBER).in_bytes(hay) == {"name": 2}


def test_what_was_written_on_purpose_is_no_leak():
    assert scan("20200131").in_bytes(b"20200131") == {"name": 1}
    assert not scan("20200131").in_bytes(b"20200131", written={"20200131"})


def test_spaces_and_lines_between_words_do_not_hide_a_text():
    assert scan("12 Long  Street").in_text("lives at 12 long street") == "name"
    assert scan("12 Long  Street").in_bytes(b"12 Long  Street")


def test_a_scan_for_nothing_finds_nothing():
    assert not Residual([]).in_bytes(noise(1000))
    assert not scan("", " ", "--").in_bytes(b"-- --")
    assert not scan(NUMBER).in_bytes(b"")
