"""The bytes of files: where they are kept, how they come there, and how they are read again. It asks nobody's leave."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from dujiang.data.models import Content, Distribution
from dujiang.data.sealing import Opened
from dujiang.data.staging import Arrived, Incoming
from dujiang.data.store import BLOCK, Place
from dujiang.keys import site_secret

log = logging.getLogger(__name__)


@cache
def _place(url: str) -> Place:
    return Place(url)


def store() -> Place:
    """Return the place of all contents."""
    return _place(settings.DATA_STORE)


def backup() -> Place | None:
    """Return the second place, None where the site has none."""
    return _place(settings.DATA_BACKUP) if settings.DATA_BACKUP else None


def secret() -> bytes:
    """Return the site's key for files that are sealed, 256 bits."""
    return site_secret(settings.HOME, "contents-key", lambda: AESGCM.generate_key(256))


def staged(token: str) -> Path:
    """Return where an upload's bytes lie while they come in: where they are kept, if that is a folder, so as to be moved."""
    return (store().folder or settings.HOME / "data") / "incoming" / token


def incoming(token: str, length: int, *, sealed: bool) -> Incoming:
    """Open what has come in of an upload; raises `staging.Busy`."""
    return Incoming(staged(token), length, secret() if sealed else None)


def keep(arrived: Arrived, *, sealed: bool) -> Content:
    """Keep a whole file in the store, and in the second place where it can be reached; its staged file stays.

    Bytes come before the row: killed between, there are bytes that nothing names, which a fixity pass sweeps. What the
    second place lacks, the next pass brings there.
    """
    store().take(arrived.path, arrived.stored_sha256)
    values = {
        "sha256": arrived.sha256, "bytes": arrived.bytes, "sealed": sealed, "stored_bytes": arrived.stored_bytes,
    }  # fmt: skip
    made, _ = Content.objects.get_or_create(key=arrived.stored_sha256, defaults=values)
    if second := backup():
        try:
            with arrived.path.open("rb") as file:  # a copy of its own, never a link to the same bytes
                second.put(arrived.stored_sha256, iter(lambda: file.read(BLOCK), b""))
        except Exception as error:  # whatever the client of that storage raises
            log.warning("%s: %s", second, error)
    return made


def open_content(content: Content) -> BinaryIO:
    """Open a content to be read from anywhere; raises `OSError` where it is in neither place, `sealing.Damaged`."""
    try:
        file = store().open(content.key)
    except OSError:
        if (second := backup()) is None:
            raise
        file = second.open(content.key)
    return Opened(file, secret()) if content.sealed else file  # type: ignore[return-value]


@contextmanager
def as_path(distribution: Distribution) -> Iterator[Path]:
    """Lay a file's bytes where a program can open them by path: the stored file itself, or a private copy for a while.

    The path has the suffix of the file's name only where it is a copy. Raises `LookupError` for a file without bytes here.
    """
    if distribution.content is None:
        raise LookupError(distribution.name)
    content = distribution.content
    if not content.sealed and (path := store().path(content.key)) and path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dujiang-") as folder:
        copy = Path(folder) / ("content" + Path(distribution.name).suffix)
        with open_content(content) as file, copy.open("xb") as out:
            while block := file.read(BLOCK):
                out.write(block)
        yield copy


@contextmanager
def under_its_name(distribution: Distribution) -> Iterator[Path]:
    """Lay a file's bytes as `as_path` does, under the name that it was deposited by, which says what kind it is."""
    with as_path(distribution) as path, tempfile.TemporaryDirectory(prefix="dujiang-") as folder:
        link = Path(folder) / distribution.name
        link.symlink_to(path.resolve())
        yield link
