"""Following water, wind, sun and tariff through a simulated week, beside what others do on the same data."""

from __future__ import annotations

from typing import Any

SEEDS = 3


def rows() -> list[dict[str, Any]]:
    """Plan weeks of 300 jobs at four sites and bill every policy by the supply that turned out."""
    import numpy as np

    from dujiang.compute.power_comparison import compare
    from dujiang.compute.supply import sample_problem

    found = [compare(sample_problem(seed), seed) for seed in range(SEEDS)]
    cost = {key: np.mean([one.outcomes[key].cost for one in found]) for key in found[0].outcomes}
    bound = np.mean([one.bound for one in found])
    missed = {key: np.mean([one.outcomes[key].missed for one in found]) for key in found[0].outcomes}
    seconds = np.mean([second for one in found for second in one.outcomes["rolling"].replan_seconds])

    def row(what: str, ours: float, peer: float | None, peer_name: str, unit: str) -> dict[str, Any]:
        return {"bench": what, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit}

    return [
        row("jobs' energy, perfect forecasts", cost["rolling-perfect"], bound, "LP bound, all-knowing", "CNY a week"),
        row("jobs' energy, wrong forecasts", cost["rolling"], cost["run-at-once"], "run at once", "CNY a week"),
        row("jobs' energy, wrong forecasts", cost["rolling"], cost["valley-hours"], "valley hours", "CNY a week"),
        row("jobs' energy, wrong forecasts", cost["rolling"], cost["wait-awhile"], "Let's Wait Awhile", "CNY a week"),
        row("deadlines missed", missed["rolling"], missed["run-at-once"], "run at once", "jobs a week"),
        row("re-plan, 300 jobs, 4 sites", seconds, None, "", "s"),
    ]
