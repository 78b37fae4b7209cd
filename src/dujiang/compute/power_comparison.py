"""The planner beside what centres do today, a careful operator, a published heuristic, and the bound, on the same data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dujiang.compute.power import (
    RESERVE,
    WINDOW,
    Outcome,
    Problem,
    roll,
    run_at_once,
    valley_hours,
    wait_awhile,
)
from dujiang.compute.power_network import Network
from dujiang.compute.supply import forecasts
from dujiang.messages import Text

POLICIES = {
    "run-at-once": Text("即到即跑（现状）", "run at once (today)"),
    "valley-hours": Text("谷段错峰", "valley hours"),
    "wait-awhile": Text("按预测择时（Wiesner 等，2021）", "Let's Wait Awhile (Wiesner et al. 2021)"),
    "rolling": Text("滚动规划，预测有误差", "rolling, forecasts that are wrong"),
    "rolling-perfect": Text("滚动规划，预测准确", "rolling, perfect forecasts"),
}
"""What is compared, by key."""


@dataclass(frozen=True)
class Comparison:
    """Outcomes by policy, and ``bound``: the cost (CNY) of the LP that knows all jobs and all supply from the start.

    ``bound_late`` is the kWh of work that even the bound can't do in time; where it is above 0 a policy's cost may lie
    below the bound, since late work pays nothing there.
    """

    outcomes: dict[str, Outcome]
    bound: float
    bound_late: float


def compare(problem: Problem, seed: int, network: Network | None = None) -> Comparison:
    """Run every policy; ``seed`` draws the errors of the forecasts.

    Wrong forecasts go with jobs that are heard of when they are announced; perfect ones know the jobs of the window too.
    """
    network = network or Network(problem)
    wrong, right = forecasts(problem.market, seed), forecasts(problem.market)
    foretold = Problem(
        problem.market, tuple(replace(job, announced=max(job.release - WINDOW, 0)) for job in problem.jobs)
    )
    outcomes = {
        "run-at-once": run_at_once(problem),
        "valley-hours": valley_hours(problem),
        "wait-awhile": wait_awhile(problem, wrong),
        "rolling": roll(problem, wrong, network, reserve=RESERVE),
        "rolling-perfect": roll(foretold, right, network),
    }
    bound, late = lower_bound(problem, network)
    return Comparison(outcomes, bound, late)


def lower_bound(problem: Problem, network: Network) -> tuple[float, float]:
    """Return the least cost of the jobs (CNY) by the LP with perfect foresight, and the kWh that it can't do in time."""
    everything = np.ones(len(problem.jobs), dtype=bool)
    solution = network.solve(problem.market.green, 0, everything, problem.empty(), ~everything)
    idle = problem.market.bill(np.zeros(problem.market.tariff.shape)).sum()
    return float(solution.cost + problem.market.constant - idle), solution.late
