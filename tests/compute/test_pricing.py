"""Prices: charges are exact, never above the quote, and the same however the time is looked at."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dujiang.compute.pricing import CPU, MEMORY, Rate, charge, most, quantities, whole_seconds
from dujiang.messages import Refused

START = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
NIGHT = Rate(CPU, 10, from_hour=22, until_hour=6)
DAY = Rate(CPU, 30)

rates = st.builds(
    Rate,
    st.sampled_from([CPU, MEMORY, "ascend-910b"]),
    st.integers(0, 5000),
    st.sampled_from(["", "chengdu", "yaan"]),
    st.integers(0, 23),
    st.integers(1, 24),
)
wanted = st.builds(
    lambda cpus, memory, milli: quantities(cpus, memory, milli, "ascend-910b" if milli else ""),
    st.integers(1, 512),
    st.integers(16, 2**20),
    st.sampled_from([0, 500, 1000, 8000]),
)


def test_an_hour_by_day_and_night():
    lines = charge({CPU: 2000}, START, 7200, [DAY, NIGHT], "chengdu")
    assert lines[0].spans == [[30, 1800], [10, 5400]]
    assert lines[0].fen == 60  # 2 x (30/2 + 10 x 1.5)


def test_the_place_then_the_band_then_the_newer_price_wins():
    here = Rate(CPU, 7, place="yaan")
    assert charge({CPU: 1000}, START + timedelta(hours=1), 3600, [NIGHT, DAY, here], "yaan")[0].fen == 7
    newer = Rate(CPU, 40, valid_from=date(2026, 1, 1))
    assert charge({CPU: 1000}, START, 1800, [DAY, newer], "chengdu")[0].fen == 20


def test_a_price_ends_with_its_last_day():
    ends = Rate(CPU, 3600, valid_until=START.date())
    assert charge({CPU: 1000}, START, 3 * 3600, [ends], "")[0].spans == [[3600, 9000]]


def test_a_begun_fen_and_a_begun_second_count():
    assert charge({CPU: 1000}, START, 1, [DAY], "")[0].fen == 1
    assert whole_seconds(10.0, 10.01) == 1
    assert whole_seconds(10.0, 12.0) == 2


def test_what_has_no_price_is_refused():
    with pytest.raises(Refused, match="ascend-910b has no price"):
        most(quantities(1, 1024, 1000, "ascend-910b"), START, 60, START, [DAY], "chengdu")
    with pytest.raises(Refused, match="has no price"):
        most({CPU: 1000}, START, 60, START, [Rate(CPU, 30, place="yaan")], "chengdu")


@given(
    wanted, st.lists(rates, min_size=1, max_size=8), st.integers(1, 10 * 86400), st.integers(0, 7 * 86400), st.data()
)
def test_no_start_in_time_costs_more_than_the_quote(what, prices, seconds, wait, data):
    latest = START + timedelta(seconds=wait)
    try:
        quoted = most(what, START, seconds, latest, prices, "chengdu")
    except Refused:
        assume(False)
    begun = START + timedelta(seconds=data.draw(st.integers(0, wait)))
    used = data.draw(st.integers(1, seconds))
    assert sum(one.fen for one in charge(what, begun, used, prices, "chengdu")) <= quoted


@given(wanted, st.lists(rates, min_size=1, max_size=8), st.integers(1, 3 * 86400))
def test_a_charge_is_the_exact_sum_rounded_up_once_a_resource(what, prices, seconds):
    for line in charge(what, START, seconds, prices, "yaan"):
        assert sum(span for _, span in line.spans) <= seconds
        exact = sum(Fraction(line.milli, 1000) * fen * span / 3600 for fen, span in line.spans)
        assert exact <= line.fen < exact + 1


@given(rates)
def test_a_rate_is_stored_and_read_back(rate):
    assert Rate.from_json(rate.as_json()) == rate
