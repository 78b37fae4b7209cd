"""Measures of support as rules: who may have what, by which clause, from facts that an enterprise enters once.

A file of measures is TOML: ``[facts.NAME]`` says what is asked (``zh``, ``en``, ``kind``), ``[measures.NAME]`` what is
given: ``zh``, ``en``, ``clause`` (texts), ``since`` and ``until`` (dates, the latter open), ``needs``, ``grants`` and
``budget``, and ``programme``, the code of the programme of vouchers that pays it. ``needs`` is a list of conditions that must all hold; a condition names a ``fact`` and one of ``least``,
``most``, ``is``, ``one_of``, ``under`` (a GB/T 2260 code or its beginning), or is ``{any = [...]}`` or ``{all = [...]}``.
``grants`` is
``{amount = YUAN}`` or ``{rate = SHARE, of = FACT, most = YUAN}``. Amounts are in yuan, and in fen once read.

A condition on a fact that was not given neither holds nor fails (Kleene's strong logic of three values), so that an
enterprise is told what is still to be answered, not that it may not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Refused, Text, money

Value = Decimal | int | bool | str | date
Facts = Mapping[str, Value]

OPERATORS = ("least", "most", "is", "one_of", "under")


class Kind(StrEnum):
    """What a fact is: yuan, a whole number, yes or no, a date, one of some words, a place's GB/T 2260 code."""

    MONEY = "money"
    WHOLE = "whole"
    YES_NO = "yes_no"
    DATE = "date"
    CHOICE = "choice"
    PLACE = "place"


_EXPECTED = {
    Kind.MONEY: Text("金额（元），不为负", "an amount in yuan, not negative"),
    Kind.WHOLE: Text("整数，不为负", "a whole number, not negative"),
    Kind.YES_NO: Text("是或否", "yes or no"),
    Kind.DATE: Text("日期，如 2026-03-31", "a date such as 2026-03-31"),
    Kind.PLACE: Text("行政区划代码，2 至 6 位数字", "a GB/T 2260 code, 2 to 6 digits"),
}
_YES_NO = {"是": True, "yes": True, "true": True, "1": True, "否": False, "no": False, "false": False, "0": False}


class Standing(StrEnum):
    """Whether a measure may be had: it may, it may not, or it hangs on facts that were not given."""

    MAY = "may"
    MAY_NOT = "may_not"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Fact:
    """What an enterprise is asked for."""

    name: str
    title: Text
    kind: Kind
    choices: Mapping[str, Text]

    @property
    def expected(self) -> Text:
        """Return what an answer should be."""
        if self.kind is Kind.CHOICE:
            names = "、".join(f"{text.zh}" for text in self.choices.values())
            return Text(f"{names} 之一", f"one of {', '.join(text.en for text in self.choices.values())}")
        return _EXPECTED[self.kind]

    def parse(self, cell: str) -> Value:
        """Return the value of what somebody wrote; raises ValueError where it is none of this kind."""
        cell = cell.strip()
        match self.kind:
            case Kind.MONEY:
                try:
                    amount = Decimal(cell.replace(",", ""))
                except InvalidOperation as error:
                    raise ValueError(cell) from error
                if not amount.is_finite() or amount < 0:
                    raise ValueError(cell)
                return amount
            case Kind.WHOLE:
                if (number := int(cell)) < 0:
                    raise ValueError(cell)
                return number
            case Kind.YES_NO:
                if cell.lower() not in _YES_NO:
                    raise ValueError(cell)
                return _YES_NO[cell.lower()]
            case Kind.DATE:
                return date.fromisoformat(cell)
            case Kind.PLACE:
                if not (cell.isascii() and cell.isdigit() and 2 <= len(cell) <= 6):
                    raise ValueError(cell)
                return cell
            case Kind.CHOICE:
                for name, text in self.choices.items():
                    if cell in (name, text.zh, text.en):
                        return name
                raise ValueError(cell)


@dataclass(frozen=True, slots=True)
class Condition:
    """A fact held to a value; or, with ``either``, at least one of several conditions; with ``every``, all of them."""

    fact: str = ""
    operator: str = ""
    value: Any = None
    either: tuple[Condition, ...] = ()
    every: tuple[Condition, ...] = ()

    def holds(self, facts: Facts) -> bool | None:
        """Whether it holds; None where that hangs on a fact that was not given."""
        if self.either:
            found = [one.holds(facts) for one in self.either]
            return True if True in found else None if None in found else False
        if self.every:
            found = [one.holds(facts) for one in self.every]
            return False if False in found else None if None in found else True
        if self.fact not in facts:
            return None
        given: Any = facts[self.fact]
        match self.operator:
            case "least":
                return bool(given >= self.value)
            case "most":
                return bool(given <= self.value)
            case "is":
                return bool(given == self.value)
            case "one_of":
                return given in self.value
            case _:
                return str(given).startswith(self.value)

    def asks(self) -> set[str]:
        """Return the names of the facts that it looks at."""
        return {self.fact} if self.fact else set().union(*(one.asks() for one in self.either or self.every))

    def said(self, facts: Mapping[str, Fact]) -> Text:
        """Return the condition in words."""
        if self.either:
            parts = [one.said(facts) for one in self.either]
            return Text(" 或 ".join(one.zh for one in parts), " or ".join(one.en for one in parts))
        if self.every:
            parts = [one.said(facts) for one in self.every]
            return Text("且".join(one.zh for one in parts), " and ".join(one.en for one in parts))
        fact = facts[self.fact]
        zh, en = _in_words(fact, self.value, "zh"), _in_words(fact, self.value, "en")
        words = {
            "least": Text(f"{fact.title.zh}不低于 {zh}", f"{fact.title.en} at least {en}"),
            "most": Text(f"{fact.title.zh}不高于 {zh}", f"{fact.title.en} at most {en}"),
            "is": Text(f"{fact.title.zh}为{zh}", f"{fact.title.en}: {en}"),
            "one_of": Text(f"{fact.title.zh}为{zh}之一", f"{fact.title.en}: one of {en}"),
            "under": Text(f"{fact.title.zh}属于 {zh}", f"{fact.title.en} within {en}"),
        }
        return words[self.operator]


def _in_words(fact: Fact, value: Any, language: str) -> str:
    if isinstance(value, tuple):
        return ("、" if language == "zh" else ", ").join(_in_words(fact, one, language) for one in value)
    if isinstance(value, bool):
        return Text("是" if value else "否", "yes" if value else "no").in_language(language)
    if fact.kind is Kind.CHOICE:
        return fact.choices[value].in_language(language)
    if fact.kind is Kind.MONEY:
        return money(int(value * 100), "CNY").in_language(language)
    return str(value)


@dataclass(frozen=True, slots=True)
class Grant:
    """What is given: ``amount`` fen; or ``rate`` of the fact ``of``, at most ``most`` fen."""

    amount: int | None = None
    rate: Decimal = Decimal(0)
    of: str = ""
    most: int | None = None

    def fen(self, facts: Facts) -> int | None:
        """Return the amount in fen, rounded down; None where the fact was not given."""
        if self.amount is not None:
            return self.amount
        if self.of not in facts:
            return None
        base = Decimal(facts[self.of])  # type: ignore[arg-type]  # the reader lets money and numbers through only
        share = int((base * self.rate * 100).to_integral_value(ROUND_FLOOR))
        return share if self.most is None else min(share, self.most)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure in force: what it is called, the clause that gives it, who may have it and what; ``budget`` in fen."""

    name: str
    title: Text
    clause: Text
    since: date
    until: date | None
    needs: tuple[Condition, ...]
    grants: Grant
    budget: int | None = None
    programme: str = ""

    def in_force(self, day: date) -> bool:
        """Whether it is in force on ``day``."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: the condition in words, whether it holds (None: not known), and what was given."""

    condition: Text
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What an enterprise may have of a measure, why, and what it still has to answer. ``fen`` where it may."""

    measure: Measure
    standing: Standing
    because: tuple[Because, ...]
    missing: tuple[str, ...]
    fen: int | None


@dataclass(frozen=True, slots=True)
class Book:
    """The measures of a file, and the facts that they ask for."""

    title: Text
    source: str
    facts: Mapping[str, Fact]
    measures: tuple[Measure, ...]

    def entitlements(self, facts: Facts, day: date) -> list[Entitlement]:
        """Return, for each measure in force on ``day``, whether the enterprise of these facts may have it."""
        return [self._of(measure, facts) for measure in self.measures if measure.in_force(day)]

    def _of(self, measure: Measure, facts: Facts) -> Entitlement:
        because = tuple(Because(one.said(self.facts), one.holds(facts)) for one in measure.needs)
        held = [one.holds for one in because]
        asked = set().union(*(one.asks() for one in measure.needs)) | ({measure.grants.of} - {""})
        missing = tuple(sorted(asked - facts.keys()))
        if False in held:
            return Entitlement(measure, Standing.MAY_NOT, because, (), None)
        amount = measure.grants.fen(facts)
        if None in held or amount is None:
            return Entitlement(measure, Standing.OPEN, because, missing, None)
        return Entitlement(measure, Standing.MAY, because, (), amount)

    def changed(self, name: str, **terms: Any) -> Book:
        """Return the same book with other terms of a measure: ``rate``, ``most`` or ``amount`` (yuan), ``budget`` (yuan).

        Raises `Refused` where there is no such measure or term.
        """
        known = {one.name: one for one in self.measures}
        if name not in known:
            raise Refused(Text(f"没有措施 {name}；现有：{'、'.join(known)}", f"no measure {name}: {', '.join(known)}"))
        one = known[name]
        for term, value in terms.items():
            amount = Decimal(str(value))
            if term == "rate":
                one = replace(one, grants=replace(one.grants, rate=amount))
            elif term == "most":
                one = replace(one, grants=replace(one.grants, most=int(amount * 100)))
            elif term == "amount":
                one = replace(one, grants=replace(one.grants, amount=int(amount * 100)))
            elif term == "budget":
                one = replace(one, budget=int(amount * 100))
            else:
                raise Refused(
                    Text(f"没有条款 {term}：rate、most、amount、budget", f"no term {term}: rate, most, amount, budget")
                )
        return replace(self, measures=tuple(one if other.name == name else other for other in self.measures))

    def cost(self, enterprises: Iterable[Facts], day: date) -> dict[str, Cost]:
        """Return, by measure in force, how many may have it and what they may have together; linear in enterprises."""
        total = {one.name: Cost(0, 0, 0, one.budget) for one in self.measures if one.in_force(day)}
        for facts in enterprises:
            for one in self.measures:
                if one.name not in total:
                    continue
                held = [condition.holds(facts) for condition in one.needs]
                amount = one.grants.fen(facts)
                before = total[one.name]
                if False in held:
                    continue
                if None in held or amount is None:
                    total[one.name] = replace(before, open=before.open + 1)
                else:
                    total[one.name] = replace(before, entitled=before.entitled + 1, fen=before.fen + amount)
        return total


@dataclass(frozen=True, slots=True)
class Cost:
    """What a measure comes to: enterprises that may have it, those it is open for, fen together; ``budget`` in fen."""

    entitled: int
    open: int
    fen: int
    budget: int | None

    @property
    def over(self) -> int:
        """Fen that the budget lacks; 0 where it suffices or there is none."""
        return max(0, self.fen - self.budget) if self.budget is not None else 0


def read(path: Path) -> Book:
    """Read a file of measures; raises `BadInput` that names the measure and the key."""
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            path, expected=Text("TOML 格式的政策文件", "a TOML file of measures"), found=str(error)
        ) from error
    reader = Reader(path)
    facts = {name: reader.fact(name, table) for name, table in reader.table(given, "", "facts").items()}
    measures = [reader.measure(name, table, facts) for name, table in reader.table(given, "", "measures").items()]
    return Book(reader.text(given, "", ("zh", "en")), str(given.get("source", "")), facts, tuple(measures))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the parts of a file of rules; each raises `BadInput` that names the section and the key."""

    path: Path

    def bad(self, place: str, field: str, expected: Text, found: Any = "") -> BadInput:
        """Return the error of a key."""
        return BadInput(
            self.path, row=f"[{place}]" if place else None, field=field, expected=expected, found=str(found)
        )

    def table(self, given: Mapping[str, Any], place: str, key: str) -> dict[str, Any]:
        """Return the sections under a key."""
        found = given.get(key)
        if not isinstance(found, dict) or not found:
            raise self.bad(place, key, Text(f"[{key}.…] 至少一节", f"at least one section [{key}.…]"), found or "")
        return found

    def text(self, given: Mapping[str, Any], place: str, keys: tuple[str, str]) -> Text:
        """Return a text in both languages."""
        for key in keys:
            if not isinstance(given.get(key), str) or not given[key].strip():
                raise self.bad(place, key, Text("文字", "a text"), given.get(key, ""))
        return Text(given[keys[0]], given[keys[1]])

    def fact(self, name: str, given: Any) -> Fact:
        """Return a fact."""
        place = f"facts.{name}"
        if not isinstance(given, dict) or given.get("kind") not in list(Kind):
            kinds = ", ".join(Kind)
            found = given.get("kind", "") if isinstance(given, dict) else given
            raise self.bad(place, "kind", Text(f"{kinds} 之一", f"one of {kinds}"), found)
        kind = Kind(given["kind"])
        choices = {}
        if kind is Kind.CHOICE:
            for one, words in self.table(given, place, "choices").items():
                if not (isinstance(words, list) and len(words) == 2 and all(isinstance(word, str) for word in words)):
                    raise self.bad(place, f"choices.{one}", Text("[中文, 英文]", "[Chinese, English]"), words)
                choices[one] = Text(*words)
        return Fact(name, self.text(given, place, ("zh", "en")), kind, choices)

    def measure(self, name: str, given: Any, facts: Mapping[str, Fact]) -> Measure:
        """Return a measure."""
        place = f"measures.{name}"
        if not isinstance(given, dict):
            raise self.bad(place, "", Text("一节", "a section"), given)
        known = {"zh", "en", "clause", "clause_en", "since", "until", "needs", "grants", "budget", "programme"}
        for key in given:
            if key not in known:
                raise self.bad(
                    place, key, Text(f"{'、'.join(sorted(known))} 之一", f"one of {', '.join(sorted(known))}")
                )
        needs = given.get("needs", [])
        if not isinstance(needs, list):
            raise self.bad(place, "needs", Text("条件列表", "a list of conditions"), needs)
        until = given.get("until")
        return Measure(
            name,
            self.text(given, place, ("zh", "en")),
            self.text(given, place, ("clause", "clause_en")),
            self._date(place, "since", given.get("since")),
            None if until is None else self._date(place, "until", until),
            tuple(self.condition(place, one, facts) for one in needs),
            self.grant(place, given.get("grants"), facts),
            self._fen(place, "budget", given["budget"]) if "budget" in given else None,
            str(given.get("programme", "")),
        )

    def condition(self, place: str, given: Any, facts: Mapping[str, Fact]) -> Condition:
        """Return a condition on known facts."""
        if isinstance(given, dict) and isinstance(given.get("any"), list) and len(given) == 1 and given["any"]:
            return Condition(either=tuple(self.condition(place, one, facts) for one in given["any"]))
        if isinstance(given, dict) and isinstance(given.get("all"), list) and len(given) == 1 and given["all"]:
            return Condition(every=tuple(self.condition(place, one, facts) for one in given["all"]))
        operators = [key for key in given if key != "fact"] if isinstance(given, dict) else []
        if len(operators) != 1 or operators[0] not in OPERATORS:
            names = ", ".join(OPERATORS)
            raise self.bad(
                place,
                "needs",
                Text(f"fact 与 {names} 之一，或 any、all", f"fact and one of {names}, or any, all"),
                given,
            )
        fact = self._fact(place, "needs", given.get("fact"), facts)
        [operator] = operators
        return Condition(fact.name, operator, self._value(place, operator, given[operator], fact))

    def grant(self, place: str, given: Any, facts: Mapping[str, Fact]) -> Grant:
        """Return what is granted."""
        if isinstance(given, dict) and given.keys() == {"amount"}:
            return Grant(amount=self._fen(place, "grants.amount", given["amount"]))
        if isinstance(given, dict) and {"rate", "of"} <= given.keys() <= {"rate", "of", "most"}:
            rate = given["rate"]
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1:
                raise self.bad(
                    place, "grants.rate", Text("大于 0、不超过 1 的比例", "a share above 0, at most 1"), rate
                )
            fact = self._fact(place, "grants.of", given["of"], facts)
            if fact.kind not in (Kind.MONEY, Kind.WHOLE):
                raise self.bad(
                    place, "grants.of", Text("金额或整数的事实", "a fact that is an amount or a number"), fact.name
                )
            most = self._fen(place, "grants.most", given["most"]) if "most" in given else None
            return Grant(rate=Decimal(str(rate)), of=fact.name, most=most)
        expected = Text("{amount} 或 {rate, of, most}", "{amount} or {rate, of, most}")
        raise self.bad(place, "grants", expected, given if given is not None else "")

    def _fact(self, place: str, field: str, name: Any, facts: Mapping[str, Fact]) -> Fact:
        if name not in facts:
            known = ", ".join(facts)
            raise self.bad(place, field, Text(f"[facts] 中的事实：{known}", f"a fact of [facts]: {known}"), name)
        return facts[name]

    def _value(self, place: str, operator: str, given: Any, fact: Fact) -> Any:
        fits: dict[str, Callable[[], bool]] = {
            "least": lambda: fact.kind in (Kind.MONEY, Kind.WHOLE, Kind.DATE),
            "most": lambda: fact.kind in (Kind.MONEY, Kind.WHOLE, Kind.DATE),
            "is": lambda: fact.kind in (Kind.YES_NO, Kind.CHOICE),
            "one_of": lambda: fact.kind is Kind.CHOICE and isinstance(given, list) and bool(given),
            "under": lambda: fact.kind is Kind.PLACE,
        }
        field = f"needs {fact.name} {operator}"
        if not fits[operator]():
            raise self.bad(place, field, Text("与事实种类相符的比较", "a comparison that fits the fact's kind"), given)
        try:
            if operator == "one_of":
                return tuple(fact.parse(str(one)) for one in given)
            return fact.parse(str(given))
        except ValueError as error:
            raise self.bad(place, field, fact.expected, given) from error

    def _date(self, place: str, field: str, given: Any) -> date:
        if type(given) is not date:
            raise self.bad(place, field, Text("日期，如 2026-03-31", "a date such as 2026-03-31"), given or "")
        return given

    def _fen(self, place: str, field: str, given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int | float) or given < 0:
            raise self.bad(place, field, _EXPECTED[Kind.MONEY], given)
        return int(Decimal(str(given)) * 100)
