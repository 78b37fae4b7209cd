"""Other readings of a text: what it says where it is encoded, spaced out, reversed or hidden in odd characters."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from urllib.parse import unquote

_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:]?){8,}")
_SPACED = re.compile(r"(?<=\S)[ \t·.\-_*|/]{1,2}(?=\S)")


def plain(text: str) -> str:
    """Return a text in its compatible form (NFKC) without characters that aren't seen."""
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", text))


def readings(text: str) -> list[str]:
    """Return the text and what it may say otherwise; the plain text is the first.

    Pieces in base64, hexadecimal, percent encoding or ROT13 are decoded in place; a text spaced out character by
    character is drawn together; a reversed one is turned round. A reading that isn't meant as one is mostly noise and
    matches nothing.
    """
    seen = plain(text)
    found = [
        seen,
        _BASE64.sub(_from_base64, seen),
        _HEX.sub(_from_hex, seen),
        unquote(seen),
        codecs.encode(seen, "rot13"),
    ]
    found += [_SPACED.sub("", seen), seen[::-1]]
    return list(dict.fromkeys(found))


def _from_base64(found: re.Match[str]) -> str:
    piece = found[0].replace("-", "+").replace("_", "/").rstrip("=")
    try:
        decoded = base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    return decoded if decoded.isprintable() or "\n" in decoded else found[0]


def _from_hex(found: re.Match[str]) -> str:
    try:
        decoded = bytes.fromhex(re.sub(r"[\s:]", "", found[0])).decode("utf-8")
    except ValueError:
        return found[0]
    return decoded if decoded.isprintable() else found[0]
