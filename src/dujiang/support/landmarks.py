"""Landmark scenarios: experts without conflicts of interest, whom to fund, and instalments bound to evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dujiang.messages import Refused, Text
from dujiang.panel import Calibrated


@dataclass(frozen=True, slots=True)
class Expert:
    """A reviewer: their own unit, and units that they have declared an interest in."""

    name: str
    unit: str
    interests: frozenset[str] = frozenset()


def conflicts(expert: Expert, units: Collection[str]) -> list[str]:
    """Return the units of an application (its own and its partners) that an expert may not judge."""
    return sorted({expert.unit, *expert.interests} & set(units) - {""})


class Instalment(NamedTuple):
    """A part of an award: its share in per cent, and the kinds of evidence that it is bound to."""

    title: str
    share: int
    records: tuple[str, ...]


INSTALMENTS = (
    Instalment("立项启动", 30, ()),
    Instalment("场景复评跑通", 40, ("scenario.evaluated",)),
    Instalment("投用与安全备案", 30, ("safety.decided", "job.finished")),
)
"""How an award is paid where a call says nothing else."""


def parts(amount: int, instalments: Sequence[Instalment]) -> list[int]:
    """Return the fen of each instalment: shares rounded down, the last takes the rest, so that they add up."""
    if sum(one.share for one in instalments) != 100 or any(one.share < 1 for one in instalments):
        raise Refused(Text("各期比例应为正且合计 100%", "shares are above 0 and add up to 100 per cent"))
    found = [amount * one.share // 100 for one in instalments[:-1]]
    return [*found, amount - sum(found)]


def weighted(scores: Mapping[str, float], weights: Mapping[str, int]) -> float:
    """Return a review's score, 0 to 100: its criteria's scores by their weights. Raises `Refused`."""
    if set(scores) != set(weights):
        raise Refused(Text("请为每项标准打分", "give a score for each criterion"))
    if any(not 0 <= one <= 100 for one in scores.values()):
        raise Refused(Text("评分应为 0 至 100", "scores are 0 to 100"))
    return sum(scores[name] * weight for name, weight in weights.items()) / sum(weights.values())


def fund(scores: Mapping[str, Calibrated], asked: Mapping[str, int], budget: int, least: float) -> list[str]:
    """Return the applications to fund: by calibrated score from the best, what the budget still holds; none below ``least``."""
    chosen, left = [], budget
    for name in sorted(scores, key=lambda one: (-scores[one].score, one)):
        if scores[name].score >= least and asked[name] <= left:
            chosen.append(name)
            left -= asked[name]
    return chosen
