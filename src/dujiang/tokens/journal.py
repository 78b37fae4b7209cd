"""The gateway's own log of holds and settlements: append-only, checksummed, synced in groups, replayed at the start.

A journal is a folder that one process holds (by a lock) and that is the identity of a gateway: a process that takes
over the folder of one that died goes on where it stopped. It is made of segments, each named by the number of its
first record. A record is a line: eight hex digits of CRC-32, a space, a JSON array whose first item says what it is.

The end of the last segment is mapped into memory, and its space is taken beforehand. So appending costs no call to the
system, and a record is the operating system's before anything is done that rests on it: a process killed at any moment
loses none. Syncing to disk runs beside, every `SYNC` seconds: a power cut can lose the records of that long, which
are then neither charged nor held, while the money leased for them stays set aside in the voucher ledger.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import secrets
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from dujiang.messages import BadInput, Text

SYNC = 0.01
"""Seconds between syncs; the records of that long are synced together."""
SEGMENT = 64 * 2**20
"""Bytes after which a new segment begins."""
AHEAD = 4 * 2**20
"""Bytes of space that are taken at a time."""


class Busy(Exception):
    """Another process holds the journal."""


class Journal:
    """A journal opened to append to. Use it from one thread."""

    def __init__(self, folder: Path) -> None:
        """Take the folder and cut off a torn last record; raises `Busy`, `BadInput` for a damaged record, OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Busy(str(folder)) from error
        self.name = _name(folder)
        """What the voucher ledger and the statements know this gateway by."""
        self.digest = hashlib.sha256()
        """Of the records appended since it was last replaced."""
        segments = self.segments()
        self.sequence = int(segments[-1].stem) - 1 if segments else 0
        """The number of the last record."""
        if segments:
            whole, records = _whole(segments[-1])
            os.truncate(segments[-1], whole)
            self.sequence += records
        self._open(segments[-1] if segments else self._path(1))
        self._dirty = threading.Event()
        self._turn = threading.Lock()
        self._closing = False
        self.failed: OSError | None = None
        """Why no more can be appended, if so."""
        self._syncer = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._syncer.start()

    def _path(self, first: int) -> Path:
        return self.folder / f"{first:020d}.log"

    def _open(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
        self._take_space()

    def _take_space(self) -> None:
        space = self._size + AHEAD
        os.posix_fallocate(self._file, 0, space)
        self._map = mmap.mmap(self._file, space)

    def _leave(self) -> None:
        """Give back the space that was not used, for good on disk."""
        self._map.close()
        os.truncate(self._file, self._size)
        os.fsync(self._file)
        os.close(self._file)

    def segments(self) -> list[Path]:
        """Return the segments, oldest first."""
        return sorted(self.folder.glob("[0-9]*.log"))

    def append(self, record: list[Any]) -> None:
        """Append a record; raises OSError where it can't be written whole, and ever after."""
        if self.failed:
            raise self.failed
        text = orjson.dumps(record)
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        end = self._size + len(line)
        if end > len(self._map):
            try:
                with self._turn:
                    self._take_space()
            except OSError as error:
                self.failed = error
                raise
        self._map[self._size : end] = line
        self.sequence += 1
        self._size = end
        self.digest.update(line)
        self._dirty.set()

    @property
    def full(self) -> bool:
        """Whether a new segment is due."""
        return self._size >= SEGMENT

    def rotate(self, checkpoint: list[Any]) -> None:
        """Begin a new segment with a record of all that replaying needs of what went before."""
        with self._turn:
            self._leave()
            self._open(self._path(self.sequence + 1))
        self.append(checkpoint)

    def drop(self, before: int, older_than: float) -> None:
        """Remove segments all of whose records are below a number and that nothing was written to since a time."""
        segments = self.segments()
        for path, following in pairwise(segments):
            if int(following.stem) <= before and path.stat().st_mtime < older_than:
                path.unlink()

    def records(self, after: int = 0) -> Iterator[tuple[int, list[Any], bytes]]:
        """Yield number, record and line of the last segment and of any before that holds a number above ``after``.

        Raises `BadInput` for a damaged record or a missing segment.
        """
        segments = self.segments()
        firsts = [int(path.stem) for path in segments]
        start = max((n for n, first in enumerate(firsts) if first <= after + 1), default=0)
        number = firsts[start] if firsts else 1
        for path, first in zip(segments[start:], firsts[start:], strict=True):
            if first != number:
                raise BadInput(path, expected=Text(f"自第 {number} 条起的文件", f"the segment from record {number}"))
            for row, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
                if line[:1] == b"\0":
                    break  # space taken and not used
                yield number, _record(line, path, row), line
                number += 1

    def _sync(self) -> None:
        while not self._closing:
            self._dirty.wait()
            self._dirty.clear()
            try:
                with self._turn:
                    os.fdatasync(self._file)
            except OSError as error:
                self.failed = error
            time.sleep(SYNC)

    def close(self) -> None:
        """Sync, and give the folder up."""
        self._closing = True
        self._dirty.set()
        self._syncer.join()
        self._leave()
        os.close(self._lock)


def _name(folder: Path) -> str:
    path = folder / "name"
    if not path.exists():
        made = folder / "name.new"
        made.write_text(f"gw-{secrets.token_hex(5)}", encoding="ascii")
        made.replace(path)
    return path.read_text(encoding="ascii")


def _whole(path: Path) -> tuple[int, int]:
    """Return the bytes and the number of the whole records of a segment; only its last may be torn."""
    data = path.read_bytes()
    data = data[: data.find(b"\0")] if b"\0" in data else data
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines(keepends=True)
    for row, line in enumerate(lines, 1):
        try:
            _record(line, path, row)
        except BadInput:
            # A block that never reached the disk reads as zeros or as a part of a line: it can only be the last.
            if row == len(lines):
                return end - len(line), row - 1
            raise
    return end, len(lines)


def _record(line: bytes, path: Path, row: int) -> list[Any]:
    text = line[9:-1]
    if line[:9] != b"%08x " % zlib.crc32(text) or line[-1:] != b"\n":
        raise BadInput(
            path,
            row=row,
            expected=Text("校验和相符的记录", "a record that matches its checksum"),
            found=line[:40].decode("ascii", "replace"),
            remedy=Text("请从备份恢复该文件", "restore the file from a backup"),
        )
    record = orjson.loads(text)
    assert isinstance(record, list)
    return record


def take(folder: Path) -> Journal:
    """Take the first journal below a folder that no process holds, making one where all are held."""
    number = 1
    while True:
        try:
            return Journal(folder / f"{number:02d}")
        except Busy:
            number += 1
