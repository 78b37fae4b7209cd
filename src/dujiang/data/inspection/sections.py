"""A report as sections, the same for a page and for Word: a title, a sentence, a table, a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from dujiang.data.inspection import scripts
from dujiang.data.inspection.corpus_report import CorpusReport
from dujiang.data.inspection.drift import SHIFTED, STABLE, Verdict
from dujiang.data.inspection.encoding import FAULTS
from dujiang.data.inspection.generative import STATES, items
from dujiang.data.inspection.personal import DETECTORS
from dujiang.data.inspection.rules import DIMENSIONS, TYPE_NAMES, Rule
from dujiang.data.inspection.table_report import TableReport
from dujiang.messages import Text

Cell = str | Text
_VERDICTS = {
    Verdict.STABLE: Text("稳定", "stable"),
    Verdict.MOVED: Text("有变化", "moved"),
    Verdict.SHIFTED: Text("显著偏移", "shifted"),
    Verdict.NEW: Text("新增列", "new column"),
    Verdict.GONE: Text("缺失列", "column gone"),
}
_QUALITY = {
    "empty": Text("空文档", "empty"),
    "short": Text("过短（少于 20 字符）", "short (under 20 characters)"),
    "symbols": Text("符号过多（超过 10%）", "many symbols (above 10 %)"),
    "repeated": Text("重复行过多（超过 30%）", "many repeated lines (above 30 %)"),
    "ellipses": Text("省略号结尾行过多（超过 30%）", "many lines ending in an ellipsis (above 30 %)"),
}
_CLASSES = {
    "han": Text("汉字（简繁同形）", "Han, both forms"),
    "simplified": Text("简化字", "simplified Han"),
    "traditional": Text("繁体字", "traditional Han"),
    "latin": Text("拉丁字母", "Latin letters"),
    "digit": Text("数字", "digits"),
    "punctuation": Text("标点", "punctuation"),
    "symbol": Text("符号", "symbols"),
    "blank": Text("空白", "blanks"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; ``chart`` is a Vega-Lite specification."""

    title: Text
    lead: Text | None = None
    headings: tuple[Text, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    chart: dict[str, Any] | None = None


def sections(report: TableReport | CorpusReport) -> list[Section]:
    """Return a report's sections; those about which there is nothing to say are left out."""
    made = _of_table(report) if isinstance(report, TableReport) else _of_corpus(report)
    return [one for one in made if one.rows or one.chart or one.lead]


def title(report: TableReport | CorpusReport) -> Text:
    """Return a report's title."""
    kind = (
        Text("数据集检验报告", "Data set inspection")
        if isinstance(report, TableReport)
        else Text("语料检验报告", "Corpus inspection")
    )
    return Text(f"{kind.zh}：{report.source}", f"{kind.en}: {report.source}")


def share(value: float | None) -> str:
    """Return a share as people read it; nothing is rounded to 100 % that isn't."""
    if value is None:
        return "—"
    return (
        f"{value:.2%}"
        if value == 1 or value < 0.99995
        else f"{value * 100:.6f}".rstrip("0") + "%"
        if value < 0.999999995
        else "<100%"
    )


def _of_table(report: TableReport) -> list[Section]:
    failed = [one for one in report.results if not one.held]
    lead = Text(
        f"{report.rows:,} 行，{len(report.columns)} 列，{report.rejected:,} 行无法读取；检查日 {report.as_of}。"
        f"{len(report.results)} 条规则{'（由数据推断）' if report.inferred else ''}，{len(failed)} 条未达到。",
        f"{report.rows:,} rows, {len(report.columns)} columns, {report.rejected:,} rows unreadable; as of {report.as_of}. "
        f"{len(report.results)} rules{' (inferred from the data)' if report.inferred else ''}, {len(failed)} not met.",
    )
    scores = report.scores
    rows = tuple((DIMENSIONS[dimension], share(score)) for dimension, score in scores.items())
    return [
        Section(
            Text("六个维度（GB/T 36344-2018）", "The six dimensions (GB/T 36344-2018)"),
            lead,
            (Text("维度", "dimension"), Text("得分", "score")),
            rows,
            _bars([(str(DIMENSIONS[dimension]), score) for dimension, score in scores.items() if score is not None]),
        ),
        _rules(report),
        Section(
            Text("无法读取的行", "Rows that can't be read"),
            headings=(Text("行", "line"), Text("原因", "why"), Text("内容", "text")),
            rows=tuple((f"{one.line:,}", one.why, one.text) for one in report.rejects),
        ),
        _columns(report),
        Section(
            Text("主键", "Keys"),
            Text(f"可作主键的列：{'、'.join(report.keys)}", f"columns that could be a key: {', '.join(report.keys)}")
            if report.keys
            else None,
        ),
        Section(
            Text("个人信息", "Personal data"),
            headings=(
                Text("列", "column"),
                Text("类别", "kind"),
                Text("占比", "share"),
                Text("置信度", "confidence"),
                Text("敏感", "sensitive"),
            ),
            rows=tuple(
                (
                    one.column,
                    one.title,
                    share(one.share),
                    f"{one.confidence:.2f}",
                    Text("是", "yes") if one.sensitive else Text("否", "no"),
                )
                for one in report.personal
            ),
        ),
        _drift(report),
    ]


def _rules(report: TableReport) -> Section:
    order = sorted(report.results, key=lambda one: (one.held, one.share))
    return Section(
        Text("规则", "Rules"),
        headings=(
            Text("结果", "result"), Text("列", "columns"), Text("规则", "rule"), Text("维度与指标", "dimension, indicator"),
            Text("满足", "met"), Text("要求", "asked"), Text("不满足", "failed"), Text("示例", "examples"),
        ),
        rows=tuple(
            (
                Text("✓", "met") if one.held else Text("✗", "not met"),
                "、".join(one.rule.columns),
                _rule(one.rule),
                Text(
                    f"{DIMENSIONS[one.rule.about.dimension].zh}·{one.rule.about.indicator.zh}",
                    f"{DIMENSIONS[one.rule.about.dimension].en}, {one.rule.about.indicator.en}",
                ),
                share(one.share),
                share(one.rule.at_least),
                f"{one.failed:,} / {one.evaluated:,}",
                "；".join(one.examples) or (one.note or ""),
            )
            for one in order
        ),
    )  # fmt: skip


def _rule(rule: Rule) -> Text:
    title, wording = rule.about.title, rule.wording()
    return title if title == wording else Text(f"{title.zh}：{wording.zh}", f"{title.en}: {wording.en}")


def _columns(report: TableReport) -> Section:
    return Section(
        Text("各列", "Columns"),
        Text(
            "不同值为估计；四分位数取自样本；离群值在四分位距 3 倍以外（Tukey 1977）。文本的最小、最大为长度。",
            "Distinct values are estimates, quartiles of the sample; outliers lie beyond three interquartile ranges (Tukey 1977). "
            "Of texts, least and greatest are lengths.",
        ),
        (
            Text("列", "column"), Text("类型", "type"), Text("缺失", "missing"), Text("不同值", "distinct"), Text("最小", "least"),
            Text("四分位数", "quartiles"), Text("最大", "greatest"), Text("均值", "mean"), Text("离群值", "outliers"),
        ),
        tuple(
            (
                one.name,
                TYPE_NAMES[one.type],
                f"{one.missing:,}",
                f"≈{min(one.distinct, report.rows):,}",
                _figure(one.minimum),
                " / ".join(map(_figure, (one.low, one.median, one.high))) if one.low is not None else "",
                _figure(one.maximum),
                _figure(one.mean),
                "" if one.outliers is None else f"{one.outliers:,}",
            )
            for one in report.columns
        ),
    )  # fmt: skip


def _drift(report: TableReport) -> Section:
    return Section(
        Text("与前一版本的差异", "Drift from the earlier version"),
        Text(
            f"与 {report.before} 比较。PSI 低于 {STABLE} 为稳定，高于 {SHIFTED} 为显著偏移（Siddiqi 2006）；KS 为两分布的最大距离。",
            f"Compared with {report.before}. PSI below {STABLE} is stable, above {SHIFTED} shifted (Siddiqi 2006); KS is the "
            "largest distance between the two distributions.",
        )
        if report.before
        else None,
        (
            Text("列", "column"),
            Text("判断", "verdict"),
            Text("PSI", "PSI"),
            Text("KS", "KS"),
            Text("缺失：前→今", "missing: then, now"),
        ),
        tuple(
            (
                one.column,
                _VERDICTS[one.verdict],
                _figure(one.psi),
                _figure(one.distance),
                "" if one.missing_before is None else f"{share(one.missing_before)} → {share(one.missing_now)}",
            )
            for one in report.drift
        ),
    )


def _of_corpus(report: CorpusReport) -> list[Section]:
    total = int(report.lengths["total"])
    lead = Text(
        f"{report.files} 个文件，{report.documents:,} 篇，{total:,} 字符；{report.malformed:,} 行不是文档，{report.recoded:,} 行原为 GB18030 编码。",
        f"{report.files} files, {report.documents:,} documents, {total:,} characters; {report.malformed:,} lines are no document, "
        f"{report.recoded:,} lines were in GB18030.",
    )
    copies = Text(
        f"{report.exact_copies:,} 篇与前文相同（全半角、大小写、空白除外），另有 {report.near_copies:,} 篇近似重复"
        f"（字符 5 元组 Jaccard ≥ {report.threshold:g}）。"
        + (f"{report.capped:,} 篇所在的桶过大，未比较全部文档对。" if report.capped else ""),
        f"{report.exact_copies:,} documents equal an earlier one (but for width, case and blanks), {report.near_copies:,} more are "
        f"nearly so (Jaccard of character 5-grams ≥ {report.threshold:g})."
        + (f" {report.capped:,} stood in buckets too large to compare all pairs." if report.capped else ""),
    )
    return [
        Section(
            Text("GB/T 45654-2025 语料要求", "What GB/T 45654-2025 asks of corpora"),
            lead,
            (Text("要求", "requirement"), Text("内容", "what it asks"), Text("所见", "found"), Text("结论", "state")),
            tuple((one.title, one.asks, one.found, STATES[one.state]) for one in items(report)),
        ),
        Section(
            Text("重复", "Duplicates"),
            copies,
            (Text("首篇位置", "first of them"), Text("篇数", "documents"), Text("开头", "how it begins")),
            tuple((f"{example.file}:{example.line}", f"{size:,}", example.text) for example, size in report.largest),
        ),
        Section(
            Text("基准污染", "Contamination by benchmarks"),
            headings=(Text("基准", "benchmark"), Text("题数", "items"), Text("过短", "too short"), Text("见于语料", "in the corpus"), Text("题号", "numbers")),
            rows=tuple(
                (one.benchmark, f"{one.items:,}", f"{one.too_short:,}", f"{one.dirty:,}（{share(one.dirty / one.items if one.items else 0.0)}）", "、".join(map(str, one.first)))
                for one in report.contamination
            ),
            lead=Text("按 13 元组重叠（Brown 等 2020，附录 C）。", "By overlap of 13-grams (Brown et al. 2020, appendix C).") if report.contamination else None,
        ),
        _counts(Text("语言", "Languages"), report.languages, report.documents, scripts.LANGUAGES, Text("按文字与常用词判断，不是语言识别模型。", "By script and common words; no model of languages.")),
        _lengths(report),
        _counts(Text("字符", "Characters"), report.characters, total, _CLASSES),
        _counts(Text("质量", "Quality"), report.quality, report.documents, _QUALITY, Text("阈值依 Rae 等 2021（Gopher）附录 A。", "Thresholds of Rae et al. 2021 (Gopher), appendix A.")),
        _counts(Text("编码错误", "Encoding faults"), report.encoding, report.documents, FAULTS),
        Section(
            Text("样板文字", "Boilerplate"),
            Text(f"多篇文档共有的行占 {share(report.boilerplate_share)} 的字符。", f"Lines that stand in many documents are {share(report.boilerplate_share)} of the characters."),
            (Text("行", "line"), Text("篇数", "documents")),
            tuple((line, f"{times:,}") for line, times in (*report.boilerplate, *report.phrases.items())),
        ),
        _counts(
            Text("个人信息", "Personal data"), report.personal, None, {name: one.title for name, one in DETECTORS.items()},
            Text(f"{report.with_personal:,} 篇含个人信息。", f"{report.with_personal:,} documents hold any."),
        ),
        _counts(Text("词表命中", "Banned words"), report.banned, report.documents, {}, Text(f"{report.words:,} 个词，{report.with_banned:,} 篇命中。", f"{report.words:,} words, {report.with_banned:,} documents hold any.") if report.words else None),
        _counts(Text("来源", "Sources"), dict(list(report.sources.items())[:20]), report.documents, {}, Text(f"{len(report.sources):,} 个来源；{report.without_source:,} 篇未注明。", f"{len(report.sources):,} sources; {report.without_source:,} documents name none.")),
        _counts(Text("许可", "Licences"), dict(list(report.licences.items())[:20]), report.documents, {}, Text(f"{report.without_licence:,} 篇未注明。", f"{report.without_licence:,} documents state none.")),
        Section(
            Text("示例", "Examples"),
            headings=(Text("类别", "kind"), Text("位置", "place"), Text("内容", "text")),
            rows=tuple((key, f"{one.file}:{one.line}", one.text) for key, found in report.examples.items() for one in found),
        ),
        Section(
            Text("不是文档的行", "Lines that are no document"),
            headings=(Text("位置", "place"), Text("原因", "why")),
            rows=tuple((f"{one.file}:{one.line}", one.why) for one in report.first_malformed),
        ),
    ]  # fmt: skip


def _counts(
    title: Text, counts: Mapping[str, int], of: int | None, names: Mapping[str, Text], lead: Text | None = None
) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for name, count in counts.items():
        if count:
            rows.append((names.get(name, name), f"{count:,}", *([share(count / of)] if of else [])))
    headings = (Text("类别", "kind"), Text("数量", "count"), *([Text("占比", "share")] if of else []))
    return Section(title, lead, headings if rows else (), tuple(rows))


def _lengths(report: CorpusReport) -> Section:
    names = [f"{low:,}–" for low, _ in report.histogram]
    data = pd.DataFrame({"length": names, "documents": [count for _, count in report.histogram]})
    chart = (
        alt.Chart(data)
        .mark_bar(color="#14557b")
        .encode(alt.X("length:O", sort=names, title="字符 characters"), alt.Y("documents:Q", title="篇 documents"))
        .properties(width=460, height=160)
    )
    kinds = (
        ("min", "p5", "p25", "p50", "p75", "p95", "max", "mean"),
        ("最短", "5%", "25%", "中位", "75%", "95%", "最长", "平均"),
    )
    return Section(
        Text("长度", "Lengths"),
        headings=tuple(Text(zh, name) for name, zh in zip(*kinds, strict=True)),
        rows=(tuple(_figure(report.lengths[name]) for name in kinds[0]),),
        chart=chart.to_dict(),
    )


def _bars(scores: Sequence[tuple[str, float]]) -> dict[str, Any]:
    data = pd.DataFrame(scores, columns=["dimension", "score"])
    base = alt.Chart(data).encode(alt.Y("dimension:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)))
    bars = base.mark_bar(color="#14557b").encode(
        alt.X("score:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    )
    made: dict[str, Any] = bars.properties(width=360, height=alt.Step(24)).to_dict()
    return made


def _figure(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"
