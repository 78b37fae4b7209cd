"""Files encrypted at rest: AES-256-GCM in chunks, so that they are written as they come and any part is read alone.

A sealed file is ``header | chunk | chunk | ...``. The header holds a mark, 32 random bytes and the length of the content
in bytes; the file's key is HKDF-SHA256 of the site's key and those random bytes. A chunk is ``nonce (12) | ciphertext |
tag (16)`` of 64 KiB of content, the last of what is left. Length and number of the chunk are authenticated with it, so a
file that was cut short, or whose chunks were moved, doesn't open. Nonces are random and a key serves one file, far below
the 2^32 chunks that NIST SP 800-38D (8.3) allows.
"""

from __future__ import annotations

import io
import os
import struct
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 1 << 16
OVERHEAD = 12 + 16
_MARK = b"DUJIANG1"
_HEADER = struct.Struct(">8s32sQ")
HEADER = _HEADER.size


class Damaged(ValueError):
    """What is stored is not what was stored."""


def header(length: int) -> bytes:
    """Return the header of a new file whose content is ``length`` bytes long."""
    return _HEADER.pack(_MARK, os.urandom(32), length)


def sealed_size(length: int) -> int:
    """Return the bytes that a content of ``length`` bytes takes when it is sealed."""
    return HEADER + length + -(-length // CHUNK) * OVERHEAD


class Cipher:
    """What seals and opens the chunks of the file with a header; raises `Damaged` for a header that is none."""

    def __init__(self, secret: bytes, head: bytes) -> None:
        try:
            mark, salt, self.length = _HEADER.unpack(head)
        except struct.error as error:
            raise Damaged("no header") from error
        if mark != _MARK:
            raise Damaged("no header")
        self._aead = AESGCM(HKDF(SHA256(), 32, salt, b"dujiang data").derive(secret))

    def seal(self, number: int, content: bytes, *, tail: bool = False) -> bytes:
        """Return a chunk; a ``tail`` is one that more content will replace, and no part of a whole file."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, content, self._about(number, tail))

    def open(self, number: int, chunk: bytes, *, tail: bool = False) -> bytes:
        """Return a chunk's content; raises `Damaged`."""
        try:
            return self._aead.decrypt(chunk[:12], chunk[12:], self._about(number, tail))
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"chunk {number}") from error

    def _about(self, number: int, tail: bool) -> bytes:
        return struct.pack(">QQ?", self.length, number, tail)


class Opened(io.RawIOBase):
    """The content of a sealed file, to be read from anywhere; raises `Damaged` where it is not as it was sealed."""

    def __init__(self, file: BinaryIO, secret: bytes) -> None:
        self._file = file
        self._cipher = Cipher(secret, file.read(HEADER))
        self._at: int = 0
        self._number, self._chunk = -1, b""

    @property
    def length(self) -> int:
        """The content's length in bytes."""
        return int(self._cipher.length)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where in the content one is."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        self._at = max(0, start + offset)
        return self.tell()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or what the content has for it."""
        view = memoryview(buffer)
        filled = 0
        while filled < len(view) and self._at < self.length:
            number, start = divmod(self._at, CHUNK)
            if number != self._number:
                self._file.seek(HEADER + number * (CHUNK + OVERHEAD))
                size = min(CHUNK, self.length - number * CHUNK)
                self._chunk = self._cipher.open(number, self._file.read(size + OVERHEAD))
                self._number = number
            part = self._chunk[start : start + len(view) - filled]
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._at += len(part)
        return filled

    def close(self) -> None:
        """Close it and the file under it."""
        self._file.close()
        super().close()
