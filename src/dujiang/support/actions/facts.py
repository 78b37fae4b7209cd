"""A unit's facts and papers, entered once, and what it may have by them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.chain import canonical
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Refused, Text
from dujiang.support import measures, whitelist
from dujiang.support.actions.checks import said, unit_named
from dujiang.support.enterprises import NAME
from dujiang.support.measures import Book, Cost, Entitlement, Fact, Standing, Value
from dujiang.support.models import Paper, Profile
from dujiang.vouchers import actions as vouchers
from dujiang.vouchers.models import Application, Programme

ROOT = Path(__file__).parent.parent
LARGEST = 4 << 20
"""Bytes of a paper."""


@lru_cache(maxsize=1)
def books() -> tuple[Book, ...]:
    """Return the files of measures that ship, read once."""
    return tuple(measures.read(path) for path in sorted((ROOT / "policies").glob("*.toml")))


@lru_cache(maxsize=1)
def criteria() -> whitelist.Criteria:
    """Return the criteria of the white list."""
    return whitelist.read(ROOT / "criteria" / "white-list.toml")


@lru_cache(maxsize=1)
def edition() -> str:
    """Return the digest of the criteria's file."""
    return hashlib.sha256((ROOT / "criteria" / "white-list.toml").read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def asked() -> dict[str, Fact]:
    """Return all facts that measures and criteria ask for, each once; raises `Refused` where two files mean two things by one."""
    found: dict[str, Fact] = {}
    for facts in (*(one.facts for one in books()), criteria().facts):
        for name, fact in facts.items():
            if name in found and (found[name].kind, found[name].choices) != (fact.kind, fact.choices):
                raise Refused(Text(f"两个文件中的事实 {name} 不同", f"two files mean different things by {name}"))
            found.setdefault(name, fact)
    return found


def parsed(answers: Mapping[str, str]) -> dict[str, Value]:
    """Return answers as values; raises `BadInput` that names the fact."""
    known, found = asked(), {}
    for name, answer in answers.items():
        fact = known.get(name)
        if fact is None:
            raise BadInput("facts", field=name, expected=Text("已知的事实", "a known fact"), found=name)
        if not answer.strip():
            continue
        try:
            found[name] = fact.parse(answer)
        except ValueError as error:
            raise BadInput(NAME.zh, field=f"{fact.title.zh} ({name})", expected=fact.expected, found=answer) from error
    return found


def facts_of(unit: str) -> dict[str, Value]:
    """Return the facts that a unit has entered, empty where it has not."""
    profile = Profile.objects.filter(unit__name=unit).first()
    return parsed(profile.answers) if profile else {}


def enter(actor: Actor, unit: str, answers: Mapping[str, str]) -> Profile:
    """Enter a unit's facts, in place of those before. Raises `NotAllowed`, `Refused`, `BadInput`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    kept = {name: answer.strip() for name, answer in answers.items() if answer.strip()}
    parsed(kept)
    salt = secrets.token_hex(16)
    with transaction.atomic():
        digest = hashlib.sha256((salt + canonical(kept)).encode()).hexdigest()
        body = {"what": "entered", "facts": sorted(kept), "digest": digest}
        entry = append(actor, "support.facts", unit, body)
        made, _ = Profile.objects.update_or_create(
            unit=found, defaults={"answers": kept, "salt": salt, "evidence": entry.sequence}
        )
    return made


def hand_in(actor: Actor, unit: str, title: str, name: str, content: bytes, about: str = "") -> Paper:
    """Hand in a paper; a later one of the same title stands before it. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    title = said(title, Text("材料名称", "the paper's title"), 80)
    name = said(Path(name.replace("\\", "/")).name, Text("文件名", "the file's name"), 120)
    if not content or len(content) > LARGEST:
        raise Refused(Text(f"文件应不为空且不超过 {LARGEST >> 20} MiB", f"a file has 1 byte to {LARGEST >> 20} MiB"))
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        body = {"what": "handed in", "title": title, "sha256": digest, "about": about}
        entry = append(actor, "support.facts", unit, body)
        return Paper.objects.create(
            unit=found, about=about, title=title, name=name, sha256=digest, content=content, evidence=entry.sequence
        )


def papers_of(unit: str, about: str = "") -> dict[str, Paper]:
    """Return the last paper of each title that a unit handed in, without their contents."""
    found: dict[str, Paper] = {}
    for one in Paper.objects.filter(unit__name=unit, about=about).defer("content"):
        found.setdefault(one.title, one)
    return found


def read_paper(actor: Actor, paper: Paper) -> bytes:
    """Return a paper's content to its own unit and to those who oversee. Raises `NotAllowed`."""
    if actor.unit != paper.unit.name or not actor.unit:
        require(actor, "support.oversee")
    return bytes(paper.content)


def entitlements(actor: Actor, unit: str, day: date | None = None) -> list[Entitlement]:
    """Return what a unit may have by the facts that it entered, of all measures in force. Raises `NotAllowed`."""
    require(actor, "support.apply", [unit])
    return [one for book in books() for one in book.entitlements(facts_of(unit), day or timezone.localdate())]


def claim(actor: Actor, unit: str, measure: str) -> Application:
    """Apply for the vouchers that a measure grants a unit, by its facts. Raises `NotAllowed`, `Refused`."""
    found = {one.measure.name: one for one in entitlements(actor, unit)}.get(measure)
    if found is None or not found.measure.programme:
        raise Refused(Text(f"措施 {measure} 不由券支付", f"no measure {measure} that vouchers pay"))
    if found.standing is not Standing.MAY or not found.fen:
        because = "；".join(one.condition.zh for one in found.because if one.holds is not True) or "缺少情况"
        raise Refused(Text(f"不能享受：{because}", f"it may not be had: {because}"))
    programme = Programme.objects.filter(code=found.measure.programme).first()
    if programme is None:
        raise Refused(
            Text(
                f"没有券计划 {found.measure.programme}", f"there is no programme of vouchers {found.measure.programme}"
            )
        )
    title = found.measure.title
    return vouchers.apply(
        actor, programme, unit, min(found.fen, programme.cap), f"{title.zh}（{found.measure.clause.zh}）"
    )


class WhatIf(NamedTuple):
    """A measure's cost as it is and with other terms."""

    title: Text
    now: Cost
    then: Cost


def what_if(actor: Actor, measure: str, term: str, value: str) -> list[WhatIf]:
    """Return what another term of a measure would cost, by the facts that units have entered. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.oversee")
    day = timezone.localdate()
    known = [(book, one) for book in books() for one in book.measures if one.name == measure]
    if not known:
        raise Refused(Text(f"没有措施 {measure}", f"there is no measure {measure}"))
    [(book, about), *_] = known
    try:
        float(value)
        other = book.changed(measure, **{term: value})
    except (ValueError, ArithmeticError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(Text(f"“{value}”不是数", f"{value!r} is no number")) from error
    facts = [parsed(one.answers) for one in Profile.objects.all()]
    now, then = book.cost(facts, day), other.cost(facts, day)
    return [WhatIf(about.title, now[measure], then[measure])] if measure in now else []
