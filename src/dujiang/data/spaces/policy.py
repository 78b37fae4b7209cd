"""What an agreement allows: who, for what, until when, how often, and which rows and columns in which form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from dujiang.messages import Refused, Text

Value = str | int | float | bool | date | datetime | Decimal
"""What a row's field may be compared with."""

NAME = re.compile(r"[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,59}")
"""Views and columns are called so in queries: small letters, so that SQL's folding of names changes nothing."""


class Operator(StrEnum):
    """How a field is compared (ODRL 2.2's operators of that name)."""

    EQ = "eq"
    NEQ = "neq"
    LT = "lt"
    LTEQ = "lteq"
    GT = "gt"
    GTEQ = "gteq"
    IS_ANY_OF = "isAnyOf"
    IS_NONE_OF = "isNoneOf"

    @property
    def many(self) -> bool:
        """Whether it compares with several values."""
        return self in (Operator.IS_ANY_OF, Operator.IS_NONE_OF)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a row; a row whose field is missing fulfils none."""

    column: str
    operator: Operator
    values: tuple[Value, ...]


class Masking(StrEnum):
    """What a column shows in place of its values."""

    PSEUDONYM = "pseudonym"
    """A keyed digest (HMAC's inner and outer SHA-256): equal values stay equal within an agreement, not between two."""
    PREFIX = "prefix"
    """The first ``size`` characters."""
    YEAR = "year"
    """A date's year."""
    BUCKET = "bucket"
    """The number rounded down to a multiple of ``size``."""


class Use(StrEnum):
    """What an aggregates-only agreement lets a query do with a column."""

    GROUP = "group"
    """Filter and group by it."""
    MEASURE = "measure"
    """Add it up."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is shown: ``source`` is its name in the data, ``low`` and ``high`` bound a measure's values.

    Values outside the bounds are clamped where noise is added: without bounds no noise could hide one person.
    """

    name: str
    source: str = ""
    masking: Masking | None = None
    size: int = 0
    use: Use = Use.BOTH
    low: float | None = None
    high: float | None = None

    @property
    def field(self) -> str:
        """The column's name in the data."""
        return self.source or self.name


@dataclass(frozen=True, slots=True)
class View:
    """A table as its consumer sees it; ``subject`` is the data's column that tells whom a row is about."""

    name: str
    table: str
    columns: tuple[Column, ...]
    rows: tuple[Condition, ...] = ()
    subject: str = ""

    def column(self, name: str) -> Column | None:
        """Return the column that queries call ``name``."""
        return next((one for one in self.columns if one.name == name), None)


class Noise(StrEnum):
    """A mechanism of differential privacy."""

    LAPLACE = "laplace"
    """Its budget is in epsilon."""
    GAUSSIAN = "gaussian"
    """Its budget is in rho of zero-concentrated differential privacy (Bun and Steinke 2016)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much all answers of an agreement together may tell of a person: (epsilon, delta)-differential privacy.

    ``contribution`` is how many rows may be about one person.
    """

    noise: Noise
    epsilon: Decimal
    delta: Decimal = Decimal(0)
    contribution: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """What an agreement allows.

    ``queries`` counts every query that reached the data, answered or not (0: as many as one likes); ``group`` is the
    fewest people an answer may be about (0: rows may leave); prices are in fen.
    """

    purposes: tuple[str, ...]
    until: datetime
    views: tuple[View, ...]
    queries: int = 0
    group: int = 0
    budget: Budget | None = None
    delete_after_days: int = 0
    price: int = 0
    price_a_query: int = 0

    def view(self, name: str) -> View | None:
        """Return the view that queries call ``name``."""
        return next((one for one in self.views if one.name == name), None)


def check(policy: Policy) -> None:
    """Raise `Refused` where a policy contradicts itself, or couldn't be enforced."""
    for fault, text in _faults(policy):
        if fault:
            raise Refused(text)


def _faults(policy: Policy) -> list[tuple[bool, Text]]:
    names = [one.name for one in policy.views]
    columns = [column for view in policy.views for column in view.columns]
    called = [*names, *(one.name for one in columns)]
    bad = [one for one in called if not NAME.fullmatch(one)]
    doubled = len(set(names)) < len(names) or any(
        len({one.name for one in view.columns}) < len(view.columns) for view in policy.views
    )
    empty = not policy.views or any(not view.columns for view in policy.views)
    sized = {Masking.PREFIX, Masking.BUCKET}
    budget = policy.budget
    return [
        (not policy.purposes, Text("应写明用途", "a purpose should be stated")),
        (policy.until.tzinfo is None, Text("期限应带时区", "the term should have a time zone")),
        (empty, Text("应至少有一个视图，且每个视图有列", "there should be a view, and columns in each")),
        (bool(bad), Text(f"名称只用小写字母、数字、下划线和汉字：{bad}", f"names take small letters, digits, _ and Chinese: {bad}")),
        (doubled, Text("名称重复", "a name is there twice")),
        (
            any(one.masking in sized and one.size < 1 for one in columns),
            Text("脱敏的长度或区间应大于 0", "a mask's size should be above 0"),
        ),
        (
            any(len(one.values) != 1 and not one.operator.many for view in policy.views for one in view.rows)
            or any(not one.values for view in policy.views for one in view.rows),
            Text("行条件的值个数不对", "a condition on rows has the wrong number of values"),
        ),
        (min(policy.queries, policy.group, policy.delete_after_days, policy.price, policy.price_a_query) < 0,
         Text("次数、人数、天数和价格不能为负", "counts, days and prices can't be negative")),
        (policy.group == 1, Text("最小分组人数应至少为 2", "the smallest group should be of 2 at least")),
        (
            policy.group > 0 and (len(policy.views) != 1 or not policy.views[0].subject),
            Text(
                "仅限聚合的合约应只有一个视图，并指明主体列",
                "an agreement for aggregates only should have one view, and say whom its rows are about",
            ),
        ),
        (
            policy.group > 0 and any(one.masking is Masking.PSEUDONYM for one in columns),
            Text("仅限聚合的合约不用假名列", "an agreement for aggregates only has no use for pseudonyms"),
        ),
        (
            budget is not None and not policy.group,
            Text("差分隐私预算只用于仅限聚合的合约", "a privacy budget is for aggregates only"),
        ),
        (
            budget is not None
            and (budget.epsilon <= 0 or budget.contribution < 1 or (budget.noise is Noise.GAUSSIAN) != (0 < budget.delta < 1)),
            Text(
                "差分隐私预算应有 ε > 0；高斯机制另需 0 < δ < 1，拉普拉斯机制 δ = 0",
                "a budget should have epsilon above 0; Gaussian noise a delta between 0 and 1, Laplace none",
            ),
        ),
        (
            budget is not None
            and any(
                one.use is not Use.GROUP and (one.low is None or one.high is None or one.low >= one.high)
                for one in columns
            ),
            Text("有差分隐私预算时，度量列应有上下界", "where noise is added, measures need bounds"),
        ),
    ]  # fmt: skip
