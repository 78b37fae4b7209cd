"""Knowledge tracing (知识追踪): which exercises a learner can do by now, so that the next session fits.

*Data.* The log of an exercise platform: last year's learners whole, and this year's up to a session that is set but not
answered yet. It is simulated by item response with learning and forgetting. What the generator knows and the method
doesn't: each learner's ability, speed and memory; the strength of each skill, which grows with practice, leans on the
skill before it, and fades by a half-life that spaced practice prolongs; the difficulty, discrimination, guessing and
slips of each exercise.

*Second generator.* This year's learners know a skill all or not at all (Corbett & Anderson 1995, User Modeling and
User-Adapted Interaction 4): they learn it in one step, lose it in one step on some day, and in some sessions only click.
Last year's, on whom the method is fitted, are still of the first kind.

*Baseline.* What a platform's teachers' page shows: the share that a learner got right so far in the skill, shrunk to the
mean of the learner's share over all skills and the exercise's share among all learners; the weight is tuned on other seeds.

*Method.* A logistic regression (scikit-learn) on what DAS3H takes (Choffin, Popineau, Bourda & Vie 2019, Educational Data
Mining, arXiv:1905.06873): exercise, skill, and the learner's attempts and successes in the skill within an hour, a day, a
week, a month and ever. The windows' weights are the same for all skills, as in its forerunner DASH: a school has too few
learners for more. In place of a parameter for each learner, which a newcomer has none of, stands by how much the learner
did better so far than the exercises' difficulty let expect, in the skill and in all, as Elo ratings have it (Pelánek 2016,
Computers & Education 98). It is fitted on the learners without an open session, where there are any.

*Published.* DAS3H has an AUC of 0.739 on ASSISTments 2012-2013, item response 0.702, performance factors 0.668, each
with all that came before the answer known; here the whole session is told beforehand.

*Groups.* The picture sets two error rates by group of learners beside one another, from each learner's last answered
session. The simulated groups differ in where they start and how often they practise, and the method does not see the
group; their rates differ even so: at one threshold, the group that starts lower is held back more often, the one that
starts higher is held able more often. What a school's own groups show, its own log has to say.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text
from dujiang.scenarios.tables import Column, choice, moment, name, read_csv, write_csv

Array = NDArray[np.float64]

# Learners of last year and of this one.
LEARNERS = {"small": (100, 100), "default": (200, 150), SHIFTED: (200, 150)}
SKILLS, PROBLEMS, WEEKS = 12, 15, 12
START = datetime(2025, 9, 1)  # noqa: DTZ001 - a school's local time, as in its log
GROUPS = {"城区": (0.25, 3.2), "县城": (0.0, 2.6), "乡镇": (-0.25, 1.9)}
"""Group of learners: mean ability, sessions a week."""
WINDOWS = (3600.0, 86400.0, 7 * 86400.0, 30 * 86400.0, math.inf)
SHRINK = 60.0  # answers that the prior stands for in the baseline
RIDGE = 0.3  # inverse strength of the method's penalty
MASTERED, READY = 0.8, 0.5
"""Chance of a right answer from which a skill counts as mastered, and from which it is worth practising alone."""


@dataclass(frozen=True, slots=True)
class Log:
    """Answers in order of time; ``correct`` is None where the exercise is set and not answered yet."""

    learner: tuple[str, ...]
    group: tuple[str, ...]
    skill: tuple[str, ...]
    problem: tuple[str, ...]
    time: tuple[str, ...]
    correct: tuple[bool | None, ...]


def cases(seed: int, size: str) -> list[Case]:
    """Return a school's log, and what this year's learners answer in their last session."""
    draw = np.random.default_rng([seed, 12])
    problems = {
        "difficulty": draw.normal(0, 0.8, (SKILLS, PROBLEMS)),
        "sharpness": np.exp(draw.normal(0.1, 0.25, (SKILLS, PROBLEMS))),
        "guess": draw.uniform(0.05, 0.3, (SKILLS, PROBLEMS)),
        "slip": draw.uniform(0.02, 0.08, (SKILLS, PROBLEMS)),
    }
    last, now = LEARNERS[size]
    rows: list[tuple[Any, ...]] = []
    truth: dict[tuple[str, str], bool] = {}
    for at in range(last + now):
        current = at >= last
        answered = _term(draw, problems, f"{'b' if current else 'a'}{at:03d}", steps=current and size == SHIFTED)
        if current:
            latest = answered[-1][4]
            truth |= {(row[0], row[3]): row[5] for row in answered if row[4] == latest}
            rows += [(*row[:5], None if row[4] == latest else row[5]) for row in answered]
        else:
            rows += answered
    rows.sort(key=lambda row: (row[4], row[0]))
    return [Case(Log(*zip(*rows, strict=True)), truth)]


def _term(
    draw: np.random.Generator, problems: dict[str, Array], learner: str, *, steps: bool
) -> list[tuple[str, str, str, str, str, bool]]:
    """Return a learner's answers of a term; ``steps``: by the second generator."""
    group = str(draw.choice(list(GROUPS)))
    level, rate = GROUPS[group]
    mind = (_AllOrNone if steps else _Strength)(draw, level)
    rows, day = [], 0.0
    while (day := day + draw.exponential(7 / rate) + 0.3) < WEEKS * 7:
        reached = min(SKILLS - 1, int(day / (WEEKS * 7) * SKILLS))
        time = (START + timedelta(days=day)).isoformat(timespec="minutes")
        mind.wait(day)
        done = set()
        for _ in range(int(draw.integers(8, 14))):
            # Most exercises are of the week's skill and of the two before it.
            recent = draw.random() < 0.6
            skill = max(0, reached - int(draw.integers(0, 3))) if recent else int(draw.integers(0, reached + 1))
            problem = int(draw.integers(0, PROBLEMS))
            if (skill, problem) in done:
                continue
            done.add((skill, problem))
            chance = mind.chance(skill, {key: float(values[skill, problem]) for key, values in problems.items()})
            right = bool(draw.random() < chance)
            mind.practise(skill, day, right)
            rows.append((learner, group, f"技能{skill + 1:02d}", f"{skill + 1:02d}-{problem + 1:02d}", time, right))
    return rows if len(rows) > 8 else _term(draw, problems, learner, steps=steps)


class _Strength:
    """A learner whose skills grow and fade."""

    def __init__(self, draw: np.random.Generator, level: float) -> None:
        self.ability = level + draw.normal(0, 0.6)
        self.speed = 0.28 * math.exp(draw.normal(0, 0.4))
        self.memory = 12 * math.exp(draw.normal(0, 0.5))  # days until a skill practised on one day has faded by e
        self.gained = np.zeros(SKILLS)
        self.start = draw.normal(-0.9, 0.7, SKILLS)
        self.days: list[set[int]] = [set() for _ in range(SKILLS)]
        self.now = 0.0

    def wait(self, day: float) -> None:
        spaced = np.array([len(days) for days in self.days])
        self.gained *= np.exp(-(day - self.now) / (self.memory * (1 + 0.7 * spaced)))
        self.now = day

    def chance(self, skill: int, problem: dict[str, float]) -> float:
        before = self.gained[skill - 1] if skill else self.gained[skill]
        strength = self.ability + self.start[skill] + 0.8 * self.gained[skill] + 0.2 * before
        known = 1 / (1 + math.exp(-problem["sharpness"] * (strength - problem["difficulty"])))
        return float(problem["guess"] + (1 - problem["guess"] - problem["slip"]) * known)

    def practise(self, skill: int, day: float, right: bool) -> None:
        # A right answer strengthens more than an explained mistake, and each step is smaller than the one before.
        self.gained[skill] += self.speed * (1.2 if right else 0.8) * max(0.0, 1 - self.gained[skill] / 3.5)
        self.days[skill].add(int(day))


class _AllOrNone:
    """A learner who knows a skill or not, and who in some sessions only clicks."""

    def __init__(self, draw: np.random.Generator, level: float) -> None:
        self.draw = draw
        self.known = draw.random(SKILLS) < 0.25 + 0.2 * level
        self.learns = float(np.clip(draw.normal(0.16 + 0.08 * level, 0.05), 0.04, 0.4))
        self.loses = float(draw.uniform(0.01, 0.04))  # a day
        self.clicks, self.now = False, 0.0

    def wait(self, day: float) -> None:
        self.known &= self.draw.random(SKILLS) < (1 - self.loses) ** (day - self.now)
        self.clicks, self.now = bool(self.draw.random() < 0.1), day

    def chance(self, skill: int, problem: dict[str, float]) -> float:
        harder = 1 / (1 + math.exp(-problem["difficulty"]))
        if self.clicks or not self.known[skill]:
            return problem["guess"] + 0.25 * (1 - harder) * (not self.clicks)
        return 1 - problem["slip"] - 0.25 * harder

    def practise(self, skill: int, day: float, right: bool) -> None:
        self.known[skill] |= not self.clicks and self.draw.random() < self.learns


def _asked(log: Log) -> NDArray[np.bool_]:
    """Return which rows are answered for: a learner's open session, and the last answered one, to be checked against."""
    last: dict[str, str] = {}
    for learner, time, correct in zip(log.learner, log.time, log.correct, strict=True):
        if correct is not None:
            last[learner] = time
    ahead = {learner for learner, correct in zip(log.learner, log.correct, strict=True) if correct is None}
    rows = zip(log.learner, log.time, log.correct, strict=True)
    return np.array([correct is None or (one in ahead and time == last.get(one)) for one, time, correct in rows])


def _shares(log: Log, rows: NDArray[np.bool_]) -> Array:
    """Return for each row the share of ``rows`` that got its exercise right, shrunk to the share of all."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for at in np.flatnonzero(rows).tolist():
        for key in ("", log.problem[at]):
            counts[key][0] += 1
            counts[key][1] += int(bool(log.correct[at]))
    mean = counts[""][1] / max(counts[""][0], 1)
    return np.array([(counts[one][1] + 5 * mean) / (counts[one][0] + 5) for one in log.problem])


def _history(log: Log, shares: Array) -> tuple[Array, Array]:
    """Return (rows, windows, 2) attempts and successes in the row's skill within each window, and (rows, 2, 3) a record.

    The record holds attempts, successes and the successes that ``shares`` expects, in the skill and in all skills. Only
    what was answered earlier than the row counts.
    """
    seconds = [datetime.fromisoformat(time).timestamp() for time in log.time]
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    sums: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(lambda: [(0, 0.0)])
    windows, record = np.zeros((len(seconds), len(WINDOWS), 2)), np.zeros((len(seconds), 2, 3))
    for at, now in enumerate(seconds):
        correct = log.correct[at]
        for kind, key in enumerate(((log.learner[at], log.skill[at]), (log.learner[at], ""))):
            past, so_far = times[key], sums[key]
            end = bisect_left(past, now)
            record[at, kind] = end, *so_far[end]
            if kind == 0:
                for window, length in enumerate(WINDOWS):
                    start = bisect_left(past, now - length, 0, end)
                    windows[at, window] = end - start, so_far[end][0] - so_far[start][0]
            if correct is not None:
                past.append(now)
                so_far.append((so_far[-1][0] + int(correct), so_far[-1][1] + float(shares[at])))
    return windows, record


def _answer(log: Log, asked: NDArray[np.bool_], chances: Array) -> Answer:
    rows: Answer = []
    for at, chance in zip(np.flatnonzero(asked).tolist(), chances.tolist(), strict=True):
        correct = log.correct[at]
        rows.append(
            {
                "learner": log.learner[at],
                "skill": log.skill[at],
                "problem": log.problem[at],
                "time": log.time[at],
                "chance": round(chance, 6),
                "state": "mastered" if chance >= MASTERED else "practise" if chance >= READY else "teach",
                "answered": None if correct is None else int(correct),
            }
        )
    return rows


def baseline(log: Log) -> Answer:
    """Return the share right so far in the skill, shrunk to the learner's and the exercise's own shares."""
    asked = _asked(log)
    shares = _shares(log, ~asked)
    record = _history(log, shares)[1]
    (tries, right), (all_tries, all_right) = record[:, 0, :2].T, record[:, 1, :2].T
    learner = (all_right + 5 * shares.mean()) / (all_tries + 5)
    return _answer(log, asked, ((right + SHRINK * (learner + shares) / 2) / (tries + SHRINK))[asked])


def method(log: Log) -> Answer:
    """Return what the logistic regression expects of each open exercise."""
    from sklearn.linear_model import LogisticRegression

    asked = _asked(log)
    ahead = {learner for learner, correct in zip(log.learner, log.correct, strict=True) if correct is None}
    whole = np.array([learner not in ahead for learner in log.learner])
    known = whole if whole.any() else ~asked
    correct = np.array([bool(one) for one in log.correct])
    if len(set(correct[known].tolist())) < 2:
        return baseline(log)
    features = _features(log, known)
    model = LogisticRegression(C=RIDGE, max_iter=400).fit(features[known], correct[known])
    return _answer(log, asked, model.predict_proba(features[asked])[:, 1])


def _features(log: Log, known: NDArray[np.bool_]) -> Any:
    """Return a sparse matrix: exercise, skill, the windows' attempts and successes, and the learner's record."""
    from scipy import sparse
    from sklearn.preprocessing import OneHotEncoder

    def columns(values: tuple[str, ...]) -> Any:
        table = np.array(values, dtype=object)[:, None]
        return OneHotEncoder(handle_unknown="ignore").fit(table[known]).transform(table)

    windows, record = _history(log, _shares(log, known))
    tries, right, expected = record.transpose(2, 0, 1)
    above = 5 * (right - expected) / (tries + 8)
    practice = np.log1p(windows).reshape(len(windows), -1)
    return sparse.hstack([columns(log.problem), columns(log.skill), practice, above]).tocsr()


def judge(truth: dict[tuple[str, str], bool], answer: Answer) -> float:
    """Return the area under the ROC curve of the open exercises; raises ValueError where one is missing."""
    from sklearn.metrics import roc_auc_score

    chances = {(row["learner"], row["problem"]): row["chance"] for row in answer if row["answered"] is None}
    if chances.keys() != truth.keys():
        raise ValueError("the answer does not hold each open exercise once")
    keys = sorted(truth)
    return float(roc_auc_score([truth[key] for key in keys], [chances[key] for key in keys]))


def rates(log: Log, answer: Answer) -> list[dict[str, Any]]:
    """Return error rates by group, of the answered exercises in ``answer``: who was held able and was not, and the reverse.

    ``held_able``: of the exercises answered wrongly, the share with a chance of 0.5 or more; ``held_back``: of those
    answered rightly, the share below. None where a group has no such exercise.
    """
    groups = dict(zip(log.learner, log.group, strict=True))
    found: dict[str, dict[int, list[bool]]] = defaultdict(lambda: {0: [], 1: []})
    for row in answer:
        if row["answered"] is not None:
            found[groups[row["learner"]]][row["answered"]].append(row["chance"] >= READY)
    return [
        {
            "group": group,
            "held_able": float(np.mean(by[0])) if by[0] else None,
            "held_back": 1 - float(np.mean(by[1])) if by[1] else None,
            "wrong": len(by[0]),
            "right": len(by[1]),
        }
        for group, by in sorted(found.items())
    ]


_COLUMNS = {
    "user_id": name(Text("学生", "learner")),
    "group": Column(Text("群体", "group"), Text("名称，可为空", "a name, may be empty"), str),
    "skill": name(Text("技能", "skill")),
    "problem_id": name(Text("习题", "exercise")),
    "start_time": moment(Text("时间", "time")),
    "correct": choice(Text("对错", "correct"), {"1": True, "0": False, "": None}),
}


def read(path: Path) -> Log:
    """Read a log with the columns of ASSISTments 2012-2013 (others are left out), ``group`` where there is one.

    ``correct`` is 1, 0, or empty for what is set and not answered yet. Raises `BadInput`.
    """
    table = read_csv(path, _COLUMNS, optional=("group",))
    order = sorted(range(len(table)), key=lambda at: (table["start_time"][at], table["user_id"][at]))
    latest: dict[str, str] = {}
    opened = set()
    for at in order:
        learner, time = table["user_id"][at], table["start_time"][at]
        if table["correct"][at] is not None:
            latest[learner] = time
        elif (learner, table["problem_id"][at]) in opened:
            raise table.fault(at, "problem_id", Text("每名学生每道待答习题一次", "each open exercise once a learner"))
        else:
            opened.add((learner, table["problem_id"][at]))
    for at in order:
        if table["correct"][at] is None and table["start_time"][at] <= latest.get(table["user_id"][at], ""):
            expected = Text("待答习题晚于该生已答习题", "an open exercise after all that the learner answered")
            raise table.fault(at, "start_time", expected)
    if not opened or not latest:
        missing = Text(
            "既有已答（1、0）也有待答（空）的行", "rows that are answered (1, 0) and rows that are open (empty)"
        )
        raise BadInput(path, field="correct", expected=missing, found="0" if opened else str(len(table)))
    return Log(*(tuple(table[column][at] for at in order) for column in _COLUMNS))


def write(log: Log, path: Path) -> None:
    """Write the log as `read` reads it."""
    correct = ["" if one is None else str(int(one)) for one in log.correct]
    rows = zip(log.learner, log.group, log.skill, log.problem, log.time, correct, strict=True)
    write_csv(path, list(_COLUMNS), rows)


def picture(log: Log, answer: Answer) -> Any:
    """Return the open exercises' chances by skill, each learner a tick, and below them the error rates by group."""
    import altair as alt
    import pandas as pd

    chances = pd.DataFrame([row for row in answer if row["answered"] is None], columns=["learner", "skill", "chance"])
    skills = (
        alt.Chart(
            chances,
            width=420,
            title=str(Text("下次练习各题答对的把握", "Chance of a right answer in the next session")),
        )
        .mark_tick(thickness=1, opacity=0.4, color="#14557b")
        .encode(
            alt.X("chance:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            alt.Y("skill:N", title=None),
            tooltip=["learner:N", "skill:N", alt.Tooltip("chance:Q", format=".0%")],
        )
    )
    kinds = {
        "held_able": str(Text("不会而判为会", "held able, was wrong")),
        "held_back": str(Text("会而判为不会", "held back, was right")),
    }
    errors = pd.DataFrame(
        [
            {"group": row["group"] or "–", "kind": title, "rate": row[kind]}
            for row in rates(log, answer)
            for kind, title in kinds.items()
            if row[kind] is not None
        ],
        columns=["group", "kind", "rate"],
    )
    groups = (
        alt.Chart(
            errors, width=420, title=str(Text("上次练习的误判率，按群体", "Error rates of the last session, by group"))
        )
        .mark_bar()
        .encode(
            alt.X("rate:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            alt.Y("group:N", title=None),
            alt.YOffset("kind:N"),
            alt.Color(
                "kind:N",
                title=None,
                legend=alt.Legend(orient="bottom", labelLimit=0),
                scale=alt.Scale(range=["#b5483a", "#7aa6c2"]),
            ),
            tooltip=["group:N", "kind:N", alt.Tooltip("rate:Q", format=".1%")],
        )
    )
    return alt.vconcat(skills, groups)


SCENARIO = Scenario(
    id="education/knowledge-tracing",
    title=Text("知识追踪与练习推荐", "Knowledge tracing"),
    summary=Text(
        "根据答题记录，判断每名学生此刻会做哪些题：已掌握、该练、该教",
        "From a log of answers: which exercises each learner can do by now, should practise, or needs taught",
    ),
    task=12,
    system=Text("智能学伴", "learning companion"),
    user=Text("任课教师、学习平台", "teachers, learning platforms"),
    decision=Text("下次练习给每名学生哪些题、讲哪些技能", "which exercises and which skills each learner gets next"),
    formats=(Text("ASSISTments 2012–2013 列名的 CSV", "CSV with the columns of ASSISTments 2012-2013"),),
    metric=Text("下次练习各题对错的 AUC", "AUC of the answers of the next session"),
    unit="",
    better="higher",
    margin=0.005,
    baseline_title=Text("该技能至今答对率（收缩估计）", "share right so far in the skill, shrunk"),
    method_title=Text("含遗忘的逻辑回归（仿 DAS3H）", "logistic regression with forgetting, after DAS3H"),
    source="Choffin, Popineau, Bourda & Vie 2019, Educational Data Mining (DAS3H)",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".csv",),
    libraries=("sklearn", "scipy"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
