"""Fair share: less used, sooner; old use weighs less; and the figures of the formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.compute.fairshare import decayed, factors

used = st.floats(0, 1e9)


def test_the_factor_is_that_of_the_formula():
    found = factors({"甲": 50.0, "乙": 50.0}, {"甲": 1, "乙": 1, "丙": 2})
    # Half of all use with a quarter of the shares: 2 ** -2.
    assert found == {"甲": 0.25, "乙": 0.25, "丙": 1.0}
    assert factors({"甲": 1.0}, {"甲": 1.0}) == {"甲": 0.5}
    assert factors({}, {"甲": 1.0}) == {"甲": 1.0}
    assert factors({"甲": 1.0}, {"甲": 0.0, "乙": 1.0})["甲"] == 0.0


@given(used, used, used)
def test_who_has_used_more_goes_later(mine, more, theirs):
    less = factors({"甲": mine, "乙": theirs}, {"甲": 1, "乙": 1})["甲"]
    greater = factors({"甲": mine + more, "乙": theirs}, {"甲": 1, "乙": 1})["甲"]
    assert 0 <= greater <= less <= 1


@given(used, st.floats(0, 1e6), st.floats(1, 1e6))
def test_use_is_halved_every_half_life(amount, age, half_life):
    assert decayed([(age + half_life, amount)], half_life) == pytest.approx(decayed([(age, amount)], half_life) / 2)
    assert decayed([(-5.0, amount)], half_life) == amount
