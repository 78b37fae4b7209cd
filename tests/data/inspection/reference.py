"""Each kind of rule again, value by value in plain Python: slow, and obviously right."""

from __future__ import annotations

import re
from datetime import date, datetime

from stdnum import luhn
from stdnum.cn import uscc

FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d", "%Y.%m.%d")


def cell(text):
    """What is in a cell: a text without blanks around, or None."""
    text = None if text is None else text.strip(" ")
    return text or None


def value(text, kind):
    """A text as its type, or None."""
    if text is None or kind == "text":
        return text
    if kind == "integer":
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None
    if kind == "number":
        return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text) else None
    if kind == "boolean":
        return {
            **dict.fromkeys(("true", "yes", "y", "t", "是", "1"), True),
            **dict.fromkeys(("false", "no", "n", "f", "否", "0"), False),
        }.get(text.lower())
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def resident(text):
    if not re.fullmatch(r"[1-9]\d{5}(18|19|20)\d{9}[\dXx]", text, re.ASCII):
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return "10X98765432"[sum(int(d) * 2 ** (17 - n) for n, d in enumerate(text[:17])) % 11] == text[17].upper()


CODES = {
    "resident-id": resident,
    "credit-code": uscc.is_valid,
    "mobile": lambda text: bool(re.fullmatch(r"(\+?86[- ]?)?1[3-9][0-9]{9}", text)),
    "email": lambda text: bool(re.fullmatch(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", text)),
    "bank-card": lambda text: bool(re.fullmatch(r"[0-9]{13,19}", text)) and luhn.is_valid(text),
    "postcode": lambda text: bool(re.fullmatch(r"[0-9]{6}", text)),
}


def evaluate(rule, rows, kinds, as_of):
    """Return (evaluated, failed) of a rule over rows of texts by column."""
    rows = [{name: cell(text) for name, text in row.items()} for row in rows]
    if rule.kind == "rows":
        low, high = rule.minimum, rule.maximum
        return 1, int(not ((low is None or len(rows) >= low) and (high is None or len(rows) <= high)))
    if rule.kind == "unique":
        keys = [tuple(row[name] for name in rule.columns) for row in rows]
        keys = [key for key in keys if None not in key]
        return len(keys), len(keys) - len(set(keys))
    met = []
    for row in rows:
        texts = [row[name] for name in rule.columns]
        values = [value(row[name], kinds[name]) for name in rule.columns]
        if rule.kind == "not_null":
            met.append(texts[0] is not None)
        elif rule.kind in ("range", "compare", "past"):
            if None not in values:
                met.append(of_values(rule, values, as_of))
        elif texts[0] is not None:
            met.append(of_text(rule, texts[0], values[0]))
    return len(met), met.count(False)


def of_values(rule, values, as_of):
    if rule.kind == "range":
        return (rule.minimum is None or values[0] >= rule.minimum) and (
            rule.maximum is None or values[0] <= rule.maximum
        )
    if rule.kind == "past":
        return values[0] <= as_of
    one, other = values
    return {"<": one < other, "<=": one <= other, "=": one == other, ">=": one >= other, ">": one > other}[
        rule.operator
    ]


def of_text(rule, text, value):
    if rule.kind == "type":
        return value is not None
    if rule.kind == "pattern":
        return bool(re.fullmatch(rule.pattern, text))
    if rule.kind == "length":
        return (rule.minimum is None or len(text) >= rule.minimum) and (
            rule.maximum is None or len(text) <= rule.maximum
        )
    if rule.kind == "one_of":
        return text in rule.values
    return CODES[rule.code](text)
