"""The dispatch as a file: Word in the layout of official documents, Excel, or one HTML page."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vl_convert as vlc
from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from dujiang.plan.dispatch import Dispatch
from dujiang.plan.sections import Section, plain, sections, through_chart, title

# GB/T 9704-2012: A4 with 37 mm above and 28 mm left of a type area of 156 mm x 225 mm; 22 lines of 28 characters;
# body in size 3 (16 pt) FangSong, title in size 2 (22 pt) XiaoBiaoSong, first headings Hei, page numbers size 4 Song.
TOP, LEFT, AREA = Mm(37), Mm(28), (Mm(156), Mm(225))
LINE_PITCH_TWIPS = round(225 / 25.4 * 1440 / 22)
BODY, HEADING, TITLE, NUMBER = ("仿宋", 16), ("黑体", 16), ("方正小标宋简体", 22), ("宋体", 14)
TABLE = ("仿宋", 10.5)
_NUMERALS = "一二三四五六七八九十"


def write(made: Dispatch, path: Path, language: str = "zh") -> None:
    """Write the dispatch to a .docx, .xlsx or .html file in one language; raises KeyError for another suffix."""
    render = WRITERS[path.suffix.lower()]
    content = render(made, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_bytes(content)
    partial.replace(path)


def to_docx(made: Dispatch, language: str) -> bytes:
    """Return the dispatch as a Word document in the layout of GB/T 9704-2012."""
    document = Document()
    _lay_out(document)
    heading = _paragraph(
        document, title(made).in_language(language), TITLE, align=WD_ALIGN_PARAGRAPH.CENTER, indent=False
    )
    heading.paragraph_format.space_after = Pt(16)
    for number, section in enumerate(sections(made)):
        _section(document, section, number, language)
        if number == 0 and (chart := through_chart(made, language)) is not None:
            picture = vlc.vegalite_to_png(json.dumps(chart.to_dict()), scale=2)
            place = document.add_paragraph()
            place.alignment = WD_ALIGN_PARAGRAPH.CENTER
            place.add_run().add_picture(io.BytesIO(picture), width=Mm(140))
    return _saved(document)


def _lay_out(document: Any) -> None:
    section = document.sections[0]
    section.start_type = WD_SECTION.NEW_PAGE
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.left_margin = TOP, LEFT
    section.right_margin = Mm(210) - LEFT - AREA[0]
    section.bottom_margin = Mm(297) - TOP - AREA[1]
    section.footer_distance = Mm(28)
    grid = OxmlElement("w:docGrid")
    grid.set(qn("w:type"), "lines")
    grid.set(qn("w:linePitch"), str(LINE_PITCH_TWIPS))
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    section._sectPr.append(grid)
    _font(document.styles["Normal"], BODY)
    # Page numbers stand outside: right on odd pages, left on even ones.
    document.settings.odd_and_even_pages_header_footer = True
    _page_number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
    _page_number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)


def _page_number(paragraph: Any, align: Any) -> None:
    paragraph.alignment = align
    _run(paragraph, "— ", NUMBER)
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = _run(paragraph, "", NUMBER)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)
    _run(paragraph, " —", NUMBER)


def _section(document: Any, section: Section, number: int, language: str) -> None:
    name = section.title.in_language(language)
    text = f"{number + 1}. {name}" if language.startswith("en") else f"{_NUMERALS[number]}、{name}"
    heading = _paragraph(document, text, HEADING)
    heading.paragraph_format.keep_with_next = True
    heading.paragraph_format.space_before = Pt(12 if number else 0)
    if section.lead:
        _paragraph(document, section.lead.in_language(language), BODY)
    if section.rows:
        _table(document, section, language)
    elif section.empty:
        _paragraph(document, section.empty.in_language(language), BODY)


def _table(document: Any, section: Section, language: str) -> None:
    table = document.add_table(rows=1, cols=len(section.headings), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    shares = sum(section.widths)
    widths = [int(AREA[0] * width / shares) for width in section.widths]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    repeat = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeat)
    lines = [[heading.in_language(language) for heading in section.headings]]
    lines += [[plain(cell, language) for cell in row] for row in section.rows]
    for index, line in enumerate(lines):
        row = table.rows[0] if index == 0 else table.add_row()
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, text, width in zip(row.cells, line, widths, strict=True):
            cell.width = width
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.line_spacing = Pt(15)
            # The grid's 22 lines a page are for the text; in a table they would spread each cell.
            snap = OxmlElement("w:snapToGrid")
            snap.set(qn("w:val"), "0")
            paragraph._p.get_or_add_pPr().append(snap)
            _run(paragraph, text, ("黑体", TABLE[1]) if index == 0 else TABLE)


def _paragraph(document: Any, text: str, font: tuple[str, float], *, align: Any = None, indent: bool = True) -> Any:
    paragraph = document.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_after = Pt(0)
    paragraph.paragraph_format.line_spacing = Pt(LINE_PITCH_TWIPS / 20 if font[1] <= BODY[1] else font[1] * 1.4)
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(2 * font[1])
    _run(paragraph, text, font)
    return paragraph


def _run(paragraph: Any, text: str, font: tuple[str, float]) -> Any:
    run = paragraph.add_run(text)
    _font(run, font)
    return run


def _font(styled: Any, font: tuple[str, float]) -> None:
    styled.font.name = "Times New Roman"
    styled.font.size = Pt(font[1])
    styled.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font[0])


def _saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def to_xlsx(made: Dispatch, language: str) -> bytes:
    """Return the dispatch as an Excel workbook, a sheet a section; numbers are numbers."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for section in sections(made):
        sheet = book.create_sheet(section.title.in_language(language)[:31])
        if section.lead:
            sheet.append([section.lead.in_language(language)])
        start = sheet.max_row + 1 if section.lead else 1
        if section.headings:
            sheet.append([heading.in_language(language) for heading in section.headings])
            for cell in sheet[start]:
                cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE8F0")
            sheet.freeze_panes = f"A{start + 1}"
        for row in section.rows:
            sheet.append([_number(plain(cell, language)) for cell in row])
        for column, width in enumerate(section.widths, start=1):
            sheet.column_dimensions[get_column_letter(column)].width = 10 * width
        for line in sheet.iter_rows(min_row=start):
            for cell in line:
                cell.alignment = Alignment(wrap_text=True, vertical="top")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _number(text: str) -> str | float:
    try:
        return float(text.replace(",", "")) if "," not in text or text.replace(",", "").isdigit() else text
    except ValueError:
        return text


def to_html(made: Dispatch, language: str) -> bytes:
    """Return the dispatch as one HTML page that loads nothing."""
    from django.template.loader import render_to_string
    from django.utils import translation

    with translation.override("en" if language.startswith("en") else "zh-hans"):
        page = render_to_string(
            "plan/report.html", {"title": title(made), "made": made, **page_context(made, language), "links": False}
        )
    return page.encode()


def page_context(made: Dispatch, language: str) -> dict[str, Any]:
    """Return what a page needs to show a dispatch: its sections, figures linked to their records, and the chart as SVG."""
    chart = through_chart(made, language)
    return {
        "sections": sections(made),
        "chart": vlc.vegalite_to_svg(json.dumps(chart.to_dict())) if chart is not None else "",
        "language": language,
        "links": True,
    }


WRITERS: dict[str, Callable[[Dispatch, str], bytes]] = {".docx": to_docx, ".xlsx": to_xlsx, ".html": to_html}
