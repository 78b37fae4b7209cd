"""The chart of a scenario's evaluation: method against baseline, a line a seed."""

from __future__ import annotations

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
        (score.seed, _ROLES[role].in_language(language), score.result[role]["score"])
        for score in evaluation.scores.all()
        for role in _ROLES
        if score.result[role]["score"] is not None
    ]
    data = pd.DataFrame(rows, columns=["seed", "role", "score"])
    names = [text.in_language(language) for text in _ROLES.values()]
    measure = f"{about.metric.in_language(language)} ({about.unit})"
    place = alt.Y("seed:O", title=Text("种子", "seed").in_language(language))
    value = alt.X("score:Q", title=measure, scale=alt.Scale(zero=False))
    colour = alt.Color("role:N", title=None, scale=alt.Scale(domain=names, range=["#8a97a3", "#14557b"]))
    lines = alt.Chart(data).mark_line(color="#c5ced6").encode(value, place, alt.Detail("seed:O"))
    points = alt.Chart(data).mark_point(filled=True, size=70, opacity=1).encode(value, place, colour)
    return (lines + points).properties(width=480, height=alt.Step(20))
