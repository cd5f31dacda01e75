"""Pictures that show the same are paired, however altered; different ones are not, however alike."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from doctorsun.data.checks import check_picture
from doctorsun.data.config import PictureConfig
from doctorsun.data.near.contamination import check_no_near_across
from doctorsun.data.near.distinct import clusters
from doctorsun.data.near.looks import LOOK_BYTES, can_pair, look_of
from doctorsun.data.near.pictures import confirmed_pairs
from doctorsun.data.sources import phantom
from tests.data.altered import KINDS, alter

COUNT = 9


def as_looks(pictures) -> np.ndarray:
    rows = [np.frombuffer(look_of(pixels), np.uint8) for pixels in pictures]
    return np.stack(rows) if rows else np.zeros((0, LOOK_BYTES), np.uint8)


@pytest.fixture(scope="module")
def records():
    """63 phantoms of seven kinds."""
    return list(phantom.records(count=COUNT, px=192))


@pytest.fixture(scope="module")
def shown(records) -> list[np.ndarray]:
    pictures = [Image.open(io.BytesIO(record.images[0].bytes)) for record in records]
    return [np.asarray(picture.convert("RGB")) for picture in pictures]


@pytest.fixture(scope="module")
def looks(shown) -> np.ndarray:
    return as_looks(shown)


def test_a_look_has_its_length_and_is_a_function_of_the_pixels(shown):
    assert LOOK_BYTES <= 4096 + 64
    for pixels in shown[:7]:
        assert len(look_of(pixels)) == LOOK_BYTES
        assert look_of(pixels) == look_of(pixels.copy())
    assert look_of(shown[0]) != look_of(shown[1])


def test_a_grey_picture_looks_the_same_with_one_channel_and_with_three(shown):
    grey = np.asarray(Image.fromarray(shown[0]).convert("L"))
    assert look_of(grey) == look_of(np.stack([grey] * 3, axis=-1))


def test_a_checked_picture_carries_the_look_of_what_is_stored():
    record = next(phantom.records(count=1, px=96))
    checked = check_picture(record.images[0], PictureConfig())
    stored = np.asarray(Image.open(io.BytesIO(checked.picture.bytes)).convert("RGB"))
    assert checked.look == look_of(stored)


def test_two_pictures_with_different_findings_are_never_paired():
    """Drawings of two sound heads may be one drawing to the eye; a head that bleeds is another."""
    drawn = list(phantom.records(count=24, px=128))
    pictures = (Image.open(io.BytesIO(record.images[0].bytes)).convert("RGB") for record in drawn)
    for one, two in confirmed_pairs(as_looks(np.asarray(picture) for picture in pictures)):
        assert drawn[one].facts == drawn[two].facts


@pytest.mark.parametrize("kind", KINDS)
def test_an_altered_picture_is_paired_with_its_original_and_with_no_other_finding(
    kind, records, shown, looks
):
    altered = as_looks(alter(pixels, kind, random.Random(at)) for at, pixels in enumerate(shown))
    pairs = confirmed_pairs(altered, others=looks)
    assert (pairs[:, 0] == pairs[:, 1]).sum() >= 0.95 * len(shown)
    assert all(records[one].facts == records[two].facts for one, two in pairs)


def test_all_copies_of_a_picture_are_in_one_cluster_and_flat_ones_in_none(shown, looks):
    flat = [np.full((80, 80, 3), level, np.uint8) for level in (0, 0, 255)]
    nearly = np.zeros((128, 128, 3), np.uint8)
    nearly[:9, :9] = 200
    many = np.concatenate([np.repeat(looks[:1], 40, axis=0), looks[1:3], as_looks([*flat, nearly, nearly])])
    assert not can_pair(many[-5:]).any()
    pairs = confirmed_pairs(many)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert np.unique(pairs, axis=0).shape == pairs.shape
    labels = clusters(pairs, len(many))
    assert (labels[:40] == 0).all()
    assert labels[40:].tolist() == list(range(40, 47))


def test_between_two_sets_every_picture_with_its_like_is_in_a_pair(looks):
    ones = looks[[0, 0, 5, 5, 6]]
    twos = looks[[9, 0, 5, 0, 5]]
    pairs = confirmed_pairs(ones, others=twos)
    assert set(pairs[:, 0].tolist()) == {0, 1, 2, 3}
    assert set(pairs[:, 1].tolist()) == {1, 2, 3, 4}
    assert all((ones[one] == twos[two]).all() for one, two in pairs)


@pytest.mark.parametrize("first", [0, 1])
def test_nothing_and_one_picture_have_no_pairs(first, looks):
    few = looks[:first]
    assert confirmed_pairs(few).shape == (0, 2)
    assert confirmed_pairs(few, others=looks[5:7]).shape == (0, 2)
    assert confirmed_pairs(looks[5:7], others=few).shape == (0, 2)


def test_a_near_picture_in_another_split_is_counted(records, shown, looks):
    splits = [record.id[-1] for record in records]
    labels = clusters(confirmed_pairs(looks), len(looks))
    splits = [splits[label] for label in labels]
    assert check_no_near_across(looks, splits) == 0
    leaked = as_looks([alter(shown[1], "all", random.Random(7))])
    with_leak = np.concatenate([looks, leaked])
    assert check_no_near_across(with_leak, [*splits, splits[1]]) == 0
    assert check_no_near_across(with_leak, [*splits, "test"]) == 1


def test_looks_may_lie_on_disk(looks, tmp_path):
    path = tmp_path / "looks.npy"
    np.save(path, np.concatenate([looks[:10], looks[:10]]))
    pairs = confirmed_pairs(np.load(path, mmap_mode="r"))
    assert pairs.tolist() == [[at, at + 10] for at in range(10)]
