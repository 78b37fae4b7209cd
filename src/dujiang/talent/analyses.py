"""Making and publishing a quarter's analysis from the store."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.talent.analysis import HORIZON, Growth, Seats, Someone, Wanted, analyse, quarter_days
from dujiang.talent.models import (
    Analysis,
    Consent,
    Course,
    Need,
    Path,
    Talent,
    Vacancy,
)
from dujiang.talent.terms import Purpose, State


def publish(actor: Actor, quarter: str) -> Analysis:
    """Make a quarter's analysis and publish it, once: a second one would tell by the difference. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.keep")
    try:
        _, last = quarter_days(quarter)
    except ValueError as error:
        raise Refused(Text("季度应形如 2026Q3", "a quarter is such as 2026Q3")) from error
    if last >= timezone.localdate():
        raise Refused(Text(f"{quarter} 尚未结束", f"{quarter} has not ended"))
    with transaction.atomic():
        if Analysis.objects.filter(quarter=quarter).exists():
            raise Refused(Text(f"{quarter} 已分析", f"{quarter} has been analysed"))
        before = list(Analysis.objects.filter(quarter__lt=quarter).order_by("quarter").values_list("report", flat=True))
        report = analyse(quarter, _people(), _wanted(last), _paths(), _seats(last), before)
        body = {"total": report["tables"]["total"][0]["count"], "wanted": report["demand"]["total"],
                "withheld": report["withheld"], "minimum": report["minimum"]}  # fmt: skip
        entry = append(actor, "talent.analysed", quarter, body)
        made: Analysis = Analysis.objects.create(quarter=quarter, report=report, evidence=entry.sequence)
    return made


def _people() -> list[Someone]:
    """Return who consents to being counted today."""
    consents = Consent.objects.in_force().values_list("talent", "purposes")
    counted = {talent for talent, purposes in consents if Purpose.ANALYSIS in purposes}
    skills: dict[int, list[str]] = {}
    for talent, uri in Talent.skills.through.objects.values_list("talent_id", "skill__uri"):
        skills.setdefault(talent, []).append(uri)
    rows = Talent.objects.filter(state=State.ACTIVE).values_list("pk", "industry", "city", "level", "entered", "left")
    return [
        Someone(industry, city, level, tuple(skills.get(number, ())), entered, left)
        for number, industry, city, level, entered, left in rows
        if number in counted
    ]


def _wanted(last: date) -> list[Wanted]:
    vacancies = Vacancy.objects.filter(opened__lte=last, closes__gte=last, filled__lt=F("number"))
    found = [
        Wanted("vacancy", one.industry, one.city, one.level, tuple(skill.uri for skill in one.skills.all()), one.open)
        for one in vacancies.prefetch_related("skills")
    ]
    needs = Need.objects.filter(by__gt=last, by__lte=_ahead(last)).select_related("skill")
    return found + [Wanted("task", one.industry, one.city, one.level, (one.skill.uri,), one.number) for one in needs]


def _ahead(last: date) -> date:
    return last + timedelta(days=round(HORIZON * 365.25 / 4))


def _paths() -> list[Growth]:
    return [Growth(one.skill.uri, one.start, one.end, one.years) for one in Path.objects.select_related("skill")]


def _seats(last: date) -> list[Seats]:
    courses = Course.objects.filter(until__gt=last, until__lte=_ahead(last)).select_related("skill")
    return [Seats(one.skill.uri, one.level, one.places) for one in courses]


def published() -> list[dict[str, Any]]:
    """Return the analyses, the latest first, without their tables."""
    return [
        {"quarter": one.quarter, "evidence": one.evidence, "total": one.report["tables"]["total"][0]["count"],
         "wanted": one.report["demand"]["total"]}
        for one in Analysis.objects.all()
    ]  # fmt: skip
