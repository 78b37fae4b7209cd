"""The month's dispatch (月调度): every goal against its path, every task and unit, what is late, what was added.

Computed from plain values; nothing in it is typed in by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from dujiang.messages import Text
from dujiang.plan.indicators import (
    Indicator,
    Observation,
    Status,
    Target,
    expected_on,
    indicators,
    month_end,
    next_target,
    status,
    yearly_path,
)
from dujiang.plan.industries import INDUSTRIES, tasks_by_industry


@dataclass(frozen=True, slots=True)
class ScenarioStanding:
    """Where a scenario stood at the month's end: its last evaluation of the year, and the record that holds it."""

    id: str
    title: Text
    industry: str
    runs_through: bool
    evidence: int


@dataclass(frozen=True, slots=True)
class Added:
    """How many records of a kind the month added, its first and last."""

    kind: str
    title: Text
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal's line: figure, what the path asks for today, and the evidence behind the figure.

    ``share`` is the part of the way from the first figure to the target that is done, 0 to 1; ``expected_share`` the
    part that the path asks for.
    """

    number: int
    about: str
    where: str
    year: int | None
    op: str
    target: float
    high: float | None
    unit: str
    approximate: bool
    value: float | None
    expected: float | None
    share: float | None
    status: Status
    source: str | None
    lead: list[str]
    evidence: list[int]
    expected_share: float | None = None  # months signed off before it was there have none


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task's line: its scenarios that run through this year against those required, and its own goals."""

    number: int
    title: str
    lead: list[str]
    cooperating: list[str]
    scenarios: list[str]
    through: int
    required: float | None
    expected: float | None
    goals: list[int]
    status: Status
    evidence: list[int]


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit's line: tasks that it leads and joins, how many scenarios run through in those it leads, which are late."""

    name: str
    leads: list[int]
    cooperates: list[int]
    through: int
    late: list[int]


@dataclass(frozen=True, slots=True)
class LateLine:
    """Something that is behind its path, and who leads it."""

    what: str
    goal: int | None
    task: int | None
    value: float
    expected: float
    unit: str
    lead: list[str]
    evidence: list[int]


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """What an issuer's part of a programme of vouchers granted, paid and got back in the month.

    Amounts are in fen of CNY or in tokens, as ``unit`` says; ``outstanding`` is what holders still have at the month's
    end; ``issuer`` a GB/T 2260 code, empty for the site itself.
    """

    programme: str
    title: str
    unit: str
    issuer: str
    granted: int
    spent: int
    returned: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class AnnotationLine:
    """What an annotation base accepted in the month: labels, those on generated items, what they cost in fen.

    ``unit`` is empty for what was labelled at no base; ``evidence`` the first and the last record.
    """

    unit: str
    level: str
    division: str
    labels: int
    synthetic: int
    cost: int
    evidence: list[int]


@dataclass(frozen=True, slots=True)
class CountLine:
    """How many things of a plane stand so at the month's end, or happened in it, as its ``code`` says.

    ``late`` is how many of them are overdue, ``evidence`` the last record of the kind.
    """

    code: str
    title: Text
    count: int
    late: int
    evidence: int | None


@dataclass(frozen=True, slots=True)
class SupportLine:
    """How much of policy support stands so at the month's end (``code``: listed, listing, loans, bonds, landmarks, ...).

    ``late`` is how many of them are late, ``fen`` the money that went with them, ``evidence`` the last record of the kind.
    """

    code: str
    title: Text
    count: int
    late: int
    fen: int
    evidence: int | None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A month's dispatch."""

    title: str
    number: str
    month: str
    as_of: date
    goals: list[GoalLine]
    qualitative: list[str]
    tasks: list[TaskLine]
    units: list[UnitLine]
    late: list[LateLine]
    added: list[Added]
    scenarios: list[ScenarioStanding]
    vouchers: list[VoucherLine] = field(default_factory=list)  # months signed off before they were there have none
    annotation: list[AnnotationLine] = field(default_factory=list)  # the same
    data: list[CountLine] = field(default_factory=list)
    safety: list[CountLine] = field(default_factory=list)
    talent: list[CountLine] = field(default_factory=list)
    support: list[SupportLine] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain values under stable keys (docs/reference/json.md)."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Dispatch:
        """Return the dispatch that `as_json` gave these values, also after a way through JSON."""
        lines: dict[str, Any] = {
            "as_of": date.fromisoformat(value["as_of"]),
            "goals": [GoalLine(**{**line, "status": Status(line["status"])}) for line in value["goals"]],
            "tasks": [TaskLine(**{**line, "status": Status(line["status"])}) for line in value["tasks"]],
            "units": [UnitLine(**line) for line in value["units"]],
            "late": [LateLine(**line) for line in value["late"]],
            "added": [Added(**{**line, "title": Text(**line["title"])}) for line in value["added"]],
            "scenarios": [ScenarioStanding(**{**one, "title": Text(**one["title"])}) for one in value["scenarios"]],
            "vouchers": [VoucherLine(**one) for one in value.get("vouchers", ())],
            "annotation": [AnnotationLine(**one) for one in value.get("annotation", ())],
            **{
                plane: [CountLine(**{**one, "title": Text(**one["title"])}) for one in value.get(plane, ())]
                for plane in ("data", "safety", "talent")
            },
            "support": [SupportLine(**{**one, "title": Text(**one["title"])}) for one in value.get("support", ())],
        }
        return cls(**{**value, **lines})

    def counts(self) -> dict[Status, int]:
        """Return how many goals have each status."""
        return {one: sum(goal.status is one for goal in self.goals) for one in Status}


def dispatch(
    *,
    title: str,
    number: str,
    month: str,
    goals: Mapping[int, Mapping[str, Any]],
    tasks: Mapping[int, Mapping[str, Any]],
    observed: Mapping[str, Sequence[Observation]],
    scenarios: Sequence[ScenarioStanding],
    added: Sequence[Added],
    vouchers: Sequence[VoucherLine] = (),
    annotation: Sequence[AnnotationLine] = (),
    data: Sequence[CountLine] = (),
    safety: Sequence[CountLine] = (),
    talent: Sequence[CountLine] = (),
    support: Sequence[SupportLine] = (),
) -> Dispatch:
    """Compute a month's dispatch.

    ``goals`` and ``tasks`` are the programme's by number, as `plan read` gives them (with people's amendments);
    ``observed`` holds each indicator's first and latest figure up to the month's end, by the indicator's key.
    Raises ValueError for a month not written as 2026-11.
    """
    day = month_end(month)
    known = indicators(goals)
    scenario_goal = next((one for one in known if one.per_industry), None)
    task_lines = _tasks(day, goals, tasks, scenario_goal, scenarios)
    goal_lines = sorted(
        (line for one in known for line in _goals(day, one, goals, tasks, observed.get(one.key, ()), task_lines)),
        key=lambda line: line.number,
    )
    task_lines = [_with_goals(line, goal_lines) for line in task_lines]
    return Dispatch(
        title,
        number,
        month,
        day,
        goal_lines,
        [goal["about"] or goal["text"] for goal in goals.values() if goal["op"] is None],
        task_lines,
        _units(task_lines),
        _late(goal_lines, task_lines),
        list(added),
        sorted(scenarios, key=lambda one: one.id),
        list(vouchers),
        list(annotation),
        list(data),
        list(safety),
        list(talent),
        list(support),
    )


def _tasks(
    day: date,
    goals: Mapping[int, Mapping[str, Any]],
    tasks: Mapping[int, Mapping[str, Any]],
    scenario_goal: Indicator | None,
    scenarios: Sequence[ScenarioStanding],
) -> list[TaskLine]:
    by_task: dict[int, list[ScenarioStanding]] = {}
    places = tasks_by_industry({number: task["title"] for number, task in tasks.items()})
    for one in scenarios:
        if one.industry in places:
            by_task.setdefault(places[one.industry], []).append(one)
    industries = set(places.values())
    lines = []
    for number, task in tasks.items():
        mine = by_task.get(number, [])
        through = [one for one in mine if one.runs_through]
        required = expected = None
        where = Status.NO_DATA
        if scenario_goal and number in industries:
            target = next_target(day, scenario_goal.targets)
            required, expected = target.value, yearly_path(day, target.value)
            where = status(len(through), target, expected)
        lines.append(
            TaskLine(
                number,
                task["title"],
                list(task["lead"]),
                list(task["cooperating"]),
                [one.id for one in mine],
                len(through),
                required,
                expected,
                [goal for goal, facts in goals.items() if facts["where"] == f"task {number}" and facts["op"]],
                where,
                [one.evidence for one in mine],
            )
        )
    return lines


def _with_goals(line: TaskLine, goals: Sequence[GoalLine]) -> TaskLine:
    """A task with no scenarios required stands where the worst of its own goals stands."""
    if line.required is not None:
        return line
    own = [goal.status for goal in goals if goal.number in line.goals]
    order = [Status.LATE, Status.ON_PATH, Status.REACHED]
    worst = next((one for one in order if one in own), Status.NO_DATA)
    return TaskLine(**{**{name: getattr(line, name) for name in line.__dataclass_fields__}, "status": worst})


def _goals(
    day: date,
    indicator: Indicator,
    goals: Mapping[int, Mapping[str, Any]],
    tasks: Mapping[int, Mapping[str, Any]],
    observed: Sequence[Observation],
    task_lines: Sequence[TaskLine],
) -> list[GoalLine]:
    if indicator.per_industry:
        return [_per_industry(day, target, indicator, goals[target.goal], task_lines) for target in indicator.targets]
    return [_observed(day, target, indicator, goals[target.goal], tasks, observed) for target in indicator.targets]


def leading(goal: Mapping[str, Any], tasks: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Return the units that answer for a goal: those that it was given by hand, else those that lead its task."""
    place = str(goal["where"]).split()
    of_task = tasks[int(place[1])]["lead"] if place[0] == "task" and int(place[1]) in tasks else []
    return list(goal.get("lead") or of_task)


def _per_industry(
    day: date, target: Target, indicator: Indicator, goal: Mapping[str, Any], task_lines: Sequence[TaskLine]
) -> GoalLine:
    """The plan asks it of every industry, so the goal stands where the industry that is furthest behind stands."""
    lines = [line for line in task_lines if line.required is not None]
    value = float(min((line.through for line in lines), default=0))
    expected = yearly_path(day, target.value)
    evidence = [record for line in lines for record in line.evidence]
    return _line(
        target,
        indicator,
        goal,
        value,
        expected,
        value / target.value,
        "evidence",
        list(goal.get("lead") or []),
        evidence,
        expected / target.value,
    )


def _observed(
    day: date,
    target: Target,
    indicator: Indicator,
    goal: Mapping[str, Any],
    tasks: Mapping[int, Mapping[str, Any]],
    observed: Sequence[Observation],
) -> GoalLine:
    lead = leading(goal, tasks)
    if not observed:
        return _line(target, indicator, goal, None, None, None, None, lead, [])
    first, last = observed[0], observed[-1]
    if indicator.yearly:
        expected: float | None = yearly_path(day, target.value)
        value = last.value if last.day.year == day.year else 0.0
        start, way, done = 0.0, target.value, value
    else:
        expected = expected_on(day, first, indicator.targets)
        value = last.value
        start, way, done = first.value, target.value - first.value, value - first.value
    share = _share(done, way) if way else float(target.met_by(value))
    due = None if expected is None or not way else _share(expected - start, way)
    return _line(target, indicator, goal, value, expected, share, last.source, lead, [last.evidence], due)


def _share(done: float, way: float) -> float:
    return min(1.0, max(0.0, done / way))


def _line(
    target: Target,
    indicator: Indicator,
    goal: Mapping[str, Any],
    value: float | None,
    expected: float | None,
    share: float | None,
    source: str | None,
    lead: list[str],
    evidence: list[int],
    expected_share: float | None = None,
) -> GoalLine:
    return GoalLine(
        target.goal,
        indicator.about,
        goal["where"],
        target.year,
        target.op,
        target.value,
        goal["high"],
        indicator.unit,
        bool(goal["approximate"]),
        value,
        expected,
        share,
        status(value, target, expected),
        source,
        lead,
        evidence,
        expected_share,
    )


def _units(tasks: Sequence[TaskLine]) -> list[UnitLine]:
    leads: dict[str, list[TaskLine]] = {}
    joins: dict[str, list[TaskLine]] = {}
    for task in tasks:
        for name in task.lead:
            leads.setdefault(name, []).append(task)
        for name in task.cooperating:
            joins.setdefault(name, []).append(task)
    return [
        UnitLine(
            name,
            [task.number for task in leads.get(name, [])],
            [task.number for task in joins.get(name, [])],
            sum(task.through for task in leads.get(name, [])),
            [task.number for task in leads.get(name, []) if task.status is Status.LATE],
        )
        for name in dict.fromkeys([*leads, *joins])
    ]


def _late(goals: Sequence[GoalLine], tasks: Sequence[TaskLine]) -> list[LateLine]:
    late = [
        LateLine(goal.about, goal.number, None, goal.value, goal.expected, goal.unit, goal.lead, goal.evidence)
        for goal in goals
        if goal.status is Status.LATE
        and goal.value is not None
        and goal.expected is not None
        and goal.source != "evidence"
    ]
    late += [
        LateLine(task.title, None, task.number, float(task.through), task.expected, "个场景", task.lead, task.evidence)
        for task in tasks
        if task.status is Status.LATE and task.expected is not None
    ]
    return late


def industry_title(name: str) -> Text:
    """Return an industry's title; an industry from outside is called by its own name."""
    return INDUSTRIES[name].title if name in INDUSTRIES else Text(name, name)
