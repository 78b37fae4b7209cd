"""Keeping units and people: who may act for whom."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import Happening, append, append_all
from dujiang.identity.codes import LOGIN, credit_code, division_of
from dujiang.identity.encrypted import keyed_digest
from dujiang.identity.models import Identity, Key, Person, Unit
from dujiang.identity.permission import PUBLIC, RULES, UNIT_ROLES, Actor, Role, require
from dujiang.identity.providers import Provider
from dujiang.identity.uploads import NewEnterprise, NewPerson, read_enterprises, read_people
from dujiang.messages import Refused, Text

BAD_KEY = Text("密钥无效、过期或已吊销", "the key is not known, expired or revoked")
LONGEST_KEY = 366
"""Days."""
LONGEST_SUBJECT = 255
"""Characters (OpenID Connect Core 1.0, 2)."""


def units_of_plan(names: Iterable[str]) -> list[Unit]:
    """Make units of the names in a plan that are not yet known; a part of loading it, so it leaves no record of its own."""
    known = set(Unit.objects.values_list("name", flat=True))
    new = []
    for name in dict.fromkeys(names):
        if name not in known:
            division = division_of(name)
            kind = Unit.Kind.GOVERNMENT if division else Unit.Kind.DEPARTMENT
            new.append(Unit(name=name, kind=kind, division=division))
    return Unit.objects.bulk_create(new)


def add_enterprise(actor: Actor, name: str, code: str) -> Unit:
    """Add an enterprise or laboratory by its unified social credit code; raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    code = credit_code(code)
    with transaction.atomic():
        if Unit.objects.filter(name=name).exists() or Unit.objects.filter(credit_code=code).exists():
            raise Refused(Text(f"单位“{name}”或代码 {code} 已登记", f"unit {name!r} or code {code} is already there"))
        unit = Unit.objects.create(name=name, kind=Unit.Kind.ENTERPRISE, credit_code=code)
        append(actor, "identity.changed", f"unit:{code}", {"what": "added", "name": name})
    return unit


def check_enterprises(actor: Actor, path: Path) -> list[NewEnterprise]:
    """Read a table of enterprises and check every row, changing nothing. Raises `NotAllowed`, `BadInput`."""
    require(actor, "identity.edit")
    known = Unit.objects.values_list("name", "credit_code")
    return read_enterprises(path, {name for name, _ in known}, {code for _, code in known if code})


def add_enterprises(actor: Actor, path: Path) -> list[Unit]:
    """Add the enterprises of a table, all or none; each is evidence. Raises `NotAllowed`, `BadInput`."""
    require(actor, "identity.edit")
    with transaction.atomic():
        rows = check_enterprises(actor, path)
        added = Unit.objects.bulk_create(
            Unit(name=one.name, kind=Unit.Kind.ENTERPRISE, credit_code=one.credit_code) for one in rows
        )
        source = _source(path)
        append_all(
            actor,
            (
                Happening(
                    "identity.changed",
                    f"unit:{one.credit_code}",
                    {"what": "added", "name": one.name, **source, "row": one.row},
                )
                for one in rows
            ),
        )
    return added


def _source(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def rename_enterprise(actor: Actor, code: str, name: str) -> Unit:
    """Give an enterprise its new name; its code stays, as GB 32100 has it. Raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    with transaction.atomic():
        unit = Unit.objects.select_for_update().filter(credit_code=code).first()
        if unit is None:
            raise Refused(Text(f"没有代码为 {code} 的单位", f"there is no unit with the code {code}"))
        if Unit.objects.filter(name=name).exclude(pk=unit.pk).exists():
            raise Refused(Text(f"单位“{name}”已登记", f"unit {name!r} is already there"))
        before, unit.name = unit.name, name
        unit.save()
        append(actor, "identity.changed", f"unit:{code}", {"what": "renamed", "before": before, "name": name})
    return unit


def add_person(
    actor: Actor, username: str, name: str, role: Role, unit: str | None, *, with_password: bool = True
) -> tuple[Person, str]:
    """Add a person; returns them and their first password, which nothing keeps. Raises `NotAllowed`, `Refused`.

    Without a password (an empty one is returned) they sign in by a bound identity only.
    """
    require(actor, "identity.edit")
    if not LOGIN.fullmatch(username):
        raise Refused(
            Text(
                f"登录名“{username}”不合要求：以小写字母开头，由小写字母、数字和 . _ - 组成，2 至 60 位",
                f"login {username!r} won't do: 2 to 60 small letters, digits, . _ -, a letter first",
            )
        )
    if role is Role.PUBLIC:
        raise Refused(Text("公众无需登录", "the public needs no login"))
    with transaction.atomic():
        if Person.objects.filter(username=username).exists():
            raise Refused(Text(f"登录名“{username}”已有人使用", f"login {username!r} is taken"))
        person = Person(username=username, name=name, role=role.value, unit=_unit(role, unit))
        password = secrets.token_urlsafe(12) if with_password else ""
        person.set_password(password or None)
        person.save()
        body = {"what": "added", "role": role.value, "unit": unit}
        append(actor, "identity.changed", f"person:{username}", body)
    return person, password


def _unit(role: Role, name: str | None) -> Unit | None:
    if name is None:
        if role in UNIT_ROLES:
            raise Refused(Text(f"{role.words.zh}的人员须属于一个单位", f"people of a {role.words.en} belong to a unit"))
        return None
    unit = Unit.objects.filter(name=name).first()
    if unit is None:
        raise Refused(
            Text(
                f"没有单位“{name}”；方案载入后，其中的单位即在册，企业另行登记",
                f"there is no unit {name!r}; those of a plan are there once it is loaded, enterprises are added",
            )
        )
    return unit


def check_people(actor: Actor, path: Path) -> list[NewPerson]:
    """Read a table of people and check every row, changing nothing. Raises `NotAllowed`, `BadInput`."""
    require(actor, "identity.edit")
    logins = set(Person.objects.values_list("username", flat=True))
    return read_people(path, logins, set(Unit.objects.values_list("name", flat=True)))


def add_people(actor: Actor, path: Path) -> list[tuple[Person, str]]:
    """Add the people of a table, all or none; returns them with their first passwords, which nothing keeps.

    Each is evidence, without their name. Raises `NotAllowed`, `BadInput`.
    """
    # Digests of passwords are slow on purpose, so they are made before anybody has to wait for the store.
    passwords = [secrets.token_urlsafe(12) for _ in check_people(actor, path)]
    digests = [make_password(password) for password in passwords]
    with transaction.atomic():
        rows = check_people(actor, path)
        units = {unit.name: unit for unit in Unit.objects.filter(name__in={one.unit for one in rows})}
        added = Person.objects.bulk_create(
            Person(username=one.username, name=one.name, role=one.role.value, unit=units.get(one.unit), password=digest)
            for one, digest in zip(rows, digests, strict=True)
        )
        source = _source(path)
        append_all(
            actor,
            (
                Happening(
                    "identity.changed",
                    f"person:{one.username}",
                    {"what": "added", "role": one.role.value, "unit": one.unit or None, **source, "row": one.row},
                )
                for one in rows
            ),
        )
    return list(zip(added, passwords, strict=True))


def change_person(
    actor: Actor,
    username: str,
    *,
    role: Role | None = None,
    active: bool | None = None,
    name: str | None = None,
    unit: str | None = None,
) -> Person:
    """Change what is given of a person; it holds from their next request.

    ``active`` says whether they may sign in; ``unit`` is empty for none. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "identity.edit")
    with transaction.atomic():
        person = _person(username)
        before = (person.role, person.unit, person.is_active, person.name)
        if role is not None:
            person.role = role.value
        if unit is not None:
            person.unit = _unit(Role(person.role), unit) if unit else None
        if role is Role.PUBLIC or (Role(person.role) in UNIT_ROLES and person.unit is None):
            words = Role(person.role).words
            raise Refused(Text(f"“{username}”不能任{words.zh}", f"{username!r} can't be {words.en}"))
        if active is not None:
            person.is_active = active
        if name is not None:
            person.name = name
        if (person.role, person.unit, person.is_active, person.name) == before:
            return person
        person.save()
        body = {
            "what": "changed",
            "role": person.role,
            "unit": person.unit and person.unit.name,
            "active": person.is_active,
            "name": "changed" if person.name != before[3] else "kept",
        }
        append(actor, "identity.changed", f"person:{username}", body)
    return person


def bind_identity(actor: Actor, username: str, issuer: str, subject: str) -> Identity:
    """Let a person sign in by their identity at a provider of the site. Raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    known = sorted(one.issuer for one in settings.OIDC_PROVIDERS)
    if issuer not in known:
        listed = ", ".join(known)
        raise Refused(
            Text(
                f"本站未配置认证服务“{issuer}”；已配置：{listed or '无'}",
                f"{issuer!r} is no provider of this site; there are: {listed or 'none'}",
            )
        )
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise Refused(Text(f"sub 应为 1 至 {LONGEST_SUBJECT} 位", f"a subject has 1 to {LONGEST_SUBJECT} characters"))
    with transaction.atomic():
        person = _person(username)
        digest = keyed_digest(issuer, subject)
        if bound := Identity.objects.filter(digest=digest).select_related("person").first():
            login = bound.person.username
            raise Refused(Text(f"该身份已绑定“{login}”", f"that identity is bound to {login!r} already"))
        return _bind(actor, person, issuer, digest, by="subject")


def unbind_identity(actor: Actor, username: str, issuer: str) -> None:
    """Take back a person's identities at an issuer, from the next sign-in on. Raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    with transaction.atomic():
        person = _person(username)
        if not person.identities.filter(issuer=issuer).delete()[0]:
            raise Refused(Text(f"“{username}”在 {issuer} 没有绑定", f"{username!r} has no identity at {issuer}"))
        append(actor, "identity.changed", f"person:{username}", {"what": "identity unbound", "issuer": issuer})


def sign_in_by(provider: Provider, digest: str, login: str | None) -> Person:
    """Return whose identity at a provider this is; raises `Refused` where nobody may sign in by it.

    ``digest`` is of issuer and subject, ``login`` what the provider's login claim says. An identity that the office
    has not bound is bound to the person of that login at its first use, where the site trusts the claim; from then on
    nobody else at the provider is taken for them, whatever they are called there.
    """
    require(PUBLIC, "account.sign-in")
    with transaction.atomic():
        if bound := Identity.objects.filter(digest=digest).select_related("person").first():
            person = bound.person
        else:
            person = _person_of_claim(provider, digest, login)
        if not person.is_active:
            raise Refused(Text(f"“{person.username}”已停用", f"{person.username!r} may sign in no longer"))
    return person


def _person_of_claim(provider: Provider, digest: str, login: str | None) -> Person:
    people = Person.objects.select_for_update().filter(username=login or "", is_active=True)
    person = people.first() if provider.login_claim else None
    if person is None:
        raise Refused(
            Text(
                "您的身份在本系统没有对应的人员：人员由推进办公室添加并绑定，请与其联系",
                "your identity belongs to nobody here: people are added and bound by the programme office, ask it",
            )
        )
    held = set(person.identities.filter(issuer=provider.issuer).values_list("digest", flat=True))
    if digest in held:  # a first sign-in beside this one was first
        return person
    if held:
        raise Refused(
            Text(
                f"“{person.username}”在该认证服务已绑定另一身份，请联系推进办公室",
                f"{person.username!r} is bound to another identity at this provider: ask the programme office",
            )
        )
    _bind(person.actor, person, provider.issuer, digest, by=provider.login_claim)
    return person


def _bind(actor: Actor, person: Person, issuer: str, digest: str, *, by: str) -> Identity:
    made = Identity.objects.create(person=person, issuer=issuer, digest=digest)
    body = {"what": "identity bound", "issuer": issuer, "identity": made.pk, "by": by}
    append(actor, "identity.changed", f"person:{person.username}", body)
    return made


def issue_key(actor: Actor, username: str, scopes: Collection[str], days: int) -> tuple[Key, str]:
    """Issue a key for a person's programs; returns it and its secret, which nothing keeps. Raises as `add_person`.

    ``scopes`` are actions; the key allows no more than them, and no more than the person's role does.
    """
    require(actor, "key.issue")
    unknown = sorted(set(scopes) - set(RULES))
    if unknown or not scopes:
        known = "、".join(RULES)
        raise Refused(
            Text(f"没有操作 {'、'.join(unknown)}；可选：{known}", f"no such actions: {unknown}; there are {known}")
        )
    if not 1 <= days <= LONGEST_KEY:
        raise Refused(Text(f"有效期应为 1 至 {LONGEST_KEY} 天", f"a key is valid for 1 to {LONGEST_KEY} days"))
    with transaction.atomic():
        person = _person(username)
        # 256 random bits need no slow hash.
        secret = f"dujiang_{secrets.token_urlsafe(32)}"
        expires = timezone.now() + timedelta(days=days)
        key = Key.objects.create(person=person, digest=_digest(secret), scopes=sorted(scopes), expires=expires)
        body = {
            "what": "key issued",
            "key": key.pk,
            "scopes": key.scopes,
            "expires": expires.isoformat(timespec="seconds"),
        }
        append(actor, "identity.changed", f"person:{username}", body)
    return key, secret


def revoke_key(actor: Actor, number: int) -> Key:
    """Revoke a key at once. Raises `NotAllowed`, `Refused`."""
    require(actor, "key.issue")
    with transaction.atomic():
        key = Key.objects.select_for_update().filter(pk=number, revoked=None).first()
        if key is None:
            raise Refused(Text(f"没有有效的密钥 {number}", f"there is no valid key {number}"))
        key.revoked = timezone.now()
        key.save()
        body = {"what": "key revoked", "key": key.pk}
        append(actor, "identity.changed", f"person:{key.person.username}", body)
    return key


def actor_by_key(secret: str) -> Actor | None:
    """Return who acts by a key; None where it is not known, expired or revoked, or its person may sign in no longer."""
    found = Key.objects.filter(digest=_digest(secret), revoked=None, expires__gt=timezone.now(), person__is_active=True)
    key = found.select_related("person__unit").first()
    return replace(key.person.actor, only=frozenset(key.scopes)) if key else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _person(username: str) -> Person:
    person = Person.objects.select_for_update().filter(username=username).first()
    if person is None:
        raise Refused(Text(f"没有登录名“{username}”", f"there is no login {username!r}"))
    return person
