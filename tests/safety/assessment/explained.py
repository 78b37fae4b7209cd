"""A scenario whose method's reasons are known: it goes by `strong`, a little by `weak`, and never looks at `idle`."""

from dataclasses import dataclass

import numpy as np

from dujiang.scenarios.contract import Case, Resources, Scenario, Text

NOTE = Text("测试", "test")


@dataclass(frozen=True)
class Inputs:
    strong: np.ndarray
    weak: np.ndarray
    idle: np.ndarray
    names: tuple[str, ...]


def cases(seed, size):
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        strong, weak, idle = draw.normal(10, 3, 30), draw.normal(5, 1, 30), draw.normal(0, 9, 30)
        made.append(Case(Inputs(strong, weak, idle, tuple("abc")), strong * 2 + weak * 0.5))
    return made


def baseline(inputs):
    return [{"value": 22.5} for _ in inputs.strong]


def method(inputs):
    return [{"value": float(value)} for value in np.round(inputs.strong * 2 + inputs.weak * 0.5, 1)]


def judge(truth, answer):
    return float(np.abs(truth - np.array([row["value"] for row in answer])).mean())


SCENARIO = Scenario(
    id="samples/explained",
    title=NOTE, summary=NOTE, task=1, system=NOTE, user=NOTE, decision=NOTE, formats=[NOTE], metric=NOTE, unit="m",
    better="lower", margin=0.0, baseline_title=NOTE, method_title=NOTE, source="—", cases=cases, read=None, write=None,
    baseline=baseline, method=method, judge=judge, picture=None, suffixes=(".txt",), resources=Resources(seconds=30),
)  # fmt: skip
