"""Calling a competition, taking part, appeals and winners: what people may do. `evaluation` judges, `reviewing` reviews."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.encrypted import cipher
from dujiang.identity.models import Person
from dujiang.identity.permission import Actor, NotAllowed, Role, require
from dujiang.messages import Refused, Text
from dujiang.scenarios.contract import Resources
from dujiang.scenarios.engines import Engine
from dujiang.scenarios.registry import Found
from dujiang.talent.actions import note_achievement
from dujiang.talent.competitions import judging
from dujiang.talent.competitions.boards import final_board
from dujiang.talent.competitions.entries import unpack
from dujiang.talent.competitions.models import Appeal, Board, Competition, Entry, Team, Winner

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST, _PEOPLE = 20_000, 20
_BITS = (62, 31)
"""Of a secret seed: whoever has the scenario's source could try seeds until one makes the inputs that it sees, so they
are long; 31 where the scenario's simulator takes no more."""
MOST_SEEDS, MOST_ENTRIES_A_DAY, MOST_SECONDS, MOST_MEMORY = 200, 50, 3600.0, 16_384


def call_challenge(
    actor: Actor,
    found: Found,
    engine: Engine,
    *,
    code: str,
    title: Text,
    rules: str,
    opens: datetime,
    closes: datetime,
    public_seeds: int,
    private_seeds: int,
    size: str = "default",
    entries_a_day: int = 3,
    seconds: float | None = None,
    memory_mib: int | None = None,
    appeal_days: int = 7,
    prizes: int = 3,
    practice_seeds: Sequence[int] = (1, 2, 3),
) -> Competition:
    """Call an algorithm challenge on a scenario: draw its secret seeds, commit to them, and run its own methods once.

    ``seconds`` and ``memory_mib`` are by seed, the scenario's own where not given. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "competition.hold")
    about = found.scenario
    limits = Resources(seconds or about.resources.seconds, memory_mib or about.resources.memory_mib)
    _check_call(code, title, rules, opens, closes, appeal_days, prizes)
    for wrong, zh, en in (
        (bool(found.missing), f"本站未安装 {about.id} 所需的库", f"{about.id} needs libraries that this site lacks"),
        (about.model is not None, "该场景的方法需要模型，隔离环境中没有", "its method needs a model, which is not had in a confinement"),
        (size not in about.sizes, f"规模应为 {'、'.join(about.sizes)}", f"the size is one of {', '.join(about.sizes)}"),
        (not 3 <= public_seeds <= MOST_SEEDS or not 3 <= private_seeds <= MOST_SEEDS, f"公开与私有种子各 3–{MOST_SEEDS} 个", f"3 to {MOST_SEEDS} public and private seeds each"),
        (not 1 <= entries_a_day <= MOST_ENTRIES_A_DAY, f"每日参赛次数应为 1–{MOST_ENTRIES_A_DAY}", f"1 to {MOST_ENTRIES_A_DAY} entries a day"),
        (not 0 < limits.seconds <= MOST_SECONDS or not 128 <= limits.memory_mib <= MOST_MEMORY, "时间或内存限制超出范围", "the limits of time or memory are out of range"),
        (not 1 <= len(practice_seeds) <= 20, "练习种子 1–20 个", "1 to 20 practice seeds"),
    ):  # fmt: skip
        if wrong:
            raise Refused(Text(zh, en))
    seeds = _draw(found, public_seeds, private_seeds, size, engine)
    try:
        reference = judging.reference(found, practice_seeds, size, engine)
    except judging.SiteFault as error:
        raise Refused(
            Text(f"场景自身的方法未能运行：{error}", f"the scenario's own methods do not run: {error}")
        ) from error
    commitment = hashlib.sha256(seeds.encode()).hexdigest()
    fields = {
        "scenario": about.id, "version": found.version(), "size": size, "entries_a_day": entries_a_day,
        "seconds": limits.seconds, "memory_mib": limits.memory_mib, "practice_seeds": list(practice_seeds),
        "commitment": commitment, "reference": asdict(reference), "appeal_days": appeal_days, "prizes": prizes,
    }  # fmt: skip
    more = {"public_seeds": public_seeds, "private_seeds": private_seeds}
    return _called(actor, Competition.Kind.CHALLENGE, code, title, rules, opens, closes, fields, more, seeds)


def call_applications(
    actor: Actor,
    *,
    code: str,
    title: Text,
    rules: str,
    opens: datetime,
    closes: datetime,
    criteria: Sequence[Mapping[str, Any]],
    each: int = 3,
    appeal_days: int = 7,
    prizes: int = 3,
) -> Competition:
    """Call an application contest; ``criteria`` have ``zh``, ``en`` and a ``weight``. Raises `NotAllowed`, `Refused`."""
    require(actor, "competition.hold")
    _check_call(code, title, rules, opens, closes, appeal_days, prizes)
    if not 2 <= each <= 15:
        raise Refused(Text("每份申报由 2–15 名专家评审", "2 to 15 reviewers an application"))
    try:
        kept = [{"zh": str(one["zh"]), "en": str(one["en"]), "weight": float(one["weight"])} for one in criteria]
        good = 1 <= len(kept) <= 20 and all(0 < one["weight"] <= 1000 and one["zh"] and one["en"] for one in kept)  # type: ignore[operator]
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise Refused(
            Text("评审标准应有中英文名称和正的权重", "criteria have a title in both languages and a positive weight")
        )
    fields = {"criteria": kept, "each": each, "appeal_days": appeal_days, "prizes": prizes}
    return _called(actor, Competition.Kind.APPLICATION, code, title, rules, opens, closes, fields, {}, "")


def _check_call(
    code: str, title: Text, rules: str, opens: datetime, closes: datetime, appeal_days: int, prizes: int
) -> None:
    for wrong, zh, en in (
        (not _CODE.fullmatch(code) or len(code) > 40, "代号应由小写字母、数字和连字符组成", "a code is of small letters, digits and hyphens"),
        (not 0 < len(title.zh) <= 200 or not 0 < len(title.en) <= 200, "请给出中英文标题", "give a title in Chinese and English"),
        (not rules.strip() or len(rules) > _LONGEST, "请写明规则", "say the rules"),
        (not opens < closes, "截止时间应晚于开始时间", "it closes after it opens"),
        (closes <= timezone.now(), "截止时间已过", "the time at which it closes is past"),
        (not 1 <= appeal_days <= 90, "申诉期为 1–90 日", "1 to 90 days for appeals"),
        (not 1 <= prizes <= 100, "获奖名次为 1–100", "1 to 100 places with a prize"),
        (Competition.objects.filter(code=code).exists(), f"代号 {code} 已被使用", f"the code {code} is taken"),
    ):  # fmt: skip
        if wrong:
            raise Refused(Text(zh, en))


def _draw(found: Found, public: int, private: int, size: str, engine: Engine) -> str:
    for bits in _BITS:
        seeds: list[int] = []
        while len(seeds) < public + private:
            seed = secrets.randbits(bits)
            # Small ones are what people try scenarios with.
            if seed >= 2 ** (bits - 8) and seed not in seeds:
                seeds.append(seed)
        if judging.seeds_work(found, seeds[:1], size, engine):
            parts = {"public": seeds[:public], "private": seeds[public:], "salt": secrets.token_hex(16)}
            return json.dumps(parts)
    raise Refused(Text("场景不能用随机种子生成案例", "the scenario makes no cases of random seeds"))


@transaction.atomic
def _called(
    actor: Actor,
    kind: str,
    code: str,
    title: Text,
    rules: str,
    opens: datetime,
    closes: datetime,
    fields: Mapping[str, Any],
    more: Mapping[str, Any],
    seeds: str,
) -> Competition:
    body = {
        "kind": str(kind), "title": asdict(title), "rules": rules, "opens": opens.isoformat(), "closes": closes.isoformat(),
        **fields, **more,
    }  # fmt: skip
    entry = append(actor, "competition.called", code, body)
    made: Competition = Competition.objects.create(
        code=code, kind=kind, title=title.zh, title_en=title.en, rules=rules.strip(), opens=opens, closes=closes, seeds=seeds,
        evidence=entry.sequence, **fields,
    )  # fmt: skip
    return made


def cancel(actor: Actor, competition: Competition, why: str) -> Competition:
    """Cancel a competition before its winners are confirmed. Raises `NotAllowed`, `Refused`."""
    require(actor, "competition.hold")
    check_said(why)
    with transaction.atomic():
        competition = locked(competition)
        if competition.state in (Competition.State.AWARDED, Competition.State.CANCELLED):
            raise Refused(Text("竞赛已结束", "the competition has ended"))
        competition.state = Competition.State.CANCELLED
        competition.save(update_fields=["state"])
        append(actor, "competition.called", competition.code, {"what": "cancelled", "why": why})
    return competition


def join(actor: Actor, competition: Competition, name: str, members: Collection[str] = ()) -> Team:
    """Enter a team of the actor's unit, one a unit; ``members`` are logins beside the actor's.

    An individual is a unit of their own. Raises `NotAllowed`, `Refused`.
    """
    side = side_of(actor)
    require(actor, "competition.enter", [side] if side else [])
    name, members = name.strip(), list(dict.fromkeys(one.strip() for one in members if one.strip()))
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise Refused(Text("队名为 1–60 字", "a team's name has 1 to 60 characters"))
    members = [one for one in members if one != actor.name]
    known = set(Person.objects.filter(username__in=members, is_active=True).values_list("username", flat=True))
    if len(members) > _PEOPLE or (unknown := [one for one in members if one not in known]):
        names = "、".join(unknown) if len(members) <= _PEOPLE else str(len(members))
        raise Refused(Text(f"队员应为至多 {_PEOPLE} 个账号：{names}", f"members are at most {_PEOPLE} logins: {names}"))
    with transaction.atomic():
        competition = locked(competition)
        _check_open(competition)
        if competition.teams.filter(unit=side).exists():
            raise Refused(Text("每个单位一支队伍，本单位已参赛", "one team a unit, and yours takes part already"))
        if competition.teams.filter(name=name).exists():
            raise Refused(Text(f"队名“{name}”已被使用", f"the name {name!r} is taken"))
        body = {"what": "team", "team": name, "unit": side, "leader": actor.name, "members": members}
        entry = append(actor, "competition.entered", competition.code, body)
        made: Team = Team.objects.create(
            competition=competition, name=name, unit=side, leader=actor.name, members=members, evidence=entry.sequence
        )  # fmt: skip
    return made


def enter(actor: Actor, team: Team, name: str, content: bytes) -> Entry:
    """Send in an entry, a Python file or an archive; it waits to be judged. Raises `NotAllowed`, `Refused`, `BadInput`.

    Entries count by the day on which they come, whatever becomes of them.
    """
    require_own(actor, team)
    name = name.replace("\\", "/").rpartition("/")[2][:200]
    unpack(name, content)
    with transaction.atomic():
        competition = locked(team.competition)
        if not competition.is_challenge:
            raise Refused(Text("这不是算法赛", "this is no algorithm challenge"))
        _check_open(competition)
        team = Team.objects.select_for_update().get(pk=team.pk)
        if team.out:
            raise Refused(Text("本队已被取消资格", "the team is disqualified"))
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if team.entries.filter(received__gte=today).count() >= competition.entries_a_day:
            most = competition.entries_a_day
            raise Refused(Text(f"每日至多参赛 {most} 次，请明日再试", f"{most} entries a day: try again tomorrow"))
        number, digest = team.entries.count() + 1, hashlib.sha256(content).hexdigest()
        body = {"what": "entry", "team": team.name, "number": number, "file": name, "sha256": digest}
        entry = append(actor, "competition.entered", competition.code, body)
        made: Entry = Entry.objects.create(
            team=team, number=number, name=name, digest=digest, sealed=cipher().encrypt(content), received=timezone.now(),
            sender=str(actor), evidence=entry.sequence,
        )  # fmt: skip
    return made


def choose(actor: Actor, entry: Entry) -> Entry:
    """Choose the entry that counts at the end, while the competition is open. Raises `NotAllowed`, `Refused`."""
    require_own(actor, entry.team)
    with transaction.atomic():
        competition = locked(entry.team.competition)
        _check_open(competition)
        if entry.state != Entry.State.JUDGED:
            raise Refused(Text("只能选定已评判的参赛作品", "only an entry that was judged can be chosen"))
        entry.team.entries.update(chosen=False)
        body = {"what": "chosen", "team": entry.team.name, "number": entry.number}
        append(actor, "competition.entered", competition.code, body)
        entry.chosen = True
        entry.save(update_fields=["chosen"])
    return entry


def disqualify(actor: Actor, team: Team, why: str) -> Team:
    """Take a team out; a final board that is there gets a new version without it. Raises `NotAllowed`, `Refused`."""
    require(actor, "competition.hold")
    check_said(why)
    with transaction.atomic():
        competition = locked(team.competition)
        team = Team.objects.select_for_update().get(pk=team.pk)
        if team.out:
            raise Refused(Text("本队已被取消资格", "the team is disqualified already"))
        append(actor, "competition.appealed", competition.code, {"what": "disqualified", "team": team.name, "why": why})
        team.out = why.strip()
        team.save(update_fields=["out"])
        if competition.board:
            republish(actor, competition, why)
    return team


def appeal(actor: Actor, team: Team, text: str, why_late: str = "") -> Appeal:
    """Appeal against the final board; after the days for it an appeal is late, and says why. Raises `NotAllowed`, `Refused`."""
    require_own(actor, team)
    check_said(text)
    with transaction.atomic():
        competition = locked(team.competition)
        if competition.state not in (Competition.State.BOARDED, Competition.State.AWARDED):
            raise Refused(Text("尚无最终榜单", "there is no final board yet"))
        if team.appeals.filter(state=Appeal.State.OPEN).exists():
            raise Refused(Text("已有一项申诉在办", "an appeal is being dealt with"))
        now = timezone.now()
        late = competition.appeals_until is None or now >= competition.appeals_until
        if late and not why_late.strip():
            raise Refused(Text("申诉期已过，请说明逾期原因", "the days for appeals are over: say why it is late"))
        check_said(why_late or text)
        body = {
            "what": "appealed",
            "team": team.name,
            "late": late,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        entry = append(actor, "competition.appealed", competition.code, body)
        made: Appeal = Appeal.objects.create(
            team=team, text=text.strip(), late=late, why_late=why_late.strip() if late else "", filed=now, filer=str(actor),
            evidence=entry.sequence,
        )  # fmt: skip
    return made


def decide(actor: Actor, filed: Appeal, *, upheld: bool, answer: str, reinstate: bool = False) -> Appeal:
    """Decide an appeal; ``reinstate`` lets a disqualified team back in. Raises `NotAllowed`, `Refused`.

    Where it is upheld the final board gets a new version, and winners that were confirmed are to be confirmed anew. What
    the board then says follows from the team's state and its entry's scores: `evaluation.judge_finally` runs an entry anew.
    """
    require(actor, "competition.hold")
    check_said(answer)
    with transaction.atomic():
        competition = locked(filed.team.competition)
        filed = Appeal.objects.select_for_update().get(pk=filed.pk)
        if filed.state != Appeal.State.OPEN:
            raise Refused(Text("该申诉已有决定", "the appeal has been decided"))
        filed.state = Appeal.State.UPHELD if upheld else Appeal.State.DISMISSED
        filed.answer, filed.decider, filed.decided = answer.strip(), str(actor), timezone.now()
        body = {
            "what": str(filed.state.value), "team": filed.team.name, "appeal": filed.pk, "answer": answer,
            "reinstated": upheld and reinstate,
        }  # fmt: skip
        filed.evidence = append(actor, "competition.appealed", competition.code, body).sequence
        filed.save()
        if upheld and reinstate:
            Team.objects.filter(pk=filed.team_id).update(out="")
        if upheld:
            republish(actor, competition, answer)
    return filed


def publish(actor: Actor, competition: Competition, rows: list[dict[str, Any]], digest: str, why: str = "") -> Board:
    """Publish a version of the final board, within the caller's transaction; a part of judging and of decisions."""
    before = competition.board
    number = before.number + 1 if before else 1
    body = {"what": "board", "version": number, "rows": rows, "digest": digest, "why": why}
    entry = append(actor, "competition.boarded", competition.code, body)
    made: Board = Board.objects.create(
        competition=competition, number=number, rows=rows, digest=digest, why=why, time=timezone.now(), evidence=entry.sequence
    )  # fmt: skip
    if before is None:
        competition.appeals_until = made.time + timedelta(days=competition.appeal_days)
    competition.state = Competition.State.BOARDED
    competition.save(update_fields=["state", "appeals_until"])
    return made


def republish(actor: Actor, competition: Competition, why: str) -> Board | None:
    """Publish a new version where the rows have changed; returns it, None where the board stays."""
    rows, digest = final_board(competition)
    if competition.board and competition.board.digest == digest:
        return None
    return publish(actor, competition, rows, digest, why)


def award(actor: Actor, competition: Competition) -> list[Winner]:
    """Confirm the winners of the final board's last version, once appeals are over and decided.

    Where winners of an earlier version lose their place they are revoked. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "competition.hold")
    with transaction.atomic():
        competition = locked(competition)
        board = competition.board
        if board is None or competition.state != Competition.State.BOARDED:
            raise Refused(Text("没有待确认的最终榜单", "there is no final board to confirm"))
        if competition.appeals_until is None or timezone.now() < competition.appeals_until:
            raise Refused(Text("申诉期未过", "the days for appeals are not over"))
        if Appeal.objects.filter(team__competition=competition, state=Appeal.State.OPEN).exists():
            raise Refused(Text("有申诉未决", "an appeal is open"))
        places = {
            row["team"]: row["rank"] for row in board.rows if row["rank"] is not None and row["rank"] <= competition.prizes
        }  # fmt: skip
        held = {one.team.name: one for one in Winner.objects.filter(team__competition=competition, revoked=False)}
        for name, one in held.items():
            if places.get(name) != one.rank:
                body = {"what": "revoked", "team": name, "rank": one.rank, "board": board.number}
                one.evidence = append(actor, "competition.awarded", competition.code, body).sequence
                one.revoked = True
                one.save(update_fields=["revoked", "evidence"])
        for team in competition.teams.filter(name__in=places):
            if team.name in held and not held[team.name].revoked:
                continue
            rank = places[team.name]
            body = {
                "what": "won",
                "team": team.name,
                "unit": team.unit,
                "people": team.people,
                "rank": rank,
                "board": board.number,
            }
            entry = append(actor, "competition.awarded", competition.code, body)
            Winner.objects.create(team=team, rank=rank, board=board, evidence=entry.sequence)
            what = Text(f"{competition.title}第 {rank} 名", f"No. {rank} in {competition.title_en}")
            for login in team.people:
                note_achievement(actor, login, what, entry.sequence)
        competition.state = Competition.State.AWARDED
        competition.save(update_fields=["state"])
        return list(Winner.objects.filter(team__competition=competition, revoked=False))


def side_of(actor: Actor) -> str:
    """Return for whom an actor takes part: their unit, or an individual for themselves; empty for nobody."""
    return f"@{actor.name}" if actor.role is Role.INDIVIDUAL else actor.unit


def require_own(actor: Actor, team: Team) -> None:
    """Return where the team is the actor's own, else raise `NotAllowed`."""
    require(actor, "competition.enter", [team.unit])
    if side_of(actor) != team.unit:
        raise NotAllowed(actor, "competition.enter", [team.unit])


def own_team(actor: Actor, competition: Competition) -> Team | None:
    """Return the team of the actor's unit, None where there is none."""
    side = side_of(actor)
    found: Team | None = competition.teams.filter(unit=side).first() if side else None
    return found


def locked(competition: Competition) -> Competition:
    """Return the competition, held to the end of the transaction."""
    found: Competition = Competition.objects.select_for_update().get(pk=competition.pk)
    return found


def _check_open(competition: Competition) -> None:
    if not competition.is_open:
        raise Refused(Text(f"竞赛不在受理期：{competition.phase.zh}", f"it is not open: {competition.phase.en}"))


def check_said(text: str) -> None:
    """Raise `Refused` where nothing is said, or too much."""
    if not text.strip() or len(text) > 4000:
        raise Refused(Text("请写明内容（4000 字以内）", "say it, in 4,000 characters at most"))
