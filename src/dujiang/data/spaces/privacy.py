"""Noise by differential privacy (OpenDP), and what it costs of an agreement's budget.

Neighbours are data sets with and without one person, who has at most ``contribution`` rows. Then the counts of all groups
together change by at most that many, and the sums of a measure clamped to [low, high] by that many times the larger of
|low| and |high|, in the L1 and so in the L2 distance, however the rows fall into groups: one answer is one release of a
vector. OpenDP draws the noise from the operating system's secure generator.

The budget is spent in epsilon for Laplace noise, in rho of zCDP for Gaussian noise (Bun and Steinke 2016), each in
millionths and rounded up, so that sums are exact. Which groups an answer names is kept by the smallest group, not by
noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from dujiang.data.spaces.policy import Budget, Column, Noise

if TYPE_CHECKING:
    # What reads SQL takes a while to load, which every command would wait for.
    from dujiang.data.spaces.aggregates import Item

MICRO = 1_000_000


@cache
def _opendp() -> Any:
    """Return OpenDP; it takes seconds to load, which whoever adds no noise need not wait for."""
    import opendp.prelude

    opendp.prelude.enable_features("contrib")
    return opendp.prelude


@cache
def total(budget: Budget) -> int:
    """Return a budget in millionths of epsilon, or of the largest rho whose (epsilon, delta) is within it."""
    if budget.noise is Noise.LAPLACE:
        return int(budget.epsilon * MICRO)
    low, high = 0, MICRO * 1000
    while high - low > 1:
        middle = (low + high) // 2
        if _epsilon(middle, float(budget.delta)) <= float(budget.epsilon):
            low = middle
        else:
            high = middle
    return low


def epsilon_of(spent: int, budget: Budget) -> Decimal:
    """Return what was spent as an epsilon, at the budget's delta."""
    if budget.noise is Noise.LAPLACE or not spent:
        return Decimal(spent) / MICRO
    return Decimal(str(round(_epsilon(spent, float(budget.delta)), 6)))


def _epsilon(micro_rho: int, delta: float) -> float:
    scale = 1 / math.sqrt(2 * micro_rho / MICRO)
    measured: Any = _opendp().c.make_zCDP_to_approxDP(_gaussian(scale))
    return cast(float, measured.map(1.0).epsilon(delta))


def _laplace(scale: float) -> Any:
    dp = _opendp()
    return dp.m.make_laplace(dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float), scale)


def _gaussian(scale: float) -> Any:
    dp = _opendp()
    return dp.m.make_gaussian(dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float), scale)


def reach(column: Column | None, budget: Budget) -> float:
    """Return by how much one person can change the counts (no column) or a measure's clamped sums."""
    if column is None:
        return float(budget.contribution)
    return budget.contribution * max(abs(column.low or 0.0), abs(column.high or 0.0))


def noisy(exact: Sequence[float], sensitivity: float, spend: int, noise: Noise) -> tuple[list[float], int]:
    """Return a statistic's values by group with noise worth ``spend`` millionths, and what OpenDP says that it cost.

    The cost, rounded up, is never more than ``spend``. Raises ValueError where that is too little for any noise.
    """
    if spend < 1:
        raise ValueError("a millionth of the unit is the least that can be spent")
    if noise is Noise.LAPLACE:
        make, scale = _laplace, sensitivity * MICRO / spend
    else:
        make, scale = _gaussian, sensitivity * math.sqrt(MICRO / (2 * spend))
    # Rounding may make the map's result an ulp more than what was asked for.
    measurement = make(scale)
    while (cost := math.ceil(measurement.map(sensitivity) * MICRO)) > spend:
        scale = math.nextafter(scale * (1 + 1e-12), math.inf)
        measurement = make(scale)
    return [float(one) for one in measurement([float(one) for one in exact])], cost


def answer(
    rows: Sequence[Sequence[Any]], items: Sequence[Item], keys: int, budget: Budget, spend: int
) -> tuple[list[tuple[Any, ...]], int]:
    """Return a noisy answer's rows in their items' order, and what it cost in millionths.

    ``rows`` are of `aggregates.statistics`, the keys first. Counts are rounded and not below nought, which costs nothing.
    """
    each = spend // max(1, sum(one.statistics for one in items))
    place, cost, columns = keys, 0, []
    for item in items:
        if item.key is not None:
            columns.append([row[item.key] for row in rows])
            continue
        parts = {}
        for name in ("count", "sum"):
            if getattr(item, name):
                exact = [float(row[place] or 0) for row in rows]
                parts[name], spent = noisy(
                    exact, reach(item.column if name == "sum" else None, budget), each, budget.noise
                )
                place, cost = place + 1, cost + spent
        columns.append(_joined(parts, item))
    return list(zip(*columns, strict=True)), cost


def _joined(parts: dict[str, list[float]], item: Item) -> list[Any]:
    if "sum" not in parts:
        return [max(0, round(one)) for one in parts["count"]]
    if "count" not in parts:
        return list(parts["sum"])
    low, high = item.column.low or 0.0, item.column.high or 0.0  # type: ignore[union-attr]
    return [min(max(top / max(1.0, below), low), high) for top, below in zip(parts["sum"], parts["count"], strict=True)]
