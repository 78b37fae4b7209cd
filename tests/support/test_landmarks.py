"""Expert review: calibrated against the truth and against means, conflicts never assigned, parts that add up."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.messages import Refused
from dujiang.support.landmarks import Expert, Instalment, assign, calibrate, conflicts, fund, parts, weighted


def reviewed(seed, applications=20, reviewers=8, each=3):
    """Scores by reviewers who differ in how severe they are, each application by a few of them; and the truth."""
    draw = np.random.default_rng(seed)
    quality, severity = draw.normal(70, 8, applications), draw.normal(0, 8, reviewers)
    scores = [
        (f"a{one:02}", f"r{by}", quality[one] + severity[by] + draw.normal(0, 3))
        for one in range(applications)
        for by in draw.choice(reviewers, each, replace=False)
    ]
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
    for row, (one, who, _) in enumerate(scores):
        z[row, 1 + names.index(one)] = z[row, 1 + len(names) + by.index(who)] = 1
    q, s, e = (one**2 for one in made.spread)
    system = z.T @ z + np.diag([0.0, *[e / q] * len(names), *[e / s] * len(by)])
    solved = np.linalg.solve(system, z.T @ [value for *_, value in scores])
    assert [made.applications[one].score for one in names] == pytest.approx(
        solved[0] + solved[1 : 1 + len(names)], abs=1e-6
    )
    assert list(made.reviewers.values()) == pytest.approx(solved[1 + len(names) :], abs=1e-6)


def test_few_or_equal_scores_have_an_answer():
    assert calibrate([("a", "r", 80.0)]).applications["a"].score == pytest.approx(80)
    same = calibrate([("a", "r", 80.0), ("b", "r", 80.0), ("a", "s", 80.0)])
    assert {round(one.score, 3) for one in same.applications.values()} == {80}
    for wrong in ([], [("a", "r", 1.0), ("a", "r", 2.0)]):
        with pytest.raises(ValueError, match="once"):
            calibrate(wrong)


units = st.sampled_from(["甲", "乙", "丙", "丁"])
experts = st.lists(st.tuples(units, st.frozensets(units, max_size=2)), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from("pqrst"), st.frozensets(units, min_size=1, max_size=2), min_size=1),
    experts,
    st.integers(1, 3),
)
def test_nobody_judges_their_own_and_loads_are_even(applications, people, each):
    known = [Expert(f"e{at}", unit, interests) for at, (unit, interests) in enumerate(people)]
    free = {one: [e for e in known if not conflicts(e, units)] for one, units in applications.items()}
    if any(len(one) < each for one in free.values()):
        with pytest.raises(Refused, match="利益冲突"):
            assign(applications, known, each)
        return
    made = assign(applications, known, each)
    by_name = {one.name: one for one in known}
    for one, chosen in made.items():
        assert len(set(chosen)) == each
        assert not any(conflicts(by_name[name], applications[one]) for name in chosen)
    assert made == assign(applications, known, each)
    loads = [sum(one.name in chosen for chosen in made.values()) for one in known]
    if all(len(one) == len(known) for one in free.values()):
        assert max(loads) == -(-each * len(applications) // len(known))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**12), st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_instalments_add_up(amount, shares):
    instalments = [Instalment(str(one), one, ()) for one in shares]
    if sum(shares) != 100:
        with pytest.raises(Refused):
            parts(amount, instalments)
        shares = [*[1] * (len(shares) - 1), 101 - len(shares)]
        instalments = [Instalment(str(one), one, ()) for one in shares]
    found = parts(amount, instalments)
    assert sum(found) == amount and min(found) >= 0


def test_a_review_is_whole_and_within_its_scale():
    weights = {"value": 60, "method": 40}
    assert weighted({"value": 90, "method": 60}, weights) == 78
    for wrong in ({"value": 90}, {"value": 101, "method": 1}, {"value": 1, "method": 1, "x": 1}):
        with pytest.raises(Refused):
            weighted(wrong, weights)


def test_the_budget_holds_and_nothing_below_the_line_is_funded():
    scores = calibrate(
        [(one, by, value) for one, value in (("a", 90.0), ("b", 85.0), ("c", 80.0), ("d", 50.0)) for by in "rst"]
    )
    made = scores.applications
    asked = {"a": 60, "b": 50, "c": 40, "d": 1}
    assert fund(made, asked, 100, 60) == ["a", "c"]
    assert fund(made, asked, 1000, 60) == ["a", "b", "c"]
    assert fund(made, asked, 10, 60) == []
