"""Levels of incidents and their deadlines.

Levels and times are those of 国家网络安全事件报告管理办法 (in force since 1 November 2025), by which operators report: a
relatively serious incident or a worse one within four hours to the province's cyberspace office, or within an hour where
critical information infrastructure is concerned (article 4); a full account follows within 30 days of its end. Where its annex counts
people, hours and yuan of networks, `grade` takes the same three figures for a model or scenario. A general incident
needs no report outside; the site's own rule is that it is handled within ten working days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from dujiang.messages import Text
from dujiang.safety.workdays import after

REPORT_HOURS, CRITICAL_HOURS, ACCOUNT_DAYS, GENERAL_WORKDAYS = 4, 1, 30, 10


class Level(StrEnum):
    """How serious an incident is."""

    GENERAL = "general"
    SERIOUS = "serious"
    MAJOR = "major"
    EXTREME = "extreme"

    @property
    def words(self) -> Text:
        """The level for people."""
        return {
            Level.GENERAL: Text("一般", "general"),
            Level.SERIOUS: Text("较大", "relatively serious"),
            Level.MAJOR: Text("重大", "serious"),
            Level.EXTREME: Text("特别重大", "extremely serious"),
        }[self]

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Level).index(self)


_PEOPLE = (1_000_000, 10_000_000, 100_000_000)
_YUAN = (5_000_000, 20_000_000, 100_000_000)
_HOURS = (2.0, 6.0, 24.0)
"""From where on an incident is relatively serious, serious, extremely serious: people whose data leaked or who were
harmed, yuan lost, hours for which a service of public importance was down."""


def grade(*, people: int = 0, yuan: int = 0, hours: float = 0.0) -> Level:
    """Return the level of an incident by what it did: the worst that any of the figures gives."""
    worst = max(
        sum(people >= one for one in _PEOPLE), sum(yuan >= one for one in _YUAN), sum(hours >= one for one in _HOURS)
    )
    return list(Level)[worst]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Until when what is to be done; None where nothing is, or where it hangs on what hasn't happened yet."""

    report: datetime | None
    """To the authority outside."""
    handle: datetime | None
    """A general incident contained."""
    account: datetime | None
    """The full account, once it is contained."""


def deadlines(
    level: Level, found: datetime, contained: datetime | None, *, critical: bool = False, workdays: Path | None = None
) -> Deadlines:
    """Return an incident's deadlines; ``found`` is when it was found or known of, a time with its zone."""
    if level is Level.GENERAL:
        last = after(found.date(), GENERAL_WORKDAYS, workdays)
        return Deadlines(None, found.replace(year=last.year, month=last.month, day=last.day, hour=23, minute=59), None)
    hours = CRITICAL_HOURS if critical else REPORT_HOURS
    account = contained + timedelta(days=ACCOUNT_DAYS) if contained else None
    return Deadlines(found + timedelta(hours=hours), None, account)
