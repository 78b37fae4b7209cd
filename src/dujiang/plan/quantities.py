"""Quantities as plans write them: comparison, number or range, unit, and the unit's normal form.

The words are tables, so that a new turn of phrase is a row; the units are in `measures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dujiang.plan.measures import COUNTERS, UNITS

OPS = {
    ">": ("超过", "超出", "超", "突破", "高于", "大于", "多于", "逾", "跨越", ">"),
    ">=": (
        "力争达到", "不少于", "不低于", "不小于", "不得少于", "不得低于", "大于等于", "至少", "最少", "达到", "达至", "达", "提高到", "提升到", "提升至",
        "提高至", "增加到", "增加至", "增长到", "增长至", "扩大到", "扩大至", "扩展到", "上升到", "上升至", "增至", "升至", "稳定在", "保持在",
        "力争实现", "≥",
    ),
    "<": ("低于", "小于", "少于", "不到", "不足", "<"),
    "<=": (
        "不超过", "不超", "不高于", "不大于", "小于等于", "不得超过", "不得高于", "不多于", "控制在", "降至", "降到", "降低到", "降低至", "下降到",
        "下降至", "缩短至", "缩短到", "压缩至", "压缩到", "压减至", "压减到", "缩减至", "减少到", "减少至", "最多", "至多", "≤",
    ),
}  # fmt: skip
"""Words before the number."""
AFTER = {"及以上": ">=", "以上": ">=", "以内": "<=", "及以下": "<=", "以下": "<=", "之内": "<="}
"""Words after the unit."""
ABOUT_BEFORE = ("大约", "约为", "约占", "约", "接近", "将近", "近", "力争")
ABOUT_AFTER = ("左右", "上下", "前后")

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMERALS = "一二两三四五六七八九十百千零"
_CHINESE = rf"(?<![{_NUMERALS}])[{_NUMERALS}]{{1,9}}+(?:万[{_NUMERALS}]{{1,7}}+)?(?:点[零〇一二三四五六七八九]{{1,4}})?"
_NUMBER = rf"(?:{_DIGITS}|{_CHINESE})"
# The look-ahead spares the search through a thousand units where none can begin.
_UNIT = rf"(?=[{re.escape(''.join(sorted({unit[0] for unit in UNITS})))}])(?:{'|'.join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))})"
_BEFORE = "|".join(re.escape(word) for word in sorted((one for many in OPS.values() for one in many), key=len)[::-1])
_NEAR = rf"(?P<about>{'|'.join(ABOUT_BEFORE)})?"
_FAR = rf"(?P<around>{'|'.join(ABOUT_AFTER)})?(?P<after>{'|'.join(AFTER)})?(?P<around2>{'|'.join(ABOUT_AFTER)})?"
QUANTITY = re.compile(
    rf"(?P<op>(?:{_BEFORE})(?:了|到)?)?{_NEAR}"
    rf"(?<![\d.A-Za-z第〔\[数几])(?P<over>[上过](?=[十百千万]))?(?P<low>{_NUMBER})(?P<more>余|多)?"
    rf"(?:(?P<lowunit>{_UNIT})?(?P<sep>[-~至到]{{1,2}})(?P<high>{_NUMBER}))?"
    rf"(?:(?P<scale>百|千|万亿|万|亿)(?=[余多]))?(?P<more2>余|多)?(?P<unit>{_UNIT})(?P<per>/(?:{_UNIT}|秒|年))?(?P<more3>余|多)?(?:\((?P<note>[^()]{{0,30}})\))?{_FAR}",
    re.IGNORECASE,
)
# 百分之七十; a number without a unit counts only beside a word of comparison: PUE降至1.25以下.
_PERCENT = re.compile(rf"(?P<op>{_BEFORE})?{_NEAR}百分之(?P<low>{_CHINESE}|{_DIGITS}){_FAR}")
_BARE = re.compile(rf"(?P<op>{_BEFORE})(?P<about>约)?(?P<low>\d+(?:\.\d+)?){_FAR}(?=[,。;、)\s和或及]|$)")
# 近万家, 超亿元, 千亿级: the power itself is the number.
_POWER = re.compile(
    rf"(?P<op>{_BEFORE}|上|过)?(?P<about>大约|约|接近|将近|近)?(?<![\d十百千余多万几数])"
    rf"(?P<unit>万(?:亿元|元|家|个|人次|人|名|户|台套|台|条|项|张|卡|亩|P)|亿(?:元|次|户|人次)){_FAR}"
)
_GRADE = re.compile(r"(?<![\d数几])(?P<low>[一二两三四五六七八九十百千]{0,4})(?P<unit>万亿|亿)元?级")
_OP_OF = {word: op for op, words in OPS.items() for word in words} | {"上": ">=", "过": ">"}

_DOUBLING = re.compile(r"翻(?P<times>[一两二三])?番")
_PART_OP = r"(?P<op>超过|超|达到|达|过)?"
_FRACTION = re.compile(
    rf"{_PART_OP}(?:(?P<bottom>[二三四五六七八九十])分之(?P<top>[一二两三四五六七八九])|(?<![\d/])(?P<top2>\d)/(?P<bottom2>\d)(?![\d/]))"
    r"(?P<after>以上|左右)?"
)
_HALF = re.compile(rf"{_PART_OP}(?:一半|半数)(?P<after>以上|左右)?")
_TENTHS = re.compile(rf"{_PART_OP}(?P<low>[一二三四五六七八九])成(?P<after>以上|左右)?(?![立为员效果熟分长都就功交本])")
# 进入全国前三: the rank is reached or bettered.
_RANK = re.compile(
    r"(?:进入|位居|位列|跻身|稳居|居|列|保持|排名|迈入)(?P<among>[^,。;、\d]{0,12}?)前(?P<low>\d{1,3}|[一二三四五六七八九十]{1,3})(?P<unit>位|名)?(?=[,。;、行\n]|$)"
)
_NUMERIC = re.compile(rf"[\d{_NUMERALS}万亿番半]")
_LITTLE = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_TENS = {"十": 10, "百": 100, "千": 1000}


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
    approximate: bool = False
    chinese: bool = False
    stated: bool = True
    """Whether the text has a word of comparison or approximation beside the number."""

    def normalised(self) -> dict[str, float | str | None]:
        """Return value, low and high in the normal unit (CNY, FLOP/s, B, m, s, %...; counts as their counter)."""
        unit, _, per = self.unit.partition("/") if self.unit.lower() not in UNITS else (self.unit, "", "")
        factor, normal = UNITS.get(unit.lower(), (1.0, unit))
        if per:
            below, under = UNITS.get(per.lower(), (1.0, per))
            factor, normal = factor / below, f"{normal}/{under}"

        def scaled(value: float | None) -> float | None:
            return None if value is None else _plain(value * factor)

        return {"value": scaled(self.value), "low": scaled(self.low), "high": scaled(self.high), "unit": normal}

    @property
    def counts(self) -> bool:
        """Whether it counts things (10个, 5万家) rather than measures something."""
        return self.unit.lower() in COUNTERS


def chinese_number(text: str) -> int:
    """Return the number that Chinese numerals write: 三十 -> 30, 二百五十 -> 250; a bare power is its one: 百 -> 100."""
    if "万" in text:
        high, _, low = text.partition("万")
        return chinese_number(high) * 10000 + chinese_number(low)
    total = current = 0
    for letter in text:
        if letter in _TENS:
            total += (current or 1) * _TENS[letter]
            current = 0
        else:
            current = _LITTLE[letter]
    return total + current


def _plain(value: float) -> float:
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _number(text: str) -> float:
    if text[0].isdigit():
        return _plain(float(text.replace(",", "")))
    whole, _, part = text.partition("点")
    digits = "".join(str(_LITTLE.get(letter, 0)) for letter in part)
    return _plain(float(f"{chinese_number(whole)}.{digits}")) if digits else chinese_number(whole)


def quantities(norm: str) -> Iterator[Quantity]:
    """Yield the quantities of a normalised text in order, without overlap."""
    if not _NUMERIC.search(norm):
        return
    found = [one for match in QUANTITY.finditer(norm) if (one := _quantity(norm, match))]
    found += [_measured(match, match["unit"], 1) for match in _POWER.finditer(norm) if match["op"] or match["about"]]
    for match in _GRADE.finditer(norm):
        value = chinese_number(match["low"]) or 1
        found.append(Quantity(match.start(), match.end(), ">=", value, None, None, f"{match['unit']}元", chinese=True))
    found += [_measured(match, "%") for match in _PERCENT.finditer(norm)]
    found += [one for match in _BARE.finditer(norm) if not 1990 <= (one := _measured(match, "")).value <= 2099]  # type: ignore[operator]
    found += [_doubling(match) for match in _DOUBLING.finditer(norm)]
    for match in _FRACTION.finditer(norm):
        top, bottom = match["top"] or match["top2"], match["bottom"] or match["bottom2"]
        if _little(top) < _little(bottom):
            found.append(_part(match, 100 * _little(top) / _little(bottom)))
    found += [_part(match, 50) for match in _HALF.finditer(norm)]
    found += [_part(match, 10 * _LITTLE[match["low"]]) for match in _TENTHS.finditer(norm)]
    for match in _RANK.finditer(norm):
        start = match.start("low") - 1
        found.append(Quantity(start, match.end(), "<=", _number(match["low"]), None, None, match["unit"] or "位"))
    end = -1
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            yield one
            end = one.end


def _little(text: str) -> int:
    return int(text) if text.isdigit() else _LITTLE.get(text, 10)


def _op(match: re.Match[str]) -> tuple[str, bool]:
    """Return the comparison that the words around a number make, and whether it is approximate."""
    word = match["op"] or ""
    op = _OP_OF[word if word in _OP_OF else word.rstrip("了到")] if word else "="
    approximate = bool(match["around"] or match["around2"] or match["about"] not in (None, "力争"))
    # 达到…以内 and 控制在…以上: the word after the number decides, but for 超过…以上 and 低于…以下.
    if match["after"] and op in ("=", ">=", "<="):
        op = AFTER[match["after"]]
    return op, approximate


def _quantity(norm: str, match: re.Match[str]) -> Quantity | None:
    unit, low_text, high_text = match["unit"], match["low"], match["high"]
    following = norm[match.end("unit") : match.end("unit") + 1]
    if unit[-1].isascii() and unit[-1].isalpha() and following.isascii() and following.isalpha():
        return None
    if unit.lower().removeprefix("万") in ("e", "p") and unit[-1].islower():
        return None
    if low_text[0] == "零" or (unit in ("周", "天") and following == "年"):
        return None
    low = _number(low_text)
    op, approximate = _op(match)
    if match["over"]:
        op, approximate = _OP_OF[match["over"]], approximate or match["over"] == "上"
    if match["more"] or match["more2"] or match["more3"]:
        op, approximate = (">" if op == "=" else op), True
    if match["scale"]:
        unit = match["scale"] + unit
    if match["per"]:
        unit += match["per"]
    stated = bool(match["op"] or match["over"] or approximate or match["after"] or high_text)
    chinese = not low_text[0].isdigit()
    if high_text is not None:
        high = _number(high_text)
        if high <= low:
            return None
        return Quantity(match.start(), match.end(), op, None, low, high, unit, approximate, chinese, stated)
    return Quantity(match.start(), match.end(), op, low, None, None, unit, approximate, chinese, stated)


def _measured(match: re.Match[str], unit: str, value: float | None = None) -> Quantity:
    op, approximate = _op(match)
    value = _number(match["low"]) if value is None else value
    return Quantity(match.start(), match.end(), op, value, None, None, unit, approximate)


def _doubling(match: re.Match[str]) -> Quantity:
    times = 2 ** _LITTLE[match["times"] or "一"]
    return Quantity(match.start(), match.end(), "=", times, None, None, "倍")


def _part(match: re.Match[str], percent: float) -> Quantity:
    op = _OP_OF[match["op"]] if match["op"] else AFTER.get(match["after"] or "", "=")
    percent = _plain(round(percent, 2))
    return Quantity(match.start(), match.end(), op, percent, None, None, "%", match["after"] == "左右")
