"""Ordering for a dark store: stock by age, demand behind sold-out days, the judge, tables that say what is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from dujiang.industries.commerce import instant_retail_stock as shop
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def case():
    [one] = shop.cases(1000, "small")
    return one


@given(st.lists(st.integers(0, 9), min_size=7, max_size=7), st.integers(0, 80), st.integers(1, 7))
@settings(max_examples=60)
def test_the_oldest_is_sold_first_and_what_is_past_its_life_goes(stock, wanted, life):
    ages = np.array([stock], dtype=float)
    ages[:, life:] = 0
    sold = min(wanted, ages.sum())
    after = shop._older(ages, np.array([float(sold)]), np.array([float(life)]))[0]
    assert after[0] == 0
    assert (after[life:] == 0).all()
    oldest = ages[0, life - 1]
    assert after.sum() == ages.sum() - max(sold, oldest), "only what is left of the oldest is thrown away"


def test_expected_demand_of_a_sold_out_day_is_the_tails_mean():
    mean, spread, least = np.array([8.0, 20.0]), 0.2, np.array([10.0, 15.0])
    found = shop._at_least(mean, spread, least)
    for one, bound, value in zip(mean, least, found, strict=True):
        x = np.arange(int(bound), 2000)
        p = nbinom.pmf(x, 1 / spread, 1 / (1 + spread * one))
        assert value == pytest.approx((x * p).sum() / p.sum(), rel=1e-6)


def test_the_demand_learnt_is_nearer_than_sales_are(case):
    store = case.inputs
    demand = shop._Demand(store)
    month = shop.Month(store)
    truth = month._world.demand[: len(store.sold)]
    filled = store.sold
    for _ in range(4):
        level = shop._level(filled)[:-1]
        filled = np.where(store.sold >= store.stock, shop._at_least(level, demand.spread, store.sold), store.sold)
    assert abs(filled.mean() - truth.mean()) < abs(store.sold.mean() - truth.mean()) / 2


def test_profit_by_hand(case):
    store = case.inputs
    month = shop.Month(store)
    nothing = np.zeros(len(store.names))
    left = store.left.copy()
    month.order(nothing)
    assert (month.store.sold[-1] <= left).all()
    kept = float(month.store.left @ store.cost)
    assert month.profit() == pytest.approx((float(month.store.sold[-1] @ store.price) + kept) * 7)


def test_the_judge_takes_each_order_once(case):
    rows = [{"day": day, "item": name, "order": 5} for day in range(1, shop.DAYS + 1) for name in case.inputs.names]
    assert np.isfinite(shop.judge(case.truth, rows))
    with pytest.raises(ValueError, match="once a day"):
        shop.judge(case.truth, rows[1:])
    with pytest.raises(ValueError, match="whole"):
        shop.judge(case.truth, [rows[0] | {"order": 0.5}, *rows[1:]])


def test_in_the_second_generator_a_sold_out_good_sells_others(case):
    world = shop._World(1000, shop.SHIFTED, 0)
    stock = np.full(len(world.cost), 1e6)
    alone = world.sell(100, stock)
    kind = np.flatnonzero(world.category == world.category[np.argmax(alone)])
    empty = stock.copy()
    empty[np.argmax(alone)] = 0
    assert world.sell(100, empty)[kind].sum() > alone[kind].sum() - alone.max()


@pytest.fixture(scope="module")
def table(case, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store.csv"
    shop.write(case.inputs, path)
    return path.read_text()


def test_a_persons_table_gets_tomorrows_orders(case, table, tmp_path):
    path = tmp_path / "store.csv"
    path.write_text(table)
    store = shop.read(path)
    assert np.array_equal(store.sold, case.inputs.sold)
    assert np.array_equal(store.left, case.inputs.left)
    rows = shop.method(store)
    assert [row["item"] for row in rows] == list(store.names)
    month = [row for row in shop.method(case.inputs) if row["day"] == 1]
    assert rows == month, "the same evening, the same orders"


@pytest.mark.parametrize(
    ("row", "column", "value", "field"),
    [
        (1, "life", "keeps", "life"),
        (3, "price", "cheap", "price"),
        (3, "life", "30", "life"),
        (4, "sold", "", "sold"),
        (5, "sold", "999999", "sold"),
        (6, "weekday", "9", "weekday"),
        (20, "weekday", "{other}", "weekday"),
        (20, "item", "其他", "item"),
        (7, "promoted", "yes", "promoted"),
        (8, "rain", "2", "rain"),
        (2, "cost", "99999", "cost"),
        (30, "day", "1", "day"),
    ],
)
def test_a_bad_cell_is_named(table, tmp_path, row, column, value, field):
    lines = [line.split(",") for line in table.splitlines()]
    at = list(lines[0]).index(column)
    value = value.format(other=int(lines[row - 1][at]) % 7 + 1) if "{" in value else value
    lines[row - 1][at] = value
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(",".join(line) for line in lines))
    with pytest.raises(BadInput) as caught:
        shop.read(path)
    assert field in str(caught.value)
    assert caught.value.row in (row, None)
