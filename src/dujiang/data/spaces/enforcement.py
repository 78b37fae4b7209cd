"""The enforcement point: a consumer's SQL in, SQL out that can reach only what the agreement allows.

Everything is allow-listed: one query, these kinds of expression, these functions, the agreement's views by name. Each
view is then replaced by a sub-query that has filtered its rows, chosen its columns and masked them, so that whatever is
around it can't see more. The SQL that runs is written anew from the tree, never the consumer's own text: what the parser
did not understand is not in it.

Hidden rows could still speak through errors, since an engine may carry out a consumer's filter before the agreement's.
In DuckDB what may fail is wrapped in TRY, and casts become TRY_CAST; in PostgreSQL the sub-query is a fence (OFFSET 0).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dujiang.data.spaces.policy import Column, Condition, Masking, Operator, Policy, Value, View
from dujiang.messages import Refused, Text

logging.getLogger("sqlglot").setLevel(
    logging.ERROR
)  # what it doesn't understand, consumers' text, is refused and no warning
Dialect = Literal["duckdb", "postgres"]
LONGEST = 20_000
"""Characters of a query."""
DEEPEST = 60
"""Levels of a query's tree."""


class Forbidden(Refused):
    """The agreement doesn't allow this; ``rule`` names which of its terms, for the provider's view of refusals."""

    def __init__(self, rule: str, text: Text) -> None:
        self.rule = rule
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a view's table is: its name in the engine, a schema's before it where there is one, and its columns' types."""

    relation: tuple[str, ...]
    types: Mapping[str, str]


_SELECT = frozenset(
    (
        "with_",
        "expressions",
        "distinct",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "offset",
    )
)
_SHAPES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: _SELECT,
    exp.Union: frozenset(("with_", "this", "expression", "distinct", "order", "limit", "offset")),
    exp.Intersect: frozenset(("with_", "this", "expression", "distinct", "order", "limit", "offset")),
    exp.Except: frozenset(("with_", "this", "expression", "distinct", "order", "limit", "offset")),
    exp.Subquery: frozenset(("this", "alias")),
    exp.With: frozenset(("expressions",)),
    exp.CTE: frozenset(("this", "alias")),
    exp.TableAlias: frozenset(("this", "columns")),
    exp.From: frozenset(("this",)),
    exp.Table: frozenset(("this", "alias")),
    exp.Join: frozenset(("this", "on", "side", "kind", "using")),
    exp.Where: frozenset(("this",)),
    exp.Group: frozenset(("expressions",)),
    exp.Having: frozenset(("this",)),
    exp.Order: frozenset(("expressions",)),
    exp.Ordered: frozenset(("this", "desc", "nulls_first")),
    exp.Limit: frozenset(("expression",)),
    exp.Offset: frozenset(("expression",)),
    exp.Distinct: frozenset(("expressions",)),
    exp.Star: frozenset(),
    exp.Column: frozenset(("this", "table")),
    exp.Identifier: frozenset(("this", "quoted")),
    exp.Alias: frozenset(("this", "alias")),
    exp.DataType: frozenset(("this", "expressions", "nested")),
    exp.DataTypeParam: frozenset(("this",)),
    exp.Cast: frozenset(("this", "to")),
    exp.TryCast: frozenset(("this", "to", "safe")),
    exp.In: frozenset(("this", "expressions", "query")),
    exp.Window: frozenset(("this", "partition_by", "order", "spec", "over")),
    exp.Filter: frozenset(("this", "expression")),
}
"""What a query may be built of, and with which parts: a part that isn't named here (a sample, a pivot, a hint, a lock,
another database) is refused."""
_AGGREGATES = (
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance,
    exp.VariancePop, exp.Median, exp.Corr,
)  # fmt: skip
_WINDOWS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead)
_CONNECTIVES = (exp.And, exp.Or, exp.Not, exp.Paren)
_COMPARISONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Between, exp.Like, exp.ILike, exp.NullSafeEQ,
    exp.NullSafeNEQ,
)  # fmt: skip
_SCALARS = (
    exp.Literal, exp.Null, exp.Boolean, exp.Var, exp.Exists, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Interval,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Abs, exp.Sign, exp.Round, exp.Floor, exp.Ceil,
    exp.Ln, exp.Exp, exp.Sqrt, exp.Pow, exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Left, exp.Right, exp.Trim,
    exp.Concat, exp.DPipe, exp.Replace, exp.Contains, exp.StartsWith, exp.Extract, exp.Year, exp.Month, exp.Day,
    exp.Quarter, exp.DayOfWeek, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.Greatest, exp.Least, exp.WindowSpec,
)  # fmt: skip
ALLOWED: dict[type[exp.Expr], frozenset[str]] = {
    **{one: frozenset(one.arg_types) for one in (*_AGGREGATES, *_WINDOWS, *_CONNECTIVES, *_COMPARISONS, *_SCALARS)},
    **_SHAPES,
}
_TYPES = frozenset(
    {
        exp.DType.BOOLEAN, exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.FLOAT,
        exp.DType.DOUBLE, exp.DType.DECIMAL, exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.DATE, exp.DType.TIMESTAMP,
    }
)  # fmt: skip
_JOINS = {"", "INNER", "OUTER", "CROSS", "LEFT", "RIGHT", "FULL"}
_UNITS = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "DOW", "DOY"}
_NUMBERS = ("INT", "DECIMAL", "NUMERIC", "DOUBLE", "FLOAT", "REAL")


def parse(sql: str, policy: Policy, dialect: Dialect = "duckdb") -> exp.Query:
    """Return the tree of a consumer's query, if it is one that the agreement allows; raises `Forbidden`."""
    if len(sql) > LONGEST or "\0" in sql:
        raise Forbidden("length", Text(f"查询最长 {LONGEST} 字", f"a query may have {LONGEST} characters"))
    try:
        parsed = [one for one in sqlglot.parse(sql, dialect=dialect) if one is not None]
    except (SqlglotError, RecursionError) as error:
        raise Forbidden("syntax", Text("读不懂这条查询", "this query can't be read")) from error
    if len(parsed) != 1:
        raise Forbidden("statements", Text("一次只能提交一条查询", "send one query at a time"))
    tree = parsed[0]
    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Subquery):
        raise Forbidden("statement", Text("只允许查询（SELECT）", "only a query (SELECT) is allowed"))
    for node, depth in _walk(tree):
        if depth > DEEPEST:
            raise Forbidden("length", Text("查询嵌套过深", "the query is nested too deeply"))
        _allowed(node)
    _fold(tree, dialect)
    _relations(tree, policy)
    _columns(tree, policy)
    return tree


def rewrite(sql: str, policy: Policy, sources: Mapping[str, Source], key: str, dialect: Dialect = "duckdb") -> str:
    """Return the SQL that answers a consumer's query from what the agreement shows, rows and all.

    ``sources`` are the views' tables by the view's name, ``key`` the agreement's secret for pseudonyms. Raises
    `Forbidden`. Agreements for aggregates only are answered by `dujiang.data.spaces.aggregates`.
    """
    if policy.group:
        raise ValueError("aggregates only: this query has to be audited")
    tree = parse(sql, policy, dialect)
    if dialect == "duckdb":
        _guard_all(tree, policy, sources)
    for table in list(tree.find_all(exp.Table)):
        if view := policy.view(table.name):
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(view.name, quoted=True))
            table.replace(protected(view, sources[view.name], key, alias, dialect))
    return tree.sql(dialect=dialect, identify=True, comments=False)


def _walk(node: exp.Expr, depth: int = 0) -> Iterator[tuple[exp.Expr, int]]:
    stack = [(node, depth)]
    while stack:
        one, level = stack.pop()
        yield one, level
        stack.extend((child, level + 1) for child in one.iter_expressions())


def _allowed(node: exp.Expr) -> None:
    kind = type(node)
    if kind not in ALLOWED:
        raise Forbidden("expression", Text(f"不允许 {kind.__name__}", f"{kind.__name__} is not allowed"))
    if extra := [name for name, value in node.args.items() if value and name not in ALLOWED[kind]]:
        raise Forbidden("expression", Text(f"{kind.__name__} 不允许 {extra}", f"{kind.__name__} may not have {extra}"))
    # What is a plain value in the tree is written out as it stands: only what is known here may be.
    if isinstance(node, exp.DataType) and (
        node.this not in _TYPES
        or any(not (isinstance(one, exp.DataTypeParam) and one.this.is_int) for one in node.expressions)
    ):
        raise Forbidden("type", Text("不允许转换为这种类型", "a cast to this type is not allowed"))
    if (
        isinstance(node, exp.Join)
        and not {str(node.args.get("side") or ""), str(node.args.get("kind") or "")} <= _JOINS
    ):
        raise Forbidden("expression", Text("不允许这种连接", "this kind of join is not allowed"))
    if isinstance(node, exp.Var) and node.name.upper() not in _UNITS:
        raise Forbidden("expression", Text("不允许这个单位", "this unit is not allowed"))
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise Forbidden("function", Text("不允许表函数", "table functions are not allowed"))
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Select | exp.Column | exp.Count):
        raise Forbidden("expression", Text("不允许这样用 *", "a * may not be used so"))
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Identifier | exp.Star):
        raise Forbidden("expression", Text("不允许这种列", "this kind of column is not allowed"))


def _fold(tree: exp.Expr, dialect: Dialect) -> None:
    """Write names as the engine takes them: DuckDB folds all names, PostgreSQL those without quotes."""
    for one in tree.find_all(exp.Identifier):
        if dialect == "duckdb" or not one.args.get("quoted"):
            one.set("this", one.name.lower())


def _relations(tree: exp.Query, policy: Policy) -> None:
    """Every table is a view of the agreement, or a common table expression that can be seen from there."""
    for cte in tree.find_all(exp.CTE):
        if policy.view(cte.alias) or not cte.alias:
            raise Forbidden("shadowing", Text("WITH 的名称不能与视图相同", "a WITH may not be called as a view is"))
    for table in tree.find_all(exp.Table):
        if not policy.view(table.name) and not _seen(table):
            raise Forbidden("relation", Text(f"合约里没有“{table.name}”", f"the agreement has no {table.name!r}"))


def _seen(table: exp.Table) -> bool:
    """Whether a common table expression of that name is in force where the table stands."""
    node: exp.Expr = table
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.With):
            # Within a WITH only those before this one are in force.
            before = parent.expressions[: parent.expressions.index(node)]
            if any(one.alias == table.name for one in before):
                return True
            node = parent.parent  # type: ignore[assignment]
            continue
        within = parent.args.get("with_")
        if within is not None and within is not node and any(one.alias == table.name for one in within.expressions):
            return True
        node = parent
    return False


def _columns(tree: exp.Query, policy: Policy) -> None:
    """Every column is one that a view shows, or that the query has named itself; the engine resolves which."""
    known = {column.name for view in policy.views for column in view.columns}
    known |= {one.alias for one in tree.find_all(exp.Alias)}
    known |= {column.name for alias in tree.find_all(exp.TableAlias) for column in alias.columns}
    tables = {one.name for one in policy.views} | {
        one.alias for one in tree.find_all(exp.TableAlias, exp.CTE, exp.Subquery)
    }
    tables |= {one.alias_or_name for one in tree.find_all(exp.Table)}
    for join in tree.find_all(exp.Join):
        _known([one.name for one in join.args.get("using") or []], known)
    for column in tree.find_all(exp.Column):
        _known([] if isinstance(column.this, exp.Star) else [column.name], known)
        _known([column.table] if column.table else [], tables)


def _known(names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise Forbidden("column", Text(f"合约里没有“{name}”", f"the agreement shows no {name!r}"))


def protected(view: View, source: Source, key: str, alias: exp.TableAlias, dialect: Dialect) -> exp.Subquery:
    """Return the sub-query that a view is: its rows filtered, its columns chosen and masked."""
    chosen = exp.select(
        *(
            exp.alias_(shown(one, source, key, dialect), exp.to_identifier(one.name, quoted=True))
            for one in view.columns
        )
    ).from_(table_of(source))
    if view.rows:
        chosen = chosen.where(rows_of(view))
    if dialect == "postgres":
        chosen = chosen.offset(0)
    return exp.Subquery(this=chosen, alias=alias)


def table_of(source: Source) -> exp.Expr:
    """Return the source's table, called ``src``."""
    *schema, table = (exp.to_identifier(one, quoted=True) for one in source.relation)
    alias = exp.TableAlias(this=exp.to_identifier("src", quoted=True))
    return exp.Table(this=table, alias=alias, **({"db": schema[0]} if schema else {}))


def rows_of(view: View) -> exp.Expr:
    """Return the condition that a row of the source fulfils to be in the view."""
    return exp.and_(exp.true(), *(_condition(one) for one in view.rows))


def _field(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table="src")


_SQL_OPERATORS: dict[Operator, type[exp.Binary]] = {
    Operator.EQ: exp.EQ, Operator.NEQ: exp.NEQ, Operator.LT: exp.LT, Operator.LTEQ: exp.LTE, Operator.GT: exp.GT,
    Operator.GTEQ: exp.GTE,
}  # fmt: skip


def _condition(condition: Condition) -> exp.Expr:
    field, values = _field(condition.column), [literal(one) for one in condition.values]
    if condition.operator.many:
        among: exp.Expr = exp.In(this=field, expressions=values)
        return among if condition.operator is Operator.IS_ANY_OF else exp.Not(this=among)
    compared: exp.Expr = _SQL_OPERATORS[condition.operator](this=field, expression=values[0])
    return compared


def literal(value: Value | None) -> exp.Expr:
    """Return a value as SQL."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    return exp.Literal.number(str(value))


def shown(column: Column, source: Source, key: str, dialect: Dialect) -> exp.Expr:
    """Return what a column shows of the source, masked."""
    field = _field(column.field)
    masking = column.masking
    if masking is None:
        return field
    text = field if family(source.types.get(column.field, "")) == "text" else exp.cast(field, "VARCHAR")
    if masking is Masking.PREFIX:
        return exp.Substring(this=text, start=exp.Literal.number(1), length=exp.Literal.number(column.size))
    if masking is Masking.YEAR:
        return exp.cast(exp.Extract(this=exp.var("YEAR"), expression=field), "INT")
    if masking is Masking.BUCKET:
        size = exp.Literal.number(column.size)
        divided = exp.cast(field, "DOUBLE") / size.copy()
        return exp.Floor(this=divided) * size
    return _digest(exp.Literal.string(key), _digest(exp.Literal.string(key + "|"), text, dialect), dialect)


def _digest(key: exp.Expr, text: exp.Expr, dialect: Dialect) -> exp.Expr:
    joined = exp.DPipe(this=key, expression=text)
    if dialect == "duckdb":
        return exp.func("sha256", joined)
    raw = exp.func("sha256", exp.func("convert_to", joined, exp.Literal.string("UTF8")))
    return exp.func("encode", raw, exp.Literal.string("hex"), dialect="postgres")


# What may fail on a value.


def _guard_all(tree: exp.Query, policy: Policy, sources: Mapping[str, Source]) -> None:
    """Wrap what may fail on a row's values, so that it is NULL there: the row may be a hidden one."""
    for cast in list(tree.find_all(exp.Cast)):
        if not isinstance(cast, exp.TryCast) and cast.find(exp.Column):
            cast.replace(exp.TryCast(this=cast.this, to=cast.args["to"]))
    types = known_types(tree, policy, sources)
    shown_names = {column.name for view in policy.views for column in view.columns}
    # A name for a sum can't stand in TRY, which isn't needed there; but it may not hide a column's name.
    sums = {one.alias for one in tree.find_all(exp.Alias) if one.find(exp.AggFunc, exp.Window)} - shown_names
    for select in list(tree.find_all(exp.Select)):
        for name in ("expressions", "joins", "where", "group", "having", "order"):
            for part in list(_parts(select.args.get(name))):
                guard(part, types, sums)


def _parts(arg: Any) -> Iterator[exp.Expr]:
    """Yield the expressions of a clause."""
    for one in arg if isinstance(arg, list) else [arg] if arg is not None else []:
        if isinstance(one, exp.Join):
            yield from _parts(one.args.get("on"))
        elif isinstance(one, exp.Where | exp.Having | exp.Ordered | exp.Alias):
            yield one.this
        elif isinstance(one, exp.Group | exp.Order):
            yield from _parts(one.expressions)
        else:
            yield one


def known_types(tree: exp.Query, policy: Policy, sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the family (text, number, time, boolean) of each column name that can mean one thing only."""
    renamed = {one.alias for one in tree.find_all(exp.Alias)}
    renamed |= {column.name for alias in tree.find_all(exp.TableAlias) for column in alias.columns}
    found: dict[str, set[str]] = {}
    for view in policy.views:
        for column in view.columns:
            kind = family(sources[view.name].types.get(column.field, ""))
            if column.masking:
                kind = "number" if column.masking in (Masking.YEAR, Masking.BUCKET) else "text"
            found.setdefault(column.name, set()).add(kind)
    return {name: min(one) for name, one in found.items() if len(one) == 1 and name not in renamed}


def family(kind: str) -> str:
    """Return text, number, time or boolean for an engine's type; empty for what is none of them."""
    kind = kind.upper()
    if "[" in kind or ("(" in kind and not kind.startswith(("DECIMAL", "NUMERIC", "VARCHAR"))):
        return ""
    if kind.startswith(("VARCHAR", "TEXT", "CHAR")):
        return "text"
    if kind.startswith(("DATE", "TIMESTAMP")):
        return "time"
    if kind.startswith("BOOL"):
        return "boolean"
    return "number" if any(one in kind for one in _NUMBERS) and "INTERVAL" not in kind else ""


def guard(node: exp.Expr, types: Mapping[str, str], sums: Collection[str] = ()) -> None:
    """Wrap in TRY what may fail on a row's values. ``sums`` are names of aggregates."""
    if isinstance(node, _CONNECTIVES):
        for child in list(node.iter_expressions()):
            guard(child, types, sums)
    elif isinstance(node, exp.Column | exp.Star | exp.Literal | exp.Query | exp.Exists) or safe(node, types):
        return
    elif isinstance(node, exp.TryCast):
        guard(node.this, types, sums)
    elif not any(node.find_all(exp.Column)):
        return
    elif node.find(exp.AggFunc, exp.Window, exp.Query) or any(one.name in sums for one in node.find_all(exp.Column)):
        # What is added up has passed every filter; what is done with the sums has too.
        if not isinstance(node, exp.AggFunc | exp.Window | exp.Filter):
            for part in list(node.iter_expressions()):
                guard(part, types, sums)
    else:
        node.replace(exp.Anonymous(this="TRY", expressions=[node.copy()]))


def safe(node: exp.Expr, types: Mapping[str, str]) -> bool:
    """Whether a comparison needs no cast that could fail: of a column with constants or a column of its own kind."""
    if not isinstance(node, (*_COMPARISONS, exp.In)) or node.args.get("query"):
        return False
    sides = list(node.iter_expressions())
    columns = [one for one in sides if isinstance(one, exp.Column)]
    rest = [one for one in sides if not isinstance(one, exp.Column)]
    families = {types.get(one.name, "") for one in columns}
    if len(families) != 1 or "" in families:
        return isinstance(node, exp.Is) and len(columns) == 1
    if any(one.find(exp.Column, exp.Query) for one in rest):
        return False
    # A constant is cast to the column's type once, when the query is bound; but text is cast to a number's.
    texts = all(isinstance(one, exp.Null) or (isinstance(one, exp.Literal) and one.is_string) for one in rest)
    if isinstance(node, exp.Like | exp.ILike):
        return families == {"text"} and texts
    return families != {"text"} or texts
