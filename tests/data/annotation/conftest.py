"""A unit with its people, and projects of theirs."""

import pytest

from annotating import BASE, LABELS, OFFICE, UNIT, table
from dujiang.identity.permission import Role


@pytest.fixture
def people(db):
    """Actors by login: the manager, three annotators and an adjudicator of the base, and a stranger."""
    # This file is read before Django is set up.
    from dujiang.data.annotation import actions
    from dujiang.identity.actions import units_of_plan
    from dujiang.identity.models import Person, Unit

    units_of_plan([UNIT, BASE, "别的单位"])
    actions.register_base(OFFICE, BASE, "provincial", "510300")
    places = {"manager": UNIT, "anna": BASE, "bo": BASE, "chen": BASE, "judge": BASE, "stranger": "别的单位"}
    # Made bare: a password that nobody uses costs a good part of a second.
    return {
        login: Person.objects.create(
            username=login, name=login, role=Role.ENTERPRISE.value, unit=Unit.objects.get(name=unit)
        ).actor
        for login, unit in places.items()
    }


@pytest.fixture
def opened(people, tmp_path):
    """Open a project with a guideline, its members, and items of some texts."""
    from dujiang.data.annotation import actions, intake

    def opens(texts=("好", "差", "一般"), code="p", kind="choice", labels=LABELS, **terms):
        terms = {"gold_share": 0, "unit": UNIT, "base": BASE, **terms}
        project = actions.open_project(people["manager"], code, "评论", kind, labels, **terms)
        actions.publish_guideline(people["manager"], project, "按语气判断。")
        for login in ("anna", "bo", "chen"):
            actions.add_member(people["manager"], project, login)
        actions.add_member(people["manager"], project, "judge", adjudicates=True)
        if texts:
            intake.add_items(people["manager"], project, table(tmp_path, texts))
        return project

    return opens
