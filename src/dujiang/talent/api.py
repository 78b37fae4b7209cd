"""Talent over HTTP: what is published, one's own record, a unit's vacancies."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import Http404
from ninja import Field, Path, Router, Schema

from dujiang.identity.permission import require
from dujiang.messages import Text
from dujiang.talent import actions, analyses, intake
from dujiang.talent.models import Analysis, Certificate, Vacancy

router = Router(tags=["talent"])
Place = Annotated[int, Path(ge=1, le=2**62)]
Quarter = Annotated[str, Path(min_length=6, max_length=6, pattern=r"^20\d\dQ[1-4]$")]
Number = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f/]+$")]


class QuarterOut(Schema):
    """A quarter that was analysed; ``total`` is null where it is withheld."""

    quarter: str
    total: int | None
    wanted: int
    evidence: int


class AnalysisOut(Schema):
    """A quarter's analysis as it was published; keys as in docs/reference/json.md."""

    quarter: str
    report: dict[str, Any]
    evidence: int


class VacancyOut(Schema):
    """A vacancy with open places."""

    number: int
    unit: str
    reference: str
    title: str
    industry: str
    level: str
    city: str
    skills: list[str]
    open: int
    closes: date
    evidence: int


class CourseOut(Schema):
    """A training school's course with free places."""

    number: int
    school: str
    title: str
    skill: str
    skill_title: Text
    level: str
    free: int
    since: date
    until: date
    evidence: int


class CertificateOut(Schema):
    """A certificate, by its number, without who holds it."""

    number: str
    unit: str
    skill: Text
    level: str
    issued: date
    state: str
    evidence: int


class OwnOut(Schema):
    """One's own record."""

    number: int
    details: dict[str, Any]
    industry: str
    level: str
    city: str
    skills: list[str]
    purposes: list[str]
    evidence: int


class FilledIn(Schema):
    """How many places of a vacancy are filled."""

    filled: Annotated[int, Field(ge=0, le=10**6)]


@router.get("/analyses", response=list[QuarterOut])
def quarters(request: Any) -> list[dict[str, Any]]:
    """Return the quarters that were analysed, the latest first."""
    require(request.auth, "talent.browse")
    return analyses.published()


@router.get("/analyses/{quarter}", response=AnalysisOut)
def quarter(request: Any, quarter: Quarter) -> Analysis:
    """Return a quarter's analysis."""
    require(request.auth, "talent.browse")
    found = Analysis.objects.filter(quarter=quarter).first()
    if found is None:
        raise Http404
    return found


@router.get("/vacancies", response=list[VacancyOut])
def vacancies(request: Any) -> list[dict[str, Any]]:
    """Return the vacancies with open places."""
    require(request.auth, "talent.browse")
    return [one._asdict() for one in actions.open_vacancies()]


@router.post("/vacancies/{number}/filled", response=VacancyOut)
def filled(request: Any, number: Place, wanted: FilledIn) -> dict[str, Any]:
    """Say how many places of a vacancy are filled."""
    require(request.auth, "talent.demand")
    one = Vacancy.objects.filter(pk=number).select_related("unit").first()
    if one is None:
        raise Http404
    one = intake.fill(request.auth, one, wanted.filled)
    return {
        "number": one.pk, "unit": one.unit.name, "skills": [skill.uri for skill in one.skills.all()],
        **{name: getattr(one, name) for name in
           ("reference", "title", "industry", "level", "city", "open", "closes", "evidence")},
    }  # fmt: skip


@router.get("/courses", response=list[CourseOut])
def courses(request: Any) -> list[dict[str, Any]]:
    """Return the courses with free places."""
    require(request.auth, "talent.browse")
    return [one._asdict() for one in actions.open_courses()]


@router.get("/certificates/{number}", response=CertificateOut)
def certificate(request: Any, number: Number) -> dict[str, Any]:
    """Return whether a certificate is good."""
    require(request.auth, "talent.browse")
    one = Certificate.objects.filter(number=number).select_related("delegation__unit", "delegation__skill").first()
    if one is None:
        raise Http404
    return {
        "number": one.number, "unit": one.delegation.unit.name, "skill": one.delegation.skill.title,
        "level": one.level, "issued": one.issued, "state": one.state, "evidence": one.evidence,
    }  # fmt: skip


@router.get("/me", response=OwnOut)
def me(request: Any) -> dict[str, Any]:
    """Return one's own record."""
    one = actions.own(request.auth)
    if one is None:
        raise Http404
    about = one.about
    return {
        "number": one.pk, "details": {name: getattr(about, name) for name in about.__slots__},
        "industry": one.industry, "level": one.level, "city": one.city, "evidence": one.evidence,
        "skills": [skill.uri for skill in one.skills.all()], "purposes": sorted(one.purposes()),
    }  # fmt: skip
