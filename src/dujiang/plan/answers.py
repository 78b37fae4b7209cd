"""Answers about a plan that say nothing without a citation: put together, checked, or not given at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dujiang.messages import Text
from dujiang.plan.dispatch import Dispatch, GoalLine, TaskLine
from dujiang.plan.divisions import PLACE
from dujiang.plan.passages import Passage, passages
from dujiang.plan.quantities import Quantity, quantities
from dujiang.plan.questions import Question, Wants, read_question
from dujiang.plan.retrieval import Hit, Index, plain, terms
from dujiang.plan.wording import figure, target_text

LEAST_SHARED = 0.5
"""The least share of a sentence's pairs of characters that its citations must have."""
THRESHOLD = 0.38
"""The least share of a question that what answers it must cover; `evaluation.calibrated` finds it."""


@dataclass(frozen=True, slots=True)
class Citation:
    """What a sentence rests on: ``quote`` is ``text[start:end]`` of the plan, ``evidence`` numbers of records."""

    where: str
    start: int
    end: int
    quote: str
    goal: int | None = None
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer with what it rests on."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or why there is none. ``way`` is ``retrieval`` or ``model``; ``score`` how much was covered, 0 to 1.

    ``dropped`` counts the sentences that a model wrote and its citations did not bear out.
    """

    question: str
    sentences: tuple[Sentence, ...]
    way: str
    score: float
    why: Text | None = None
    dropped: int = 0

    @property
    def abstained(self) -> bool:
        """Whether there is no answer."""
        return not self.sentences

    def as_json(self) -> dict[str, Any]:
        """Return plain values under stable keys (docs/reference/json.md)."""
        return {**asdict(self), "abstained": self.abstained}


NOTHING = Text("方案和存证中没有找到可以引用的依据", "nothing in the plan or on record was found to cite")
OPINION = Text(
    "只回答方案和存证里写明的事,不作评价和预测", "it tells what plan and records say, and gives no opinion or forecast"
)
NO_FIGURE = Text("此项尚无在案数据", "no figure of this is on record yet")
NO_UNIT = Text("方案没有提到这个单位", "the plan doesn't name this unit")


@dataclass(slots=True)
class Material:
    """All that may be cited: the plan's passages, its tasks, and where a month's dispatch says things stand."""

    title: str
    tasks: Mapping[int, Mapping[str, Any]]
    text: Index
    progress: Index
    units: list[str]
    known: str
    """The plan's text as `retrieval.plain` gives it."""


def material(
    raw: str,
    title: str,
    goals: Mapping[int, Mapping[str, Any]],
    tasks: Mapping[int, Mapping[str, Any]],
    requirements: Mapping[int, Mapping[str, Any]],
    made: Dispatch,
    issuer: str = "",
) -> Material:
    """Gather what may be cited of a plan and of a month's dispatch."""
    found = passages(raw, goals, tasks, requirements, {issuer: "印发机关 发文机关", made.number: "文号 发文字号"})
    units = dict.fromkeys(unit for task in tasks.values() for unit in (*task["lead"], *task["cooperating"]))
    return Material(title, tasks, Index(found, title), Index(_standings(found, made), title), list(units), plain(raw))


def _standings(found: Sequence[Passage], made: Dispatch) -> list[Passage]:
    """Return the dispatch's lines as passages, those without a record too, so that they can be told from no match."""
    by_goal = {one.goal: one for one in found if one.goal is not None}
    # What the plan asks of every industry stands where each task does.
    asked_of_all = next((line.number for line in made.goals if line.source == "evidence"), 0)
    standings = []
    for line in made.goals:
        if line.number != asked_of_all and line.number in by_goal:
            standings.append(_standing(by_goal[line.number], _goal_text(line, made), line.evidence))
    rule = by_goal.get(asked_of_all)
    for task in made.tasks:
        if rule is not None and task.required is not None:
            one = _standing(rule, _task_text(task, made), task.evidence)
            standings.append(replace(one, where=f"task {task.number}", title=task.title, year=None))
    return standings


def _standing(about: Passage, text: str, evidence: Iterable[int]) -> Passage:
    return replace(about, text=text, units=False, evidence=tuple(evidence))


def _goal_text(line: GoalLine, made: Dispatch) -> str:
    expected = f"，序时 {figure(line.expected, line.unit)}" if line.expected is not None else ""
    year = f"{line.year}年" if line.year else ""
    return (
        f"{line.about}：截至{made.as_of.isoformat()}现值 {figure(line.value, line.unit)}，{year}目标 {target_text(line)}"
        f"{expected}，{line.status.words.zh}。"
    )


def _task_text(task: TaskLine, made: Dispatch) -> str:
    return (
        f"任务{task.number} {task.title}：截至{made.as_of.isoformat()}本年跑通场景 {task.through} 个，要求 {task.required:g} 个，"
        f"{task.status.words.zh}。"
    )


# -- by retrieval alone ------------------------------------------------------------------------------------------------


def candidates(about: Material, question: Question, threshold: float) -> list[Hit]:
    """Return the passages that may be cited for a question, the best first; none where it covers less than is asked."""
    index = about.progress if question.wants is Wants.PROGRESS else about.text
    hits = [hit for hit in index.search(question.text) if _fits(hit.passage, question, about.title)]
    if question.wants is Wants.PROGRESS and question.task:
        hits.sort(key=lambda hit: not hit.passage.where.startswith("task"))
    return hits if hits and hits[0].score >= threshold else []


def _fits(one: Passage, question: Question, title: str) -> bool:
    """Whether a passage is about the years, places and figures that the question names, and has what it asks for."""
    if question.years - one.years:
        return False
    around = plain(one.text + one.title + title)
    if any(place not in around for place in (*question.places, *question.topics)):
        return False
    if question.wants is Wants.PROGRESS:
        return True
    found = list(quantities(plain(one.text)))
    if any(not any(_same(asked, other) for other in found) for asked in question.figures):
        return False
    if question.wants is Wants.PASSAGE and question.person:
        return False
    if question.wants is Wants.PASSAGE and question.quantity and not question.when:
        measured = [other for other in found if question.measure in (None, other.normalised()["unit"])]
        return bool(measured)
    return not (question.when and question.wants is Wants.PASSAGE) or bool(one.years) or "每" in one.text


def _same(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are the same number of the same unit, however they are written."""
    first, second = one.normalised(), other.normalised()
    return first["unit"] == second["unit"] and all(first[name] == second[name] for name in ("value", "low", "high"))


def by_retrieval(about: Material, asked: str, threshold: float = THRESHOLD) -> Answer:
    """Answer a question by the passages or figures that cover it, else say why not."""
    question = read_question(asked, about.units, about.known)

    def none(why: Text, score: float = 0.0) -> Answer:
        return Answer(asked, (), "retrieval", score, why)

    if question.wants is Wants.OPINION:
        return none(OPINION)
    if question.strange and question.wants in (Wants.UNITS, Wants.TASKS_OF_UNIT):
        return none(NO_UNIT)
    if question.wants is Wants.TASKS_OF_UNIT:
        return _tasks_of(about, question)
    hits = candidates(about, question, threshold)
    if not hits:
        return none(NOTHING)
    best = hits[0]
    if question.wants is Wants.PROGRESS:
        if not best.passage.evidence:
            return none(NO_FIGURE, best.score)
        return Answer(asked, (Sentence(best.passage.text, (cite(best.passage),)),), "retrieval", best.score)
    if question.wants is Wants.UNITS:
        return _units_of(about, question, best)
    return Answer(asked, (_quoting(best.passage),), "retrieval", best.score)


def _quoting(one: Passage) -> Sentence:
    """Return a passage as a sentence; a goal's year may stand before the clause that it is in."""
    year = f"{one.year}年：" if one.year and str(one.year) not in one.text else ""
    return Sentence(year + one.text, (cite(one),))


def cite(one: Passage) -> Citation:
    """Return the citation of a passage."""
    return Citation(one.where, one.start, one.end, one.quote, one.goal, one.evidence)


def _naming(about: Material, number: int) -> list[Passage]:
    """Return the passages that name a task's units."""
    return [one for one in about.text.passages if one.units and one.where == f"task {number}"]


def _units_of(about: Material, question: Question, best: Hit) -> Answer:
    kind, _, number = best.passage.where.partition(" ")
    if kind != "task":
        return Answer(question.asked, (), "retrieval", best.score, NOTHING)
    task = about.tasks[int(number)]
    named = _naming(about, int(number))
    said = [f"任务{number} {task['title']}", f"牵头单位 {'、'.join(task['lead'])}" if task["lead"] else ""]
    said.append(f"配合单位 {'、'.join(task['cooperating'])}" if task["cooperating"] else "")
    sentence = Sentence("，".join(part for part in said if part) + "。", tuple(map(cite, named)))
    if not named or not supported(sentence.text, named, about):
        return Answer(question.asked, (), "retrieval", best.score, NOTHING)
    return Answer(question.asked, (sentence,), "retrieval", best.score)


def _tasks_of(about: Material, question: Question) -> Answer:
    sentences = []
    for name in question.names:
        for number, task in about.tasks.items():
            role = "牵头" if name in task["lead"] else "配合" if name in task["cooperating"] else None
            named = [one for one in _naming(about, number) if name in one.text]
            if role and named:
                sentences.append(Sentence(f"{name}：{role}任务{number} {task['title']}。", tuple(map(cite, named))))
    return Answer(question.asked, tuple(sentences), "retrieval", float(bool(sentences)), None if sentences else NOTHING)


# -- the check of citations --------------------------------------------------------------------------------------------


_QUOTED = re.compile(r"[“《「]([^”》」]{2,40})[”》」]")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def supported(text: str, cited: Sequence[Passage], about: Material) -> bool:
    """Whether cited passages bear out a sentence: its numbers with their units, its years and its names are in them."""
    return not unsupported(text, cited, about)


def unsupported(text: str, cited: Sequence[Passage], about: Material) -> list[str]:
    """Return the numbers, units and names of a sentence that its cited passages don't have.

    A Chinese sentence is missing as a whole where less than `LEAST_SHARED` of its pairs of characters are in them. Of
    one in English only numbers, quoted names and units can be checked.
    """
    said = plain(text)
    there = plain(
        "\n".join(
            f"{one.title}\n{one.text}\n{one.where.replace('task ', '任务').replace('requirement ', '要求')}"
            for one in cited
        )
    )
    years = {year for one in cited for year in one.years}
    missing: list[str] = []
    found = list(quantities(there))
    for one in quantities(said):
        if not one.chinese and not any(_same(one, other) for other in found):
            missing.append(said[one.start : one.end])
    numbers = {float(number) for number in _DIGITS.findall(there.replace(",", ""))} | {float(year) for year in years}
    missing += [number for number in _DIGITS.findall(said.replace(",", "")) if float(number) not in numbers]
    missing += [name for name in _QUOTED.findall(said) if name not in there]
    missing += [name for name in about.units if plain(name) in said and plain(name) not in there]
    missing += [place for place in PLACE.findall(said) if place not in there + plain(about.title)]
    own = terms(said)
    if own and sum(term in there for term in own) < LEAST_SHARED * len(own) and re.search("[\u3400-\u9fff]", said):
        missing.append(said)
    return list(dict.fromkeys(missing))
