"""Judging the entries of a challenge: as they come for the public board, at the end for the final one, and again.

An entry first runs on the practice seeds, which everybody has; what it prints there its team may read. On hidden seeds
it is said only whether it failed, and how, and whether the board moved: nothing of what it printed, nor its time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.encrypted import keyed_digest
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import Engine
from dujiang.scenarios.registry import Found, find
from dujiang.talent.competitions import judging, ladder
from dujiang.talent.competitions.actions import locked, publish, republish
from dujiang.talent.competitions.boards import challenge_rows, final_board
from dujiang.talent.competitions.codec import Form
from dujiang.talent.competitions.entries import unpack
from dujiang.talent.competitions.judging import Judged
from dujiang.talent.competitions.models import Board, Competition, Entry, Team

Progress = Callable[[Text], None]
_SLACK = 60.0
"""Seconds around each seed: to make its cases and judge."""


def judge_due(actor: Actor, engine: Engine, progress: Progress = lambda text: None) -> int:
    """Judge the entries that wait, in the order in which they came, and the ends that have come; returns how many.

    A competition that this site can't judge holds up no other; what is wrong with it is raised at the end: `Refused`,
    `judging.SiteFault`. Raises `NotAllowed`.
    """
    require(actor, "competition.hold")
    done = 0
    wrong: dict[int, Exception] = {}
    while (entry := _next(wrong)) is not None:
        progress(Text(f"评判 {entry}", f"judging {entry}"))
        try:
            judge_entry(actor, entry, engine)
        except (Refused, judging.SiteFault) as error:
            wrong[entry.team.competition_id] = error
        else:
            done += 1
    called = Competition.objects.filter(kind=Competition.Kind.CHALLENGE, state=Competition.State.CALLED)
    for competition in called.filter(closes__lte=timezone.now()):
        if not _unfinished(competition):
            progress(Text(f"{competition} 的最终评判", f"the final judging of {competition}"))
            try:
                close(actor, competition, engine)
            except (Refused, judging.SiteFault) as error:
                wrong[competition.pk] = error
            else:
                done += 1
    if wrong:
        raise next(iter(wrong.values()))
    return done


def _unfinished(competition: Competition) -> bool:
    states = (Entry.State.WAITING, Entry.State.JUDGING)
    return Entry.objects.filter(team__competition=competition, state__in=states).exists()


def _longest(competition: Competition) -> timedelta:
    """Return after how long a judge that has not come back is taken as lost."""
    seeds = len(competition.practice_seeds) + len(competition.secret_seeds("public"))
    return timedelta(seconds=seeds * (competition.seconds + _SLACK))


@transaction.atomic
def _next(leave: Collection[int] = ()) -> Entry | None:
    """Claim the first entry that waits and has none of its team before it being judged; ``leave`` are competitions."""
    open_ = Q(state=Entry.State.WAITING) | Q(state=Entry.State.JUDGING)
    busy: set[int] = set()
    waiting = Entry.objects.filter(open_).exclude(team__competition__state=Competition.State.CANCELLED)
    waiting = waiting.exclude(team__competition__in=list(leave))
    for entry in waiting.select_for_update().order_by("id"):
        if entry.team_id in busy:
            continue
        lost = entry.claimed is not None and entry.claimed + _longest(entry.team.competition) < timezone.now()
        if entry.state == Entry.State.WAITING or lost:
            entry.state, entry.claimed = Entry.State.JUDGING, timezone.now()
            entry.save(update_fields=["state", "claimed"])
            return entry
        busy.add(entry.team_id)
    return None


def scenario_of(competition: Competition) -> Found:
    """Return the competition's scenario; raises `Refused` where this site has another version of it."""
    found = find(competition.scenario)
    if found.version() != competition.version:
        raise Refused(
            Text(
                f"本站的场景 {competition.scenario} 与发布竞赛时版本不同",
                f"this site has another version of {competition.scenario} than the one that the competition was called on",
            )
        )
    return found


def _judged(entry: Entry, seeds: list[int], engine: Engine) -> Judged:
    competition = entry.team.competition
    form: Form = competition.reference["form"]
    files = unpack(entry.name, entry.content)
    return judging.judge(
        scenario_of(competition), files, seeds, competition.size, competition.limits, form, engine
    )  # fmt: skip


def judge_entry(actor: Actor, entry: Entry, engine: Engine) -> Entry:
    """Judge a claimed entry for the public board; raises `NotAllowed`, `Refused`, `judging.SiteFault`."""
    require(actor, "competition.hold")
    competition = entry.team.competition
    try:
        practice = _judged(entry, competition.practice_seeds, engine)
        hidden = practice if practice.fault else _judged(entry, competition.secret_seeds("public"), engine)
    except BaseException:
        Entry.objects.filter(pk=entry.pk).update(state=Entry.State.WAITING, claimed=None)
        raise
    with transaction.atomic():
        team = Team.objects.select_for_update().get(pk=entry.team_id)
        entry.practice = list(practice.scores)
        entry.said = practice.said.replace("\0", "")
        entry.hidden = practice.fault is None
        entry.fault, shows = str(hidden.fault or ""), None
        entry.state = Entry.State.FAILED if hidden.fault else Entry.State.JUDGED
        if not hidden.fault:
            entry.scores = json.dumps(hidden.scores)
            before = team.stands
            after = ladder.release(losses_of(competition, hidden), before)
            entry.moved, shows = after is not before, after.shows
            team.standing = json.dumps({"shows": after.shows, "losses": after.losses})
            team.save(update_fields=["standing"])
        body = {
            "team": team.name, "number": entry.number, "sha256": entry.digest, "fault": entry.fault or None,
            "hidden": entry.hidden, "moved": entry.moved, "shows": shows,
            # Keyed: who knows the digest of scores alone could try scores.
            "scores": keyed_digest("scores", entry.scores),
        }  # fmt: skip
        entry.evidence = append(actor, "competition.judged", competition.code, body).sequence
        entry.save()
    return entry


def losses_of(competition: Competition, judged: Judged) -> tuple[float, ...]:
    """Return what an entry came to as losses of the board."""
    return judging.losses(find(competition.scenario).scenario, judged.scores, competition.reference["scale"])


def close(actor: Actor, competition: Competition, engine: Engine) -> Board:
    """Run each team's final entry on the private seeds and publish the final board. Raises `NotAllowed`, `Refused`."""
    require(actor, "competition.hold")
    if timezone.now() < competition.closes or _unfinished(competition):
        raise Refused(Text("尚未截止，或有作品待评判", "it has not closed, or entries wait"))
    if not competition.commits():
        raise Refused(Text("种子与发布时的承诺不符", "the seeds are not those that were committed to"))
    for entry in _finals(competition).values():
        if not entry.private_scores and not entry.private_fault:
            _judge_privately(entry, engine)
    with transaction.atomic():
        competition = locked(competition)
        if competition.board is not None:
            return competition.board
        rows, digest_ = final_board(competition)
        return publish(actor, competition, rows, digest_)


def _finals(competition: Competition) -> dict[str, Entry]:
    teams = [(team.name, team.final) for team in competition.teams.filter(out="")]
    return {name: entry for name, entry in teams if entry is not None}


def _judge_privately(entry: Entry, engine: Engine) -> None:
    competition = entry.team.competition
    judged = _judged(entry, competition.secret_seeds("private"), engine)
    entry.private_fault = str(judged.fault or "")
    entry.private_scores = "" if judged.fault else json.dumps(losses_of(competition, judged))
    entry.save(update_fields=["private_fault", "private_scores"])


def judge_finally(actor: Actor, team: Team, engine: Engine, why: str) -> Board | None:
    """Run a team's final entry on the private seeds anew, as an appeal that was upheld may ask for.

    Returns the new version of the final board, None where it stays. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "competition.hold")
    entry = team.final
    if entry is None or team.competition.board is None:
        raise Refused(
            Text("该队没有可评判的作品，或尚无最终榜单", "the team has no entry to judge, or no board is there")
        )
    _judge_privately(entry, engine)
    with transaction.atomic():
        competition = locked(team.competition)
        body = {
            "what": "judged anew",
            "team": team.name,
            "number": entry.number,
            "fault": entry.private_fault or None,
            "why": why,
        }
        append(actor, "competition.appealed", competition.code, body)
        return republish(actor, competition, why)


@dataclass(frozen=True, slots=True)
class Rerun:
    """A board that was made again: its rows, and the digests of it and of the one on record."""

    rows: list[dict[str, Any]]
    digest: str
    recorded: str
    public: str = ""
    public_recorded: str = ""

    @property
    def same(self) -> bool:
        """Whether the boards are the same."""
        return self.digest == self.recorded and self.public == self.public_recorded


def rerun(
    actor: Actor,
    competition: Competition,
    engine: Engine,
    *,
    public: bool = False,
    progress: Progress = lambda text: None,
) -> Rerun:
    """Make the final board again from uploads, seeds and reviews alone, changing nothing but that it is on record.

    With ``public`` every entry of a challenge runs again on the public seeds, through the Ladder in the order in which
    they came. Raises `NotAllowed`, `Refused`, `judging.SiteFault`.
    """
    require(actor, "competition.oversee")
    board = competition.board
    if board is None:
        raise Refused(Text("尚无最终榜单", "there is no final board yet"))
    made, shown = final_board(competition), ("", "")
    if competition.is_challenge:
        if not competition.commits():
            raise Refused(Text("种子与发布时的承诺不符", "the seeds are not those that were committed to"))
        made = _rerun_privately(competition, engine, progress)
        shown = _rerun_publicly(competition, engine, progress) if public else shown
    again = Rerun(*made, board.digest, *shown)
    body = {"what": "rerun", "version": board.number, "same": again.same, "digest": again.digest, "public": public}
    append(actor, "competition.rerun", competition.code, body)
    return again


def _rerun_privately(competition: Competition, engine: Engine, progress: Progress) -> tuple[list[dict[str, Any]], str]:
    finals, scored, failed = _finals(competition), {}, {}
    for name, entry in finals.items():
        progress(Text(f"重跑 {entry}", f"running {entry} again"))
        judged = _judged(entry, competition.secret_seeds("private"), engine)
        if judged.fault:
            failed[name] = str(judged.fault)
        else:
            scored[name] = losses_of(competition, judged)
    return challenge_rows(competition, finals, scored, failed)


def _rerun_publicly(competition: Competition, engine: Engine, progress: Progress) -> tuple[str, str]:
    again, recorded = {}, {}
    for team in competition.teams.all():
        standing = None
        for entry in _counting(team):
            progress(Text(f"重跑 {entry}（公开部分）", f"running {entry} again, public part"))
            judged = _judged(entry, competition.secret_seeds("public"), engine)
            if not judged.fault:
                standing = ladder.release(losses_of(competition, judged), standing)
        again[team.name] = standing and f"{standing.shows:.9g}"
        recorded[team.name] = (held := team.stands) and f"{held.shows:.9g}"
    return digest(again), digest(recorded)


def _counting(team: Team) -> Iterator[Entry]:
    """Yield the entries that got as far as the hidden seeds."""
    yield from team.entries.filter(hidden=True)
