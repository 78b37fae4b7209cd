"""What a question asks of a plan: its words in Chinese, what kind of answer it wants, and what an answer must hold to."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from dujiang.plan.divisions import PLACE
from dujiang.plan.glossary import in_chinese, in_plan_words
from dujiang.plan.industries import INDUSTRIES
from dujiang.plan.measures import UNITS
from dujiang.plan.quantities import Quantity, quantities
from dujiang.plan.retrieval import named_things, plain


class Wants(StrEnum):
    """The kind of answer that a question wants."""

    PASSAGE = "passage"
    UNITS = "units"
    TASKS_OF_UNIT = "tasks of a unit"
    PROGRESS = "progress"
    OPINION = "opinion"


_OPINION = re.compile(
    "你觉得|你认为|你怎么看|怎么看|好不好|合理吗|是否合理|值得|能不能超|会不会|够不够|评价|更重要|最努力|最好的|看法|预测一下|应该买|该不该|对不对|靠谱"
    r"|\b(?:do you think|your opinion|should (?:i|we)|is it (?:good|wise|reasonable)|better than|will it)\b"
)
_WHO = re.compile(
    "牵头|责任单位|责任部门|责任主体|配合单位|配合部门|主管部门|谁(?:来|在)?(?:负责|管|抓|牵头|参与|配合|推进|落实|承担|主抓|对接)|(?:归|由|找|还有|是)谁|谁来"
    "|(?:哪|什么)[^,。?]{0,4}(?:单位|部门|厅|局|委)"
)
_TASKS = re.compile(
    "(?:哪|什么|几)[^,。?]{0,3}任务|(?:负责|承担|牵头|参与|配合|参加|分管|管|干|做)[^,。?]{0,4}(?:什么|哪|啥)|(?:任务|责任|工作|职责)(?:是|有)?(?:什么|哪)"
    "|(?:什么|哪些)(?:任务|责任|工作|职责)"
)
_PROGRESS = re.compile(
    "目前|现在|当前|如今|已经|至今|迄今|现值|进展|进度|滞后|落后|按序时|完成(?:了|得|情况|率)|跑通了|最新数据|去年|实际|到了(?:多少|哪|几)"
    "|(?:建成|形成|发放?|获得|拿到|开通|建|做到|集聚|落地|达到)了|(?:多少|几)[家个项名条亿%元]{0,3}了"
)
_QUANTITY = re.compile("多少|几(?=[个家名项条款座所处种类批套台辆架场位人户次支万千百分亿])|多大|比例|占比(?:要|是|应)")
_WHEN = re.compile("哪一?年|什么时候|何时|哪天|多久|几年|几月")
_UNIT_AFTER = re.compile("(?:多少|几)(?P<unit>[a-z%]+|[\u4e00-\u9fff]{1,4})")
_TOPICS = tuple(word for industry in INDUSTRIES.values() for word in industry.words)
_YEAR = re.compile(r"(?<![\d.])(20\d{2})(?:年|\b)")
_UNIT_NAME = re.compile(r"[\u4e00-\u9fff]{2,10}(?:厅|局|委|委员会|办公室|总队)")
_PLACE = re.compile(
    rf"{PLACE.pattern}|^(?!全|各|本|我|哪|由|在)[\u4e00-\u9fff]{{2}}(?:省|市(?!场|民|政|级|直|州)|自治州)"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as read. ``text`` is in Chinese, simplified, half width; ``names`` the units that it names.

    ``years``, ``places`` and ``figures`` are what a passage must speak of to answer it; ``quantity`` and ``when`` say
    that it asks for a number or a time, ``measure`` the normal unit of the number where it says one.
    """

    asked: str
    text: str
    wants: Wants
    years: frozenset[int]
    places: frozenset[str]
    figures: tuple[Quantity, ...]
    names: tuple[str, ...]
    strange: tuple[str, ...]
    topics: frozenset[str]
    task: bool
    quantity: bool
    when: bool
    person: bool
    measure: str | None


def read_question(asked: str, units: Collection[str], known: str = "") -> Question:
    """Read a question about a plan whose units are given; English is turned into the plan's words by the glossary.

    ``known`` is the plan's text as `retrieval.plain` gives it: everyday words that it lacks are put in its words.
    """
    text = in_plan_words(plain(in_chinese(asked)), known)
    names = tuple(name for name in sorted(units, key=len, reverse=True) if plain(name) in text)
    measured = _UNIT_AFTER.search(text.replace("人工智能", "智能"))
    figures = tuple(one for one in quantities(text) if one.stated or not one.chinese)
    wants = _wants(asked.lower(), text, bool(names))
    return Question(
        asked,
        text,
        wants,
        frozenset(int(year) for year in _YEAR.findall(text)),
        frozenset(match[0].rstrip("省市") for match in _PLACE.finditer(_without(text, names))),
        figures,
        names,
        tuple(word for word in named_things(_without(text, names)) if _UNIT_NAME.fullmatch(word)),
        frozenset(word for word in _TOPICS if word in text),
        "任务" in text,
        bool(_QUANTITY.search(text)),
        bool(_WHEN.search(text)),
        "谁" in text or re.search(r"\bwho\b", asked.lower()) is not None,
        _measure(measured["unit"]) if measured else None,
    )


def _without(text: str, names: Collection[str]) -> str:
    for name in names:
        text = text.replace(plain(name), " ")
    return text


def _wants(asked: str, text: str, named: bool) -> Wants:
    if _OPINION.search(asked) or _OPINION.search(text):
        return Wants.OPINION
    if _PROGRESS.search(text):
        return Wants.PROGRESS
    if named and (_TASKS.search(text) or not _WHO.search(text)):
        return Wants.TASKS_OF_UNIT
    led = re.search(r"\bwho\b", asked) and ("负责" in text or "牵头" in text)
    return Wants.UNITS if led or _WHO.search(text) else Wants.PASSAGE


def _measure(word: str) -> str | None:
    """Return the normal unit that a question names: 多少亿元 asks for CNY."""
    for length in range(len(word), 0, -1):
        if word[:length] in UNITS:
            return UNITS[word[:length]][1]
    return None
