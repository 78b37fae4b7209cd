"""People who take part, and a challenge on a sample scenario."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from dujiang.identity.actions import add_enterprise, add_person
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Text
from dujiang.talent.competitions import actions
from dujiang.talent.competitions.models import Competition

OFFICE, AUDITOR = Actor("tester", Role.OFFICE), Actor("shen", Role.AUDITOR)
UNITS = {"甲公司": "9144030071526726XG", "乙公司": "91110000600037341L", "丙公司": "91310000607237339A"}
FIRMS = [Actor(f"p{number}", Role.ENTERPRISE, unit) for number, unit in enumerate(UNITS)]

BASELINE = b"def method(inputs):\n    return [{'mean': float(inputs['values'][0])}]\n"
GOOD = b"def method(inputs):\n    return [{'mean': inputs['values'].mean()}]\n"


def add_firms():
    for number, (name, code) in enumerate(UNITS.items()):
        add_enterprise(OFFICE, name, code)
        add_person(OFFICE, f"p{number}", f"人员{number}", Role.ENTERPRISE, name)


def challenge(found, engine, **changes):
    now = timezone.now()
    terms = {
        "code": "mean-2026", "title": Text("均值挑战赛", "The mean challenge"), "rules": "一队一单位。",
        "opens": now - timedelta(days=1), "closes": now + timedelta(days=1), "public_seeds": 3, "private_seeds": 3,
        "size": "small", "seconds": 20, "memory_mib": 512, "practice_seeds": [1], "prizes": 1,
    }  # fmt: skip
    return actions.call_challenge(OFFICE, found, engine, **{**terms, **changes})


def closed(competition):
    Competition.objects.filter(pk=competition.pk).update(closes=timezone.now())
    competition.refresh_from_db()
    return competition


def appeals_over(competition):
    Competition.objects.filter(pk=competition.pk).update(appeals_until=timezone.now())
    competition.refresh_from_db()
    return competition
