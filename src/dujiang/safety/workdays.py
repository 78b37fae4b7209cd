"""Working days (工作日), in which the rules count deadlines.

What counts: Monday to Friday, less the days off and with the make-up working days (调休上班) of the State Council's yearly
arrangement. The arrangements that are known stand in ``workdays.json``, or in the site's own file of the same form for
later years. For a year whose arrangement nobody has entered, Monday to Friday count, less the statutory days that fall on
the same date every year (1 January, 1 and 2 May, 1 to 3 October). The day on which something happened doesn't count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dujiang.messages import BadInput, Text

_FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


class Arrangement(NamedTuple):
    """A year's days off and make-up working days."""

    off: frozenset[date]
    work: frozenset[date]


@lru_cache(maxsize=8)
def arrangements(own: Path | None = None) -> Mapping[int, Arrangement]:
    """Return the known arrangements by year; ``own`` is a site's file, whose years stand before ours. Raises `BadInput`."""
    known: dict[int, Arrangement] = {}
    for path in filter(None, (Path(__file__).with_name("workdays.json"), own)):
        try:
            for year, given in json.loads(path.read_text(encoding="utf-8")).items():
                known[int(year)] = Arrangement(_days(given["off"]), _days(given["work"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            expected = Text(
                '形如 {"2027": {"off": ["2027-01-01/2027-01-03"], "work": []}} 的 JSON',
                'JSON such as {"2027": {"off": ["2027-01-01/2027-01-03"], "work": []}}',
            )
            raise BadInput(path, expected=expected, found=str(error)) from error
    return known


def _days(spans: Sequence[str]) -> frozenset[date]:
    found = set()
    for span in spans:
        first, _, last = span.partition("/")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return frozenset(found)


def is_workday(day: date, own: Path | None = None) -> bool:
    """Whether a day counts."""
    known = arrangements(own).get(day.year)
    if known is None:
        return day.weekday() < 5 and (day.month, day.day) not in _FIXED
    return day in known.work or (day.weekday() < 5 and day not in known.off)


def after(day: date, count: int, own: Path | None = None) -> date:
    """Return the ``count``-th working day after a day: what is due then is in time until that day's end."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_workday(day, own)
    return day
