"""Codes whose check can be computed, as SQL that DuckDB runs over a whole column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dujiang.messages import Text


@dataclass(frozen=True, slots=True)
class Code:
    """A code: its title and the SQL condition on ``{value}``, a text without blanks around."""

    title: Text
    sql: str


def _weighted(weights: list[int], digit: str) -> str:
    return " + ".join(f"{weight} * {digit.replace('@', str(n))}" for n, weight in enumerate(weights, start=1))


# GB 11643-1999: weights 2^(18-i) mod 11, the check by ISO 7064 MOD 11-2.
_RESIDENT = _weighted([2 ** (18 - n) % 11 for n in range(1, 18)], "(ascii(substr({value}, @, 1)) - 48)")
# GB 32100-2015: weights 3^(i-1) mod 31 over an alphabet without I, O, S, V, Z.
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT = _weighted([3**n % 31 for n in range(17)], f"(strpos('{_ALPHABET}', substr({{value}}, @, 1)) - 1)")
_LUHN = (
    "list_sum(list_transform(range(length({value})), lambda i: "
    "CASE WHEN i % 2 = 0 THEN ascii(substr({value}, length({value}) - i, 1)) - 48 "
    "ELSE ((ascii(substr({value}, length({value}) - i, 1)) - 48) * 2) % 10 "
    "+ ((ascii(substr({value}, length({value}) - i, 1)) - 48) * 2) // 10 END)) % 10 = 0"
)

CODES: Mapping[str, Code] = {
    "resident-id": Code(
        Text("居民身份号码（GB 11643）", "resident identity number (GB 11643)"),
        "CASE WHEN regexp_full_match({value}, '[1-9][0-9]{{5}}(18|19|20)[0-9]{{9}}[0-9Xx]') "
        "THEN try_strptime(substr({value}, 7, 8), '%Y%m%d') IS NOT NULL "
        f"AND substr('10X98765432', CAST(({_RESIDENT}) % 11 AS BIGINT) + 1, 1) = upper(substr({{value}}, 18, 1)) "
        "ELSE false END",
    ),
    "credit-code": Code(
        Text("统一社会信用代码（GB 32100）", "unified social credit code (GB 32100)"),
        f"CASE WHEN regexp_full_match({{value}}, '[0-9A-Z]{{{{2}}}}[0-9]{{{{6}}}}[{_ALPHABET}]{{{{10}}}}') "
        f"THEN substr('{_ALPHABET}', CAST((31 - ({_CREDIT}) % 31) % 31 AS BIGINT) + 1, 1) = substr({{value}}, 18, 1) "
        "ELSE false END",
    ),
    "mobile": Code(Text("手机号码", "mobile number"), "regexp_full_match({value}, '([+]?86[- ]?)?1[3-9][0-9]{{9}}')"),
    "email": Code(
        Text("电子邮件地址", "e-mail address"),
        "regexp_full_match({value}, '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{{2,}}')",
    ),
    "bank-card": Code(
        Text("银行卡号（Luhn 校验）", "bank card (Luhn)"),
        f"CASE WHEN regexp_full_match({{value}}, '[0-9]{{{{13,19}}}}') THEN {_LUHN} ELSE false END",
    ),
    "postcode": Code(Text("邮政编码", "postcode"), "regexp_full_match({value}, '[0-9]{{6}}')"),
}
"""Every code by its name in a rule."""
