"""The public board: honest entries rise, and who probes it learns next to nothing of the hidden cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.talent.competitions.ladder import release

_LOSSES = st.lists(st.floats(0, 1), min_size=5, max_size=5)


@given(st.lists(_LOSSES, min_size=1, max_size=12))
def test_the_board_never_gets_worse_and_shows_a_rounded_best(entries):
    best = None
    for losses in entries:
        before = best
        best = release(losses, best)
        if before is not None:
            assert best.shows <= before.shows
        assert abs(best.shows - np.mean(best.losses)) <= 0.5 / len(losses) + 1e-9
        assert best.shows * len(losses) == pytest.approx(round(best.shows * len(losses)))
    assert list(best.losses) in entries


def test_an_entry_that_is_better_beyond_chance_is_shown():
    first = release([1.0] * 50 + [0.0] * 50, None)
    better = release([0.0] * 100, first)
    assert (first.shows, better.shows) == (0.5, 0.0)


def test_an_entry_that_is_better_by_chance_seldom_is():
    draw = np.random.default_rng(0)
    pairs = draw.integers(0, 2, (400, 2, 300)).tolist()
    rose = [release(second, before) is not before for one, second in pairs if (before := release(one, None))]
    # One side of a standard error is 16 % of chance; on a board that tells the mean half would rise.
    assert np.mean(rose) < 0.2


def _probed(board, entries=400, cases=1000, seed=0):
    """The boosting attack of Blum & Hardt: random guesses, then the majority of those that the board liked."""
    draw = np.random.default_rng(seed)
    public, fresh = draw.integers(0, 2, cases), draw.integers(0, 2, cases)
    liked, best = [], None
    for _ in range(entries):
        guess = draw.integers(0, 2, 2 * cases)
        shown = board((guess[:cases] != public).astype(float), best)
        if best is None or shown.shows < best.shows or (board is _plain and shown.shows < 0.5):
            liked.append(guess)
        best = shown
    final = (np.mean(liked, axis=0) > 0.5).astype(int)
    told = board((final[:cases] != public).astype(float), best).shows
    return told, float(np.mean(final[cases:] != fresh))


def _plain(losses, best):
    """A board that tells everybody the mean."""
    from dujiang.talent.competitions.ladder import Standing

    return Standing(float(np.mean(losses)), tuple(losses))


def test_probing_the_board_is_bounded_where_a_plain_board_gives_the_cases_away():
    plain = np.mean([_probed(_plain, seed=seed)[0] for seed in range(5)])
    ladder = np.mean([_probed(release, seed=seed)[0] for seed in range(5)])
    # Nobody can be better than one half on cases that were drawn by a coin.
    assert plain < 0.42
    assert ladder > plain + 0.05


@pytest.mark.parametrize("losses", [[], [float("nan")], [float("inf"), 1.0]])
def test_losses_that_are_none_are_refused(losses):
    with pytest.raises(ValueError, match="losses"):
        release(losses, None)


def test_other_cases_are_refused():
    with pytest.raises(ValueError, match="the board's are of 2"):
        release([1.0], release([1.0, 0.0], None))
