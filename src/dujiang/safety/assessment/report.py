"""An assessment as a report: JSON, one HTML page that loads nothing, or Word; Chinese first, English beside it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from dujiang.charts import png, svg
from dujiang.messages import Refused, Text
from dujiang.safety.assessment.findings import Example, Figure, Result, Table, percent
from dujiang.safety.assessment.statistics import STANDINGS

_LONGEST = 800
"""Characters of a turn or answer that a report shows."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was assessed, when (ISO 8601), with which seed and size, and what each suite came to."""

    target: str
    kind: str
    """``endpoint`` or ``scenario``."""
    time: str
    seed: int
    size: str
    results: Sequence[Result]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Text:
        """What it comes to in a line: what it is accused of, else that nothing was found."""
        found = list(dict.fromkeys(one.code for result in self.results for one in result.findings))
        if not found:
            return Text("未发现问题（未判定的指标见下）", "nothing was found (see below what is not decided)")
        titles = [one.title for code in found for result in self.results for one in result.findings if one.code == code]
        unique = list(dict.fromkeys(titles))
        return Text("；".join(one.zh for one in unique), "; ".join(one.en for one in unique))

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "target": self.target,
            "kind": self.kind,
            "time": self.time,
            "seed": self.seed,
            "size": self.size,
            "versions": dict(self.versions),
            "verdict": asdict(self.verdict),
            "findings": [
                {"suite": result.suite, **one.as_json()} for result in self.results for one in result.findings
            ],
            "suites": [one.as_json() for one in self.results],
        }


TITLE = Text("人工智能安全评估报告", "AI safety assessment report")


def digest(content: bytes) -> str:
    """Return a report's SHA-256."""
    return hashlib.sha256(content).hexdigest()


def render(made: Assessment, suffix: str) -> bytes:
    """Return the report as a file of that suffix; raises `Refused` for another than .docx, .html and .json."""
    try:
        writer = WRITERS[suffix.lower()]
    except KeyError as error:
        raise Refused(Text("报告应为 .docx、.html 或 .json", "a report is a .docx, .html or .json file")) from error
    return writer(made)


def write(content: bytes, path: Path) -> None:
    """Write a report, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


def to_json(made: Assessment) -> bytes:
    """Return the report as JSON."""
    return (json.dumps(made.as_json(), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _facts(made: Assessment) -> list[tuple[Text, str]]:
    kinds = {"endpoint": "模型服务 model service", "scenario": "场景 scenario"}
    asked = sum(one.asked for one in made.results)
    return [
        (Text("评估对象", "target"), f"{made.target}（{kinds[made.kind]}）"),
        (Text("时间", "time"), made.time),
        (Text("规模与种子", "size and seed"), f"{made.size}, {made.seed}"),
        (Text("询问次数", "questions asked"), f"{asked:,}"),
        (Text("引擎", "engine"), "，".join(f"{name} {version}" for name, version in made.versions.items())),
    ]


def _figures(figures: Sequence[Figure]) -> Table:
    rows: list[list[Text | str]] = []
    for one in figures:
        bound = one.threshold.bound if one.threshold else "—"
        standing = STANDINGS[one.standing] if one.standing else "—"
        rows.append([one.title, percent(one.share), bound, standing])
    headings = [
        Text("指标", "figure"),
        Text("结果 [95% 区间]", "result [95 %]"),
        Text("阈值", "threshold"),
        Text("判定", "standing"),
    ]
    return Table(Text("指标", "figures"), headings, rows)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}……"


_ROLES = {
    "system": Text("系统", "system"),
    "user": Text("提问", "user"),
    "assistant": Text("回答", "assistant"),
    "tool": Text("工具", "tool"),
}

_STYLE = """
.assessment { font: 16px/1.65 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", system-ui, sans-serif; color: #1c2733; }
.assessment .en { color: #52616f; font-size: .85em; }
.assessment h2 { border-left: 4px solid #14557b; padding-left: .6rem; margin-top: 2.2rem; font-size: 1.2rem; }
.assessment h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
.assessment table { border-collapse: collapse; width: 100%; font-size: .9rem; }
.assessment th, .assessment td { border-bottom: 1px solid #d3dbe2; padding: .35rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.assessment th { background: #eef3f6; }
.assessment .wide { overflow-x: auto; }
.assessment .verdict { border-left: 4px solid #1a6b3a; background: #eef3f6; padding: .6rem .9rem; font-weight: 600; }
.assessment .verdict.found { border-color: #a32015; }
.assessment .finding { color: #a32015; font-weight: 600; }
.assessment .example { border: 1px solid #d3dbe2; border-radius: 6px; padding: .6rem .9rem; margin: .7rem 0; }
.assessment .turn { margin: .25rem 0; padding-left: 4.2rem; text-indent: -4.2rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.assessment .turn b { display: inline-block; width: 4.2rem; text-indent: 0; color: #52616f; font-weight: 600; }
.assessment .step { background: #dfe7fb; border-radius: 3px; padding: .05rem .4rem; margin-right: .3rem; }
.assessment figure { margin: .8rem 0; } .assessment svg { max-width: 100%; height: auto; }
"""


def _both(text: Text | str) -> str:
    if isinstance(text, str):
        return escape(text)
    return f'{escape(text.zh)} <span class="en" lang="en">{escape(text.en)}</span>'


def to_html(made: Assessment) -> bytes:
    """Return the report as one HTML page that loads nothing."""
    page = (
        '<!doctype html>\n<html lang="zh-Hans"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(TITLE.zh)} · {escape(made.target)}</title>"
        "<style>body { margin: 0 auto; max-width: 60rem; padding: 1rem; }</style></head><body>"
        f"<h1>{_both(TITLE)}</h1>{fragment(made)}</body></html>\n"
    )
    return page.encode()


def fragment(made: Assessment) -> str:
    """Return the report as a piece of HTML, to stand in another page."""
    found = any(one.findings for one in made.results)
    parts = [f'<style>{_STYLE}</style><div class="assessment">']
    parts.append(f'<p class="verdict{" found" if found else ""}">{_both(made.verdict)}</p>')
    rows = "".join(f"<tr><th>{_both(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(made))
    parts.append(f'<div class="wide"><table>{rows}</table></div>')
    parts += [_suite(one) for one in made.results]
    return "\n".join(parts) + "</div>"


def _suite(result: Result) -> str:
    parts = [f"<h2>{_both(result.title)}</h2>"]
    parts += [f'<p class="finding">{_both(one.title)}：{_both(one.why)}</p>' for one in result.findings]
    parts += [f"<p>{_both(one)}</p>" for one in result.notes]
    if result.figures:
        parts.append(_table(_figures(result.figures)))
    parts += [
        f"<figure><figcaption>{_both(title)}</figcaption>{svg(dict(chart))}</figure>" for title, chart in result.charts
    ]
    parts += [_table(one) for one in result.tables]
    if result.examples:
        parts.append(f"<h3>{_both(Text('实例', 'examples'))}</h3>")
        parts += [_example(one) for one in result.examples]
    return "\n".join(parts)


def _table(table: Table) -> str:
    head = "".join(f"<th>{_both(one)}</th>" for one in table.headings)
    body = "".join("<tr>" + "".join(f"<td>{_both(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return (
        f'<h3>{_both(table.title)}</h3><div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _example(one: Example) -> str:
    steps = "".join(f'<span class="step">{_both(step)}</span>' for step in one.chain)
    chain = f"<p>{_both(Text('攻击链', 'attack chain'))}：{steps}</p>" if one.chain else ""
    turns = [*one.turns, {"role": "assistant", "content": one.answer}]
    said = "".join(
        f'<p class="turn"><b>{escape(_ROLES[turn["role"]].zh)}</b>{escape(_short(turn["content"]))}</p>'
        for turn in turns
    )
    return f'<div class="example"><p><strong>{_both(one.title)}</strong></p>{chain}{said}<p class="finding">{_both(one.why)}</p></div>'


def to_docx(made: Assessment) -> bytes:
    """Return the report as a Word document."""
    from docx import Document
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for name in ("Normal", "Title", "Heading 1", "Heading 2"):
        style = document.styles[name]
        style.font.name = "Times New Roman"
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "仿宋" if name == "Normal" else "黑体")
    document.styles["Normal"].font.size = Pt(11)

    def paragraph(text: Text | str, *, bold: bool = False, style: str | None = None) -> None:
        line = document.add_paragraph(style=style)
        line.add_run(text.zh if isinstance(text, Text) else text).bold = bold
        if isinstance(text, Text):
            run = line.add_run(f"  {text.en}")
            run.font.size = Pt(9)
            run.italic = True

    def table(one: Table) -> None:
        paragraph(one.title, style="Heading 2")
        grid = document.add_table(rows=1, cols=len(one.headings), style="Table Grid")
        lines: list[Sequence[Text | str]] = [one.headings, *one.rows]
        for place, line in enumerate(lines):
            cells = grid.rows[0].cells if place == 0 else grid.add_row().cells
            for cell, text in zip(cells, line, strict=True):
                cell.text = _readable(f"{text.zh} {text.en}" if isinstance(text, Text) else text)
                for run in cell.paragraphs[0].runs:
                    run.font.size, run.bold = Pt(9), place == 0

    document.add_heading(TITLE.zh, 0)
    paragraph(made.verdict, bold=True)
    for fact, value in _facts(made):
        paragraph(f"{fact.zh}：{value}")
    for result in made.results:
        document.add_heading(f"{result.title.zh}  {result.title.en}", 1)
        for finding in result.findings:
            paragraph(finding.title, bold=True)
            paragraph(finding.why)
        for note in result.notes:
            paragraph(note)
        if result.figures:
            table(_figures(result.figures))
        for title, chart in result.charts:
            paragraph(title)
            document.add_picture(io.BytesIO(png(dict(chart))), width=Mm(150))
        for one in result.tables:
            table(one)
        for example in result.examples:
            paragraph(example.title, bold=True)
            if example.chain:
                paragraph("攻击链：" + " → ".join(f"{step.zh} {step.en}" for step in example.chain))
            for turn in [*example.turns, {"role": "assistant", "content": example.answer}]:
                paragraph(f"{_ROLES[turn['role']].zh}：{_readable(_short(turn['content']))}")
            paragraph(example.why)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _readable(text: str) -> str:
    """Return a text without the characters that XML can't hold."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\u{ord(one):04x}" for one in text)


WRITERS: dict[str, Callable[[Assessment], bytes]] = {".docx": to_docx, ".html": to_html, ".json": to_json}
