"""The terms of programmes: who may apply, and how province and cities complement each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dujiang.messages import Refused, Text

WHOLE = 10_000
"""Shares are in hundredths of a per cent."""


class Complement(NamedTuple):
    """In divisions whose GB/T 2260 code begins with ``division``, the province bears ``province``/10,000."""

    division: str
    province: int


def province_part(amount: int, city: str, rules: Sequence[Complement]) -> int:
    """Return the province's part of a grant, floor(amount x share / 10,000); the city bears the rest.

    The rule with the longest matching code decides; where there is no city, or no rule for it, the province bears all.
    """
    matching = [one for one in rules if city.startswith(one.division)] if city else []
    if not matching:
        return amount
    return amount * max(matching, key=lambda one: len(one.division)).province // WHOLE


def city_of(division: str) -> str:
    """Return the prefecture of a division's code, an empty string for a province's own or none."""
    return f"{division[:4]}00" if len(division) == 6 and division[2:4] != "00" else ""


def division_of(government: str, credit_code: str) -> str:
    """Return a unit's division: a government's own; an enterprise's is in its credit code (GB 32100, digits 3 to 8)."""
    return government or credit_code[2:8]


def eligible(kind: str, division: str, kinds: Sequence[str], divisions: Sequence[str]) -> bool:
    """Whether a unit of a kind and division may apply; no kinds or no divisions stated means any."""
    return (not kinds or kind in kinds) and (not divisions or any(division.startswith(one) for one in divisions))


def complement(text: str) -> Complement:
    """Return the rule of a text such as ``51=50%`` or ``5132=62.5%``; raises `Refused`."""
    division, _, share = text.partition("=")
    number = share.strip().removesuffix("%")
    whole, _, part = number.partition(".")
    good = division.strip().isdigit() and len(division.strip()) in (2, 4, 6) and whole.isdigit() and len(part) <= 2
    if not good or (part and not part.isdigit()) or int(whole) * 100 + int(part.ljust(2, "0")) > WHOLE:
        raise Refused(
            Text(
                f"分担规则“{text}”应如 51=50%：行政区划代码（GB/T 2260，前 2、4 或 6 位）=省级所担百分比（至多两位小数）",
                f"{text!r} is no complement rule; write 51=50%: the first 2, 4 or 6 digits of a GB/T 2260 code = "
                "the province's per cent, with two decimals at most",
            )
        )
    return Complement(division.strip(), int(whole) * 100 + int(part.ljust(2, "0")))
