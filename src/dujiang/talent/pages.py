"""The pages of people and demand: overview, one's own record, the office's list, duplicates, analyses, vacancies, plans."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dujiang.identity.codes import prefectures
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, allowed, require
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.plan.industries import INDUSTRIES
from dujiang.talent import actions, analyses, fields, forms, intake, planning, training, uploads
from dujiang.talent.analysis import next_quarter
from dujiang.talent.models import Analysis, Course, Measure, Pair, Skill, Talent, Vacancy
from dujiang.talent.terms import DETAILS, Level, Purpose, State

PAGE = 200
TABLES = {
    "people": uploads.PEOPLE,
    "vacancies": uploads.VACANCIES,
    "needs": uploads.NEEDS,
    "paths": uploads.PATHS,
}


@page("talent.browse")
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show what is published: analyses, vacancies, courses."""
    context = {
        "place": "talent",
        "analyses": analyses.published(),
        "vacancies": Vacancy.objects.filter(closes__gte=timezone.localdate()).select_related("unit")[:PAGE],
        "courses": actions.open_courses(),
        "levels": {one.value: one.words for one in Level},
        "latest": _latest(),
    }
    return render(request, "talent/overview.html", context)


def _latest() -> str:
    """Return the last quarter that has ended, or an empty string where it has been analysed."""
    today = timezone.localdate()
    quarter = next_quarter(f"{today:%Y}Q{(today.month + 2) // 3}", -1)
    return "" if Analysis.objects.filter(quarter=quarter).exists() else quarter


@page("talent.own")
@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """Show somebody their own record; take it, a correction, a consent, a withdrawal, a place on a course."""
    actor = actor_of(request)
    one = actions.own(actor)
    if request.method == "POST":
        return forms.do(request, _acts_of_oneself(request, actor, one), "talent-me")
    context: dict[str, Any] = {"place": "talent", "one": one, "mine": True, **forms.choices()}
    if one is not None:
        held, joined = one.purposes(), set(one.trainings.values_list("course", flat=True))
        context |= {
            **_about(one),
            "consents": one.consents.filter(withdrawn=None),
            "seen": actions.seen_by(one),
            "measures": one.measures.select_related("responsible"),
            "certificates": one.certificates.select_related("delegation__unit", "delegation__skill"),
            "trainings": one.trainings.select_related("course__school__unit"),
            "achievements": one.achievements.all(),
            "courses": [each for each in actions.open_courses() if each.number not in joined]
            if Purpose.TRAINING in held
            else [],
        }
    return render(request, "talent/me.html", context)


def _acts_of_oneself(request: HttpRequest, actor: Actor, one: Talent | None) -> forms.Acts:
    if one is None:
        return {
            "record": lambda: actions.record_self(
                actor, forms.record(request), skills=forms.skills(request), purposes=forms.purposes(request),
                until=forms.day(request, "until"),
            )
        }  # fmt: skip
    return {
        "correct": lambda: actions.correct(actor, one, forms.record(request), skills=forms.skills(request)),
        "consent": lambda: actions.consent(actor, one, forms.purposes(request), forms.day(request, "until")),
        "withdraw": lambda: actions.withdraw(actor, one, _some(request)),
        "erase": lambda: actions.withdraw(actor, one),
        "leave": lambda: actions.leave(actor, one, forms.day(request, "day")),
        "enrol": lambda: training.enrol(actor, get_object_or_404(Course, pk=forms.whole(request, "course")), one),
    }


def _some(request: HttpRequest) -> list[str]:
    """Return the purposes ticked: without any, everything would be withdrawn, which has a button of its own."""
    ticked = forms.purposes(request)
    if not ticked:
        raise Refused(Text("请选择要撤回的用途", "choose what to withdraw"))
    return ticked


def _about(one: Talent) -> dict[str, Any]:
    about = one.about
    return {
        "values": about,
        "rows": [(title, getattr(about, name)) for name, title in DETAILS.items()],
        "skills": one.skills.all(),
        "city": _city_names().get(one.city, one.city),
        "held": [(purpose, Purpose(purpose).words) for purpose in sorted(one.purposes())],
    }


@cache
def _city_names() -> dict[str, str]:
    return {code: name for province in range(11, 66) for code, name in prefectures(f"{province}0000").items()}


@page("talent.see")
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Show the people on record that one has to do with, without what identifies them; take a table of them."""
    actor = actor_of(request)
    if request.method == "POST":
        return forms.do(request, {"import": lambda: _import(request, actor)}, "talent-people")
    found = Talent.objects.filter(state=State.ACTIVE)
    if actor.role is not Role.OFFICE:
        found = found.filter(
            Q(unit__name=actor.unit) | Q(measures__responsible__name=actor.unit, measures__state=State.OPEN)
        ).distinct()
    chosen = {name: request.GET[name] for name in ("industry", "level", "city") if request.GET.get(name)}
    try:
        if "city" in chosen:
            chosen["city"] = fields.city(chosen["city"])
    except fields.Unfit:
        found = found.none()
    found = found.filter(**chosen)
    context = {
        "place": "talent",
        "people": found.prefetch_related("skills", "consents")[:PAGE],
        "count": found.count(),
        "chosen": chosen,
        "cities": _city_names(),
        "office": actor.role is Role.OFFICE,
        "expired": len(actions.expired()) if actor.role is Role.OFFICE else 0,
        **forms.choices(),
    }
    return render(request, "talent/people.html", context)


def _import(request: HttpRequest, actor: Actor) -> None:
    with forms.table(request) as path:
        if path.suffix.lower() != ".json":
            intake.import_people(actor, path)
            return
        common = {name: request.POST.get(name, "") for name in ("industry", "level", "city")}
        intake.import_orcid(
            actor, path, common, purposes=forms.purposes(request), given=forms.day(request, "given"),
            until=forms.day(request, "until"), paper=request.POST.get("paper", ""),
        )  # fmt: skip


@page("talent.see")
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, number: int) -> HttpResponse:
    """Show a record; what identifies somebody only for a purpose and a reason, which is evidence."""
    actor = actor_of(request)
    one = get_object_or_404(Talent.objects.select_related("unit", "person"), pk=number)
    require(actor, "talent.see", actions.concerned(one))
    shown = None
    if request.method == "POST":
        given = request.POST
        if given.get("do") == "see":
            try:
                shown = actions.see(actor, one, given.get("purpose", ""), given.get("why", ""))
            except Refused as error:
                return render(request, "console/refused.html", {"place": "talent", "why": error.text}, status=409)
        else:
            return forms.do(request, _acts_on_person(request, actor, one), "talent-person", number)
    about = _about(one)
    about["purposes_to_see"] = [(name, words) for name, words in about["held"] if name != Purpose.ANALYSIS]
    if shown is None:
        about |= {"rows": [], "values": None}
    context = {
        "place": "talent",
        "one": one,
        **about,
        "consents": one.consents.filter(withdrawn=None),
        "measures": one.measures.select_related("responsible") if shown else [],
        "certificates": one.certificates.select_related("delegation__unit", "delegation__skill"),
        "achievements": one.achievements.all(),
        "seen": actions.seen_by(one),
        "keeps": allowed(actor, "talent.import", [one.unit.name] if one.unit else []),
        "units": Unit.objects.order_by("name"),
        **forms.choices(),
    }
    return render(request, "talent/person.html", context)


def _acts_on_person(request: HttpRequest, actor: Actor, one: Talent) -> forms.Acts:
    given = request.POST
    return {
        "correct": lambda: actions.correct(actor, one, forms.record(request), skills=forms.skills(request)),
        "consent": lambda: actions.consent(
            actor, one, forms.purposes(request), forms.day(request, "until"), given.get("paper", "")
        ),
        "withdraw": lambda: actions.withdraw(actor, one, _some(request), given.get("why", "")),
        "leave": lambda: actions.leave(actor, one, forms.day(request, "day")),
        "bind": lambda: actions.bind(actor, one, given.get("login", "").strip()),
        "plan": lambda: planning.plan(
            actor, one, given.get("need", ""), given.get("measure", ""), given.get("responsible", ""),
            forms.day(request, "until"),
        ),
    }  # fmt: skip


@page("talent.keep")
@require_http_methods(["GET", "HEAD", "POST"])
def pairs(request: HttpRequest) -> HttpResponse:
    """Show records that may be one person's, and take what somebody decides about them."""
    actor = actor_of(request)
    if request.method == "POST":
        pair = Pair.objects.filter(pk=request.POST.get("pair") or 0).first()
        acts: forms.Acts = {"look": lambda: intake.look(actor), "erase": lambda: actions.erase_expired(actor)}
        if pair is not None:
            acts = {
                "merge": lambda: intake.merge(actor, pair, forms.whole(request, "keep")),
                "different": lambda: intake.different(actor, pair),
            }
        return forms.do(request, acts, "talent-duplicates")
    waiting = Pair.objects.filter(state=State.OPEN).select_related("first", "second")[:PAGE]
    context = {
        "place": "talent",
        "pairs": [(one, [_reason(name) for name in one.reasons]) for one in waiting],
        "cities": _city_names(),
        "expired": actions.expired(),
    }
    return render(request, "talent/pairs.html", context)


def _reason(name: str) -> Text:
    return DETAILS.get(name, Text("市（州）", "city"))


@page("talent.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def analysis(request: HttpRequest, quarter: str) -> HttpResponse:
    """Show a quarter's analysis; make it, where the office asks for it."""
    if request.method == "POST":
        acts = {"publish": lambda: analyses.publish(actor_of(request), quarter)}
        return forms.do(request, acts, "talent-analysis", quarter)
    one = get_object_or_404(Analysis, quarter=quarter)
    skills = {skill.uri: skill.title for skill in Skill.objects.filter(uri__in=_uris(one.report))}
    names: dict[str, Any] = {
        **{name: about.title for name, about in INDUSTRIES.items()},
        **{level.value: level.words for level in Level},
        **_city_names(),
        **skills,
    }
    context = {
        "place": "talent",
        "one": one,
        "report": one.report,
        "names": names,
        "flows": _flows(one.report),
        "tables": [(way, one.report["tables"][way]) for way in ("industry", "city", "level")],
        "crossed": _crossed(one.report),
    }
    return render(request, "talent/analysis.html", context)


def _uris(report: dict[str, Any]) -> list[str]:
    return [one["skill"] for one in (*report["skills"], *report["gaps"])]


def _flows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return by industry and city who came and who went, side by side."""
    out = {(one["by"], one["key"]): one["count"] for one in report["flows"]["out"]}
    return [
        {"key": one["key"], "by": one["by"], "in": one["count"], "out": out.get((one["by"], one["key"]))}
        for one in report["flows"]["in"]
    ]


def _crossed(report: dict[str, Any]) -> list[tuple[str, str, list[str], list[tuple[str, list[int | None]]]]]:
    """Return the tables of two ways: names of the ways, the columns, and rows of figures."""
    found = []
    for first, second in (("industry", "level"), ("city", "level"), ("industry", "city")):
        rows = report["tables"][f"{first}-{second}"]
        columns = list(dict.fromkeys(one[second] for one in rows))
        by_row: dict[str, dict[str, int | None]] = {}
        for one in rows:
            by_row.setdefault(one[first], {})[one[second]] = one["count"]
        figures = [(name, [cells.get(column) for column in columns]) for name, cells in by_row.items()]
        found.append((first, second, columns, figures))
    return found


@page("talent.demand")
@require_http_methods(["GET", "HEAD", "POST"])
def demand(request: HttpRequest) -> HttpResponse:
    """Show a unit its vacancies, or the office all; take tables of vacancies and needs, and places filled."""
    actor = actor_of(request)
    if request.method == "POST":
        unit = request.POST.get("unit", "") if actor.role is Role.OFFICE else ""
        acts = {
            "vacancies": lambda: _load(request, actor, intake.load_vacancies, unit),
            "needs": lambda: _load(request, actor, intake.load_needs, unit),
            "fill": lambda: intake.fill(
                actor, get_object_or_404(Vacancy, pk=forms.whole(request, "vacancy")), forms.whole(request, "filled")
            ),
        }
        return forms.do(request, acts, "talent-demand")
    own = Vacancy.objects.select_related("unit").prefetch_related("skills")
    if actor.role is not Role.OFFICE:
        own = own.filter(unit__name=actor.unit)
    context = {
        "place": "talent",
        "vacancies": own[:PAGE],
        "units": Unit.objects.order_by("name") if actor.role is Role.OFFICE else [],
        "cities": _city_names(),
    }
    return render(request, "talent/demand.html", context)


def _load(request: HttpRequest, actor: Actor, load: Any, unit: str) -> None:
    with forms.table(request) as path:
        load(actor, path, unit)


@page("talent.import")
@require_safe
def empty_table(request: HttpRequest, table: str) -> HttpResponse:
    """Return an empty Excel table to fill in."""
    if table not in TABLES:
        raise Http404
    out = io.BytesIO()
    uploads.empty_table(TABLES[table]).save(out)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": f'attachment; filename="{table}.xlsx"'}
    return HttpResponse(out.getvalue(), content_type=kind, headers=headers)


@page("talent.plan")
@require_http_methods(["GET", "HEAD", "POST"])
def plans(request: HttpRequest) -> HttpResponse:
    """Show measures of people's plans, the latest first, to who is responsible and to the office; close one."""
    actor = actor_of(request)
    if request.method == "POST":
        measure = get_object_or_404(Measure, pk=forms.whole(request, "measure"))
        text = request.POST.get("outcome", "")
        acts = {
            "done": lambda: planning.close(actor, measure, text, done=True),
            "dropped": lambda: planning.close(actor, measure, text, done=False),
        }
        return forms.do(request, acts, "talent-plans")
    found = Measure.objects.select_related("responsible", "talent")
    if actor.role is not Role.OFFICE:
        found = found.filter(responsible__name=actor.unit)
    return render(request, "talent/plans.html", {"place": "talent", "measures": found[:PAGE]})
