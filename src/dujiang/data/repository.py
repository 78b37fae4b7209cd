"""The catalogue's own data sets as OAI-PMH harvests them; what was harvested from others is had there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from dujiang.data import describing, duties
from dujiang.data.documents import TITLE
from dujiang.data.models import Dataset
from dujiang.data.oai import Item, Wanted
from dujiang.data.terms import Access, State

_OPEN = ("open", f"{Access.OPEN.words.zh} / {Access.OPEN.words.en}")


class Catalogue:
    """The data sets that were published, `oai.Repository`. Sets are those of a task of the plan, and what is open."""

    def __init__(self) -> None:
        self.name = f"都江 / Dujiang: {TITLE}"
        self.address = settings.DATA_ADDRESS.rstrip("/") + reverse("data-oai")
        self.domain = urlsplit(settings.DATA_ADDRESS).hostname or "localhost"
        self.email = settings.DATA_EMAIL or f"office@{self.domain}"

    def _held(self) -> QuerySet[Dataset]:
        held = Dataset.objects.filter(state__in=[State.PUBLISHED, State.WITHDRAWN], source_catalogue="")
        return held.select_related("owner").prefetch_related("versions__distributions")

    def earliest(self) -> datetime:
        """Return a time before which nothing changed."""
        first = self._held().order_by("changed").values_list("changed", flat=True).first()
        return first or datetime(2000, 1, 1, tzinfo=UTC)

    def sets(self) -> Sequence[tuple[str, str]]:
        """Return the sets: specification and name."""
        titles = dict(duties.task_titles())
        numbers = self._held().exclude(task=None).order_by("task").values_list("task", flat=True).distinct()
        return [_OPEN, *((f"task:{number}", titles.get(number, f"任务 {number}")) for number in numbers if number)]

    def item(self, identifier: str) -> Item | None:
        """Return the item of an identifier, None where there is none."""
        found = self._held().filter(identifier=identifier).first()
        return _item(found) if found else None

    def count(self, wanted: Wanted) -> int:
        """Return how many items are wanted."""
        return self._wanted(wanted).count()

    def items(self, wanted: Wanted, after: tuple[datetime, int] | None, most: int) -> Sequence[Item]:
        """Return wanted items in the order of (changed, number), those past ``after``."""
        found = self._wanted(wanted)
        if after:
            found = found.filter(Q(changed__gt=after[0]) | Q(changed=after[0], pk__gt=after[1]))
        return [_item(one) for one in found.order_by("changed", "pk")[:most]]

    def _wanted(self, wanted: Wanted) -> QuerySet[Dataset]:
        found = self._held()
        if wanted.since:
            found = found.filter(changed__gte=wanted.since)
        if wanted.before:
            found = found.filter(changed__lt=wanted.before)
        kind, _, number = wanted.set.partition(":")
        if wanted.set == _OPEN[0]:
            found = found.filter(access=Access.OPEN)
        elif kind == "task":
            found = found.filter(task=int(number)) if number.isdigit() and len(number) < 6 else found.exclude(task=None)
        elif wanted.set:
            found = found.none()
        return found


def _item(one: Dataset) -> Item:
    sets = (*([_OPEN[0]] if one.access == Access.OPEN else []), *([f"task:{one.task}"] if one.task else []))
    record = describing.record_of(one) if one.state == State.PUBLISHED else None
    return Item(one.pk, one.identifier, one.changed, sets, record)
