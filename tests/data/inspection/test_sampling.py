"""The sampling plan against counting."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.data.inspection.sampling import interval, plan


@settings(max_examples=60, deadline=None)
@given(documents=st.integers(1, 300), size=st.integers(1, 300), required=st.sampled_from([0.9, 0.96, 0.98]))
def test_what_is_proven_would_be_rare_were_the_corpus_just_too_bad(documents, size, required):
    made = plan(documents, size, required)
    assert made.size == min(size, documents)
    bad = next(count for count in range(documents + 2) if documents - count < required * documents - 1e-9)

    def rare(fails):
        ways = sum(
            comb(bad, n) * comb(documents - bad, made.size - n)
            for n in range(fails + 1)
            if n <= bad and made.size - n <= documents - bad
        )
        return ways / comb(documents, made.size) <= 1 - made.confidence + 1e-12

    if made.proven is None:
        assert not rare(0)
    else:
        assert rare(made.proven)
        assert made.proven == made.size or not rare(made.proven + 1)


def test_the_standards_sample():
    made = plan(1_000_000, 4000, 0.96)
    assert (made.size, made.allowed) == (4000, 160)
    assert made.proven is not None
    assert made.proven < 160
    assert plan(200, 4000, 0.96).proven == 8


def test_the_same_seed_draws_the_same_documents_and_each_once():
    made = plan(1000, 100, 0.96, seed=7)
    assert made.drawn() == made.drawn() == sorted(set(made.drawn()))
    assert made.drawn() != plan(1000, 100, 0.96, seed=8).drawn()


def test_clopper_and_pearsons_interval():
    # Fleiss, Levin and Paik 2003: the exact interval of 0 in 10 ends at 1 - 0.025^(1/10).
    assert interval(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    assert interval(0, 0) == (0, 1)
