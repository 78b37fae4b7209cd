"""Group commit: requests of concurrent callers share one transaction, so that they share what making it durable costs.

Callers queue. Whoever's turn it is carries out all that wait, his own among them; meanwhile the next ones gather. A
request is answered when its group is committed. A group is written as sets of rows; where that fails for a reason that
no answer foresaw, its members are written one by one, so that only the bad one fails.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any

from django.db import OperationalError, connection, transaction

from dujiang.evidence.actions import queue
from dujiang.identity.permission import NotAllowed
from dujiang.messages import Refused
from dujiang.vouchers import journal
from dujiang.vouchers.grants import open_accounts
from dujiang.vouchers.ledger import SETTLED, Book, Done, Member, Settle, Wanted

Answer = Done | Refused | NotAllowed
_MOST = 2000
"""Requests in a group, unless one caller brings more."""


@dataclass(eq=False, slots=True)
class _Call:
    """What one caller asks. ``woken`` is free when it is answered, or its caller's turn has come to write for all."""

    members: Sequence[Member]
    answers: list[Answer] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False
    woken: Lock = field(default_factory=Lock)


class _Queue:
    """Calls that wait, and whether a caller writes."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start with nobody waiting."""
        self._waiting: deque[_Call] = deque()
        self._written_for = False
        self._mutex = Lock()

    def join(self, call: _Call) -> bool:
        """Let a call wait; returns whether its caller is to write at once."""
        call.woken.acquire()
        with self._mutex:
            self._waiting.append(call)
            first, self._written_for = not self._written_for, True
            return first

    def leave(self, call: _Call) -> None:
        """Wait no longer, as somebody who is interrupted; if it was the caller's turn, it is the next one's."""
        with self._mutex:
            if call not in self._waiting:
                return
            self._waiting.remove(call)
        if not call.woken.locked():
            self.hand_over()

    def gathered(self) -> list[_Call]:
        """Return the calls that wait, up to a group's size."""
        calls: list[_Call] = []
        size = 0
        with self._mutex:
            while self._waiting and (not calls or size + len(self._waiting[0].members) <= _MOST):
                calls.append(self._waiting.popleft())
                size += len(calls[-1].members)
        return calls

    def hand_over(self) -> None:
        """Let the caller write who has waited longest, if any."""
        with self._mutex:
            self._written_for = bool(self._waiting)
            if self._waiting:
                self._waiting[0].woken.release()


_queue = _Queue()
# The threads that waited are not there in a child process.
os.register_at_fork(after_in_child=_queue.clear)


def submit(members: Sequence[Member]) -> list[Answer]:
    """Carry out requests in one transaction and answer each, by what was done or why not, when that is durable.

    A caller in a transaction of its own has them carried out in that one, alone: to wait for others would be to wait
    for itself.
    """
    call = _Call(members)
    if connection.in_atomic_block:
        return _carry_out([call])[0]
    if not _queue.join(call):
        try:
            call.woken.acquire()
        except BaseException:
            _queue.leave(call)
            raise
    if not call.done:
        # The one who has waited longest is in the group that it gathers.
        try:
            _commit(_queue.gathered())
        finally:
            _queue.hand_over()
    if call.error is not None:
        raise call.error
    return call.answers


def _commit(calls: list[_Call]) -> None:
    try:
        answers = _carry_out(calls)
    except BaseException as error:
        # A database that can't be reached or written fails all alike; what else fails is one member's doing.
        if len(calls) == 1 or isinstance(error, OperationalError) or not isinstance(error, Exception):
            for one in calls:
                _answered(one, error=error)
            if not isinstance(error, Exception):
                raise
            return
        for one in calls:
            _commit([one])
        return
    for one, given in zip(calls, answers, strict=True):
        _answered(one, given)


def _answered(call: _Call, answers: list[Answer] | None = None, error: BaseException | None = None) -> None:
    call.answers, call.error, call.done = answers or [], error, True
    if call.woken.locked():
        call.woken.release()


def _carry_out(calls: Sequence[_Call]) -> list[list[Answer]]:
    with transaction.atomic(), connection.cursor() as cursor:
        queue(cursor)
        at = datetime.now(UTC)
        members = [member for one in calls for member in one.members]
        book = _opened(cursor, members, at)
        answers = [[_answer(book, member) for member in one.members] for one in calls]
        journal.write(cursor, book.written, at)
    return answers


def _answer(book: Book, member: Member) -> Answer:
    try:
        return book.answer(*member)
    except (Refused, NotAllowed) as error:
        return error


def _opened(cursor: Any, members: Sequence[Member], at: datetime) -> Book:
    """Read what the requests concern, and let go of the holds that have outlasted their time."""
    now, day = journal.stamp(at), journal.day_of(at)
    requests = [request for _, request in members]
    over = journal.outlasted(cursor, now)
    holds = {**{one.key: one for one in over}, **journal.holds_by_key(cursor, [one.key for one in requests])}
    over = [holds[one.key] for one in over]
    new = [one for one in requests if isinstance(one, Wanted) and one.key not in holds]
    accounts = journal.accounts_of(cursor, {one.holder for one in new}, day) if new else {}
    parts = {part.account for one in holds.values() if one.state == "held" for part in one.parts}
    accounts.update(journal.accounts_by_id(cursor, parts - accounts.keys()))
    settling = {one.key for one in requests if isinstance(one, Settle)}
    paid = {(one.provider, one.unit) for one in (*holds.values(), *new) if one.key in settling}
    settled = [one.id for one in holds.values() if one.state == SETTLED and one.key in settling]
    book = Book(
        now,
        day,
        accounts,
        holds,
        journal.provider_accounts(cursor, paid),
        journal.shares_of(cursor, settled) if settled else {},
        partial(open_accounts, cursor, at),
        journal.next_hold(cursor) if new else 0,
    )
    book.expire(over)
    return book
