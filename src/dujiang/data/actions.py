"""Registering data sets, depositing versions of them, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dujiang.data.identifiers import mint
from dujiang.data.models import Dataset
from dujiang.data.terms import Access, Basis, Grade, Sensitivity
from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text


def register(
    actor: Actor,
    *,
    title_zh: str,
    owner: str,
    basis: str,
    title_en: str = "",
    description: str = "",
    publisher: str = "",
    grade: str = Grade.GENERAL,
    sensitivity: str = Sensitivity.NONE,
    access: str = Access.RESTRICTED,
    licence: str = "",
    keywords: Collection[str] = (),
    language: str = "zh",
    task: int | None = None,
    project: str = "",
    embargo_until: date | None = None,
) -> Dataset:
    """Register a data set of a unit's (``owner`` is its name) as a draft, with an identifier of its own.

    Raises `NotAllowed`; `Refused` where a term is not one of `terms`, or they do not go together.
    """
    require(actor, "data.register", [owner])
    facts = {
        "title_zh": title_zh.strip(), "title_en": title_en.strip(), "description": description.strip(),
        "publisher": publisher.strip(), "basis": basis, "grade": grade, "sensitivity": sensitivity, "access": access,
        "licence": licence.strip(), "keywords": [word for one in keywords if (word := one.strip())],
        "language": language, "task": task, "project": project.strip(), "embargo_until": embargo_until,
    }  # fmt: skip
    _check(facts)
    unit = Unit.objects.filter(name=owner).first()
    if unit is None:
        raise Refused(Text(f"没有单位“{owner}”", f"there is no unit {owner!r}"))
    with transaction.atomic():
        identifier = mint(settings.DATA_PREFIX)
        while Dataset.objects.filter(identifier=identifier).exists():
            identifier = mint(settings.DATA_PREFIX)
        body = {"what": "registered", "owner": owner, **facts, "embargo_until": embargo_until and str(embargo_until)}
        evidence = append(actor, "data.registered", identifier, body).sequence
        return Dataset.objects.create(
            identifier=identifier, owner=unit, registered_by=actor.name, changed=timezone.now(), evidence=evidence, **facts
        )  # fmt: skip


def _check(facts: dict[str, object]) -> None:
    """Raise `Refused` for the first fact about a data set that can't be."""
    for name, kind in (("basis", Basis), ("grade", Grade), ("sensitivity", Sensitivity), ("access", Access)):
        if facts[name] not in set(kind):
            known = "、".join(kind)
            raise Refused(Text(f"{name}“{facts[name]}”应为 {known} 之一", f"{name} {facts[name]!r}: one of {known}"))
    if not facts["title_zh"]:
        raise Refused(Text("缺少中文名称", "a title in Chinese is missing"))
    if facts["access"] == Access.OPEN and (facts["grade"], facts["sensitivity"]) != (Grade.GENERAL, Sensitivity.NONE):
        raise Refused(
            Text(
                "重要、核心数据和个人信息不得无条件共享",
                "important or core data and personal information are never open",
            )
        )
