"""Records that may be one person's, told with the reasons; whether they are, somebody decides.

Only records that share a key are compared (blocking), and within a block only neighbours in its order (sorted
neighbourhood, Hernandez & Stolfo 1995), so that the comparisons grow with the number of records, not with its square. Two
records are weighed as Fellegi & Sunter (1969) do: each field adds the logarithm of how much likelier it looks so for
one person than for two. Names, employers and cities weigh by how common they are in the records at hand: two 王伟 say
little, two 欧阳靖远 much.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from dujiang.talent.fields import plain
from dujiang.talent.terms import Details

WINDOW = 10
"""Neighbours of a block that a record is compared with."""
THRESHOLD = 0.5
"""Pairs that are likelier than this to be one person are told."""
_SHARE = 0.05
"""Records that have a second one: what is supposed before anything is compared."""


class Known(NamedTuple):
    """A record as it is compared: details, and the code of its city."""

    details: Details
    city: str = ""


class Found(NamedTuple):
    """Two records by their numbers, the smaller first; how likely they are one person's, and which fields agree."""

    first: int
    second: int
    probability: float
    reasons: list[str]


class _Seen(NamedTuple):
    """How likely a field looks so for one person's two records, and for two people's."""

    same: float
    other: float


# By field: agreeing, nearly agreeing, differing. What one person's records disagree in is what changes with the years.
_EXACT = {
    "orcid": (_Seen(0.98, 1e-7), _Seen(0.02, 1.0)),
    "phone": (_Seen(0.70, 1e-6), _Seen(0.30, 1.0)),
    "email": (_Seen(0.65, 1e-6), _Seen(0.35, 1.0)),
}
_BORN = (_Seen(0.97, 1 / 45), _Seen(0.02, 2 / 45), _Seen(0.01, 42 / 45))
_NAME = (0.88, _Seen(0.09, 0.01), _Seen(0.03, 0.99))
_EMPLOYER = (0.60, _Seen(0.40, 1.0))
_CITY = (0.85, _Seen(0.15, 1.0))


@cache
def _simplified() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@cache
def name_key(name: str) -> str:
    """Return a name as it is compared: simplified characters, small letters, words of a Latin name in order."""
    text = plain(name).casefold()
    if text.isascii():
        return " ".join(sorted(text.replace(",", " ").replace("-", " ").split()))
    return str(_simplified().convert(text.replace(" ", "").replace("·", "")))


def near(first: str, second: str) -> bool:
    """Whether two texts differ by one character put in, left out or changed, or two neighbours changed about."""
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    short, long = sorted((first, second), key=len)
    at = next((place for place, one in enumerate(short) if one != long[place]), len(short))
    if len(short) != len(long):
        return short[at:] == long[at + 1 :]
    return short[at + 1 :] == long[at + 1 :] or (
        short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    )


def find(records: Mapping[int, Known]) -> list[Found]:
    """Return the pairs that may be one person's, the likeliest first."""
    weigh = _Weighing(records)
    found = {pair: weigh.compare(*pair) for pair in candidates(records)}
    told = [Found(*pair, *verdict) for pair, verdict in found.items() if verdict[0] >= THRESHOLD]
    return sorted(told, key=lambda one: (-one.probability, one.first, one.second))


def candidates(records: Mapping[int, Known]) -> set[tuple[int, int]]:
    """Return the pairs that are compared, at most `WINDOW` a record and key."""
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, one in records.items():
        for key in set(_keys(one)):
            blocks[key].append(number)
    pairs = set()
    for members in blocks.values():
        members.sort(key=lambda number: (*_order(records[number]), number))
        for place, number in enumerate(members):
            for other in members[place + 1 : place + 1 + WINDOW]:
                pairs.add((min(number, other), max(number, other)))
    return pairs


def _order(one: Known) -> tuple[str, int, str, str]:
    details = one.details
    return name_key(details.name), details.born, plain(details.employer), details.phone


def _keys(one: Known) -> Iterator[tuple[str, ...]]:
    details, name = one.details, name_key(one.details.name)
    for field in ("orcid", "phone", "email"):
        if value := getattr(details, field):
            yield field, value
    if not name:
        return
    if details.born:
        yield "born", name, str(details.born)
    if details.employer:
        yield "employer", name, plain(details.employer)
    if one.city:
        yield "city", name, one.city
    if details.born and one.city:
        # A name with one character wrong shares what is left of it when that one is taken out.
        for at in range(len(name)):
            yield "near", name[:at] + "_" + name[at + 1 :], str(details.born), one.city
            yield "short", name[:at] + name[at + 1 :], str(details.born), one.city
        yield "short", name, str(details.born), one.city


class _Weighing:
    """Weighs two records; knows how common values are among all."""

    def __init__(self, records: Mapping[int, Known]) -> None:
        self._records = records
        count = max(2, len(records))
        self._common: dict[str, Counter[str]] = {"name": Counter(), "employer": Counter(), "city": Counter()}
        for one in records.values():
            self._common["name"][name_key(one.details.name)] += 1
            self._common["employer"][plain(one.details.employer)] += 1
            self._common["city"][one.city] += 1
        self._count = count
        # So many of the pairs are one person's: a share of the records has one other among count - 1.
        self._prior = math.log(_SHARE / (count - 1))

    def _share(self, field: str, value: str) -> float:
        return max(self._common[field][value], 1) / self._count

    def compare(self, first: int, second: int) -> tuple[float, list[str]]:
        """Return the probability that two records are one person's, and the fields that agree."""
        one, other = self._records[first], self._records[second]
        weight, agreeing = self._prior, []
        for field, seen, agrees in self._seen(one, other):
            weight += math.log(seen.same / seen.other)
            if agrees:
                agreeing.append(field)
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, weight)))), agreeing

    def _seen(self, one: Known, other: Known) -> Iterator[tuple[str, _Seen, bool]]:
        first, second = one.details, other.details
        for field, (agree, differ) in _EXACT.items():
            mine, theirs = getattr(first, field), getattr(second, field)
            if mine and theirs:
                yield field, agree if mine == theirs else differ, mine == theirs
        if first.born and second.born:
            apart = min(2, abs(first.born - second.born))
            yield "born", _BORN[apart], apart == 0
        mine, theirs = name_key(first.name), name_key(second.name)
        if mine == theirs:
            yield "name", _Seen(_NAME[0], self._share("name", mine)), True
        else:
            yield "name", _NAME[1] if near(mine, theirs) else _NAME[2], False
        mine, theirs = plain(first.employer), plain(second.employer)
        if mine and theirs:
            same = mine == theirs
            yield "employer", _Seen(_EMPLOYER[0], self._share("employer", mine)) if same else _EMPLOYER[1], same
        if one.city and other.city:
            same = one.city == other.city
            yield "city", _Seen(_CITY[0], self._share("city", one.city)) if same else _CITY[1], same
