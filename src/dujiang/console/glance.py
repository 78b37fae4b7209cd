"""What the overview shows, from a month's dispatch: goals by indicator, the industries, the places on a tile grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dujiang.messages import Text
from dujiang.plan.dispatch import Dispatch, GoalLine, TaskLine, industry_title
from dujiang.plan.industries import tasks_by_industry

_SICHUAN = """
.  阿坝 绵阳 广元 巴中 达州
甘孜 成都 德阳 遂宁 南充 广安
雅安 眉山 资阳 内江 .  .
凉山 乐山 自贡 .  .  .
攀枝花 .  宜宾 泸州 .  .
"""
"""Where each prefecture's tile lies, so that neighbours mostly stay neighbours."""
GRIDS: dict[str, list[list[str]]] = {"510000": [line.split() for line in _SICHUAN.strip().splitlines()]}
_WIDTH = 6


@dataclass(frozen=True, slots=True)
class IndicatorCard:
    """An indicator with its goals, a line a year."""

    about: str
    unit: str
    value: float | None
    lines: list[GoalLine]


@dataclass(frozen=True, slots=True)
class IndustryCard:
    """An industry: its task's line, and the record of its last evaluation this year."""

    title: Text
    line: TaskLine
    last: int | None

    @property
    def dots(self) -> list[bool]:
        """A dot a scenario that is required or runs through, filled where it runs through."""
        return [number < self.line.through for number in range(max(self.line.through, round(self.line.required or 0)))]


@dataclass(frozen=True, slots=True)
class Tile:
    """A prefecture on the grid (``row`` and ``column`` from 1): its enterprises, and tasks that its units lead or join."""

    division: str
    name: str
    row: int
    column: int
    enterprises: int
    tasks: list[int]
    late: list[int]


def indicator_cards(made: Dispatch) -> list[IndicatorCard]:
    """Return the dispatch's goals by indicator, in the plan's order, each year's in turn."""
    groups: dict[tuple[str, str], list[GoalLine]] = {}
    for line in made.goals:
        groups.setdefault((line.about, line.unit), []).append(line)
    return [
        IndicatorCard(about, unit, lines[0].value, sorted(lines, key=lambda line: line.year or 9999))
        for (about, unit), lines in groups.items()
    ]


def industry_cards(made: Dispatch) -> list[IndustryCard]:
    """Return the industries that the plan asks scenarios of, in the order of its tasks."""
    tasks = {line.number: line for line in made.tasks if line.required is not None}
    places = tasks_by_industry({number: line.title for number, line in tasks.items()})
    return [
        IndustryCard(industry_title(name), tasks[number], max(tasks[number].evidence, default=None))
        for name, number in sorted(places.items(), key=lambda place: place[1])
    ]


def tiles(
    made: Dispatch,
    province: str,
    prefectures: Mapping[str, str],
    enterprises: Mapping[str, int],
    governments: Iterable[tuple[str, str]],
) -> list[Tile]:
    """Return a province's tiles.

    ``prefectures`` are names by division code; ``enterprises`` how many each has; ``governments`` pairs of a unit's
    name and its division. A province without a grid of its own is laid out in the order of its codes.
    """
    codes = {name: code for code, name in prefectures.items()}
    order: Sequence[Sequence[str]] = GRIDS.get(province) or [
        list(codes)[start : start + _WIDTH] for start in range(0, len(codes), _WIDTH)
    ]
    of_units = {line.name: line for line in made.units}
    units: dict[str, list[str]] = {}
    for name, division in governments:
        units.setdefault(division, []).append(name)
    late = {line.number for line in made.tasks if line.status == "late"}
    laid = []
    for row, names in enumerate(order, start=1):
        for column, name in enumerate(names, start=1):
            if name not in codes:
                continue
            lines = [of_units[unit] for unit in units.get(codes[name], []) if unit in of_units]
            tasks = sorted({task for line in lines for task in (*line.leads, *line.cooperates)})
            laid.append(
                Tile(
                    codes[name],
                    name,
                    row,
                    column,
                    enterprises.get(codes[name], 0),
                    tasks,
                    [n for n in tasks if n in late],
                )
            )
    return laid
