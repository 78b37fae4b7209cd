"""Recognised by the enterprise, accepted by the government: delegations, certificates, audits by sample, withdrawal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.talent import fields
from dujiang.talent.actions import find_skills, nameless, refused
from dujiang.talent.intake import unit_of
from dujiang.talent.models import Audit, Certificate, Checked, Delegation, Talent
from dujiang.talent.sampling import bounds, draw, sample_size
from dujiang.talent.terms import Level, Purpose, State


class Rule(NamedTuple):
    """What a delegation may ask of a certificate: a number that is at least so much, up to ``most``."""

    name: str
    title: Text
    most: float


RULES = (
    Rule("years", Text("从事相关工作年限", "years in the trade"), 60),
    Rule("score", Text("考评分数（百分制）", "score of the assessment, of 100"), 100),
    Rule("assessors", Text("考评员人数", "assessors"), 20),
)


def delegate(
    actor: Actor,
    unit: str,
    skill: str,
    level: str,
    quota: int,
    rules: Mapping[str, float],
    since: date,
    until: date,
) -> Delegation:
    """Let an enterprise certify people in a skill up to a level, so many of them. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.delegate")
    owner, [found] = unit_of(actor, unit), find_skills([skill])
    known = {one.name: one for one in RULES}
    wrong = [name for name, least in rules.items() if name not in known or not 0 < least <= known[name].most]
    if wrong or not rules:
        listed = "、".join(known)
        raise Refused(Text(f"规则应取自 {listed}", f"rules are of {listed}: {', '.join(wrong) or 'none given'}"))
    if not 1 <= quota <= 100_000 or not since < until:
        raise Refused(
            Text("名额为 1 至 100000，且期限晚于起始日", "a quota of 1 to 100,000, and an end after the start")
        )
    try:
        highest = fields.level(level)
    except fields.Unfit as error:
        raise refused(error) from error
    with transaction.atomic():
        body = {
            "what": "delegated", "skill": found.uri, "level": highest, "quota": quota, "rules": dict(rules),
            "since": since.isoformat(), "until": until.isoformat(),
        }  # fmt: skip
        entry = append(actor, "talent.delegated", owner.name, body)
        made: Delegation = Delegation.objects.create(
            unit=owner, skill=found, level=highest, quota=quota, rules=dict(rules), since=since, until=until,
            evidence=entry.sequence,
        )  # fmt: skip
    return made


def certify(actor: Actor, delegation: Delegation, one: Talent, level: str, facts: Mapping[str, float]) -> Certificate:
    """Certify somebody by a delegation's rules and within its quota. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.certify", [delegation.unit.name])
    try:
        reached = Level(fields.level(level))
    except fields.Unfit as error:
        raise refused(error) from error
    with transaction.atomic():
        held = Delegation.objects.select_for_update().select_related("unit", "skill").get(pk=delegation.pk)
        if not held.holds():
            raise Refused(Text("授权已到期或已撤销", "the delegation has run out or been withdrawn"))
        if reached.rank > Level(held.level).rank:
            raise Refused(Text(f"至多可认定{held.level_title.zh}", f"at most {held.level_title.en} may be certified"))
        if held.certificates.filter(state=State.VALID).count() >= held.quota:
            raise Refused(Text(f"名额 {held.quota} 已用完", f"the quota of {held.quota} is used up"))
        if one.state != State.ACTIVE or Purpose.CERTIFICATION not in one.purposes():
            raise Refused(Text("本人未同意企业认定", "they have not consented to being certified"))
        if held.certificates.filter(talent=one, level=reached, state=State.VALID).exists():
            raise Refused(Text("已有同等级的有效证书", "they hold a valid certificate of this level already"))
        for rule in RULES:
            least, given = held.rules.get(rule.name), facts.get(rule.name)
            if least is not None and (given is None or not least <= given <= rule.most):
                raise Refused(
                    Text(f"{rule.title.zh}应不低于 {least:g}", f"{rule.title.en}: expected at least {least:g}")
                )
        kept = {rule.name: facts[rule.name] for rule in RULES if rule.name in facts}
        today = timezone.localdate()
        made: Certificate = Certificate.objects.create(
            number=f"new-{held.pk}-{one.pk}", delegation=held, talent=one, level=reached, facts=kept, issued=today,
            evidence=0,
        )  # fmt: skip
        made.number = f"DJ{today:%Y}{held.pk:04d}{made.pk:08d}"
        body = {"what": "certified", "delegation": held.pk, "unit": held.unit.name, "talent": str(one),
                "skill": held.skill.uri, "level": reached.value, "facts": kept}  # fmt: skip
        made.evidence = append(actor, "talent.certified", made.number, body).sequence
        made.save()
    return made


def withdraw_certificate(actor: Actor, certificate: Certificate, why: str) -> Certificate:
    """Withdraw a certificate: by the office, or the enterprise itself. Raises `NotAllowed`, `Refused`."""
    action = "talent.delegate" if actor.unit != certificate.delegation.unit.name else "talent.certify"
    require(actor, action, [certificate.delegation.unit.name])
    _said(why)
    with transaction.atomic():
        one: Certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
        _withdraw(actor, one, why)
    return one


def _withdraw(actor: Actor, one: Certificate, why: str) -> None:
    if one.state != State.VALID:
        raise Refused(Text("证书已撤销", "the certificate has been withdrawn"))
    nameless(one.talent, why)
    one.state, one.why = State.WITHDRAWN, why.strip()
    one.evidence = append(actor, "talent.certified", one.number, {"what": "withdrawn", "why": one.why}).sequence
    one.save()


def withdraw_delegation(actor: Actor, delegation: Delegation, why: str) -> Delegation:
    """Withdraw an enterprise's delegation; what it certified soundly stays valid. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.delegate")
    _said(why)
    with transaction.atomic():
        one: Delegation = Delegation.objects.select_for_update().get(pk=delegation.pk)
        if one.state != State.VALID:
            raise Refused(Text("授权已撤销", "the delegation has been withdrawn"))
        one.state, one.why = State.WITHDRAWN, why.strip()
        body = {"what": "withdrawn", "delegation": one.pk, "why": one.why}
        one.evidence = append(actor, "talent.delegated", one.unit.name, body).sequence
        one.save()
    return one


def _said(text: str) -> None:
    if not text.strip() or len(text) > 2000:
        raise Refused(Text("请写明内容（2000 字以内）", "say it, in 2,000 characters at most"))


# Audits.


def start_audit(actor: Actor, delegation: Delegation, *, tolerated: float = 0.05, confidence: float = 0.95) -> Audit:
    """Draw a sample of a delegation's valid certificates, and begin its audit. Raises `NotAllowed`, `Refused`.

    The seed is the digest of the last record before the draw: nobody chose it, and anybody can draw the sample again.
    """
    require(actor, "talent.audit")
    if actor.unit == delegation.unit.name:
        raise Refused(Text("不得抽查本单位的认定", "nobody audits their own unit"))
    if not 0 <= tolerated < 1 or not 0.5 <= confidence < 1:
        raise Refused(
            Text("容许比例为 0 至 1，置信度为 0.5 至 1", "a tolerated share of 0 to 1, a confidence of 0.5 to 1")
        )
    with transaction.atomic():
        Delegation.objects.select_for_update().get(pk=delegation.pk)
        if delegation.audits.filter(result__isnull=True).exists():
            raise Refused(Text("上一次抽查尚未结束", "the last audit has not ended"))
        certificates = {one.number: one for one in delegation.certificates.filter(state=State.VALID)}
        if not certificates:
            raise Refused(Text("没有可抽查的证书", "there is no certificate to audit"))
        before = Record.objects.order_by("-sequence").first()
        if before is None:
            raise LookupError("certificates without evidence")
        seed = before.digest.rpartition(":")[2][:64]
        size = sample_size(len(certificates), tolerated, confidence)
        chosen = draw(certificates, size, seed)
        body = {
            "what": "drawn", "delegation": delegation.pk, "population": len(certificates), "size": size,
            "tolerated": tolerated, "confidence": confidence, "seed": seed, "seed_record": before.sequence,
            "sample": chosen,
        }  # fmt: skip
        entry = append(actor, "talent.audited", delegation.unit.name, body)
        made: Audit = Audit.objects.create(
            delegation=delegation, confidence=confidence, tolerated=tolerated, population=len(certificates), seed=seed,
            seed_record=before.sequence, auditor=str(actor), evidence=entry.sequence,
        )  # fmt: skip
        Checked.objects.bulk_create(Checked(audit=made, certificate=certificates[number]) for number in chosen)
    return made


def check(actor: Actor, checked: Checked, *, sound: bool, note: str) -> Checked:
    """Say whether a certificate of a sample is sound; one that isn't needs a note. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.audit")
    if not sound:
        _said(note)
    with transaction.atomic():
        audit = Audit.objects.select_for_update().get(pk=checked.audit_id)
        if audit.result is not None or audit.delegation.unit.name == actor.unit:
            raise Refused(Text("抽查已结束，或涉及本单位", "the audit has ended, or is of one's own unit"))
        one: Checked = Checked.objects.select_related("certificate__talent").get(pk=checked.pk)
        nameless(one.certificate.talent, note)
        one.sound, one.note = sound, note.strip()[:2000]
        body = {"what": "checked", "audit": audit.pk, "certificate": one.certificate.number, "sound": sound}
        append(actor, "talent.audited", audit.delegation.unit.name, body)
        one.save()
    return one


def end_audit(actor: Actor, audit: Audit) -> Audit:
    """End an audit: what the sample says of all; certificates that weren't sound are withdrawn.

    Where surely more than the tolerated share is bad (the exact lower bound), the delegation is withdrawn too. Where some
    were bad and that isn't sure, the result says so and the office decides. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "talent.audit")
    with transaction.atomic():
        one: Audit = Audit.objects.select_for_update().select_related("delegation__unit").get(pk=audit.pk)
        sample = list(one.sample.select_related("certificate"))
        if one.result is not None:
            raise Refused(Text("抽查已结束", "the audit has ended"))
        if left := sum(checked.sound is None for checked in sample):
            raise Refused(Text(f"还有 {left} 份未核查", f"{left} of the sample have not been looked at"))
        bad = [checked for checked in sample if not checked.sound]
        low, high = bounds(one.population, len(sample), len(bad), one.confidence)
        limit = one.tolerated * one.population
        verdict = "fails" if low > limit else "passes" if high <= limit else "open"
        one.result = {"bad": len(bad), "size": len(sample), "low": low, "high": high, "verdict": verdict}
        body: dict[str, Any] = {"what": "ended", "audit": one.pk, **one.result}
        one.evidence = append(actor, "talent.audited", one.delegation.unit.name, body).sequence
        one.save()
        for checked in bad:
            if checked.certificate.state == State.VALID:
                _withdraw(actor, checked.certificate, f"抽查 {one.pk}：{checked.note}")
        delegation = one.delegation
        if verdict == "fails" and delegation.state == State.VALID:
            delegation.state, delegation.why = State.WITHDRAWN, f"抽查 {one.pk} 未通过"
            entry = append(
                actor, "talent.delegated", delegation.unit.name, {"what": "withdrawn", "delegation": delegation.pk, "audit": one.pk}
            )  # fmt: skip
            delegation.evidence = entry.sequence
            delegation.save()
    return one
