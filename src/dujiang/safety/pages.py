"""The pages of safety: the register and public list, a thing, a review, sandboxes, incidents, the risk board."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_safe

from dujiang.evidence.months import this_month
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, allowed
from dujiang.identity.web import Acts, actor_of, do, page
from dujiang.messages import Refused, Text
from dujiang.safety import actions, filing, supervision
from dujiang.safety.alarms import BETWEEN
from dujiang.safety.incidents import Level
from dujiang.safety.models import Alarm, Filing, Incident, Sandbox, Thing, Watch

PAGE = 100
_do = partial(do, "safety")


def _number(request: HttpRequest, name: str, whole: bool = False) -> Any:
    text = request.POST.get(name, "").strip().replace(",", "") or "0"
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        raise Refused(Text(f"“{text}”不是数", f"{text!r} is no number")) from error


def _numbers(request: HttpRequest, name: str) -> list[int]:
    parts = request.POST.get(name, "").replace("，", ",").split(",")
    try:
        return [int(part) for part in parts if part.strip()]
    except ValueError as error:
        raise Refused(Text("存证编号应以逗号分隔", "numbers of records are separated by commas")) from error


def _day(request: HttpRequest, name: str) -> Any:
    try:
        day = parse_date(request.POST.get(name, ""))
    except ValueError:
        day = None
    if day is None:
        raise Refused(Text("日期应形如 2026-12-31", "a day is such as 2026-12-31"))
    return day


def _subject_kinds() -> list[tuple[str, Any]]:
    return [(one.value, one.label) for one in Thing.Kind]


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Show the register and the public list of filings; take a registration."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST
        subject = f"{given.get('kind', '')}:{given.get('name', '').strip()}"
        owner = given.get("owner", "") if actor.role is Role.OFFICE else actor.unit
        facts = {one.name: given.get(one.name) == "yes" for one in filing.FACTS}
        texts = {name: given.get(name, "") for name in ("title", "purpose", "data", "version")}
        made = {"register": lambda: actions.register(actor, subject, owner=owner, facts=facts, **texts)}
        return _do(request, made, "safety-thing", subject)
    things = Thing.objects.prefetch_related("filings", "sandboxes")
    context = {
        "place": "safety",
        "things": [(one, one.in_force(), one.lacking()) for one in things[:PAGE]],
        "filed": Filing.objects.in_force().select_related("thing").order_by("-decided")[:PAGE],
        "kinds": _subject_kinds(),
        "facts": filing.FACTS,
        "units": Unit.objects.order_by("name") if actor.role is Role.OFFICE else [],
    }
    return render(request, "safety/register.html", context)


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def thing(request: HttpRequest, subject: str) -> HttpResponse:
    """Show where a thing stands; take a filing, a number from outside, a complaint, a sandbox."""
    actor = actor_of(request)
    one = get_object_or_404(Thing, subject=subject)
    if request.method == "POST":
        return _do(request, _acts_on_thing(request, actor, one), "safety-thing", subject)
    filings = list(one.filings.all())
    kind = request.GET.get("file", "")
    own = allowed(actor, "safety.file", [one.owner])
    context = {
        "place": "safety",
        "one": one,
        "facts": [fact.title for fact in filing.FACTS if one.facts.get(fact.name)],
        "needed": [(need, need in one.lacking()) for need in filing.needed(one.facts)],
        "filings": filings,
        "sandboxes": one.sandboxes.all(),
        "own": own,
        "kinds": filing.KINDS.values(),
        "form": filing.KINDS.get(kind) if own else None,
        "watches": Watch.objects.filter(subject=subject),
        "today": timezone.localdate(),
    }
    return render(request, "safety/thing.html", context)


def _acts_on_thing(request: HttpRequest, actor: Actor, one: Thing) -> Acts:
    given = request.POST
    kind = given.get("kind", "")
    return {
        "file": lambda: actions.file(actor, one, kind, _fields(request, kind)),
        "enter": lambda: actions.record_external(
            actor, one, kind, number=given.get("number", ""), authority=given.get("authority", ""),
            decided=_day(request, "decided"),
        ),
        "complain": lambda: supervision.complain(actor, one.subject, given.get("text", "")),
        "watch": lambda: supervision.watch(
            actor, one.subject, given.get("series", ""), _number(request, "tolerated") / 100 or None
        ),
        "permit": lambda: supervision.permit(
            actor, one, units=[name.strip() for name in given.get("units", "").replace("，", ",").split(",") if name.strip()],
            most_users=_number(request, "most_users", whole=True), since=_day(request, "since"), until=_day(request, "until"),
            conditions=_conditions(given.get("conditions", "")), leaving=given.get("exit", ""),
        ),
    }  # fmt: skip


def _fields(request: HttpRequest, kind: str) -> dict[str, str]:
    known = filing.KINDS[kind].fields if kind in filing.KINDS else ()
    return {one.name: request.POST.get(f"field-{one.name}", "").strip() for one in known}


def _conditions(text: str) -> list[dict[str, Any]]:
    """Read conditions, one a line: ``failures <= 0.05``."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        parts = line.split()
        try:
            name, op, limit = parts
            found.append({"name": name, "op": op, "limit": float(limit)})
        except ValueError as error:
            raise Refused(
                Text(f"条件“{line}”应形如 failures <= 0.05", f"the condition {line!r} should be like failures <= 0.05")
            ) from error
    return found


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def filed(request: HttpRequest, number: int) -> HttpResponse:
    """Show a filing: its papers to those whose business they are, what is public to all; take the next step."""
    actor = actor_of(request)
    one = get_object_or_404(Filing.objects.select_related("thing"), pk=number)
    own = allowed(actor, "safety.file", [one.thing.owner])
    seen = own or allowed(actor, "safety.oversee")
    if not seen and not one.number:
        raise Http404
    if request.method == "POST":
        given = request.POST
        text = given.get("text", "")
        acts: Acts = {
            "ask": lambda: actions.ask(actor, one, text),
            "answer": lambda: actions.answer(actor, one, text, _fields(request, one.kind)),
            "grant": lambda: actions.decide(actor, one, granted=True, why=text),
            "decline": lambda: actions.decide(actor, one, granted=False, why=text),
            "change": lambda: actions.change(actor, one, _fields(request, one.kind)),
            "confirm": lambda: actions.confirm(actor, one),
            "end": lambda: actions.end(actor, one, text),
        }
        return _do(request, acts, "safety-filing", number)
    rows = (
        one.rows
        if seen
        else [row for row, field in zip(one.rows, one.about.fields, strict=True) if field.name in _PUBLIC]
    )
    editable = own and (one.state in (Filing.State.ASKED, Filing.State.GRANTED))
    context = {
        "place": "safety",
        "one": one,
        "rows": rows,
        "seen": seen,
        "own": own,
        "decides": allowed(actor, "safety.decide"),
        "fields": [(field, one.fields.get(field.name, "")) for field in one.about.fields]
        if editable and not one.external
        else [],
        "questions": one.questions.all() if seen else [],
    }
    return render(request, "safety/filing.html", context)


_PUBLIC = frozenset({"class", "service", "application", "publicised", "filed"})
"""The fields of a filing that the public list shows."""


@page("safety.decide")
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, the first due first, and what is overdue for confirmation."""
    waiting = Filing.objects.filter(state__in=(Filing.State.SUBMITTED, Filing.State.ASKED)).select_related("thing")
    context = {
        "place": "safety",
        "waiting": waiting.order_by("due")[:PAGE],
        "unconfirmed": [one for one in actions.overdue_filings() if not one.waits],
    }
    return render(request, "safety/work.html", context)


@page("safety.browse")
@require_safe
def sandboxes(request: HttpRequest) -> HttpResponse:
    """Show the sandbox board."""
    boxes = Sandbox.objects.select_related("thing").prefetch_related("users")[:PAGE]
    return render(request, "safety/sandboxes.html", {"place": "safety", "boxes": [_board(one) for one in boxes]})


def _board(one: Sandbox) -> dict[str, Any]:
    latest = one.latest()
    whole = max(1, (one.until - one.since).days + 1)
    gone = (min(timezone.localdate(), one.until) - one.since).days + 1
    conditions = [(each, latest.get(each["name"])) for each in one.conditions]
    return {"box": one, "conditions": conditions, "share": min(1.0, max(0.0, gone / whole)), "users": one.users.count()}


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def sandbox(request: HttpRequest, number: int) -> HttpResponse:
    """Show a sandbox with its measurements; take a measurement, or its end."""
    actor = actor_of(request)
    one = get_object_or_404(Sandbox.objects.select_related("thing"), pk=number)
    if request.method == "POST":
        text = request.POST.get("text", "")
        acts: Acts = {
            "measure": lambda: supervision.measure(actor, one, request.POST.get("name", ""), _number(request, "value")),
            "stop": lambda: supervision.stop(actor, one, text),
            "leave": lambda: supervision.leave(actor, one, text),
        }
        return _do(request, acts, "safety-sandbox", number)
    context = {
        "place": "safety",
        **_board(one),
        "measurements": one.measurements.all()[:PAGE],
        "measures": allowed(actor, "safety.measure", [one.thing.owner]),
    }
    return render(request, "safety/sandbox.html", context)


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def incidents(request: HttpRequest) -> HttpResponse:
    """Show the incidents, those not closed first; take a report."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST
        made: list[Incident] = []

        def report() -> None:
            made.append(
                supervision.report(
                    actor, subject=given.get("subject", ""), title=given.get("title", ""), text=given.get("text", ""),
                    people=_number(request, "people", whole=True), yuan=_number(request, "yuan", whole=True),
                    hours=_number(request, "hours"), critical=given.get("critical") == "yes", records=_numbers(request, "records"),
                    alarm=Alarm.objects.filter(pk=_number(request, "alarm", whole=True)).first(),
                )
            )  # fmt: skip

        told = _do(request, {"report": report}, "safety-incidents")
        return redirect("safety-incident", made[0].pk) if made else told
    context = {
        "place": "safety",
        "open": Incident.objects.exclude(state=Incident.State.CLOSED)[:PAGE],
        "closed": Incident.objects.filter(state=Incident.State.CLOSED)[:PAGE],
        "subjects": Thing.objects.values_list("subject", flat=True),
        "about": request.GET.get("subject", ""),
        "alarm": Alarm.objects.filter(pk=int(request.GET["alarm"])).first()
        if request.GET.get("alarm", "").isdecimal()
        else None,
    }
    return render(request, "safety/incidents.html", context)


@page("safety.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def incident(request: HttpRequest, number: int) -> HttpResponse:
    """Show an incident: to the public that it was and what was learned; take the next step."""
    actor = actor_of(request)
    one = get_object_or_404(Incident, pk=number)
    if request.method == "POST":
        given = request.POST
        text = given.get("text", "")
        acts: Acts = {
            "regrade": lambda: supervision.regrade(
                actor, one, people=_number(request, "people", whole=True), yuan=_number(request, "yuan", whole=True),
                hours=_number(request, "hours"), critical=given.get("critical") == "yes",
            ),
            "tell": lambda: supervision.tell(actor, one, text),
            "contain": lambda: supervision.contain(actor, one, text),
            "close": lambda: supervision.close(
                actor, one, cause=given.get("cause", ""), lessons=given.get("lessons", ""), records=_numbers(request, "records")
            ),
        }  # fmt: skip
        return _do(request, acts, "safety-incident", number)
    seen = allowed(actor, "safety.oversee") or one.reporter == str(actor)
    context = {"place": "safety", "one": one, "seen": seen, "deadlines": one.deadlines, "alarms": one.alarms.all()}
    return render(request, "safety/incident.html", context)


@page("safety.oversee")
@require_http_methods(["GET", "HEAD", "POST"])
def risk(request: HttpRequest) -> HttpResponse:
    """Show the risk board: what is overdue, what is watched and how near to an alarm, alarms, open incidents."""
    actor = actor_of(request)
    if request.method == "POST":
        return _do(request, {"look": lambda: supervision.look(actor)}, "safety-risk")
    watches = [
        {"watch": one, "share": min(1.0, one.statistic / BETWEEN), "alarms": one.alarms.count()}
        for one in Watch.objects.prefetch_related("alarms")
    ]
    open_ = list(Incident.objects.exclude(state=Incident.State.CLOSED))
    context = {
        "place": "safety",
        "lines": actions.month_figures(this_month()),
        "overdue": actions.overdue_filings()[:PAGE],
        "boxes": [
            one for one in Sandbox.objects.filter(state=Sandbox.State.OPEN).select_related("thing") if one.overdue
        ],
        "watches": watches,
        "between": BETWEEN,
        "alarms": Alarm.objects.select_related("watch", "incident")[:PAGE],
        "incidents": open_,
        "levels": [(level.words, sum(one.grade is level for one in open_)) for level in Level],
    }
    return render(request, "safety/risk.html", context)
