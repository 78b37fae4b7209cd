"""Goals: the clauses of a plan that say what is to be reached, by when, and how much of what."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from dujiang.plan.documents import HEADING, Document
from dujiang.plan.measures import DURATIONS
from dujiang.plan.phrases import ADVERBS, COMPOUNDS, GROWTH, MAKING, PREDICATES
from dujiang.plan.quantities import Quantity, quantities

_YEAR = re.compile(
    r"(?<![较比\d])(?:"
    r"(?P<from>\d{4})年?[-~至到]{1,2}(?P<to>20\d{2})年|(?<!自)(?<!与)(?<!从)(?<!由)(?P<one>20\d{2})年(?!以来|起(?![步飞])|相比|的?基础)"
    r"|(?P<words>[二两][〇零○O][一二三四五六七八九〇零○]{2})年"
    r"|[“\"]?(?P<five>十[三四五六七])五[”\"]?(?:规划)?(?:时期|期间|期末|末|中期)|(?P<this>今年|当年|本年度)"
    r")(?:\d{1,2}月(?:\d{1,2}日)?)?(?:年?(?:底|末|前|期间|中期|以前|之前|上半年|下半年|[一二三四]季度))*"
)
_FIVE_YEARS = {"十三": 2020, "十四": 2025, "十五": 2030, "十六": 2035, "十七": 2040}
_YEARLY = re.compile(r"每年|逐年|年均|每年度|/年|每一年|年度")
# Money that a measure grants, and what has been reached already.
_GRANTS = re.compile(r"补助|奖励|补贴|资助|贴息|给予|奖补|扶持资金|罚款|注册资本|兑付|最高不超过|减免")
_CAPS = re.compile(r"最高(?:不超过)?\d|给予|一次性奖励|每家奖励")
_FOR_WHOM = re.compile(r"对|按|凡|符合|获批|经|每|单个|最高")
_PAST = re.compile(r"截至|目前|现有|已有|已建|已达|已经|以来|近年来|去年|现已|上年")
_SUBDIVISION = re.compile(
    r"(?:个|大|类|项)?(?:省|市|州|区|县|盟|旗|乡镇|街道|市\(|地级|设区|国家部委|部门|方面|层面|环节|阶段|维度|层次|步骤|部分|月|季度|字|关键|要素|原则|坚持|统一|转变|不动摇|办法)"
)
_MEASURE_WORDS = re.compile(r"(?:措施|政策|意见|举措|任务|工作|要求|规定|条款|内容)")
_ACTS = re.compile(rf"(?:{MAKING})[^,]{{0,8}}$")
_OVERLONG = 600
_HARD = "。;！？!?\n\t"
_SOFT = ",:"
_PIECE = re.compile(
    r"(?:研发|打造|建设|建成|形成|培育|推出|引进|实现|构建|创建|争创|集聚|汇聚|开发|发布|组建|推动|培养|新增|实施|突破|加快|完善|推广|落地|建立|举办|遴选|制定|开展)"
    r"(?!利用|者|区|投入|率|中心|能力|和|与|、)"
)
# Sizes of what is built: like counts they stand after the thing, and a verb may stand before it.
_BUILT = frozenset({"m", "m2", "m3", "B", "kW", "kWh", "kVA", "FLOP/s", "OP/s", "bit/s"})
_COMPARED = re.compile(r"(?:与|较|比)(?:20\d{2}年|上年|去年|[“\"]?十.五[”\"]?末?)(?:底|末|同期)?(?:相比|相较)?")
_SPAN = re.compile(
    r"(?:未来|今后|用|经过|通过|力争|争取|在)*(?:[一二两三四五]|\d)(?:到|至|-)?(?:[一二三四五]|\d)?年(?:左右)?(?:的)?(?:时间|内|努力|后)+"
)
# 重点企业 is a noun; 重点支持 is not.
_LEADING = re.compile(
    rf"(?!(?:重点|科学|规划|集中|联合|优先|平均|有序|全面|统筹|深入|稳妥)(?!{ADVERBS}|{MAKING}|$))(?:{ADVERBS})"
)
_VERB = re.compile(rf"(?:{MAKING})")
_LAST_VERB = re.compile(
    r"^.*(?:打造|建成|培育|形成|集聚|聚集|引进|引育|招引|开通|推出|汇聚|汇集|孵化|遴选|认定|新增|吸引|发放|设立|新建)(?![区度地器率库])(?=.{2})"
)
_TRAILING = re.compile(
    r"(?:达到|达|为|至|到|超过|超|突破|累计|均|分别|平均|的数量|保持在|稳定在|控制在|不|约|近|了|再|力争|占比?例?(?=$)(?<!占比)(?<!比例)|在|将|可|能|实现|完成|有|以|要|应|年均|每年|总体|拥有)$"
)
_AT_LEAST = re.compile(
    r"(?:至少|最少|不少于)(?:建成|建设|打造|培育|推出|完成|形成|落地|举办|开展|新增|发布|引进|组织)$"
)
_RANKED = re.compile(r"(?:力争)?(?:进入|位居|位列|跻身|稳居|居|列|保持|排名|迈入)[^,]{0,12}$")


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
    """Yield the sentences of a part of the text, also what semicolons, lines and table cells part."""
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
        # A clause beyond any length that people write is cut, so that reading stays linear.
        overlong = index - at > _OVERLONG and letter in "、()个家"
        if (letter in _SOFT and depth <= 0 and not _thousands(norm, index)) or overlong:
            if index > at:
                yield at, index
            at = index + 1
    if end > at:
        yield at, end


def _thousands(norm: str, index: int) -> bool:
    return norm[index] == "," and bool(re.match(r"\d,\d{3}(?!\d)", norm[index - 1 : index + 5]))


def goals(
    document: Document, start: int, end: int, *, qualitative: bool, plan_year: int | None, dated: bool = False
) -> Iterator[Goal]:
    """Yield the goals of a part of the text; qualitative clauses only where they are asked for.

    A year holds from where it is named until the next one: through the whole part where goals are set
    (``qualitative``), elsewhere to the end of its sentence. With ``dated`` qualitative clauses count only once a year
    has been named. A clause about what was reached already, or about the money that a measure grants, is no target.
    """
    norm = document.norm
    year: int | None = None
    subject = ""
    for opening, closing in sentences(norm, start, end):
        if "\t" in norm[max(start, opening - 1) : min(end, closing + 1)]:
            continue  # a cell of a table
        if not qualitative and norm[opening - 1 : opening] not in (";", ":"):
            year, subject = None, ""
        past = yearly = grants = False
        granting = bool((_CAPS if qualitative else _GRANTS).search(norm, opening, closing))
        for left, right in clauses(norm, opening, closing):
            years = _years(norm, left, right, plan_year)
            yearly = bool(_YEARLY.search(norm, left, right))
            # Once a sentence speaks of the past it goes on so, until it names a year to come.
            granted = (
                _CAPS.search(norm, left, right)
                if qualitative
                else (_GRANTS.search(norm, left, right) or _FOR_WHOM.match(norm, left, right))
            )
            grants = grants or (granting and bool(granted))
            past = (past and not years) or bool(_PAST.search(norm, left, right))
            if not past and not (grants and qualitative):
                part = _Clause(document, left, right, year, years, yearly, subject, grants)
                for goal in part.goals():
                    if goal.quantity or (qualitative and not (dated and goal.year is None)):
                        yield goal
                subject = part.subject
            if years:
                year = years[-1][2]


def overlooked(document: Document, start: int, end: int, found: list[Goal]) -> Iterator[tuple[int, int]]:
    """Yield the numbers with a unit that stand where goals are set and gave none, though they look like targets."""
    norm = document.norm
    pieces = sorted({(one.start, one.end) for one in found if one.quantity})
    for opening, closing in sentences(norm, start, end):
        if "\t" in norm[max(start, opening - 1) : min(end, closing + 1)]:
            continue
        past = False
        for left, right in clauses(norm, opening, closing):
            past = past or bool(_PAST.search(norm, left, right))
            for one in quantities(norm[left:right]) if not past else ():
                at = left + one.start, left + one.end
                before = bisect_right(pieces, (at[0], end + 1))
                inside = before > 0 and at[0] < pieces[before - 1][1]
                if not (inside or one.chinese or _is_no_target(norm[left : at[0]], norm[at[1] : right], one)):
                    yield at


def _years(norm: str, left: int, right: int, plan_year: int | None) -> list[tuple[int, int, int]]:
    """Return (start, end, year) of the years that a clause names as its term."""
    found = []
    for match in _YEAR.finditer(norm, left, right):
        if match["five"]:
            year = _FIVE_YEARS[match["five"]]
        elif match["words"]:
            year = int("".join(str(max("〇一二三四五六七八九".find(one), 0)) for one in match["words"]))
        elif match["this"]:
            if plan_year is None:
                continue
            year = plan_year
        else:
            year = int(match["to"] or match["one"])
        found.append((match.start(), match.end(), year))
    return found


class _Clause:
    """One clause: its targets, what each is about, and what else it says."""

    def __init__(
        self, document: Document, left: int, right: int, year: int | None, years: list[tuple[int, int, int]],
        yearly: bool, subject: str, grants: bool,
    ) -> None:  # fmt: skip
        self.document, self.norm, self.left, self.right = document, document.norm, left, right
        self.year, self.years, self.yearly, self.subject = year, years, yearly, subject
        self.aside = _asides(self.norm, left, right)
        self.found = [one for one in self._targets() if not (grants and not one.counts and not years)]

    def goals(self) -> Iterator[Goal]:
        """Yield the goals of the clause in order."""
        for left, right in pairwise([self.left, *self._cuts(), self.right]):
            start, end = left, right
            while end > start and self.norm[end - 1] in "、和与及":
                end -= 1
            while start < end and self.norm[start] in "、-和与及 ":
                start += 1
            inside = _without_attributes(self.norm, [one for one in self.found if start <= one.start < end], end)
            if inside:
                yield from self._counted(start, end, inside)
            else:
                yield from self._said(start, end)

    def _counted(self, start: int, end: int, inside: list[Quantity]) -> Iterator[Goal]:
        shared = self._shared(start, inside)
        years = [one for one in self.years if start <= one[0] and one[1] <= inside[0].start]
        each = len(years) == len(inside) > 1 and "分别" in self.norm[start : inside[0].start + 3]
        if each:
            # 2026年、2027年产业规模分别达到300亿元、400亿元.
            shared = [_before(self.norm[years[-1][1] : inside[0].start], counted=inside[0].counts)] * len(inside)
        for order, one in enumerate(inside):
            floor = inside[order - 1].end if order else start
            ceiling = inside[order + 1].start if order + 1 < len(inside) else end
            about = shared[order] if shared else self._about(one, floor, ceiling)
            if shared and order and one.op == "=" and not one.stated:
                one = replace(one, op=inside[0].op)  # noqa: PLW2901
            yield Goal(start, end, years[order][2] if each else self._year_of(one.start), self.yearly, one, about)

    def _said(self, start: int, end: int) -> Iterator[Goal]:
        """Yield the qualitative goal of a piece without a number, if it says anything beside its term."""
        year = self._year_of(end)
        begin = max([start, *(stop for _, stop, _ in self.years if stop <= end)])
        body = _SPAN.sub("", self.norm[begin:end]).strip("、- ")
        body = re.sub(r"^(?:\(.{1,3}\)|.{1,2}、|\d{1,2}[.、])", "", body) if HEADING.match(body) else body
        body = re.sub(rf"^(?:到|{'|'.join(('在', '力争', '展望', '至'))})+$", "", body)
        if (
            len(body) >= 5
            and not body.endswith("如下")
            and not body.startswith("专栏")
            and not re.fullmatch(rf"(?:{ADVERBS}|以下|目标|主要|是|为)*", body)
        ):
            subject = PREDICATES.sub("", body)
            self.subject = subject if 2 <= len(subject) < len(body) else ""
            if heading := HEADING.match(self.norm, begin, end):
                begin = start = heading.end()
            while begin < end and self.norm[begin] in "、-: ":
                begin += 1
            yield Goal(start, end, year, self.yearly, None, self.document.text(begin, end).strip("，,、"))

    def _year_of(self, at: int) -> int | None:
        before = [year for start, _, year in self.years if start < at]
        if before:
            return before[-1]
        return self.year if self.year is not None or not self.years else self.years[0][2]

    def _targets(self) -> Iterator[Quantity]:
        """Yield the quantities of the clause that can be targets."""
        for one in quantities(self.norm[self.left : self.right]):
            moved = replace(one, start=one.start + self.left, end=one.end + self.left)
            if any(first <= moved.start < last for first, last in self.aside):
                continue
            if not one.stated and _AT_LEAST.search(self.norm, self.left, moved.start):
                moved = replace(moved, op=">=", stated=True)
            if not _is_no_target(self.norm[self.left : moved.start], self.norm[moved.end : self.right], moved):
                yield moved

    def _cuts(self) -> list[int]:
        """Return where the clause falls into pieces that each say one thing, at 、 or before a number after 和."""
        marks = [
            index
            for index in range(self.left, self.right)
            if self.norm[index] == "、" and not any(first <= index < last for first, last in self.aside)
        ]
        acting = [index for index in marks if _PIECE.match(self.norm, index + 1, self.right)]
        if not self.found:
            head = _SPAN.sub("", self.norm[max([self.left, *(end for _, end, _ in self.years)]) : self.right])
            return acting if _PIECE.match(re.sub(rf"^(?:{ADVERBS}|,)+", "", head)) else []
        cuts = [index for index in acting if index > self.found[-1].end]
        for before, after in pairwise(self.found):
            between = [index for index in marks if before.end <= index < after.start]
            joined = re.search(r"(?:以及|和|与|及)$", self.norm[before.end : after.start])
            if joined and not self._respectively(before, after):
                cuts.append(before.end + joined.start())
            elif self._respectively(before, after):
                continue
            elif any(index in acting for index in between):
                cuts.append(next(index for index in between if index in acting))
            elif between:
                listed = "等" in self.norm[between[-1] : after.start]
                cuts.append(between[0] if listed else between[-1])
        first = self.found[0].start
        head = re.sub(
            rf"^(?:{ADVERBS})+", "", self.norm[max([self.left, *(e for _, e, _ in self.years if e <= first)]) : first]
        )
        if _PIECE.match(head):
            cuts += [index for index in acting if index < first][-1:]
        return sorted(set(cuts))

    def _respectively(self, before: Quantity, after: Quantity) -> bool:
        """Say whether two numbers belong to subjects named together: 甲、乙分别达到70%、90%."""
        gap = self.norm[before.end : after.start]
        return gap in ("、", "和", "与", "及", "以及") and "分别" in self.norm[self.left : before.start + 8]

    def _shared(self, start: int, inside: list[Quantity]) -> list[str]:
        """甲、乙分别达到70%、90%: return a subject for each number, or nothing where the clause isn't of that form."""
        head = self.norm[start : inside[0].start]
        head += self.norm[inside[0].start : inside[0].start + 3]
        if "分别" not in head or len(inside) < 2:
            return []
        head = head[: head.index("分别")]
        names = next(
            (many for many in (head.split("、"), re.split("、|以及|和|与", head)) if len(many) == len(inside)), []
        )
        if not all(names) or not names:
            names = [head] * len(inside)
        return [_before(one, counted=one_of.counts) for one, one_of in zip(names, inside, strict=True)]

    def _about(self, one: Quantity, floor: int, ceiling: int) -> str:
        """Return what a quantity is about: the noun after a count, else the one before the number, else the last one."""
        floor = max([floor, *(end for _, end, _ in self.years if end <= one.start)])
        after = self._after(one.end, ceiling)
        before = self.norm[floor : one.start]
        ranked = one.op == "<=" and self.norm[one.start] == "前"
        normal = one.normalised()["unit"]
        counted = one.counts or normal in _BUILT
        plain = _before(_RANKED.sub("", before) if ranked else before, counted=counted)
        if GROWTH.fullmatch(plain) and self.subject:
            return self.subject + plain
        followed = after and (one.counts or not plain or self.norm[one.end] == "的")
        if followed and not (one.counts and one.stated and GROWTH.search(plain)) and not ranked:
            self.subject = ""
            return after
        if not plain or re.fullmatch(r"每.{1,3}", plain):
            return self.subject or after or plain
        if self.subject and (plain.startswith("占") or plain in ("总量", "规模", "总规模", "数量", "总数")):
            return self.subject + plain
        self.subject = GROWTH.sub("", plain) or plain
        offset = self.norm.find(plain, floor)
        return self.document.text(offset, offset + len(plain)) if floor <= offset < one.start else plain

    def _after(self, begin: int, ceiling: int) -> str:
        """Return the noun that follows a number."""
        while begin < ceiling and self.norm[begin] in "的 ":
            begin += 1
        follows = self.norm[begin:ceiling]
        stop = re.search(r"并(?=[^行列网])|[,:]|且|\([^)]*$|其中|同比|(?<=.)较20", follows)
        end = begin + (stop.start() if stop else len(follows))
        while end > begin and self.norm[end - 1] in "、和与及的- ":
            end -= 1
        noun = self.norm[begin:end]
        if len(re.sub(r"\(.*?\)", "", noun)) < 2 or re.match(r"同比|较|比|以上|左右", noun):
            return ""
        return self.document.text(begin, end)


def _asides(norm: str, left: int, right: int) -> list[tuple[int, int]]:
    """Return what stands in brackets and quotation marks: notes and names, in which no target is set."""
    found = []
    opened: list[tuple[str, int]] = []
    pairs = {"(": ")", "[": "]", "〔": "〕", "“": "”", "《": "》"}
    for index in range(left, right):
        letter = norm[index]
        if letter in pairs:
            opened.append((pairs[letter], index))
        elif opened and letter == opened[-1][0]:
            _, start = opened.pop()
            if not opened:
                found.append((start, index + 1))
    return found


def _without_attributes(norm: str, inside: list[Quantity], end: int) -> list[Quantity]:
    """Leave out what only describes the thing that is counted: 3家产值过百亿元的企业, 2个千亿级集群."""
    if len(inside) < 2 or not any(one.counts for one in inside):
        return inside
    kept = []
    for order, one in enumerate(inside):
        stop = inside[order + 1].start if order + 1 < len(inside) else end
        follows = norm[one.end : stop].strip("、和与及")
        describes = not one.counts and len(follows) >= 2 and (one.stated or norm[one.end] == "的")
        if not describes:
            kept.append(one)
    return kept


def _is_no_target(before: str, after: str, one: Quantity) -> bool:
    """Say whether a quantity counts something that is not to be reached: parts, districts, terms, measures."""
    unit = one.unit
    small = one.chinese and not one.stated and (one.value or 0) < 10
    if before.endswith(("第", "从", "由", "过去", "未来", "一带", "国发", "号", "自", "7×", "7*", "7x")):
        return True
    if after.startswith("级") or (
        re.search(r"[由从][^,]{0,10}$", before)
        and re.match(r"左右?(?:提|增|升|降|扩|缩|压|减)|[提增升降扩缩压减]", after)
    ):
        return True  # 百米级, 由800亿元提高到2000亿元
    if before.endswith(("时速", "半径", "间隔", "海拔", "直径")) and not one.stated:
        return True
    if (
        one.chinese
        and unit in ("人", "元", "字", "路", "站", "对", "单", "位", "部", "头", "片", "集", "班", "首")
        and not one.stated
    ):
        return True
    if small and ((one.value or 0) < 2 or unit in ("类", "种", "批", "条", "次", "期", "部", "款", "组", "场")):
        return True
    if small and not _ACTS.search(before):
        return True
    if not one.stated and (
        _SUBDIVISION.match(after) or unit.lower() in DURATIONS or after.startswith(("以来", "万户"))
    ):
        return True
    if unit in ("条", "项", "类", "个", "大") and not one.stated and _MEASURE_WORDS.match(after):
        return True
    if unit == "次" and re.search(r"每(?:季度|月|周|半年|旬)", before):
        return True
    # 对营收1亿元以上的企业: who a measure is for.
    return (
        not one.counts
        and one.stated
        and after.startswith("的")
        and bool(re.match(r"(?:支持|鼓励)?(?:对|为|向|符合|满足)", before))
    )


def _before(part: str, *, counted: bool) -> str:
    """Return the noun phrase that ends a part: without the verbs and terms around it."""
    part = re.sub(r"[由从][^由从]*\d[^由从]*$", "", part)
    part = _SPAN.sub("", _COMPARED.sub("", part)).strip("、,:- ")
    if counted:
        part = _LAST_VERB.sub("", part)
    changed = True
    while changed:
        changed = False
        trimmed = _TRAILING.sub("", part).rstrip("、,:- ")
        if trimmed != part:
            part, changed = trimmed, True
        match = _LEADING.match(part) if not COMPOUNDS.match(part) else None
        if match is None and (counted or _MONEY_VERB.match(part)) and not COMPOUNDS.match(part):
            match = _VERB.match(part)
        if match and not GROWTH.fullmatch(part):
            part, changed = part[match.end() :], True
    return part.strip("、,:- 的")


_MONEY_VERB = re.compile(
    r"完成|实现|设立|发放|投入|争取|带动|覆盖|达到|提升(?=.{3})|提高(?=.{3})|降低(?=.{3})|拥有|引导|形成|打造"
)
