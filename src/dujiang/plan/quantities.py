"""Quantities as plans write them: comparison, number or range, unit, and the unit's normal form.

The words are tables, so that a new unit or turn of phrase is a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

OPS = {
    ">": ("超过", "超出", "超", "突破", "高于", "大于", "多于", "逾"),
    ">=": (
        "力争达到", "不少于", "不低于", "不小于", "不得少于", "不得低于", "至少", "达到", "达", "提高到", "提升到", "提升至",
        "提高至", "增加到", "增长到", "扩大到", "增至", "升至", "稳定在", "保持在", "力争实现",
    ),
    "<": ("低于", "小于", "少于", "不到", "不足"),
    "<=": ("不超过", "不高于", "不大于", "不得超过", "不多于", "控制在", "降至", "降到", "降低到", "缩短至", "缩短到", "压缩至", "压减至"),
}  # fmt: skip
"""Words before the number."""
AFTER = {"及以上": ">=", "以上": ">=", "以内": "<=", "及以下": "<=", "以下": "<=", "之内": "<="}
"""Words after the unit."""
ABOUT_BEFORE = ("大约", "约为", "约", "接近", "将近", "近", "力争")
ABOUT_AFTER = ("左右", "上下", "前后")

# (unit as written, factor, normal unit). The longest match wins.
_MEASURES: tuple[tuple[str, float, str], ...] = (
    ("万亿元", 1e12, "CNY"), ("千亿元", 1e11, "CNY"), ("百亿元", 1e10, "CNY"), ("十亿元", 1e9, "CNY"), ("亿元", 1e8, "CNY"),
    ("千万元", 1e7, "CNY"), ("百万元", 1e6, "CNY"), ("万元", 1e4, "CNY"), ("元", 1, "CNY"),
    ("亿美元", 1e8, "USD"), ("万美元", 1e4, "USD"), ("美元", 1, "USD"),
    ("个百分点", 1, "percentage point"), ("百分点", 1, "percentage point"), ("%", 1, "%"), ("‰", 0.1, "%"),
    ("ZFlops", 1e21, "FLOP/s"), ("EFlops", 1e18, "FLOP/s"), ("PFlops", 1e15, "FLOP/s"), ("TFlops", 1e12, "FLOP/s"),
    ("EFlop/s", 1e18, "FLOP/s"), ("PFlop/s", 1e15, "FLOP/s"), ("EOPS", 1e18, "OP/s"), ("POPS", 1e15, "OP/s"),
    ("TOPS", 1e12, "OP/s"), ("百亿亿次", 1e18, "FLOP/s"), ("千万亿次", 1e15, "FLOP/s"),
    ("ZB", 1e21, "B"), ("EB", 1e18, "B"), ("PB", 1e15, "B"), ("TB", 1e12, "B"), ("GB", 1e9, "B"), ("MB", 1e6, "B"),
    ("Tbps", 1e12, "bit/s"), ("Gbps", 1e9, "bit/s"), ("Mbps", 1e6, "bit/s"), ("GHz", 1e9, "Hz"),
    ("EP", 1e18, "FLOP/s"), ("E", 1e18, "FLOP/s"), ("P", 1e15, "FLOP/s"),
    ("亿千瓦时", 1e8, "kWh"), ("万千瓦时", 1e4, "kWh"), ("千瓦时", 1, "kWh"), ("亿度", 1e8, "kWh"), ("GWh", 1e6, "kWh"), ("MWh", 1e3, "kWh"),
    ("万千瓦", 1e4, "kW"), ("千瓦", 1, "kW"), ("兆瓦", 1e3, "kW"), ("GW", 1e6, "kW"), ("MW", 1e3, "kW"), ("kW", 1, "kW"),
    ("平方公里", 1e6, "m2"), ("万平方米", 1e4, "m2"), ("平方米", 1, "m2"), ("公顷", 1e4, "m2"), ("万亩", 1e4 * 10000 / 15, "m2"), ("亩", 10000 / 15, "m2"),
    ("万公里", 1e7, "m"), ("公里", 1e3, "m"), ("千米", 1e3, "m"), ("km", 1e3, "m"), ("厘米", 0.01, "m"), ("毫米", 0.001, "m"), ("米", 1, "m"),
    ("万吨", 1e7, "kg"), ("吨", 1e3, "kg"),
    ("毫秒", 1e-3, "s"), ("ms", 1e-3, "s"), ("秒", 1, "s"), ("分钟", 60, "s"), ("小时", 3600, "s"), ("天", 86400, "s"), ("个月", 1, "month"), ("个工作日", 1, "working day"), ("工作日", 1, "working day"),
    ("倍", 1, "times"),
)  # fmt: skip
_COUNTS = (
    "个", "家次", "家", "项", "座", "条", "款", "种", "类", "批", "套", "台", "辆", "架次", "架", "艘", "件", "份", "场次", "场", "处", "所", "支", "名",
    "人次", "人", "位", "户", "例", "门", "期", "组", "只", "栋", "间", "张", "卡", "块", "机架", "标准机架", "册", "篇", "部", "片", "次", "颗", "枚",
    "对", "站", "基站", "路", "字", "条次", "单", "笔", "宗", "株", "头", "词元", "Token", "tokens",
)  # fmt: skip
_POWERS = {"": 1.0, "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12}

UNITS: dict[str, tuple[float, str]] = {name.lower(): (factor, normal) for name, factor, normal in _MEASURES}
UNITS |= {f"{power}{count}".lower(): (factor, count) for count in _COUNTS for power, factor in _POWERS.items()}
"""Factor and normal unit by the unit as written, in small letters."""

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_CHINESE = r"[一二两三四五六七八九十百千]{1,7}"
_NUMBER = rf"(?:{_DIGITS}|{_CHINESE})"
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_BEFORE = "|".join(sorted((word for words in OPS.values() for word in words), key=len, reverse=True))
QUANTITY = re.compile(
    rf"(?P<op>(?:{_BEFORE})(?:了|到)?)?(?P<about>{'|'.join(ABOUT_BEFORE)})?"
    rf"(?<![\d.A-Za-z第〔\[])(?P<low>{_NUMBER})(?P<more>余|多)?"
    rf"(?:(?P<lowunit>{_UNIT})?(?P<sep>[-~至到]|至少)(?P<high>{_NUMBER}))?"
    rf"(?P<more2>余|多)?(?P<unit>{_UNIT})(?P<more3>余|多)?(?:\((?P<note>[^()]{{0,30}})\))?"
    rf"(?P<around>{'|'.join(ABOUT_AFTER)})?(?P<after>{'|'.join(AFTER)})?(?P<around2>{'|'.join(ABOUT_AFTER)})?",
    re.IGNORECASE,
)
_OP_OF = {word: op for op, words in OPS.items() for word in words}

_DOUBLING = re.compile(r"翻(?P<times>[一两二三])?番")
_FRACTION = re.compile(
    r"(?P<op>超过|超|达到|达)?(?P<bottom>[二三四五六七八九十])分之(?P<top>[一二两三四五六七八九])(?P<after>以上|左右)?"
)
_TENTHS = re.compile(
    r"(?P<op>超过|超|达到|达)?(?P<low>[一二三四五六七八九])成(?P<after>以上|左右)?(?![立为员效果熟分长都])"
)
_LITTLE = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity found at ``start:end`` of the text that was searched. Of a range ``value`` is None."""

    start: int
    end: int
    op: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    approximate: bool
    chinese: bool
    stated: bool
    """Whether the text has a word of comparison or approximation beside the number."""

    def normalised(self) -> dict[str, float | str | None]:
        """Return value, low and high in the normal unit (CNY, FLOP/s, B, m, s, %...; counts as their counter)."""
        factor, normal = UNITS.get(self.unit.lower(), (1.0, self.unit))

        def scaled(value: float | None) -> float | None:
            return None if value is None else _plain(value * factor)

        return {"value": scaled(self.value), "low": scaled(self.low), "high": scaled(self.high), "unit": normal}


def chinese_number(text: str) -> int:
    """Return the number that Chinese numerals write: 三十 -> 30, 二百五十 -> 250; a bare power is its one: 百 -> 100."""
    total = current = 0
    for letter in text:
        if letter in _LITTLE and letter != "十":
            current = _LITTLE[letter]
        else:
            total += (current or 1) * {"十": 10, "百": 100, "千": 1000}[letter]
            current = 0
    return total + current


def _plain(value: float) -> float:
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _number(text: str) -> float:
    return _plain(float(text.replace(",", ""))) if text[0].isdigit() else chinese_number(text)


def quantities(norm: str) -> Iterator[Quantity]:
    """Yield the quantities of a normalised text in order, without overlap."""
    found = [one for match in QUANTITY.finditer(norm) if (one := _quantity(norm, match))]
    found += [_doubling(match) for match in _DOUBLING.finditer(norm)]
    found += [
        _part(match, 100 * _LITTLE[match["top"]] / _LITTLE[match["bottom"]]) for match in _FRACTION.finditer(norm)
    ]
    found += [_part(match, 10 * _LITTLE[match["low"]]) for match in _TENTHS.finditer(norm)]
    end = -1
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            yield one
            end = one.end


def _quantity(norm: str, match: re.Match[str]) -> Quantity | None:
    unit, low_text, high_text = match["unit"], match["low"], match["high"]
    following = norm[match.end("unit") : match.end("unit") + 1]
    if unit in ("E", "P", "e", "p") and (unit.islower() or (following.isascii() and following.isalpha())):
        return None
    if low_text[-1:] in "百千" and unit[0] in "亿万":
        # 百亿元: the number and the unit's power meet.
        pass
    low = _number(low_text)
    op, approximate = "=", False
    if match["op"]:
        op = _OP_OF[match["op"] if match["op"] in _OP_OF else match["op"].rstrip("了到")]
    if match["about"] and match["about"] != "力争":
        approximate = True
    if match["around"] or match["around2"]:
        approximate = True
    if match["more"] or match["more2"] or match["more3"]:
        op, approximate = (">" if op == "=" else op), True
    if match["after"] and op in ("=", ">="):
        op = AFTER[match["after"]]
    stated = bool(match["op"] or approximate or match["after"] or high_text)
    chinese = not low_text[0].isdigit()
    if high_text is not None:
        high = _number(high_text)
        if high <= low:
            return None
        return Quantity(match.start(), match.end(), op, None, low, high, unit, approximate, chinese, stated)
    return Quantity(match.start(), match.end(), op, low, None, None, unit, approximate, chinese, stated)


def _doubling(match: re.Match[str]) -> Quantity:
    times = 2 ** _LITTLE[match["times"] or "一"]
    return Quantity(match.start(), match.end(), "=", times, None, None, "倍", False, False, True)


def _part(match: re.Match[str], percent: float) -> Quantity:
    op = _OP_OF[match["op"]] if match["op"] else AFTER.get(match["after"] or "", "=")
    return Quantity(
        match.start(),
        match.end(),
        op,
        _plain(round(percent, 2)),
        None,
        None,
        "%",
        match["after"] == "左右",
        False,
        True,
    )
