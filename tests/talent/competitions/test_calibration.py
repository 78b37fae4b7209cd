"""Review: conflicts never meet, loads are even, and a severe reviewer costs an application nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from dujiang.talent.competitions.calibration import assign, calibrate


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_conflicts_never_meet_and_loads_are_even(data):
    applications = [f"a{n}" for n in range(data.draw(st.integers(1, 8)))]
    reviewers = [f"r{n}" for n in range(data.draw(st.integers(3, 7)))]
    pairs = [(a, r) for a in applications for r in reviewers]
    conflicts = data.draw(st.sets(st.sampled_from(pairs), max_size=4))
    each = data.draw(st.integers(1, 3))
    short = any(sum((a, r) not in conflicts for r in reviewers) < each for a in applications)
    if short:
        with pytest.raises(ValueError, match="fewer than"):
            assign(applications, reviewers, conflicts, each)
        return
    made = assign(applications, reviewers, conflicts, each)
    assert not set(made) & conflicts
    assert len(set(made)) == len(made) == each * len(applications)
    assert all(sum(one == a for one, _ in made) == each for a in applications)
    loads = [sum(one == r for _, one in made) for r in reviewers]
    if not conflicts:
        assert max(loads) == -(-each * len(applications) // len(reviewers))
    assert assign(applications, reviewers, conflicts, each, held=made) == made


def test_a_conflict_that_shows_later_moves_only_that_review():
    made = assign(list("ABCD"), list("123456"), set(), 2)
    left = [pair for pair in made if pair != made[0]]
    again = assign(list("ABCD"), list("123456"), {made[0]}, 2, held=left)
    assert set(left) < set(again) and made[0] not in again and len(again) == 8


def scored(seed, severity):
    draw = np.random.default_rng(seed)
    quality = draw.normal(0, 6, 20)
    harsh = draw.normal(0, severity, 10)
    pairs = assign([f"a{n:02}" for n in range(20)], [f"r{n}" for n in range(10)], set(), 3)
    scores = {
        (a, r): 70 + quality[int(a[1:])] + harsh[int(r[1:])] + draw.normal(0, 3)
        for a, r in (pairs[n] for n in draw.permutation(len(pairs)))
    }
    return quality, scores


def agreement(severity):
    """Kendall's tau with the true order, of calibrated scores and of plain means."""
    taus = []
    for seed in range(6):
        quality, scores = scored(seed, severity)
        made = sorted(calibrate(scores), key=lambda one: one.name)
        taus.append([kendalltau(quality, [getattr(one, name) for one in made])[0] for name in ("score", "mean")])
    return np.mean(taus, axis=0)


def test_calibration_finds_the_order_that_plain_means_lose():
    calibrated, plain = agreement(severity=9)
    assert calibrated > plain + 0.08
    calibrated, plain = agreement(severity=0)
    assert calibrated > plain - 0.02


def test_intervals_hold_the_true_rank_as_often_as_they_say():
    held = []
    for seed in range(12):
        quality, scores = scored(seed, 5)
        true = {f"a{n:02}": int((quality > quality[n]).sum()) + 1 for n in range(20)}
        held += [one.low <= true[one.name] <= one.high for one in calibrate(scores)]
    assert 0.9 < np.mean(held) <= 1


def test_equal_scores_tie_and_nothing_is_nothing():
    made = calibrate({(a, r): 80.0 for a in "AB" for r in "12"})
    assert [one.rank for one in made] == [1, 1]
    assert all(one.low == 1 and one.high <= 2 for one in made)
    assert calibrate({}) == []
    with pytest.raises(ValueError, match="finite"):
        calibrate({("a", "r"): float("nan")})
