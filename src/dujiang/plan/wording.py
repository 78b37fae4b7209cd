"""How goals, figures and places are put into words: one wording for terminal, page and report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dujiang.messages import Text
from dujiang.plan.dispatch import GoalLine

_OPS = {">": ">", ">=": "≥", "<": "<", "<=": "≤", "=": ""}


def target_text(goal: Mapping[str, Any] | GoalLine) -> str:
    """Return a target as it is read, such as ``> 70 %``, ``2–3 个`` or ``≈ 10 个``."""
    if isinstance(goal, GoalLine):
        op, low, high, unit, approximate = goal.op, goal.target, goal.high, goal.unit, goal.approximate
    else:
        op, high, unit, approximate = goal["op"], goal["high"], goal["unit"] or "", goal["approximate"]
        low = goal["low"] if goal["value"] is None else goal["value"]
    number = f"{low:,g}–{high:,g}" if high is not None and high != low else f"{low:,g}"
    sign = "≈" if approximate and op == "=" else _OPS[op]
    return f"{sign} {number} {unit}".strip()


def figure(value: float | None, unit: str = "") -> str:
    """Return a figure to at most six digits with its unit, or a dash where there is none."""
    if value is None:
        return "—"
    number = f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{number} {unit}".strip()


def where_text(where: str) -> Text:
    """Return a place of the plan in words: ``goals``, ``task 3`` or ``requirement 2``."""
    kind, _, number = where.partition(" ")
    match kind:
        case "task":
            return Text(f"任务 {number}", f"task {number}")
        case "requirement":
            return Text(f"要求 {number}", f"requirement {number}")
        case _:
            return Text("发展目标", "goals")
