"""The pages of certification and training: for enterprises, schools, auditors and whoever checks a certificate."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, allowed, require
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.talent import certifying, forms, training
from dujiang.talent.models import Audit, Certificate, Checked, Course, Delegation, Order, School, Talent, Trainee
from dujiang.talent.terms import State, masked

PAGE = 200


def _units(actor: Actor) -> Any:
    return Unit.objects.order_by("name") if actor.role is Role.OFFICE else []


@page("talent.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def certification(request: HttpRequest) -> HttpResponse:
    """Show who may certify what, and whether a certificate is good; take a delegation."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST
        rules = {one.name: value for one in certifying.RULES if (value := forms.number(request, one.name)) is not None}
        acts = {
            "delegate": lambda: certifying.delegate(
                actor, given.get("unit", ""), given.get("skill", ""), given.get("level", ""), forms.whole(request, "quota"),
                rules, forms.day(request, "since"), forms.day(request, "until"),
            )
        }  # fmt: skip
        return forms.do(request, acts, "talent-certification")
    asked = request.GET.get("number", "").strip()
    found = Certificate.objects.filter(number=asked).select_related("delegation__unit", "delegation__skill").first()
    context = {
        "place": "talent",
        "delegations": Delegation.objects.select_related("unit", "skill").prefetch_related("certificates")[:PAGE],
        "asked": asked,
        "found": found,
        "holder": masked(found.talent.about.name) if found else "",
        "units": _units(actor),
        "rules": certifying.RULES,
        **forms.choices(),
    }
    return render(request, "talent/certification.html", context)


@page("talent.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def delegation(request: HttpRequest, number: int) -> HttpResponse:
    """Show a delegation: its rules and audits to all, its certificates to who certifies and audits; take what they do."""
    actor = actor_of(request)
    one = get_object_or_404(Delegation.objects.select_related("unit", "skill"), pk=number)
    if request.method == "POST":
        return forms.do(request, _acts_on_delegation(request, actor, one), "talent-delegation", number)
    certifies = allowed(actor, "talent.certify", [one.unit.name])
    audits = allowed(actor, "talent.audit") and actor.unit != one.unit.name
    seen = certifies or audits or allowed(actor, "talent.delegate")
    context = {
        "place": "talent",
        "one": one,
        "rules": [(rule, one.rules.get(rule.name)) for rule in certifying.RULES],
        "valid": one.certificates.filter(state=State.VALID).count(),
        "certifies": certifies and one.holds(),
        "audits": audits,
        "certificates": one.certificates.all()[:PAGE] if seen else [],
        "seen": seen,
        "all": [(each, each.sample.select_related("certificate") if audits else []) for each in one.audits.all()],
        **forms.choices(),
    }
    return render(request, "talent/delegation.html", context)


def _acts_on_delegation(request: HttpRequest, actor: Actor, one: Delegation) -> forms.Acts:
    given = request.POST

    def certify() -> None:
        facts = {
            rule.name: value for rule in certifying.RULES if (value := forms.number(request, rule.name)) is not None
        }
        talent = Talent.objects.filter(pk=forms.whole(request, "talent")).first()
        if talent is None:
            raise Refused(Text("没有该编号的人才档案", "there is no record of that number"))
        certifying.certify(actor, one, talent, given.get("level", ""), facts)

    def sampled() -> Checked:
        return get_object_or_404(Checked, pk=forms.whole(request, "checked"), audit__delegation=one)

    return {
        "certify": certify,
        "withdraw": lambda: certifying.withdraw_delegation(actor, one, given.get("why", "")),
        "withdraw-certificate": lambda: certifying.withdraw_certificate(
            actor, get_object_or_404(Certificate, number=given.get("number", ""), delegation=one), given.get("why", "")
        ),
        "audit": lambda: certifying.start_audit(
            actor, one, tolerated=(forms.number(request, "tolerated") or 0) / 100,
            confidence=(forms.number(request, "confidence") or 0) / 100,
        ),
        "sound": lambda: certifying.check(actor, sampled(), sound=True, note=given.get("note", "")),
        "unsound": lambda: certifying.check(actor, sampled(), sound=False, note=given.get("note", "")),
        "end": lambda: certifying.end_audit(
            actor, get_object_or_404(Audit, pk=forms.whole(request, "audit"), delegation=one)
        ),
    }  # fmt: skip


@page("talent.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def courses(request: HttpRequest) -> HttpResponse:
    """Show orders and courses; take an order, a course, the end of an order, a school."""
    actor = actor_of(request)
    if request.method == "POST":
        return forms.do(request, _acts_on_training(request, actor), "talent-training")
    school = School.objects.filter(unit__name=actor.unit).first() if actor.unit else None
    context = {
        "place": "talent",
        "orders": [
            (one, one.placed, allowed(actor, "talent.order", [one.unit.name]) and one.state == State.OPEN)
            for one in Order.objects.select_related("unit", "skill")[:PAGE]
        ],
        "courses": Course.objects.select_related("school__unit", "skill", "order")[:PAGE],
        "school": school,
        "schools": School.objects.select_related("unit"),
        "units": _units(actor),
        "open": Order.objects.filter(state=State.OPEN).select_related("unit"),
        "unit": actor.unit,
        **forms.choices(),
    }
    return render(request, "talent/training.html", context)


def _acts_on_training(request: HttpRequest, actor: Actor) -> forms.Acts:
    given = request.POST
    unit = given.get("unit", "") if actor.role is Role.OFFICE else ""

    def chosen(required: bool = True) -> Order | None:
        text = given.get("order", "")
        return get_object_or_404(Order, pk=forms.whole(request, "order")) if text or required else None

    return {
        "school": lambda: training.register_school(actor, given.get("unit", "")),
        "order": lambda: training.order(
            actor, given.get("title", ""), forms.record(request), given.get("skill", ""), forms.whole(request, "number"),
            forms.day(request, "by"), unit,
        ),
        "course": lambda: training.open_course(
            actor, given.get("title", ""), given.get("skill", ""), given.get("level", ""), forms.whole(request, "places"),
            forms.day(request, "since"), forms.day(request, "until"), order=chosen(required=False), unit=unit,
        ),
        "close": lambda: training.close_order(actor, chosen(), given.get("outcome", "")),  # type: ignore[arg-type]
    }  # fmt: skip


@page("talent.teach")
@require_http_methods(["GET", "HEAD", "POST"])
def course(request: HttpRequest, number: int) -> HttpResponse:
    """Show a course's trainees by their numbers; take who joins and how they fare."""
    actor = actor_of(request)
    one = get_object_or_404(Course.objects.select_related("school__unit", "skill", "order__unit"), pk=number)
    teaches = allowed(actor, "talent.teach", [one.school.unit.name])
    if not teaches and (one.order is None or one.order.unit.name != actor.unit):
        require(actor, "talent.teach", [one.school.unit.name])
    if request.method == "POST":
        given = request.POST

        def trainee() -> Trainee:
            return get_object_or_404(Trainee, pk=forms.whole(request, "trainee"), course=one)

        acts = {
            "enrol": lambda: training.enrol(
                actor, one, get_object_or_404(Talent, pk=forms.whole(request, "talent"))
            ),
            "completed": lambda: training.move(actor, trainee(), State.COMPLETED),
            "dropped": lambda: training.move(actor, trainee(), State.DROPPED),
            "placed": lambda: training.move(
                actor, trainee(), State.PLACED,
                placed_with=given.get("unit", "") or (one.order.unit.name if one.order else ""),
            ),
            "stayed": lambda: training.follow_up(actor, trainee(), stayed=True),
            "left": lambda: training.follow_up(actor, trainee(), stayed=False),
        }  # fmt: skip
        return forms.do(request, acts, "talent-course", number)
    context = {
        "place": "talent",
        "one": one,
        "teaches": teaches,
        "trainees": one.trainees.select_related("placed_with"),
        "units": Unit.objects.order_by("name"),
        "unit": actor.unit,
    }
    return render(request, "talent/course.html", context)
