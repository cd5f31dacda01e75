"""Splits by hash, and licences by strictness."""

import random

import numpy as np
import pytest

from doctorsun.core.schema import SPLITS
from doctorsun.data.config import SplitConfig
from doctorsun.data.keys import Met, as_keys, components, keys_of
from doctorsun.data.licences import allowed, non_commercial, spdx, strictest
from doctorsun.data.split import Members, assign, hashed_group


def groups(number, seed=0):
    return [hashed_group(seed, "busi", f"patient {at}") for at in range(number)]


def assigned(config, *members, pairs=()):
    """The splits and the joined groups of (group, twins, official split) each, as text."""
    found, joined = assign(
        Members(
            as_keys(b"".join(bytes.fromhex(group) for group, _, _ in members)),
            np.array([SPLITS.index(split) if split else -1 for _, _, split in members], np.int8),
            np.array([at for at, (_, twins, _) in enumerate(members) for _ in twins], np.int64),
            keys_of(twin for _, twins, _ in members for twin in twins),
            np.array(pairs, np.int64).reshape(-1, 2),
        ),
        config,
    )
    names = joined.tobytes().hex()
    return [SPLITS[code] for code in found], [names[at : at + 32] for at in range(0, len(names), 32)]


def alone(names, config):
    return assigned(config, *((name, (), None) for name in names))[0]


def test_shares_are_near_what_was_asked():
    found = alone(groups(4000), SplitConfig(test=0.2, validation=0.1))
    assert 0.17 < found.count("test") / 4000 < 0.23
    assert 0.08 < found.count("validation") / 4000 < 0.12


def test_a_hashed_group_tells_no_patient_and_changes_with_seed_and_source():
    one = hashed_group(0, "busi", "patient 7")
    assert "patient" not in one
    assert len(one) == 32
    assert len({one, hashed_group(1, "busi", "patient 7"), hashed_group(0, "nih", "patient 7")}) == 3


@pytest.mark.parametrize("tie", ["twins", "pairs"])
def test_what_is_tied_goes_together_to_the_most_held_out_side(tie):
    config = SplitConfig(test=0.3)
    names = groups(200)
    twins = [(f"pixels {at // 2}",) if tie == "twins" else () for at in range(200)]
    pairs = [(at, at + 1) for at in range(0, 200, 2)] if tie == "pairs" else ()
    members = [(name, shared, None) for name, shared in zip(names, twins, strict=True)]
    splits, joined = assigned(config, *members, pairs=pairs)
    own = alone(names, config)
    for at in range(0, 200, 2):
        assert splits[at] == splits[at + 1] == max(own[at : at + 2], key=SPLITS.index)
        assert joined[at] == joined[at + 1] == min(names[at : at + 2])


def test_chains_of_twins_are_one_group():
    members = [(name, (f"p{at}", f"p{at + 1}"), None) for at, name in enumerate(groups(5))]
    assert len(set(assigned(SplitConfig(), *members)[1])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_ties_of_any_shape_give_the_components_that_a_walk_finds(seed):
    rng = random.Random(seed)
    number = rng.randint(2, 60)
    edges = [(rng.randrange(number), rng.randrange(number)) for _ in range(rng.randint(0, 70))]
    ends = np.array(edges, np.int64).reshape(-1, 2)
    expected = list(range(number))
    for _ in range(number):
        for one, two in edges:
            expected[one] = expected[two] = min(expected[one], expected[two])
    assert components(ends[:, 0], ends[:, 1], number).tolist() == expected


def test_official_test_rows_are_test_and_official_training_rows_are_split():
    members = [(name, (), "test" if at < 50 else "train") for at, name in enumerate(groups(300))]
    splits, _ = assigned(SplitConfig(), *members)
    assert set(splits[:50]) == {"test"}
    assert set(splits[50:]) == {"train", "validation", "test"}


@pytest.mark.parametrize("force", ["train", "validation", "test"])
def test_force_wins_over_all_but_makes_no_training_of_what_a_benchmark_calls_test(force):
    first, second, *rest = groups(20)
    members = [(first, ("pixels",), "test"), (second, ("pixels",), None)]
    splits, _ = assigned(SplitConfig(force=force), *members, *((name, (), "train") for name in rest))
    assert set(splits[2:]) == {force}
    assert splits[:2] == ["test", "test"]


def test_nothing_that_was_held_out_moves_into_training_when_a_source_grows():
    config, names = SplitConfig(test=0.3), groups(300)
    members = [(name, (f"p{at}",), None) for at, name in enumerate(names)]
    before, _ = assigned(config, *members[:200])
    more = [(name, (f"p{at - 200}",), None) for at, name in enumerate(names) if at >= 200]
    after, _ = assigned(config, *members[:200], *more)
    assert all(SPLITS.index(one) <= SPLITS.index(two) for one, two in zip(before, after, strict=False))


def test_a_key_is_met_once_however_many_runs_there_are():
    met, rng = Met(), random.Random(0)
    expected = set()
    for _ in range(40):
        names = [str(rng.randrange(300)) for _ in range(rng.randint(0, 30))]
        first = []
        for name in names:
            first.append(name not in expected)
            expected.add(name)
        assert met.fresh(keys_of(names)).tolist() == first
    assert len(met) == len(expected)
    assert met.has(keys_of(["0", "another"])).tolist() == ["0" in expected, False]


def test_shares_must_leave_something():
    with pytest.raises(ValueError, match="below 1"):
        SplitConfig(test=0.7, validation=0.3)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CC BY-NC-SA", "CC-BY-NC-SA"),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"),
        ("cc by 3.0", "CC-BY-3.0"),
        ("CC0 1.0", "CC0-1.0"),
        ("", "unknown"),
        ("CC whatever", "unknown"),
        ("Apache 2.0", "Apache-2.0"),
        ("MIT", "MIT"),
    ],
)
def test_licences_get_one_spelling(written, expected):
    assert spdx(written) == expected


def test_the_strictest_licence_wins_and_unknown_is_stricter_than_all():
    assert strictest(["MIT", "CC-BY-4.0"]) == "CC-BY-4.0"
    assert strictest(["CC-BY-NC-4.0", "CC-BY-SA-4.0", "CC-BY-NC-SA"]) == "CC-BY-NC-SA"
    assert strictest(["CC-BY-NC-SA-4.0", "unknown"]) == "unknown"


def test_a_name_without_version_allows_all_versions_and_no_stricter_kind():
    assert allowed("CC-BY-3.0", ["CC-BY"])
    assert allowed("CC-BY", ["CC-BY"])
    assert not allowed("CC-BY-NC-3.0", ["CC-BY"])
    assert not allowed("unknown", ["CC-BY", "MIT"])
    assert non_commercial("unknown")
