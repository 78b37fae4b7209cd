"""Rules of a table: what kinds there are, the file that people edit them in, and the SQL that they become.

The dimensions and the names of the indicators are those of GB/T 36344-2018. Each indicator is a share: what meets the
rule, of what the rule is about. A rule is about the rows where all its columns have a value; only ``not_null`` is about
all rows. A value that can't be read as its column's type is a fault by ``type`` and no value for the other rules.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from dujiang.data.inspection.codes import CODES
from dujiang.data.inspection.conditions import checked
from dujiang.data.inspection.sources import TYPES, literal
from dujiang.messages import BadInput, Text


class Dimension(StrEnum):
    """The six of GB/T 36344-2018."""

    NORMATIVE = "normative"
    COMPLETE = "complete"
    ACCURATE = "accurate"
    CONSISTENT = "consistent"
    TIMELY = "timely"
    ACCESSIBLE = "accessible"


DIMENSIONS = {
    Dimension.NORMATIVE: Text("规范性", "normative"),
    Dimension.COMPLETE: Text("完整性", "complete"),
    Dimension.ACCURATE: Text("准确性", "accurate"),
    Dimension.CONSISTENT: Text("一致性", "consistent"),
    Dimension.TIMELY: Text("时效性", "timely"),
    Dimension.ACCESSIBLE: Text("可访问性", "accessible"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule: what it says, the dimension and indicator that it counts to, and the fields that it takes."""

    title: Text
    dimension: Dimension
    indicator: Text
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    columns: int | None = 1
    """How many columns it names; None for one or more, 0 for none."""


KINDS: Mapping[str, Kind] = {
    "type": Kind(Text("类型", "type"), Dimension.NORMATIVE, Text("数据格式合规性", "format"), needs=("type",)),
    "pattern": Kind(
        Text("格式", "pattern"), Dimension.NORMATIVE, Text("数据标准", "data standard"), needs=("pattern",)
    ),
    "length": Kind(
        Text("长度", "length"), Dimension.NORMATIVE, Text("数据标准", "data standard"), takes=("minimum", "maximum")
    ),
    "one_of": Kind(
        Text("值域", "one of"), Dimension.NORMATIVE, Text("权威参考数据", "reference data"), needs=("values",)
    ),
    "code": Kind(Text("编码校验", "code"), Dimension.NORMATIVE, Text("数据标准", "data standard"), needs=("code",)),
    "not_null": Kind(Text("非空", "not null"), Dimension.COMPLETE, Text("数据元素完整性", "completeness of elements")),
    "rows": Kind(
        Text("记录数", "rows"),
        Dimension.COMPLETE,
        Text("数据记录完整性", "completeness of records"),
        takes=("minimum", "maximum"),
        columns=0,
    ),
    "range": Kind(
        Text("取值范围", "range"),
        Dimension.ACCURATE,
        Text("数据内容正确性", "correct content"),
        takes=("minimum", "maximum"),
    ),
    "unique": Kind(Text("唯一", "unique"), Dimension.ACCURATE, Text("数据唯一性", "uniqueness"), columns=None),
    "compare": Kind(
        Text("列间关系", "compare"),
        Dimension.CONSISTENT,
        Text("关联数据一致性", "related data agree"),
        needs=("operator",),
        columns=2,
    ),
    "condition": Kind(
        Text("业务规则", "business rule"),
        Dimension.CONSISTENT,
        Text("关联数据一致性", "related data agree"),
        needs=("condition",),
        columns=0,
    ),
    "references": Kind(
        Text("外部引用", "references"),
        Dimension.CONSISTENT,
        Text("相同数据一致性", "same data agree"),
        needs=("source", "key"),
    ),
    "past": Kind(
        Text("不晚于检查日", "not in the future"),
        Dimension.TIMELY,
        Text("基于时间段的正确性", "correct as to the period"),
    ),
    "fresh": Kind(
        Text("最近更新", "fresh"), Dimension.TIMELY, Text("基于时间点的及时性", "timely at a point"), needs=("days",)
    ),
}
"""Every kind of rule, by its name in the file."""

OPERATORS = ("<", "<=", "=", ">=", ">")
_TABLE_WIDE = ("rows", "unique", "references", "fresh")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a table; ``at_least`` is the share that must meet it for the rule to hold."""

    kind: str
    columns: tuple[str, ...] = ()
    at_least: float = 1.0
    type: str = ""
    pattern: str = ""
    minimum: float | date | None = None
    maximum: float | date | None = None
    values: tuple[str, ...] = ()
    code: str = ""
    operator: str = ""
    condition: str = ""
    source: str = ""
    key: str = ""
    days: float | None = None

    @property
    def about(self) -> Kind:
        """What its kind says."""
        return KINDS[self.kind]

    @property
    def rowwise(self) -> bool:
        """Whether a row meets it or not by itself, so that it is part of the one scan."""
        return self.kind not in _TABLE_WIDE

    def wording(self) -> Text:
        """Return the rule as people read it, without its column."""
        match self.kind:
            case "type":
                return TYPE_NAMES[self.type]
            case "pattern":
                return Text(self.pattern, self.pattern)
            case "one_of":
                shown = "、".join(self.values[:8]) + ("…" if len(self.values) > 8 else "")
                return Text(shown, shown.replace("、", ", "))
            case "code":
                return CODES[self.code].title
            case "compare":
                shown = f"{self.columns[0]} {self.operator} {self.columns[1]}"
            case "condition":
                shown = self.condition
            case "references":
                shown = f"→ {self.source} . {self.key}"
            case "fresh":
                return Text(f"{self.days:g} 天内", f"within {self.days:g} days")
            case "range" | "length" | "rows":
                low = "" if self.minimum is None else f"≥ {_bound(self.minimum)}"
                high = "" if self.maximum is None else f"≤ {_bound(self.maximum)}"
                shown = "，".join(filter(None, (low, high)))
                return Text(shown, shown.replace("，", ", "))
            case _:
                return self.about.title
        return Text(shown, shown)


TYPE_NAMES = {
    "integer": Text("整数", "integer"),
    "number": Text("数值", "number"),
    "date": Text("日期", "date"),
    "timestamp": Text("时间", "time"),
    "boolean": Text("是否", "boolean"),
    "text": Text("文本", "text"),
}
_NUMBERED = {"type": TYPES, "operator": OPERATORS, "code": tuple(CODES)}


def read_rules(path: Path) -> list[Rule]:
    """Read a rules file; raises `BadInput` naming the rule by its number and what is wrong with it."""
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(path, expected=Text("TOML 规则文件", "a TOML file of rules"), found=str(error)) from error
    entries = found.pop("rule", [])
    if found or not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        expected = Text("若干 [[rule]] 段", "sections [[rule]]")
        raise BadInput(path, expected=expected, found=", ".join(found) or type(entries).__name__)
    return [_rule(path, number, entry) for number, entry in enumerate(entries, start=1)]


def write_rules(rules: Iterable[Rule], path: Path) -> None:
    """Write a rules file for people to edit; read again it gives the same rules."""
    lines = [
        "# 规则可以增删、修改；at_least 是应当满足的最低比例。",
        "# Add, change and remove rules; at_least is the share that must meet one.",
    ]
    for rule in rules:
        lines += ["", f"# {rule.about.title}：{DIMENSIONS[rule.about.dimension]}", "[[rule]]", f'kind = "{rule.kind}"']
        if len(rule.columns) == 1:
            lines.append(f"column = {_toml(rule.columns[0])}")
        elif rule.columns:
            lines.append(f"columns = {_toml(list(rule.columns))}")
        for name in (*rule.about.needs, *rule.about.takes):
            if (value := getattr(rule, name)) is not None:
                lines.append(f"{name} = {_toml(list(value) if isinstance(value, tuple) else value)}")
        lines.append(f"at_least = {rule.at_least!r}")
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def fitting(rules: Sequence[Rule], columns: Sequence[str], path: Path | str) -> None:
    """Raise `BadInput` where a rule names a column that the table doesn't have."""
    for number, rule in enumerate(rules, start=1):
        for name in rule.columns:
            if name not in columns:
                raise _fault(
                    path,
                    number,
                    "column",
                    Text(f"表中的列：{'、'.join(columns)}", f"a column of the table: {', '.join(columns)}"),
                    name,
                )
        if rule.kind == "condition":
            try:
                checked(rule.condition, columns)
            except ValueError as error:
                raise _fault(
                    path,
                    number,
                    "condition",
                    Text("只含列、常数和比较的条件", "a condition of columns, constants and comparisons only"),
                    str(error),
                ) from error


def typed(text: str, kind: str) -> str:
    """Return the SQL that reads ``text`` (SQL of a text) as a type; NULL where it is missing or isn't of it."""
    match kind:
        case "integer":
            return f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]{{1,18}}') THEN TRY_CAST({text} AS BIGINT) END"
        case "number":
            return (
                f"CASE WHEN regexp_full_match({text}, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,3}})?') "
                f"THEN TRY_CAST({text} AS DOUBLE) END"
            )
        case "date":
            return f"CAST(try_strptime({text}, {DATE_FORMATS}) AS DATE)"
        case "timestamp":
            return f"try_strptime({text}, {TIME_FORMATS})"
        case "boolean":
            return (
                f"CASE WHEN lower({text}) IN ('true', 'yes', 'y', 't', '是', '1') THEN true "
                f"WHEN lower({text}) IN ('false', 'no', 'n', 'f', '否', '0') THEN false END"
            )
    return text


DATE_FORMATS = "['%Y-%m-%d', '%Y/%m/%d', '%Y年%m月%d日', '%Y%m%d', '%Y.%m.%d']"
TIME_FORMATS = (
    "['%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M', "
    "'%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%dT%H:%M:%S.%f', '%Y-%m-%d', '%Y/%m/%d', '%Y%m%d%H%M%S']"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """SQL of a column in a scan: its ``value`` as its type, its ``text``, and what is NULL where it is missing."""

    value: str
    text: str
    there: str


def condition(rule: Rule, read: Mapping[str, Reading], as_of: date) -> tuple[str, str]:
    """Return SQL of (when the rule is about a row, what the row has to meet) for a rule of single rows."""
    columns = [read[name] for name in rule.columns]
    first = columns[0] if columns else None
    if rule.kind == "condition":
        met, used = checked(rule.condition, tuple(read), {name: one.value for name, one in read.items()})
        return " AND ".join(f"{read[name].value} IS NOT NULL" for name in used) or "true", met
    assert first is not None
    there = f"{first.there} IS NOT NULL"
    valued = " AND ".join(f"{one.value} IS NOT NULL" for one in columns)
    match rule.kind:
        case "not_null":
            return "true", there
        case "type":
            return there, f"{first.value} IS NOT NULL"
        case "pattern":
            return there, f"regexp_full_match({first.text}, {literal(rule.pattern)})"
        case "length":
            return there, _between(f"length({first.text})", rule)
        case "one_of":
            return there, f"{first.text} IN ({', '.join(map(literal, rule.values))})"
        case "code":
            return there, CODES[rule.code].sql.format(value=first.text)
        case "range":
            return valued, _between(first.value, rule)
        case "compare":
            return valued, f"{first.value} {rule.operator} {columns[1].value}"
        case "past":
            return valued, f"{first.value} < DATE {literal(as_of.isoformat())} + INTERVAL 1 DAY"
    raise AssertionError(rule.kind)


def _between(value: str, rule: Rule) -> str:
    parts = [
        f"{value} {sign} {_sql(bound)}"
        for sign, bound in ((">=", rule.minimum), ("<=", rule.maximum))
        if bound is not None
    ]
    return f"({' AND '.join(parts)})"


def _sql(bound: float | date) -> str:
    if isinstance(bound, datetime):
        return f"TIMESTAMP {literal(bound.isoformat(sep=' '))}"
    return f"DATE {literal(bound.isoformat())}" if isinstance(bound, date) else repr(bound)


def _bound(bound: float | date) -> str:
    return bound.isoformat() if isinstance(bound, date) else f"{bound:g}" if isinstance(bound, float) else str(bound)


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    # JSON's escapes are TOML's, but for the delete character, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(value, str) else repr(value)


def _rule(path: Path, number: int, entry: dict[str, Any]) -> Rule:
    kind = str(entry.get("kind", ""))
    if kind not in KINDS:
        raise _fault(path, number, "kind", Text(f"其中之一：{'、'.join(KINDS)}", f"one of {', '.join(KINDS)}"), kind)
    about = KINDS[kind]
    given: dict[str, Any] = dict(entry)
    if "column" in given:
        given["columns"] = [given.pop("column")]
    columns = given.get("columns", [])
    if (
        not isinstance(columns, list)
        or not all(isinstance(name, str) for name in columns)
        or (len(columns) != about.columns if about.columns is not None else not columns)
    ):
        count = "1+" if about.columns is None else str(about.columns)
        raise _fault(path, number, "column", Text(f"{count} 个列名", f"{count} names of columns"), columns)
    allowed = {"kind", "columns", "at_least", *about.needs, *about.takes}
    for name, value in given.items():
        if name not in allowed:
            raise _fault(
                path,
                number,
                name,
                Text(f"只用 {'、'.join(sorted(allowed))}", f"only {', '.join(sorted(allowed))}"),
                value,
            )
    for name in about.needs:
        if name not in given:
            raise _fault(path, number, name, Text("必填", "it to be given"), "")
    for name, value in given.items():
        _field(path, number, kind, name, value)
    if about.takes and not any(name in given for name in about.takes):
        raise _fault(path, number, about.takes[0], Text("至少一个界", "at least one bound"), "")
    made: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Rule(**made)


def _field(path: Path, number: int, kind: str, name: str, value: Any) -> None:
    number_given = isinstance(value, int | float) and not isinstance(value, bool)
    bound = number_given or (kind == "range" and isinstance(value, date))
    expected: Text | None = None
    match name:
        case "at_least" if not (number_given and 0 <= value <= 1):
            expected = Text("0 到 1 的比例", "a share from 0 to 1")
        case "minimum" | "maximum" if not bound or (isinstance(value, float) and math.isnan(value)):
            expected = Text("数或日期", "a number or a date")
        case "days" if not (number_given and value >= 0):
            expected = Text("天数", "a number of days")
        case "values" if not (isinstance(value, list) and value and all(isinstance(one, str) for one in value)):
            expected = Text("一列文本", "a list of texts")
        case "type" | "operator" | "code" if value not in _NUMBERED[name]:
            among = _NUMBERED[name]
            expected = Text(f"其中之一：{'、'.join(among)}", f"one of {', '.join(among)}")
        case "pattern" | "condition" | "source" | "key" if not (isinstance(value, str) and value):
            expected = Text("文本", "a text")
        case "pattern":
            expected = _pattern_fault(value)
    if expected:
        raise _fault(path, number, name, expected, value)


def _pattern_fault(pattern: str) -> Text | None:
    import duckdb

    try:
        with duckdb.connect() as connection:
            connection.execute("SELECT regexp_full_match('', ?)", [pattern]).fetchall()
    except duckdb.Error:
        return Text("RE2 正则表达式", "a regular expression of RE2")
    return None


def _fault(path: Path | str, number: int, name: str, expected: Text, found: Any) -> BadInput:
    return BadInput(path, row=f"[[rule]] {number}", field=name, expected=expected, found=str(found))


assert {name for kind in KINDS.values() for name in (*kind.needs, *kind.takes)} < {one.name for one in fields(Rule)}
