"""The charts of a scenario: method against baseline by seed, and the gain from evaluation to evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dujiang.messages import Text
from dujiang.scenarios.contract import Scenario
from dujiang.scenarios.models import Evaluation

_ROLES = {"baseline": Text("基线", "baseline"), "method": Text("方法", "method")}


def score_chart(about: Scenario, evaluation: Evaluation, language: str) -> Any:
    """Return the Altair chart of an evaluation's scores by seed."""
    rows = [
        (f"{score.seed}{'*' * score.shifted}", _ROLES[role].in_language(language), score.result[role]["score"])
        for score in evaluation.scores.all()
        for role in _ROLES
        if score.result[role]["score"] is not None
    ]
    data = pd.DataFrame(rows, columns=["seed", "role", "score"])
    names = [text.in_language(language) for text in _ROLES.values()]
    measure = f"{about.metric.in_language(language)} ({about.unit})"
    starred = Text("种子（* 为第二种生成机制）", "seed (*: second generator)")
    plain = Text("种子", "seed")
    several = any(seed.endswith("*") for seed, _, _ in rows)
    place = alt.Y("seed:O", title=(starred if several else plain).in_language(language), sort=None)
    value = alt.X("score:Q", title=measure, scale=alt.Scale(zero=False))
    colour = alt.Color("role:N", title=None, scale=alt.Scale(domain=names, range=["#8a97a3", "#14557b"]))
    lines = alt.Chart(data).mark_line(color="#c5ced6").encode(value, place, alt.Detail("seed:O"))
    points = alt.Chart(data).mark_point(filled=True, size=70, opacity=1).encode(value, place, colour)
    return (lines + points).properties(width=440, height=alt.Step(20))


def gain_chart(about: Scenario, evaluations: Sequence[Evaluation], language: str) -> Any:
    """Return the Altair chart of the gain with its 95 % interval over time; the rule is what running through asks."""
    rows = [
        (one.started.isoformat(), one.size, *(one.verdict[name] for name in ("gain", "low", "high")))
        for one in evaluations
        if one.verdict["gain"] is not None
    ]
    data = pd.DataFrame(rows, columns=["time", "size", "gain", "low", "high"])
    title = Text(
        f"增益及 95% 区间（{about.unit}），红线为跑通所需", f"Gain and 95 % interval ({about.unit}); red: needed"
    )
    time = alt.X("time:T", title=None, axis=alt.Axis(format="%Y-%m-%d", tickCount=5))
    gain = alt.Y("gain:Q", title=None)
    size = alt.Color(
        "size:N",
        title=Text("规模", "size").in_language(language),
        scale=alt.Scale(domain=list(about.sizes), range=["#8a97a3", "#14557b", "#1a6b3a"][: len(about.sizes)]),
    )
    bars = alt.Chart(data).mark_rule(strokeWidth=2).encode(time, alt.Y("low:Q"), alt.Y2("high:Q"), size)
    points = alt.Chart(data).mark_point(filled=True, size=60, opacity=1).encode(time, gain, size)
    needed = alt.Chart(pd.DataFrame({"margin": [about.margin]})).mark_rule(color="#a32015").encode(alt.Y("margin:Q"))
    return (bars + points + needed).properties(title=title.in_language(language), width=440, height=180)
