"""Agreements for aggregates only: the shape of their queries, and the audit that no answers together single people out.

A query adds up the rows of groups. Whoever has the sums of two sets that differ by one person has that person; and with
more queries sets can be made to differ by one in ways that no look at pairs finds (Denning's trackers). So the audit
keeps the partition of the rows that all answered queries together make: two rows are in one cell if no answer told them
apart. Every answer is a sum over whole cells, and so is all that can be computed from answers. The rule, after Chin and
Ozsoyoglu (1982): every cell that is not empty holds at least ``group`` people, what nobody asked for included.

Groups that break the rule are left out of the answer, and so are others where the left-out could be had by subtraction.
A measure that is missing for some is audited over those that have it; that it is missing is not protected. What the rule
doesn't hold against is somebody who knows all of a cell but one: that takes noise (`dujiang.data.spaces.privacy`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from dujiang.data.spaces.enforcement import (
    Dialect,
    Forbidden,
    Source,
    known_types,
    literal,
    parse,
    protected,
    rows_of,
    safe,
    shown,
    table_of,
)
from dujiang.data.spaces.policy import Column, Policy, Use, View
from dujiang.data.spaces.worker import Counts, counted_as
from dujiang.messages import Text

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs SQL on the source and returns the rows."""
Count = Callable[[Counts, str], Sequence[tuple[Any, ...]] | None]
"""Runs SQL on counts of the source's rows and returns the rows; None where there are no such counts."""
MOST_CELLS = 20_000
MOST_LEFT_OUT = 1_000
ADDING = (
    exp.Count, exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop,
)  # fmt: skip
"""The aggregates that are sums over rows, or made of such sums. None returns one row's value, as min or median do."""
_EXACT = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DECIMAL",
    "VARCHAR", "BOOL", "DATE", "TIMESTAMP",
)  # fmt: skip
"""Types whose values are equal only if they are the same."""
_KEYS = (exp.Year, exp.Month, exp.Quarter, exp.Extract, exp.TimestampTrunc, exp.DateTrunc)


@dataclass(frozen=True, slots=True)
class Question:
    """A query in its parts: where, keys and measures as SQL over the source, called ``src``.

    ``shown`` is what the view shows of a row in that form: whether it is there, and the columns to group by.
    """

    tree: exp.Select
    view: View
    source: Source
    where: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    shown: frozenset[str]
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Answered:
    """What is kept of an answered query to audit later ones by: the cells that it told apart, and the measures.

    ``left_out`` are the keys of the groups that were left out, as SQL, so that they stay out when it is asked again.
    """

    where: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    left_out: tuple[tuple[str, ...], ...]
    fragments: tuple[str, ...]


def question(
    sql: str, policy: Policy, sources: Mapping[str, Source], key: str, dialect: Dialect = "duckdb"
) -> Question:
    """Return a consumer's query in its parts if it only adds up groups of the agreement's view; raises `Forbidden`."""
    tree = parse(sql, policy, dialect)
    if not isinstance(tree, exp.Select) or any(tree.args.get(name) for name in ("with_", "joins", "distinct")):
        raise _shape("应为对一个视图的一条聚合查询", "it should be one query that adds up one view")
    if (
        next(tree.find_all(exp.Subquery, exp.Query, bfs=True), None) is not tree
        or len(list(tree.find_all(exp.Query))) > 1
    ):
        raise _shape("不允许子查询", "sub-queries are not allowed")
    if tree.find(exp.Window, exp.Filter):
        raise _shape("不允许窗口函数和 FILTER", "window functions and FILTER are not allowed")
    table = tree.args["from_"].this if tree.args.get("from_") else None
    view = policy.view(table.name) if isinstance(table, exp.Table) else None
    if view is None:
        raise _shape("应从视图查询", "it should be from a view")
    source = sources[view.name]
    types = known_types(_no_names(tree), policy, sources)
    _where(tree, view, types)
    keys = _keys(tree, view)
    measures = _aggregates(tree, view, keys)
    where = _on_source(tree.args["where"].this, view, source, key, dialect) if tree.args.get("where") else exp.true()
    inside = exp.Case(ifs=[exp.If(this=rows_of(view), true=where)], default=exp.false()) if view.rows else where

    return Question(
        tree,
        view,
        source,
        _written(inside, dialect),
        tuple(_written(_on_source(one, view, source, key, dialect), dialect) for one in keys),
        tuple(_written(shown(one, source, key, dialect), dialect) for one in measures),
        frozenset(_shown(view, source, key, dialect)),
        dialect,
    )


def audit(
    asked: Question, group: int, history: Collection[Answered], ask: Ask, *, rows_a_person: int, count: Count | None
) -> Answered:
    """Return what may be answered, to be kept; raises `Forbidden` where nothing may.

    ``rows_a_person`` is the most rows that are about one person; it saves counting people where there are rows enough.
    ``count`` is for a source that never changes: counts of its rows that were made once save reading it all again, and
    the same question need not be audited twice.
    """
    for one in history:
        if count and (one.where, one.keys) == (asked.where, asked.keys) and set(asked.measures) <= set(one.measures):
            return one
    past = list(dict.fromkeys(fragment for one in history for fragment in one.fragments))
    for counted in (False, True) if rows_a_person > 1 else (False,):
        cells = _cells(asked, past, ask, count, counted)
        left_out = _left_out(cells, group, rows_a_person)
        if left_out == set():
            break
    if left_out is None:
        raise Forbidden(
            "group",
            Text(
                f"这条查询或它与已答查询之差涉及的人数少于 {group}",
                f"this query, or what it and those answered differ by, is about fewer than {group} people",
            ),
        )
    if len(left_out) > MOST_LEFT_OUT:
        raise Forbidden("group", Text("人数不足的分组太多", "too many groups are of too few people"))
    kept = sorted(tuple(literal(one).sql(dialect=asked.dialect) for one in keys) for keys in left_out)
    return Answered(asked.where, asked.keys, asked.measures, tuple(kept), _fragments(asked, kept))


def answer(asked: Question, kept: Answered, group: int, key: str) -> str:
    """Return the SQL that answers a question that was audited."""
    tree = asked.tree.copy()
    table = next(tree.find_all(exp.Table))
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(asked.view.name, quoted=True))
    keys = [one.copy() for one in tree.args["group"].expressions] if tree.args.get("group") else []
    for one in kept.left_out:
        same = [
            exp.NullSafeEQ(this=name.copy(), expression=sqlglot.parse_one(value, dialect=asked.dialect))
            for name, value in zip(keys, one, strict=True)
        ]
        tree.where(exp.not_(exp.and_(*same)), copy=False)
    # The audit has seen to it; should it be wrong about the rows, no group of fewer rows gets out.
    tree.having(exp.GTE(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(group)), copy=False)
    table.replace(protected(asked.view, asked.source, key, alias, asked.dialect))
    return tree.sql(dialect=asked.dialect, identify=True, comments=False)


def rows_a_person(view: View, source: Source, dialect: Dialect = "duckdb") -> str:
    """Return the SQL that counts the most rows that are about one person."""
    subject = exp.column(exp.to_identifier(view.subject, quoted=True), table="src")
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(table_of(source)).group_by(subject)
    return (
        exp.select(exp.Max(this=exp.column("n"))).from_(counted.subquery("counted")).sql(dialect=dialect, identify=True)
    )


def counts_of(view: View, source: Source) -> Counts:
    """Return what to count a file's rows by for every question that a view allows."""
    keys = _shown(view, source, "", "duckdb")
    measures = [
        _written(shown(one, source, "", "duckdb"), "duckdb") for one in view.columns if one.use is not Use.GROUP
    ]
    return Counts(source.relation[-1], tuple(sorted(set(keys) - _inexact(source))), tuple(sorted(measures)))


# The shape.


def _shape(zh: str, en: str) -> Forbidden:
    return Forbidden("aggregates", Text(f"合约只允许聚合：{zh}", f"the agreement is for aggregates only: {en}"))


def _no_names(tree: exp.Select) -> exp.Select:
    """Return the query without the names that it gives itself, which hide no column in WHERE and GROUP BY."""
    bare = tree.copy()
    bare.set("expressions", [one.this if isinstance(one, exp.Alias) else one for one in bare.expressions])
    return bare


def _grouping(view: View, name: str) -> Column:
    column = view.column(name)
    if column is None or column.use is Use.MEASURE:
        raise _shape(f"不能按“{name}”筛选或分组", f"one can't filter or group by {name!r}")
    return column


def _where(tree: exp.Select, view: View, types: Mapping[str, str]) -> None:
    """A row is in or out by comparing columns with constants, which can't fail and so tells nothing by failing."""
    if not tree.args.get("where"):
        return
    todo = [tree.args["where"].this]
    while todo:
        node = todo.pop()
        if isinstance(node, exp.And | exp.Or | exp.Not | exp.Paren):
            todo.extend(node.iter_expressions())
        elif isinstance(node, exp.Boolean):
            continue
        elif safe(node, types):
            for column in node.find_all(exp.Column):
                _grouping(view, column.name)
        else:
            raise _shape("条件只能是列与同类常量的比较", "a condition may compare a column with constants of its kind")


def _keys(tree: exp.Select, view: View) -> list[exp.Expr]:
    """Return what is grouped by: columns, or parts of dates."""
    group = tree.args.get("group")
    named = {one.alias: one.this for one in tree.expressions if isinstance(one, exp.Alias)}
    keys: list[exp.Expr] = []
    for one in group.expressions if group else []:
        key = one
        if isinstance(one, exp.Column) and not view.column(one.name) and one.name in named:
            key = named[one.name]
        if not isinstance(key, (exp.Column, *_KEYS)) or (
            not isinstance(key, exp.Column)
            and not isinstance(key.expression or key.this, exp.Column)
            and not isinstance(key.this, exp.Column)
        ):
            raise _shape("只能按列或日期的一部分分组", "one may group by columns, or parts of dates")
        for column in key.find_all(exp.Column):
            _grouping(view, column.name)
        keys.append(key.copy())
        one.replace(key.copy())
    return keys  # fmt: skip


def _aggregates(tree: exp.Select, view: View, keys: list[exp.Expr]) -> list[Column]:
    """Return the measures that are added up; what stands beside sums is grouped by."""
    measures: dict[str, Column] = {}
    names = {one.alias for one in tree.expressions if isinstance(one, exp.Alias)}
    parts = [(one, False) for one in tree.expressions]
    parts += [(one, True) for name in ("having", "order") if (one := tree.args.get(name))]
    for part, may_name in parts:
        for one in part.find_all(exp.AggFunc):
            if column := _measure(one, view):
                measures[column.name] = column
        bare = part.copy()
        for one in list(bare.find_all(exp.AggFunc)):
            one.replace(exp.Literal.number(0)) if one.parent else None
        if isinstance(part, exp.AggFunc):
            continue
        loose = {column.name for column in bare.find_all(exp.Column)} | ({"*"} if bare.find(exp.Star) else set())
        keyed = {column.name for key in keys for column in key.find_all(exp.Column)}
        if loose - keyed - (names if may_name else set()):
            raise _shape("聚合之外的列应在 GROUP BY 中", "a column outside an aggregate should be in GROUP BY")
    if not keys and not any(one.find(exp.AggFunc) for one in tree.expressions):
        raise _shape("应有聚合函数", "it should have an aggregate")
    return list(measures.values())


def _measure(one: exp.AggFunc, view: View) -> Column | None:
    """Return the column that an aggregate adds up; None where it counts rows or people."""
    if not isinstance(one, ADDING):
        raise _shape(f"不允许 {one.key}", f"{one.key} is not allowed")
    if isinstance(one, exp.Count) and (isinstance(one.this, exp.Star) or one.this is None):
        return None
    argument = one.this
    if isinstance(one, exp.Count) and isinstance(argument, exp.Distinct) and len(argument.expressions) == 1:
        person = argument.expressions[0]
        column = view.column(person.name) if isinstance(person, exp.Column) else None
        if column and column.field == view.subject:
            return None
    column = view.column(argument.name) if isinstance(argument, exp.Column) else None
    if column is None or column.use is Use.GROUP or one.expressions:
        raise _shape("聚合的应是一个度量列", "what is added up should be a measure")
    return column


def _on_source(node: exp.Expr, view: View, source: Source, key: str, dialect: Dialect) -> exp.Expr:
    """Return an expression over the view as one over its source."""

    def replace(one: exp.Expr) -> exp.Expr:
        if isinstance(one, exp.Column) and (column := view.column(one.name)):
            return shown(column, source, key, dialect)
        return one

    return node.copy().transform(replace)


def _written(one: exp.Expr, dialect: Dialect) -> str:
    return one.sql(dialect=dialect, identify=True, comments=False)


def _shown(view: View, source: Source, key: str, dialect: Dialect) -> list[str]:
    """Return what a view shows of a row, but for measures: whether it is there, and the columns, as SQL."""
    grouping = [shown(one, source, key, dialect) for one in view.columns if one.use is not Use.MEASURE]
    return [_written(one, dialect) for one in [*([rows_of(view)] if view.rows else []), *grouping]]


# The cells.


@dataclass(slots=True)
class _Cell:
    """Rows that no answer tells apart: what queries before said of them, whether this one takes them and its keys."""

    past: tuple[Any, ...]
    inside: bool
    keys: tuple[Any, ...]
    counts: list[tuple[int, int | None]]
    """Rows and people (None where they were not counted): of all, then of those that have each measure."""


def _fragments(asked: Question, left_out: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the SQL that tells apart the rows that an answer told apart."""
    inside = f"({asked.where})"
    if left_out:
        same = " OR ".join(
            "("
            + " AND ".join(f"({key}) IS NOT DISTINCT FROM {value}" for key, value in zip(asked.keys, one, strict=True))
            + ")"
            for one in left_out
        )
        inside = f"({inside} AND NOT ({same}))"
    keys = tuple(f"CASE WHEN {inside} THEN {key} END" for key in asked.keys)
    return (f"CASE WHEN {inside} THEN 1 ELSE 0 END", *keys) if inside != "(TRUE)" else asked.keys


def _inexact(source: Source) -> set[str]:
    """Return the columns that can't be counted by: nought and minus nought would be one, which text made of them isn't."""
    names = (name for name, kind in source.types.items() if not kind.startswith(_EXACT))
    return {_written(exp.column(exp.to_identifier(one, quoted=True), table="src"), "duckdb") for one in names}


@lru_cache(maxsize=10_000)
def _over_counts(sql: str, whole: frozenset[str]) -> tuple[str, frozenset[str]] | None:
    """Return an expression over a source as one over its counts, and what these are by; None where it can't be.

    What is in ``whole`` is counted by as it stands, for the rest its columns are.
    """
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if _written(tree, "duckdb") != sql:
        return None
    used = set()

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Condition) and (
            (text := _written(node, "duckdb")) in whole or isinstance(node, exp.Column)
        ):
            used.add(text)
            return exp.column(exp.to_identifier(counted_as(text), quoted=True), table="src")
        return node

    return _written(tree.transform(replace), "duckdb"), frozenset(used)


def _by_counts(asked: Question, told: Sequence[str], count: Count) -> Sequence[tuple[Any, ...]] | None:
    """Return the rows of each kind that are told apart, and those with each measure, from counts; None where it can't be."""
    over = [_over_counts(one, asked.shown) for one in told]
    if None in over:
        return None
    keys = frozenset[str]().union(*(one[1] for one in over if one))
    if keys & _inexact(asked.source):
        return None
    sums = ['SUM("src"."n")', *(f'SUM("src"."{counted_as(one, measure=True)}")' for one in asked.measures)]
    counts = Counts(asked.source.relation[-1], tuple(sorted(keys)), tuple(sorted(asked.measures)))
    return count(counts, _grouped([one[0] for one in over if one], sums, '"counts" AS "src"'))


def _grouped(told: Sequence[str], sums: Sequence[str], table: str) -> str:
    grouped = f" GROUP BY {', '.join(str(place) for place in range(1, len(told) + 1))}" if told else ""
    return f"SELECT {', '.join([*told, *sums])} FROM {table}{grouped} LIMIT {MOST_CELLS + 1}"


def _cells(asked: Question, past: Sequence[str], ask: Ask, count: Count | None, counted: bool) -> list[_Cell]:
    subject = exp.column(exp.to_identifier(asked.view.subject, quoted=True), table="src").sql(
        dialect=asked.dialect, identify=True
    )
    whole = asked.where == "TRUE"
    told = [*past, *([] if whole else [f"CASE WHEN {asked.where} THEN 1 ELSE 0 END"])]
    told += asked.keys if whole else [f"CASE WHEN {asked.where} THEN {one} END" for one in asked.keys]
    sums = ["COUNT(*)", *(f"COUNT({one})" for one in asked.measures)]
    if counted:
        sums.append(f"COUNT(DISTINCT {subject})")
        sums += [f"COUNT(DISTINCT CASE WHEN {one} IS NOT NULL THEN {subject} END)" for one in asked.measures]
    rows = _by_counts(asked, told, count) if count and not counted else None
    if rows is None:
        rows = ask(_grouped(told, sums, _written(table_of(asked.source), asked.dialect)))
    if len(rows) > MOST_CELLS:
        raise Forbidden("group", Text("分组太多", "there are too many groups"))
    found = []
    kinds = 1 + len(asked.measures)
    for row in rows:
        keys_at = len(told) - len(asked.keys)
        numbers = row[len(told) :]
        people = numbers[kinds:] if counted else [None] * kinds
        inside = True if whole else bool(row[len(past)])
        found.append(
            _Cell(
                tuple(row[: len(past)]),
                inside,
                tuple(row[keys_at : len(told)]),
                list(zip(numbers[:kinds], people, strict=True)),
            )
        )
    return [one for one in found if one.counts[0][0]]


def _left_out(cells: Sequence[_Cell], group: int, most: int) -> set[tuple[Any, ...]] | None:
    """Return the groups that may not be told, as few people are in them or in what they leave; None for all."""
    groups: dict[tuple[Any, ...], list[_Cell]] = {}
    for cell in cells:
        if cell.inside:
            groups.setdefault(cell.keys, []).append(cell)
    told = {keys for keys, parts in groups.items() if all(_enough([one], group, most) for one in parts)}
    while told:
        rest: dict[tuple[Any, ...], list[_Cell]] = {}
        for cell in cells:
            if not cell.inside or cell.keys not in told:
                rest.setdefault(cell.past, []).append(cell)
        short = {past for past, parts in rest.items() if not _enough(parts, group, most)}
        if not short:
            return set(groups) - told
        beside = [keys for keys in told if any(one.past in short for one in groups[keys])]
        if not beside:
            return None
        told.discard(min(beside, key=lambda keys: (sum(one.counts[0][0] for one in groups[keys]), repr(keys))))
    return None


def _enough(cells: Sequence[_Cell], group: int, most: int) -> bool:
    """Whether cells taken together are certainly about enough people, as are those of them that have each measure."""
    for place in range(len(cells[0].counts)):
        rows = sum(one.counts[place][0] for one in cells)
        if not rows and place:
            continue
        people = max((one.counts[place][1] or 0) for one in cells)
        if max(people, -(-rows // most)) < group:
            return False
    return True


# With noise.


@dataclass(frozen=True, slots=True)
class Item:
    """A column of a noisy answer: a key (its place among the keys), or statistics: a count, a sum, or their quotient."""

    name: str
    key: int | None = None
    count: bool = False
    sum: bool = False
    column: Column | None = None

    @property
    def statistics(self) -> int:
        """How many noisy statistics it takes."""
        return self.count + self.sum


def items(asked: Question) -> list[Item]:
    """Return what a query with noise asks for; raises `Forbidden` where it is more than keys, counts, sums and means."""
    tree = asked.tree
    if any(tree.args.get(name) for name in ("having", "order", "limit", "offset")):
        raise _shape("加噪声的查询不能有 HAVING、ORDER BY 和 LIMIT", "with noise there is no HAVING, ORDER BY or LIMIT")
    keys = tree.args["group"].expressions if tree.args.get("group") else []
    found = []
    for place, one in enumerate(tree.expressions):
        value = one.this if isinstance(one, exp.Alias) else one
        name = one.alias_or_name or f"column_{place + 1}"
        if value in keys:
            found.append(Item(name, key=keys.index(value)))
            continue
        if not isinstance(value, exp.Count | exp.Sum | exp.Avg) or isinstance(value.this, exp.Distinct):
            raise _shape(
                "加噪声的查询只有分组列、COUNT、SUM 和 AVG", "with noise there are keys, COUNT, SUM and AVG only"
            )
        column = asked.view.column(value.this.name) if isinstance(value.this, exp.Column) else None
        found.append(Item(name, None, not isinstance(value, exp.Sum), not isinstance(value, exp.Count), column))
    return found


def statistics(asked: Question, kept: Answered, group: int, key: str) -> str:
    """Return the SQL of an audited query's exact keys and statistics, in their items' order, before noise is added.

    Keys come first. Measures are clamped to their bounds, and a missing one is not counted.
    """
    bare = replace(asked, tree=asked.tree.copy())
    keys = [one.copy() for one in asked.tree.args["group"].expressions] if asked.tree.args.get("group") else []
    wanted: list[exp.Expr] = [*keys]
    for item in items(asked):
        if item.count:
            wanted.append(exp.Count(this=exp.column(item.column.name, quoted=True) if item.column else exp.Star()))
        if item.sum and item.column:
            wanted.append(exp.Sum(this=_clamped(item.column)))
    bare.tree.set("expressions", [exp.alias_(one, f"s{place}") for place, one in enumerate(wanted)])
    return answer(bare, kept, group, key)


def _clamped(column: Column) -> exp.Expr:
    value = exp.cast(exp.column(column.name, quoted=True), "DOUBLE")
    low, high = (literal(float(one or 0)) for one in (column.low, column.high))
    # A comparison with NULL is not true, so a missing value stays one.
    ifs = [exp.If(this=value.copy() < low.copy(), true=low), exp.If(this=value.copy() > high.copy(), true=high)]
    return exp.Case(ifs=ifs, default=value)
