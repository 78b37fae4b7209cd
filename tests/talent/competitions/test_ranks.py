"""The final board: ranks by hand, ties, and intervals that hold the true rank as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.panel import assign, calibrate
from dujiang.talent.competitions.ranks import ranks, reviewed_ranks


def test_ranks_by_hand_ties_share_the_best_place():
    board = ranks({"丙": [3.0, 3.0], "甲": [1.0, 1.0], "乙": [1.0, 1.0], "丁": [9.0, 9.0]})
    assert [(one.team, one.rank) for one in board] == [("乙", 1), ("甲", 1), ("丙", 3), ("丁", 4)]
    assert [(one.low, one.high) for one in board] == [(1, 1), (1, 1), (3, 3), (4, 4)]


_TABLE = st.integers(1, 6).flatmap(
    lambda cases: st.dictionaries(
        st.text("甲乙丙丁戊", min_size=1, max_size=3),
        st.lists(st.floats(0, 100), min_size=cases, max_size=cases),
        min_size=1,
        max_size=6,
    )
)


@given(_TABLE, st.randoms())
def test_the_board_hangs_on_losses_only(losses, random):
    board = ranks(losses)
    assert [one.rank for one in board] == sorted(one.rank for one in board)
    for one in board:
        assert 1 <= one.low <= one.rank <= one.high <= len(losses)
    teams = list(losses)
    random.shuffle(teams)
    assert ranks({team: losses[team] for team in teams}) == board


def test_intervals_hold_the_true_rank_nineteen_times_in_twenty():
    draw = np.random.default_rng(1)
    truth = {f"t{place}": place / 8 for place in range(6)}
    held = []
    for _ in range(60):
        common = draw.normal(0, 1, 40)
        board = ranks({team: (mean + common + draw.normal(0, 0.6, 40)).tolist() for team, mean in truth.items()})
        held += [one.low <= int(one.team[1:]) + 1 <= one.high for one in board]
    assert np.mean(held) > 0.92


def test_what_is_no_board_is_refused():
    assert ranks({}) == []
    with pytest.raises(ValueError, match="same number"):
        ranks({"甲": [1.0], "乙": [1.0, 2.0]})
    with pytest.raises(ValueError, match="finite"):
        ranks({"甲": [float("nan")]})


def test_intervals_of_reviewed_ranks_hold_the_true_one_as_often_as_they_say():
    held = []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        quality = draw.normal(0, 6, 20)
        harsh = draw.normal(0, 5, 10)
        pairs = assign([f"a{n:02}" for n in range(20)], [f"r{n}" for n in range(10)], set(), 3)
        made = calibrate({(a, r): 70 + quality[int(a[1:])] + harsh[int(r[1:])] + draw.normal(0, 3) for a, r in pairs})
        board = reviewed_ranks({name: one.score for name, one in made.applications.items()}, made.covariance)
        assert [one.rank for one in board] == sorted(one.rank for one in board)
        true = {f"a{n:02}": int((quality > quality[n]).sum()) + 1 for n in range(20)}
        held += [one.low <= true[one.team] <= one.high for one in board]
    assert 0.9 < np.mean(held) <= 1


def test_equal_scores_share_a_rank():
    made = calibrate({(a, r): 80.0 for a in "AB" for r in "12"})
    board = reviewed_ranks({name: one.score for name, one in made.applications.items()}, made.covariance)
    assert [(one.rank, one.low) for one in board] == [(1, 1), (1, 1)]
