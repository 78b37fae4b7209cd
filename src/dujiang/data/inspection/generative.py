"""What GB/T 45654-2025 asks of the corpora of a generative service, as far as a corpus itself can show it.

Thresholds are the standard's (and those of TC260-003, which it follows): a source with more than 5 % illegal or unhealthy
content is not used; of at least 4,000 documents looked at by people at least 96 % pass; of at least 10 % looked at by
technical means at least 98 % pass. A list of words should have at least
10,000. What only people or papers can show is said to be theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dujiang.messages import Text

if TYPE_CHECKING:
    from dujiang.data.inspection.corpus_report import CorpusReport

SOURCE_LIMIT, TECHNICAL_RATE = 0.05, 0.98
WORDS = 10_000
"""Words that a list should have, at least; what a shorter one doesn't find settles nothing."""


class State(StrEnum):
    """Where a requirement stands."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"


STATES = {
    State.MET: Text("符合", "met"),
    State.MISSED: Text("不符合", "not met"),
    State.OPEN: Text("待人工确认", "for people to settle"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A requirement: what it asks, what was found, and where it stands."""

    title: Text
    asks: Text
    found: Text
    state: State


def items(report: CorpusReport) -> list[Item]:
    """Return the requirements in the standard's order: sources, content, sampling."""
    return [
        _diverse(report),
        _licensed(report),
        _blocked(report),
        _personal(report),
        _manual(report),
        _technical(report),
    ]


def _diverse(report: CorpusReport) -> Item:
    few = [
        language
        for language, count in report.languages.items()
        if language != "none" and count and report.sources_by_language.get(language, 0) < 2
    ]
    asks = Text("每种语言的语料有多个来源", "corpora of each language come from several sources")
    title = Text("来源多样", "diverse sources")
    found = Text(
        f"{len(report.sources)} 个来源，{report.without_source:,} 篇未注明",
        f"{len(report.sources)} sources, {report.without_source:,} documents name none",
    )
    if not report.sources:
        return Item(title, asks, found, State.OPEN)
    if few:
        found = Text(
            f"{found.zh}；来源不足两个的语言：{'、'.join(few)}",
            f"{found.en}; languages with fewer than two: {', '.join(few)}",
        )
    return Item(title, asks, found, State.MISSED if few else State.MET)


def _licensed(report: CorpusReport) -> Item:
    share = 1 - report.without_licence / report.documents
    return Item(
        Text("来源可追溯", "traceable sources"),
        Text("每个来源有许可协议、采集记录或合同", "each source has a licence, a record of collection or a contract"),
        Text(f"{share:.1%} 的文档注明许可", f"{share:.1%} of documents state a licence"),
        State.OPEN if share == 1 else State.MISSED,
    )


def _blocked(report: CorpusReport) -> Item:
    title = Text("来源拦截", "blocked sources")
    asks = Text("违法不良信息超过 5% 的来源不使用", "no source with more than 5 % illegal or unhealthy content")
    if not report.words:
        return Item(title, asks, Text("未提供词表", "no list of words was given"), State.OPEN)
    over = [
        (name or "—", hit / of) for name, (hit, of) in report.banned_by_source.items() if of and hit > SOURCE_LIMIT * of
    ]
    shown = "、".join(f"{name} {share:.1%}" for name, share in over[:5])
    found = (
        Text(f"{len(over)} 个来源超过 5%：{shown}", f"{len(over)} sources above 5 %: {shown}")
        if over
        else Text("无来源超过 5%（按词表）", "no source above 5 % (by the list)")
    )
    return Item(title, asks, found, State.MISSED if over else _settled(report))


def _personal(report: CorpusReport) -> Item:
    return Item(
        Text("个人信息", "personal data"),
        Text(
            "使用个人信息须取得同意，敏感个人信息须取得单独同意",
            "personal data only by consent, sensitive data by separate consent",
        ),
        Text(f"{report.with_personal:,} 篇含个人信息", f"{report.with_personal:,} documents hold personal data"),
        State.OPEN if report.with_personal else State.MET,
    )


def _manual(report: CorpusReport) -> Item:
    plan = report.sample
    proven = Text("", "")
    if plan.proven is not None:
        proven = Text(
            f"；不多于 {plan.proven} 篇时，以 {plan.confidence:.0%} 置信度证明全部语料达标",
            f"; with at most {plan.proven} the whole corpus is shown to pass, at {plan.confidence:.0%} confidence",
        )
    return Item(
        Text("人工抽检", "sample by people"),
        Text("随机抽取不少于 4,000 篇，合格率不低于 96%", "of at least 4,000 drawn at random at least 96 % pass"),
        Text(
            f"应看 {plan.size:,} 篇，不合格不多于 {plan.allowed} 篇{proven.zh}",
            f"look at {plan.size:,}, at most {plan.allowed} of which may fail{proven.en}",
        ),
        State.OPEN,
    )


def _technical(report: CorpusReport) -> Item:
    title = Text("技术抽检", "sample by technical means")
    asks = Text("抽取不少于 10%，合格率不低于 98%", "of at least 10 % at least 98 % pass")
    if not report.words:
        return Item(title, asks, Text("未提供词表", "no list of words was given"), State.OPEN)
    share = 1 - report.with_banned / report.documents
    found = Text(
        f"全部 {report.documents:,} 篇经 {report.words:,} 个词检查，{share:.2%} 未命中",
        f"all {report.documents:,} checked for {report.words:,} words, {share:.2%} without any",
    )
    return Item(title, asks, found, _settled(report) if share >= TECHNICAL_RATE else State.MISSED)


def _settled(report: CorpusReport) -> State:
    return State.MET if report.words >= WORDS else State.OPEN
