"""Keeping contents whole: fixity passes that mend one place from the other, and bringing a lost place back.

Like `actions`, each function asks permission and leaves evidence. A pass goes through the contents whose last check is the
longest ago; each batch is marked as checked, and told in evidence, in one transaction, so a pass that was killed goes on
where it stopped and nothing counts as checked that no evidence tells of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from dujiang.data import contents
from dujiang.data.actions import give_up_old_uploads
from dujiang.data.models import Content
from dujiang.data.sealing import Damaged
from dujiang.data.store import Place
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text

BATCH = 200
BATCH_BYTES = 1 << 30
SWEPT_AFTER = timedelta(days=1)
"""What nothing names is taken away once it is so old; the row of what was just stored is written within seconds."""


@dataclass
class Found:
    """What a pass found: contents and bytes read, those mended by place, those that no place has whole, those swept."""

    contents: int = 0
    bytes: int = 0
    mended: dict[str, list[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    swept: int = 0
    evidence: list[int] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Add what a batch found."""
        self.contents += other.contents
        self.bytes += other.bytes
        for place, keys in other.mended.items():
            self.mended.setdefault(place, []).extend(keys)
        self.lost += other.lost
        self.evidence += other.evidence


def fixity(actor: Actor, before: datetime, until: Callable[[], bool] = lambda: False) -> Found:
    """Check in every place what was not checked since ``before``, and mend what is damaged from a place that is whole.

    It ends early, between batches, once ``until`` says so. Then what nothing names is swept. Raises `NotAllowed`.
    """
    require(actor, "data.keep")
    places = _places()
    found = Found()
    # What this pass has checked is not due again in it.
    due = Content.objects.filter(Q(checked=None) | Q(checked__lt=min(before, timezone.now())))
    seen: set[str] = set()
    while not until() and (batch := _batch(due.exclude(key__in=seen) if seen else due)):
        made = _checked(batch, places)
        _record(actor, "checked", places, batch, made)
        seen |= set(made.lost)  # stays due, for the next pass
        found.add(made)
    found.swept = _sweep(places)
    give_up_old_uploads()
    return found


def restore(actor: Actor) -> Found:
    """Bring all contents back into the store from the second place, and prove each by its digest.

    What the store has whole stays. Killed, the same call goes on. Raises `NotAllowed`, `Refused` where there is no second
    place.
    """
    require(actor, "data.keep")
    places = _places()
    if len(places) < 2:
        raise Refused(Text("没有设置备份（DUJIANG_DATA_BACKUP）", "the site has no second place (DUJIANG_DATA_BACKUP)"))
    found = Found()
    last = ""
    while batch := _batch(Content.objects.filter(key__gt=last).order_by("key"), ordered=True):
        made = _checked(batch, places, only=places[0])
        _record(actor, "restored", places, batch, made)
        found.add(made)
        last = batch[-1].key
    return found


def _places() -> list[Place]:
    return [contents.store(), *([second] if (second := contents.backup()) else [])]


def _batch(due: object, *, ordered: bool = False) -> list[Content]:
    rows: Iterator[Content] = (due if ordered else due.order_by(F("checked").asc(nulls_first=True), "key"))[:BATCH]  # type: ignore[attr-defined]
    batch: list[Content] = []
    total = 0
    for one in rows:
        batch.append(one)
        total += one.stored_bytes
        if total >= BATCH_BYTES:
            break
    return batch


def _checked(batch: list[Content], places: list[Place], only: Place | None = None) -> Found:
    """Read each content in each place, and mend it where another has it whole; ``only`` is the place to be mended."""
    found = Found()
    for content in batch:
        found.contents += 1
        found.bytes += content.stored_bytes
        if only is not None:
            bad = [] if only.sound(content.key) else [only]
            whole = [place for place in places if place is not only] if bad else [only]
        else:
            sound = [(place, place.sound(content.key)) for place in places]
            bad, whole = [place for place, good in sound if not good], [place for place, good in sound if good]
        for place in bad:
            if any(_mended(content.key, place, other) for other in whole):
                found.mended.setdefault(str(place), []).append(content.key)
            else:
                found.lost.append(content.key)
                break
    return found


def _mended(key: str, place: Place, whole: Place) -> bool:
    """Whether a content was brought to a place from another, and is there, by its digest, now."""
    try:
        place.put(key, whole.blocks(key))
    except (OSError, Damaged):
        return False
    return place.sound(key)


def _record(actor: Actor, what: str, places: list[Place], batch: list[Content], made: Found) -> None:
    now = timezone.now()
    manifest = "".join(f"{one.key} {one.stored_bytes}\n" for one in batch)
    body = {
        "what": what, "contents": made.contents, "bytes": made.bytes, "mended": made.mended, "lost": made.lost,
        "manifest": hashlib.sha256(manifest.encode()).hexdigest(),
    }  # fmt: skip
    with transaction.atomic():
        made.evidence.append(append(actor, "data.fixity", ", ".join(map(str, places)), body).sequence)
        good = Content.objects.filter(key__in=[one.key for one in batch if one.key not in made.lost])
        # A restoration has read one place alone.
        good.update(damage="", **({"checked": now} if what == "checked" else {}))
        Content.objects.filter(key__in=made.lost).update(checked=None, damage=f"{now:%Y-%m-%d %H:%M} 各处均已损坏")


def _sweep(places: list[Place]) -> int:
    """Take away what nothing names, once it is old."""
    swept = 0
    limit = timezone.now() - SWEPT_AFTER
    for place in places:
        old = [key for key, since in place.listing() if since < limit]
        for start in range(0, len(old), BATCH):
            keys = old[start : start + BATCH]
            for key in set(keys) - set(Content.objects.filter(key__in=keys).values_list("key", flat=True)):
                place.remove(key)
                swept += 1
    return swept
