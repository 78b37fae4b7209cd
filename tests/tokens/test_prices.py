"""What a request costs: whole numbers, no rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.messages import Refused
from dujiang.tokens.bank import booked, granted
from dujiang.tokens.prices import FEN, Price, PriceList, Usage, fen, yuan

counts = st.integers(0, 10**7)
prices = st.builds(Price, *[st.integers(0, 10**6)] * 3)


def test_a_request_of_known_cost():
    # 2 yuan a million in, 0.5 cached, 8 out; 1,000 in of which 400 cached, 500 out: 0.0012 + 0.0002 + 0.004 yuan.
    price = Price(fen("2"), fen("0.50"), fen("8.00"))
    assert yuan(price.cost(Usage(1000, 400, 500))) == "0.0054"


@given(prices, counts, counts, counts, counts, counts)
def test_no_request_within_its_bound_costs_more_than_the_most(price, prompt, cached, completion, more, longer):
    used = Usage(prompt, min(cached, prompt), completion)
    assert 0 <= price.cost(used) <= price.most(Usage(prompt + more, 0, completion + longer))


@given(st.integers(0, 10**15))
def test_amounts_are_written_with_all_their_digits(amount):
    assert Decimal(yuan(amount)) * 100 * FEN == amount


def test_the_price_is_the_one_in_force():
    prices = PriceList([(200.0, Price(2, 2, 2)), (100.0, Price(1, 1, 1))])
    assert [prices.at(now) and prices.at(now).input for now in (99, 100, 199, 200, 999)] == [None, 1, 1, 2, 2]


@pytest.mark.parametrize("text", ["0.001", "-1", "abc", "NaN", "1e400000000", ""])
def test_a_price_that_is_none_is_refused(text):
    with pytest.raises(Refused):
        fen(text)


@given(st.lists(st.integers(0, 30 * FEN), max_size=30))
def test_what_is_booked_is_what_was_spent_less_than_a_fen_behind(amounts):
    total = carry = 0
    for spent in amounts:
        whole, carry = booked(spent, carry, -(-spent // FEN) * FEN)
        assert whole % FEN == 0
        total += whole
    assert total + carry == sum(amounts)
    assert 0 <= carry < FEN


@given(st.integers(1, 10**9), st.integers(0, 10**10), st.integers(0, 10**10), st.integers(1, 8))
def test_never_more_is_leased_than_there_is(least, more, fens, gateways):
    balance = fens // FEN * FEN
    amount = granted(least, least + more, balance, gateways)
    assert amount <= balance
    assert amount % FEN == 0
    assert amount == 0 or amount >= least
    assert amount or balance < -(-least // FEN) * FEN
