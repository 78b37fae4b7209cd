"""A report as a file: one HTML page that loads nothing, Word, or JSON; Chinese first, English beside it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from html import escape as _escape
from pathlib import Path
from typing import Any

import vl_convert as vlc
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from dujiang.charts import svg
from dujiang.data.inspection.corpus_report import CorpusReport
from dujiang.data.inspection.sections import Cell, Section, sections, title
from dujiang.data.inspection.table_report import TableReport
from dujiang.messages import BadInput, Text

Report = TableReport | CorpusReport
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_STYLE = """
:root { --ink: #1c2733; --quiet: #52616f; --line: #d3dbe2; --wash: #eef3f6; --river: #14557b; --late: #a32015; --good: #1a6b3a; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem; color: var(--ink); background: #fff;
  font: 16px/1.6 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", system-ui, sans-serif; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-left: 4px solid var(--river); padding-left: .6rem; }
[lang=en] { display: block; color: var(--quiet); font-weight: 400; font-size: .85em; line-height: 1.4; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; overflow-wrap: break-word; min-width: 4.5rem; max-width: 30rem; }
th { background: var(--wash); overflow-wrap: normal; }
figure { margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
.bad { color: var(--late); } .good { color: var(--good); }
@media print { .wide { overflow: visible; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""
_BAD, _GOOD = ("✗", "不符合", "显著偏移", "缺失列"), ("✓", "符合", "稳定")


def write(report: Report, path: Path) -> None:
    """Write a report as .html, .json or .docx by the file's name, whole or not at all; raises `BadInput` for another suffix."""
    made = _WRITERS.get(path.suffix.lower())
    if made is None:
        raise BadInput(
            path,
            expected=Text(f"{'、'.join(_WRITERS)} 文件名", f"a name ending in {', '.join(_WRITERS)}"),
            found=path.suffix,
        )
    content = made(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


def suited(path: Path) -> bool:
    """Return whether a report can be written under a name."""
    return path.suffix.lower() in _WRITERS


def to_json(report: Report) -> bytes:
    """Return a report as JSON."""
    return (json.dumps(report.to_dict(), ensure_ascii=False, indent=2, default=str) + "\n").encode()


def to_html(report: Report) -> bytes:
    """Return a report as one HTML page."""
    head = title(report)
    parts = "".join(_html(one) for one in sections(report))
    return (
        f'<!doctype html>\n<html lang="zh-Hans"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(head.zh)}</title><style>{_STYLE}</style></head><body><h1>{_both(head)}</h1>{parts}</body></html>\n"
    ).encode()


def _html(section: Section) -> str:
    made = f"<section><h2>{_both(section.title)}</h2>"
    if section.lead:
        made += f"<p>{_both(section.lead)}</p>"
    if section.chart:
        made += f'<figure role="img" aria-label="{escape(section.title.zh)}">{svg(section.chart)}</figure>'
    if section.rows:
        heads = "".join(f"<th>{_both(one)}</th>" for one in section.headings)
        rows = "".join("<tr>" + "".join(_td(cell) for cell in row) + "</tr>" for row in section.rows)
        # A table wider than the window scrolls by itself, by keyboard too.
        made += (
            f'<div class="wide" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    return made + "</section>"


def _td(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    shade = ' class="bad"' if cell.zh in _BAD else ' class="good"' if cell.zh in _GOOD else ""
    return f"<td{shade}>{_both(cell)}</td>"


def escape(text: str) -> str:
    """Return a text as HTML."""
    return _escape(_printable(text))


def _both(text: Text) -> str:
    if text.zh == text.en:
        return escape(text.zh)
    return f'{escape(text.zh)}<span lang="en">{escape(text.en)}</span>'


def to_docx(report: Report) -> bytes:
    """Return a report as a Word document, its pages lying."""
    document = Document()
    page = document.sections[0]
    page.orientation, page.page_width, page.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    page.left_margin = page.right_margin = Mm(20)
    for name, size in (("Normal", 10.5), ("Heading 1", 14), ("Title", 20)):
        style = document.styles[name]
        style.font.name, style.font.size = "Times New Roman", Pt(size)
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "宋体" if name == "Normal" else "黑体")
    head = title(report)
    document.add_heading(f"{head.zh}\n{head.en}", 0)
    for one in sections(report):
        document.add_heading(str(one.title), 1)
        if one.lead:
            document.add_paragraph(f"{one.lead.zh}\n{one.lead.en}")
        if one.chart:
            picture = vlc.vegalite_to_png(json.dumps(one.chart), scale=2)
            document.add_picture(io.BytesIO(picture), width=Mm(140))
        if one.rows:
            _table(document, one)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _table(document: Any, section: Section) -> None:
    made = document.add_table(rows=1 + len(section.rows), cols=len(section.headings), style="Table Grid")
    # Cells of a big table are slow to look up one by one.
    cells = made._cells
    for place, cell in enumerate((*section.headings, *(cell for row in section.rows for cell in row))):
        text = cell if isinstance(cell, str) else cell.zh if cell.zh == cell.en else f"{cell.zh}\n{cell.en}"
        paragraph = cells[place].paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(_printable(text))
        run.font.size = Pt(9)
        run.bold = place < len(section.headings)


def _printable(text: str) -> str:
    """Return a text without what a page or XML can't hold: a corpus's faults stand in its report."""
    return _UNPRINTABLE.sub("\ufffd", text)


_WRITERS: Mapping[str, Callable[[Report], bytes]] = {".html": to_html, ".json": to_json, ".docx": to_docx}
