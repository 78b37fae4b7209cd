"""The words that describe a data set: how it is graded, whom it is about, who may have it, by what right it is held."""

from __future__ import annotations

from enum import StrEnum

from dujiang.messages import Text


class _Term(StrEnum):
    """A term with its name for people."""

    @property
    def words(self) -> Text:
        """The term in words."""
        return _WORDS[self]


class Grade(_Term):
    """The grade of data by what harm its leak or misuse does (GB/T 43697-2024, 6)."""

    CORE = "core"
    IMPORTANT = "important"
    GENERAL = "general"


class Sensitivity(_Term):
    """Whether it holds information about persons (Personal Information Protection Law, articles 4 and 28)."""

    NONE = "none"
    PERSONAL = "personal"
    SENSITIVE = "sensitive-personal"


class Access(_Term):
    """Who may have it, in the three ways in which Chinese governments share data."""

    OPEN = "open"
    RESTRICTED = "restricted"
    CLOSED = "closed"


class Basis(_Term):
    """The right by which its owner holds it."""

    COLLECTED = "collected"
    PRODUCED = "produced"
    DUTY = "legal-duty"
    CONSENT = "consent"
    CONTRACT = "contract"
    AUTHORISED = "authorised-operation"
    LICENCE = "open-licence"
    STATED = "as-stated"
    """Of what was harvested: as its source has it."""


class State(_Term):
    """Where a data set, or a version of one, stands."""

    DRAFT = "draft"
    REVIEW = "in-review"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


_WORDS: dict[_Term, Text] = {
    Grade.CORE: Text("核心数据", "core data"),
    Grade.IMPORTANT: Text("重要数据", "important data"),
    Grade.GENERAL: Text("一般数据", "general data"),
    Sensitivity.NONE: Text("不含个人信息", "no personal information"),
    Sensitivity.PERSONAL: Text("含个人信息", "personal information"),
    Sensitivity.SENSITIVE: Text("含敏感个人信息", "sensitive personal information"),
    Access.OPEN: Text("无条件共享", "shared without conditions"),
    Access.RESTRICTED: Text("有条件共享", "shared under conditions"),
    Access.CLOSED: Text("不予共享", "not shared"),
    Basis.COLLECTED: Text("自行采集", "collected by its owner"),
    Basis.PRODUCED: Text("生产经营产生", "arose from the owner's own work"),
    Basis.DUTY: Text("履行法定职责", "a duty by law"),
    Basis.CONSENT: Text("个人同意", "consent of those concerned"),
    Basis.CONTRACT: Text("合同约定", "a contract"),
    Basis.AUTHORISED: Text("授权运营", "authorised operation"),
    Basis.LICENCE: Text("开放许可", "an open licence"),
    Basis.STATED: Text("以来源目录为准", "as its source has it"),
    State.DRAFT: Text("草稿", "draft"),
    State.REVIEW: Text("审核中", "in review"),
    State.PUBLISHED: Text("已发布", "published"),
    State.WITHDRAWN: Text("已撤回", "withdrawn"),
}
