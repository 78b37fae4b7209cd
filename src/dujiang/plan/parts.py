"""Which headings of a plan set goals, which are its tasks, and which its working requirements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dujiang.plan.headings import Heading

_GOALS = re.compile(r"(?:发展|总体|主要|工作|行动|建设|具体|阶段|年度|预期|攻坚|任务)?目标")
_OVERALL = re.compile(r"总体要求|总体思路|总体部署|总体考虑|总体安排")
_OTHER = re.compile(
    r"指导思想|基本原则|附则|名词解释|基本思路|工作思路|背景|^现状|形势|发展基础|工作基础|时间安排|进度安排|实施步骤|工作步骤|推进步骤|阶段安排|适用范围|政策依据"
    r"|总则|术语|重要意义"
)
_LEGAL = re.compile(r"有效期|起施行|起实施|负责解释")
_REQUIREMENTS = re.compile(
    r"工作要求|保障措施|组织实施|组织保障|支持政策|政策支持|政策保障|保障机制|工作保障|实施保障|强化保障|要素保障|组织领导|推进机制|保障支撑|工作机制|实施机制|加强保障|^保障|支撑保障|有关要求"
    r"|实施要求|保障体系|服务保障|支持措施|支持举措|措施保障|保障工作|推进实施|配套措施|保障支持|机制保障"
)
_TASKS = re.compile(
    r"任务|重点行动|专项行动|重点工程|重点举措|主要举措|重点领域|工作内容|主要措施|行动内容|重点工作|具体措施|政策措施|工作举措"
)


@dataclass(slots=True)
class Parts:
    """The parts of a plan. ``goals`` are (start, end, dated): with ``dated`` only clauses under a year are goals."""

    goals: list[tuple[int, int, bool]] = field(default_factory=list)
    tasks: list[Heading] = field(default_factory=list)
    requirements: list[Heading] = field(default_factory=list)


def parts(
    roots: list[Heading], carries_units: Callable[[int, int], bool], items: Callable[[Heading], list[Heading]]
) -> Parts:
    """Sort the headings of a plan into goals, tasks and requirements.

    Tasks are the headings that carry responsible units; where the items under a heading carry them, those are the
    tasks. Without any units, they are the items right under the sections, or sections that have none. ``carries_units``
    says whether ``clean[start:end]`` names responsible units, ``items`` what unnumbered items a heading has.
    """
    made = Parts()
    tops = _tops(roots)
    sections: list[Heading] = []
    for one in tops:
        if _is_goals(one) or _OVERALL.search(one.key):
            made.goals += _goal_parts(one)
        elif _LEGAL.search(one.key) or (_OTHER.search(one.key) and not _TASKS.search(one.key)):
            continue
        elif _is_requirement(one):
            made.requirements += one.children or items(one) or [one]
        else:
            sections.append(one)
    level = _task_level(sections, carries_units)
    for one in sections:
        made.tasks += _items(one, level, carries_units)
    return made


def _tops(roots: list[Heading]) -> list[Heading]:
    """Return the headings that sort the document: a chapter's sections where the chapter says nothing itself."""
    found: list[Heading] = []
    for one in roots:
        inner = one.children
        only = len(roots) == 1 and len(inner) > 2 and not _TASKS.search(one.key)
        mixed = one.level <= 1 and any(_is_goals(child) or _is_requirement(child) for child in inner)
        speaks = _is_goals(one) or _OVERALL.search(one.key) or _is_requirement(one)
        found += inner if inner and (only or (mixed and not speaks)) else [one]
    return found


def _is_goals(one: Heading) -> bool:
    short = len(one.key) <= 14 or one.key.endswith("目标")
    return (
        short
        and bool(_GOALS.search(one.key))
        and not _TASKS.search(one.key.replace("目标任务", "目标").replace("任务目标", "目标"))
    )


def _is_requirement(one: Heading) -> bool:
    return bool(_REQUIREMENTS.search(one.key)) and not _TASKS.search(one.key)


def _goal_parts(one: Heading) -> Iterator[tuple[int, int, bool]]:
    """Yield where goals are set: in the items about goals, else in the whole section."""
    inner = [child for child in one.children if _is_goals(child)]
    if inner:
        yield from ((child.title_end, child.end, False) for child in inner)
    elif _is_goals(one):
        yield one.title_end, one.end, False
    elif _OVERALL.search(one.key):
        yield one.title_end, one.end, True


def _task_level(sections: list[Heading], carries_units: Callable[[int, int], bool]) -> int | None:
    """Return the level at which most of the headings stand that carry units themselves; None where none does."""
    levels: Counter[int] = Counter()

    def count(one: Heading) -> None:
        first = one.children[0].start if one.children else one.end
        # A bracket at the end of the last item belongs to the heading above where the items before it have none.
        own = carries_units(one.start, first) or (_last_only(one, carries_units) and len(one.children) > 1)
        levels[one.level] += own
        if not own:
            for child in one.children:
                count(child)

    for section in sections:
        count(section)
    level, number = max(levels.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
    return level if number else None


def _last_only(one: Heading, carries_units: Callable[[int, int], bool]) -> bool:
    carrying = [carries_units(child.start, child.end) for child in one.children]
    return len(carrying) > 1 and carrying[-1] and not any(carrying[:-1])


def _items(one: Heading, level: int | None, carries_units: Callable[[int, int], bool]) -> Iterator[Heading]:
    """Yield the tasks of a section: down to ``level``, and below it where only the items there carry units."""
    if not one.children or (level is not None and one.level >= level and not _deeper(one, carries_units)):
        yield one
    elif level is None:
        yield from one.children
    elif _last_only(one, carries_units) and not one.children[-1].children and one.level >= level - 1 and one.level > 2:
        yield one
    else:
        for child in one.children:
            yield from _items(child, level, carries_units)


def _deeper(one: Heading, carries_units: Callable[[int, int], bool]) -> bool:
    """Say whether the items under a heading carry units and the heading itself does not."""
    first = one.children[0].start
    carrying = sum(carries_units(child.start, child.end) for child in one.children)
    return carrying > 1 and not carries_units(one.start, first)
