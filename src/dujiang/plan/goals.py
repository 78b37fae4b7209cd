"""Goals: the clauses of a plan that say what is to be reached, by when, and how much of what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from dujiang.plan.documents import Document
from dujiang.plan.quantities import Quantity, quantities

_YEAR = re.compile(
    r"(?P<from>\d{4})(?:年)?[-~至](?P<to>\d{4})年|(?P<one>20\d{2})年(?P<start>起|以来|\d{1,2}月\d{1,2}日)?"
    r"|[“\"]?(?P<five>十[三四五六七])五[”\"]?(?:时期|期间|末|规划)?(?=末|期间|时期)?|(?P<this>今年|当年|本年度|年内|今年底|年底)"
)
_FIVE_YEARS = {"十三": 2020, "十四": 2025, "十五": 2030, "十六": 2035, "十七": 2040}
_YEARLY = re.compile(r"每年|逐年|年均|每年度|/年|一年")
_VERBS = (
    "到", "力争", "实现", "确保", "其中", "使", "累计", "预计", "总共", "共", "将", "并", "推动", "加快", "加强", "带动", "集聚", "聚集", "培育", "引进",
    "建设", "建成", "打造", "形成", "突破", "新增", "拥有", "汇聚", "推出", "发布", "开展", "培养", "组织", "认定", "创建", "争创", "重点支持",
    "支持", "推广", "落地", "实施", "遴选", "制定", "完成", "部署", "达到", "推进", "重点", "全面", "基本", "梯度", "建立", "构建", "研发", "开发",
    "引育", "孵化", "壮大", "做强", "做大", "布局", "提供", "举办", "促进", "带动", "吸引", "储备", "开放", "编制", "出台", "推行", "支撑", "保持",
    "再", "还", "也", "均", "都", "分别", "每年", "每个行业", "年均", "逐步", "至少", "总计", "合计", "建好", "初步",
    "开通", "引入", "汇集", "招引", "投放", "上线", "攻克", "凝练", "选树", "征集", "申报", "获批", "改造", "建强", "扩大", "增加", "降低", "提升", "提高", "在", "以", "对", "为", "有", "不",
)  # fmt: skip
_LEADING = re.compile(rf"^(?:{'|'.join(sorted(_VERBS, key=len, reverse=True))})")
# Verbs that may end what is before the number: 建设|200家. Nouns such as 规模 must stay.
_TRAILING = re.compile(
    r"(?:达到|达|为|至|到|超过|超|突破|新增|累计|均|分别|平均|的数量|总量达|保持在|稳定在|控制在|不|约|近"
    r"|了|再|力争|占|在|将|可|能|实现|完成|有|以)+$"
)
# Verbs that are never part of a noun: what stands before them is where or how, not what.
_MAKING = re.compile(
    r"^.*(?:打造|建成|培育|形成|集聚|聚集|引进|引育|招引|开通|推出|汇聚|汇集|孵化|遴选|认定|新增|吸引)(?=.{2})"
)
_NOT_A_TARGET = re.compile(
    r"补助|奖励|补贴|资助|贴息|给予|奖补|扶持资金|罚款|注册资本|截至|目前|现有|已有|已建成|已达|以来|近年来|去年"
)
_SUBDIVISION = re.compile(
    r"^(?:个|大)?(?:省|市|州|区|县|盟|旗|乡镇|街道|市\(州\)|地级市|设区市|市州|区县|县区|县市区|方面|层面|环节|阶段|维度|层次|步骤|部分|月|季度|字|关键|要素)"
)
_ROUND_THE_CLOCK = re.compile(r"^(?:不间断|在线|全天候|值守|服务|响应)")
_HARD = "。;！？!?\n"
_SOFT = ",:"
_NEW_GOAL = re.compile(
    r"(?:研发|打造|建设|建成|形成|培育|推出|引进|实现|构建|创建|争创|集聚|汇聚|开发|发布|组建|推动|培养|新增|实施|突破|加快|完善|推广|落地)"
)


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal at ``start:end`` of the clean text; ``quantity`` is None where it is qualitative."""

    start: int
    end: int
    year: int | None
    yearly: bool
    quantity: Quantity | None
    about: str


def sentences(norm: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a part of the text."""
    at = start
    for index in range(start, end):
        if norm[index] in _HARD:
            if index > at:
                yield at, index
            at = index + 1
    if end > at:
        yield at, end


def clauses(norm: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what stands between commas and colons outside brackets."""
    depth = 0
    at = start
    for index in range(start, end):
        letter = norm[index]
        depth += (letter in "([〔") - (letter in ")]〕")
        if letter in _SOFT and depth <= 0 and not _thousands(norm, index):
            if index > at:
                yield at, index
            at = index + 1
    if end > at:
        yield at, end


def _thousands(norm: str, index: int) -> bool:
    return norm[index] == "," and bool(re.match(r"\d,\d{3}(?!\d)", norm[index - 1 : index + 5]))


def goals(document: Document, start: int, end: int, *, qualitative: bool, plan_year: int | None) -> Iterator[Goal]:
    """Yield the goals of a part of the text; qualitative clauses only where they are asked for.

    A year holds from where it is named until the next one, within the part. A clause about what was reached already,
    or about the money that a measure grants, is no target.
    """
    norm = document.norm
    year: int | None = None
    for opening, closing in sentences(norm, start, end):
        background = yearly = False
        for left, right in clauses(norm, opening, closing):
            year, named = _year(norm, left, right, year, plan_year)
            yearly = bool(_YEARLY.search(norm, left, right)) or (yearly and left > opening)
            # Once a sentence speaks of the past or of money granted it goes on so, until it names a year to come.
            background = bool(_NOT_A_TARGET.search(norm, left, right)) or (background and named == left)
            if background:
                continue
            yield from _clause(document, left, right, year, yearly, named, qualitative=qualitative)


def _year(norm: str, left: int, right: int, year: int | None, plan_year: int | None) -> tuple[int | None, int]:
    """Return the year that governs a clause, and where the words that name it end."""
    named = left
    for match in _YEAR.finditer(norm, left, right):
        if match["start"]:
            continue
        if match["five"]:
            year = _FIVE_YEARS[match["five"]]
        elif match["this"]:
            year = plan_year if plan_year and match["this"] != "年底" else year
        else:
            year = int(match["to"] or match["one"])
        named = match.end()
        for word in ("年底", "底", "末", "前", "期间", "时", "年"):
            if norm.startswith(word, named):
                named += len(word)
    return year, min(named, right)


def _clause(
    document: Document, left: int, right: int, year: int | None, yearly: bool, named: int, *, qualitative: bool
) -> Iterator[Goal]:
    norm = document.norm
    found = list(_targets(norm, left, right))
    # What stands between 、 belongs together unless a part before has its number and a part after its number or verb.
    cuts = [left]
    last = found[-1].start if found else left
    depth = 0
    complete = False
    numbers = iter([*found, None])
    number = next(numbers)
    for index in range(left, right):
        depth += (norm[index] in "([〔") - (norm[index] in ")]〕")
        while number is not None and number.end <= index:
            complete, number = True, next(numbers)
        if (
            norm[index] == "、"
            and depth == 0
            and complete
            and (last > index or _NEW_GOAL.match(norm, index + 1, right))
        ):
            cuts.append(index + 1)
            complete = False
    cuts.append(right + 1)
    for start, stop in pairwise(cuts):
        end = min(stop - 1, right)
        inside = [one for one in found if start <= one.start < end]
        for order, one in enumerate(inside):
            floor = max(start, inside[order - 1].end if order else start, named if named < one.start else start)
            ceiling = inside[order + 1].start if order + 1 < len(inside) else end
            about = _about(document, one, floor, ceiling)
            yield Goal(start, end, year, yearly, one, about)
        if not inside and qualitative:
            begin = max(start, named) if named < end else end
            body = document.norm[begin:end].strip("、 ")
            if len(body) >= 6 and not re.fullmatch(r"(?:到|力争|展望)*", body):
                yield Goal(start, end, year, yearly, None, document.text(begin, end).strip("，,、"))


def _depth_between(norm: str, start: int, index: int) -> int:
    part = norm[start:index]
    return sum(part.count(letter) for letter in "([〔") - sum(part.count(letter) for letter in ")]〕")


def _targets(norm: str, left: int, right: int) -> Iterator[Quantity]:
    """Yield the quantities of a clause that can be targets."""
    for one in quantities(norm[left:right]):
        moved = Quantity(
            one.start + left,
            one.end + left,
            one.op,
            one.value,
            one.low,
            one.high,
            one.unit,
            one.approximate,
            one.chinese,
            one.stated,
        )
        if _depth_between(norm, left, moved.start) > 0 or _is_no_target(norm, left, right, moved):
            continue
        yield moved


def _is_no_target(norm: str, left: int, right: int, one: Quantity) -> bool:
    before, after = norm[left : one.start], norm[one.end : right]
    if one.unit in ("人", "元", "字", "路", "站", "对", "单", "位", "部", "站", "头", "片") and one.chinese:
        return True
    if one.chinese and not one.stated and (one.value or 0) < 10:
        small = one.value is not None and one.value < 2
        # 一个、两个方面、三个层次 count nothing that is to be reached; 建设三个平台 does.
        if (
            small
            or one.unit in ("类", "种", "批", "条", "次", "期", "部", "款", "%", "倍")
            or _SUBDIVISION.match(after)
        ):
            return True
        if not re.search(r"[建打形培引新创推认组布汇拥发][设造成育进增建出定织局聚有布]?[^,]{0,6}$", before):
            return True
    if one.chinese and one.value is not None and one.value == 1 and not one.stated:
        return True
    if not one.stated and _SUBDIVISION.match(after):
        return True
    if one.unit in ("小时",) and (_ROUND_THE_CLOCK.match(after) or before.endswith(("7×", "7*", "7x"))):
        return True
    if (
        one.unit in ("条", "项", "类")
        and not one.stated
        and re.match(r"(?:措施|政策|意见|举措|任务|工作|要求|规定)", after)
    ):
        return True
    if before.endswith(("第", "前", "从", "近", "过去", "未来")) and not one.stated:
        return True
    return before.endswith(("一带", "国发", "号"))


def _about(document: Document, one: Quantity, floor: int, ceiling: int) -> str:
    """Return what a quantity is about: the noun after it, else the one before it."""
    norm = document.norm
    after = norm[one.end : ceiling]
    skipped = len(after) - len(after.lstrip("的"))
    begin = one.end + skipped
    end = begin
    while end < ceiling and (norm[end] not in "(" or _closed(norm, end, ceiling)):
        end += 1
    follows = norm[begin:end]
    follows_clean = re.sub(r"^(?:的|以上|左右)+", "", follows)
    begin += len(follows) - len(follows_clean)
    if len(re.sub(r"\(.*?\)|[、和与及]$", "", follows_clean)) >= 2 and not re.match(
        r"(?:并|且|其中|同比|较|比)", follows_clean
    ):
        return document.text(begin, end).rstrip("、，和与及")
    before = _before(norm[floor : one.start])
    offset = norm[floor : one.start].find(before) if before else 0
    return document.text(floor + offset, floor + offset + len(before))


def _closed(norm: str, start: int, end: int) -> bool:
    return ")" in norm[start:end]


def _before(part: str) -> str:
    """Return the noun phrase that ends a part: without verbs before it and after it."""
    part = (
        re.sub(r"^.*?(?:年(?:底|末)?(?:前)?|期间|末)(?=[^度均])", "", part)
        if re.search(r"\d{4}年|五[”\"]?(?:末|期间)", part)
        else part
    )
    part = _MAKING.sub("", part.strip("、,: "))
    changed = True
    while changed:
        changed = False
        trimmed = _TRAILING.sub("", part)
        if trimmed != part and trimmed:
            part, changed = trimmed, True
        match = _LEADING.match(part)
        if match and len(part) - match.end() >= 2:
            part, changed = part[match.end() :], True
    return part.strip("、,: 的")
