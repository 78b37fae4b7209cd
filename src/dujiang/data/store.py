"""Where contents are kept: a folder, or S3-compatible storage, through fsspec.

A content lies at the digest (SHA-256) of what is stored, so that every copy can be proved without asking anybody, and is
there whole or not at all: it is written beside its place and put there once its digest is right.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from dujiang.data.sealing import Damaged

BLOCK = 1 << 20
_S3_BLOCK = 16 << 20
_KEY = re.compile(r"[0-9a-f]{64}")


class Place:
    """A place of contents by its address: a folder's path, or ``s3://bucket/prefix`` and whatever fsspec knows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, root = url_to_fs(url)
        self._root = root.rstrip("/")
        self.folder = Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def __str__(self) -> str:
        return self.url

    def _at(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError(key)
        return f"{self._root}/{key[:2]}/{key}"

    def path(self, key: str) -> Path | None:
        """Return the file that holds a content where the place is a folder."""
        return Path(self._at(key)) if self.folder else None

    def size(self, key: str) -> int | None:
        """Return how many bytes lie there, None where nothing does."""
        try:
            return int(self._fs.info(self._at(key))["size"])
        except FileNotFoundError:
            return None

    def open(self, key: str) -> BinaryIO:
        """Open what lies there, to be read from anywhere; raises FileNotFoundError."""
        if self.folder:
            return Path(self._at(key)).open("rb")
        file: BinaryIO = self._fs.open(self._at(key), "rb", block_size=_S3_BLOCK // 4)
        return file

    def blocks(self, key: str) -> Iterator[bytes]:
        """Yield what lies there; raises FileNotFoundError."""
        with self.open(key) as file:
            while block := file.read(BLOCK):
                yield block

    def sound(self, key: str) -> bool:
        """Whether what lies there is what its key says; False where nothing does, or where it can't be read."""
        digest = hashlib.sha256()
        try:
            for block in self.blocks(key):
                digest.update(block)
        except OSError:
            return False
        return digest.hexdigest() == key

    def put(self, key: str, blocks: Iterable[bytes]) -> None:
        """Store a content; raises `Damaged` where the blocks are not those of the key, and then nothing is stored."""
        if self.folder:
            self._put_in_folder(key, blocks)
            return
        file: Any = self._fs.open(self._at(key), "wb", block_size=_S3_BLOCK, autocommit=False)
        try:
            _pour(blocks, file, key)
            file.close()
        except BaseException:
            file.discard()
            raise
        file.commit()
        self._fs.invalidate_cache()

    def _put_in_folder(self, key: str, blocks: Iterable[bytes]) -> None:
        beside = self._beside()
        try:
            with beside.open("xb") as file:
                _pour(blocks, file, key)
                file.flush()
                os.fsync(file.fileno())
            self._rename(beside, key)
        finally:
            beside.unlink(missing_ok=True)

    def take(self, path: Path, key: str) -> None:
        """Store a staged file, which stays where it is; its digest is known to be the key."""
        if self.folder:
            beside = self._beside()
            try:
                os.link(path, beside)
            except OSError:  # another file system, or one without links
                pass
            else:
                self._rename(beside, key)
                return
        with path.open("rb") as file:
            self.put(key, iter(lambda: file.read(BLOCK), b""))

    def _beside(self) -> Path:
        assert self.folder is not None
        folder = self.folder / "incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{secrets.token_hex(16)}.part"

    def _rename(self, beside: Path, key: str) -> None:
        path = Path(self._at(key))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(beside, 0o600)
        os.utime(beside)  # young, so that it is not swept while its row is being written
        os.replace(beside, path)
        beside.unlink(missing_ok=True)  # where both were links to one file, the renaming left it
        for folder in (path.parent, path.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def remove(self, key: str) -> None:
        """Take a content away, if it is there."""
        try:
            self._fs.rm_file(self._at(key))
        except FileNotFoundError:
            return
        self._fs.invalidate_cache()

    def listing(self) -> Iterator[tuple[str, datetime]]:
        """Yield the keys of what lies there, each with when it came."""
        if not self._fs.exists(self._root):
            return
        for folder in self._fs.ls(self._root, detail=False):
            if len(name := folder.rstrip("/").rpartition("/")[2]) != 2:
                continue
            for found in self._fs.ls(f"{self._root}/{name}", detail=True):
                key = found["name"].rpartition("/")[2]
                if _KEY.fullmatch(key):
                    yield key, _when(found)


def _pour(blocks: Iterable[bytes], file: Any, key: str) -> None:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        file.write(block)
    if digest.hexdigest() != key:
        raise Damaged(key)


def _when(found: dict[str, Any]) -> datetime:
    """Return when a file was made, as fsspec's local and S3 file systems say it."""
    at = found.get("LastModified") or found.get("mtime")
    return at if isinstance(at, datetime) else datetime.fromtimestamp(float(at or 0), UTC)
