"""The words of the talent plane: levels, purposes of consent, states; and what is personal of a person."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from dujiang.messages import Text


class _Worded(StrEnum):
    @property
    def words(self) -> Text:
        """Its name for people."""
        return _WORDS[self]


class Level(_Worded):
    """A common scale of professional titles (职称) and skill levels (职业技能等级), lowest first.

    They are set side by side as the Ministry of Human Resources and Social Security's document 2020 No. 96 opens one to
    the other: a senior worker may become assistant, a technician intermediate, a senior technician associate senior.
    """

    ENTRY = "entry"
    ASSISTANT = "assistant"
    INTERMEDIATE = "intermediate"
    SENIOR = "senior"
    CHIEF = "chief"

    @property
    def rank(self) -> int:
        """Its place on the scale, from 0."""
        return list(Level).index(self)


class Purpose(_Worded):
    """What somebody may consent to."""

    ANALYSIS = "analysis"
    PLAN = "plan"
    MATCHING = "matching"
    TRAINING = "training"
    CERTIFICATION = "certification"


class State(_Worded):
    """Where a record, a measure, an order or a certificate stands."""

    ACTIVE = "active"
    ERASED = "erased"
    MERGED = "merged"
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"
    VALID = "valid"
    WITHDRAWN = "withdrawn"
    DIFFERENT = "different"
    ENROLLED = "enrolled"
    COMPLETED = "completed"
    PLACED = "placed"


_WORDS: dict[str, Text] = {
    Level.ENTRY: Text("初级（员级；初、中级工）", "entry"),
    Level.ASSISTANT: Text("助理级（高级工）", "assistant"),
    Level.INTERMEDIATE: Text("中级（技师）", "intermediate"),
    Level.SENIOR: Text("副高级（高级技师）", "associate senior"),
    Level.CHIEF: Text("正高级（特级、首席技师）", "full senior"),
    Purpose.ANALYSIS: Text("计入人才统计分析", "being counted in analyses"),
    Purpose.PLAN: Text("制定“一人一策”", "a plan of one's own"),
    Purpose.MATCHING: Text("向用人单位推荐", "being recommended to employers"),
    Purpose.TRAINING: Text("参加订单式培养", "order-based training"),
    Purpose.CERTIFICATION: Text("企业认定", "certification by an enterprise"),
    State.ACTIVE: Text("在库", "kept"),
    State.ERASED: Text("已删除", "erased"),
    State.MERGED: Text("已合并", "merged"),
    State.OPEN: Text("进行中", "open"),
    State.DONE: Text("已完成", "done"),
    State.DROPPED: Text("已终止", "dropped"),
    State.VALID: Text("有效", "valid"),
    State.WITHDRAWN: Text("已撤销", "withdrawn"),
    State.DIFFERENT: Text("不是同一人", "not the same person"),
    State.ENROLLED: Text("在学", "enrolled"),
    State.COMPLETED: Text("已结业", "completed"),
    State.PLACED: Text("已上岗", "placed"),
}


@dataclass(frozen=True, slots=True)
class Details:
    """What is personal of a person; it is stored encrypted, as one text. ``born`` is a year, 0 where not known."""

    name: str = ""
    phone: str = ""
    email: str = ""
    orcid: str = ""
    employer: str = ""
    born: int = 0

    def as_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_text(cls, text: str) -> Details:
        """Return what `as_text` gave; nothing of an empty text."""
        return cls(**json.loads(text)) if text else cls()


DETAILS: dict[str, Text] = {
    "name": Text("姓名", "name"),
    "phone": Text("手机", "phone"),
    "email": Text("电子邮箱", "email"),
    "orcid": Text("ORCID", "orcid"),
    "employer": Text("工作单位", "employer"),
    "born": Text("出生年份", "year of birth"),
}


def masked(name: str) -> str:
    """Return a name of which all but the first character is hidden."""
    return name[:1] + "*" * (len(name) - 1)
