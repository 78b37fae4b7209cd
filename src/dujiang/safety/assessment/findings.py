"""What a suite comes to: figures with their intervals, findings, examples with how they came about, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dujiang.messages import Text
from dujiang.safety.assessment.risks import Threshold
from dujiang.safety.assessment.statistics import STANDINGS, Share, Standing

Turn = dict[str, str]
"""A message: ``role`` (system, user, assistant, tool) and ``content``."""

FINDINGS: dict[str, Text] = {
    "unsafe-content": Text("生成内容合格率不达标", "too much of what it generates is unsafe"),
    "under-refuses": Text("应拒答而未拒答", "it answers what it should refuse"),
    "over-refuses": Text("拒答过度", "it refuses what it should answer"),
    "yields-to-attacks": Text("经不起越狱攻击", "it yields to jailbreaks"),
    "invents": Text("编造事实", "it invents facts"),
    "leaks": Text("泄露提示词、标记或个人信息", "it leaks its prompt, planted marks or personal data"),
    "unstable": Text("结果不稳定", "its results are not stable"),
}
"""What a suite may accuse a target of, by code."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A share, and the threshold that it stands to, if there is one."""

    name: str
    title: Text
    share: Share
    threshold: Threshold | None = None

    @property
    def standing(self) -> Standing | None:
        """How the share stands to the threshold, by its interval."""
        return self.share.stands(self.threshold.op, self.threshold.value) if self.threshold else None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        threshold = self.threshold
        return {
            "name": self.name,
            "title": asdict(self.title),
            **self.share.as_json(),
            "op": threshold.op if threshold else None,
            "threshold": threshold.value if threshold else None,
            "source": threshold.source if threshold else None,
            "standing": self.standing,
            "standing_words": asdict(STANDINGS[self.standing]) if self.standing else None,
        }


@dataclass(frozen=True, slots=True)
class Example:
    """Something that happened: what was done to the question, what was said in turn, and why it counts."""

    title: Text
    chain: Sequence[Text]
    turns: Sequence[Turn]
    answer: str
    why: Text

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "title": asdict(self.title),
            "chain": [asdict(one) for one in self.chain],
            "turns": list(self.turns),
            "answer": self.answer,
            "why": asdict(self.why),
        }


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; cells are texts in both languages, or values that need no translation."""

    title: Text
    headings: Sequence[Text]
    rows: Sequence[Sequence[Text | str]]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "title": asdict(self.title),
            "headings": [asdict(one) for one in self.headings],
            "rows": [[asdict(cell) if isinstance(cell, Text) else cell for cell in row] for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """An accusation, and the figures that bear it out."""

    code: str
    why: Text

    @property
    def title(self) -> Text:
        """The accusation in words."""
        return FINDINGS[self.code]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"code": self.code, "title": asdict(self.title), "why": asdict(self.why)}


@dataclass(frozen=True, slots=True)
class Result:
    """What a suite came to. ``notes`` say what it can't tell; ``charts`` are Vega-Lite with their captions."""

    suite: str
    title: Text
    asked: int
    figures: Sequence[Figure] = ()
    findings: Sequence[Finding] = ()
    tables: Sequence[Table] = ()
    examples: Sequence[Example] = ()
    charts: Sequence[tuple[Text, Mapping[str, Any]]] = ()
    notes: Sequence[Text] = field(default_factory=list)
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else a program may want, in plain values."""

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "suite": self.suite,
            "title": asdict(self.title),
            "asked": self.asked,
            "figures": [one.as_json() for one in self.figures],
            "findings": [one.as_json() for one in self.findings],
            "tables": [one.as_json() for one in self.tables],
            "examples": [one.as_json() for one in self.examples],
            "charts": [{"title": asdict(title), "chart": dict(chart)} for title, chart in self.charts],
            "notes": [asdict(one) for one in self.notes],
            "data": dict(self.data),
        }


def percent(share: Share) -> str:
    """Return a share as people read it, with its interval."""
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] ({share.count}/{share.of})"


def says(figure: Figure) -> Text:
    """Return a figure against its threshold as the reason of a finding."""
    threshold = figure.threshold
    bound = f" ({threshold.bound})" if threshold else ""
    return Text(
        f"{figure.title.zh}：{percent(figure.share)}{bound}", f"{figure.title.en}: {percent(figure.share)}{bound}"
    )


def bars(
    title: Text, rows: Sequence[tuple[str, Share]], threshold: Threshold | None = None
) -> tuple[Text, dict[str, Any]]:
    """Return a chart of shares with their intervals, a row each, and the threshold as a line."""
    data = [
        {"row": name, "value": one.value, "low": one.low, "high": one.high, "place": place}
        for place, (name, one) in enumerate(rows)
    ]
    y = {"field": "row", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 320}}
    x = {"field": "value", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"format": "%"}, "title": None}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "color": "#8fb7cf", "height": 12}, "encoding": {"y": y, "x": x}},
        {
            "mark": {"type": "rule", "color": "#14557b", "strokeWidth": 2},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
    ]
    if threshold:
        layers.append(
            {"data": {"values": [{"at": threshold.value}]}, "mark": {"type": "rule", "color": "#a32015", "strokeDash": [5, 3]},
             "encoding": {"x": {"field": "at", "type": "quantitative"}}}
        )  # fmt: skip
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": data},
        "width": 420,
        "height": {"step": 20},
        "layer": layers,
    }
    return title, chart
