"""The dispatch as a file: the layout of official documents, numbers as numbers, the same content in each."""

import io
import json
import re
from zipfile import ZipFile

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm
from openpyxl import load_workbook

from dujiang.messages import Text
from dujiang.plan.dispatch import Added, Dispatch, ScenarioStanding, dispatch
from dujiang.plan.report import to_docx, to_html, to_xlsx, write
from dujiang.plan.sections import plain, sections, title
from plan.goals import goal

MADE = dispatch(
    title="某省<推进>方案",
    number="某办发〔2026〕1号",
    month="2026-11",
    goals={
        1: goal("普及率", 70, 2027, ">", "%"),
        2: goal("典型场景", 5, None, text="每个行业每年5个典型场景", period="year"),
    },
    tasks={1: {"title": "“人工智能+”制造", "lead": ["经济和信息化厅"], "cooperating": ["科技厅"]}},
    observed={},
    scenarios=[ScenarioStanding("manufacturing/a", Text("排程", "scheduling"), "manufacturing", True, 7)],
    added=[Added("scenario.evaluated", Text("场景评测", "scenario evaluated"), 1, 7, 7)],
)
LANGUAGES = ["zh", "en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_has_the_layout_of_gb_t_9704(language):
    document = Document(io.BytesIO(to_docx(MADE, language)))
    page = document.sections[0]
    close = pytest.approx
    assert (page.page_width.mm, page.page_height.mm) == (close(210, abs=0.1), close(297, abs=0.1))
    assert (page.top_margin.mm, page.left_margin.mm) == (close(37, abs=0.1), close(28, abs=0.1))
    assert (page.page_width - page.left_margin - page.right_margin) / Mm(1) == close(156, abs=0.1)
    assert (page.page_height - page.top_margin - page.bottom_margin) / Mm(1) == close(225, abs=0.1)
    # 22 lines a page.
    pitch = int(page._sectPr.find(qn("w:docGrid")).get(qn("w:linePitch")))
    assert pitch * 22 == close(225 / 25.4 * 1440, rel=0.01)
    first = document.paragraphs[0].runs[0]
    assert first.font.size.pt == 22
    assert first._r.rPr.rFonts.get(qn("w:eastAsia")) == "方正小标宋简体"
    headings = [run for paragraph in document.paragraphs for run in paragraph.runs if _font(run) == "黑体"]
    assert [run.font.size.pt for run in headings] == [16] * 7
    body = [run for paragraph in document.paragraphs for run in paragraph.runs if _font(run) == "仿宋"]
    assert {run.font.size.pt for run in body} == {16}
    assert document.settings.odd_and_even_pages_header_footer
    assert "PAGE" in page.footer._element.xml and "PAGE" in page.even_page_footer._element.xml


def _font(run):
    fonts = run._r.rPr.rFonts if run._r.rPr is not None else None
    return fonts.get(qn("w:eastAsia")) if fonts is not None else None


def test_headings_are_numbered_as_official_documents_number_them():
    document = Document(io.BytesIO(to_docx(MADE, "zh")))
    headings = [one.text for one in document.paragraphs if re.match("[一二三四五六七]、", one.text)]
    assert [one[0] for one in headings] == list("一二三四五六七")


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_and_html_hold_every_cell(language):
    document = Document(io.BytesIO(to_docx(MADE, language)))
    in_word = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    page = to_html(MADE, language).decode()
    for section in sections(MADE):
        for row in section.rows:
            for cell in row:
                text = plain(cell, language)
                assert text in in_word
                assert text.replace("<", "&lt;").replace(">", "&gt;") in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_loads_nothing_and_escapes_the_plan(language):
    page = to_html(MADE, language).decode()
    assert "<推进>" not in page
    assert not re.findall(r"""(?:src|href)=["']""", page)
    assert ("Goals" in page) == (language == "en")
    assert title(MADE).in_language(language).replace("<", "&lt;").replace(">", "&gt;") in page


def test_excel_holds_numbers_as_numbers():
    book = load_workbook(io.BytesIO(to_xlsx(MADE, "zh")))
    assert book.sheetnames == [section.title.zh for section in sections(MADE)]
    rows = list(book["单位情况"].iter_rows(values_only=True))
    assert rows[1] == ("经济和信息化厅", 1, "—", 1, 1)


def test_the_chart_is_in_word(tmp_path):
    path = tmp_path / "folder" / "报告.docx"
    write(MADE, path)
    assert any(name.startswith("word/media/") for name in ZipFile(path).namelist())
    assert [one.name for one in path.parent.iterdir()] == ["报告.docx"]


def test_a_dispatch_comes_back_from_json():
    assert Dispatch.from_json(json.loads(json.dumps(MADE.as_json()))) == MADE
