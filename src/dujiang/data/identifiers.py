"""Persistent identifiers: a prefix that is the site's, and a suffix that nobody mistypes.

The syntax is that of handles and DOIs (RFC 3650, 2; ISO 26324): ``PREFIX/SUFFIX``. The suffix is eight random characters
without look-alikes and one check character (ISO 7064 MOD 37,36), in small letters, since both systems compare without
case: ``99999/dj.7k3m9xq2m``. The prefix comes from whoever registers identifiers for the site.
"""

from __future__ import annotations

import re
import secrets

from stdnum.iso7064 import mod_37_36

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u (Crockford's base 32)
_LENGTH = 8
_SUFFIX = re.compile(r"dj\.([0-9a-z]{9})")


def mint(prefix: str) -> str:
    """Return a new identifier; 40 random bits, so whoever keeps it still checks that it is not taken."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{prefix}/dj.{body}{mod_37_36.calc_check_digit(body.upper()).lower()}"


def well_formed(identifier: str) -> bool:
    """Whether an identifier is one that `mint` could have made: its check character is right."""
    _, _, suffix = identifier.partition("/")
    match = _SUFFIX.fullmatch(suffix.lower())
    return bool(match and mod_37_36.is_valid(match[1].upper()))
