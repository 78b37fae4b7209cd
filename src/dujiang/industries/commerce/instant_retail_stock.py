"""Ordering fresh goods for a dark store (即时零售前置仓): how much of each good comes tomorrow morning.

What isn't there can't be sold, and what isn't sold in its few days is thrown away. Each evening the store orders for the
next morning; the oldest is sold first. The measure is the gross profit of a week: sales at their price less what was
bought, what is left at the end counted at cost.

*Data.* A store's goods, simulated day by day: demand is negative binomial about a mean that depends on the good, the
weekday (in a way of each category), rain and heat, promotions, a holiday, and a level that wanders. What the store sees is
sales, no more than its stock: on a day that sold out, demand stays unknown (censored). The past was ordered by a clerk
who takes the last week's average and rounds. What the simulator knows and neither rule does: demand beyond the stock,
the wandering level, each good's answer to weather and promotion, and that tomorrow's forecast of rain is wrong on one day
in eight. `Month` is the door to the four weeks to be run: a day's sales are seen only once it has been ordered for.

*Second generator.* (`shifted`) Who finds a good sold out takes another of its category half the time, which the first
doesn't have; and after a week a rival opens, which costs up to a third of demand.

*Baseline.* An order-up-to level: the mean of the last three like weekdays and of the last fortnight, days sold out left
out where there are others, plus a safety stock of so many standard deviations; for each shelf life the factor was
tuned on other stores, with as many trials as the method's.

*Method.* Gradient boosting of the mean (LightGBM, Ke et al. 2017, NIPS 30) under a Poisson loss about each good's recent
level, which the store's last week corrects. A sold-out day counts as its expected demand given that it was at least the
sales, found by expectation and maximisation (Dempster, Laird & Rubin 1977). The order is the newsvendor's quantile (Arrow,
Harris & Marschak 1951) of a negative binomial, where a good that keeps loses less of its cost when left over.

*Published.* Huber, Müller, Fleischmann & Stuckenschmidt (2019, European Journal of Operational Research 278(3), 904-915)
find orders by machine learning from a bakery chain's sales some per cent cheaper than by classical methods.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios import tables
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

DAYS = 28
SIZES = {"small": (1, 16, 84), "default": (6, 50, 140), SHIFTED: (6, 50, 140)}
"""Stores of a seed, goods of each, and days of the past."""
CATEGORIES = 4
LONGEST = 7
"""Days of shelf life, at most."""
KEPT = {1: 0.0, 2: 0.9, 3: 0.98}
"""Share of its cost that a unit left over is worth, by shelf life in days; beyond three days `KEPT_LONG`."""
KEPT_LONG = 0.995
SPREADS = (0.03, 0.05, 0.08, 0.12, 0.18, 0.26, 0.4)
"""Of a negative binomial: its variance beyond the mean, as a share of the mean squared."""
SAFETY = {1: 0.0, 2: 1.5, 3: 2.0}
"""Standard deviations of safety stock of the baseline; beyond three days `SAFETY_LONG`."""
SAFETY_LONG = 3.0


@dataclass(frozen=True, slots=True)
class Store:
    """What the store knows of an evening.

    ``names``, ``categories``, ``price``, ``cost`` (CNY) and ``life`` (days) are by good. ``stock``, ``sold`` and
    ``promoted`` have a row a day (days, goods), stock that of the morning; ``promoted``, ``rain`` and ``heat`` (°C) a row
    more, of tomorrow, as does ``holiday``. ``left`` is what is still good tomorrow. ``weekday`` is the first day's, Monday
    0. ``month`` names the simulated one: its seed, size and place among the seed's stores.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]
    price: Array
    cost: Array
    life: Array
    stock: Array
    sold: Array
    promoted: Array
    rain: Array
    heat: Array
    holiday: Array
    left: Array
    weekday: int
    month: tuple[int, str, int] | None = None


class Month:
    """The four weeks to be run, evening by evening."""

    def __init__(self, start: Store) -> None:
        assert start.month is not None
        self.store = start
        self._world = _World(*start.month)
        self._ages = self._world.ages(start.left)
        self._bought, self._revenue, self._day = 0.0, 0.0, 0

    def order(self, quantities: Array) -> None:
        """Order for tomorrow, and see tomorrow's sales."""
        store, day = self.store, len(self.store.sold)
        self._ages[:, 0] += quantities
        morning = self._ages.sum(axis=1)
        sold = self._world.sell(day, morning)
        self._bought += float(quantities @ store.cost)
        self._revenue += float(sold @ store.price)
        self._ages = _older(self._ages, sold, store.life)
        self._day += 1
        promoted, rain, heat, holiday = self._world.seen(day + 2)
        self.store = replace(
            store,
            stock=np.vstack([store.stock, morning]),
            sold=np.vstack([store.sold, sold]),
            promoted=promoted,
            rain=rain,
            heat=heat,
            holiday=holiday,
            left=self._ages.sum(axis=1),
        )

    def profit(self) -> float:
        """Return gross profit in CNY a week; what is left counts at cost."""
        left = float(self._ages.sum(axis=1) @ self.store.cost)
        return (self._revenue - self._bought + left) / (self._day / 7)


def _older(ages: Array, sold: Array, life: Array) -> Array:
    """Return stock by age (goods, days) on the next morning: the oldest is sold first, what is past its life goes."""
    rest = sold.copy()
    after = ages.copy()
    for age in range(LONGEST - 1, -1, -1):
        taken = np.minimum(after[:, age], rest)
        after[:, age] -= taken
        rest -= taken
    moved = np.zeros_like(after)
    moved[:, 1:] = after[:, :-1]
    moved[np.arange(LONGEST)[None] >= life[:, None]] = 0
    return moved


# --- the simulated store -------------------------------------------------------------------------------------------


class _World:
    """A store's goods, weather and demand."""

    def __init__(self, seed: int, size: str, place: int) -> None:
        _, goods, past = SIZES[size]
        self.shifted, self.past, days = size == SHIFTED, past, past + DAYS + 1
        draw = np.random.default_rng([seed, place, 11])
        self.category = draw.integers(0, CATEGORIES, goods)
        self.life = draw.choice([1, 2, 3, 5, 7], goods, p=[0.25, 0.25, 0.2, 0.2, 0.1]).astype(float)
        self.cost = np.round(draw.lognormal(1.6, 0.5, goods), 1)
        self.price = np.round(self.cost * draw.uniform(1.3, 2.0, goods), 1)
        base = draw.lognormal(2.3, 0.7, goods)
        self.weekday = int(draw.integers(0, 7))
        weekday = (self.weekday + np.arange(days)) % 7
        rain = draw.random(days) < 0.3
        self.forecast = rain ^ (draw.random(days) < 1 / 8)
        self.rain = rain
        self.heat = (
            18 + 9 * np.sin(2 * np.pi * (np.arange(days) + draw.integers(365)) / 365) + draw.normal(0, 2.5, days)
        )
        self.holiday = np.zeros(days)
        for start in draw.choice(days, 1 + days // 60, replace=False):
            self.holiday[start : start + 3] = 1
        self.promoted = (draw.random((-(-days // 3), goods)) < 0.1).repeat(3, axis=0)[:days].astype(float)
        pattern = draw.normal(0, 0.18, (CATEGORIES, 7)) + np.array([0, 0, 0, 0, 0.1, 0.25, 0.2])
        wander = np.zeros((days, CATEGORIES))
        for day in range(1, days):
            wander[day] = 0.97 * wander[day - 1] + draw.normal(0, 0.045, CATEGORIES)
        of_rain, of_heat = draw.normal(0.2, 0.15, CATEGORIES), draw.normal(0, 0.025, CATEGORIES)
        kind = self.category
        log = (
            np.log(base)
            + pattern[:, weekday].T[:, kind]
            + np.outer(rain, of_rain[kind])
            + np.outer(self.heat - 18, of_heat[kind])
            + self.promoted * draw.uniform(0.3, 0.9, goods)
            + np.outer(self.holiday, draw.normal(0.2, 0.2, CATEGORIES)[kind])
            + wander[:, kind]
        )
        if self.shifted:
            log += np.log(1 - np.linspace(0, 0.33, days - past - 6).clip(0, 0.33))[:, None][
                np.clip(np.arange(days) - past - 7, 0, days - past - 7)
            ]
        spread = draw.uniform(0.05, 0.2, goods)
        self.demand = draw.poisson(np.exp(log) * draw.gamma(1 / spread, spread, log.shape)).astype(float)
        self._choices = draw.random((days, goods))

    def ages(self, left: Array) -> Array:
        """Return a stock of which nothing is said but how much it is, as one day old."""
        made = np.zeros((len(left), LONGEST))
        made[:, 1] = left
        return made

    def sell(self, day: int, stock: Array) -> Array:
        """Return a day's sales from its morning stock."""
        demand = self.demand[day]
        sold = np.minimum(demand, stock)
        if not self.shifted:
            return np.asarray(sold)
        missed = np.floor((demand - sold) * 0.5 + self._choices[day])
        for good in np.flatnonzero(missed):
            others = np.flatnonzero((self.category == self.category[good]) & (stock > sold))
            if len(others):
                other = others[int(self._choices[day, good] * len(others))]
                sold[other] = min(stock[other], sold[other] + missed[good])
        return np.asarray(sold)

    def seen(self, days: int) -> tuple[Array, Array, Array, Array]:
        """Return promotions, rain, heat and holidays of the first days, the last one's rain by forecast."""
        rain = self.rain[:days].astype(float)
        rain[-1] = self.forecast[days - 1]
        return self.promoted[:days], rain, np.round(self.heat[:days], 1), self.holiday[:days]


@cache
def _start(seed: int, size: str, place: int) -> Store:
    """Return a store after its past, ordered by a clerk."""
    world = _World(seed, size, place)
    draw = np.random.default_rng([seed, place, 12])
    goods = len(world.cost)
    ages = np.zeros((goods, LONGEST))
    stock, sold = np.zeros((world.past, goods)), np.zeros((world.past, goods))
    usual = world.demand[:7].mean(axis=0)
    for day in range(world.past):
        recent = sold[max(day - 7, 0) : day].mean(axis=0) if day >= 7 else usual
        ages[:, 0] += np.maximum(np.ceil(1.15 * recent + draw.normal(1, 1, goods)) - ages.sum(axis=1), 0)
        stock[day] = ages.sum(axis=1)
        sold[day] = world.sell(day, stock[day])
        ages = _older(ages, sold[day], world.life)
    promoted, rain, heat, holiday = world.seen(world.past + 1)
    names = tuple(f"SKU{good:03d}" for good in range(goods))
    kinds = tuple("ABCD"[one] for one in world.category)
    left = ages.sum(axis=1)
    return Store(
        names, kinds, world.price, world.cost, world.life, stock, sold, promoted, rain, heat, holiday, left,
        world.weekday, (seed, size, place),
    )  # fmt: skip


def cases(seed: int, size: str) -> list[Case]:
    """Return stores' evenings before the month to be run; the truth is where each starts."""
    starts = [_start(seed, size, place) for place in range(SIZES[size][0])]
    return [Case(start, {"start": start}) for start in starts]


# --- the two rules -------------------------------------------------------------------------------------------------


def baseline(inputs: Store) -> Answer:
    """Return the orders of each evening by an order-up-to level."""
    factor = np.array([SAFETY.get(int(life), SAFETY_LONG) for life in inputs.life])

    def level(store: Store) -> Array:
        tomorrow = len(store.sold)
        whole = store.sold < store.stock
        like = np.arange(tomorrow - 7, max(tomorrow - 22, -1), -7)
        weekly, _ = _mean(store.sold[like], whole[like])
        recent, deviation = _mean(store.sold[-14:], whole[-14:])
        return np.asarray((weekly + recent) / 2 + factor * deviation)

    return _answer(inputs, level)


def _mean(sold: Array, whole: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return means and standard deviations of sales by good, of days not sold out where there are two; else of all."""
    enough = whole.sum(axis=0) >= 2
    weight = np.where(enough, whole, True).astype(float)
    mean = (sold * weight).sum(axis=0) / weight.sum(axis=0)
    # Where days sold out, demand was no less than the sales of the day that sold most.
    mean = np.maximum(mean, sold.mean(axis=0))
    return mean, np.sqrt((weight * (sold - mean) ** 2).sum(axis=0) / np.maximum(weight.sum(axis=0) - 1, 1))


def method(inputs: Store) -> Answer:
    """Return the orders of each evening by the newsvendor's quantile of demand, its mean learnt with censoring."""
    from scipy.stats import nbinom

    demand = _Demand(inputs)
    kept = np.array([KEPT.get(int(life), KEPT_LONG) for life in inputs.life])
    ratio = (inputs.price - inputs.cost) / (inputs.price - kept * inputs.cost)

    def level(store: Store) -> Array:
        mean = demand.tomorrow(store)
        return np.asarray(nbinom.ppf(ratio, 1 / demand.spread, 1 / (1 + demand.spread * mean)))

    return _answer(inputs, level)


def _answer(inputs: Store, level: Callable[[Store], Array]) -> Answer:
    """Return a row an order: of the month, or of tomorrow where it is a person's own store."""

    def orders(store: Store) -> Array:
        return np.maximum(np.ceil(level(store) - store.left - 1e-9), 0.0)

    days = []
    if inputs.month is None:
        days.append((orders(inputs), inputs.left))
    else:
        month = Month(inputs)
        for _ in range(DAYS):
            days.append((orders(month.store), month.store.left))
            month.order(days[-1][0])
    return [
        {"day": day, "item": name, "order": int(order), "left": float(left), "value": round(float(order * cost), 2)}
        for day, (ordered, before) in enumerate(days, start=1)
        for name, order, left, cost in zip(inputs.names, ordered, before, inputs.cost, strict=True)
    ]


class _Demand:
    """The mean of each good's demand by day, learnt from sales that the stock has cut off."""

    def __init__(self, store: Store) -> None:
        import lightgbm

        sold, out = store.sold, store.sold >= store.stock
        self.spread = 0.15
        filled = sold.copy()
        for _ in range(5):
            level = _level(filled)
            features = _features(store, level[:-1], len(sold))
            target = filled.ravel()
            data = lightgbm.Dataset(
                features,
                target,
                init_score=np.log(level[:-1]).ravel(),
                categorical_feature=[0, 1],
                params={"verbose": -1},
            )
            options = {
                "objective": "poisson", "learning_rate": 0.08, "num_leaves": 12, "min_data_in_leaf": 25, "seed": 1,
                "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbose": -1, "cat_smooth": 20,
            }  # fmt: skip
            self.model = lightgbm.train(options, data, num_boost_round=60)
            mean = (level[:-1] * np.exp(self._raw(features).reshape(sold.shape))).clip(0.05)
            self.spread = max(SPREADS, key=lambda spread: _likelihood(mean, spread, sold, out))
            filled = np.where(out, _at_least(mean, self.spread, sold), sold)

    def _raw(self, features: Array) -> Array:
        return np.asarray(self.model.predict(features, raw_score=True))

    def tomorrow(self, store: Store) -> Array:
        """Return each good's mean demand of tomorrow."""
        recent = slice(max(len(store.sold) - 42, 0), None)
        sold, stock = store.sold[recent], store.stock[recent]
        # Sold-out days of late count as their expected demand about the level that the others show.
        level = _level(sold)
        for _ in range(3):
            filled = np.where(sold >= stock, _at_least(level[:-1], self.spread, sold), sold)
            level = _level(filled)
        # The levels forget slowly, as one good's week says little; the whole store's says more.
        drift = float(np.clip(filled[-7:].sum() / level[-8:-1].sum(), 0.7, 1.3))
        features = _features(store, level[-1:], 1)
        return np.asarray(drift * level[-1] * np.exp(self._raw(features)))


def _likelihood(mean: Array, spread: float, sold: Array, out: NDArray[np.bool_]) -> float:
    """Return the log likelihood of sales under a negative binomial, of a sold-out day that demand was no less."""
    from scipy.stats import nbinom

    success = 1 / (1 + spread * mean)
    whole = nbinom.logpmf(sold, 1 / spread, success)
    return float(np.where(out, nbinom.logsf(sold - 1, 1 / spread, success), whole).clip(-30).sum())


def _level(demand: Array) -> Array:
    """Return means of demand before each day that forget a tenth a day (days and tomorrow, goods)."""
    level = np.empty((len(demand) + 1, demand.shape[1]))
    level[0] = demand[:14].mean(axis=0)
    for day, today in enumerate(demand):
        level[day + 1] = 0.92 * level[day] + 0.08 * today
    return level.clip(0.1)


def _features(store: Store, level: Array, days: int) -> Array:
    """Return what demand depends on, of the past's ``days`` or, of one, of tomorrow (days x goods, features)."""
    goods = len(store.names)
    rows = slice(0, days) if days > 1 else slice(len(store.sold), None)
    at = np.arange(len(store.sold) + 1)[rows]
    kinds = sorted(set(store.categories))
    by_day = [(store.weekday + at) % 7, store.rain[rows], store.heat[rows], store.holiday[rows]]
    kind = [kinds.index(one) for one in store.categories]
    return np.column_stack(
        [
            np.tile(kind, len(at)),
            np.repeat(by_day[0], goods),
            *(np.repeat(one, goods) for one in by_day[1:]),
            store.promoted[rows].ravel(),
            np.log(level).ravel(),
            np.tile(store.life, len(at)),
        ]
    ).astype(float)


def _at_least(mean: Array, spread: float, least: Array) -> Array:
    """Return the expected demand given that it is at least ``least``, of a negative binomial.

    E[X; X >= k] = mean * P(Y >= k - 1), with Y of a size larger by one.
    """
    from scipy.stats import nbinom

    success = 1 / (1 + spread * mean)
    tail = nbinom.sf(least - 1, 1 / spread, success)
    biased = nbinom.sf(least - 2, 1 / spread + 1, success)
    # Far in the tail, where the mean tells little, a fifth more than was sold.
    most = 2 * np.maximum(mean, least)
    return np.asarray(np.where(tail > 1e-6, np.clip(mean * biased / np.maximum(tail, 1e-12), least, most), 1.2 * least))


def judge(truth: dict[str, Store], answer: Answer) -> float:
    """Return gross profit in CNY a week; raises ValueError for orders that are missing or no whole numbers."""
    start = truth["start"]
    if [(row["day"], row["item"]) for row in answer] != [
        (day, name) for day in range(1, DAYS + 1) for name in start.names
    ]:
        raise ValueError("the answer does not hold each good once a day, in order")
    orders = np.array([row["order"] for row in answer], dtype=float).reshape(DAYS, -1)
    if not ((orders >= 0) & (orders == np.floor(orders))).all():
        raise ValueError("orders that are no whole numbers")
    month = Month(start)
    for day in orders:
        month.order(day)
    return month.profit()


# --- files ---------------------------------------------------------------------------------------------------------

_COLUMNS = {
    "day": tables.whole(Text("第几天", "day"), 1, 2000),
    "weekday": tables.whole(Text("星期（1 为星期一）", "weekday (1 is Monday)"), 1, 7),
    "item": tables.name(Text("商品", "item")),
    "category": tables.name(Text("品类", "category")),
    "price": tables.number(Text("售价（元）", "price (CNY)"), 0.01, 1e5),
    "cost": tables.number(Text("进价（元）", "cost (CNY)"), 0.01, 1e5),
    "life": tables.whole(Text("保质天数", "shelf life (days)"), 1, LONGEST),
    "stock": tables.number(Text("早上库存", "stock in the morning"), 0, 1e6),
    "sold": tables.number(Text("销量", "sold"), 0, 1e6, empty=True),
    "promoted": tables.choice(Text("促销", "promoted"), {"0": 0.0, "1": 1.0}),
    "rain": tables.choice(Text("雨", "rain"), {"0": 0.0, "1": 1.0}),
    "heat": tables.number(Text("气温（℃）", "temperature (°C)"), -60, 60),
    "holiday": tables.choice(Text("节假日", "holiday"), {"0": 0.0, "1": 1.0}),
}
_LEAST = 28


def read(path: Path) -> Store:
    """Read a table (CSV or .xlsx) with a row a day and good, day by day; raises `BadInput`.

    Four weeks of days or more, each with the same goods in the same order; the last day is tomorrow: ``sold`` is empty,
    ``stock`` what will be left of today, and rain and heat are forecasts.
    """
    table = tables.read_csv(path, _COLUMNS)
    days = max(table["day"])
    goods = table["day"].count(1)
    if not goods or days - 1 < _LEAST:
        expected = Text(f"第 1 天起至少 {_LEAST} 天，再加明天", f"{_LEAST} days or more from day 1, and tomorrow")
        raise BadInput(path, field="day", expected=expected, found=str(days))
    if len(table) != days * goods:
        expected = Text(f"{days} 天乘 {goods} 种商品的行数", f"rows for {days} days of {goods} goods")
        raise BadInput(path, field="day", expected=expected, found=str(len(table)))
    for place in range(len(table)):
        day, good = place // goods, place % goods
        if table["day"][place] != day + 1:
            raise table.fault(place, "day", Text(f"第 {day + 1} 天", f"day {day + 1}"))
        for column in ("item", "category", "price", "cost", "life"):
            if day and table[column][place] != table[column][good]:
                raise table.fault(
                    place, column, Text(f"与第 1 天相同：{table[column][good]}", f"as on day 1: {table[column][good]}")
                )
        weekday = (table["weekday"][0] - 1 + day) % 7 + 1
        if table["weekday"][place] != weekday:
            raise table.fault(place, "weekday", Text(f"星期 {weekday}", f"weekday {weekday}"))
        for column in ("rain", "heat", "holiday"):
            if table[column][place] != table[column][day * goods]:
                raise table.fault(place, column, Text("同一天各行相同", "the same in all rows of a day"))
        sold = table["sold"][place]
        if math.isnan(sold) != (day == days - 1):
            raise table.fault(place, "sold", Text("销量，只有最后一天留空", "sales; empty on the last day only"))
        if sold > table["stock"][place]:
            raise table.fault(place, "sold", Text("不超过早上库存", "no more than the stock in the morning"))
        if table["cost"][place] >= table["price"][place]:
            raise table.fault(place, "cost", Text("低于售价", "below the price"))
    if len(set(table["item"][:goods])) < goods:
        raise BadInput(
            path, field="item", expected=Text("每天每种商品一行", "a row a day and good"), found=table["item"][0]
        )

    def grid(column: str) -> Array:
        return np.array(table[column], dtype=float).reshape(days, goods)

    stock, past = grid("stock"), slice(0, days - 1)
    return Store(
        table["item"][:goods], table["category"][:goods], grid("price")[0], grid("cost")[0], grid("life")[0],
        stock[past], grid("sold")[past], grid("promoted"), grid("rain")[:, 0], grid("heat")[:, 0],
        grid("holiday")[:, 0], stock[-1], table["weekday"][0] - 1,
    )  # fmt: skip


def write(inputs: Store, path: Path) -> None:
    """Write a store's past and tomorrow as `read` takes them; which month it is stays unsaid."""
    stock, days = np.vstack([inputs.stock, inputs.left]), len(inputs.sold) + 1
    rows = [
        [
            day + 1, (inputs.weekday + day) % 7 + 1, name, inputs.categories[good], float(inputs.price[good]),
            float(inputs.cost[good]), int(inputs.life[good]), float(stock[day, good]),
            float(inputs.sold[day, good]) if day < days - 1 else None, int(inputs.promoted[day, good]),
            int(inputs.rain[day]), float(inputs.heat[day]), int(inputs.holiday[day]),
        ]
        for day in range(days)
        for good, name in enumerate(inputs.names)
    ]  # fmt: skip
    tables.write_csv(path, list(_COLUMNS), rows)


def picture(inputs: Store, answer: Answer) -> Any:
    """Return tomorrow's orders beside what is left and the last fortnight's sales, the largest orders first."""
    import altair as alt
    import pandas as pd

    rows = pd.DataFrame([row for row in answer if row["day"] == 1]).nlargest(25, "value")
    usual = dict(zip(inputs.names, inputs.sold[-14:].mean(axis=0), strict=True))
    rows["usual"] = rows["item"].map(usual)
    y = alt.Y("item:N", title=None, sort=list(rows["item"]))
    bars = (
        alt.Chart(rows)
        .transform_fold(["left", "order"], as_=["what", "units"])
        .mark_bar()
        .encode(
            alt.X("units:Q", title="件 Units"),
            y,
            alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=["left", "order"], range=["#bbbbbb", "#2b7bba"]),
                legend=alt.Legend(labelExpr="datum.label == 'left' ? '剩余 left' : '订货 order'"),
            ),
        )
    )
    ticks = alt.Chart(rows).mark_tick(color="#d62728", thickness=2).encode(alt.X("usual:Q"), y)
    title = "明日订货（红线为近两周日均销量） Orders for tomorrow (red: mean daily sales of a fortnight)"
    return (bars + ticks).properties(width=560, title=title)


SCENARIO = Scenario(
    id="commerce/instant-retail-stock",
    title=Text("即时零售前置仓订货", "Stock of a dark store"),
    summary=Text(
        "每晚为生鲜短保商品定次日订货量，少缺货、少报损。",
        "Orders fresh goods each evening for the next morning, so that little is missed and little thrown away.",
    ),
    task=11,
    system=Text("即时零售、无人零售", "instant and unattended retail"),
    user=Text("前置仓的订货员", "who orders for a dark store"),
    decision=Text("明早每种商品进多少", "how much of each good comes tomorrow morning"),
    formats=[Text("进销存日表（.csv、.xlsx）", "a table of stock and sales by day (.csv, .xlsx)")],
    metric=Text("每周毛利", "gross profit of a week"),
    unit="元 CNY",
    better="higher",
    margin=0.0,
    baseline_title=Text("移动平均加安全库存", "moving average and safety stock"),
    method_title=Text("去截断的需求学习与报童订货", "demand learnt with censoring, newsvendor's orders"),
    source="Huber et al. 2019; Arrow, Harris & Marschak 1951; Ke et al. 2017; Dempster, Laird & Rubin 1977",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".csv", ".xlsx"),
    libraries=("lightgbm",),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
