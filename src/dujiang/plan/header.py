"""What stands above a plan's body: title, issuer, document number and date, in a notice or on the plan itself."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dujiang.plan.documents import Document
from dujiang.plan.headings import outline
from dujiang.plan.quantities import chinese_number

_KIND = r"(?:方案|计划|意见|措施|规划|纲要|办法|行动|指南|政策|细则|要点|条例|规定|清单|举措|实施纲要|工作安排|任务书|路线图|通知)"
_VERSION = r"(?:\([^()]{1,30}\))*"
_TITLE = re.compile(rf"[^。]*{_KIND}[》”]?{_VERSION}")
_NOTICE = re.compile(
    r"(?:关于)?(?:印发|转发|发布|公布|下发)(?:[^《。\n]{0,12}《(?P<title>[^》]{4,150})》|(?P<bare>[^《。]{4,120}?)的通知)"
)
_NUMBER = re.compile(r"[\u4e00-\u9fff]{1,14}[〔\[(](?P<year>(?:19|20)\d{2})[〕\])]第?(?P<number>\d{1,4})号")
_LABELLED_NUMBER = re.compile(rf"(?:发文字号|发文号|文号|文件编号)[:]?(?P<value>{_NUMBER.pattern})")
_HAN = "〇零一二三四五六七八九○OＯ"
_DATE = re.compile(
    rf"(?P<year>20\d{{2}}|[二2][{_HAN}]{{3}})(?:年|[./-])(?P<month>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})(?:月|[./-])"
    r"(?P<day>\d{1,2}|[一二三四五六七八九十]{1,3})日?"
)
_LABELLED_DATE = re.compile(rf"(?:成文日期|发文日期|印发日期|发布日期|公布日期|发布时间)[:]?(?P<value>{_DATE.pattern})")
_ORGAN = (
    r"[\u4e00-\u9fff()·]{1,40}(?:办公厅|办公室|人民政府|政府|委员会|厅|局|部|委|领导小组|总局|研究院|管委会|总公司|银行|署|党组|集团)"
    r"(?:等[\d一二三四五六七八九十]{0,3}(?:个)?(?:部门|单位|厅局))?"
)
_IS_ORGAN = re.compile(_ORGAN)
_SIGNED = re.compile(rf"(?P<organ>{_ORGAN})?\(?(?P<date>{_DATE.pattern})(?:印发|发布)?\)?")
_CITING = re.compile(r"根据|按照|贯彻|落实|为深入|为进一步|现将|经|[。]")
_HEAD = 6000
"""How far down a header can reach."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says; ``body`` and ``end`` bound the plan itself in the clean text."""

    title: str | None
    issuer: str | None
    number: str | None
    date: str | None
    body: int
    end: int


def header(document: Document) -> Header:
    """Read a document's header and find where the plan itself begins and ends."""
    norm = document.norm
    notice = _notice(norm)
    if notice:
        span = notice.span("title" if notice["title"] else "bare")
        title: str | None = document.text(*span)
        opened, body = _line(norm, notice.start()), _own_title(norm, span, notice.end())
        if body is None:
            body = _after_signature(norm, notice.end())
    else:
        opened, body, title = _plain_title(document)
    end = _tail(norm, body)
    first = _first_heading(document, body, end)
    lines = [*_lines(norm, 0, min(first, _HEAD))]
    number = _official(norm, lines, min(first, _HEAD))
    issuer, date = _issuer_and_date(document, lines, opened, body, end)
    return Header(title, issuer, number, date, body, end)


def _first_heading(document: Document, body: int, end: int) -> int:
    roots, _ = outline(document, body, min(end, body + _HEAD))
    return roots[0].start if roots else min(end, body + 400)


def _notice(norm: str) -> re.Match[str] | None:
    """Return the notice that issues a plan, not one that the text cites."""
    for match in _NOTICE.finditer(norm, 0, min(len(norm), 3000)):
        before = norm[_line(norm, match.start()) : match.start()]
        if not _CITING.search(before) and before.count("《") == before.count("》"):
            return match
    return None


def _own_title(norm: str, span: tuple[int, int], start: int) -> int | None:
    """Return where the plan's own title ends, found again below the notice."""
    written = norm[slice(*span)].replace("\n", "")
    for title in dict.fromkeys((written, re.sub(rf"{_VERSION}$", "", written))):
        pattern = "\n?".join(map(re.escape, title))
        match = re.compile(rf"(?:^|\n)《?{pattern}》?(?:\n?{_VERSION})?(?=\n|$)").search(norm, start)
        if match:
            return match.end()
    return None


def _after_signature(norm: str, start: int) -> int:
    """Return where a notice ends whose plan has no title of its own that can be found."""
    for left, right in _lines(norm, start, min(len(norm), start + _HEAD)):
        if _SIGNED.fullmatch(norm, left, right):
            return right
    return start


def _plain_title(document: Document) -> tuple[int, int, str | None]:
    """Return where the title line begins and ends, and the title: the first lines that end as a plan's title does."""
    norm = document.norm
    lines = [*_lines(norm, 0, min(len(norm), _HEAD))][:14]
    for index, (left, right) in enumerate(lines):
        line = norm[left:right]
        if (
            re.match(r"附件|附表|索引号|发文|成文|主题|来源|发布|信息|分类|标题|有效性", line)
            or _SIGNED.fullmatch(line)
            or _NUMBER.fullmatch(line)
        ):
            continue
        if "。" in line or ":" in line or len(line) > 100:
            return 0, 0, None
        if _IS_ORGAN.fullmatch(line) and "关于" not in line and not _TITLE.fullmatch(line):
            continue
        for more in range(index, min(index + 4, len(lines))):
            stop = lines[more][1]
            joined = norm[left:stop].replace("\n", "")
            if len(joined) > 120 or "。" in joined:
                break
            if _TITLE.fullmatch(joined):
                if more + 1 < len(lines) and re.fullmatch(r"\([^()]{2,30}\)", norm[slice(*lines[more + 1])]):
                    bracket = norm[slice(*lines[more + 1])]
                    if not _DATE.search(bracket) and not re.search(r"逗号|下同|牵头", bracket):
                        stop = lines[more + 1][1]
                # 某省人民政府 / 关于…的意见: one title on two lines.
                above = joined.startswith("关于") and index and _IS_ORGAN.fullmatch(norm, *lines[index - 1])
                start = lines[index - 1][0] if above else left
                return start, stop, document.text(start, stop).strip("《》")
    return 0, 0, None


def _issuer_and_date(
    document: Document, lines: list[tuple[int, int]], opened: int, body: int, end: int
) -> tuple[str | None, str | None]:
    norm = document.norm
    issuer = _issuer_above(document, lines, opened)
    signed = [one for one in lines if _SIGNED.fullmatch(norm, *one)]
    # A notice is signed above the plan; a plan without one at its own end.
    signed += [
        one for one in _lines(norm, max(body, end - 300), min(len(norm), end + 200)) if _SIGNED.fullmatch(norm, *one)
    ]
    date = None
    for place in signed:
        match = _SIGNED.fullmatch(norm, *place)
        if match and (date := _iso(match)):
            issuer = issuer or _signature(document, place, match)
            break
    labelled = _LABELLED_DATE.search(norm, 0, _HEAD)
    if date is None and labelled:
        date = _iso(labelled)
    if date is None:
        written = re.compile(rf"\({_DATE.pattern}[^()]{{0,20}}\)").search(
            norm, 0, max(body, lines[-1][1] if lines else 0)
        )
        date = _iso(written) if written else None
    if issuer is None:
        alone = [one for one in lines if _IS_ORGAN.fullmatch(norm, *one)]
        issuer = _spaced(document, alone[0]) if alone else None
    return issuer, date


def _issuer_above(document: Document, lines: list[tuple[int, int]], opened: int) -> str | None:
    """Return who stands before 关于… in the title line, or on the lines right above it."""
    norm = document.norm
    at = next((index for index, (left, right) in enumerate(lines) if left <= opened < right), None)
    if at is None:
        return None
    left = lines[at][0]
    about = re.compile(r"\n?(?:关于|印发)").search(norm, left, left + 80)
    if about and about.start() > left and _IS_ORGAN.fullmatch(norm, left, about.start()):
        return _spaced(document, (left, about.start()))
    above: list[str] = []
    while at and _IS_ORGAN.fullmatch(norm, *lines[at - 1]):
        at -= 1
        above.insert(0, _spaced(document, lines[at]))
    return "、".join(above) or None


def _signature(document: Document, place: tuple[int, int], match: re.Match[str]) -> str | None:
    norm = document.norm
    if match["organ"]:
        return _spaced(document, match.span("organ"))
    above: list[str] = []
    start = place[0]
    while start > 0:
        left = _line(norm, start - 1)
        if not _IS_ORGAN.fullmatch(norm, left, start - 1):
            break
        above.insert(0, _spaced(document, (left, start - 1)))
        start = left
    return "、".join(above) or None


def _spaced(document: Document, place: tuple[int, int]) -> str:
    """Return the name of an issuer; of several that only blanks part, joined with 、."""
    names = document.raw[slice(*document.span(*place))].split()
    whole = document.text(*place)
    if len(names) > 1 and all(len(one) >= 4 and _IS_ORGAN.fullmatch(one) for one in names):
        whole = "、".join(names)
    return re.sub(r"文件$", "", whole)


def _official(norm: str, lines: list[tuple[int, int]], limit: int) -> str | None:
    """Return the document's number with the brackets that official numbers have; one that is cited does not count."""
    labelled = _LABELLED_NUMBER.search(norm, 0, _HEAD)
    for match in [labelled, *(_NUMBER.fullmatch(norm[left:right].strip("() ")) for left, right in lines)]:
        if match:
            written = match["value"] if match is labelled else match[0]
            return re.sub(r"[\[(〔](\d{4})[\])〕]第?", r"〔\1〕", written)
    for match in _NUMBER.finditer(norm, 0, limit):
        before = norm[max(0, match.start() - 2) : match.start()]
        if before[-1:] in "\n" or (
            before.endswith("(") and before[0] != "》" and norm[match.end() : match.end() + 2] == ")\n"
        ):
            return re.sub(r"[\[(〔](\d{4})[\])〕]第?", r"〔\1〕", match[0])
    return None


def _tail(norm: str, body: int) -> int:
    """Return where the plan ends: before its signature, annexes and distribution notes."""
    stop = len(norm)
    annex = re.compile(
        r"\n(?=(?:附件|附表|附录|附)(?:[:]|[\d一二三四五六七八九十]{0,2}[:.、]?[^\n]{0,60}(?:\n|$))|抄送[:]|\(?此件[^\n]{0,10}公开|信息公开选项|政策解读)"
    ).search(norm, min(body + 1, len(norm)))
    if annex and annex.start() > body + 50:
        stop = annex.start()
    lines = [*_lines(norm, max(body, stop - 300), stop)]
    while len(lines) > 1 and (
        _SIGNED.fullmatch(norm, *lines[-1]) or (_IS_ORGAN.fullmatch(norm, *lines[-1]) and stop < len(norm))
    ):
        stop = lines.pop()[0]
    if stop < len(norm) and len(lines) > 1 and _IS_ORGAN.fullmatch(norm, *lines[-1]):
        stop = lines[-1][0]
    return max(stop, body)


def _lines(norm: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    while at < end:
        stop = norm.find("\n", at, end)
        stop = end if stop < 0 else stop
        if stop > at:
            yield at, stop
        at = stop + 1


def _line(norm: str, index: int) -> int:
    """Return where the line of a position begins."""
    return norm.rfind("\n", 0, index) + 1


def _iso(match: re.Match[str]) -> str | None:
    year = match["year"]
    if not year.isdigit():
        year = "".join(str(max("〇一二三四五六七八九".find(one), 0)) if not one.isdigit() else one for one in year)
    month, day = (int(part) if part.isdigit() else chinese_number(part) for part in (match["month"], match["day"]))
    try:
        return datetime.date(int(year), month, day).isoformat()
    except ValueError:
        return None
