"""Phantoms: exactly known facts, to be seen in the pixels, balanced, and the same for the same seed."""

import io
import json
from collections import Counter, defaultdict

import numpy as np
import pytest
from PIL import Image

from doctorsun.core import plugins
from doctorsun.core.errors import ConfigError
from doctorsun.core.schema import Record
from doctorsun.data import phantoms
from doctorsun.data.sources import phantom
from doctorsun.language.glossary import glossary
from doctorsun.language.questions import samples_of

KINDS = plugins.names(phantoms)


def made(kind: str, count: int, *, px: int = 96, seed: int = 0) -> list[Record]:
    return list(phantom.records(kinds=kind, count=count, px=px, seed=seed))


def known(record: Record) -> dict[str, str]:
    return {fact.name: fact.status or str(json.loads(fact.value or "null")) for fact in record.facts}


def pixels(record: Record) -> np.ndarray:
    picture = Image.open(io.BytesIO(record.images[0].bytes)).convert("RGB")
    return np.asarray(picture, np.float32) / 255


def dark_purple(levels: np.ndarray) -> np.ndarray:
    """Where blue is well above green and the whole is dark: nuclei."""
    return (levels[..., 2] - levels[..., 1] > 0.18) & (levels[..., 1] < 0.4)


def test_there_are_seven_kinds_of_pictures():
    assert len(KINDS) == 7
    assert {known(record)["modality"] for record in phantom.records(count=1)} == set(
        glossary().attributes["modality"].labels_in("phantom")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_a_function_of_seed_kind_and_index(kind: str):
    alone = made(kind, 3)
    among = [record for record in phantom.records(count=3, px=96) if record.id.startswith(kind)]
    assert alone == among
    assert made(kind, 5)[:3] == alone
    assert made(kind, 1, seed=1)[0].images[0].bytes != alone[0].images[0].bytes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("px", [64, 96, 224])
def test_a_picture_has_the_size_that_was_asked_for(kind: str, px: int):
    record = made(kind, 1, px=px)[0]
    assert Image.open(io.BytesIO(record.images[0].bytes)).size == (px, px)
    assert record.images[0].path == f"{record.id}.png"
    assert (record.group, record.split) == (record.id, None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_fact_can_be_asked_in_both_languages(kind: str):
    for record in made(kind, 12):
        samples = samples_of(record, phantom.CARD, split="test")
        assert {sample.origin for sample in samples} == {"synthetic"}
        for fact in record.facts:
            spoken = {
                sample.lang for sample in samples if fact.name in {stated.name for stated in sample.facts}
            }
            assert spoken == {"zh", "en"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_every_fact_is_drawn_equally_often(kind: str):
    seen = defaultdict(Counter)
    for record in made(kind, 300, px=32):
        for name, found in known(record).items():
            seen[name][found] += 1
    for name, counts in seen.items():
        topic = glossary().topic(name)
        if topic in {"modality", "view", "region"}:
            assert len(counts) == 1
            continue
        values = 6 if topic == "count" else 2
        fair = counts.total() / values
        assert len(counts) == values
        assert all(abs(found - fair) < 4.5 * fair**0.5 for found in counts.values()), (name, counts)


def test_facts_are_drawn_independently():
    pairs = Counter()
    for record in made("chest_film", 800, px=32):
        facts = known(record)
        pairs[facts["nodule"], facts["effusion"]] += 1
        if "nodule_side" in facts:
            pairs[facts["nodule_side"], facts["nodule_size"]] += 1
    for fair, keys in ((200, [("present", "absent"), ("absent", "absent")]), (100, [("left", "large")])):
        assert all(abs(pairs[key] - fair) < 4.5 * fair**0.5 for key in keys)


@pytest.mark.parametrize(("kind", "name"), [("chest_film", "nodule"), ("head_ct", "haemorrhage")])
def test_the_patients_left_is_on_the_right_of_the_picture(kind: str, name: str):
    for record in made(kind, 60):
        for fact in record.facts:
            if fact.name == name and fact.box_xyxy:
                middle = (fact.box_xyxy[0] + fact.box_xyxy[2]) / 2
                assert (
                    (middle > 0.5) == (fact.laterality == "left") == (known(record)[f"{name}_side"] == "left")
                )


def test_the_half_of_the_picture_is_the_half_of_the_picture():
    for record in made("breast_ultrasound", 60):
        box = record.facts[2].box_xyxy
        if box:
            assert ((box[0] + box[2]) / 2 > 0.5) == (known(record)["breast_mass_half"] == "right")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("chest_film", "nodule"), ("head_ct", "haemorrhage"), ("breast_ultrasound", "breast_mass")],
)
def test_every_large_finding_is_larger_than_every_small_one_and_lies_in_its_box(kind: str, name: str):
    sizes = defaultdict(list)
    for record in made(kind, 80):
        for fact in record.facts:
            if fact.name == name and fact.box_xyxy:
                left, top, right, bottom = fact.box_xyxy
                assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
                sizes[known(record)[f"{name}_size"]].append(((right - left) * (bottom - top)) ** 0.5)
                levels = pixels(record)[..., 0]
                px = levels.shape[0]
                inside = levels[int(top * px) : int(bottom * px), int(left * px) : int(right * px)].mean()
                assert (inside < 0.3) if kind == "breast_ultrasound" else (inside > 0.42)
    assert min(sizes["large"]) > 1.4 * max(sizes["small"])


def test_the_disc_of_a_right_eye_lies_on_the_right():
    for record in made("fundus", 80):
        if known(record)["hard_exudate"] == "present":
            continue
        levels = pixels(record)
        bright = np.nonzero((levels[..., 2] > 0.55) & (levels[..., 1] > 0.8))
        assert (bright[1].mean() > 48) == (known(record)["eye_side"] == "right_eye")


@pytest.mark.parametrize(
    ("kind", "name"), [("blood_smear", "wbc_count"), ("stained_tissue", "mitosis_count")]
)
def test_a_count_is_the_number_of_things_in_the_picture(kind: str, name: str):
    numbers, areas = [], []
    for record in made(kind, 120):
        facts = known(record)
        if "present" in facts.values():
            continue
        numbers.append(int(facts[name]))
        levels = pixels(record)
        areas.append((dark_purple(levels) if kind == "blood_smear" else levels.mean(axis=2) < 0.28).sum())
    assert np.corrcoef(numbers, areas)[0, 1] > 0.97
    assert np.array(areas)[np.array(numbers) == 0].max() < 5


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("fundus", "hard_exudate"),
        ("fundus", "retinal_haemorrhage"),
        ("blood_smear", "malaria_parasite"),
        ("stained_tissue", "lymphocyte_infiltrate"),
        ("chest_film", "effusion"),
        ("skin_lesion", "color_variegation"),
    ],
)
def test_a_finding_is_to_be_seen_in_the_pixels(kind: str, name: str):
    marks = defaultdict(list)
    for record in made(kind, 80):
        levels = pixels(record)
        red, green, blue = levels[..., 0], levels[..., 1], levels[..., 2]
        seen = {
            "hard_exudate": ((green > 0.75) & (green - blue > 0.15))[:, 36:60],
            "retinal_haemorrhage": (red < 0.44) & (red - green > 0.15) & (green < 0.12),
            "malaria_parasite": (red - blue > 0.08) & (green < 0.32),
            "lymphocyte_infiltrate": (blue - green > 0.2) & (green < 0.5) & (red < 0.6),
            "color_variegation": red - blue < 0.05,
            "effusion": (red > 0.66) & (np.arange(96)[:, None] > 52) & (np.arange(96)[:, None] < 66),
        }[name]
        marks[known(record)[name]].append(float(seen.mean()))
    both = np.array(marks["present"])[:, None] > np.array(marks["absent"])[None]
    assert both.mean() > 0.9


def test_an_unknown_kind_names_the_near_one():
    with pytest.raises(ConfigError, match="head_ct"):
        list(phantom.records(kinds="head_tc", count=1))


def test_the_card_says_synthetic():
    assert phantom.CARD.synthetic and phantom.CARD.licence == "CC0-1.0" and phantom.CARD.name == "phantom"
