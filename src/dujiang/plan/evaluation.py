"""How well questions about a plan are answered, judged on questions whose answers and sources people have labelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.messages import BadInput, Text
from dujiang.model import Client, Service
from dujiang.plan.answers import THRESHOLD, Answer, Citation, Material, by_retrieval, material
from dujiang.plan.dispatch import ScenarioStanding, dispatch
from dujiang.plan.indicators import Observation, indicators, month_end, period_end
from dujiang.plan.quantities import quantities
from dujiang.plan.reader import Plan
from dujiang.plan.retrieval import plain
from dujiang.plan.writing import TOKENS_OF_QUESTION, by_model

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with its label.

    ``gold`` are (anchor, where): a phrase that the cited sentence has and the part of the plan that it stands in, or
    (``progress``, ``goal N`` or ``task N``) for a figure on record. None means that there is nothing to cite and the
    right answer is to abstain. ``answer`` are the figures or names that the answer must give.
    """

    id: int
    question: str
    half: str
    language: str
    kind: str
    gold: tuple[tuple[str, str], ...]
    answer: tuple[str, ...] = ()
    trap: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What an answer came to: citations that are right, all citations, gold that was cited, whether it is correct."""

    labelled: Labelled
    answer: Answer
    right: int
    cited: int
    covered: int
    correct: bool | None


def read_questions(path: Path) -> tuple[dict[str, Any], list[Labelled]]:
    """Read a file of labelled questions; raises `BadInput`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            path, expected=Text("JSON 格式的标注题集", "labelled questions as JSON"), found=str(error)
        ) from error
    expected = Text("id、question、half、language、kind、gold", "id, question, half, language, kind, gold")
    if not isinstance(value, dict) or not isinstance(value.get("questions"), list):
        raise BadInput(path, field="questions", expected=Text("一组题目", "a list of questions"))
    labelled = []
    for row, one in enumerate(value["questions"], start=1):
        try:
            gold = tuple((str(anchor), str(where)) for anchor, where in one["gold"])
            answer = tuple(map(str, one.get("answer", ())))
            fields = {name: one[name] for name in ("id", "question", "half", "language", "kind")}
            labelled.append(Labelled(**fields, gold=gold, answer=answer, trap=one.get("trap", "")))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(path, row=row, expected=expected, found=repr(error)) from error
    return value, labelled


def material_of(plan: Plan, given: Mapping[str, Any]) -> Material:
    """Return what may be cited of a plan, with the figures and verdicts that a file of questions gives as on record.

    Records are numbered as they are given, from 1.
    """
    goals = dict(enumerate(plan.goals, start=1))
    tasks = {task["number"]: task for task in plan.tasks}
    keys = {target.goal: one.key for one in indicators(goals) for target in one.targets}
    observed: dict[str, list[Observation]] = {}
    for number, one in enumerate(given["figures"], start=1):
        figure = Observation(period_end(one["period"]), float(one["value"]), number, one["period"])
        observed.setdefault(keys[one["goal"]], []).append(figure)
    scenarios = [
        ScenarioStanding(one["id"], Text(one["id"], one["id"]), one["id"].split("/")[0], one["runs_through"], number)
        for number, one in enumerate(given["scenarios"], start=len(given["figures"]) + 1)
    ]
    month_end(given["month"])
    made = dispatch(
        title=plan.title or "", number=plan.number or "", month=given["month"], goals=goals, tasks=tasks,
        observed=observed, scenarios=scenarios, added=[],
    )  # fmt: skip
    requirements = {one["number"]: one for one in plan.requirements}
    return material(plan.text, plan.title or "", goals, tasks, requirements, made, plan.issuer or "")


def judge(plan: Plan, path: Path, where: Service | None = None) -> list[dict[str, Any]]:
    """Judge the answers to a file of labelled questions, by half and language, by retrieval and, given one, by a model.

    Where the file has a half that is named ``calibration`` the threshold is found on it anew, so that what is judged
    on the others has not seen them. Keys as in docs/reference/json.md.
    """
    given, labelled = read_questions(path)
    about = material_of(plan, given)
    threshold = calibrated(partial(by_retrieval, about), own) if (own := _half(labelled, "calibration")) else THRESHOLD
    kept: dict[str, Any] = {}
    ways: dict[str, Callable[[str], Answer]] = {"retrieval": partial(by_retrieval, about, threshold=threshold)}
    if where is not None:
        ways["model"] = lambda asked: by_model(about, asked, Client(where, "chat", TOKENS_OF_QUESTION, kept), threshold)
    report = []
    for way, answer in ways.items():
        results = [judged(one, answer(one.question)) for one in labelled]
        for half in dict.fromkeys(one.half for one in labelled):
            for language in ("all", *sorted({one.language for one in labelled})):
                chosen = [
                    one for one in results if one.labelled.half == half and language in ("all", one.labelled.language)
                ]
                report.append(_row(path.stem, half, language, way, threshold, chosen))
    return report


def _half(labelled: Sequence[Labelled], half: str) -> list[Labelled]:
    return [one for one in labelled if one.half == half]


def _row(
    questions: str, half: str, language: str, way: str, threshold: float, results: Sequence[Judged]
) -> dict[str, Any]:
    found = {name: dict(zip(("value", "low", "high"), three, strict=True)) for name, three in measures(results).items()}
    dropped = sum(one.answer.dropped for one in results)
    return {
        "questions": questions, "half": half, "language": language, "way": way, "threshold": threshold,
        "number": len(results), "dropped": dropped, "measures": found,
    }  # fmt: skip


def judged(labelled: Labelled, answer: Answer) -> Judged:
    """Judge an answer by its label."""
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    right = sum(any(_is(citation, *gold) for gold in labelled.gold) for citation in citations)
    covered = sum(any(_is(citation, *gold) for citation in citations) for gold in labelled.gold)
    said = plain(" ".join(sentence.text for sentence in answer.sentences))
    correct = all(_given(wanted, said) for wanted in labelled.answer) if labelled.answer else None
    return Judged(labelled, answer, right, len(citations), covered, correct)


def _is(citation: Citation, anchor: str, where: str) -> bool:
    """Whether a citation is the labelled one."""
    if anchor == "progress":
        kind, _, number = where.partition(" ")
        return bool(citation.evidence) and (citation.goal == int(number) if kind == "goal" else citation.where == where)
    return citation.where == where and _bare(anchor) in _bare(citation.quote)


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text)


def _given(wanted: str, said: str) -> bool:
    """Whether an answer gives a figure (as a quantity with its unit) or a name."""
    figures = [one.normalised() for one in quantities(plain(wanted.replace(" ", "")))]
    if figures:
        there = [one.normalised() for one in quantities(said)]
        return all(figure in there for figure in figures)
    return _bare(plain(wanted)) in _bare(said)


MEASURES: dict[str, Text] = {
    "precision": Text("引用查准率", "citation precision"),
    "recall": Text("引用查全率", "citation recall"),
    "correct": Text("答案正确率", "answers correct"),
    "refused": Text("应拒而拒", "unanswerable, refused"),
    "missed": Text("应答而拒", "answerable, refused"),
}
"""Of all citations those that are labelled (a citation for a question without an answer counts as wrong); of the
labelled sources those that are cited; of the questions with a figure or name those answered with it; of the questions
without an answer those refused; of those with one, those refused."""


def measures(results: Sequence[Judged]) -> dict[str, tuple[float, float, float]]:
    """Return each measure with its 95 % interval, by percentile bootstrap over questions."""
    rng = np.random.default_rng(0)
    made = {}
    for name, count in _COUNTS.items():
        pairs = np.array([count(one) for one in results], dtype=float).reshape(-1, 2)
        draws = rng.integers(0, len(pairs), (RESAMPLES, len(pairs))) if len(pairs) else np.zeros((1, 0), dtype=int)
        whole = pairs[draws].sum(axis=1)
        shares = np.divide(whole[:, 0], whole[:, 1], out=np.full(len(whole), np.nan), where=whole[:, 1] > 0)
        part, of = pairs.sum(axis=0)
        outside = (1 - CONFIDENCE) / 2
        low, high = np.nanquantile(shares, [outside, 1 - outside]) if of else (np.nan, np.nan)
        made[name] = (part / of if of else float("nan"), float(low), float(high))
    return made


_COUNTS: dict[str, Callable[[Judged], tuple[int, int]]] = {
    "precision": lambda one: (one.right, one.cited),
    "recall": lambda one: (one.covered, len(one.labelled.gold)),
    "correct": lambda one: (int(bool(one.correct)), int(one.correct is not None)),
    "refused": lambda one: (int(one.answer.abstained), 1) if not one.labelled.gold else (0, 0),
    "missed": lambda one: (int(one.answer.abstained), 1) if one.labelled.gold else (0, 0),
}


def calibrated(answer: Callable[[str, float], Answer], labelled: Sequence[Labelled]) -> float:
    """Return the threshold at which most questions are treated rightly: those with an answer cited right, others refused.

    ``answer`` takes a question and a threshold, which only says which answers are given. Of equally good thresholds
    the middle one is taken.
    """
    results = [judged(one, answer(one.question, 0.0)) for one in labelled]
    thresholds = np.arange(0.2, 1.001, 0.02)
    rightly = [sum(_rightly(one, float(threshold)) for one in results) for threshold in thresholds]
    best = [float(threshold) for threshold, count in zip(thresholds, rightly, strict=True) if count == max(rightly)]
    return round(best[len(best) // 2], 2)


def _rightly(one: Judged, threshold: float) -> bool:
    given = not one.answer.abstained and one.answer.score >= threshold
    return given and one.right > 0 if one.labelled.gold else not given
