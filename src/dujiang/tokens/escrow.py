"""Holds and settlements of one gateway process: its purses, its journal, and the ledger behind them.

Nothing here waits for the ledger but leasing more. A request's hold and its settlement are a line in the journal and
a few sums in memory; what was settled is posted to the ledger in batches, each once. The state at any moment is what
the journal's records make of an empty one, so a gateway that was killed goes on from its journal: requests that were
in flight are abandoned, which costs their holders nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, NamedTuple

from dujiang.tokens.bank import Bank, Batch, LineName, PurseName, Tally
from dujiang.tokens.budget import Lease, Purse
from dujiang.tokens.journal import Journal
from dujiang.tokens.prices import NOTHING, Usage

TERM = 3600.0
"""Seconds that a lease is for; it is extended in good time while it is used."""
MARGIN = 900.0
"""Seconds before its end from which a lease is not held from: longer than any request takes."""
IDLE = 5.0
"""Seconds after which a purse that nobody uses goes back to the ledger."""
DRY = 0.1
"""Seconds for which a ledger that had not enough is not asked for as much again."""
SITE_TIME = timezone(timedelta(hours=8))
"""Statements are by the day of the plan's clock, Asia/Shanghai, which has no summer time."""
log = logging.getLogger("dujiang.tokens")


class Held(NamedTuple):
    """A hold: whose, how much, by which key and for which model."""

    purse: PurseName
    amount: int
    key: str
    model: str


class Short(Exception):
    """There is not enough money; ``soon`` where what is held now may set it free."""

    def __init__(self, soon: bool) -> None:
        super().__init__()
        self.soon = soon


class Escrow:
    """The money of a gateway process. Use it from one thread, or one event loop."""

    def __init__(
        self,
        journal: Journal,
        bank: Bank,
        *,
        block: int,
        keep: float = 30 * 86400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Replay the journal, abandon what was in flight, and post what was not.

        ``block`` is how much is leased at a time, in micro-fen; ``keep`` for how many seconds segments of the journal
        stay after they were posted.
        """
        self.journal, self.bank, self._block, self._keep, self._clock = journal, bank, block, keep, clock
        self.purses: dict[PurseName, Purse] = {}
        self.holds: dict[int, Held] = {}
        self._owners: dict[str, PurseName] = {}
        self._ends: dict[PurseName, float] = {}
        self._lines: dict[LineName, list[int]] = {}
        self._spent: dict[str, int] = {}
        self._closed: set[str] = set()
        self._refilling: dict[PurseName, asyncio.Task[Any]] = {}
        self._dry: dict[PurseName, tuple[float, int, bool]] = {}
        self._day = (0.0, "")
        self._waiting: Batch | None = None
        self.thread = ThreadPoolExecutor(1, "bank")
        """Where the ledger is called from: one call at a time."""
        self._posted, leases = bank.resume(journal.name)
        self._next = 1
        self._replay()
        for number in list(self.holds):
            self.settle(number, 0, "", NOTHING, "abandoned")
        # Leased, but the gateway died before it noted so; or no longer leased, since it was away for too long.
        for key in leases ^ set(self._owners):
            self._close(key)
        self.post()

    def _replay(self) -> None:
        posted, digest = self._posted, hashlib.sha256()
        for number, record, line in self.journal.records(posted):
            if number == posted + 1:
                # What came before is posted already; only the state that it left is wanted.
                self._lines.clear()
                self._spent.clear()
                self._closed.clear()
            if number > posted:
                digest.update(line)
            self._apply(record)
        if self.journal.sequence <= posted:
            self._lines.clear()
            self._spent.clear()
            self._closed.clear()
        self.journal.digest = digest

    def _apply(self, record: list[Any]) -> None:
        what = record[0]
        if what == "hold":
            self._held(*record[1:])
            self._next = record[1] + 1
        elif what == "settle":
            self._settled(*record[1:])
        elif what == "lease":
            _, key, holder, provider, amount, until = record
            self._leased(PurseName(holder, provider), Lease(key, amount, until))
        elif what == "extend":
            self._extended(record[1], record[2])
        elif what == "close":
            self._drop(record[1])
        else:
            self._restore(record[1])

    def _restore(self, state: dict[str, Any]) -> None:
        """Take the state that a segment begins with."""
        self.purses.clear()
        self.holds.clear()
        self._owners.clear()
        self._next = state["next"]
        for key, holder, provider, amount, until, spent in state["leases"]:
            self._leased(PurseName(holder, provider), Lease(key, amount, until, spent))
        for record in state["holds"]:
            self._held(*record)

    def _state(self) -> dict[str, Any]:
        leases = [
            (lease.key, *name, lease.amount, lease.until, lease.spent)
            for name, purse in self.purses.items()
            for lease in purse.leases
        ]
        holds = [(number, *held.purse, *held[1:]) for number, held in self.holds.items()]
        return {"next": self._next, "leases": leases, "holds": holds}

    # Holding and settling: what every request does.

    def hold(self, name: PurseName, amount: int, key: str, model: str) -> int | None:
        """Hold an amount in memory and journal; returns its number, None where more must be leased first.

        Raises OSError where the journal can't be written.
        """
        now = self._clock()
        purse = self.purses.get(name)
        if purse is None:
            if amount:
                return None
            purse = self.purses[name] = Purse()  # what costs nothing needs no voucher
        elif amount and (amount > purse.free or now > self._ends.get(name, 0.0)):
            return None
        number = self._next
        self.journal.append(["hold", number, *name, amount, key, model])
        self._next = number + 1
        purse.hold(amount)
        purse.used = now
        self.holds[number] = Held(name, amount, key, model)
        if amount and purse.free < self._block // 4 and name not in self._refilling:
            self._prefetch(name)
        return number

    def settle(self, number: int, cost: int, upstream: str, usage: Usage, how: str) -> int:
        """Settle a hold, once, and return what was charged: the cost, but never more than was held.

        ``how`` says where the usage is from: ``reported``, ``counted``, ``failed`` (nothing was produced) or
        ``abandoned``. Raises KeyError for a hold that is settled or never was, OSError for the journal.
        """
        held = self.holds[number]
        charged = min(cost, held.amount)
        record = (number, charged, round(self._clock(), 3), held.key, held.model, upstream, *usage, how)
        self.journal.append(["settle", *record])
        self._settled(*record)
        return charged

    def _held(self, number: int, holder: str, provider: str, amount: int, key: str, model: str) -> None:
        name = PurseName(holder, provider)
        self.purses.setdefault(name, Purse()).hold(amount)
        self.holds[number] = Held(name, amount, key, model)

    def _settled(
        self,
        number: int,
        cost: int,
        at: float,
        key: str,
        model: str,
        _: str,
        prompt: int,
        cached: int,
        completion: int,
        how: str,
    ) -> None:
        held = self.holds.pop(number)
        for lease, part in self.purses[held.purse].settle(held.amount, cost):
            self._spent[lease.key] = self._spent.get(lease.key, 0) + part
            if lease.spent >= lease.amount and lease.key in self._owners:
                del self._owners[lease.key]
                self._closed.add(lease.key)
        name = (key, model, self._day_of(at))
        line = self._lines.get(name)  # type: ignore[call-overload]
        if line is None:
            line = self._lines[LineName(*name)] = [0] * len(Tally._fields)
        line[0] += 1
        if how != "reported":
            line[{"failed": 1, "counted": 2, "abandoned": 3}[how]] += 1
        line[4] += prompt
        line[5] += cached
        line[6] += completion
        line[7] += cost

    def _day_of(self, at: float) -> str:
        start = self._day[0]
        if not start <= at < start + 86400:
            midnight = datetime.fromtimestamp(at, SITE_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
            self._day = midnight.timestamp(), midnight.date().isoformat()
        return self._day[1]

    # Leasing.

    def _leased(self, name: PurseName, lease: Lease) -> None:
        self.purses.setdefault(name, Purse()).add(lease)
        self._owners[lease.key] = name
        self._note_end(name)

    def _find(self, key: str) -> Lease:
        return next(lease for lease in self.purses[self._owners[key]].leases if lease.key == key)

    def _drop(self, key: str) -> None:
        """Take a lease out of its purse, to be closed with the next batch."""
        if name := self._owners.pop(key, None):
            self.purses[name].remove(key)
            self._note_end(name)
        self._closed.add(key)

    async def hold_soon(self, name: PurseName, amount: int, key: str, model: str) -> int:
        """Hold an amount, leasing what is missing; raises `Short`, OSError."""
        for _ in range(20):
            number = self.hold(name, amount, key, model)
            if number is not None:
                return number
            task = self._refilling.get(name)
            if task is None:
                dry = self._dry.get(name)
                if dry and self._clock() < dry[0] and amount >= dry[1]:
                    raise Short(dry[2])
                task = self._prefetch(name, amount)
            await asyncio.shield(task)
        raise Short(True)

    def _prefetch(self, name: PurseName, amount: int = 1) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(self._refill(name, amount))
        self._refilling[name] = task
        task.add_done_callback(lambda _: self._refilling.pop(name, None))
        return task

    async def _refill(self, name: PurseName, amount: int) -> None:
        """Lease until ``amount`` is free, and a block more where there is one."""
        loop = asyncio.get_running_loop()
        purse = self.purses.setdefault(name, Purse())
        await self._extend([lease.key for lease in purse.leases])
        while True:
            key = f"{self.journal.name}-{secrets.token_hex(6)}"
            until = self._clock() + TERM
            least = max(1, amount - purse.free)
            lease = partial(self.bank.lease, self.journal.name, key, name, least, max(least, self._block), until)
            try:
                grant = await loop.run_in_executor(self.thread, lease)
            except Exception:
                log.exception("the voucher ledger does not lease")
                self._dry[name] = (self._clock() + DRY, 0, True)
                return
            if not grant.amount:
                soon = grant.left + purse.free + purse.held >= amount
                self._dry[name] = (self._clock() + DRY, amount, soon)
                return
            self._lease(name, key, grant.amount, until)
            if purse.free >= amount:
                return

    def _lease(self, name: PurseName, key: str, amount: int, until: float) -> None:
        self.journal.append(["lease", key, *name, amount, until])
        self._leased(name, Lease(key, amount, until))

    # What is done every now and then.

    @property
    def unposted(self) -> int:
        """How many records the ledger does not have yet."""
        return self.journal.sequence - self._posted

    def take_batch(self) -> Batch | None:
        """Return what is to be posted: the batch that could not be before, else what has come since."""
        if self._waiting is None and self.journal.sequence > self._posted and (self._lines or self._closed):
            lines = {name: Tally(*line) for name, line in self._lines.items()}
            self._waiting = Batch(
                self.journal.name,
                self._posted + 1,
                self.journal.sequence,
                self.journal.digest.hexdigest(),
                lines,
                self._spent,
                frozenset(self._closed),
            )
            self._lines, self._spent, self._closed = {}, {}, set()
            self.journal.digest = hashlib.sha256()
        return self._waiting

    def _was_posted(self, batch: Batch) -> None:
        self._posted, self._waiting = batch.last, None

    def post(self) -> None:
        """Post what is to be posted, now."""
        while batch := self.take_batch():
            self.bank.post(batch)
            self._was_posted(batch)

    async def tend(self, *, all_idle: bool = False) -> None:
        """Give back what is idle, extend what is in use, post, and begin a new segment of the journal where it is due."""
        loop = asyncio.get_running_loop()
        now = self._clock()
        for name, purse in list(self.purses.items()):
            if (all_idle or now - purse.used > IDLE) and name not in self._refilling:
                for lease in purse.idle():
                    self._close(lease.key)
        await self._extend([lease.key for purse in self.purses.values() for lease in purse.leases])
        for _ in range(2):  # one that could not be posted before, and what has come since
            if (batch := self.take_batch()) is None:
                break
            await loop.run_in_executor(self.thread, self.bank.post, batch)
            self._was_posted(batch)
        if self.journal.full:
            self.journal.rotate(["checkpoint", self._state()])
            self.journal.drop(self._posted, now - self._keep)

    async def _extend(self, keys: list[str]) -> None:
        """Extend those leases whose time runs out, and close those that the ledger does not extend."""
        now = self._clock()
        ending = [key for key in keys if self._find(key).until < now + TERM / 2]
        if not ending:
            return
        until = now + TERM
        extend = partial(self.bank.extend, ending, until)
        extended = set(await asyncio.get_running_loop().run_in_executor(self.thread, extend))
        mine = [key for key in ending if key in self._owners]
        if kept := [key for key in mine if key in extended]:
            self.journal.append(["extend", kept, until])
            self._extended(kept, until)
        for key in set(mine) - extended:
            self._close(key)

    def _extended(self, keys: list[str], until: float) -> None:
        for key in keys:
            self._find(key).until = until
            self._note_end(self._owners[key])

    def _note_end(self, name: PurseName) -> None:
        self._ends[name] = self.purses[name].ends() - MARGIN

    def _close(self, key: str) -> None:
        self.journal.append(["close", key])
        self._drop(key)

    async def close(self) -> None:
        """Give all back, when nothing is held any more, and close journal and ledger."""
        await asyncio.gather(*self._refilling.values())
        await self.tend(all_idle=True)
        self.thread.shutdown()
        self.journal.close()
        self.bank.close()
