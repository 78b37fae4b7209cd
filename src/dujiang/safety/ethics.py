"""Which research needs an ethics review, and of which kind, by stated rules.

The rules are those of 科技伦理审查办法（试行）(国科发监〔2023〕167号, in force since 1 December 2023): article 2 says which
activities are reviewed, the list of article 25 and its annex which results an expert panel reviews once more; the
committee decides within 30 days of accepting an application (article 17) and looks again at least every 12 months
(article 19).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dujiang.messages import Text

DECIDE_DAYS = 30
"""Days for the decision, from acceptance."""
AGAIN_DAYS = 365
"""Days after which approved research is looked at again, at most."""


class Need(StrEnum):
    """What research needs."""

    NONE = "none"
    REVIEW = "review"
    EXPERTS = "experts"

    @property
    def words(self) -> Text:
        """The need for people."""
        return {
            Need.NONE: Text("无需伦理审查", "no ethics review"),
            Need.REVIEW: Text("科技伦理（审查）委员会审查", "review by an ethics committee"),
            Need.EXPERTS: Text("委员会审查后专家复核", "review by a committee, then by an expert panel"),
        }[self]


class Question(NamedTuple):
    """A question about the research; yes leads to ``need`` by ``rule``."""

    name: str
    text: Text
    need: Need
    rule: Text


_2 = "科技伦理审查办法（试行）第二条", "Measures for ethics review (trial), article 2"
_25 = "科技伦理审查办法（试行）第二十五条及附件清单", "Measures for ethics review (trial), article 25 and its list"


def _rule(base: tuple[str, str], part: str, english: str) -> Text:
    return Text(f"{base[0]}{part}", f"{base[1]}{english}")


QUESTIONS = (
    Question("people", Text("以人为测试、调查、观察等研究活动的对象", "people are tested, asked or observed"), Need.REVIEW, _rule(_2, "（一）", " (1)")),
    Question("samples", Text("利用人类生物样本", "human biological samples are used"), Need.REVIEW, _rule(_2, "（一）", " (1)")),
    Question("personal", Text("利用个人信息数据", "personal data are used"), Need.REVIEW, _rule(_2, "（一）", " (1)")),
    Question("animals", Text("涉及实验动物", "laboratory animals are involved"), Need.REVIEW, _rule(_2, "（二）", " (2)")),
    Question(
        "hazard",
        Text("可能在生命健康、生态环境、公共秩序、可持续发展等方面带来伦理风险", "it may put life, health, environment, public order or sustainability at risk"),
        Need.REVIEW, _rule(_2, "（三）", " (3)"),
    ),
    Question(
        "fusion",
        Text("研发对人类主观行为、心理情绪和生命健康等有较强影响的人机融合系统", "it builds a human-machine system with strong effects on behaviour, mood or health"),
        Need.EXPERTS, _rule(_25, "", ""),
    ),
    Question(
        "opinion",
        Text("研发具有舆论社会动员能力和社会意识引导能力的算法模型、应用程序及系统", "it builds models or systems that can mobilise or guide public opinion"),
        Need.EXPERTS, _rule(_25, "", ""),
    ),
    Question(
        "autonomous",
        Text("研发面向存在安全、人身健康风险等场景的高度自主自动化决策系统", "it builds highly autonomous decisions for settings with risks to safety or health"),
        Need.EXPERTS, _rule(_25, "", ""),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """What is needed, and by which rules."""

    need: Need
    rules: list[Text]
    vulnerable: bool = False
    """Whether the people can't speak for themselves: then the review goes through the full procedure."""


def decide(answers: Mapping[str, bool], *, vulnerable: bool = False) -> Decided:
    """Return what research needs, by the answers to `QUESTIONS` (missing ones count as no).

    ``vulnerable`` says that children, patients without capacity or others who can't decide freely take part: it decides
    the procedure and makes research on people by itself. Raises KeyError for an answer to no question.
    """
    known = {one.name: one for one in QUESTIONS}
    asked = [known[name] for name, answer in answers.items() if answer]
    if vulnerable and not any(one.name == "people" for one in asked):
        asked.append(known["people"])
    order = (Need.NONE, Need.REVIEW, Need.EXPERTS)
    need = max((one.need for one in asked), key=order.index, default=Need.NONE)
    return Decided(need, list(dict.fromkeys(one.rule for one in asked)), vulnerable)
