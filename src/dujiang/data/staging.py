"""What has come in of a file that is not whole yet: it lies in a file of its own that nobody reads but its upload.

How much has come in is what that file holds, so a process that was killed leaves nothing to be put right. Where the
content is to be sealed it is sealed as it comes: plain bytes never lie on disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from dujiang.data.sealing import CHUNK, HEADER, OVERHEAD, Cipher, Damaged, Opened, header

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK = 1 << 20
_KEPT = 64
_STEP = CHUNK + OVERHEAD


class Busy(RuntimeError):
    """Somebody else is writing to the same upload."""


class Arrived(NamedTuple):
    """A whole file: digest and length of its content, and of the staged file that holds it."""

    path: Path
    sha256: str
    bytes: int
    stored_sha256: str
    stored_bytes: int


# Digests can't be stored half-way. A process keeps those of its latest uploads by their file as it left it; where the
# next part goes to another process, the file is read once more at the end.
_hashes: OrderedDict[Path, tuple[tuple[int, ...], _Hash, _Hash]] = OrderedDict()


class Incoming:
    """An upload's file of which ``length`` bytes will come in all; a ``secret`` seals it. One process at a time has it.

    Raises `Busy`. While a part comes in whose checksum is known, `expect` keeps what was there before it on record: should
    the part not be right, or its process be killed, nothing of it stays.
    """

    def __init__(self, path: Path, length: int, secret: bytes | None = None) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path, self.length, self._secret = path, length, secret
        self._mark = path.with_name(path.name + ".back-to")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise Busy(str(path)) from error
        kept = _hashes.pop(path, None)
        self._plain: _Hash | None = None
        self._stored: _Hash | None = None
        if kept and kept[0] == self._state():
            _, self._plain, self._stored = kept
        self._open()
        if self._mark.exists():
            self.cut(int(self._mark.read_text() or "0"))
            self._mark.unlink()

    def _open(self) -> None:
        size = os.fstat(self._file).st_size
        self._tail = b""
        if self._secret is None:
            self.offset = size
        else:
            head = os.pread(self._file, HEADER, 0)
            if len(head) < HEADER:
                head = header(self.length)
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, head, 0)
                size, self._stored = HEADER, None
                self._plain = None
            self._cipher = Cipher(self._secret, head)
            full, rest = divmod(size - HEADER, _STEP)
            last = full * CHUNK + max(0, rest - OVERHEAD) >= self.length and rest > 0
            try:
                whole = self._cipher.open(full, os.pread(self._file, rest, HEADER + full * _STEP), tail=not last)
            except Damaged:
                whole, last = b"", False  # it was being written when its process died
            self.offset = full * CHUNK + len(whole)
            self._tail = b"" if last else whole
            if last:
                self.offset = self.length
        if self.offset == 0:
            self._plain, self._stored = hashlib.sha256(), hashlib.sha256()
            if self._secret is not None:
                self._stored.update(os.pread(self._file, HEADER, 0))

    def write(self, block: bytes) -> None:
        """Take the next bytes; raises ValueError for more than the length."""
        if self.offset + len(block) > self.length:
            raise ValueError("more than the length")
        if self._plain:
            self._plain.update(block)
        if self._secret is None:
            _write(self._file, block, self.offset)
            self.offset += len(block)
            return
        number = self.offset // CHUNK
        self.offset += len(block)
        held = self._tail + block
        start = 0
        while len(held) - start >= CHUNK or (self.offset == self.length and start < len(held)):
            chunk = self._cipher.seal(number, held[start : start + CHUNK])
            _write(self._file, chunk, HEADER + number * _STEP)
            if self._stored:
                self._stored.update(chunk)
            number, start = number + 1, start + CHUNK
        self._tail = held[start:]

    def expect(self) -> None:
        """Let nothing stay of what comes next unless `keep` is called."""
        self._mark.write_text(str(self.offset))
        self._started = self.offset

    def keep(self) -> None:
        """Keep what came since `expect`."""
        self.flush()
        self._mark.unlink(missing_ok=True)

    def cut(self, offset: int) -> None:
        """Give up what came after ``offset``."""
        self._plain = self._stored = None
        if self._secret is None:
            os.ftruncate(self._file, min(offset, self.offset))
        elif offset < self.offset:
            self.flush()
            number, left = divmod(offset, CHUNK)
            at = HEADER + number * _STEP
            size = min(CHUNK, self.offset - number * CHUNK)
            whole = number < self.offset // CHUNK or self.offset == self.length
            held = self._cipher.open(number, os.pread(self._file, size + OVERHEAD, at), tail=not whole) if left else b""
            os.ftruncate(self._file, at)
            if left:
                _write(self._file, self._cipher.seal(number, held[:left], tail=True), at)
        self._open()

    def flush(self) -> None:
        """Have all that came in on disk."""
        if self._tail:
            number = self.offset // CHUNK
            _write(self._file, self._cipher.seal(number, self._tail, tail=True), HEADER + number * _STEP)
            os.ftruncate(self._file, HEADER + number * _STEP + len(self._tail) + OVERHEAD)
        os.fsync(self._file)

    def finish(self) -> Arrived:
        """Return the whole file with its digests; raises ValueError where something is missing, `Damaged`."""
        if self.offset != self.length:
            raise ValueError(f"{self.offset} of {self.length} bytes")
        os.fsync(self._file)
        if self._plain is None or self._stored is None:
            self._read_again()
        assert self._plain is not None and self._stored is not None
        plain = self._plain.hexdigest()
        stored = plain if self._secret is None else self._stored.hexdigest()
        return Arrived(self.path, plain, self.length, stored, os.fstat(self._file).st_size)

    def _read_again(self) -> None:
        self._plain, self._stored = hashlib.sha256(), hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK):
                self._stored.update(block)
            file.seek(0)
            if self._secret is None:
                self._plain = self._stored
            else:
                opened = Opened(file, self._secret)
                while block := opened.read(_BLOCK):
                    self._plain.update(block)

    def discard(self) -> None:
        """Take the upload's file away."""
        self._mark.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others have it."""
        if self._plain and self._stored and self.path.exists():
            _hashes[self.path] = (self._state(), self._plain, self._stored)
            if len(_hashes) > _KEPT:
                _hashes.popitem(last=False)
        os.close(self._file)

    def _state(self) -> tuple[int, ...]:
        found = os.fstat(self._file)
        return found.st_ino, found.st_size, found.st_mtime_ns

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write(file: int, block: bytes, at: int) -> None:
    view = memoryview(block)
    while view:
        done = os.pwrite(file, view, at)
        view, at = view[done:], at + done
