"""Appending evidence, and signing where it stands. Nothing else writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import get_default_timezone

from dujiang.evidence.chain import GENESIS, Checkpoint, Entry, canonical, seal
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, require
from dujiang.keys import site_secret

_LOCK = 0x64756A69
"""Key of PostgreSQL's advisory lock that makes appending one at a time ("duji")."""
_BATCH = 5000
_COLUMNS = ", ".join(Entry._fields)
_TALLY = """
    INSERT INTO evidence_tally (month, kind, subject, count, first, last) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (kind, month, subject)
    DO UPDATE SET count = evidence_tally.count + excluded.count, last = excluded.last
"""


class Happening(NamedTuple):
    """What is to be recorded."""

    kind: str
    subject: str
    body: Mapping[str, Any]


def append(actor: Actor, kind: str, subject: str, body: Mapping[str, Any]) -> Entry:
    """Append one record; see `append_all`."""
    return append_all(actor, [Happening(kind, subject, body)])[0]


def append_all(actor: Actor, happenings: Iterable[Happening], *, now: datetime | None = None) -> list[Entry]:
    """Append records in one transaction (the caller's, if there is one) and return them.

    Safe under concurrent writers: SQLite's transactions are IMMEDIATE, on PostgreSQL an advisory lock is held to the
    end of the transaction. All records of a call bear the same time. Raises ValueError for a kind that is not
    declared, a body that JSON can't hold, or a field with a line break.
    """
    at = now or datetime.now(UTC)
    time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # Everybody on the site reads the month on the same clock, which is not UTC's.
    month = at.astimezone(get_default_timezone()).strftime("%Y-%m")
    with transaction.atomic(), connection.cursor() as cursor:
        queue(cursor)
        cursor.execute("SELECT sequence, digest FROM evidence_record ORDER BY sequence DESC LIMIT 1")
        sequence, head = cursor.fetchone() or (0, GENESIS)
        entries: list[Entry] = []
        for kind, subject, body in happenings:
            if kind not in KINDS:
                raise ValueError(f"{kind!r} is not a kind of evidence: declare it in dujiang.evidence.kinds")
            sequence += 1
            text = canonical(body)
            digest = seal(sequence, time, str(actor), kind, subject, text, head, settings.EVIDENCE_DIGEST)
            entries.append(Entry(sequence, time, str(actor), kind, subject, text, head, digest))
            head = digest
        marks = ", ".join(["%s"] * len(Entry._fields))
        cursor.executemany(f"INSERT INTO evidence_record ({_COLUMNS}) VALUES ({marks})", entries)
        cursor.executemany(_TALLY, _tallies(month, entries))
    return entries


def queue(cursor: Any) -> None:
    """Wait for one's turn to append, until the end of the transaction that one is in.

    A writer that locks rows of its own before it appends calls this first, so that no two wait for each other.
    """
    if connection.vendor == "postgresql":
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _tallies(month: str, entries: list[Entry]) -> list[tuple[str, str, str, int, int, int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        for subject in ("", entry.subject) if KINDS[entry.kind].by_subject else ("",):
            group = groups.setdefault((entry.kind, subject), [0, entry.sequence, 0])
            group[0] += 1
            group[2] = entry.sequence
    return [(month, kind, subject, *group) for (kind, subject), group in groups.items()]


def stored() -> Iterator[tuple[Any, ...]]:
    """Yield every record as stored (the columns of `Entry`), in order, without holding them all in memory."""
    sql = f"SELECT {_COLUMNS} FROM evidence_record ORDER BY sequence"
    if connection.vendor == "postgresql":
        # A named cursor streams; it needs a transaction.
        with transaction.atomic():
            connection.ensure_connection()
            with connection.connection.cursor(name="evidence") as cursor:
                cursor.itersize = _BATCH
                cursor.execute(sql)
                yield from cursor
    else:
        with closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(_BATCH):
                yield from rows


def checkpoint(actor: Actor) -> Checkpoint:
    """Sign where the chain stands, by the site's key; raises LookupError where there is no record yet."""
    require(actor, "evidence.checkpoint")
    last = Record.objects.order_by("-sequence").first()
    if last is None:
        raise LookupError("还没有任何记录\nthere is no record yet")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = Checkpoint.sign(last.sequence, last.digest, now, site_key())
    append(actor, "evidence.checkpointed", str(last.sequence), signed.as_json())
    return signed


def site_key() -> Ed25519PrivateKey:
    """Return the site's signing key, made at first use, readable by its owner alone."""
    pem = site_secret(settings.HOME, "evidence-ed25519.pem", _new_key)
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("keys/evidence-ed25519.pem is not an Ed25519 key")
    return key


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
