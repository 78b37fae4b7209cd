"""The pages of compute: pools and queues, capacity against the plan, and jobs from quote to statement."""

from __future__ import annotations

import re
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dujiang.compute import actions
from dujiang.compute.models import Job, PowerPlan
from dujiang.compute.power_comparison import POLICIES
from dujiang.compute.pricing import CPU, MEMORY
from dujiang.compute.standing import capacity_now, pools_now, products_now, queue_now
from dujiang.compute.states import State
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.plan.figures import indicators_of
from dujiang.plan.measured import in_unit_of, measured_by
from dujiang.plan.models import Programme

PAGE = 50
_RESOURCES = {CPU: Text("核", "core"), MEMORY: Text("GiB 内存", "GiB of memory")}


@page("compute.read")
@require_safe
def pools(request: HttpRequest) -> HttpResponse:
    """Show the pools with what runs there, the capacity against the plan's targets, and what is sold."""
    capacity = capacity_now()
    context = {
        "place": "compute",
        "pools": pools_now(),
        "capacity": capacity,
        "targets": _targets(capacity),
        "queue": [(State(state).words, count) for state, count in queue_now().items()],
        "prices": [(one, _priced(price)) for one in products_now() for price in one["prices"]],
        "power": _power(),
    }
    return render(request, "compute/pools.html", context)


def _power() -> dict[str, Any] | None:
    """Return the power plan that was put on record last, its policies by their names."""
    last = PowerPlan.objects.order_by("-id").defer("picture").first()
    if last is None:
        return None
    names = {**POLICIES, "bound": Text("下界", "bound")}
    rows = [
        {
            "name": names[row["policy"]],
            "cost": row["cost"],
            "saved": None if row["saved"] is None else 100 * row["saved"],
            "green": None if row.get("green_share") is None else 100 * row["green_share"],
            "missed": row.get("missed"),
        }
        for row in last.report["policies"]
    ]
    return {"plan": last, "rows": rows, "sites": last.report["sites"]}


@page("compute.read")
@require_safe
def power_picture(request: HttpRequest) -> HttpResponse:
    """Hand out the power mix by hour of the plan that was put on record last."""
    last = PowerPlan.objects.order_by("-id").first()
    if last is None:
        raise Http404
    return HttpResponse(last.picture, content_type="image/svg+xml")


def _targets(capacity: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the plan's goals about compute, each with the registered value and the part of the target that it is."""
    programme = Programme.current()
    if programme is None or capacity["share"] is None:
        return []
    values = {"intelligent": capacity["intelligent"] * 1e18, "share": capacity["share"]}
    found = []
    for one in indicators_of(programme):
        if source := measured_by(one):
            value = in_unit_of(one, values[source.subject])
            found += [
                {"about": one.about, "unit": one.unit, "value": value, "year": target.year, "target": target.value,
                 "goal": target.goal, "part": round(min(100.0, 100 * value / target.value), 1) if target.value else 100}
                for target in one.targets
            ]  # fmt: skip
    return found


def _priced(price: dict[str, Any]) -> dict[str, Any]:
    return {**price, "of": _of(price["resource"]), "yuan": price["fen"] / 100}


def _of(resource: str) -> Text:
    return _RESOURCES.get(resource, Text(resource, resource))


@page("job.read")
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Show the jobs that whoever asks may see, the latest first."""
    found = Job.objects.seen_by(actor_of(request)).whole().order_by("-id")
    before = request.GET.get("before", "")
    if re.fullmatch(r"[0-9]{1,18}", before):
        found = found.filter(pk__lt=int(before))
    rows = list(found[: PAGE + 1])
    context = {"place": "jobs", "jobs": rows[:PAGE], "before": rows[PAGE - 1].pk if len(rows) > PAGE else None}
    return render(request, "compute/jobs.html", context)


@page("job.read")
@require_safe
def job(request: HttpRequest, number: int) -> HttpResponse:
    """Show a job from quote to statement; while it goes on, the page asks for the part that changes."""
    one = _job(request, number)
    last = one.last
    lines = one.statement["lines"] if one.statement else []
    context = {
        "place": "jobs",
        "job": one,
        "last": last,
        "results": one.results() if one.ended else [],
        "stdout": actions.logs(actor_of(request), one, "stdout").decode(errors="replace"),
        "stderr": actions.logs(actor_of(request), one, "stderr").decode(errors="replace"),
        "lines": [(_of(line["resource"]), line["milli"] / 1000, line["spans"], line["fen"]) for line in lines],
        "fault": Text(**one.fault["message"]) if one.fault else None,
    }
    template = "compute/_job.html" if request.headers.get("HX-Request") else "compute/job.html"
    return render(request, template, context)


@page("job.cancel")
@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """End a job."""
    one = _job(request, number)
    try:
        actions.cancel(actor_of(request), one.pk)
    except Refused as error:
        return render(request, "console/refused.html", {"why": error.text}, status=409)
    return redirect("job", number)


@page("job.read")
@require_safe
def result(request: HttpRequest, number: int, result: str) -> FileResponse:
    """Hand out a file that a job left."""
    try:
        path = actions.result(actor_of(request), _job(request, number), result)
    except FileNotFoundError as error:
        raise Http404 from error
    # What a job wrote is never shown as a page of this site.
    image = path.suffix == ".svg"
    response = FileResponse(path.open("rb"), as_attachment=not image, filename=result)
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _job(request: HttpRequest, number: int) -> Job:
    found = Job.objects.seen_by(actor_of(request)).whole().filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise Http404
    return found
