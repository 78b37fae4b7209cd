"""A provider's invoice beside the ledger: a row a hold, compared to the fen (or the token)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

from dujiang.messages import BadInput, Text
from dujiang.sheets import read_rows

COLUMNS = {"key": Text("预留号", "hold"), "amount": Text("金额", "amount")}
"""The columns of an invoice; amounts are in yuan with two decimals, or in tokens. Others are left unread."""
_NOISE = Decimal("0.000001")
"""What Excel's binary fractions may be off by."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of an invoice; ``amount`` is in fen or tokens, ``row`` as the person's tool shows it."""

    row: int
    key: str
    amount: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A hold of which invoice and ledger do not say the same; None where one has nothing. ``row`` is the invoice's."""

    key: str
    row: int | None
    invoiced: int | None
    settled: int | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How an invoice compares with the ledger: both sums, how many rows agree or not, and those that do not."""

    rows: int
    invoiced: int
    settled: int
    differences: list[Difference]


def read_invoice(path: Path, unit: str) -> list[Line]:
    """Read a whole invoice (.csv or .xlsx); raises `BadInput` for the first row that can't be used."""
    lines: list[Line] = []
    seen: dict[str, int] = {}
    for row, cells in read_rows(path, COLUMNS):
        key = cells["key"].strip()
        if not key:
            raise BadInput(path, row=row, field="key", expected=Text("预留号", "a hold's key"))
        if key in seen:
            found = Text(f"与第 {seen[key]} 行相同", f"the same as row {seen[key]}")
            raise BadInput(
                path, row=row, field="key", expected=Text("每笔预留一行", "one row a hold"), found=str(found)
            )
        seen[key] = row
        amount = _minor(cells["amount"], unit)
        if amount is None:
            expected = Text("元，至多两位小数，不为负", "yuan with two decimals at most, not negative")
            if unit != "CNY":
                expected = Text("词元数，非负整数", "a whole number of tokens, not negative")
            raise BadInput(path, row=row, field="amount", expected=expected, found=cells["amount"] or "空")
        lines.append(Line(row, key, amount))
    if not lines:
        raise BadInput(path, expected=Text("至少一行账单", "at least one row"))
    return lines


def _minor(text: str, unit: str) -> int | None:
    try:
        value = Decimal(text.replace(",", "").replace("，", "").removeprefix("¥").strip())
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > 10**15:
        return None
    value = value * 100 if unit == "CNY" else value
    whole = value.to_integral_value(ROUND_HALF_EVEN)
    return int(whole) if whole >= 0 and abs(value - whole) < _NOISE else None


def compare(invoice: Iterable[Line], settled: Mapping[str, int]) -> Reconciliation:
    """Compare an invoice with what the ledger paid, by hold; a hold that paid nothing need not be on it."""
    lines = {one.key: one for one in invoice}
    differences = [
        Difference(one.key, one.row, one.amount, settled.get(one.key))
        for one in lines.values()
        if one.amount != settled.get(one.key, 0)
    ]
    differences += [
        Difference(key, None, None, amount) for key, amount in settled.items() if key not in lines and amount
    ]
    return Reconciliation(
        len(lines.keys() | settled.keys()),
        sum(one.amount for one in lines.values()),
        sum(settled.values()),
        differences,
    )
