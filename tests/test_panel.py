"""Expert review: calibrated against the truth and against means, conflicts never assigned, loads even."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.messages import Refused
from dujiang.panel import assign, calibrate


def reviewed(seed, applications=20, reviewers=8, each=3):
    """Scores by reviewers who differ in how severe they are, each application by a few of them; and the truth."""
    draw = np.random.default_rng(seed)
    quality, severity = draw.normal(70, 8, applications), draw.normal(0, 8, reviewers)
    scores = {
        (f"a{one:02}", f"r{by}"): quality[one] + severity[by] + draw.normal(0, 3)
        for one in range(applications)
        for by in draw.choice(reviewers, each, replace=False)
    }
    return scores, quality, severity


def rank_correlation(one, other):
    return float(np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(other)))[0, 1])


def test_calibration_finds_the_order_that_means_miss():
    gains, covered = [], 0
    for seed in range(8):
        scores, quality, severity = reviewed(seed)
        made = calibrate(scores)
        names = sorted(made.applications)
        calibrated = rank_correlation([made.applications[one].score for one in names], quality)
        plain = rank_correlation([made.applications[one].mean for one in names], quality)
        gains.append(calibrated - plain)
        centred = quality + severity.mean()
        covered += sum(
            made.applications[one].low <= value <= made.applications[one].high
            for one, value in zip(names, centred, strict=True)
        )
    assert np.mean(gains) > 0.05
    assert min(gains) > -0.05
    assert covered / 160 > 0.85


def test_where_everybody_reviews_everything_the_order_is_that_of_means():
    scores, *_ = reviewed(3, reviewers=4, each=4)
    made = calibrate(scores).applications
    assert sorted(made, key=lambda one: made[one].score) == sorted(made, key=lambda one: made[one].mean)


def test_the_prediction_solves_hendersons_equations():
    # [1'1 1'Z; Z'1 Z'Z + G^-1 v_e] [mu; u] = [1'y; Z'y], an independent way to the same effects.
    scores, *_ = reviewed(5, applications=6, reviewers=4)
    made = calibrate(scores)
    names, by = sorted(made.applications), sorted(made.reviewers)
    z = np.zeros((len(scores), 1 + len(names) + len(by)))
    z[:, 0] = 1
    for row, (one, who) in enumerate(scores):
        z[row, 1 + names.index(one)] = z[row, 1 + len(names) + by.index(who)] = 1
    q, s, e = (one**2 for one in made.spread)
    system = z.T @ z + np.diag([0.0, *[e / q] * len(names), *[e / s] * len(by)])
    solved = np.linalg.solve(system, z.T @ list(scores.values()))
    assert [made.applications[one].score for one in names] == pytest.approx(
        solved[0] + solved[1 : 1 + len(names)], abs=1e-6
    )
    assert list(made.reviewers.values()) == pytest.approx(solved[1 + len(names) :], abs=1e-6)


def test_few_or_equal_scores_have_an_answer():
    assert calibrate({("a", "r"): 80.0}).applications["a"].score == pytest.approx(80)
    same = calibrate({("a", "r"): 80.0, ("b", "r"): 80.0, ("a", "s"): 80.0})
    assert {round(one.score, 3) for one in same.applications.values()} == {80}
    for wrong in ({}, {("a", "r"): float("nan")}):
        with pytest.raises(ValueError, match="finite"):
            calibrate(wrong)


def test_severity_that_is_not_there_costs_no_order():
    draw = np.random.default_rng(0)
    quality = draw.normal(70, 6, 20)
    pairs = assign([f"a{n:02}" for n in range(20)], [f"r{n}" for n in range(10)], set(), 3)
    scores = {(a, r): quality[int(a[1:])] + draw.normal(0, 3) for a, r in pairs}
    made = calibrate(scores).applications
    assert rank_correlation([made[one].score for one in sorted(made)], [made[one].mean for one in sorted(made)]) > 0.97


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
        with pytest.raises(Refused, match="利益冲突"):
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
