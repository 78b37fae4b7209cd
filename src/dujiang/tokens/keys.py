"""Holders' keys: random, kept as digests, for some models or all, until a time."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

PREFIX = "sk-dujiang-"


@dataclass(frozen=True, slots=True)
class Key:
    """What a key allows. ``models`` names the models, all where it is empty; limits of 0 are none."""

    id: str
    digest: str
    holder: str
    models: frozenset[str] = frozenset()
    requests_a_minute: int = 0
    tokens_a_minute: int = 0
    expires: float = float("inf")
    keep_days: int = 0
    """How long the holder wants prompts and answers kept; 0 keeps none."""

    def allows(self, model: str) -> bool:
        """Whether the key is for this model."""
        return not self.models or model in self.models


def new_secret() -> str:
    """Return a new key's secret: 256 random bits, which need no slow hash."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the digest by which a key is known."""
    return hashlib.sha256(secret.encode()).hexdigest()
