"""Headings: the numbered parts of a document, nested as their numbering says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from dujiang.messages import Text
from dujiang.plan.documents import Document
from dujiang.plan.quantities import chinese_number

_HAN = "一二三四五六七八九十"
# (level, style of numbering), outermost first. 第…条 stand as deep as （一） but have numbers of their own.
_STYLES: tuple[tuple[int, re.Pattern[str]], ...] = (
    (0, re.compile(rf"第(?P<number>[{_HAN}百]{{1,4}})(?:部分|章|篇)[、:.]?")),
    (1, re.compile(rf"第(?P<number>[{_HAN}百]{{1,4}})节[、:.]?")),
    (2, re.compile(rf"(?P<number>[{_HAN}]{{1,3}})[、.](?!、)")),
    (3, re.compile(rf"第(?P<number>[{_HAN}百]{{1,4}})条[、:.]?")),
    (4, re.compile(rf"\((?P<number>[{_HAN}百]{{1,4}})\)[、.]?")),
    (4, re.compile(rf"(?:重点)?(?:任务|行动|工程|专项|举措|措施)(?P<number>[{_HAN}]{{1,3}}|\d{{1,2}})[、:.](?!\d)")),
    (5, re.compile(r"(?P<number>\d{1,3})(?:[、]|\.(?!\d))")),
    (6, re.compile(r"\d{1,2}\.(?:\d{1,2}\.)?(?P<number>\d{1,2})[、.]?(?=[\u4e00-\u9fff“])(?![万亿个家倍元米公])")),
    (6, re.compile(r"\((?P<number>\d{1,3})\)[、.]?")),
    (7, re.compile(r"(?P<number>[①-⑳])")),
)
_NAMED = re.compile(
    r"(?:总体要求|(?:发展|总体|主要|工作|行动)目标|(?:重点|主要|工作)任务|重点(?:行动|工程|举措|工作)|主要(?:举措|措施)|保障措施|组织(?:保障|实施)|工作要求|支持政策)"
)
_INLINE = re.compile(
    rf"(?<=[。)〕\]】!?;])(?=\([{_HAN}]{{1,3}}\)|[{_HAN}]{{1,3}}、|第[{_HAN}百]{{1,4}}条|\d{{1,3}}[.、](?!\d))"
)
_UNITS = re.compile(r"[(〔\[【](?:责任|牵头|配合|负责|主办|落实|☆|★|由)|责任单位:|牵头单位:|责任部门:|牵头部门:")
_LONG = 45


@dataclass(slots=True)
class Heading:
    """A numbered heading with what stands under it; positions are of the clean text, ``key`` is the normalised title."""

    level: int
    number: int
    start: int
    end: int
    title: str
    key: str
    title_end: int
    style: int = 0
    children: list[Heading] = field(default_factory=list)


def outline(document: Document, start: int, end: int) -> tuple[list[Heading], list[tuple[int, int, Text]]]:
    """Return the outermost headings of ``clean[start:end]`` with their children, and where the numbering has gaps."""
    flat = list(_headings(document, start, end))
    for heading, following in pairwise(flat):
        heading.title_end = min(heading.title_end, following.start)
    roots: list[Heading] = []
    opened: list[Heading] = []
    for heading in flat:
        heading.end = end
        while opened and opened[-1].level >= heading.level:
            opened.pop().end = heading.start
        (opened[-1].children if opened else roots).append(heading)
        opened.append(heading)
    return roots, list(_gaps(flat))


def _headings(document: Document, start: int, end: int) -> Iterator[Heading]:
    """Yield headings: numbering at the start of a paragraph, or after a sentence where it goes on a sequence."""
    norm = document.norm
    lines = {start, *(match.end() for match in re.compile("\n").finditer(norm, start, end))}
    candidates = lines | {match.end() for match in _INLINE.finditer(norm, start, end)}
    last: dict[int, int] = {}
    numbered = any(_STYLES[2][1].match(norm, at) for at in lines)
    for at in sorted(candidates):
        heading = _heading(document, at, end)
        if heading is None and at in lines and not numbered:
            heading = _unnumbered(document, at, end)
        if heading is None or (at not in lines and not _goes_on(heading, last)):
            continue
        last[heading.style] = heading.number
        yield heading


def _goes_on(heading: Heading, last: dict[int, int]) -> bool:
    """Say whether a number inside a paragraph goes on the last one of its style, or begins a list of a lower level."""
    return heading.number == last.get(heading.style, 0) + 1 or (heading.number == 1 and heading.level > 3)


def _heading(document: Document, start: int, limit: int) -> Heading | None:
    for style, (level, pattern) in enumerate(_STYLES):
        match = pattern.match(document.norm, start, limit)
        if match is None:
            continue
        end = _title_end(document.norm, match.end(), limit)
        title = document.text(match.end(), end).strip(" 　：:。；;，,、")
        # A line that is all numbers, or nothing, is a row of a table or a stray number.
        if not re.search(r"[\u4e00-\u9fff]", title):
            return None
        key = document.norm[match.end() : end].replace("\n", "")
        return Heading(level, _ordinal(match["number"]), start, start, title, key, end, style)
    return None


def _unnumbered(document: Document, start: int, limit: int) -> Heading | None:
    end = document.norm.find("\n", start, limit)
    end = limit if end < 0 else end
    if not _NAMED.fullmatch(document.norm, start, end):
        return None
    return Heading(2, 0, start, start, document.text(start, end), document.norm[start:end], end, -1)


def _title_end(norm: str, start: int, limit: int) -> int:
    """A heading ends with its line or its first sentence, before a bracket of units, or at a colon; never far off."""
    depth = 0
    soft = None
    for index in range(start, limit):
        letter = norm[index]
        if index > start and letter in "(〔[【责牵" and _UNITS.match(norm, index):
            return index
        depth += (letter in "(〔[《“") - (letter in ")〕]》”")
        if letter in "\n\t" or (letter in "。;!?" and depth <= 0):
            return index if index - start <= _LONG or soft is None else soft
        if letter == ":" and depth <= 0 and index - start <= 30:
            return index
        if letter in ",:" and depth <= 0 and soft is None:
            soft = index
        if index - start > 3 * _LONG:
            return soft if soft is not None else start + _LONG
    return limit if limit - start <= _LONG or soft is None else soft


def unnumbered_items(document: Document, heading: Heading) -> list[Heading]:
    """Return the paragraphs under a heading as items, where there are several and each begins with a short title."""
    found: list[Heading] = []
    for match in re.compile(r"[^\n]+").finditer(document.norm, heading.title_end, heading.end):
        if not match[0].strip("。:; "):
            continue
        title = re.match(r"[^。,;:、]{4,24}[。:]", match[0])
        if title is None:
            return []
        stop = match.start() + title.end() - 1
        text = document.text(match.start(), stop)
        found.append(Heading(heading.level + 1, len(found) + 1, match.start(), match.end(), text, title[0], stop))
    return found if len(found) > 1 else []


def _ordinal(text: str) -> int:
    if "①" <= text <= "⑳":
        return ord(text) - ord("①") + 1
    return int(text) if text.isdigit() else chinese_number(text)


def _gaps(flat: list[Heading]) -> Iterator[tuple[int, int, Text]]:
    """Yield the headings whose number neither goes on from the one before in that style nor begins anew."""
    last: dict[int, int] = {}
    for heading in flat:
        before = last.get(heading.style, 0)
        if heading.style >= 0 and heading.number not in (before + 1, 1):
            why = Text(f"编号从 {before} 跳到 {heading.number}", f"numbering goes from {before} to {heading.number}")
            yield heading.start, heading.title_end, why
        last[heading.style] = heading.number
