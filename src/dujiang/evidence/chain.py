"""The chain: how a record is sealed to the one before it, and how a chain is walked and checkpointed.

The digest of a record covers its predecessor's digest and every field of its own, a line each; no field but the last
may hold a line break, and canonical JSON never does, so no two records can read the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dujiang.messages import Text

GENESIS = "genesis"
"""What the first record names as its predecessor's digest."""


def _sm3(data: bytes) -> str:
    """SM3 cryptographic hash, GB/T 32905-2016 (hex)."""
    state = hashes.Hash(hashes.SM3())
    state.update(data)
    return state.finalize().hex()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


DIGESTS: Mapping[str, Callable[[bytes], str]] = {"sha256": _sha256, "sm3": _sm3}


class Entry(NamedTuple):
    """A record as it is stored. ``time`` is UTC, ISO 8601 with microseconds; ``body`` canonical JSON."""

    sequence: int
    time: str
    actor: str
    kind: str
    subject: str
    body: str
    previous: str
    digest: str


def canonical(body: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted keys, no blanks, UTF-8 unescaped; raises ValueError for NaN and infinities."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def seal(
    sequence: int, time: str, actor: str, kind: str, subject: str, body: str, previous: str, algorithm: str
) -> str:
    """Return a record's digest, ``algorithm:hex``; raises ValueError where a field holds a line break."""
    fields = (previous, str(sequence), time, actor, kind, subject, body)
    text = "\n".join(fields)
    if text.count("\n") != len(fields) - 1:
        raise ValueError("a field of an evidence record must not hold a line break")
    return f"{algorithm}:{DIGESTS[algorithm](text.encode())}"


@dataclass(frozen=True, slots=True)
class Walk:
    """What walking a chain found: how many records are right, the last of them, and the first that is wrong."""

    records: int
    sequence: int
    digest: str
    fault: tuple[int, Text] | None = None


def walk(
    entries: Iterable[tuple[int, str, str, str, str, str, str, str]],
    *,
    pause: int = 0,
    progress: Callable[[int], None] = lambda records: None,
    marks: Mapping[int, str] | None = None,
) -> Walk:
    """Walk a whole chain of entries in the order of their sequence, and stop at the first that is wrong.

    ``marks`` holds digests known from elsewhere (checkpoints) by sequence; ``progress`` hears how many records were
    walked, every ``pause`` records.
    """
    marks = marks or {}
    sequence, head = 0, GENESIS
    sha256 = hashlib.sha256
    for got, time, actor, kind, subject, body, previous, digest in entries:
        expected = sequence + 1
        if got != expected:
            return Walk(sequence, sequence, head, (expected, _missing(expected, got)))
        if previous != head:
            why = Text("前一条记录的摘要不符", "the predecessor's digest does not match")
            return Walk(sequence, sequence, head, (got, why))
        text = f"{previous}\n{got}\n{time}\n{actor}\n{kind}\n{subject}\n{body}".encode()
        if digest.startswith("sha256:"):
            right = digest[7:] == sha256(text).hexdigest()
        else:
            algorithm, _, value = digest.partition(":")
            right = algorithm in DIGESTS and DIGESTS[algorithm](text) == value
        if not right:
            why = Text("内容与摘要不符", "the content does not match the digest")
            return Walk(sequence, sequence, head, (got, why))
        if marks and marks.get(got, digest) != digest:
            why = Text("与检查点不符", "the digest differs from the checkpoint's")
            return Walk(sequence, sequence, head, (got, why))
        sequence, head = got, digest
        if pause and got % pause == 0:
            progress(got)
    ahead = [mark for mark in marks if mark > sequence]
    if ahead:
        fault = (
            sequence + 1,
            Text(
                f"记录止于 {sequence}，检查点在 {min(ahead)}",
                f"the chain ends at {sequence}, the checkpoint is at {min(ahead)}",
            ),
        )
        return Walk(sequence, sequence, head, fault)
    return Walk(sequence, sequence, head)


def _missing(expected: int, got: int) -> Text:
    return Text(f"缺少记录 {expected}(下一条是 {got})", f"record {expected} is missing (the next one is {got})")


class BadCheckpoint(ValueError):
    """A checkpoint that is damaged, or signed by another key than the one expected."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the chain had this digest at this sequence."""

    sequence: int
    digest: str
    time: str
    public_key: str
    signature: str

    @classmethod
    def sign(cls, sequence: int, digest: str, time: str, key: Ed25519PrivateKey) -> Checkpoint:
        """Sign a statement (Ed25519, RFC 8032)."""
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        signed = cls(sequence, digest, time, public, "")
        return cls(sequence, digest, time, public, base64.b64encode(key.sign(signed._statement())).decode())

    def verify(self, public_key: str | None = None) -> None:
        """Check the signature, by ``public_key`` (base64) rather than the checkpoint's own where it is given.

        Raises `BadCheckpoint`.
        """
        if public_key is not None and public_key != self.public_key:
            raise BadCheckpoint("检查点由另一把密钥签署\nthe checkpoint is signed by another key")
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public_key, validate=True))
            key.verify(base64.b64decode(self.signature, validate=True), self._statement())
        except (InvalidSignature, ValueError) as error:
            raise BadCheckpoint("检查点签名无效\nthe checkpoint's signature is not valid") from error

    def as_json(self) -> dict[str, Any]:
        """Return the checkpoint as it is written to a file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, value: Any) -> Checkpoint:
        """Read a checkpoint; raises `BadCheckpoint` where a field is missing or of another type."""
        try:
            return cls(
                int(value["sequence"]), *(str(value[name]) for name in ("digest", "time", "public_key", "signature"))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadCheckpoint(f"检查点文件缺少字段或格式不对\nnot a checkpoint file: {error!r}") from error

    def _statement(self) -> bytes:
        return canonical({"sequence": self.sequence, "digest": self.digest, "time": self.time}).encode()
