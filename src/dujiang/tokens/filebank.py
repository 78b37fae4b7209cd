"""The voucher ledger of a gateway that runs alone: one SQLite file, which several processes share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.fernet import Fernet

from dujiang.keys import site_secret
from dujiang.tokens.bank import ALIVE, Batch, Exchange, Grant, LineName, PurseName, Tally, booked, granted
from dujiang.tokens.catalogue import Catalogue
from dujiang.tokens.prices import FEN

SCHEMA = """
CREATE TABLE IF NOT EXISTS voucher (
    id TEXT PRIMARY KEY, holder TEXT NOT NULL, amount INTEGER NOT NULL, held INTEGER NOT NULL DEFAULT 0,
    spent INTEGER NOT NULL DEFAULT 0, expires REAL NOT NULL, CHECK (held >= 0 AND spent >= 0 AND held + spent <= amount)
);
CREATE TABLE IF NOT EXISTS lease (
    key TEXT PRIMARY KEY, gateway TEXT NOT NULL, voucher TEXT NOT NULL REFERENCES voucher, holder TEXT NOT NULL,
    amount INTEGER NOT NULL, spent INTEGER NOT NULL DEFAULT 0, until REAL NOT NULL, open INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS lease_open ON lease (open, gateway);
CREATE TABLE IF NOT EXISTS carry (holder TEXT PRIMARY KEY, amount INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS line (
    key TEXT, model TEXT, day TEXT, requests INTEGER, failed INTEGER, counted INTEGER, abandoned INTEGER,
    prompt INTEGER, cached INTEGER, completion INTEGER, cost INTEGER, PRIMARY KEY (key, model, day)
);
CREATE TABLE IF NOT EXISTS gateway (name TEXT PRIMARY KEY, seen REAL NOT NULL, posted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS batch (
    gateway TEXT, first INTEGER, last INTEGER, digest TEXT, cost INTEGER, at REAL, PRIMARY KEY (gateway, first)
);
CREATE TABLE IF NOT EXISTS exchange (id TEXT PRIMARY KEY, key TEXT, at REAL, until REAL, content BLOB);
"""
# The names are constants.
_LINE = f"""
    INSERT INTO line VALUES (?, ?, ?, {", ".join("?" * len(Tally._fields))}) ON CONFLICT DO UPDATE SET
    {", ".join(f"{name} = {name} + excluded.{name}" for name in Tally._fields)}
"""  # noqa: S608


class Voucher(NamedTuple):
    """Money of a holder's, in micro-fen; ``expires`` in seconds since 1970."""

    id: str
    holder: str
    amount: int
    expires: float


class FileBank:
    """See `dujiang.tokens.bank.Bank`."""

    def __init__(self, path: Path, read: Callable[[], tuple[Any, Catalogue, Iterable[Voucher]]]) -> None:
        """Open the file; ``read`` returns the revision of what is configured, its catalogue and its vouchers."""
        self._path = path
        self._read = read
        self._gateway = ""
        self._seen = 0.0
        # A gateway calls from a thread of its own, one call at a time.
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        with self._transaction():
            for statement in SCHEMA.split(";"):
                self._database.execute(statement)
        self._catalogue = self._load()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _load(self) -> Catalogue:
        self._revision, catalogue, vouchers = self._read()
        with self._transaction():
            for one in vouchers:
                # A voucher that is made smaller keeps what is held and spent of it.
                self._database.execute(
                    """INSERT INTO voucher (id, holder, amount, expires) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
                    SET amount = max(excluded.amount, held + spent), expires = excluded.expires""",
                    (one.id, one.holder, one.amount // FEN * FEN, one.expires),
                )
        return catalogue

    def revision(self) -> Any:
        """See `Bank`."""
        self._catalogue = self._load() if (now := self._read()[0]) != self._revision else self._catalogue
        if time.time() - self._seen > ALIVE / 4:
            self._seen = time.time()
            self._database.execute(
                "INSERT INTO gateway (name, seen) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen = excluded.seen",
                (self._gateway, self._seen),
            )
        return now

    def catalogue(self) -> Catalogue:
        """See `Bank`."""
        return self._catalogue

    def share(self) -> int:
        """See `Bank`."""
        found = self._database.execute("SELECT count(*) FROM gateway WHERE seen > ?", (time.time() - ALIVE,))
        return max(1, int(found.fetchone()[0]))

    def resume(self, gateway: str) -> tuple[int, frozenset[str]]:
        """See `Bank`."""
        self._gateway = gateway
        self.revision()
        [posted] = self._database.execute("SELECT posted FROM gateway WHERE name = ?", (gateway,)).fetchone()
        leases = self._database.execute("SELECT key FROM lease WHERE gateway = ? AND open", (gateway,)).fetchall()
        return posted, frozenset(key for [key] in leases)

    def lease(self, gateway: str, key: str, purse: PurseName, least: int, most: int, until: float) -> Grant:
        """See `Bank`."""
        now = time.time()
        with self._transaction():
            overdue = "SELECT key FROM lease WHERE open AND until < ? AND holder = ?"
            for [old] in self._database.execute(overdue, (now, purse.holder)).fetchall():
                self._take_back(old)
            carry = self._pay(purse.holder, now)
            vouchers = self._vouchers(purse.holder, now)
            balance = sum(free for _, free in vouchers)
            others = "SELECT sum(amount - spent) FROM lease WHERE holder = ? AND open AND gateway <> ?"
            left = balance - carry + (self._database.execute(others, (purse.holder, gateway)).fetchone()[0] or 0)
            amount = granted(least + carry, most + carry, balance, self.share())
            for voucher, free in vouchers if amount else ():
                if part := min(amount, free):
                    # What was carried is the first that is spent of it.
                    self._database.execute("UPDATE voucher SET held = held + ? WHERE id = ?", (part, voucher))
                    self._database.execute(
                        "INSERT INTO lease (key, gateway, voucher, holder, amount, spent, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (key, gateway, voucher, purse.holder, part, carry, until),
                    )
                    self._carry(purse.holder, 0)
                    return Grant(part - carry, left - part + carry)
        return Grant(0, left)

    def _vouchers(self, holder: str, now: float) -> list[tuple[str, int]]:
        """Return the holder's vouchers with what is free of each, those that expire first before the others."""
        return self._database.execute(
            "SELECT id, amount - held - spent FROM voucher WHERE holder = ? AND expires > ? ORDER BY expires, id",
            (holder, now),
        ).fetchall()

    def _pay(self, holder: str, now: float) -> int:
        """Book whole fen that are carried, where there is money; returns what is carried on."""
        carry = self._carried(holder)
        for voucher, free in self._vouchers(holder, now) if carry >= FEN else ():
            if part := min(carry // FEN * FEN, free):
                self._database.execute("UPDATE voucher SET spent = spent + ? WHERE id = ?", (part, voucher))
                carry -= part
                self._carry(holder, carry)
        return carry

    def extend(self, keys: list[str], until: float) -> list[str]:
        """See `Bank`."""
        now = time.time()
        with self._transaction():
            return [
                key
                for key in keys
                if self._database.execute(
                    "UPDATE lease SET until = ? WHERE key = ? AND open AND until >= ?", (until, key, now)
                ).rowcount
            ]

    def post(self, batch: Batch) -> None:
        """See `Bank`."""
        with self._transaction():
            found = self._database.execute("SELECT posted FROM gateway WHERE name = ?", (batch.gateway,)).fetchone()
            posted = found[0] if found else 0
            if posted >= batch.last:
                return  # it was, and only the answer was lost
            if posted != batch.first - 1:
                raise ValueError(f"{batch.gateway}: records to {posted} are posted, not to {batch.first - 1}")
            self._database.executemany(_LINE, [(*name, *tally) for name, tally in batch.lines.items()])
            for key, amount in batch.spent.items():
                if not self._database.execute(
                    "UPDATE lease SET spent = spent + ? WHERE key = ? AND open", (amount, key)
                ).rowcount:
                    # Taken back before the gateway reported: the holder's next lease pays.
                    [holder] = self._database.execute("SELECT holder FROM lease WHERE key = ?", (key,)).fetchone()
                    self._carry(holder, self._carried(holder) + amount)
            for key in sorted(batch.closed):
                self._take_back(key)
            cost = sum(tally.cost for tally in batch.lines.values())
            self._database.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)",
                (batch.gateway, batch.first, batch.last, batch.digest, cost, time.time()),
            )
            self._database.execute(
                """INSERT INTO gateway (name, seen, posted) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET seen = excluded.seen, posted = excluded.posted""",
                (batch.gateway, time.time(), batch.last),
            )

    def _take_back(self, key: str) -> None:
        """Book what was spent of a lease, rounded down to fen, free the rest, and carry what is less than a fen."""
        row = self._database.execute(
            "SELECT voucher, holder, amount, spent FROM lease WHERE key = ? AND open", (key,)
        ).fetchone()
        if row is None:
            return
        voucher, holder, amount, spent = row
        whole, carry = booked(spent, self._carried(holder), amount)
        self._database.execute(
            "UPDATE voucher SET held = held - ?, spent = spent + ? WHERE id = ?", (amount, whole, voucher)
        )
        self._database.execute("UPDATE lease SET open = 0 WHERE key = ?", (key,))
        self._carry(holder, carry)

    def _carried(self, holder: str) -> int:
        found = self._database.execute("SELECT amount FROM carry WHERE holder = ?", (holder,)).fetchone()
        return found[0] if found else 0

    def _carry(self, holder: str, amount: int) -> None:
        self._database.execute("REPLACE INTO carry VALUES (?, ?)", (holder, amount))

    def keep(self, exchanges: list[Exchange]) -> None:
        """See `Bank`."""
        with self._transaction():
            cipher = self._cipher()
            self._database.executemany(
                "REPLACE INTO exchange VALUES (?, ?, ?, ?, ?)",
                [(one.id, one.key, one.at, one.until, cipher.encrypt(one.content)) for one in exchanges],
            )
            self._database.execute("DELETE FROM exchange WHERE until < ?", (time.time(),))

    def kept(self, key: str) -> list[Exchange]:
        """Return what is kept of a key's exchanges."""
        cipher = self._cipher()
        found = self._database.execute("SELECT * FROM exchange WHERE key = ? AND until >= ?", (key, time.time()))
        return [Exchange(one, key, at, until, cipher.decrypt(content)) for one, key, at, until, content in found]

    def _cipher(self) -> Fernet:
        return Fernet(site_secret(self._path.parent, "data-key", Fernet.generate_key))

    def statement(self) -> dict[LineName, Tally]:
        """Return the statement's lines."""
        found = self._database.execute("SELECT * FROM line ORDER BY day, key, model")
        return {LineName(*row[:3]): Tally(*row[3:]) for row in found}

    def vouchers(self) -> list[tuple[str, str, int, int, int]]:
        """Return each voucher's id, holder, amount, what is leased of it and what is booked as spent."""
        return self._database.execute("SELECT id, holder, amount, held, spent FROM voucher ORDER BY id").fetchall()

    def refused(self, gateway: str, counts: Mapping[tuple[str, str, str], int]) -> None:
        """See `Bank`: a gateway that runs alone counts them in its metrics."""

    def close(self) -> None:
        """See `Bank`."""
        self._database.close()
