"""An enterprise's own page: its facts, entered once, and what it may have by them; the office's what-if."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dujiang.identity.permission import allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.support.actions import facts
from dujiang.support.measures import Fact, Kind, Standing
from dujiang.support.models import Paper, Profile
from dujiang.support.pages.forms import do, unit_of, units_for
from dujiang.vouchers.models import Programme

STANDINGS = {
    Standing.MAY: (Text("可以享受", "may have it"), "through"),
    Standing.MAY_NOT: (Text("不符合", "may not"), "fails"),
    Standing.OPEN: (Text("待补充情况", "facts are missing"), "quiet"),
}
_TERMS = ("rate", "most", "amount", "budget")


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Show the measures in force, and to an enterprise what it may have by the facts that it enters here."""
    actor = actor_of(request)
    unit = unit_of(request, actor) if request.method == "POST" else request.GET.get("unit", actor.unit)
    if request.method == "POST":
        given = {name: request.POST.get(f"fact-{name}", "") for name in facts.asked()}
        sent = request.FILES.get("file")
        return do(
            request,
            {
                "enter": lambda: facts.enter(actor, unit, given),
                "hand-in": lambda: facts.hand_in(
                    actor, unit, request.POST.get("title", ""), sent.name if sent else "", sent.read(facts.LARGEST + 1) if sent else b""
                ),
                "claim": lambda: facts.claim(actor, unit, request.POST.get("measure", "")),
            },
            "support",
        )  # fmt: skip
    own = bool(unit) and allowed(actor, "support.apply", [unit])
    profile = Profile.objects.filter(unit__name=unit).first() if own else None
    answers = profile.answers if profile else {}
    today = timezone.localdate()
    known = facts.asked()
    context = {
        "place": "support",
        "unit": unit if own else "",
        "units": units_for(actor),
        "profile": profile,
        "fields": [(one, answers.get(name, ""), _choices(one, answers.get(name, ""))) for name, one in known.items()],
        "entitled": [
            (one, *STANDINGS[one.standing], [known[name].title for name in one.missing])
            for one in (facts.entitlements(actor, unit) if own else [])
        ],
        "programmes": set(Programme.objects.values_list("code", flat=True)),
        "measures": [(book, one) for book in facts.books() for one in book.measures if one.in_force(today)],
        "papers": list(facts.papers_of(unit).values()) if own else [],
        "wanted": facts.criteria().papers,
    }
    return render(request, "support/home.html", context)


def _choices(fact: Fact, answer: str) -> list[tuple[str, Text, bool]]:
    """Return the choices of a fact that has some, each with whether it is what was answered."""
    if fact.kind is Kind.YES_NO:
        choices = {"是": Text("是", "yes"), "否": Text("否", "no")}
    elif fact.kind is Kind.CHOICE:
        choices = dict(fact.choices)
    else:
        return []
    try:
        given = fact.parse(answer) if answer else None
    except ValueError:
        given = None
    return [(name, title, given is not None and given == fact.parse(name)) for name, title in choices.items()]


@page("support.oversee")
@require_safe
def what_if(request: HttpRequest) -> HttpResponse:
    """Show what another term of a measure would cost, by the facts that units have entered."""
    actor = actor_of(request)
    asked = {name: request.GET.get(name, "") for name in ("measure", "term", "value")}
    told, why = [], None
    if asked["measure"]:
        try:
            told = facts.what_if(actor, **asked)
        except Refused as error:
            why = error.text
    context = {
        "place": "support",
        "asked": asked,
        "told": [(one, one.then.fen - one.now.fen) for one in told],
        "why": why,
        "measures": [one for book in facts.books() for one in book.measures],
        "terms": _TERMS,
        "profiles": Profile.objects.count(),
    }
    return render(request, "support/what_if.html", context, status=409 if why else 200)


@page("support.oversee")
@require_safe
def paper(request: HttpRequest, number: int) -> HttpResponse:
    """Hand out a paper, as a file and never as a page of ours."""
    one = get_object_or_404(Paper.objects.select_related("unit"), pk=number)
    content = facts.read_paper(actor_of(request), one)
    told = HttpResponse(content, content_type="application/octet-stream")
    told["Content-Disposition"] = f'attachment; filename="{one.pk}.bin"'
    return told
