"""What is shown instead of the right picture is never the right picture."""

from io import BytesIO

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from doctorsun.evals.conditions import Owner, blank, derangement, noise
from tests.evals.material import picture

OWNERS = st.dictionaries(
    st.text("abcdef0123456789", min_size=3, max_size=6),
    st.builds(Owner, st.sampled_from(["ct", "mri"]), st.sampled_from("pqrst")),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(OWNERS, st.integers(0, 5))
def test_no_picture_keeps_its_own_and_none_leaves_its_modality(owners: dict[str, Owner], seed: int):
    partners = derangement(owners, seed=seed)
    assert partners.keys() == owners.keys()
    for own, other in partners.items():
        alone = sum(one.modality == owners[own].modality for one in owners.values()) == 1
        assert (other is None) == alone
        assert other != own
        assert other is None or owners[other].modality == owners[own].modality
    used = [other for other in partners.values() if other is not None]
    assert len(used) == len(set(used))


@settings(max_examples=100, deadline=None)
@given(OWNERS)
def test_another_picture_is_of_another_patient_unless_one_patient_has_most(owners: dict[str, Owner]):
    for own, other in derangement(owners, seed=0).items():
        same = [one for one in owners.values() if one.modality == owners[own].modality]
        largest = max(sum(one.group == name for one in same) for name in "pqrst")
        if other is not None and 2 * largest <= len(same):
            assert owners[other].group != owners[own].group


def test_the_order_of_pictures_changes_nothing_and_the_seed_does():
    owners = {f"{n:02d}": Owner("ct", f"g{n}") for n in range(30)}
    backwards = dict(reversed(owners.items()))
    assert derangement(owners, seed=1) == derangement(backwards, seed=1) != derangement(owners, seed=2)


def test_a_blank_picture_has_the_size_of_the_right_one_and_nothing_in_it():
    opened = Image.open(BytesIO(blank(picture(1, 1))))
    assert opened.size == (48, 40)
    assert len(np.unique(np.asarray(opened))) == 1


def test_noise_is_drawn_by_seed_and_picture():
    one, other = picture(1, 1), picture(2, 2)
    assert noise(one, seed=1) == noise(one, seed=1)
    assert len({noise(one, seed=1), noise(one, seed=2), noise(other, seed=1)}) == 3
