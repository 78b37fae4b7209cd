"""The ledger of a site's gateways: leases are holds of the site's vouchers, statements are rows of its database.

A lease is noted before the vouchers are asked, and a closed one is paid after the statement is committed, each by its
key: whenever the process dies in between, the next one that acts for the gateway finishes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import close_old_connections, connections, transaction
from django.db.models import F, Sum
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused
from dujiang.safety.actions import barred, refused_by_gateway
from dujiang.tokens.actions import PRODUCT
from dujiang.tokens.bank import ALIVE, Batch, Exchange, Grant, LineName, PurseName, Tally, booked, granted
from dujiang.tokens.catalogue import Catalogue
from dujiang.tokens.catalogue import Model as Offered
from dujiang.tokens.counting import Limits
from dujiang.tokens.filters import Filter
from dujiang.tokens.keys import Key as HoldersKey
from dujiang.tokens.models import Carry, Gateway, Key, Lease, Line, Model, Revision
from dujiang.tokens.models import Exchange as Kept
from dujiang.tokens.prices import FEN, PriceList
from dujiang.tokens.prices import Price as Fens
from dujiang.tokens.upstreams import Upstream as Service
from dujiang.vouchers import actions as vouchers

GATEWAY = Actor("gateway", Role.OFFICE)
SEEN = 2.0
"""Seconds between notes that a gateway is alive."""


class SiteBank:
    """See `dujiang.tokens.bank.Bank`."""

    def __init__(self) -> None:
        require(GATEWAY, "token.meter")
        self._gateway = ""
        self._seen = 0.0

    def revision(self) -> Any:
        """See `Bank`."""
        close_old_connections()
        if self._gateway and time.monotonic() - self._seen > SEEN:
            Gateway.objects.filter(name=self._gateway).update(seen=datetime.now(UTC))
            self._seen = time.monotonic()
        # Filings and sandboxes begin and end with a day, without anybody changing anything.
        return Revision.objects.values_list("number", flat=True).first(), timezone.localdate()

    def catalogue(self) -> Catalogue:
        """See `Bank`."""
        offered = Model.objects.filter(offered=True).prefetch_related("upstreams", "prices")
        keys = Key.objects.filter(revoked=None, expires__gt=datetime.now(UTC))
        unfiled = barred(one.name for one in offered if one.public)
        return Catalogue(
            {one.name: _offered(one, unfiled.get(one.name)) for one in offered}, {one.digest: _key(one) for one in keys}
        )

    def share(self) -> int:
        """See `Bank`."""
        return max(1, Gateway.objects.filter(seen__gt=datetime.now(UTC) - timedelta(seconds=ALIVE)).count())

    def resume(self, gateway: str) -> tuple[int, frozenset[str]]:
        """See `Bank`."""
        self._gateway = gateway
        row, _ = Gateway.objects.update_or_create(name=gateway, defaults={"seen": datetime.now(UTC)})
        self._pay()
        leases = Lease.objects.filter(gateway=gateway, state=Lease.State.OPEN)
        return row.posted, frozenset(leases.values_list("key", flat=True))

    def lease(self, gateway: str, key: str, purse: PurseName, least: int, most: int, until: float) -> Grant:
        """See `Bank`."""
        balance = vouchers.balance(purse.holder, PRODUCT) * FEN
        elsewhere = Lease.objects.filter(holder=purse.holder, state=Lease.State.OPEN).exclude(gateway=gateway)
        left = balance + (elsewhere.aggregate(sum=Sum(F("amount") - F("spent")))["sum"] or 0)
        with transaction.atomic():
            carry = self._take_carry(purse)
            amount = granted(least + carry, most + carry, balance, self.share())
            if amount:
                # What was carried is the first that is spent of it.
                Lease.objects.create(
                    key=key, gateway=gateway, holder=purse.holder, provider=purse.provider, amount=amount, spent=carry
                )
            else:
                self._add_carry(purse, carry)
        if not amount:
            return Grant(0, left - carry)
        try:
            vouchers.hold(
                GATEWAY, key=key, holder=purse.holder, product=PRODUCT, provider=purse.provider,
                amount=amount // FEN, until=datetime.fromtimestamp(until, UTC),
            )  # fmt: skip
        except Refused:
            # Another took it between the two looks.
            with transaction.atomic():
                Lease.objects.filter(key=key).delete()
                self._add_carry(purse, carry)
            return Grant(0, left - carry)
        return Grant(amount - carry, left - amount)

    def extend(self, keys: list[str], until: float) -> list[str]:
        """See `Bank`."""
        at = datetime.fromtimestamp(until, UTC)
        answers = vouchers.extend_all(GATEWAY, [(key, at) for key in keys])
        return [key for key, answer in zip(keys, answers, strict=True) if not isinstance(answer, Exception)]

    def post(self, batch: Batch) -> None:
        """See `Bank`."""
        with transaction.atomic():
            row = Gateway.objects.select_for_update().get(name=batch.gateway)
            if row.posted < batch.last:
                if row.posted != batch.first - 1:
                    raise ValueError(f"{batch.gateway}: records to {row.posted} are posted, not to {batch.first - 1}")
                self._book(batch)
                row.posted, row.seen = batch.last, datetime.now(UTC)
                row.save()
        self._pay()

    def _book(self, batch: Batch) -> None:
        for name, tally in batch.lines.items():
            _add(name, tally)
        for key, amount in batch.spent.items():
            if not Lease.objects.filter(key=key, state=Lease.State.OPEN).update(spent=F("spent") + amount):
                # Closed before the gateway reported: the holder's next lease pays.
                gone = Lease.objects.get(key=key)
                self._add_carry(PurseName(gone.holder, gone.provider), amount)
        for lease in Lease.objects.select_for_update().filter(key__in=batch.closed, state=Lease.State.OPEN):
            purse = PurseName(lease.holder, lease.provider)
            lease.booked, rest = booked(lease.spent, self._take_carry(purse), lease.amount)
            lease.state = Lease.State.CLOSING
            lease.save()
            self._add_carry(purse, rest)
        total = Tally()
        for tally in batch.lines.values():
            total = total.plus(tally)
        body = {"first": batch.first, "last": batch.last, "digest": f"sha256:{batch.digest}", **total._asdict()}
        append(GATEWAY, "token.settled", batch.gateway, body)

    def _pay(self) -> None:
        """Let the vouchers pay what leases of this gateway have come to; again, where it is not known whether they did."""
        closing = list(Lease.objects.filter(gateway=self._gateway, state=Lease.State.CLOSING))
        if not closing:
            return
        answers = vouchers.settle_all(GATEWAY, [(one.key, one.booked // FEN) for one in closing])
        for lease, answer in zip(closing, answers, strict=True):
            with transaction.atomic():
                mine = Lease.objects.filter(key=lease.key, state=Lease.State.CLOSING).update(state=Lease.State.CLOSED)
                if mine and isinstance(answer, Exception):
                    # The hold has ended, or there never was one: the holder's next lease pays.
                    self._add_carry(PurseName(lease.holder, lease.provider), lease.booked)

    @staticmethod
    def _take_carry(purse: PurseName) -> int:
        row, _ = Carry.objects.select_for_update().get_or_create(holder=purse.holder, provider=purse.provider)
        amount, row.amount = row.amount, 0
        row.save()
        return amount

    @staticmethod
    def _add_carry(purse: PurseName, amount: int) -> None:
        if amount:
            Carry.objects.filter(holder=purse.holder, provider=purse.provider).update(amount=F("amount") + amount)

    def keep(self, exchanges: list[Exchange]) -> None:
        """See `Bank`."""
        Kept.objects.bulk_create(
            [
                Kept(
                    id=one.id,
                    key_id=int(one.key),
                    at=datetime.fromtimestamp(one.at, UTC),
                    until=datetime.fromtimestamp(one.until, UTC),
                    content=one.content.decode(),
                )
                for one in exchanges
            ],
            ignore_conflicts=True,
        )
        Kept.objects.filter(until__lt=datetime.now(UTC)).delete()

    def refused(self, gateway: str, counts: Mapping[tuple[str, str, str], int]) -> None:
        """See `Bank`."""
        refused_by_gateway(GATEWAY, gateway, counts)

    def close(self) -> None:
        """See `Bank`."""
        connections.close_all()


def _add(name: LineName, tally: Tally) -> None:
    line, _ = Line.objects.select_for_update().get_or_create(key_id=int(name.key), model=name.model, day=name.day)
    for field, value in tally._asdict().items():
        setattr(line, field, getattr(line, field) + value)
    line.save()


def _offered(one: Model, open_to: frozenset[str] | None) -> Offered:
    prices = [(each.since.timestamp(), Fens(each.input, each.cached, each.output)) for each in one.prices.all()]
    return Offered(
        one.name,
        one.provider,
        Limits(one.context, one.output, one.overhead, one.image),
        PriceList(prices),
        tuple(_service(each) for each in one.upstreams.all()),
        one.label,
        open_to,
        Filter(one.refuse_words, one.refuse_patterns),
    )


def _service(one: Any) -> Service:
    return Service(
        one.name, one.url.rstrip("/"), one.secret, one.model, one.weight, one.rank, one.concurrency, one.connect,
        one.answer, one.usage,
    )  # fmt: skip


def _key(one: Key) -> HoldersKey:
    return HoldersKey(
        str(one.pk),
        one.digest,
        one.holder,
        frozenset(one.for_models),
        one.requests_a_minute,
        one.tokens_a_minute,
        one.expires.timestamp(),
        one.keep_days,
    )
