"""The suite of the black box: what a scenario's method goes by, what would change its answer, and how stable it is.

It works through the scenario's contract alone: the method sees changed inputs, the judge scores the answers against the
truth of the unchanged cases, each in a process of its own as always. What is asked is how much the score owes to each
input column: permutation importance (Breiman 2001, Machine Learning 45, 5-32; Fisher, Rudin & Dominici 2019, JMLR 20(177))
and Shapley values of the score over columns that are kept or permuted (Lundberg & Lee 2017, NeurIPS; the shap library).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dujiang.messages import Refused, Text
from dujiang.safety.assessment.findings import Finding, Result, Table
from dujiang.safety.assessment.inputs import Feature, Numbers, changed, features
from dujiang.scenarios import steps
from dujiang.scenarios.contract import Answer, Scenario
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import Engine
from dujiang.scenarios.registry import Found
from dujiang.scenarios.steps import Prepared

NAME = "black-box"
TITLE = Text("黑盒解释与稳定性", "black box: explanation and stability")
REPEATS = 5
MOST = 24
"""Columns that are looked at; of more, those of the most numbers."""
_EXPLAINED = 8
"""Columns among which Shapley values are shared out: those of the greatest permutation importance."""
NOISE = (0.01, 0.05, 0.2)
"""Noise put on every column, as a share of its standard deviation."""
SHIFT = (-0.1, 0.1)
"""Shift of every column, as a share of its mean size."""
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Relative changes of one column that are tried for a counterfactual."""


@dataclass(slots=True)
class _Box:
    """A scenario's method on one seed's cases, as something that is asked for scores until its time is over."""

    found: Found
    engine: Engine
    seed: int
    size: str
    prepared: Prepared
    until: float
    asked: int = 0

    @property
    def about(self) -> Scenario:
        return self.found.scenario

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until

    def answers(self, inputs: list[Any], role: steps.Role = "method") -> list[Answer] | None:
        """Return the answers to inputs, None where the method fails on them."""
        self.asked += 1
        outcome = self.engine.run(steps.answer, self.found.module, role, inputs, limits=self.about.resources)
        return None if outcome.failure else outcome.value.answers

    def score(self, answers: list[Answer] | None) -> float | None:
        """Return the mean score of answers, None where they can't be judged."""
        if answers is None:
            return None
        limits = self.about.resources
        outcome = self.engine.run(
            steps.score, self.found.module, self.seed, self.size, [answers], self.prepared.digest, limits=limits
        )
        return None if outcome.failure else float(outcome.value[0])

    def loss(self, plain: float, other: float | None) -> float | None:
        """Return how much worse a score is than the plain one, in the metric's unit."""
        return None if other is None else -self.about.gain(plain, other)


def assess(found: Found, engine: Engine, *, seed: int = 0, size: str | None = None, seconds: float = 300.0) -> Result:
    """Explain a scenario's method on a seed's cases, in about ``seconds`` of wall time.

    Where time is short there are fewer repetitions, and what was left out is said. Raises `Refused` where the cases
    can't be made, the method can't answer them, or it needs a model.
    """
    about = found.scenario
    size = size or about.sizes[0]
    if about.model is not None:
        raise Refused(
            Text(
                f"{about.id} 依赖模型，请直接评估模型服务", f"{about.id} needs a model: assess the model service itself"
            )
        )
    made = engine.run(steps.prepare, found.module, seed, size, limits=about.resources)
    if made.failure:
        raise Refused(made.failure)
    box = _Box(found, engine, seed, size, made.value, time.monotonic() + seconds)
    inputs = box.prepared.inputs
    answers = box.answers(inputs)
    plain = box.score(answers)
    if answers is None or plain is None:
        raise Refused(Text(f"{about.id} 的方法未能作答", f"the method of {about.id} did not answer its cases"))
    baseline = box.score(box.answers(inputs, "baseline"))
    columns = _columns(inputs)
    if not columns:
        note = Text(
            "这个场景的输入里没有可以扰动的数值列（例如只有文字或编号），以下各项无从检验。",
            "the inputs of this scenario have no columns of numbers that could be changed (only text or names, say), "
            "so nothing here can be tested.",
        )
        return Result(
            NAME, Text(f"{TITLE.zh}：{about.title.zh}", f"{TITLE.en}: {about.title.en}"), box.asked, notes=[note]
        )
    draw = np.random.default_rng(seed)
    importance = _importance(box, columns, plain, draw)
    shapley = _shapley(box, columns, importance, draw)
    counterfactuals = _counterfactuals(box, columns, importance, answers)
    stability = _stability(box, columns, answers, draw)
    return _told(box, plain, baseline, importance, shapley, counterfactuals, stability)


Columns = dict[str, list[Feature | None]]
"""By name, the column of each case; None where a case lacks it."""


def _columns(inputs: Sequence[Any]) -> Columns:
    each = [{one.name: one for one in features(case)} for case in inputs]
    names = {name: sum(len(own[name].values) for own in each if name in own) for own in each for name in own}
    kept = sorted(names, key=lambda name: -names[name])[:MOST]
    return {name: [own.get(name) for own in each] for name in names if name in kept}


def _with(inputs: Sequence[Any], columns: Columns, change: dict[str, Callable[[Feature], Numbers]]) -> list[Any]:
    """Return all cases with some columns changed."""
    return [
        changed(case, [(feature, change[name](feature)) for name in change if (feature := columns[name][place])])
        for place, case in enumerate(inputs)
    ]


def _permuted(columns: Columns, name: str, draw: np.random.Generator) -> Callable[[Feature], Numbers]:
    """Return what puts another's numbers in a column: its own in another order, or those of another case."""
    pool = np.concatenate([one.values for one in columns[name] if one])

    def change(feature: Feature) -> Numbers:
        return draw.permutation(feature.values) if len(feature.values) > 1 else draw.choice(pool, 1)

    return change


@dataclass(frozen=True, slots=True)
class Weighed:
    """How much the score loses when a column says nothing any more: mean over repetitions, and their extremes."""

    name: str
    loss: float
    low: float
    high: float
    times: int
    failed: int


def _importance(box: _Box, columns: Columns, plain: float, draw: np.random.Generator) -> list[Weighed]:
    losses: dict[str, list[float]] = {name: [] for name in columns}
    failed = dict.fromkeys(columns, 0)
    # Half of the time is for what comes after.
    until = (time.monotonic() + box.until) / 2
    for _ in range(REPEATS):
        for name in columns:
            if time.monotonic() > until:
                break
            inputs = _with(box.prepared.inputs, columns, {name: _permuted(columns, name, draw)})
            loss = box.loss(plain, box.score(box.answers(inputs)))
            if loss is None:
                failed[name] += 1
            else:
                losses[name].append(loss)
    made = [
        Weighed(
            name,
            float(np.mean(own)) if own else 0.0,
            min(own, default=0.0),
            max(own, default=0.0),
            len(own),
            failed[name],
        )
        for name, own in losses.items()
    ]
    return sorted(made, key=lambda one: (-one.failed, -one.loss))


def _shapley(
    box: _Box, columns: Columns, importance: Sequence[Weighed], draw: np.random.Generator
) -> dict[str, float] | None:
    """Return each column's share of the score over that with all of them permuted; None where there is no time."""
    import shap

    names = [one.name for one in importance if not one.failed][:_EXPLAINED]
    if len(names) < 2 or box.over:
        return None
    changes = {name: _permuted(columns, name, draw) for name in names}
    kept: dict[tuple[int, ...], float] = {}

    def scored(masks: Any) -> Any:
        for mask in np.asarray(masks, dtype=int):
            key = tuple(int(one) for one in mask)
            if key in kept:
                continue
            change = {name: changes[name] for name, present in zip(names, key, strict=True) if not present}
            value = box.score(box.answers(_with(box.prepared.inputs, columns, change))) if change else None
            value = value if change else box.score(box.answers(list(box.prepared.inputs)))
            if value is None or (box.over and len(kept) > 2 * len(names)):
                raise _OutOfTime
            kept[key] = value if box.about.better == "higher" else -value
        return np.array([kept[tuple(int(one) for one in mask)] for mask in np.asarray(masks, dtype=int)])

    try:
        explainer = shap.KernelExplainer(scored, np.zeros((1, len(names))))
        values = explainer.shap_values(
            np.ones((1, len(names))), nsamples=min(2 ** len(names) - 2, 8 * len(names)), silent=True, l1_reg=False
        )
    except _OutOfTime:
        return None
    return dict(zip(names, (float(one) for one in np.asarray(values).ravel()), strict=True))


class _OutOfTime(Exception):
    """There is no time left, or the method fails on what it is asked."""


def _same(one: list[Answer], other: list[Answer] | None) -> float:
    """Return the share of cells that two sets of answers have in common; numbers are equal to one in 10^9."""
    if other is None:
        return 0.0
    same = total = 0
    for rows, others in zip(one, other, strict=True):
        total += max(len(rows), len(others)) * max((len(row) for row in [*rows[:1], *others[:1]]), default=1)
        for row, theirs in zip(rows, others, strict=False):
            for name, cell in row.items():
                got = theirs.get(name)
                if isinstance(cell, int | float) and isinstance(got, int | float):
                    same += bool(np.isclose(cell, got, rtol=1e-9, atol=0))
                else:
                    same += cell == got
    return same / total if total else 1.0


def _counterfactuals(
    box: _Box, columns: Columns, importance: Sequence[Weighed], answers: list[Answer]
) -> list[tuple[str, float | None]]:
    """Return the smallest relative change of each of the weightiest columns that changes an answer; None for none."""
    found: list[tuple[str, float | None]] = []
    for one in importance[:6]:
        smallest: float | None = None
        for step in STEPS:
            for sign in (1, -1):
                if box.over:
                    return found
                scale = 1 + sign * step
                other = box.answers(
                    _with(box.prepared.inputs, columns, {one.name: lambda feature, scale=scale: feature.values * scale})  # type: ignore[misc]
                )
                if other is None or digest(other) != digest(answers):
                    smallest = sign * step
                    break
            if smallest is not None:
                break
        found.append((one.name, smallest))
    return found


@dataclass(frozen=True, slots=True)
class Shaken:
    """What noise or a shift does: score (None where the method fails), and the share of answers' cells that stay."""

    title: Text
    score: float | None
    same: float


def _stability(box: _Box, columns: Columns, answers: list[Answer], draw: np.random.Generator) -> list[Shaken]:
    def noisy(level: float) -> Callable[[Feature], Numbers]:
        def change(feature: Feature) -> Numbers:
            spread = float(np.std(feature.values)) or abs(float(feature.values.mean()))
            return feature.values + draw.normal(0, level * spread, len(feature.values)) if spread else feature.values

        return change

    def shifted(level: float) -> Callable[[Feature], Numbers]:
        return lambda feature: feature.values + level * float(np.abs(feature.values).mean())

    tries: list[tuple[Text, Callable[[Feature], Numbers]]] = [
        (Text(f"所有输入加 {level:.0%} 噪声", f"{level:.0%} noise on all inputs"), noisy(level)) for level in NOISE
    ]
    tries += [
        (Text(f"所有输入整体偏移 {level:+.0%}", f"all inputs shifted by {level:+.0%}"), shifted(level))
        for level in SHIFT
    ]
    shaken = []
    for title, change in tries:
        other = box.answers(_with(box.prepared.inputs, columns, dict.fromkeys(columns, change)))
        shaken.append(Shaken(title, box.score(other), _same(answers, other)))
    return shaken


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"


def _told(
    box: _Box,
    plain: float,
    baseline: float | None,
    importance: Sequence[Weighed],
    shapley: dict[str, float] | None,
    counterfactuals: Sequence[tuple[str, float | None]],
    stability: Sequence[Shaken],
) -> Result:
    about = box.about
    unit = about.unit
    weighty = [one for one in importance if one.failed or one.loss > 0]
    first = weighty[0].name if weighty else "—"
    idle = [one.name for one in importance if one.times and not one.failed and one.loss <= 0]
    notes = [
        Text(
            f"这个场景替“{about.user.zh}”决定：{about.decision.zh}。它的成绩用“{about.metric.zh}”衡量，"
            f"{'越高' if about.better == 'higher' else '越低'}越好；这批案例上是 {_number(plain)} {unit}，"
            f"不用人工智能时是 {_number(baseline)} {unit}。",
            f"For {about.user.en} this scenario decides {about.decision.en}. It is measured by {about.metric.en}, "
            f"{about.better} is better: {_number(plain)} {unit} on these cases, {_number(baseline)} {unit} without AI.",
        ),
        Text(
            f"它最看重的是“{first}”：把这一列打乱，成绩变差最多。打乱后成绩不变差的有 {len(idle)} 列，它基本不看。",
            f"What it goes by most is “{first}”: with this column shuffled its score suffers most. "
            f"With any of {len(idle)} columns shuffled it is no worse: it hardly looks at them.",
        ),
        Text(
            "“重要”说的是方法用了什么，不是什么造成了什么；几列说的是同一件事时，重要性会分摊到各列。",
            "importance says what the method uses, not what causes what; columns that say the same share it.",
        ),
    ]
    if any(one.times < REPEATS and not one.failed for one in importance) or shapley is None:
        notes.append(
            Text(
                "时间所限，部分项目重复次数较少或未做。",
                "time was short: some parts were repeated less often or left out.",
            )
        )
    findings = []
    light = stability[0].score
    if baseline is not None and about.gain(baseline, plain) > 0 and (light is None or about.gain(baseline, light) <= 0):
        why = Text(
            f"{stability[0].title.zh}后成绩为 {_number(light)}，不再优于基线 {_number(baseline)}",
            f"after {stability[0].title.en} it scores {_number(light)}, no better than the baseline's {_number(baseline)}",
        )
        findings.append(Finding("unstable", why))
    return Result(
        NAME,
        Text(f"{TITLE.zh}：{about.title.zh}", f"{TITLE.en}: {about.title.en}"),
        box.asked,
        [],
        findings,
        [_weights(importance, shapley, unit), _what_if(counterfactuals), _shaking(stability, unit)],
        [],
        [_chart(importance, unit)],
        notes,
        {
            "score": plain,
            "baseline": baseline,
            "importance": {one.name: one.loss for one in importance},
            "failed": [one.name for one in importance if one.failed],
            "shapley": shapley,
            "counterfactuals": dict(counterfactuals),
            "stability": [{"title": one.title.en, "score": one.score, "same": one.same} for one in stability],
        },
    )


def _weights(importance: Sequence[Weighed], shapley: dict[str, float] | None, unit: str) -> Table:
    rows: list[list[Text | str]] = []
    for one in importance:
        lost = (
            Text("打乱后方法无法作答", "the method can't answer with it shuffled")
            if one.failed and not one.times
            else f"{one.loss:.4g} [{one.low:.4g}, {one.high:.4g}]"
        )
        share = shapley.get(one.name) if shapley else None
        rows.append([one.name, lost, _number(share)])
    headings = [
        Text("输入", "input"),
        Text(f"打乱后成绩变差多少（{unit}）[最小, 最大]", f"score lost with it shuffled ({unit}) [least, most]"),
        Text(f"沙普利值（{unit}）", f"Shapley value ({unit})"),
    ]
    return Table(Text("它看重什么", "what it goes by"), headings, rows)


def _what_if(found: Sequence[tuple[str, float | None]]) -> Table:
    rows: list[list[Text | str]] = [
        [
            name,
            Text(f"变动 {change:+.0%} 时结果就会改变", f"a change of {change:+.0%} changes the answer")
            if change is not None
            else Text("变动 ±50% 结果也不变", "even ±50 % does not change the answer"),
        ]
        for name, change in found
    ]
    return Table(
        Text("如果这样，结果就不同", "what would change its answer"),
        [Text("输入", "input"), Text("最小的变动", "least change")],
        rows,
    )


def _shaking(stability: Sequence[Shaken], unit: str) -> Table:
    rows: list[list[Text | str]] = [
        [
            one.title,
            _number(one.score) if one.score is not None else Text("方法无法作答", "the method can't answer"),
            f"{one.same:.0%}",
        ]
        for one in stability
    ]
    headings = [
        Text("情形", "what is done"),
        Text(f"成绩（{unit}）", f"score ({unit})"),
        Text("不变的结果", "of the answer stays"),
    ]
    return Table(Text("数据有误差时还靠得住吗", "does it hold when the data are off"), headings, rows)


def _chart(importance: Sequence[Weighed], unit: str) -> tuple[Text, dict[str, Any]]:
    data = [{"row": one.name, "value": one.loss, "low": one.low, "high": one.high} for one in importance[:12]]
    y = {"field": "row", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 320}}
    x = {"field": "value", "type": "quantitative", "title": unit}
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": data},
        "width": 420,
        "height": {"step": 22},
        "layer": [
            {"mark": {"type": "bar", "color": "#8fb7cf", "height": 13}, "encoding": {"y": y, "x": x}},
            {"mark": {"type": "rule", "color": "#14557b", "strokeWidth": 2}, "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}}},
        ],
    }  # fmt: skip
    return Text("打乱一列后成绩变差多少", "score lost with a column shuffled"), chart
