"""What a person is given next, among a million items, beside the plain query that looks for what they haven't answered."""

from __future__ import annotations

import time
from typing import Any

ITEMS = 1_000_000
DONE = 100_000
"""Items that the person has answered, and that wait for another's answer still."""
ASKED = 50


def rows() -> list[dict[str, Any]]:
    """Ask for the next item as the only annotator of a project that wants two, after many answers."""
    from dujiang.store import open_store

    open_store()
    from django.utils import timezone

    from dujiang.data.annotation import actions
    from dujiang.data.annotation.models import Assignment, Item, Project
    from dujiang.identity.actions import units_of_plan
    from dujiang.identity.models import Person, Unit
    from dujiang.identity.permission import Actor, Role

    office = Actor("bench", Role.OFFICE)
    units_of_plan(["数据局"])
    person = Person.objects.create(
        username="anna", name="安某", role=Role.ENTERPRISE.value, unit=Unit.objects.get(name="数据局")
    )
    project = actions.open_project(office, "bench", "评论", "choice", ["正面", "负面"], unit="数据局", gold_share=0)
    member = actions.add_member(office, project, "anna")
    made = (
        Item(project=project, key=str(n), text="好", position=n, slots=1 if n <= DONE else 2, given=n <= DONE)
        for n in range(1, ITEMS + 1)
    )
    Item.objects.bulk_create(made, batch_size=5000)
    now = timezone.now()
    answered = Item.objects.filter(project=project, position__lte=DONE).values_list("pk", flat=True)
    Assignment.objects.bulk_create(
        (
            Assignment(item_id=one, project=project, member=member, until=now, answer="正面", submitted=now)
            for one in answered.iterator()
        ),
        batch_size=5000,
    )
    Project.objects.filter(pk=project.pk).update(tail=ITEMS, answered=DONE)
    actor = person.actor
    # The first call passes what was answered before there was a cursor; that is what everybody else pays each time.
    actions.submit(actor, project, actions.next_item(actor, project).pk, "正面")
    started = time.perf_counter()
    for _ in range(ASKED):
        actions.submit(actor, project, actions.next_item(actor, project).pk, "正面")
    ours = (time.perf_counter() - started) / ASKED
    started = time.perf_counter()
    for _ in range(5):
        plain = project.items.filter(slots__gt=0).exclude(assignments__member=member).order_by("position").first()
    peer = (time.perf_counter() - started) / 5
    assert plain is not None
    return [
        {
            "bench": f"next item of {ITEMS:,}, and its answer taken, {DONE:,} answered before",
            "ours": 1000 * ours,
            "peer": 1000 * peer,
            "peer_name": "the look-up alone, by the same index without a cursor",
            "unit": "ms",
        }
    ]
