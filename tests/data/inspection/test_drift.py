"""Drift against SciPy and against what was done to the data."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from dujiang.data.inspection.drift import Verdict, drift, stability


@settings(max_examples=30, deadline=None)
@given(
    one=st.lists(st.integers(-20, 20), min_size=1, max_size=60),
    other=st.lists(st.integers(-20, 20), min_size=1, max_size=60),
)
def test_the_distance_is_kolmogorov_and_smirnovs(one, other):
    (found,) = drift(pl.DataFrame({"x": one}), pl.DataFrame({"x": other}))
    assert found.distance == pytest.approx(ks_2samp(one, other).statistic, abs=1e-6)
    assert found.psi is not None
    assert found.psi >= 0


def test_what_was_moved_is_told_from_what_was_not():
    draw = np.random.default_rng(1)
    days = [date(2024, 1, 1) + timedelta(int(n)) for n in draw.integers(0, 300, 4000)]
    before = pl.DataFrame(
        {
            "same": draw.normal(0, 1, 4000),
            "mean": draw.normal(0, 1, 4000),
            "city": draw.choice(["a", "b", "c"], 4000),
            "d": days,
            "gone": 1,
            "nulls": 1.0,
        }
    )
    now = pl.DataFrame(
        {"same": draw.normal(0, 1, 4000), "mean": draw.normal(1, 1, 4000), "city": draw.choice(["a", "b", "z"], 4000), "d": days, "new": 1,
         "nulls": [None if n % 2 else 1.0 for n in range(4000)]}
    )  # fmt: skip
    found = {one.column: one.verdict for one in drift(before, now)}
    assert found == {
        "same": Verdict.STABLE, "mean": Verdict.SHIFTED, "city": Verdict.SHIFTED, "d": Verdict.STABLE, "gone": Verdict.GONE,
        "nulls": Verdict.SHIFTED, "new": Verdict.NEW,
    }  # fmt: skip


def test_the_index_by_hand():
    assert stability(np.array([50, 50]), np.array([50, 50])) == 0
    assert stability(np.array([50, 50]), np.array([75, 25])) == pytest.approx(0.25 * np.log(1.5) + 0.25 * np.log(2))
