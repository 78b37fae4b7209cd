"""A policy in words for people, and from the lines that people write it in.

A column is a line: its name, ``=`` and the data's name where it is another, then in any order a masking (``pseudonym``,
``prefix 3``, ``year``, ``bucket 10``), a use (``group``, ``measure``; both where none is said) and bounds (``0..20000``).
A condition is a line: column, operator, value; several values are separated by ``|``.
"""

from __future__ import annotations

import re
from datetime import date

from dujiang.data.spaces.policy import Column, Condition, Masking, Noise, Operator, Policy, Use, Value, View
from dujiang.messages import BadInput, Text, money

MASKS = {
    Masking.PSEUDONYM: Text("假名", "pseudonym"),
    Masking.PREFIX: Text("仅前 {} 字", "first {} characters"),
    Masking.YEAR: Text("仅年份", "year only"),
    Masking.BUCKET: Text("按 {} 取整", "in steps of {}"),
}
OPERATORS = {
    Operator.EQ: "=", Operator.NEQ: "≠", Operator.LT: "<", Operator.LTEQ: "≤", Operator.GT: ">", Operator.GTEQ: "≥",
    Operator.IS_ANY_OF: "∈", Operator.IS_NONE_OF: "∉",
}  # fmt: skip
_SIZED = (Masking.PREFIX, Masking.BUCKET)
_BOUNDS = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\.\.(-?[0-9]+(?:\.[0-9]+)?)")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def terms(policy: Policy) -> list[Text]:
    """Return what an agreement allows and asks, a sentence a term."""
    until = policy.until.strftime("%Y-%m-%d %H:%M %Z")
    purposes = "、".join(policy.purposes)
    told = [Text(f"用途：{purposes}", f"purpose: {purposes}"), Text(f"有效期至 {until}", f"until {until}")]
    if policy.queries:
        told.append(Text(f"最多查询 {policy.queries} 次", f"at most {policy.queries} queries"))
    if policy.group:
        told.append(
            Text(f"仅限聚合，每组不少于 {policy.group} 人", f"aggregates only, of at least {policy.group} people each")
        )
    else:
        told.append(Text("可返回行", "rows may leave"))
    if budget := policy.budget:
        noise = Text("高斯", "Gaussian") if budget.noise is Noise.GAUSSIAN else Text("拉普拉斯", "Laplace")
        delta = f"，δ = {budget.delta}" if budget.delta else ""
        told.append(
            Text(f"差分隐私预算 ε = {budget.epsilon}{delta}（{noise.zh}噪声）",
                 f"privacy budget ε = {budget.epsilon}{delta.replace('，', ', ')} ({noise.en} noise)")
        )  # fmt: skip
    for amount, zh, en in ((policy.price, "签约价", "price"), (policy.price_a_query, "每次查询", "price a query")):
        if amount:
            told.append(Text(f"{zh} {money(amount, 'CNY').zh}", f"{en} {money(amount, 'CNY').en}"))
    if policy.delete_after_days:
        days = policy.delete_after_days
        told.append(Text(f"到期后 {days} 日内删除", f"to be deleted within {days} days of the end"))
    return told


def column(one: Column, policy: Policy) -> Text:
    """Return a column with its mask and use."""
    zh, en = [], []
    if one.masking:
        zh.append(MASKS[one.masking].zh.format(one.size))
        en.append(MASKS[one.masking].en.format(one.size))
    if policy.group and one.use is not Use.BOTH:
        use = Text("分组", "group by") if one.use is Use.GROUP else Text("度量", "measure")
        zh.append(use.zh)
        en.append(use.en)
    return Text(one.name + (f"（{'，'.join(zh)}）" if zh else ""), one.name + (f" ({', '.join(en)})" if en else ""))


def condition(one: Condition) -> str:
    """Return a condition on rows."""
    return f"{one.column} {OPERATORS[one.operator]} {'、'.join(map(str, one.values))}"


def view_of(name: str, table: str, columns: str, rows: str, subject: str) -> View:
    """Return the view that lines describe; raises `BadInput` for a line that can't be read."""
    return View(
        name,
        table,
        tuple(_column(number, line) for number, line in _lines(columns)),
        tuple(_condition(number, line) for number, line in _lines(rows)),
        subject.strip(),
    )


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _column(number: int, line: str) -> Column:
    words = line.split()
    name, _, source = words.pop(0).partition("=")
    masking, size, use, low, high = None, 0, Use.BOTH, None, None
    while words:
        word = words.pop(0)
        if word in set(Masking):
            masking = Masking(word)
            if masking in _SIZED:
                if not words or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 9:
                    raise _bad(number, Text(f"{word} 后应有长度", f"a size after {word}"), line)
                size = int(words.pop(0))
        elif word in set(Use):
            use = Use(word)
        elif bounds := _BOUNDS.fullmatch(word):
            low, high = float(bounds[1]), float(bounds[2])
        else:
            raise _bad(number, Text("脱敏、用法或上下界", "a masking, a use or bounds"), word)
    return Column(name, source, masking, size, use, low, high)


def _condition(number: int, line: str) -> Condition:
    words = line.split(maxsplit=2)
    if len(words) != 3 or words[1] not in set(Operator):
        raise _bad(number, Text("列 运算符 值", "column operator value"), line)
    operator = Operator(words[1])
    texts = words[2].split("|") if operator.many else [words[2]]
    return Condition(words[0], operator, tuple(_value(one.strip()) for one in texts))


def _value(text: str) -> Value:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if _NUMBER.fullmatch(text):
        return int(text)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _bad(number: int, expected: Text, found: str) -> BadInput:
    return BadInput("policy", row=number, expected=expected, found=found)
