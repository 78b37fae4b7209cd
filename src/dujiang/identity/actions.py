"""Keeping units and people: who may act for whom."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from django.db import transaction

from dujiang.evidence.actions import append
from dujiang.identity.codes import credit_code, division_of
from dujiang.identity.models import Person, Unit
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused, Text

_UNIT_ROLES = frozenset({Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY, Role.ENTERPRISE})
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,59}")


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
    try:
        code = credit_code(code)
    except ValueError as error:
        zh, en = str(error).split("\n")
        raise Refused(Text(zh, en)) from error
    with transaction.atomic():
        if Unit.objects.filter(name=name).exists() or Unit.objects.filter(credit_code=code).exists():
            raise Refused(Text(f"单位“{name}”或代码 {code} 已登记", f"unit {name!r} or code {code} is already there"))
        unit = Unit.objects.create(name=name, kind=Unit.Kind.ENTERPRISE, credit_code=code)
        append(actor, "identity.changed", f"unit:{code}", {"what": "added", "name": name})
    return unit


def add_person(actor: Actor, username: str, name: str, role: Role, unit: str | None) -> tuple[Person, str]:
    """Add a person; returns them and their first password, which nothing keeps. Raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    if not _USERNAME.fullmatch(username):
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
        password = secrets.token_urlsafe(12)
        person.set_password(password)
        person.save()
        body = {"what": "added", "role": role.value, "unit": unit}
        append(actor, "identity.changed", f"person:{username}", body)
    return person, password


def _unit(role: Role, name: str | None) -> Unit | None:
    if name is None:
        if role in _UNIT_ROLES:
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


def change_person(actor: Actor, username: str, *, role: Role | None = None, active: bool | None = None) -> Person:
    """Give a person another role, or let them sign in no longer; it holds from their next request. Raises `NotAllowed`, `Refused`."""
    require(actor, "identity.edit")
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(username=username).first()
        if person is None:
            raise Refused(Text(f"没有登录名“{username}”", f"there is no login {username!r}"))
        if role is not None:
            if role is Role.PUBLIC or (role in _UNIT_ROLES and person.unit is None):
                raise Refused(Text(f"“{username}”不能任{role.words.zh}", f"{username!r} can't be {role.words.en}"))
            person.role = role.value
        if active is not None:
            person.is_active = active
        person.save()
        body = {"what": "changed", "role": person.role, "active": person.is_active}
        append(actor, "identity.changed", f"person:{username}", body)
    return person
