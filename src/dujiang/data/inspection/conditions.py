"""Conditions that people write in a rules file: parsed, and let through only as far as every part of them is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_PARTS = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Abs, exp.Length, exp.Lower, exp.Upper, exp.Coalesce, exp.Case, exp.If,
)  # fmt: skip
"""What a condition may be made of: no sub-queries, no other functions, so nothing that reads a file."""


def checked(
    condition: str, columns: Sequence[str], sql: Mapping[str, str] | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return a condition as SQL, its columns replaced by ``sql``, and the columns that it names.

    Raises ValueError saying what part of it isn't allowed.
    """
    try:
        tree = sqlglot.parse_one(condition, dialect="duckdb")
    except SqlglotError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    if tree is None:
        raise ValueError(condition)
    names: list[str] = []
    for part in tree.walk():
        if not isinstance(part, _PARTS):
            raise ValueError(part.sql(dialect="duckdb"))
        if isinstance(part, exp.Column):
            if part.table or part.name not in columns:
                raise ValueError(part.sql(dialect="duckdb"))
            names.append(part.name)
    if sql is not None:
        tree = tree.transform(
            lambda part: sqlglot.parse_one(sql[part.name], dialect="duckdb") if isinstance(part, exp.Column) else part
        )
    return f"({tree.sql(dialect='duckdb')})", tuple(dict.fromkeys(names))
