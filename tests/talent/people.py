"""People, units and skills that the tests of talent share."""

from datetime import timedelta

from django.utils import timezone

from dujiang.identity.actions import add_enterprise, add_person
from dujiang.identity.permission import Actor, Role
from dujiang.talent import actions
from dujiang.talent.models import Skill
from dujiang.talent.terms import Purpose

OFFICE = Actor("tester", Role.OFFICE)
FIRM, OTHER = "某智算公司", "某石油公司"
FIRM_STAFF = Actor("hr", Role.ENTERPRISE, FIRM)
OTHER_STAFF = Actor("hr2", Role.ENTERPRISE, OTHER)
ALL = [one.value for one in Purpose]
LI = {
    "name": "李小明", "phone": "13800001111", "email": "Li@Example.org", "orcid": "0000-0002-1825-0097",
    "employer": FIRM, "born": "1990", "industry": "manufacturing", "level": "senior", "city": "成都市",
}  # fmt: skip


def units():
    add_enterprise(OFFICE, OTHER, "91110000600037341L")
    add_enterprise(OFFICE, FIRM, "9144030071526726XG")


def skills():
    vision = Skill.objects.create(
        uri="esco:vision", kind="skill", label_zh="机器视觉", label_en="computer vision", evidence=1
    )
    model = Skill.objects.create(
        uri="esco:ml", kind="knowledge", label_zh="机器学习", label_en="machine learning", alternatives="\nML\n统计学习\n", evidence=1
    )  # fmt: skip
    return vision, model


def individual(login="li"):
    return add_person(OFFICE, login, "某人", Role.INDIVIDUAL, None, with_password=False)[0].actor


def in_days(days):
    return timezone.localdate() + timedelta(days=days)


def recorded(login="li", purposes=ALL, **changed):
    return actions.record_self(
        individual(login), {**LI, **changed}, skills=["机器视觉"], purposes=purposes, until=in_days(365)
    )
