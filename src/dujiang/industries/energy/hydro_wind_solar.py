"""Hydro, wind and solar on one line (水风光多能互补): how much water a cascade lets through its turbines, day by day.

Two reservoirs on one river, a wind farm and a solar plant share a line. Water kept today serves a dry month; water kept
too long is spilled in the flood, and wind and sun are curtailed where water fills the line. Each day the operator plans
the turbines' flows for the next day's four blocks of six hours; the measure is what a year loses:

    loss = 0.3 CNY/kWh * (energy curtailed + energy of spilled water + energy missing in the reservoirs at the end)
         + 1.5 CNY/kWh * energy not served,     divided by the year's demand      (CNY/MWh)

*Data.* A site like the Yalong's middle reaches (28° N), simulated in blocks of six hours: inflow with a monsoon peak,
floods that recede, wet and dry years and persistence; wind speed of a Weibull distribution with persistence through a
cubic power curve; sun by Haurwitz's clear sky (1945) under clouds that come with rain; demand with a summer and a winter
peak. Past years are given, and each day a forecast of seven days that gets worse with lead time. What the simulator knows
and neither rule does: the year itself, the forecasts' errors, that heads fall with storage (12 % from full to empty), and
that water takes a block from the upper to the lower reservoir while both rules plan as if its next block's arrival
were sure. In operation the turbines follow the net load within what the plan leaves them: they give way to wind and sun
where the line is full, and rise where demand is short, for method and baseline alike. `Operation` is the door to the
year: a day's forecast can be seen only once the days before have been run; the judge runs an answer's plan again.

*Second generator.* (`shifted`) A warmer basin: snow melts and the monsoon comes four weeks earlier than in the past years
given, a fifth of the water is missing, and for three weeks of winter there is hardly any wind. A programme whose futures
keep the past years' dates is no better than the guide curve there: it waits for a flood that has come.

*Baseline.* What dispatchers do: a guide curve of the upper reservoir (调度图), towards which its release steers within two
weeks, the lower one kept at a level of its own; the day's water goes to the blocks with the largest net load first, wind
and sun have priority. The curve's six knots and the lower level are tuned by simulation on the past years given. Below the curve it serves demand only.

*Method.* Stochastic programming over a rolling horizon (Birge & Louveaux 2011, ch. 1-4): a linear programme of the coming
week by forecast, then futures of 51 weeks in periods of one to four; only the first day's plan is put to work. HiGHS
(Huangfu & Hall 2018) solves it, each day from the last day's basis. The futures are the past years, each at three
timings, their rivers conditioned on the weeks seen so far. Logarithms of weeks' inflow are off the usual by a Gaussian
process of spells and of weeks alone: its likelihood tells how much earlier or later the season comes, and each past year
at that timing is set right by what it was off the year seen, as far as that lasts (Matheron's rule: Journel & Huijbregts
1978, ch. 7). A year that was as dry as this one is taken as it was; a wet one is lowered, for the near weeks most.

*Published.* Ensembles of past years in place of one forecast are known as ensemble streamflow prediction (Day 1985,
Journal of Water Resources Planning and Management 111(2), 157-170), whose members may be weighted by how like this year's
climate index theirs was (Werner et al. 2004, Journal of Hydrometeorology 5(6), 1076-1090); here they are moved and set
right instead, since none of a few past years may be like it. Seasons do move: melt has come one to four weeks earlier in
half a century in western North America (Stewart, Cayan & Dettinger 2005, Journal of Climate 18, 1136-1155). None of these
gives a figure to compare with.
"""

from __future__ import annotations

import math
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios import tables
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

BLOCKS, DAYS, WEEK = 4, 365, 7
"""Blocks of six hours a day; days a year, 29 February left out; days of a forecast."""
HOURS = 24 / BLOCKS
HM3 = 3600 * HOURS / 1e6
"""hm³ that 1 m³/s brings in a block."""
CURTAILED, UNSERVED = 300.0, 1500.0  # CNY/MWh
SIZES = {"small": (4, 1), "default": (8, 2), SHIFTED: (8, 2)}
"""Past years given, and sites."""
KNOTS = 6
"""Of a guide curve."""
PERIODS = (1, 1, 1, 1, 2, 2, 3, *(4,) * 10)
"""Weeks of the programme's periods after the coming week."""
KEPT = 60.0  # CNY/MWh
"""What water kept beyond the coming week is worth more than the futures say, each of which is foreseen whole."""
SPELL, SPELLS = 12.0, 0.75
"""Weeks after which half of a wet or dry spell's excess is left; spells' share of the variance of weeks' inflow."""
MOVED = np.arange(-42, 43, 3)
"""Days by which a year's season may come earlier than in the past years."""
TIMING = 21.0
"""Standard deviation of those days before any inflow is seen; in half a century melt moved one to four weeks."""
SEASONS = 3
"""Timings that each past year is a future at."""
LINE_SHARE = 0.95
"""Of the line that a mean over weeks can fill."""
SERIES = ("upper_inflow", "lower_inflow", "wind", "solar", "demand")
"""Columns of the series: m³/s into the upper and between the reservoirs, MW of wind, sun and demand."""


@dataclass(frozen=True, slots=True)
class Site:
    """A cascade: storage in hm³, turbines in m³/s and MW per m³/s of the upper and lower plant, and the line in MW."""

    upper_storage: float
    lower_storage: float
    upper_turbines: float
    lower_turbines: float
    upper_power: float
    lower_power: float
    line: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operator has on the morning of a day: site, past years and forecast (blocks, series), water in hm³.

    ``past`` ends with the block before; ``year`` names the simulated year, None in a person's own file.
    """

    site: Site
    past: Array
    outlook: Array
    upper: float
    lower: float
    year: tuple[int, int, bool] | None = None


class Operation:
    """A year of a site, run day by day: what is forecast of the next week, and what a plan of today comes to.

    ``seed`` is of the forecasts' errors; None is a perfect forecast.
    """

    def __init__(self, site: Site, past: Array, actual: Array, seed: int | None, upper: float, lower: float) -> None:
        self.site, self.day, self.upper, self.lower = site, 0, upper, lower
        self._past, self._actual, self._seed = past, actual, seed
        self._start = (upper, lower)
        self._on_its_way = float(actual[0, 0])
        self.lost, self.unserved, self.spilled = 0.0, 0.0, 0.0  # MWh

    @classmethod
    def of(cls, start: Plan) -> Operation:
        """Return the simulated year that a plan names."""
        assert start.year is not None
        past, site, actual = _world(*start.year)
        return cls(site, past, actual, start.year[0], start.upper, start.lower)

    def outlook(self) -> Array:
        """Return the forecast of the next seven days (blocks, series)."""
        if self._seed is None:
            return self._actual[BLOCKS * self.day : BLOCKS * (self.day + WEEK)]
        return _forecast(self._actual, self._past, self.day, self._seed)

    def run(self, flows: Array) -> None:
        """Run a day with planned flows of the upper and lower turbines in m³/s (blocks, 2)."""
        for block in range(BLOCKS):
            self._block(self._actual[BLOCKS * self.day + block], *flows[block].tolist())
        self.day += 1

    def _block(self, actual: Array, upper: float, lower: float) -> None:
        inflow, local, wind, solar, demand = actual.tolist()
        site = self.site
        # Heads fall with storage.
        power = (
            site.upper_power * (0.94 + 0.12 * self.upper / site.upper_storage),
            site.lower_power * (0.94 + 0.12 * self.lower / site.lower_storage),
        )
        water = (self.upper / HM3 + inflow, self.lower / HM3 + local + self._on_its_way)
        room = (water[0] - site.upper_storage / HM3, water[1] - site.lower_storage / HM3)  # must go
        most = (min(site.upper_turbines, water[0]), min(site.lower_turbines, water[1]))
        # What would be spilled goes through the turbines first.
        flows = [min(max(one, must, 0.0), top) for one, must, top in zip((upper, lower), room, most, strict=True)]
        hydro = flows[0] * power[0] + flows[1] * power[1]
        low, high = demand - wind - solar, max(site.line - wind - solar, 0.0)
        if hydro > high:
            flows = [one * high / hydro for one in flows]
        elif hydro < low:
            free = [(top - one) * rate for one, top, rate in zip(flows, most, power, strict=True)]
            share = min((low - hydro) / sum(free), 1.0) if sum(free) > 0 else 0.0
            flows = [one + (top - one) * share for one, top in zip(flows, most, strict=True)]
        hydro = flows[0] * power[0] + flows[1] * power[1]
        spill = [max(must - one, 0.0) for one, must in zip(flows, room, strict=True)]
        self.lost += HOURS * max(wind + solar - max(site.line - hydro, 0.0), 0.0)
        self.spilled += HOURS * (spill[0] * power[0] + spill[1] * power[1])
        self.unserved += HOURS * max(low - hydro, 0.0)
        self.upper = (water[0] - flows[0] - spill[0]) * HM3
        self.lower = (water[1] - flows[1] - spill[1]) * HM3
        self._on_its_way = flows[0] + spill[0]

    def loss(self) -> float:
        """Return what the days so far lost, in CNY/MWh of their demand."""
        site = self.site
        missing = HOURS / HM3 * (
            (self._start[0] - self.upper) * (site.upper_power + site.lower_power)
            + (self._start[1] - self.lower) * site.lower_power
        )  # fmt: skip
        cost = CURTAILED * (self.lost + self.spilled + missing) + UNSERVED * self.unserved
        return cost / (HOURS * float(self._actual[: BLOCKS * self.day, 4].sum()))


# --- the simulated years -------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return sites on the first morning of the year to be run, in a random month; the truth is where it starts."""
    years, sites = SIZES[size]
    made = []
    for place in range(sites):
        year = (100 * seed + place, years, size == SHIFTED)
        past, site, actual = _world(*year)
        outlook = _forecast(actual, past, 0, year[0])
        start = Plan(site, past, outlook, 0.5 * site.upper_storage, 0.7 * site.lower_storage, year)
        made.append(Case(start, {"start": start}))
    return made


@cache
def _world(seed: int, years: int, shifted: bool) -> tuple[Array, Site, Array]:
    """Return past years, the site, and the year to come with a week after it."""
    draw = np.random.default_rng([seed, 9])
    scale = draw.uniform(0.85, 1.15, 5)
    sizes = (scale[:3] * [3000, 150, 3500]).round().tolist()
    site = Site(sizes[0], sizes[1], 800.0, 950.0, 1.77, 1.32, sizes[2])
    first = int(draw.integers(0, DAYS))
    past = _weather(draw, first, years * DAYS, scale, warmer=False)
    actual = _weather(draw, first, DAYS + WEEK, scale, warmer=shifted)
    return past, site, actual


def _weather(draw: np.random.Generator, first: int, days: int, scale: Array, *, warmer: bool) -> Array:
    """Return the series of some days from the day ``first`` of a year (blocks, series)."""
    day = first + np.arange(days)
    date, year = day % DAYS, day // DAYS
    shift = 28.0 if warmer else 0.0

    def season(peak: float, width: float) -> Array:
        apart = np.abs((date - peak + DAYS / 2) % DAYS - DAYS / 2)
        return np.asarray(np.exp(-np.square(apart / width)))

    def persistent(share: float, count: int = days) -> Array:
        noise, values = draw.normal(0, math.sqrt(1 - share**2), count), np.zeros(count)
        values[0] = draw.normal()
        for at in range(1, count):
            values[at] = share * values[at - 1] + noise[at]
        return values

    wet = draw.lognormal(0, 0.18, int(year[-1]) + 1)[year]
    monsoon = season(212 - shift, 48)
    rain = draw.gamma(1.5, 0.6, days) * (draw.random(days) < 0.04 + 0.14 * monsoon)
    flood = np.zeros(days)
    for at in range(1, days):
        flood[at] = 0.72 * flood[at - 1] + rain[at]
    base = (0.42 + 1.5 * monsoon) * np.exp(0.2 * persistent(0.97)) + 0.4 * flood
    inflow = 440 * base * wet * (0.8 if warmer else 1.0)
    local = 0.38 * inflow * np.exp(0.25 * persistent(0.9))
    # Wind of winter and spring, stronger in the afternoon; a Weibull distribution of shape 2.
    uniform = np.clip(0.5 * (1 + np.vectorize(math.erf)(persistent(0.86, days * BLOCKS) / math.sqrt(2))), 0, 1 - 1e-9)
    speed = np.sqrt(-np.log1p(-uniform)) * 8.2 * np.repeat(0.85 + 0.4 * season(60, 75), BLOCKS)
    speed *= np.tile([0.92, 0.95, 1.12, 1.05], days)
    if warmer:
        speed[np.repeat(np.abs((date - 15 + DAYS / 2) % DAYS - DAYS / 2) < 10, BLOCKS)] *= 0.35
    wind = 1500 * scale[3] * np.clip((speed**3 - 27) / (11.5**3 - 27), 0, 1) * (speed < 25)
    clear = _clear_sky()[date].ravel()
    clouds = np.clip(0.78 + 0.16 * persistent(0.6) - 0.25 * np.minimum(flood, 1), 0.15, 1)
    solar = 2600 * scale[4] * 0.85 * clear * np.repeat(clouds, BLOCKS)
    mean = 1600 * (1 + 0.12 * season(205, 40) + 0.12 * season(15, 40)) * np.where(day % 7 < 5, 1.02, 0.95)
    demand = np.outer(mean * (1 + 0.03 * persistent(0.8)), [0.8, 1.02, 1.03, 1.15]).ravel()
    return np.column_stack([np.repeat(inflow, BLOCKS), np.repeat(local, BLOCKS), wind, solar, demand])


@cache
def _clear_sky() -> Array:
    """Return the share of 1 kW/m² under a clear sky at 28° N by Haurwitz (1945), means of blocks (days, blocks)."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (np.arange(DAYS) + 285) / DAYS)
    hours = np.radians(15) * (np.arange(24) - 11.5)
    latitude = math.radians(28)
    height = np.sin(latitude) * np.sin(declination)[:, None] + np.outer(
        np.cos(latitude) * np.cos(declination), np.cos(hours)
    )
    up = np.maximum(height, 1e-3)
    sky = np.where(height > 0, 1.098 * up * np.exp(-0.057 / up), 0.0)
    return np.asarray(sky.reshape(DAYS, BLOCKS, -1).mean(axis=2))


def _forecast(actual: Array, past: Array, day: int, seed: int) -> Array:
    """Return a week's forecast: the truth that fades into the usual of the season with lead, and errors of its own."""
    draw = np.random.default_rng([seed, day, 10])
    blocks = slice(BLOCKS * day, BLOCKS * (day + WEEK))
    truth = actual[blocks]
    lead = (np.arange(WEEK * BLOCKS) / BLOCKS)[:, None]
    usual = _usual(past, day)
    skill = np.exp(-lead / np.array([9.0, 7.0, 3.5, 5.0, 20.0]))
    blend = usual + skill * (truth - usual)
    error = np.array([0.06, 0.08, 0.12, 0.08, 0.015]) * (draw.normal(size=5) + 0.5 * draw.normal(size=blend.shape))
    made = blend * np.exp(error * np.sqrt(1 + lead))
    return np.asarray(made.clip(0))


def _usual(past: Array, day: int) -> Array:
    """Return means of past years about the week that begins on a day, by block of the day (blocks, series)."""
    years = past.reshape(-1, DAYS, BLOCKS, len(SERIES)).mean(axis=0)
    about = np.arange(day - 7, day + WEEK + 7) % DAYS
    return np.tile(years[about].mean(axis=0), (WEEK, 1))


# --- the two rules -------------------------------------------------------------------------------------------------


def baseline(inputs: Plan) -> Answer:
    """Return each day's flows by a guide curve, tuned on the past years."""
    site, past = inputs.site, inputs.past
    trials, years = (16, 3) if len(past) > 4 * DAYS * BLOCKS else (8, 2)
    recent = past[-years * DAYS * BLOCKS :]
    # A first curve: storage as a reservoir without limits would have it that always lets the mean through.
    inflow = past[:, 0].reshape(-1, DAYS, BLOCKS).mean(axis=(0, 2))
    course = np.cumsum(inflow - inflow.mean())[np.arange(KNOTS) * DAYS // KNOTS]
    best = np.append(0.15 + 0.8 * (course - course.min()) / np.ptp(course), 0.7)
    draw = np.random.default_rng(4)

    def loss(rule: Array) -> float:
        run = Operation(site, past, recent, None, float(rule[0]) * site.upper_storage, 0.7 * site.lower_storage)
        for _ in range(years * DAYS - WEEK):
            run.run(_by_curve(site, rule, run.day, run.outlook(), run.upper, run.lower))
        return run.loss()

    least = loss(best)
    for trial in range(trials):
        step = 0.2 if trial < trials / 2 else 0.08
        rule = np.clip(best + draw.normal(0, step, KNOTS + 1) * (draw.random(KNOTS + 1) < 0.5), 0.02, 0.98)
        found = loss(rule)
        if found < least:
            best, least = rule, found
    return _answer(inputs, lambda day, now: _by_curve(site, best, day, now.outlook, now.upper, now.lower))


def _by_curve(site: Site, rule: Array, day: int, outlook: Array, upper: float, lower: float) -> Array:
    """Return a day's flows (blocks, 2) that lead the upper reservoir towards its curve and the lower to its level."""
    ahead = (day + 14) % DAYS * KNOTS / DAYS
    knot, part = int(ahead), ahead % 1
    target = ((1 - part) * float(rule[knot]) + part * float(rule[(knot + 1) % KNOTS])) * site.upper_storage
    inflow, local = float(outlook[:, 0].mean()), float(outlook[:BLOCKS, 1].mean())
    first = min(max(inflow + (upper - target) / (14 * BLOCKS * HM3), 0.0), site.upper_turbines)
    second = first + local + (lower - float(rule[KNOTS]) * site.lower_storage) / (BLOCKS * HM3)
    second = min(max(second, 0.0), site.lower_turbines)
    power = first * site.upper_power + second * site.lower_power
    net = [float(demand - wind - solar) for _, _, wind, solar, demand in outlook[:BLOCKS]]
    most = site.upper_turbines * site.upper_power + site.lower_turbines * site.lower_power
    if upper < target:  # below the curve: what demand needs, and no more
        enough = sum(max(one, 0.0) for one in net) / BLOCKS
        share = min(enough / max(power, 1e-9), 1.0)
        first, second, power = first * share, second * share, power * share
    # The day's energy where the net load is largest: what is left of it is level.
    low, high = min(net) - most, max(net)
    for _ in range(20):
        level = (low + high) / 2
        if sum(min(max(one - level, 0.0), most) for one in net) > BLOCKS * power:
            low = level
        else:
            high = level
    shape = [min(max(one - high, 0.0), most) / max(power, 1e-9) for one in net]
    return np.array([[min(one * first, site.upper_turbines), min(one * second, site.lower_turbines)] for one in shape])


def method(inputs: Plan) -> Answer:
    """Return each day's flows by a stochastic programme of the coming week and of futures like the year so far."""
    programme = _Programme(inputs)
    return _answer(inputs, programme.solve)


def _answer(inputs: Plan, decide: Callable[[int, Plan], Array]) -> Answer:
    """Return the rows of a year, or of the coming day where it is no simulated one."""
    if inputs.year is None:
        return _rows(inputs.site, [(decide(0, inputs), inputs.upper, inputs.lower)])
    run = Operation.of(inputs)
    days = []
    while run.day < DAYS:
        now = replace(inputs, outlook=run.outlook(), upper=run.upper, lower=run.lower)
        flows = np.round(decide(run.day, now), 1)
        days.append((flows, run.upper, run.lower))
        run.run(flows)
    return _rows(inputs.site, days)


def _rows(site: Site, days: Sequence[tuple[Array, float, float]]) -> Answer:
    return [
        {
            "day": day,
            "from_hour": int(block * HOURS),
            "upper_m3s": float(upper),
            "lower_m3s": float(lower),
            "hydro_MW": round(float(upper * site.upper_power + lower * site.lower_power), 1),
            "upper_storage_hm3": round(before[0], 1),
            "lower_storage_hm3": round(before[1], 1),
        }
        for day, (flows, *before) in enumerate(days, start=1)
        for block, (upper, lower) in enumerate(np.round(flows, 1))
    ]


class _River:
    """What the inflow of the year so far says of its rest.

    Means of weeks' logarithms are off the usual of the season by a Gaussian process of spells that fade and of weeks
    alone, as large as the past years show; the season may be early or late by `MOVED`.
    """

    def __init__(self, past: Array) -> None:
        inflow = past[:, :2].sum(axis=1).reshape(-1, BLOCKS).mean(axis=1)
        self.least = 0.01 * float(inflow.mean()) + 1e-6
        self.past = np.log(np.maximum(inflow, self.least))
        self.years = len(inflow) // DAYS
        usual = self.past.reshape(-1, DAYS).mean(axis=0)
        about = np.arange(DAYS)[:, None] + np.arange(-10, 11)
        self.usual = usual[about % DAYS].mean(axis=1)
        weeks = (self.past - np.tile(self.usual, self.years))[: len(inflow) // WEEK * WEEK].reshape(-1, WEEK)
        # A mean of few years lies too near to them; and no river is known better than to a tenth.
        self.variance = max(np.square(weeks.mean(axis=1)).mean() * self.years / (self.years - 1), 0.01)
        self.seen: list[float] = []

    def rest(self, day: int, outlook: Array) -> list[tuple[int, Array]]:
        """Return, as likely each, days by which the season is early, and what to multiply each past year's rest by.

        The factors are of years and `PERIODS`. A day's own forecast is kept for what came, so days are asked for in turn.
        """
        ahead = np.log(np.maximum(outlook[:, :2].sum(axis=1).reshape(WEEK, BLOCKS).mean(axis=1), self.least))
        del self.seen[day:]
        # Whole weeks up to now, and the coming one.
        first = day % WEEK
        weeks = np.append(self.seen[first:], ahead).reshape(-1, WEEK).mean(axis=1)
        self.seen.append(float(ahead[0]))
        days = np.arange(first, day + WEEK).reshape(-1, WEEK)
        known = days[:, 0] / WEEK
        unknown = np.asarray(day / WEEK + 1 + np.cumsum(PERIODS) - (np.array(PERIODS) + 1) / 2, dtype=np.float64)
        inverse = np.asarray(np.linalg.inv(self._covariance(known, known)))
        # How likely each timing is.
        off = weeks - np.array([self.usual[(days + moved) % DAYS].mean(axis=1) for moved in MOVED])
        likely = -0.5 * (np.einsum("mi,ij,mj->m", off, inverse, off) + np.square(MOVED / TIMING))
        chance = np.exp(likely - likely.max())
        chance /= chance.sum()
        middles = (np.arange(SEASONS) + 0.5) / SEASONS
        found = np.interp(middles, np.cumsum(chance) - chance / 2, MOVED).round().astype(int)
        # Matheron's rule: a past year, and what is to be expected of how it differs from the weeks seen; threefold at most.
        gain = self._covariance(unknown, known) @ inverse
        starts = DAYS * np.arange(self.years)[:, None, None]
        rest = []
        for moved in found.tolist():
            past = self.past[(starts + days + moved) % len(self.past)].mean(axis=2)
            rest.append((moved, np.exp(np.clip((weeks - past) @ gain.T, -1.2, 1.2))))
        return rest

    def _covariance(self, one: Array, other: Array) -> Array:
        apart = np.abs(np.subtract.outer(one, other))
        return np.asarray(self.variance * (SPELLS * 0.5 ** (apart / SPELL) + (1 - SPELLS) * (apart == 0)))


class _Programme:
    """A linear programme in stages: the blocks of the coming week, then periods of each future: a past year, moved.

    A stage has flows of the turbines and spills of both reservoirs, storages at its end, wind and sun curtailed, power
    not served: eight columns; and four rows: the balances of both reservoirs, the demand and the line.
    """

    def __init__(self, inputs: Plan) -> None:
        import highspy

        self.site, past = inputs.site, inputs.past
        self.river = _River(past)
        futures = SEASONS * self.river.years
        # Sums of the past, twice over, so that a future can run on from the last year into the first.
        self.sums = np.vstack([np.zeros(len(SERIES)), np.cumsum(np.vstack([past, past]), axis=0)])
        near = WEEK * BLOCKS
        self.hours = np.array([HOURS] * near + [168.0 * weeks for weeks in PERIODS] * futures)
        self.before = [-1, *range(near - 1)]
        for future in range(futures):
            start = near + future * len(PERIODS)
            self.before += [near - 1, *range(start, start + len(PERIODS) - 1)]
        weight = np.array([1.0] * near + [1 / futures] * (len(self.before) - near))
        site, inf = self.site, highspy.kHighsInf
        powers = site.upper_power, site.lower_power
        cost = np.zeros((len(self.before), 8))
        cost[:, 2:4] = CURTAILED * np.outer(self.hours * weight, powers)
        cost[:, 6], cost[:, 7] = CURTAILED * self.hours * weight, UNSERVED * self.hours * weight
        # Where water has no use yet, it is kept: a future is not known whole when its first week begins, as the programme
        # has it, and dry years are drier than a few past years show.
        cost[:near, :2] = KEPT * HOURS * np.array(powers)
        for last in set(range(len(self.before))) - set(self.before):
            cost[last, 4:6] -= CURTAILED * HOURS / HM3 * weight[last] * np.array([sum(powers), powers[1]])
        entries: list[list[tuple[int, float]]] = []
        for stage, (before, hours) in enumerate(zip(self.before, self.hours, strict=True)):
            at, volume = 8 * stage, hours * 3600 / 1e6
            back = [[(8 * before + 4, -1.0)], [(8 * before + 5, -1.0)]] if before >= 0 else [[], []]
            energy = [(at, powers[0]), (at + 1, powers[1]), (at + 6, -1.0)]
            entries += [
                [(at, volume), (at + 2, volume), (at + 4, 1.0), *back[0]],
                [(at, -volume), (at + 2, -volume), (at + 1, volume), (at + 3, volume), (at + 5, 1.0), *back[1]],
                [*energy, (at + 7, 1.0)],
                energy,
            ]
        top = [site.upper_turbines, site.lower_turbines, inf, inf, site.upper_storage, site.lower_storage, inf, inf]
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = cost.size, len(entries)
        lp.col_cost_ = cost.ravel() / 1e6
        lp.col_lower_, lp.col_upper_ = np.zeros(cost.size), np.tile(top, len(self.before))
        lp.row_lower_, lp.row_upper_ = np.zeros(len(entries)), np.zeros(len(entries))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *map(len, entries)])
        lp.a_matrix_.index_ = np.array([column for row in entries for column, _ in row])
        lp.a_matrix_.value_ = np.array([value for row in entries for _, value in row])
        self.highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("parallel", "off"), ("solver", "simplex"), ("presolve", "off")):
            self.highs.setOptionValue(option, value)
        self.highs.passModel(lp)
        self.inf, self.optimal = inf, highspy.HighsModelStatus.kOptimal

    def solve(self, day: int, now: Plan) -> Array:
        """Return the coming day's flows of the turbines (blocks, 2)."""
        means = np.concatenate([now.outlook, *self._futures(day, now.outlook)])
        volume = self.hours * 3600 / 1e6
        rows = np.zeros((len(means), 4, 2))
        rows[:, 0] = (means[:, 0] * volume)[:, None]
        rows[:, 1] = (means[:, 1] * volume)[:, None]
        rows[0, :2] += np.array([now.upper, now.lower])[:, None]
        free = means[:, 2] + means[:, 3]
        rows[:, 2] = np.column_stack([means[:, 4] - free, np.full(len(means), self.inf)])
        line = np.where(self.hours > HOURS, LINE_SHARE, 1.0) * self.site.line
        rows[:, 3] = np.column_stack([np.full(len(means), -self.inf), line - free])
        count = 4 * len(means)
        self.highs.changeRowsBounds(
            count, np.arange(count, dtype=np.int32), rows[:, :, 0].ravel(), rows[:, :, 1].ravel()
        )
        self.highs.run()
        if (status := self.highs.getModelStatus()) != self.optimal:
            raise RuntimeError(f"HiGHS: {self.highs.modelStatusToString(status)}")
        found = np.array(self.highs.getSolution().col_value).reshape(-1, 8)
        return np.asarray(found[:BLOCKS, :2])

    def _futures(self, day: int, outlook: Array) -> list[Array]:
        """Return the futures' means of periods: past years, their rivers' part moved and set right by what was seen."""
        ends = BLOCKS * (day + WEEK + WEEK * np.cumsum([0, *PERIODS]))
        years = BLOCKS * DAYS * np.arange(self.river.years)
        dated = [self._means(year + ends)[:, 2:] for year in years]  # wind, sun and demand keep their dates
        futures = []
        for moved, factors in self.river.rest(day, outlook):
            for year, other, factor in zip(years, dated, factors, strict=True):
                water = self._means(year + BLOCKS * moved + ends)[:, :2]
                futures.append(np.hstack([water * factor[:, None], other]))
        return futures

    def _means(self, ends: Array) -> Array:
        """Return the series' means of periods between ends, which go round the past."""
        length = (len(self.sums) - 1) // 2
        starts, stops = ends[:-1] % length, ends[1:] % length
        stops = np.where(stops <= starts, stops + length, stops)
        return np.asarray((self.sums[stops] - self.sums[starts]) / (stops - starts)[:, None])


def judge(truth: dict[str, Plan], answer: Answer) -> float:
    """Return the year's loss in CNY/MWh of demand; raises ValueError for plans that the turbines can't follow."""
    if [(row["day"], row["from_hour"]) for row in answer] != [
        (day, int(block * HOURS)) for day in range(1, DAYS + 1) for block in range(BLOCKS)
    ]:
        raise ValueError("the answer does not hold each block of the year once, in order")
    flows = np.array([[row["upper_m3s"], row["lower_m3s"]] for row in answer], dtype=float)
    site = truth["start"].site
    most = np.array([site.upper_turbines, site.lower_turbines])
    if not ((flows >= 0) & (flows <= most)).all():
        raise ValueError("flows beyond the turbines")
    run = Operation.of(truth["start"])
    for day in flows.reshape(DAYS, BLOCKS, 2):
        run.run(day)
    return run.loss()


# --- files ---------------------------------------------------------------------------------------------------------

_SITE, _TABLE = "site.toml", "series.csv"
_FORMAT = Text(f"含 {_SITE} 和 {_TABLE} 的 zip 文件", f"a zip file with {_SITE} and {_TABLE}")
_LARGEST = 16 << 20
_COLUMNS = {
    "kind": tables.choice(Text("类别", "kind"), {"past": "past", "forecast": "forecast"}),
    "upper_inflow": tables.number(Text("上库入流（m³/s）", "inflow of the upper reservoir (m³/s)"), 0, 1e6),
    "lower_inflow": tables.number(Text("区间入流（m³/s）", "inflow between the reservoirs (m³/s)"), 0, 1e6),
    "wind": tables.number(Text("风电可发（MW）", "wind available (MW)"), 0, 1e6),
    "solar": tables.number(Text("光伏可发（MW）", "sun available (MW)"), 0, 1e6),
    "demand": tables.number(Text("用电（MW）", "demand (MW)"), 0, 1e6),
}


def read(path: Path) -> Plan:
    """Read a zip with ``site.toml`` (the fields of `Site`, ``upper`` and ``lower`` now) and ``series.csv``; `BadInput`.

    The table has blocks of six hours: two whole past years or more, each of 365 days (29 February left out), up to this
    morning; then a forecast of seven days.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as opened:
            if max(opened.getinfo(name).file_size for name in (_SITE, _TABLE)) > _LARGEST:
                raise BadInput(path, expected=Text("不超过 16 MiB 的文件", "files of at most 16 MiB"))
            settings, table = opened.read(_SITE).decode("utf-8-sig"), opened.read(_TABLE)
    except BadInput:
        raise
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInput(path, expected=_FORMAT, found=str(error) or type(error).__name__) from error
    numbers = _numbers(path / _SITE, settings)
    upper, lower = numbers.pop("upper"), numbers.pop("lower")
    site = Site(**numbers)
    for name, now, most in (("upper", upper, site.upper_storage), ("lower", lower, site.lower_storage)):
        if now > most:
            raise BadInput(
                path / _SITE, field=name, expected=Text(f"不超过库容 {most:g}", f"at most the storage, {most:g}"), found=f"{now:g}"
            )  # fmt: skip
    past, outlook = _series(path / _TABLE, table)
    return Plan(site, past, outlook, upper, lower)


def _numbers(path: Path, text: str) -> dict[str, float]:
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, expected=Text("TOML 文件", "a TOML file"), found=str(error)) from error
    numbers = {}
    for name in (*(one.name for one in fields(Site)), "upper", "lower"):
        value = given.get(name)
        least = 0.0 if name in ("upper", "lower") else 1e-3
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1e6:
            expected = Text(f"{least:g} 至 1e6 的数", f"a number from {least:g} to 1e6")
            raise BadInput(path, field=name, expected=expected, found=str(given.get(name, "")))
        numbers[name] = float(value)
    return numbers


def _series(path: Path, content: bytes) -> tuple[Array, Array]:
    with TemporaryDirectory() as folder:
        copy = Path(folder, _TABLE)
        copy.write_bytes(content)
        try:
            table = tables.read_csv(copy, _COLUMNS)
        except BadInput as fault:
            raise fault.known_as(str(path)) from fault
    values = np.array([table[name] for name in SERIES]).T
    kinds = table["kind"]
    count, ahead, year = kinds.count("past"), WEEK * BLOCKS, DAYS * BLOCKS
    if "past" in kinds[count:]:
        raise table.fault(
            kinds.index("forecast"), "kind", Text("预报在全部实况之后", "the forecast after all of the past")
        )
    if len(kinds) - count != ahead:
        expected = Text(f"{ahead} 行预报（七天，每天四段）", f"{ahead} rows of forecast, four a day for seven days")
        raise BadInput(path, field="kind", expected=expected, found=str(len(kinds) - count))
    if count < 2 * year or count % year:
        expected = Text(f"两个以上整年的实况，每年 {year} 行", f"two whole past years or more, {year} rows each")
        raise BadInput(path, field="kind", expected=expected, found=str(count))
    return values[:count], values[count:]


def write(inputs: Plan, path: Path) -> None:
    """Write a site, its water, past and forecast as `read` takes them; which year it is stays unsaid."""
    numbers = {one.name: getattr(inputs.site, one.name) for one in fields(Site)}
    numbers |= {"upper": inputs.upper, "lower": inputs.lower}
    rows = [["past", *row] for row in inputs.past.tolist()] + [["forecast", *row] for row in inputs.outlook.tolist()]
    with TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        tables.write_csv(Path(folder, _TABLE), ["kind", *SERIES], rows)
        archive.writestr(_SITE, "".join(f"{name} = {value!r}\n" for name, value in numbers.items()))
        archive.write(Path(folder, _TABLE), _TABLE)


def picture(inputs: Plan, answer: Answer) -> Any:
    """Return how full the reservoirs are and what the turbines let through: over the year, or over the coming day."""
    import altair as alt
    import pandas as pd

    rows = pd.DataFrame(answer)
    whole = len(rows) > BLOCKS
    rows["at"] = rows["day"] if whole else rows["from_hour"]
    rows["upper_full"] = 100 * rows["upper_storage_hm3"] / inputs.site.upper_storage
    rows["lower_full"] = 100 * rows["lower_storage_hm3"] / inputs.site.lower_storage
    days = rows.groupby("at", as_index=False).mean()
    x = alt.X("at:Q", title="第几天 Day" if whole else "时 Hour")
    colour = alt.Color(
        "name:N",
        title=None,
        scale=alt.Scale(range=["#9ecae1", "#14557b"]),
        legend=alt.Legend(labelExpr="slice(datum.label, 0, 5) == 'upper' ? '上库 upper' : '下库 lower'"),
    )
    panels = [
        alt.Chart(days)
        .transform_fold(list(names), as_=["name", "value"])
        .mark_line(interpolate="monotone" if whole else "step-after")
        .encode(x, alt.Y("value:Q", title=title), colour)
        .properties(width=680, height=160)
        for title, names in (
            ("蓄水 Storage, %", ("lower_full", "upper_full")),
            ("发电流量 Turbines, m³/s", ("lower_m3s", "upper_m3s")),
        )
    ]
    title = "梯级水库的水 The cascade's water" + ("" if whole else ": 次日计划 the coming day")
    return alt.vconcat(*panels, title=title).resolve_scale(color="independent")


SCENARIO = Scenario(
    id="energy/hydro-wind-solar",
    title=Text("梯级水电与风光互补调度", "Cascades with wind and solar"),
    summary=Text(
        "按滚动预报安排两级水库每天放多少水发电，让风光少弃、枯季不缺电。",
        "Plans a cascade's turbines day by day, so that little wind, sun and water is lost and dry months are served.",
    ),
    task=9,
    system=Text("水风光多能互补", "complementary water, wind and solar power"),
    user=Text("流域集控中心的调度员", "dispatchers of a river basin's control centre"),
    decision=Text(
        "明天上下两库各时段放多少水发电", "how much water goes through the turbines in each block of tomorrow"
    ),
    formats=[_FORMAT],
    metric=Text(
        "每用一度电损失多少（弃电、弃水、缺电，年末少存的水）", "loss by curtailment, spill, shortage and missing water"
    ),
    unit="元/MWh CNY/MWh",
    better="lower",
    margin=2.0,
    baseline_title=Text("调度图与风光优先", "guide curve, wind and sun first"),
    method_title=Text("滚动随机规划（HiGHS）", "stochastic programme, rolling (HiGHS)"),
    source="Birge & Louveaux 2011; Day 1985; Journel & Huijbregts 1978; Huangfu & Hall 2018",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("highspy",),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
