"""What of a benchmark stands in training: pictures however altered, questions however worded, row by row."""

import hashlib
import io
import json
import random

import numpy as np
import pytest
from PIL import Image

from doctorsun.data.near.contamination import Side, contamination, find_leaks, repeated_triplets
from doctorsun.data.near.looks import LOOK_BYTES, look_of
from doctorsun.data.near.questions import QUESTION_BYTES, question_print, terms_of
from doctorsun.data.sources import phantom
from tests.data.altered import alter

LONG = (
    "A 54-year-old man has had chest pain for 3 hours; his blood pressure is 92/60 mmHg and the ECG shows ST "
    "elevation in V2. Which drug is given first?"
)


def rows(parts: list[bytes], width: int) -> np.ndarray:
    return np.frombuffer(b"".join(parts), np.uint8).reshape(-1, width)


def side(name: str, pictures: dict[str, np.ndarray], asked: list[tuple[str, str | None, str]]) -> Side:
    """A side of pictures by name, and of questions with the name of their picture and their answer."""
    names = list(pictures)
    digests = [hashlib.sha256(pixels.tobytes()).digest() for pixels in pictures.values()]
    return Side(
        pictures=names,
        pixels=rows(digests, 32),
        looks=rows([look_of(pixels) for pixels in pictures.values()], LOOK_BYTES),
        rows=[f"{name}-{at}" for at in range(len(asked))],
        questions=rows([question_print(words, answer=said) for words, _, said in asked], QUESTION_BYTES),
        picture_of=np.array([-1 if shown is None else names.index(shown) for _, shown, _ in asked], np.int64),
    )


@pytest.fixture(scope="module")
def shown() -> list[np.ndarray]:
    records = phantom.records(count=2, px=160)
    pictures = [Image.open(io.BytesIO(record.images[0].bytes)) for record in records]
    return [np.asarray(picture.convert("RGB")) for picture in pictures]


@pytest.fixture(scope="module")
def sides(shown) -> tuple[Side, Side]:
    train = side(
        "train",
        {"same": shown[0], "altered": alter(shown[1], "all", random.Random(0)), "own": shown[2]},
        [
            ("Is there a nodule?", "same", "Yes"),
            ("Is there a nodule?", "same", "Yes"),
            ("What is this?", "altered", "A smear"),
            ("Is it bright?", "own", "No"),
            (LONG.replace("A 54", "a 54").replace("?", " ?"), None, "Aspirin"),
            (LONG.replace("Which drug is given first", "What is given first"), None, "Aspirin"),
            ("Something quite different about the liver and the spleen of a child", None, "Yes"),
        ],
    )
    benchmark = side(
        "test",
        {"a": shown[0], "b": shown[1], "c": shown[3]},
        [
            ("is there a nodule", "a", "yes"),
            ("How many cells?", "b", "4"),
            ("Is it bright?", "c", "No"),
            (LONG, None, "Aspirin"),
            ("Never asked before in any set of rows that we know of", None, "No"),
        ],
    )
    return train, benchmark


def test_every_kind_of_leak_is_counted_and_named(sides):
    train, benchmark = sides
    report = contamination(train, {"made": benchmark})["made"]
    assert (report["pictures"]["of"], report["pictures"]["exact"], report["pictures"]["near"]) == (3, 1, 1)
    assert report["pictures"]["examples"] == {"exact": [["same", "a"]], "near": [["altered", "b"]]}
    asked = report["questions"]
    assert (asked["of"], asked["exact"], asked["about_a_seen_picture"], asked["triplets"]) == (5, 3, 2, 2)
    assert (asked["leaked"], asked["share"]) == (3, 0.6)
    assert ["train-4", "test-3"] in asked["examples"]["exact"]
    assert json.loads(json.dumps(report)) == report


def test_the_rows_to_leave_out_are_those_about_leaked_pictures_and_leaked_texts(sides):
    train, benchmark = sides
    leaks = find_leaks(train, benchmark)
    assert np.flatnonzero(leaks.training_rows(train, benchmark)).tolist() == [0, 1, 2, 4, 5]
    assert np.flatnonzero(leaks.benchmark_rows(benchmark)).tolist() == [0, 1, 3]


def test_the_words_of_a_question_about_a_picture_leak_nothing_without_it(sides):
    train, benchmark = sides
    leaks = find_leaks(train, benchmark)
    assert [3, 2] in leaks.same_words.tolist()
    assert not leaks.benchmark_rows(benchmark)[2]


def test_rows_that_repeat_picture_question_and_answer_are_counted(sides):
    assert [repeated_triplets(each) for each in sides] == [1, 0]


def test_an_empty_side_shares_nothing(sides):
    empty = side("none", {}, [])
    for train, benchmark in ((empty, sides[1]), (sides[0], empty), (empty, empty)):
        report = contamination(train, {"made": benchmark})["made"]
        assert report["questions"]["leaked"] == report["pictures"]["exact"] == report["training"]["rows"] == 0


def test_a_translation_is_suspected_by_its_numbers_and_terms():
    english = "A CT of the chest shows a nodule of 8 mm in a man of 54 years with a fever of 38.5 degrees."
    chinese = "54岁男性，发热38.5℃，胸部CT示8mm结节。"
    assert {"ct", "chest", "54", "38.5", "8"} <= terms_of(english) & terms_of(chinese)
    train, benchmark = side("train", {}, [(chinese, None, "")]), side("test", {}, [(english, None, "")])
    report = contamination(train, {"made": benchmark})["made"]["questions"]
    assert (report["exact"], report["near"], report["by_terms"], report["leaked"]) == (0, 0, 1, 0)


def test_two_questions_with_few_terms_or_other_numbers_are_not_suspected():
    ones = side("train", {}, [("Is this a CT of the chest?", None, ""), ("54, 38.5, 120, 80, 7", None, "")])
    twos = side("test", {}, [("胸部CT?", None, ""), ("54, 38.5, 121, 81, 7", None, "")])
    assert len(find_leaks(ones, twos).same_terms) == 0
