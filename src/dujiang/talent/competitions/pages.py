"""The pages of competitions: what is called; one with its boards, for who takes part, reviews, or holds it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dujiang.identity.models import Person
from dujiang.identity.permission import Actor, Role, allowed
from dujiang.identity.web import Acts, actor_of, do, page
from dujiang.messages import Refused, Text
from dujiang.scenarios.registry import UnknownScenario, find
from dujiang.talent.competitions import actions, reviewing
from dujiang.talent.competitions.boards import fault_words, public_board
from dujiang.talent.competitions.entries import LARGEST_ARCHIVE
from dujiang.talent.competitions.models import Appeal, Competition, Entry, Review, Team, Winner

PAGE = 100
_do = partial(do, "competitions")


@page("competition.browse")
@require_safe
def competitions(request: HttpRequest) -> HttpResponse:
    """Show the competitions, and who won in those that have ended."""
    listed = Competition.objects.prefetch_related("teams")[:PAGE]
    winners = Winner.objects.filter(revoked=False).select_related("team")
    context = {
        "place": "competitions",
        "listed": [(one, [won for won in winners if won.team.competition_id == one.pk]) for one in listed],
    }
    return render(request, "competitions/competitions.html", context)


@page("competition.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def competition(request: HttpRequest, code: str) -> HttpResponse:
    """Show a competition: to all its rules and boards, to a team its own entries, to the office what waits."""
    actor = actor_of(request)
    one = get_object_or_404(Competition, code=code)
    team = actions.own_team(actor, one)
    if request.method == "POST":
        return _do(request, _acts(request, actor, one, team), "competition", code)
    holds, enters = allowed(actor, "competition.hold"), allowed(actor, "competition.enter")
    board = one.board
    context = {
        "place": "competitions",
        "one": one,
        "about": _scenario(one),
        "public": public_board(one) if one.is_challenge else [],
        "board": board,
        "rows": fault_words(board.rows) if board else [],
        "versions": one.boards.all(),
        "winners": Winner.objects.filter(team__competition=one, revoked=False).select_related("team"),
        "enters": enters and not team,
        "team": team if enters else None,
        "entries": team.entries.order_by("-id")[:PAGE] if team and enters else [],
        "appeals": Appeal.objects.filter(team__competition=one, **({} if holds else {"team": team})),
        "late": bool(one.appeals_until and timezone.now() >= one.appeals_until),
        "most_mib": LARGEST_ARCHIVE >> 20,
        "teams": one.teams.all() if holds else [],
        "waiting": Entry.objects.filter(team__competition=one, state__in=("waiting", "judging")).count(),
        "reviewers": Person.objects.filter(role=Role.REVIEWER, is_active=True)
        if holds and not one.is_challenge
        else [],
        "reviews": Review.objects.filter(application__team__competition=one).select_related("application__team")
        if holds
        else [],
    }
    return render(request, "competitions/competition.html", context)


def _scenario(one: Competition) -> Any:
    if not one.is_challenge:
        return None
    try:
        return find(one.scenario).scenario
    except UnknownScenario:
        return None


def _acts(request: HttpRequest, actor: Actor, one: Competition, team: Team | None) -> Acts:
    given = request.POST
    text = given.get("text", "")
    acts: dict[str, Callable[[], object]] = {
        "join": lambda: actions.join(
            actor, one, given.get("name", ""), given.get("members", "").replace("，", ",").split(",")
        ),
        "disqualify": lambda: actions.disqualify(actor, _part(one.teams, given.get("team")), text),
        "decide": lambda: actions.decide(
            actor, _part(Appeal.objects.filter(team__competition=one), given.get("appeal")), answer=text,
            upheld=given.get("upheld") == "yes", reinstate=given.get("reinstate") == "yes",
        ),
        "assign": lambda: reviewing.assign_reviewers(actor, one, given.getlist("reviewers")),
        "rank": lambda: reviewing.rank(actor, one),
        "award": lambda: actions.award(actor, one),
        "cancel": lambda: actions.cancel(actor, one, text),
    }  # fmt: skip
    if team is not None:
        acts |= {
            "enter": lambda: actions.enter(actor, team, *_upload(request)),
            "choose": lambda: actions.choose(actor, _part(team.entries, given.get("entry"))),
            "apply": lambda: reviewing.apply(
                actor, team, given.get("title", ""), **{name: given.get(name, "") for name in reviewing.FIELDS}
            ),
            "appeal": lambda: actions.appeal(actor, team, text, given.get("why_late", "")),
        }
    return acts


def _part(among: Any, number: str | None) -> Any:
    found = among.filter(pk=int(number)).first() if number and number.isdecimal() and len(number) < 19 else None
    if found is None:
        raise Http404
    return found


def _upload(request: HttpRequest) -> tuple[str, bytes]:
    file: Any = request.FILES.get("file")
    if file is None:
        raise Refused(Text("请选择文件", "choose a file"))
    if file.size > LARGEST_ARCHIVE:
        most = LARGEST_ARCHIVE >> 20
        raise Refused(Text(f"文件至多 {most} MiB", f"a file has {most} MiB at most"))
    return file.name, file.read()


@page("competition.review")
@require_http_methods(["GET", "HEAD", "POST"])
def reviews(request: HttpRequest) -> HttpResponse:
    """Show a reviewer what was given to them; take marks, or word of a conflict of interest."""
    actor = actor_of(request)
    own = Review.objects.filter(reviewer=actor.name).select_related("application__team__competition")
    if request.method == "POST":
        assigned = _part(own, request.POST.get("review"))
        text = request.POST.get("text", "")
        acts: Acts = {
            "mark": lambda: reviewing.review(actor, assigned, _marks(request, assigned), text),
            "recuse": lambda: reviewing.recuse(actor, assigned, text),
        }
        return _do(request, acts, "competition-reviews")
    called = [one for one in own if one.application.team.competition.state == Competition.State.CALLED]
    listed = [
        (
            one,
            [
                (Text(each["zh"], each["en"]), at, one.marks[at] if one.marks else None)
                for at, each in enumerate(one.application.team.competition.criteria)
            ],
        )
        for one in called
    ]
    return render(request, "competitions/reviews.html", {"place": "competitions", "listed": listed})


def _marks(request: HttpRequest, assigned: Review) -> list[float]:
    count = len(assigned.application.team.competition.criteria)
    try:
        return [float(request.POST.get(f"mark-{at}", "")) for at in range(count)]
    except ValueError as error:
        raise Refused(Text("每项标准评 0–10 分", "a mark of 0 to 10 for each criterion")) from error
