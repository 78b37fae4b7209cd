"""Registering a data set: who may, and which terms go together."""

import pytest

from dujiang.data import actions
from dujiang.data.identifiers import well_formed
from dujiang.data.models import Dataset
from dujiang.evidence.models import Record
from dujiang.identity.actions import units_of_plan
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "省地震局")


@pytest.fixture(autouse=True)
def _units(db):
    units_of_plan(["省地震局", "科技厅"])


def registered(actor=LI, **more):
    facts = {"title_zh": "四川地震波形数据集", "owner": "省地震局", "basis": "collected", **more}
    return actions.register(actor, **facts)


def test_a_data_set_is_registered_by_its_owner_with_evidence():
    made = registered(keywords=["地震", " "], task=16)
    assert well_formed(made.identifier)
    assert made.keywords == ["地震"]
    record = Record.objects.get(sequence=made.evidence)
    assert (record.kind, record.subject, record.actor) == ("data.registered", made.identifier, "lead-unit:li")


@pytest.mark.parametrize(
    "actor", [Actor("x", Role.LEAD_UNIT, "科技厅"), Actor("x", Role.REVIEWER), Actor("x", Role.PUBLIC)]
)
def test_nobody_else_registers_it(actor):
    with pytest.raises(NotAllowed):
        registered(actor)
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"title_zh": " "},
        {"basis": "none"},
        {"grade": "secret"},
        {"owner": "没有的单位"},
        {"access": "open", "grade": "important"},
        {"access": "open", "sensitivity": "personal"},
    ],
)
def test_terms_that_do_not_hold_are_refused(wrong):
    with pytest.raises(Refused):
        registered(OFFICE, **wrong)
    assert not Dataset.objects.exists()
    assert not Record.objects.exists()
