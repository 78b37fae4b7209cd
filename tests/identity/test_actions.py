"""People and units: kept by the office, on record, and no name in the clear."""

import json

import pytest
from django.db import connection

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_enterprise, add_person, change_person, units_of_plan
from dujiang.identity.models import Person, Unit
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)


@pytest.fixture
def science(db):
    units_of_plan(["科技厅", "绵阳市政府", "科技厅"])
    return Unit.objects.get(name="科技厅")


def test_units_of_a_plan_are_made_once(science):
    assert units_of_plan(["科技厅", "教育厅"]) == [Unit.objects.get(name="教育厅")]
    assert Unit.objects.get(name="绵阳市政府").division == "510700"
    assert science.kind == "department"


def test_a_person_is_added_with_a_password_that_only_they_know(science):
    person, password = add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "科技厅")
    assert person.check_password(password)
    assert person.password.startswith("argon2$")
    assert Person.objects.get(username="li").actor == Actor("li", Role.LEAD_UNIT, "科技厅")
    body = Record.objects.order_by("-sequence").first()
    assert (body.kind, body.subject) == ("identity.changed", "person:li")
    assert json.loads(body.body) == {"what": "added", "role": "lead-unit", "unit": "科技厅"}


def test_names_are_encrypted_in_the_database(science):
    add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "科技厅")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM identity_person")
        [[stored]] = cursor.fetchall()
    assert "李" not in stored
    assert Person.objects.get(username="li").name == "李某某"
    assert "李" not in "".join(Record.objects.values_list("body", flat=True))


@pytest.mark.parametrize(
    ("username", "role", "unit", "said"),
    [
        ("Li", Role.OFFICE, None, "small letters"),
        ("l", Role.OFFICE, None, "small letters"),
        ("li\n", Role.OFFICE, None, "small letters"),
        ("li", Role.PUBLIC, None, "no login"),
        ("li", Role.LEAD_UNIT, None, "belong to a unit"),
        ("li", Role.CITY, "没有的单位", "no unit"),
        ("zhang", Role.OFFICE, None, "taken"),
    ],
)
def test_a_person_who_cannot_be_added_leaves_nothing(science, username, role, unit, said):
    add_person(OFFICE, "zhang", "", Role.OFFICE, None)
    before = Record.objects.count()
    with pytest.raises(Refused, match=said):
        add_person(OFFICE, username, "某", role, unit)
    assert (Person.objects.count(), Record.objects.count()) == (1, before)


def test_a_role_changes_and_a_person_is_shut_out(science):
    add_person(OFFICE, "li", "", Role.LEAD_UNIT, "科技厅")
    assert change_person(OFFICE, "li", role=Role.COOPERATING_UNIT).actor.role is Role.COOPERATING_UNIT
    assert change_person(OFFICE, "li", active=False).is_active is False
    with pytest.raises(Refused, match="no login"):
        change_person(OFFICE, "wang", active=False)
    with pytest.raises(Refused, match="can't be"):
        change_person(OFFICE, "li", role=Role.PUBLIC)


def test_enterprises_come_with_their_code(db):
    unit = add_enterprise(OFFICE, "某石油公司", "91110000600037341l")
    assert (unit.kind, unit.credit_code) == ("enterprise", "91110000600037341L")
    for name, code in (("某石油公司", "9144030071526726XG"), ("另一公司", "91110000600037341L"), ("错码公司", "1")):
        with pytest.raises(Refused):
            add_enterprise(OFFICE, name, code)
    assert Unit.objects.count() == 1


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OFFICE])
def test_nobody_else_keeps_people(db, role):
    somebody = Actor("somebody", role)
    for act in (
        lambda: add_person(somebody, "li", "", Role.OFFICE, None),
        lambda: change_person(somebody, "li", active=False),
        lambda: add_enterprise(somebody, "某公司", "91110000600037341L"),
    ):
        with pytest.raises(NotAllowed):
            act()
