"""Compute-power integration (算电融合): when and where flexible jobs run, so that they follow water, wind and sun.

*The problem.* Sites have room for IT load, a PUE, a contract for power, hydro, wind and solar power of their own or
under contract, and a time-of-use tariff. Jobs have a release hour, a deadline, a power draw, hours of work and the
sites that may take them. What is decided is each job's kW at each site and hour.

*Energy.* A site's draw is PUE times its IT load. It is met in the order of what a kWh costs: a source that is used
costs its price and forgoes what its surplus would have earned (or would have cost to spill), the grid costs the tariff.
Each site and hour is on its own, so the least cost of a draw is a convex piecewise-linear function, and every policy is
billed by it alike (`Market.bill`), on what supply turned out to be.

*Jobs.* A splittable job may run at any rate up to its kW and at several sites at once; a job that is not runs at full kW
for consecutive hours at one site. Power contracts bound the whole draw of a site, so that whether a job fits never hangs
on the weather.

*The plan.* `roll` plans anew each hour, commits that hour and moves on. The LP of `power_network` (PyPSA, HiGHS) reaches
to the last deadline of the jobs that are known: inside the window supply is the forecast, after it the window's mean
day, and the tariff is the published one. Work that is put off beyond the window is thus priced, not free: that is the
horizon's terminal value. The LP may start a tenth of a job; `_rounded` turns it into a schedule that can be worked: a
job that does not split starts where the LP puts most of it, else where its reduced cost is least, among what fits.

*Deadlines.* The planner keeps a promise: a whole schedule of all known jobs. At first it is run-at-once; a job that is
announced later joins it at the first place that fits, as it would with run-at-once. A new schedule takes the promise's
place only if it misses no more deadlines, leaves no more work undone, and costs no more by the forecast. Hence, where
jobs are announced before the work of others is put off (at the latest one's longest slack ahead), no more deadlines are
missed than by run-at-once. Nothing that ever waits can promise this for work that it has not heard of: a slot that was
free when a job was put off may be needed by one that nobody announced.

Source of the horizon's form: Rawlings, Mayne & Diehl (2017), Model Predictive Control, ch. 2 (terminal cost); of the peer
`wait_awhile`: Wiesner et al. (2021), Let's Wait Awhile, Middleware '21.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dujiang.compute.power_network import Network, Solution

Array = NDArray[np.float64]

SOURCES = ("hydro", "wind", "solar")
WINDOW = 48
"""Hours of forecast that the planner uses: what weather services give a site hourly with some skill."""
RESERVE = 0.15
"""Share of a site's room that whole jobs put off leave free for what nobody has announced."""
ROUNDS = 1
"""Times that whole jobs are moved one by one and the splittable ones filled in around them anew."""
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A compute centre. Powers in kW, prices in CNY/kWh.

    ``it_kw``       IT load that it can carry, ``base_kw`` of it by work that cannot be moved.
    ``contract_kw`` the most that the whole site may draw, whatever the source.
    ``hydro_kw``... power of each kind that it owns or has under contract, with what a kWh used costs.
    ``feed_in``     earned for a kWh of that power which it does not use; ``spill`` is what one costs that nobody takes
                    (curtailment). A site has one or the other.
    """

    name: str
    it_kw: float
    pue: float
    contract_kw: float
    base_kw: float = 0.0
    hydro_kw: float = 0.0
    wind_kw: float = 0.0
    solar_kw: float = 0.0
    hydro_price: float = 0.0
    wind_price: float = 0.0
    solar_price: float = 0.0
    feed_in: float = 0.0
    spill: float = 0.0
    latitude: float | None = None
    longitude: float | None = None

    @property
    def room_kw(self) -> float:
        """IT load that jobs may use."""
        return max(min(self.it_kw, self.contract_kw / self.pue) - self.base_kw, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A flexible job: ``kw`` of IT power for ``hours`` hours between ``release`` and ``deadline`` (hours from 0; it must
    be done by the start of the deadline's hour), at one of ``sites``.

    ``move_cost``  CNY for taking its data elsewhere than ``home``; a splittable job pays by the share that runs there.
    ``announced``  when the planner hears of it; at the latest at its release.
    """  # noqa: D205

    name: str
    release: int
    deadline: int
    kw: float
    hours: int
    sites: tuple[str, ...]
    home: str
    splittable: bool = False
    move_cost: float = 0.0
    announced: int | None = None

    @property
    def known_from(self) -> int:
        """The hour at which the planner hears of it."""
        return self.release if self.announced is None else min(self.announced, self.release)


@dataclass(frozen=True)
class Market:
    """Sites with supply and tariff of the hours: ``green`` (3 sources, sites, hours) in kW at the meter, ``tariff``
    (sites, hours) in CNY/kWh.
    """  # noqa: D205

    sites: tuple[Site, ...]
    green: Array
    tariff: Array

    @property
    def hours(self) -> int:
        """Hours of the period."""
        return self.tariff.shape[1]

    @cached_property
    def pue(self) -> Array:
        """PUE (sites, 1)."""
        return np.array([[site.pue] for site in self.sites])

    @cached_property
    def base(self) -> Array:
        """IT load that cannot be moved (sites, 1), kW."""
        return np.array([[site.base_kw] for site in self.sites], dtype=float)

    @cached_property
    def prices(self) -> Array:
        """What a kWh of each source costs (3, sites, 1)."""
        return np.array([[[getattr(site, f"{source}_price")] for site in self.sites] for source in SOURCES])

    @cached_property
    def surplus(self) -> Array:
        """What a kWh of each source earns if it is not used (3, sites, 1); negative: costs to spill."""
        return np.array(
            [
                [
                    [site.feed_in - getattr(site, f"{source}_price") if site.feed_in else -site.spill]
                    for site in self.sites
                ]
                for source in SOURCES
            ]
        ).clip(min=np.array([[-site.spill] for site in self.sites]))

    @cached_property
    def marginal(self) -> Array:
        """What using one more kWh costs (4, sites, hours): the three sources with what they forgo, then the grid."""
        own = np.broadcast_to(self.prices + self.surplus, self.green.shape)
        return np.concatenate([own, self.tariff[None]])

    @cached_property
    def _merit(self) -> tuple[NDArray[np.intp], Array, Array]:
        """Order of use (4, sites, hours), what is available below each step, and each step's cost."""
        order = np.argsort(self.marginal, axis=0, kind="stable")
        limit = np.concatenate([self.green, np.full((1, *self.tariff.shape), np.inf)])
        limit = np.take_along_axis(limit, order, axis=0)
        below = np.concatenate([np.zeros((1, *self.tariff.shape)), np.cumsum(limit, axis=0)[:-1]])
        return order, below, np.take_along_axis(self.marginal, order, axis=0)

    @cached_property
    def constant(self) -> float:
        """What all surplus would earn if nothing were used, as a cost (CNY)."""
        return -float((self.surplus * self.green).sum())

    def mix(self, it_load: Array) -> Array:
        """Return the power used of each source, then of the grid (4, sites, hours), for flexible IT load (sites, hours)."""
        draw = (it_load + self.base) * self.pue
        order, below, _ = self._merit
        steps = np.diff(np.minimum(np.concatenate([below, np.full((1, *draw.shape), np.inf)]), draw), axis=0)
        used = np.zeros_like(steps)
        np.put_along_axis(used, order, steps, axis=0)
        return used

    def bill(self, it_load: Array) -> Array:
        """Return what energy costs less what surplus earns (sites, hours), CNY, for flexible IT load (sites, hours)."""
        return self._cost(it_load) - (self.surplus * self.green).sum(axis=0)

    def _cost(self, it_load: Array, hours: slice = slice(None)) -> Array:
        draw = (it_load + self.base) * self.pue
        _, below, cost = self._merit
        below, cost = below[..., hours], cost[..., hours]
        # Convex: the first step's cost for all of it, and what each later step costs more for what lies above it.
        total = cost[0] * draw
        for step in range(1, 4):
            above = np.where(np.isfinite(below[step]), draw - below[step], 0.0)
            total = total + (cost[step] - cost[step - 1]) * np.maximum(above, 0.0)
        return total

    def added(self, it_load: Array, kw: float | Array, hours: slice = slice(None)) -> Array:
        """Return what ``kw`` more IT load would cost in each of ``hours`` (sites, hours), CNY."""
        return self._cost((it_load + kw)[:, hours], hours) - self._cost(it_load[:, hours], hours)

    def with_green(self, green: Array) -> Market:
        """Return the market with other supply."""
        return Market(self.sites, green, self.tariff)


@dataclass(frozen=True)
class Problem:
    """A market and the jobs to be run in it, and ``room`` for them (sites, hours), IT kW."""

    market: Market
    jobs: tuple[Job, ...]

    @cached_property
    def room(self) -> Array:
        """IT load that jobs may use (sites, hours), kW."""
        rooms = np.array([[site.room_kw] for site in self.market.sites], dtype=float)
        return np.repeat(rooms, self.market.hours, axis=1)

    @cached_property
    def allowed(self) -> tuple[tuple[int, ...], ...]:
        """The places of each job's sites, its home first."""
        place = {site.name: number for number, site in enumerate(self.market.sites)}
        return tuple(
            tuple(sorted((place[name] for name in job.sites), key=lambda at, home=place[job.home]: (at != home, at)))  # type: ignore[misc]
            for job in self.jobs
        )

    @cached_property
    def move(self) -> Array:
        """What a kWh of a job's IT energy at a site costs to have its data there (jobs, sites), CNY."""
        away = np.array([[job.home != site.name for site in self.market.sites] for job in self.jobs], dtype=float)
        unit = np.array([[job.move_cost / (job.kw * job.hours)] for job in self.jobs])
        return (away * unit).reshape(len(self.jobs), len(self.market.sites))

    @cached_property
    def energy(self) -> Array:
        """IT energy of each job, kWh."""
        return np.array([job.kw * job.hours for job in self.jobs])

    @cached_property
    def deadline(self) -> NDArray[np.int64]:
        """Deadline of each job."""
        return np.array([job.deadline for job in self.jobs], dtype=np.int64)

    @cached_property
    def splittable(self) -> NDArray[np.bool_]:
        """Which jobs are splittable."""
        return np.array([job.splittable for job in self.jobs], dtype=bool)

    def running(self, schedule: Array, now: int) -> NDArray[np.bool_]:
        """Return which jobs have started before ``now`` and may not be interrupted."""
        return ~self.splittable & (schedule[:, :, :now].sum(axis=(1, 2)) > 0)

    def empty(self) -> Array:
        """Return a schedule in which nothing runs: IT kW of (jobs, sites, hours)."""
        return np.zeros((len(self.jobs), len(self.market.sites), self.market.hours))

    def missed(self, schedule: Array) -> NDArray[np.bool_]:
        """Return which jobs are not done by their deadlines."""
        done = np.concatenate([np.zeros((len(self.jobs), 1)), schedule.sum(axis=1).cumsum(axis=1)], axis=1)
        by = np.minimum(self.deadline, self.market.hours)
        return done[np.arange(len(self.jobs)), by] < self.energy - _TINY * np.maximum(self.energy, 1.0)

    def cost(self, schedule: Array, market: Market | None = None) -> float:
        """Return what the jobs add to the sites' bills, and their moves, CNY, by the market (another one: a forecast)."""
        market = market or self.market
        added = market.added(np.zeros(market.tariff.shape), schedule.sum(axis=0)).sum()
        return float(added + (schedule.sum(axis=2) * self.move).sum())


@dataclass(frozen=True)
class Outcome:
    """What a policy came to. ``schedule`` (jobs, sites, hours) IT kW; ``mix`` (4, sites, hours) kW of hydro, wind, solar
    and grid; ``cost`` CNY of energy and moves; ``missed`` deadlines; ``undone`` kWh of IT work left at the end.
    """  # noqa: D205

    schedule: Array
    mix: Array
    cost: float
    moves: float
    green_share: float
    missed: int
    undone: float
    replan_seconds: tuple[float, ...] = field(default=())


def outcome(problem: Problem, schedule: Array, replan_seconds: Sequence[float] = ()) -> Outcome:
    """Bill a schedule on what supply turned out to be."""
    mix = problem.market.mix(schedule.sum(axis=0))
    return Outcome(
        schedule=schedule,
        mix=mix,
        cost=problem.cost(schedule),
        moves=float((schedule.sum(axis=2) * problem.move).sum()),
        green_share=float(mix[:3].sum() / max(mix.sum(), _TINY)),
        missed=int(problem.missed(schedule).sum()),
        undone=float(np.maximum(problem.energy - schedule.sum(axis=(1, 2)), 0.0).sum()),
        replan_seconds=tuple(replan_seconds),
    )


# ---- policies that place each job once, when it is released


def run_at_once(problem: Problem) -> Outcome:
    """Each job runs as soon as there is room, at home if that is no later than elsewhere, as today's centres do."""
    schedule, free = problem.empty(), problem.room.copy()
    for number in _by_release(problem):
        _at_once(problem, number, schedule, free, problem.jobs[number].release)
    return outcome(problem, schedule)


def valley_hours(problem: Problem) -> Outcome:
    """What a careful operator does today: each job takes the hours and the site of the lowest tariff that still fit."""
    bare = problem.market.with_green(np.zeros_like(problem.market.green))
    return _placed(problem, lambda _: bare)


def wait_awhile(problem: Problem, forecast: Callable[[int], Array]) -> Outcome:
    """Each job takes, when released, what is cheapest by the forecast of then beside the jobs placed before.

    The policy of Wiesner et al. (2021) with costs for carbon, and with sites that can be full.
    """
    return _placed(problem, lambda now: problem.market.with_green(forecast(now)))


def _placed(problem: Problem, market_at: Callable[[int], Market]) -> Outcome:
    schedule, free = problem.empty(), problem.room.copy()
    hour, market = -1, problem.market
    for number in _by_release(problem):
        job = problem.jobs[number]
        if job.release != hour:
            hour, market = job.release, market_at(job.release)
        added = market.added(schedule.sum(axis=0), job.kw) / job.kw + problem.move[number][:, None]
        if not _cheapest(problem, number, schedule, free, job.release, added):
            _at_once(problem, number, schedule, free, job.release)
    return outcome(problem, schedule)


def _by_release(problem: Problem) -> list[int]:
    return sorted(range(len(problem.jobs)), key=lambda number: problem.jobs[number].release)


def _at_once(problem: Problem, number: int, schedule: Array, free: Array, now: int) -> None:
    """Place what is left of a job as early as it fits from ``now`` on; leaves undone what fits nowhere."""
    job, sites = problem.jobs[number], problem.allowed[number]
    left = problem.energy[number] - schedule[number].sum()
    if job.splittable:
        for hour in range(now, problem.market.hours):
            rate = job.kw - schedule[number, :, hour].sum()
            for site in sites:
                if left <= _TINY:
                    return
                kw = min(rate, free[site, hour], left)
                if kw > _TINY:
                    schedule[number, site, hour] += kw
                    free[site, hour] -= kw
                    rate, left = rate - kw, left - kw
    elif left > _TINY:
        fits = _fits(free[list(sites), now:], job)
        if fits.any():
            # The earliest hour, there the first of its sites.
            start, order = np.argwhere(fits.T)[0]
            _start(job, number, sites[order], now + int(start), schedule, free)


def _fits(free: Array, job: Job) -> NDArray[np.bool_]:
    """Return at which hours of ``free`` (sites, hours) the job could start and run through (sites, starts)."""
    return _windows((free < job.kw - _TINY).astype(float), job.hours) == 0


def _windows(values: Array, hours: int) -> Array:
    """Return the sums of ``hours`` consecutive values along the last axis."""
    if values.shape[-1] < hours:
        return np.empty((*values.shape[:-1], 0))
    summed = np.concatenate([np.zeros((*values.shape[:-1], 1)), values.cumsum(axis=-1)], axis=-1)
    return np.asarray(summed[..., hours:] - summed[..., :-hours])


def _start(job: Job, number: int, site: int, hour: int, schedule: Array, free: Array) -> None:
    schedule[number, site, hour : hour + job.hours] = job.kw
    free[site, hour : hour + job.hours] -= job.kw


def _cheapest(problem: Problem, number: int, schedule: Array, free: Array, now: int, price: Array) -> bool:
    """Place what is left of a job where ``price`` (sites, hours; CNY per kWh IT) is least before its deadline.

    Returns whether all of it found a place; if not, nothing is placed.
    """
    job, sites = problem.jobs[number], problem.allowed[number]
    first, last = max(job.release, now), min(job.deadline, problem.market.hours)
    if job.splittable:
        left = problem.energy[number] - schedule[number].sum()
        cells = [(price[site, hour], hour, order) for order, site in enumerate(sites) for hour in range(first, last)]
        rate = job.kw - schedule[number].sum(axis=0)
        pieces = []
        for _, hour, order in sorted(cells):
            site = sites[order]
            kw = min(rate[hour], free[site, hour], left)
            if kw > _TINY:
                pieces.append((site, hour, kw))
                rate[hour] -= kw
                left -= kw
            if left <= _TINY:
                break
        if left > _TINY:
            return False
        for site, hour, kw in pieces:
            schedule[number, site, hour] += kw
            free[site, hour] -= kw
        return True
    fits = _fits(free[list(sites), first:last], job)
    if not fits.any():
        return False
    total = np.where(fits, _windows(price[list(sites), first:last], job.hours), np.inf)
    start, order = divmod(int(total.T.argmin()), len(total))
    _start(job, number, sites[order], first + start, schedule, free)
    return True


@dataclass(frozen=True, slots=True)
class Start:
    """Where and when to start a job, what it then costs, and what it costs when started as soon as there is room."""

    site: str
    hour: int
    cost: float
    at_once: float


def recommended_start(market: Market, job: Job, now: int, load: Array | None = None) -> Start | None:
    """Return the cheapest start of one job from ``now`` on; None where it fits nowhere before its deadline.

    ``market`` holds the supply as it is forecast now; ``load`` (sites, hours) is the IT kW of jobs that are placed
    already. The job is taken as one that runs through at one site, which suits splittable ones too.
    """
    whole = replace(job, splittable=False, release=max(job.release, now))
    problem = Problem(market, (whole,))
    load = np.zeros(market.tariff.shape) if load is None else load
    price = market.added(load, job.kw) / job.kw + problem.move[0][:, None]
    chosen, first = problem.empty(), problem.empty()
    if not _cheapest(problem, 0, chosen, problem.room - load, whole.release, price):
        return None
    _at_once(problem, 0, first, problem.room - load, whole.release)
    site, hour = np.argwhere(chosen[0] > 0)[0]
    return Start(
        site=market.sites[site].name,
        hour=int(hour),
        cost=float((chosen[0] * price).sum()),
        at_once=float((first[0] * price).sum()),
    )


# ---- the planner


def roll(
    problem: Problem, forecast: Callable[[int], Array], network: Network | None = None, reserve: float = 0.0
) -> Outcome:
    """Plan each hour anew on the forecast of that hour, commit the hour, move on.

    ``forecast(now)`` gives supply (3, sites, hours) as it is seen at ``now``, that hour itself as measured; `forecasts`
    in `supply` makes one. ``network`` may be shared between calls of the same sites, tariff and jobs. ``reserve`` is the
    share of each site's room that whole jobs put off do not take, for what nobody has announced.
    """
    from dujiang.compute.power_network import Network

    network, spare = network or Network(problem), reserve * problem.room
    known = np.zeros(len(problem.jobs), dtype=bool)
    promise, free = problem.empty(), problem.room.copy()
    order, seconds = _by_release(problem), []
    last = max((min(job.deadline, problem.market.hours) for job in problem.jobs), default=0)
    for now in range(last):
        started = time.perf_counter()
        for number in order:
            if not known[number] and problem.jobs[number].known_from <= now:
                known[number] = True
                _at_once(problem, number, promise, free, problem.jobs[number].release)
        waiting = known & (promise[:, :, now:].sum(axis=(1, 2)) > _TINY)
        if not waiting.any():
            continue
        seen = problem.market.with_green(forecast(now))
        fixed = problem.running(promise, now)
        solution = network.solve(seen.green, now, known, promise, fixed)
        candidate, candidate_free = _rounded(problem, solution, network, now, known, promise, spare)
        for _ in range(ROUNDS):
            _moved(problem, seen, candidate, candidate_free - spare, now, known & ~fixed & ~problem.splittable)
            solution = network.solve(seen.green, now, known, candidate, ~problem.splittable, which=1)
            candidate, candidate_free = _filled(problem, solution, network, now, known, candidate)
        # What was undone or late already is so in both; the keys compare the rest.
        if _key(problem, candidate, known, seen) <= _key(problem, promise, known, seen):
            promise, free = candidate, candidate_free
        seconds.append(time.perf_counter() - started)
    return outcome(problem, promise, seconds)


def _key(problem: Problem, schedule: Array, known: NDArray[np.bool_], market: Market) -> tuple[int, float, float]:
    undone = np.maximum(problem.energy - schedule.sum(axis=(1, 2)), 0.0)[known].sum()
    return int(problem.missed(schedule)[known].sum()), round(float(undone), 3), problem.cost(schedule, market)


def _moved(problem: Problem, market: Market, schedule: Array, free: Array, now: int, jobs: NDArray[np.bool_]) -> None:
    """Take each job out and put it back where it costs least beside all others, once round, the largest first."""
    load = schedule.sum(axis=0)
    for number in sorted(np.flatnonzero(jobs).tolist(), key=lambda number: (-problem.energy[number], number)):
        job, before = problem.jobs[number], schedule[number].copy()
        if not before.any():
            continue
        schedule[number] = 0.0
        free += before
        load -= before
        hours = slice(max(job.release, now), job.deadline)
        price = np.zeros(load.shape)
        price[:, hours] = market.added(load, job.kw, hours) / job.kw
        price += problem.move[number][:, None]
        if not _cheapest(problem, number, schedule, free, now, price):
            schedule[number] = before
            free -= before
        load += schedule[number]


def _rounded(
    problem: Problem,
    solution: Solution,
    network: Network,
    now: int,
    known: NDArray[np.bool_],
    promise: Array,
    spare: Array,
) -> tuple[Array, Array]:
    """Return a schedule that can be worked, near the LP's: what ran or runs stays, the rest is placed anew."""
    schedule = promise.copy()
    schedule[~problem.running(promise, now), :, now:] = 0.0
    free = problem.room - schedule.sum(axis=0) - spare
    left = np.where(known, problem.energy - schedule.sum(axis=(1, 2)), 0.0)
    waiting = np.flatnonzero((left > _TINY) & ~problem.splittable).tolist()
    most = {number: float(solution.share[network.options(number)].max(initial=0.0)) for number in waiting}
    # First those about which the LP is of one mind, then the largest.
    order = sorted(
        waiting,
        key=lambda number: (-round(most[number], 6), -problem.energy[number], number),
    )
    late = []
    for number in order:
        job, options = problem.jobs[number], network.options(number)
        share, site, hour = solution.share[options], network.site[options], network.hour[options]
        chosen = np.flatnonzero((share > _TINY) & (hour >= now))
        chosen = chosen[np.argsort(-share[chosen], kind="stable")]
        fitting = (one for one in chosen if free[site[one], hour[one] : hour[one] + job.hours].min() >= job.kw - _TINY)
        if (one := next(fitting, None)) is not None:
            _start(job, number, site[one], hour[one], schedule, free)
        elif not _cheapest(problem, number, schedule, free, now, solution.price + problem.move[number][:, None]):
            late.append(number)
    free += spare
    for number in late:
        if not _cheapest(problem, number, schedule, free, now, solution.price + problem.move[number][:, None]):
            _at_once(problem, number, schedule, free, max(now, problem.jobs[number].release))
    return _filled(problem, solution, network, now, known, schedule)


def _filled(
    problem: Problem, solution: Solution, network: Network, now: int, known: NDArray[np.bool_], schedule: Array
) -> tuple[Array, Array]:
    """Return the schedule with the splittable jobs from ``now`` on at the LP's rates, as far as they fit."""
    schedule = schedule.copy()
    schedule[problem.splittable, :, now:] = 0.0
    free = problem.room - schedule.sum(axis=0)
    left = np.where(known, problem.energy - schedule.sum(axis=(1, 2)), 0.0)
    late = []
    for number in sorted(
        np.flatnonzero(problem.splittable & (left > _TINY)).tolist(), key=lambda one: problem.deadline[one]
    ):
        job, options = problem.jobs[number], network.options(number)
        share, site, hour = solution.share[options], network.site[options], network.hour[options]
        for one in np.flatnonzero((share > _TINY) & (hour >= now)):
            kw = min(share[one] * job.kw, free[site[one], hour[one]], left[number])
            if kw > _TINY:
                schedule[number, site[one], hour[one]] += kw
                free[site[one], hour[one]] -= kw
                left[number] -= kw
        price = solution.price + problem.move[number][:, None]
        if left[number] > _TINY and not _cheapest(problem, number, schedule, free, now, price):
            late.append(number)
    for number in late:
        _at_once(problem, number, schedule, free, max(now, problem.jobs[number].release))
    return schedule, free
