"""In no 60 seconds more is used than the limit."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.tokens.limits import Window

LIMIT = 100


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60), st.floats(0, 1)), max_size=60))
def test_the_limit_holds_in_every_minute(steps):
    window, now, used, flying = Window(), 1000, [], []
    for gap, amount, share in steps:
        now += gap
        for start, reserved, least in list(flying):
            if now - start > 20:
                window.use(now, reserved, least)
                used.append((now, least))
                flying.remove((start, reserved, least))
        in_minute = sum(one for at, one in used if at > now - 60) + sum(one[1] for one in flying)
        fits = in_minute + amount <= LIMIT
        assert window.reserve(now, amount, LIMIT) == fits
        if fits:
            flying.append((now, amount, int(amount * share)))
        else:
            wait = window.wait(now, amount, LIMIT)
            assert 1 <= wait <= 60


def test_it_says_after_how_many_seconds_there_is_room():
    window = Window()
    assert window.reserve(1000, 70, LIMIT)
    window.use(1000, 70, 70)
    assert not window.reserve(1010, 40, LIMIT)
    wait = window.wait(1010, 40, LIMIT)
    assert not window.reserve(1010 + wait - 1, 40, LIMIT)
    assert window.reserve(1010 + wait, 40, LIMIT)


def test_a_clock_that_steps_back_frees_nothing():
    window = Window()
    assert window.reserve(1000, 100, LIMIT)
    window.use(1000, 100, 100)
    assert not window.reserve(900, 1, LIMIT)
    assert window.reserve(1060, 100, LIMIT)
