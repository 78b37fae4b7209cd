"""A text column that is encrypted at rest with the site's data key."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import models

from dujiang.keys import site_secret


@cache
def cipher() -> Fernet:
    """Return the cipher (AES-128-CBC with HMAC, Fernet) of the site's data key."""
    return Fernet(site_secret(settings.HOME, "data-key", Fernet.generate_key))


def keyed_digest(*parts: str) -> str:
    """Return a digest (HMAC-SHA256 by the site's data key) of what must be found again and never read."""
    key = site_secret(settings.HOME, "data-key", Fernet.generate_key)
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


class EncryptedText(models.TextField):
    """Plain to the program, encrypted in the database; it can't be searched or ordered by."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt."""
        return cipher().encrypt(value.encode()).decode() if value else ""

    def from_db_value(self, value: str, *_: Any) -> str:
        """Decrypt; raises `cryptography.fernet.InvalidToken` where the key is not the one that it was written with."""
        return cipher().decrypt(value.encode()).decode() if value else ""
