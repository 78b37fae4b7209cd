"""The linear programme of compute-power integration: sites as a PyPSA network, jobs beside it through linopy, HiGHS.

A site is two buses. On its electricity bus hang hydro, wind, solar and the grid; a link with efficiency 1/PUE and the
contract's power as its capacity carries power to its IT bus, where the load that cannot be moved hangs, and a sink
``jobs`` up to the room for jobs. Jobs are tied to the sinks:

    minimise    sum marginal cost x generation  +  sum move cost x share  +  penalty x work that can't meet its deadline
    subject to  jobs[s, t] = committed[s, t] + sum kw_j x share[j, s, t']    (t' = t where j splits, else t - hours < t' <= t)
                sum share[j, ., .] + late[j] = what is left of j
                sum_s share[j, s, t] <= 1                                    (j splits and may run at several sites)

``share`` is the part of a job that starts at a site and hour (relaxed to 0..1), or of its kW at which it runs there.

PyPSA and linopy write the whole period once. From hour to hour only right-hand sides and bounds change, so the last
basis stays dual feasible and the dual simplex goes on from it.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dujiang.compute.power import SOURCES, Array, Problem
from dujiang.messages import Refused, Text

if TYPE_CHECKING:
    import pypsa

_INFINITE = 1e9
"""More kW than any province's centres draw; HiGHS wants no infinite capacities in a network's rows."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What the LP says: each option's ``share``, the ``price`` of a kWh of IT energy (sites, hours), CNY, the ``cost``
    of the period (energy and moves, CNY) and the kWh that are ``late``.
    """  # noqa: D205

    share: Array
    price: Array
    cost: float
    late: float


def supply_network(problem: Problem, green: Array) -> pypsa.Network:
    """Return the sites as a PyPSA network with ``green`` (3, sites, hours) kW available; jobs are sinks of any power."""
    pypsa = _pypsa()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _sites(pypsa.Network(snapshots=range(problem.market.hours)), problem, green)


def _sites(network: pypsa.Network, problem: Problem, green: Array) -> pypsa.Network:
    market = problem.market
    network.add("Carrier", [*SOURCES, "grid", "electricity", "IT", "PUE"])
    names = [site.name for site in market.sites]
    network.add(
        "Bus", [*names, *(f"{name} IT" for name in names)], carrier=["electricity"] * len(names) + ["IT"] * len(names)
    )
    # Generators: (power available, what a kWh costs) of each source and site, the grid, and the jobs as sinks.
    available = [*green.reshape(-1, market.hours), *np.full(market.tariff.shape, _INFINITE), *problem.room]
    costs = [*market.marginal.reshape(-1, market.hours), *np.zeros(market.tariff.shape)]
    most = np.maximum(np.max(available, axis=1, initial=0.0), 1.0)
    kinds = [*SOURCES, "grid", "jobs"]
    of = [f"{name} {kind}" for kind in kinds for name in names]
    network.add(
        "Generator",
        of,
        bus=[f"{name} IT" if kind == "jobs" else name for kind in kinds for name in names],
        carrier=["IT" if kind == "jobs" else kind for kind in kinds for _ in names],
        sign=[-1 if kind == "jobs" else 1 for kind in kinds for _ in names],
        p_nom=most,
        p_max_pu=pd.DataFrame(np.array(available).T / most, columns=of),
        marginal_cost=pd.DataFrame(np.array(costs).T, columns=of),
    )
    network.add(
        "Link",
        [f"{name} PUE" for name in names],
        bus0=names,
        bus1=[f"{name} IT" for name in names],
        carrier="PUE",
        p_nom=[max(site.contract_kw, site.base_kw * site.pue) for site in market.sites],
        efficiency=[1 / site.pue for site in market.sites],
    )
    base = [site.base_kw for site in market.sites]
    network.add("Load", [f"{name} base" for name in names], bus=[f"{name} IT" for name in names], p_set=base)
    return network


class Network:
    """The LP of a problem, written once and solved again and again from where it stood."""

    def __init__(self, problem: Problem) -> None:
        """Write the LP; raises `Refused` where the extra ``power`` is not installed."""
        self.problem = problem
        market, jobs = problem.market, problem.jobs
        self._options()
        network = supply_network(problem, market.green)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model = network.optimize.create_model(include_objective_constant=False)
        # What is late costs more than any way to be on time: it is never chosen for its cost.
        penalty = 100 * (
            float(np.abs(market.marginal).max()) * float(market.pue.max()) + float(problem.move.max(initial=0.0))
        )
        sink = model.variables["Generator-p"].sel(name=[f"{site.name} jobs" for site in market.sites])
        kw = np.array([job.kw for job in jobs])
        spans = np.array([1 if job.splittable else job.hours for job in jobs], dtype=int)
        share = model.add_variables(
            lower=0, upper=1, coords=[pd.RangeIndex(len(self.job), name="option")], name="share"
        )
        late = model.add_variables(lower=0, coords=[pd.RangeIndex(len(jobs), name="job")], name="late")
        move = problem.move[self.job, self.site] * (kw * spans)[self.job]
        model.objective = (
            model.objective
            + (share * _along("option", move)).sum()
            + (late * _along("job", penalty * kw * spans)).sum()
        )
        model.add_constraints(share.groupby(_along("option", self.job, "job")).sum() + late == 0, name="work")
        several = np.array([job.splittable and len(job.sites) > 1 for job in jobs])[self.job]
        if several.any():
            part = share.isel(option=np.flatnonzero(several))
            rate = (self.job * market.hours + self.hour)[several]
            model.add_constraints(part.groupby(_along("option", rate, "rate")).sum() <= 1, name="rate")
        # Each option loads the hours that it spans, a piece an hour.
        option = np.repeat(np.arange(len(self.job)), spans[self.job])
        begin = np.cumsum(spans[self.job]) - spans[self.job]
        hour = self.hour[option] + np.arange(len(option)) - begin[option]
        cell = self.site[option] * market.hours + hour
        self._cells = np.unique(cell)
        pieces = share.to_linexpr().sel(option=_along("piece", option)) * _along("piece", kw[self.job[option]])
        load = pieces.drop_vars("option").groupby(_along("piece", cell, "cell")).sum()
        at = {
            "snapshot": _along("cell", self._cells % market.hours),
            "name": _along(
                "cell", np.array([f"{site.name} jobs" for site in market.sites])[self._cells // market.hours]
            ),
        }
        there = sink.to_linexpr().sel(at).drop_vars(["snapshot", "name"]).assign_coords(cell=self._cells)
        model.add_constraints(there - load == 0, name="jobs")
        self._link(model)

    def _options(self) -> None:
        """List where and when each job may start or run: job, site, hour; a job's options lie together."""
        job, site, hour, self.first = [], [], [], [0]
        for number, one in enumerate(self.problem.jobs):
            last = min(one.deadline, self.problem.market.hours) - (1 if one.splittable else one.hours)
            hours = np.arange(one.release, last + 1)
            for at in self.problem.allowed[number]:
                job.append(np.full(len(hours), number))
                site.append(np.full(len(hours), at))
                hour.append(hours)
            self.first.append(self.first[-1] + len(hours) * len(self.problem.allowed[number]))
        whole = [np.concatenate([*part, np.empty(0, dtype=int)]).astype(int) for part in (job, site, hour)]
        self.job, self.site, self.hour = whole

    def options(self, job: int) -> slice:
        """Return where a job's options lie."""
        return slice(self.first[job], self.first[job + 1])

    def _link(self, model: Any) -> None:
        """Hand the LP to HiGHS, and note which of its rows and columns are which."""
        rows = {int(label): row for row, label in enumerate(model.matrices.clabels)}
        columns = {int(label): column for column, label in enumerate(model.matrices.vlabels)}

        def of(labels: Any, places: dict[int, int]) -> NDArray[np.int32]:
            return np.array([places[int(label)] for label in np.asarray(labels).ravel()], dtype=np.int32)

        variables, constraints = model.variables, model.constraints
        names = [f"{site.name} {source}" for source in SOURCES for site in self.problem.market.sites]
        # (3 x sites, hours), as the supply is.
        limits = constraints["Generator-fix-p-upper"].labels.sel(name=names).transpose("name", "snapshot")
        self._green_rows = of(limits, rows).reshape(len(names), -1)
        self._share, self._late = of(variables["share"].labels, columns), of(variables["late"].labels, columns)
        self._work = of(constraints["work"].labels, rows)
        self._jobs = of(constraints["jobs"].labels, rows)
        # One for all jobs and one for the splittable ones alone, each of which goes on from its own last basis.
        self._highs = [_quiet(model.to_highspy) for _ in range(2)]

    def solve(
        self, green: Array, now: int, known: NDArray[np.bool_], schedule: Array, stay: NDArray[np.bool_], which: int = 0
    ) -> Solution:
        """Solve for the hours from ``now`` on, with supply ``green``, for what ``schedule`` has left to do by then.

        What ran before ``now``, and the jobs of ``stay``, are as the schedule says. ``which`` of two solvers goes on
        from where it stood: calls of a kind belong together.
        """
        problem, highs = self.problem, self._highs[which]
        kept = schedule[stay, :, now:].sum(axis=0)
        done = schedule[:, :, :now].sum(axis=(1, 2)) + np.where(stay, schedule[:, :, now:].sum(axis=(1, 2)), 0.0)
        kw = np.array([job.kw for job in problem.jobs])
        spans = np.array([1 if job.splittable else job.hours for job in problem.jobs])
        left = np.where(known, (problem.energy - done).clip(min=0.0) / (kw * spans), 0.0)
        left[left < 1e-9] = 0.0
        open_ = (left[self.job] > 0) & (self.hour >= now)
        zero = np.zeros(len(self.job))
        highs.changeColsBounds(len(self._share), self._share, zero, open_.astype(float))
        highs.changeRowsBounds(len(self._work), self._work, left, left)
        committed = np.zeros((len(problem.market.sites), problem.market.hours))
        committed[:, now:] = kept
        load = committed.ravel()[self._cells]
        highs.changeRowsBounds(len(self._jobs), self._jobs, load, load)
        ahead = self._green_rows[:, now:].ravel()
        high = green.reshape(-1, problem.market.hours)[:, now:].ravel()
        highs.changeRowsBounds(len(ahead), ahead, np.full(len(ahead), -np.inf), high)
        highs.run()
        status = highs.modelStatusToString(highs.getModelStatus())
        if status != "Optimal":
            raise RuntimeError(f"HiGHS: {status}")
        answer = highs.getSolution()
        value, dual = np.asarray(answer.col_value), np.asarray(answer.row_dual)
        price = problem.market.tariff * problem.market.pue
        price.ravel()[self._cells] = dual[self._jobs]
        return Solution(
            share=value[self._share].clip(0.0, 1.0),
            price=price,
            cost=highs.getInfo().objective_function_value,
            late=float((value[self._late] * kw * spans).sum()),
        )


def _quiet(make: Any) -> Any:
    """Make a HiGHS that prints nothing; its greeting goes to the process's standard output itself."""
    import highspy

    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    made = make()
    made.setOptionValue("output_flag", False)
    highs.passModel(made.getModel())
    return highs


def _along(dimension: str, values: Any, name: str | None = None) -> Any:
    import xarray as xr

    return xr.DataArray(np.asarray(values), dims=dimension, name=name)


def _pypsa() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import highspy  # noqa: F401
            import pypsa
    except ImportError as error:
        raise Refused(
            Text(
                "算电融合规划需要 PyPSA 和 HiGHS：pip install 'dujiang[power]'",
                "planning with power needs PyPSA and HiGHS: pip install 'dujiang[power]'",
            )
        ) from error
    logging.getLogger("pypsa").setLevel(logging.ERROR)
    logging.getLogger("linopy").setLevel(logging.ERROR)
    return pypsa
