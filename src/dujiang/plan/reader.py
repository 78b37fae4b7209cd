"""Reads an official plan's text into goals, tasks, units, requirements and named systems.

It aims at the language of such documents: numbered headings of several levels, goals in clauses, responsible units in
brackets. Every item carries the span of the raw text that it came from; what is not understood is reported with its
span, never dropped or guessed silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from dujiang.messages import Text
from dujiang.plan.documents import Document, document, text_of
from dujiang.plan.goals import Goal, goals, sentences
from dujiang.plan.quantities import QUANTITY
from dujiang.plan.responsibilities import Responsible, Rule, places, responsible, rule_of
from dujiang.plan.systems import systems

_DIGITS = {letter: value for value, letter in enumerate("〇一二三四五六七八九")} | {"零": 0}
_LEVELS = (
    re.compile(r"第(?P<number>[一二三四五六七八九十百]{1,4})[章节](?P<mark>)"),
    re.compile(r"(?P<number>[一二三四五六七八九十]{1,3})(?P<mark>、)"),
    re.compile(r"\((?P<number>[一二三四五六七八九十百]{1,4})\)(?P<mark>)"),
    re.compile(r"(?P<number>\d{1,3})(?P<mark>[.、])(?!\d)"),
    re.compile(r"\((?P<number>\d{1,3})\)(?P<mark>)"),
)
_ARTICLE = re.compile(r"第(?P<number>[一二三四五六七八九十百]{1,4})条(?P<mark>)")
_ARTICLE_LEVEL = 2

_GOALS = re.compile(r"(?:发展|总体|主要|工作|行动|建设|具体|阶段|年度|预期|攻坚|任务)?目标")
_BACKGROUND = re.compile(r"指导思想|基本原则|总体思路|总体考虑|附则|名词解释|基本思路|工作思路|背景|现状|形势|基础")
_OVERALL = re.compile(r"总体要求|总体思路|总体部署")
_REQUIREMENTS = re.compile(
    r"工作要求|保障措施|组织实施|组织保障|支持政策|政策支持|政策保障|保障机制|工作保障|实施保障|强化保障|要素保障|组织领导|推进机制|保障支撑|工作机制|加强保障|^保障|支撑保障|政策措施|有关要求|实施要求"
)
_TASKS = re.compile(r"任务|重点行动|专项行动|重点工程|重点举措|主要举措|重点领域|工作内容|主要措施|行动内容|重点工作")
_TITLE_END = r"(?:实施方案|行动方案|工作方案|方案|行动计划|计划|实施意见|意见|若干措施|措施|规划|行动纲要|纲要|实施办法|办法|行动|指南)"
_NOTICE = re.compile(
    r"关于(?:印发|转发|发布|公布)(?:[^《。]{0,10}《(?P<title>[^》]{4,120})》|(?P<bare>[^《。]{4,100}?)的通知)"
)
_NUMBER_LINE = re.compile(r"[\u4e00-\u9fff]{1,12}[〔\[(](\d{4})[〕\])]第?\d{1,4}号")
_DATE = re.compile(
    r"(?P<year>\d{4}|[〇零一二三四五六七八九○O]{4})年(?P<month>\d{1,2}|[一二三四五六七八九十]{1,2})月(?P<day>\d{1,2}|[一二三四五六七八九十]{1,3})日"
)


@dataclass(slots=True)
class Section:
    """A numbered heading with what stands under it; positions are of the clean text, ``key`` is the normalised title."""

    level: int
    number: int
    start: int
    end: int
    title: str
    key: str
    title_end: int
    children: list[Section] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """A plan as read. The lists hold plain values under the keys of `as_json`; ``text`` is the raw text."""

    title: str | None
    issuer: str | None
    number: str | None
    date: str | None
    goals: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    requirements: list[dict[str, Any]]
    systems: list[dict[str, Any]]
    unread: list[dict[str, Any]]
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values under stable keys (docs/reference/json.md)."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read(path: Path | str) -> Plan:
    """Read a plan from a .txt, .docx or .pdf file; raises `BadInput` where it holds no text that can be read."""
    return read_text(text_of(Path(path)))


def read_text(raw: str) -> Plan:
    """Read a plan's text; never raises, whatever the text is."""
    return _Reading(document(raw)).plan()


class _Reading:
    """One reading of a document; collects what is found and what is not understood."""

    def __init__(self, read: Document) -> None:
        self.document = read
        self.norm = read.norm
        self.rule: Rule = rule_of(read.norm)
        self.unread: list[dict[str, Any]] = []
        self.goals: list[dict[str, Any]] = []
        self.systems: list[dict[str, Any]] = []

    def plan(self) -> Plan:
        roots = self._outline()
        body = roots[0].start if roots else 0
        title, issuer, number, date = self._header(body if roots else len(self.norm))
        self.year = int(date[:4]) if date else None
        goal_parts, task_sections, requirement_sections = self._classify(roots)
        for start, end in goal_parts:
            self._collect(start, end, "goals", qualitative=True)
        tasks = [self._task(number, section) for number, section in enumerate(task_sections, start=1)]
        requirements = [self._requirement(number, one) for number, one in enumerate(requirement_sections, start=1)]
        if not tasks:
            self._miss(body, body, Text("没有找到任务", "no tasks were found"))
        if not self.goals:
            self._miss(body, body, Text("没有找到目标", "no goals were found"))
        self.goals.sort(key=lambda goal: goal["span"][0])
        unread = sorted(self.unread, key=lambda one: one["span"][0])
        text = self.document.raw
        return Plan(title, issuer, number, date, self.goals, tasks, requirements, self.systems, unread, text)

    def _miss(self, start: int, end: int, why: Text) -> None:
        self.unread.append({"span": list(self.document.span(start, end)), "why": str(why)})

    # -- outline ---------------------------------------------------------------------------------------------------

    def _outline(self) -> list[Section]:
        """Return the top sections with their children, from the numbering of headings."""
        flat = list(self._headings())
        for section, following in pairwise(flat):
            section.title_end = min(section.title_end, following.start)
        roots: list[Section] = []
        open_sections: list[Section] = []
        for section in flat:
            section.end = len(self.norm)
            while open_sections and open_sections[-1].level >= section.level:
                open_sections.pop().end = section.start
            (open_sections[-1].children if open_sections else roots).append(section)
            open_sections.append(section)
        self._report_gaps(roots)
        return roots

    def _headings(self) -> Iterator[Section]:
        """Yield headings: numbering at the start of a paragraph, or after a sentence where it goes on a sequence."""
        norm = self.norm
        starts = [0, *(match.end() for match in re.finditer("\n", norm))]
        candidates = dict.fromkeys(starts, True)
        for match in re.finditer(r"[。)〕\]!?](?=\([一二三四五六七八九十]{1,3}\)|[一二三四五六七八九十]{1,3}、)", norm):
            candidates.setdefault(match.end(), False)
        last: dict[int, int] = {}
        for start in sorted(candidates):
            heading = self._heading(start)
            if heading is None:
                continue
            if not candidates[start] and heading.number != last.get(heading.level, 0) + 1:
                continue
            last = {level: number for level, number in last.items() if level < heading.level}
            last[heading.level] = heading.number
            yield heading

    def _heading(self, start: int) -> Section | None:
        for level, pattern in [*enumerate(_LEVELS), (_ARTICLE_LEVEL, _ARTICLE)]:
            match = pattern.match(self.norm, start)
            if match:
                end = self._title_end(match.end())
                title = self.document.text(match.end(), end).strip(" 　：:。")
                if not title:
                    return None
                key = self.norm[match.end() : end].replace("\n", "")
                return Section(level, _ordinal(match["number"]), start, start, title, key, end)
        return None

    def _title_end(self, start: int) -> int:
        """A heading ends with its line, or with its first sentence where the text follows on the same line."""
        depth = 0
        for index in range(start, len(self.norm)):
            letter = self.norm[index]
            depth += (letter in "(〔[《") - (letter in ")〕]》")
            if letter == "\n" or (letter in "。;!?" and depth <= 0):
                return index
            if (
                letter in "(〔["
                and depth == 1
                and re.match(r"[(〔\[](?:责任|牵头|配合|负责)", self.norm[index : index + 3])
            ):
                return index
            if letter == ":" and depth <= 0 and index - start <= 30:
                return index
        return len(self.norm)

    def _report_gaps(self, sections: list[Section]) -> None:
        for before, after in pairwise(sections):
            if before.level == after.level and after.number not in (before.number + 1, 1):
                why = Text(
                    f"编号从 {before.number} 跳到 {after.number}",
                    f"numbering goes from {before.number} to {after.number}",
                )
                self._miss(after.start, after.title_end, why)
        for section in sections:
            self._report_gaps(section.children)

    # -- header ----------------------------------------------------------------------------------------------------

    def _header(self, body: int) -> tuple[str | None, str | None, str | None, str | None]:
        lines = list(self._lines(0, body))
        number = issuer = date = None
        for left, right in lines:
            line = self.norm[left:right]
            found = _NUMBER_LINE.fullmatch(line)
            if found and number is None:
                number = _official(line)
        notice = _NOTICE.search(self.norm[: max(body, 400)])
        quoted = "title" if notice and notice["title"] else "bare"
        title = self.document.text(*notice.span(quoted)) if notice else self._title(lines)
        issuer_span = None
        for index, (left, right) in enumerate(lines):
            line = self.norm[left:right]
            if (match := _DATE.fullmatch(line.strip("()"))) and date is None:
                date = _iso(match)
                if index and _is_issuer(self.norm[slice(*lines[index - 1])]):
                    issuer_span = lines[index - 1]
            elif "关于" in line and issuer is None:
                head = line.split("关于")[0]
                if _is_issuer(head):
                    issuer_span = issuer_span or (left, left + len(head))
                elif not head and index and _is_issuer(self.norm[slice(*lines[index - 1])]):
                    issuer_span = issuer_span or lines[index - 1]
        if issuer_span is None:
            issuer_span = next((one for one in lines if _is_issuer(self.norm[slice(*one)])), None)
        if date is None:
            tail = list(self._lines(max(body, len(self.norm) - 200), len(self.norm)))
            for index, (left, right) in enumerate(tail):
                if match := _DATE.fullmatch(self.norm[left:right].strip("()")):
                    date = _iso(match)
                    if issuer_span is None and index and _is_issuer(self.norm[slice(*tail[index - 1])]):
                        issuer_span = tail[index - 1]
        if date is None and (match := re.search(rf"{_DATE.pattern}(?:印发|发布|公布|通过|施行)?", self.norm[:body])):
            date = _iso(match)
        if number is None and (
            match := re.search(rf"(?:^|\n|[( ]){_NUMBER_LINE.pattern}(?=\n|[) ])", self.norm[:body])
        ):
            number = _official(match[0].strip("\n( "))
        issuer = self.document.text(*issuer_span) if issuer_span else None
        return title, issuer, number, date

    def _lines(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        at = start
        for match in re.finditer("\n|$", self.norm[start:end]):
            if start + match.start() > at:
                yield at, start + match.start()
            at = start + match.end()

    def _title(self, lines: list[tuple[int, int]]) -> str | None:
        """Join the first lines until they end as a plan's title does."""
        for index, (left, right) in enumerate(lines[:12]):
            line = self.norm[left:right]
            if (
                _NUMBER_LINE.fullmatch(line)
                or _DATE.fullmatch(line)
                or line.startswith(("附件", "索引号"))
                or "。" in line
            ):
                continue
            joined, end = line, right
            for more_left, more_right in [(left, right), *lines[index + 1 : index + 4]]:
                if more_left != left:
                    joined += self.norm[more_left:more_right]
                    end = more_right
                if "。" in joined or len(joined) > 90:
                    break
                if re.search(rf"{_TITLE_END}(?:\([^)]{{1,20}}\))*$", joined):
                    return re.sub(r"^.{2,30}(?:关于印发|印发)", "", self.document.text(left, end)).strip("《》")
        return None

    # -- classification --------------------------------------------------------------------------------------------

    def _classify(self, roots: list[Section]) -> tuple[list[tuple[int, int]], list[Section], list[Section]]:
        """Return the parts that hold goals, the sections that are tasks, and those that are requirements."""
        goal_parts: list[tuple[int, int]] = []
        tasks: list[Section] = []
        requirements: list[Section] = []
        tops = self._tops(roots)
        named = any(_TASKS.search(one.key) for one in tops)
        for one in tops:
            if _is_goals(one) or _OVERALL.search(one.key) or (_BACKGROUND.search(one.key) and not self._units_in(one)):
                goal_parts += self._goal_parts(one)
            elif _REQUIREMENTS.search(one.key) and not _TASKS.search(one.key):
                requirements += self._items(one, tasks=False)
            elif not named or _TASKS.search(one.key) or self._units_in(one):
                tasks += self._items(one, tasks=True)
        return goal_parts, tasks, requirements

    def _tops(self, roots: list[Section]) -> list[Section]:
        """Chapters only hold what counts; a single root that holds everything does not count itself."""
        if roots and all(one.level == 0 for one in roots) and any(one.children for one in roots):
            return roots
        if len(roots) == 1 and len(roots[0].children) > 2 and not _TASKS.search(roots[0].key):
            return roots[0].children
        return roots

    def _goal_parts(self, one: Section) -> list[tuple[int, int]]:
        inner = [child for child in one.children if _is_goals(child)]
        if inner:
            return [(child.title_end, child.end) for child in inner]
        if _is_goals(one) or (_OVERALL.search(one.key) and not one.children):
            return [(one.title_end, one.end)]
        return []

    def _items(self, one: Section, *, tasks: bool) -> list[Section]:
        """Return the items of a section: the lowest headed ones that carry units, else its children, else itself."""
        if not one.children:
            return [one]
        deeper = [grandchild for child in one.children for grandchild in child.children]
        if tasks and deeper and sum(bool(self._units_in(child)) for child in deeper) > len(one.children):
            found: list[Section] = []
            for child in one.children:
                found += child.children or [child]
            return found
        return list(one.children)

    def _units_in(self, section: Section) -> list[tuple[int, int]]:
        return places(self.norm, section.title_end, section.end)

    # -- items -----------------------------------------------------------------------------------------------------

    def _collect(self, start: int, end: int, where: str, *, qualitative: bool) -> None:
        found = list(goals(self.document, start, end, qualitative=qualitative, plan_year=self.year))
        self.goals += [self._goal(one, where) for one in found]
        if qualitative:
            self._report_numbers(start, end, found)
        number = int(where.split()[1]) if where.startswith("task") else None
        for one in systems(self.document, start, end):
            self.systems.append(
                {
                    "name": self.document.text(one.start, one.end),
                    "kind": one.kind,
                    "task": number,
                    "where": where,
                    "span": list(self.document.span(one.start, one.end)),
                }
            )

    def _goal(self, one: Goal, where: str) -> dict[str, Any]:
        start, end = one.start, one.end
        while start < end and self.norm[start] in "、,: \n":
            start += 1
        quantity = one.quantity
        return {
            "year": one.year,
            "op": quantity.op if quantity else None,
            "value": quantity.value if quantity else None,
            "low": quantity.low if quantity else None,
            "high": quantity.high if quantity else None,
            "unit": self._unit(quantity.start, quantity.end, quantity.unit) if quantity else None,
            "normalised": quantity.normalised() if quantity else None,
            "approximate": quantity.approximate if quantity else False,
            "period": "year" if one.yearly else None,
            "about": one.about,
            "text": self.document.text(start, end),
            "span": list(self.document.span(start, end)),
            "where": where,
        }

    def _unit(self, start: int, end: int, unit: str) -> str:
        at = self.norm[start:end].lower().rfind(unit.lower())
        return self.document.text(start + at, start + at + len(unit)).replace("％", "%") if at >= 0 else unit

    def _report_numbers(self, start: int, end: int, found: list[Goal]) -> None:
        """Report a number with a unit in a sentence of the goals that gave no goal."""
        taken = [(one.quantity.start, one.quantity.end) for one in found if one.quantity]
        for left, right in sentences(self.norm, start, end):
            for match in QUANTITY.finditer(self.norm, left, right):
                digits = match["low"][0].isdigit()
                inside = any(first < match.end() and match.start() < last for first, last in taken)
                if digits and not inside and not re.match(r"年|月|日", self.norm[match.end() : match.end() + 1]):
                    self._miss(
                        *match.span(), Text("带单位的数字没有读成目标", "a number with a unit that gave no goal")
                    )

    def _task(self, number: int, section: Section) -> dict[str, Any]:
        units = Responsible()
        found = self._units_in(section)
        for left, right in found:
            one = responsible(self.document.clean[left:right], self.norm[left:right], self.rule)
            units.lead += [name for name in one.lead if name not in units.lead]
            units.cooperating += [name for name in one.cooperating if name not in (*units.lead, *units.cooperating)]
            for why in one.unread:
                self._miss(left, right, why)
            if not one.lead and not one.cooperating:
                self._miss(left, right, Text("责任单位没有读懂", "the responsible units were not understood"))
        end = min([left - 1 for left, _ in found], default=section.end)
        self._collect(section.title_end, max(end, section.title_end), f"task {number}", qualitative=False)
        return {
            "number": number,
            "title": section.title,
            "lead": [name.replace("\n", "") for name in units.lead],
            "cooperating": [name.replace("\n", "") for name in units.cooperating],
            "text": self.document.text(section.start, section.end),
            "span": list(self.document.span(section.start, section.end)),
        }

    def _requirement(self, number: int, section: Section) -> dict[str, Any]:
        self._collect(section.title_end, section.end, f"requirement {number}", qualitative=False)
        return {
            "number": number,
            "title": section.title,
            "text": self.document.text(section.start, section.end),
            "span": list(self.document.span(section.start, section.end)),
        }


def _is_goals(section: Section) -> bool:
    return bool(_GOALS.search(section.key)) and not _TASKS.search(section.key.replace("目标任务", "目标"))


def _is_issuer(line: str) -> bool:
    return bool(
        re.fullmatch(
            r"[\u4e00-\u9fff()]{2,30}(?:办公厅|办公室|人民政府|委员会|厅|局|部|委|领导小组|总局|院|部)(?:等.{0,4}部门)?",
            line,
        )
    )


def _official(line: str) -> str:
    """Return a document number with the brackets that official numbers have."""
    return re.sub(r"[\[(〔](\d{4})[\])〕]", r"〔\1〕", line)


def _ordinal(text: str) -> int:
    from dujiang.plan.quantities import chinese_number

    return int(text) if text.isdigit() else chinese_number(text)


def _iso(match: re.Match[str]) -> str | None:
    year = (
        match["year"] if match["year"].isdigit() else "".join(str(_DIGITS.get(letter, 0)) for letter in match["year"])
    )
    month, day = _ordinal(match["month"]), _ordinal(match["day"])
    return f"{year}-{month:02d}-{day:02d}" if 1 <= month <= 12 and 1 <= day <= 31 else None
