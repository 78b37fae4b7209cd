"""Supply and demand: offering, needing, finding, introducing, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.support import matching
from dujiang.support.actions.checks import amount, expect, locked, reason, said, unit_named
from dujiang.support.models import Introduction, Need, Offer
from dujiang.support.models.exchange import KINDS
from dujiang.talent import actions as talent

_NAMES = frozenset(name for name, _ in KINDS)
BEST = 10


def _place(code: str) -> str:
    code = code.strip()
    if code and not (code.isascii() and code.isdigit() and 2 <= len(code) <= 6):
        raise Refused(Text(f"地点“{code}”应为行政区划代码前 2 至 6 位", f"place {code!r}: 2 to 6 digits of GB/T 2260"))
    return code


def offer(
    actor: Actor, unit: str, kind: str, *, title: str, text: str, keywords: Sequence[str] = (), price: int | None = None,
    places: Sequence[str] = (), since: date | None = None, until: date | None = None, capacity: int = 1, domestic: bool = False,
    source: str | None = None,
) -> Offer:  # fmt: skip
    """Offer something; for the fields see `matching.Offer`. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    title, text = said(title, Text("名称", "a title"), 200), said(text, Text("说明", "a description"))
    where = [code for one in places if (code := _place(one))]
    words = [one.strip()[:40] for one in keywords if one.strip()][:20]
    if kind not in _NAMES or not 1 <= capacity <= 10_000 or (price is not None and not 0 <= price <= 10**15):
        raise Refused(Text("类别、价格或数量不对", "kind, price or capacity is wrong"))
    if since and until and since > until:
        raise Refused(Text("起止日期颠倒", "it ends before it begins"))
    with transaction.atomic():
        body = {"what": "offered", "unit": unit, "kind": kind, "title": title}
        entry = append(actor, "support.exchange", title, body)
        return Offer.objects.create(
            unit=found, kind=kind, title=title, text=text, keywords=words, price=price, places=where, since=since, until=until,
            capacity=capacity, domestic=domestic, source=source, evidence=entry.sequence,
        )  # fmt: skip


def need(
    actor: Actor, unit: str, *, title: str, text: str = "", kinds: Sequence[str] = (), budget: int | None = None, place: str = "",
    by: date | None = None, domestic: bool = False, source: str | None = None,
) -> Need:  # fmt: skip
    """Say what a unit needs; for the fields see `matching.Need`. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    title = said(title, Text("需求", "what is needed"), 200)
    if set(kinds) - _NAMES or (budget is not None and not 0 <= budget <= 10**15) or len(text) > 4000 or "\x00" in text:
        raise Refused(Text("类别、预算或说明不对", "kinds, budget or text are wrong"))
    with transaction.atomic():
        entry = append(actor, "support.exchange", title, {"what": "needed", "unit": unit, "kinds": sorted(kinds)})
        return Need.objects.create(
            unit=found, title=title, text=text.strip(), kinds=sorted(set(kinds)), budget=budget, place=_place(place), by=by,
            domestic=domestic, source=source, evidence=entry.sequence,
        )  # fmt: skip


def close(actor: Actor, one: Offer | Need, why: str) -> None:
    """Take an offer or a need off; introductions that are under way go on. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [one.unit.name])
    why = reason(why)
    with transaction.atomic():
        now = locked(one)
        if now.closed:
            raise Refused(Text("已关闭", "it is closed"))
        now.closed = timezone.now()
        now.evidence = append(actor, "support.exchange", now.title, {"what": "closed", "why": why}).sequence
        now.save()


def publish_courses(actor: Actor, unit: str) -> list[Offer]:
    """Offer what a school trains that has free places, and take off what has none left. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    open_ = {f"course:{one.number}": one for one in talent.open_courses() if one.school == unit}
    with transaction.atomic():
        known = {one.source: one for one in Offer.objects.filter(unit=found, source__startswith="course:")}
        for source, one in known.items():
            if source not in open_ and not one.closed:
                close(actor, one, "课程已满或已结束 / the course is full or over")
        made = []
        for source, course in open_.items():
            if source in known:
                continue
            skill = course.skill_title
            text = f"{skill.zh} {skill.en} {course.level}，{course.since} 至 {course.until}"
            made.append(
                offer(
                    actor, unit, "talent", title=course.title, text=text, keywords=[skill.zh, skill.en], until=course.until,
                    capacity=min(course.free, 10_000), source=source,
                )
            )  # fmt: skip
    return made


def need_of_vacancies(actor: Actor, unit: str) -> list[Need]:
    """Say that a unit needs people for each of its open vacancies that nobody has said yet. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    with transaction.atomic():
        known = set(Need.objects.filter(unit=found, source__startswith="vacancy:").values_list("source", flat=True))
        made = []
        for one in talent.open_vacancies(unit):
            source = f"vacancy:{one.number}"
            if source not in known:
                skills = "、".join(skill.title.zh for skill in talent.find_skills(one.skills)) if one.skills else ""
                text = f"招 {one.open} 人；{skills}"
                made.append(
                    need(actor, unit, title=one.title, text=text, kinds=["talent"], place=one.city, source=source)
                )
    return made


def _open() -> Q:
    today = timezone.localdate()
    return Q(closed=None) & (Q(until=None) | Q(until__gte=today))


@lru_cache(maxsize=2)
def _index(last: str, day: date) -> matching.Index:
    return matching.Index([one.plain() for one in Offer.objects.filter(_open()).select_related(None)])


def index() -> matching.Index:
    """Return the open offers ready to be searched; made anew once one has changed or a day has passed."""
    last = Record.objects.filter(sequence=Offer.objects.aggregate(last=Max("evidence"))["last"] or 0).first()
    return _index(last.digest if last else "", timezone.localdate())


def find(actor: Actor, wanted: matching.Need, most: int = 50) -> list[tuple[Offer, matching.Hit]]:
    """Return the offers that answer a need; those that break a constraint come last, with what they break. Raises `NotAllowed`."""
    require(actor, "support.browse")
    hits = index().search(wanted, most, strict=False)
    offers = Offer.objects.select_related("unit").in_bulk([int(hit.offer.key) for hit in hits])
    return [(offers[int(hit.offer.key)], hit) for hit in hits if int(hit.offer.key) in offers]


def introduce(actor: Actor, wanted: Need, offered: Offer) -> Introduction:
    """Introduce a need to an offer that fits it. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [wanted.unit.name])
    with transaction.atomic():
        wanted, offered = locked(wanted), locked(offered)
        if wanted.closed or offered.closed:
            raise Refused(Text("供给或需求已关闭", "the offer or the need is closed"))
        if broken := matching.misfits(wanted.plain(), offered.plain()):
            raise Refused(Text("；".join(one.zh for one in broken), "; ".join(one.en for one in broken)))
        if Introduction.objects.filter(need=wanted, offer=offered).exists():
            raise Refused(Text("已对接过", "they have been introduced"))
        hits = {hit.offer.key: hit.score for hit in index().search(wanted.plain(), len(index().offers))}
        return _introduced(actor, wanted, offered, hits.get(str(offered.pk), 0.0))


def _introduced(actor: Actor, wanted: Need, offered: Offer, score: float) -> Introduction:
    body = {"what": "introduced", "need": wanted.pk, "offer": offered.pk, "score": round(score, 3)}
    entry = append(actor, "support.exchange", wanted.title, body)
    return Introduction.objects.create(
        need=wanted, offer=offered, score=score, proposer=str(actor), evidence=entry.sequence
    )


def share_out(actor: Actor, most: int = 3) -> list[Introduction]:
    """Introduce all open needs to the offers that fit them best together, within what each offer can serve. Raises `NotAllowed`."""
    require(actor, "support.decide")
    known = index()
    with transaction.atomic():
        needs = {str(one.pk): one for one in Need.objects.filter(closed=None)}
        there = {(str(one.need_id), str(one.offer_id)) for one in Introduction.objects.filter(need__in=needs.values())}
        busy: dict[str, int] = {}
        live = (Introduction.State.PROPOSED, Introduction.State.ACCEPTED, Introduction.State.AGREED)
        for key in Introduction.objects.filter(state__in=live).values_list("offer_id", flat=True):
            busy[str(key)] = busy.get(str(key), 0) + 1
        scores = {
            (key, hit.offer.key): hit.score
            for key, one in needs.items()
            for hit in known.search(one.plain(), BEST)
            if (key, hit.offer.key) not in there
        }
        capacity = {one.key: max(0, one.capacity - busy.get(one.key, 0)) for one in known.offers}
        chosen = matching.share_out(scores, capacity, most)
        offers = Offer.objects.in_bulk([int(key) for found in chosen.values() for key in found])
        return [
            _introduced(actor, needs[key], offers[int(other)], scores[key, other])
            for key, found in chosen.items()
            for other in found
        ]


def answer(actor: Actor, introduction: Introduction, *, accepted: bool, why: str = "") -> Introduction:
    """Say for the unit that offers whether it takes up an introduction. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [introduction.offer.unit.name])
    with transaction.atomic():
        one = locked(introduction)
        expect(one.state, Introduction.State.PROPOSED)
        one.state = Introduction.State.ACCEPTED if accepted else Introduction.State.DECLINED
        one.answered, one.outcome = timezone.now(), "" if accepted else reason(why)
        return _kept(actor, one, {"what": "accepted" if accepted else "declined", "introduction": one.pk})


def conclude(actor: Actor, introduction: Introduction, *, agreed: bool, fen: int = 0, outcome: str) -> Introduction:
    """Say for the unit that needs what came of an introduction. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [introduction.need.unit.name])
    outcome = reason(outcome)
    with transaction.atomic():
        one = locked(introduction)
        expect(one.state, Introduction.State.ACCEPTED)
        if fen:
            amount(fen, Text("合同额", "the contract"))
        one.state = Introduction.State.AGREED if agreed else Introduction.State.FAILED
        one.amount, one.outcome, one.concluded = fen if agreed else 0, outcome, timezone.now()
        return _kept(actor, one, {"what": "agreed" if agreed else "failed", "introduction": one.pk})


def _kept(actor: Actor, one: Introduction, body: dict[str, object]) -> Introduction:
    one.evidence = append(actor, "support.exchange", one.need.title, body).sequence
    one.save()
    return one
