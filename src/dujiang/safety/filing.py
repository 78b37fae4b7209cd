"""What is filed: the kinds of filings with their fields, what is missing in one, who needs which, and the deadlines.

Sources, cited as the rules stand:

- 互联网信息服务算法推荐管理规定 (2022), article 24: providers of recommendation algorithms with the attributes of public
  opinion or the ability to mobilise society file within ten working days of beginning, changes within ten working days,
  an end within twenty; article 25: the authority decides within thirty working days of complete papers. Article 2 names
  the five classes.
- 生成式人工智能服务管理暂行办法 (2023), article 17: services of generative AI with these attributes are assessed and
  filed; article 2: whoever only uses it and does not offer it to the public is outside. A service that only calls a filed
  model registers with its province (登记).
- 科技伦理审查办法（试行）(2023), by `ethics`.

A province's system prepares and keeps filings and decides what is the province's to decide; a number that the national
system gave is entered as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from dujiang.messages import Text
from dujiang.safety import ethics
from dujiang.safety.workdays import after

FILE_WORKDAYS, CHANGE_WORKDAYS, END_WORKDAYS, DECIDE_WORKDAYS = 10, 10, 20, 30
ANSWER_WORKDAYS = 10
"""Within which a question is answered; the clock of the decision stands still meanwhile. The site's own rule."""
YEARLY = 365
"""Days after which a filing is confirmed or changed, the site's own rule (年度复核); ethics reviews by theirs."""

CLASSES = {
    "synthesis": Text("生成合成类", "generation and synthesis"),
    "push": Text("个性化推送类", "personalised push"),
    "ranking": Text("排序精选类", "ranking and selection"),
    "retrieval": Text("检索过滤类", "retrieval and filtering"),
    "dispatch": Text("调度决策类", "dispatch and decision"),
}
"""The five classes of recommendation algorithms."""


class Field(NamedTuple):
    """A field of a filing: its name, title, the least length of what is written in it, and its choices if it has some."""

    name: str
    title: Text
    least: int = 1
    choices: Mapping[str, Text] | None = None
    pattern: str = ""


class Kind(NamedTuple):
    """A kind of filing. ``prefix`` begins its numbers; ``yearly`` is after how many days it is confirmed."""

    name: str
    title: Text
    basis: Text
    prefix: str
    fields: tuple[Field, ...]
    yearly: int = YEARLY


_COMMON = (
    Field("service", Text("服务形式", "form of the service"), 4),
    Field("application", Text("应用领域", "field of application"), 2),
    Field("responsible", Text("安全责任人", "person responsible for safety"), 2),
)

KINDS: dict[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "algorithm",
            Text("算法备案", "filing of an algorithm"),
            Text("互联网信息服务算法推荐管理规定第二十四条", "Provisions on algorithmic recommendation, article 24"),
            "SF",
            (
                Field("class", Text("算法类型", "class of the algorithm"), choices=CLASSES),
                *_COMMON,
                Field("data", Text("算法数据", "data of the algorithm"), 10),
                Field("model", Text("算法模型", "model of the algorithm"), 10),
                Field("strategy", Text("算法策略", "strategy of the algorithm"), 10),
                Field("risks", Text("风险与防范机制", "risks and how they are met"), 20),
                Field("assessment", Text("算法自评估报告", "self-assessment report"), 20),
                Field("publicised", Text("拟公示内容（基本原理、目的意图、运行机制）", "what is to be public: principle, purpose, mechanism"), 20),
            ),
        ),
        Kind(
            "generative",
            Text("生成式人工智能服务备案", "filing of a generative AI service"),
            Text("生成式人工智能服务管理暂行办法第十七条", "Interim Measures for generative AI, article 17"),
            "SC",
            (
                *_COMMON,
                Field("corpus", Text("语料来源与规模", "sources and size of the corpus"), 10),
                Field("annotation", Text("语料标注规则", "rules of annotation"), 10),
                Field("assessment", Text("安全自评估报告（GB/T 45654-2025）", "safety assessment (GB/T 45654-2025)"), 20),
                Field("agreement", Text("模型服务协议", "service agreement"), 10),
                Field("keywords", Text("拦截关键词列表", "keyword list"), 4),
                Field("questions", Text("评估测试题集", "question banks"), 4),
                Field("labelling", Text("生成内容标识方法（GB 45438-2025）", "labels of generated content (GB 45438-2025)"), 4),
            ),
        ),
        Kind(
            "registration",
            Text("生成式人工智能服务登记", "registration of a generative AI service"),
            Text("生成式人工智能服务管理暂行办法第十七条；直接调用已备案模型的服务", "Interim Measures for generative AI, article 17: a service that only calls a filed model"),
            "SD",
            (
                *_COMMON,
                Field("filed", Text("所调用模型的备案号", "number of the filed model's filing"), 4),
                Field("unchanged", Text("未对模型作训练或微调的说明", "statement that the model was not trained further"), 4),
                Field("labelling", Text("生成内容标识方法（GB 45438-2025）", "labels of generated content (GB 45438-2025)"), 4),
            ),
        ),
        Kind(
            "ethics",
            Text("科技伦理审查", "ethics review"),
            Text("科技伦理审查办法（试行）第二条", "Measures for ethics review (trial), article 2"),
            "LL",
            (
                Field("activity", Text("科技活动概况", "the activity"), 10),
                Field("plan", Text("实施方案、风险及防控措施", "plan, risks and how they are met"), 20),
                Field("people", Text("研究参与者及其招募", "participants and how they are recruited"), 4),
                Field("consent", Text("知情同意书", "informed consent"), 10),
                Field("sources", Text("样本、数据来源说明", "where samples and data come from"), 4),
                Field("team", Text("人员、经费与利益冲突声明", "people, money and conflicts of interest"), 4),
                Field("promise", Text("遵守科技伦理和科研诚信的承诺", "promise to keep research ethics"), 4),
            ),
            ethics.AGAIN_DAYS,
        ),
    )
}  # fmt: skip


class Fact(NamedTuple):
    """What is said of a thing when it is registered, yes or no."""

    name: str
    title: Text


FACTS = (
    Fact("public", Text("面向公众提供服务", "it is offered to the public")),
    Fact("generates", Text("生成文本、图片、音视频等内容", "it generates text, pictures, sound or video")),
    Fact("calls", Text("仅直接调用已备案模型，未作训练或微调", "it only calls a filed model, not trained further")),
    Fact("mobilises", Text("具有舆论属性或者社会动员能力", "it can shape opinion or mobilise people")),
    *(Fact(f"ethics-{one.name}", one.text) for one in ethics.QUESTIONS),
    Fact("ethics-vulnerable", Text("研究参与者包括未成年人等无完全民事行为能力者", "those who take part include children or others who can't decide freely")),
)  # fmt: skip


class Needed(NamedTuple):
    """A filing that a thing needs: any of ``kinds`` will do; and the rule that says so."""

    kinds: tuple[str, ...]
    rule: Text

    @property
    def title(self) -> Text:
        """What is needed, for people."""
        titles = [KINDS[one].title for one in self.kinds]
        return Text("或".join(one.zh for one in titles), " or ".join(one.en for one in titles))


def needed(facts: Mapping[str, bool]) -> list[Needed]:
    """Return what a thing needs before it may be served to the public, by the facts that were said of it.

    What is not served to the public needs no filing, but research on people needs its ethics review all the same.
    """
    found = []
    if facts.get("public"):
        if facts.get("generates"):
            kinds = ("registration", "generative") if facts.get("calls") else ("generative",)
            found.append(Needed(kinds, KINDS["generative"].basis))
        if facts.get("mobilises"):
            found.append(Needed(("algorithm",), KINDS["algorithm"].basis))
    answers = {one.name: bool(facts.get(f"ethics-{one.name}")) for one in ethics.QUESTIONS}
    decided = ethics.decide(answers, vulnerable=bool(facts.get("ethics-vulnerable")))
    if decided.need is not ethics.Need.NONE:
        rules = decided.rules
        text = Text("；".join(one.zh for one in rules), "; ".join(one.en for one in rules))
        found.append(Needed(("ethics",), text))
    return found


def missing(kind: str, fields: Mapping[str, Any]) -> list[Text]:
    """Return what is missing in a filing, or too little; an empty list where it is complete. Raises KeyError for no kind."""
    wrong = []
    for one in KINDS[kind].fields:
        given = fields.get(one.name)
        text = given.strip() if isinstance(given, str) else ""
        if not text:
            wrong.append(Text(f"缺少{one.title.zh}", f"{one.title.en} is missing"))
        elif one.choices and text not in one.choices:
            known = "、".join(title.zh for title in one.choices.values())
            wrong.append(
                Text(f"{one.title.zh}应为 {known} 之一", f"{one.title.en} should be one of {', '.join(one.choices)}")
            )
        elif len(text) < one.least and not one.choices:
            wrong.append(
                Text(
                    f"{one.title.zh}过短，至少 {one.least} 字",
                    f"{one.title.en} is too short: {one.least} characters at least",
                )
            )
    known_names = {one.name for one in KINDS[kind].fields}
    wrong += [Text(f"没有字段 {name}", f"there is no field {name}") for name in fields if name not in known_names]
    return wrong


def decide_by(kind: str, accepted: date, workdays: Path | None = None) -> date:
    """Return until when a complete filing is decided."""
    if kind == "ethics":
        return accepted + timedelta(days=ethics.DECIDE_DAYS)
    return after(accepted, DECIDE_WORKDAYS, workdays)


def confirm_by(kind: str, decided: date) -> date:
    """Return until when a filing in force is confirmed or changed."""
    return decided + timedelta(days=KINDS[kind].yearly)


def file_by(served: date, workdays: Path | None = None) -> date:
    """Return until when a service that began is filed."""
    return after(served, FILE_WORKDAYS, workdays)
