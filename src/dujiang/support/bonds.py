"""Special bonds for AI infrastructure: stages with their papers, what the money is for, whether revenue covers the bond.

What is checked, and by which rule:

- Use: special bonds pay for capital construction with a return, never for current spending (预算法 article 35) or what the
  negative list names (国办发〔2024〕52号, annex 1). ``USES`` says of each use whether a bond may pay it.
- Capital: at least 20 % of the investment is the project's own capital (国发〔2015〕51号, "other projects"). A bond may
  be capital of compute facilities (国办发〔2024〕52号, annex 2), all such together at most 30 % of a province's bonds.
- Coverage: revenue less operating cost must repay principal and interest within the bond's life, year by year without a
  gap (财预〔2017〕89号, balance of return and financing). Neither rule gives a multiple: 1.1 is what reviewers
  customarily ask for, some provinces 1.2, and ``LEAST_COVERAGE`` is the house's default.
- Spending: money that lies idle for a year is told; payments that run ahead of construction are told.

Amounts are whole fen; years are calendar years, payments at their ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from dujiang.messages import Refused, Text, money

LEAST_COVERAGE = Fraction(11, 10)
LEAST_CAPITAL = Fraction(20, 100)
MOST_AS_CAPITAL = Fraction(30, 100)
IDLE_DAYS = 365
AHEAD = 0.2
"""By how much the share of money paid may run ahead of the share of construction done."""
LONGEST = 30
"""Years of a bond (财库〔2020〕36号 lets special bonds run up to 30 years)."""


class Stage(NamedTuple):
    """A stage of a project, with the papers that are handed in to leave it."""

    name: str
    title: Text
    papers: tuple[str, ...]


STAGES = (
    Stage("planned", Text("谋划储备", "planned"), ("项目建议书或可研批复", "用地与能耗意见")),
    Stage(
        "reviewed",
        Text("审核入库", "review for the pool"),
        ("实施方案", "财务评估报告", "法律意见书", "事前绩效评估报告"),
    ),
    Stage("issued", Text("发行", "issue"), ("信息披露文件", "信用评级报告")),
    Stage("building", Text("建设", "construction"), ("资金监管协议", "竣工验收报告")),
    Stage("running", Text("运营", "operation"), ("运营期绩效评价报告",)),
    Stage("repaid", Text("还清", "repaid"), ()),
)
BY_NAME = {one.name: one for one in STAGES}


class Use(NamedTuple):
    """What money is spent on, and whether a special bond may pay it."""

    name: str
    title: Text
    allowed: bool


USES = {
    one.name: one
    for one in (
        Use("civil", Text("机房土建", "buildings"), True),
        Use("power", Text("供配电与制冷", "power and cooling"), True),
        Use("machines", Text("算力设备", "compute equipment"), True),
        Use("network", Text("网络与光传输", "network"), True),
        Use("platform", Text("调度平台与数据设施", "scheduling platform and data facilities"), True),
        Use("land", Text("项目用地", "land of the project"), True),
        Use("interest", Text("建设期利息", "interest while building"), True),
        Use("wages", Text("人员经费", "wages"), False),
        Use("operation", Text("运行维护等经常性支出", "running costs"), False),
        Use("debt", Text("偿还其他债务", "repaying other debt"), False),
        Use("office", Text("楼堂馆所", "government offices and halls"), False),
        Use("subsidy", Text("对企业的补贴", "subsidies to enterprises"), False),
    )
}


@dataclass(frozen=True, slots=True)
class Milestone:
    """A part of construction: its weight in the whole, and when it is to be done."""

    title: str
    due: date
    weight: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a project proposes. ``rate`` is yearly; the bond is issued at the end of ``issued`` and runs ``years``.

    ``level`` repays equal parts of the principal each year, else all at the end. ``revenue`` and ``costs`` are of each
    year of the bond's life, the first year after the issue first. ``as_capital`` is the part of the bond that is capital.
    """

    bond: int
    capital: int
    as_capital: int
    uses: Mapping[str, int]
    rate: Fraction
    issued: int
    years: int
    level: bool
    revenue: tuple[int, ...]
    costs: tuple[int, ...]
    milestones: tuple[Milestone, ...]

    @property
    def investment(self) -> int:
        """The whole investment."""
        return sum(self.uses.values())


class Year(NamedTuple):
    """A year of the bond: what is there to pay, what is to be paid, their ratio, and what is left since the issue.

    ``ratio`` = (left of earlier years + revenue - costs) / (principal + interest).
    """

    year: int
    net: int
    interest: int
    principal: int
    ratio: float | None
    left: int


class Coverage(NamedTuple):
    """Whether revenue covers the bond. ``life`` = sum(revenue - costs) / sum(principal + interest).

    ``gaps`` are years in which what is left would be below zero; ``falls`` is the largest share by which revenue may fall
    in all years alike with the whole still repaid, None where it is not repaid as it is.
    """

    years: list[Year]
    life: float
    gaps: list[int]
    falls: float | None


def coverage(plan: Plan) -> Coverage:
    """Return the bond's coverage, year by year and over its life.

    Like the debt service coverage ratio of project finance (cash available for debt service / debt service of the
    period; Yescombe, Principles of Project Finance), but with what earlier years left: a special bond mostly repays its
    principal in its last year, from what has been gathered until then, in a ratio that a single year can't reach.
    """
    years, gaps = [], []
    left, owed = 0, plan.bond
    paid = gained = 0
    for at in range(plan.years):
        interest = round(owed * plan.rate)
        last = at == plan.years - 1
        principal = owed if last else plan.bond // plan.years if plan.level else 0
        net, service = plan.revenue[at] - plan.costs[at], interest + principal
        ratio = (left + net) / service if service else None
        left += net - service
        owed -= principal
        paid, gained = paid + service, gained + net
        years.append(Year(plan.issued + 1 + at, net, interest, principal, ratio, left))
        if left < 0:
            gaps.append(years[-1].year)
    revenue = sum(plan.revenue)
    spare = gained - paid
    falls = min(1.0, spare / revenue) if spare >= 0 and revenue else None
    return Coverage(years, gained / paid if paid else float("inf"), gaps, falls)


def check(plan: Plan, least: Fraction = LEAST_COVERAGE) -> list[Text]:
    """Return what is wrong with a plan, in words that a project can act on; an empty list where nothing is."""
    wrong = []
    for name, amount in plan.uses.items():
        if amount and not USES[name].allowed:
            title = USES[name].title
            wrong.append(
                Text(
                    f"专项债项目不得列支“{title.zh}”（{money(amount, 'CNY').zh}）：预算法第三十五条、国办发〔2024〕52号附件 1",
                    f"a special bond may not pay {title.en} ({money(amount, 'CNY').en}): Budget Law, article 35; 国办发〔2024〕52号, annex 1",
                )
            )
    if plan.bond + plan.capital - plan.as_capital != plan.investment:
        there = plan.bond + plan.capital - plan.as_capital
        wrong.append(
            Text(
                f"资金来源 {money(there, 'CNY').zh} 与总投资 {money(plan.investment, 'CNY').zh} 不等",
                f"sources of {money(there, 'CNY').en} are not the investment of {money(plan.investment, 'CNY').en}",
            )
        )
    if plan.capital < LEAST_CAPITAL * plan.investment:
        wrong.append(
            Text(
                f"资本金不足总投资的 {float(LEAST_CAPITAL):.0%}（国发〔2015〕51号）",
                f"capital is below {float(LEAST_CAPITAL):.0%} of the investment (国发〔2015〕51号)",
            )
        )
    covered = coverage(plan)
    if covered.life < least:
        wrong.append(
            Text(
                f"存续期本息覆盖倍数 {covered.life:.2f}，低于 {float(least):.2f}",
                f"revenue covers principal and interest {covered.life:.2f} times over the bond's life, below {float(least):.2f}",
            )
        )
    if covered.gaps:
        years = "、".join(map(str, covered.gaps))
        wrong.append(
            Text(
                f"{years} 年累计收益不足以支付当年本息",
                f"what has been gathered does not pay the year's principal and interest in {years}",
            )
        )
    if any(one.due.year > plan.issued + plan.years for one in plan.milestones):
        wrong.append(Text("建设节点晚于债券到期", "a milestone lies after the bond's end"))
    return wrong


def pool_share(plans: Sequence[Plan]) -> float:
    """Return the share of all bonds that is used as capital; to be held against `MOST_AS_CAPITAL`."""
    bonds = sum(one.bond for one in plans)
    return sum(one.as_capital for one in plans) / bonds if bonds else 0.0


class Progress(NamedTuple):
    """How far a project is: construction done and planned by the day, and money paid of the investment, each 0 to 1."""

    done: float
    planned: float
    paid: float
    warnings: list[Text]


def progress(plan: Plan, done: Mapping[str, date], paid: int, issued: date | None, today: date) -> Progress:
    """Return a project's progress; ``done`` are milestones with the day of their completion, ``issued`` that of the bond."""
    whole = sum(one.weight for one in plan.milestones) or 1
    built = sum(one.weight for one in plan.milestones if one.title in done) / whole
    planned = sum(one.weight for one in plan.milestones if one.due <= today) / whole
    share = paid / plan.investment if plan.investment else 0.0
    warnings = []
    late = [one.title for one in plan.milestones if one.due < today and one.title not in done]
    if late:
        warnings.append(Text(f"逾期节点：{'、'.join(late)}", f"overdue milestones: {', '.join(late)}"))
    if share > built + AHEAD:
        warnings.append(
            Text(f"支出 {share:.0%} 超前于建设 {built:.0%}", f"{share:.0%} is paid for {built:.0%} of the construction")
        )
    if issued and (today - issued).days > IDLE_DAYS and paid < plan.bond:
        idle = plan.bond - paid
        warnings.append(
            Text(
                f"债券发行逾一年，仍有 {money(idle, 'CNY').zh} 未支出",
                f"a year after the issue {money(idle, 'CNY').en} is not spent",
            )
        )
    return Progress(built, planned, share, warnings)


def plan_of(given: Mapping[str, Any]) -> Plan:
    """Return a plan from the plain values of a form or JSON (amounts in fen, rate in per cent as text). Raises `Refused`."""
    try:
        uses = {str(name): int(amount) for name, amount in given["uses"].items() if int(amount)}
        made = Plan(
            int(given["bond"]), int(given["capital"]), int(given.get("as_capital", 0)), uses,
            Fraction(str(given["rate"])) / 100, int(given["issued"]), int(given["years"]), bool(given.get("level", False)),
            tuple(int(one) for one in given["revenue"]), tuple(int(one) for one in given["costs"]),
            tuple(
                Milestone(str(one["title"]).strip(), date.fromisoformat(one["due"]), int(one["weight"]))
                for one in given["milestones"]
            ),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise Refused(Text(f"项目方案不完整或有误：{error!r}", f"the plan is not whole or wrong: {error!r}")) from error
    most = 10**15
    amounts = (made.bond, made.capital, made.as_capital, *made.uses.values(), *made.revenue, *made.costs)
    titles = [one.title for one in made.milestones]
    faults = [
        (any(not 0 <= one <= most for one in amounts), "金额应不为负", "amounts are not below 0"),
        (not made.bond, "债券金额应为正", "the bond is above 0"),
        (made.as_capital > min(made.bond, made.capital), "用作资本金的债券不得超过债券或资本金", "what is used as capital is no more than bond or capital"),
        (bool(set(made.uses) - set(USES)), f"没有用途 {'、'.join(set(made.uses) - set(USES))}", f"no such use: {set(made.uses) - set(USES)}"),
        (not 0 <= made.rate <= Fraction(1, 5), "年利率应为 0 至 20%", "the yearly rate is 0 to 20 %"),
        (not 1 <= made.years <= LONGEST, f"期限应为 1 至 {LONGEST} 年", f"a bond runs 1 to {LONGEST} years"),
        (not 2015 <= made.issued <= 2100, "发行年份不对", "that is no year of issue"),
        (not len(made.revenue) == len(made.costs) == made.years, "收入、成本应按存续期逐年给出", "give revenue and costs of each year of the bond's life"),
        (not titles or not all(titles) or len(set(titles)) < len(titles), "建设节点应有名称且不重复", "milestones have names of their own"),
        (any(one.weight < 1 for one in made.milestones), "节点权重应为正整数", "weights are whole numbers above 0"),
    ]  # fmt: skip
    for fault, zh, en in faults:
        if fault:
            raise Refused(Text(zh, en))
    return made


def missing_papers(stage: str, papers: Sequence[str]) -> list[str]:
    """Return the papers that a project in a stage still has to hand in to leave it."""
    return [one for one in BY_NAME[stage].papers if one not in papers]


def following(stage: str) -> str:
    """Return the next stage; the last one follows itself."""
    names = [one.name for one in STAGES]
    return names[min(names.index(stage) + 1, len(names) - 1)]
