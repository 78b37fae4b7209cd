"""Documents: the same text from .txt, .docx and .pdf, and a clear refusal of what holds none."""

import pytest
from docx import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from dujiang.messages import BadInput
from dujiang.plan.documents import document, text_of
from dujiang.plan.reader import read, read_text
from plan.plans import LABELLED_LINES, STARS

TEXT = STARS[0]


def summary(plan):
    found = plan.as_json()
    goals = [(one["year"], one["op"], one["value"], one["unit"], one["about"]) for one in found["goals"]]
    return goals, [(one["title"], one["lead"], one["cooperating"]) for one in found["tasks"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_in_any_usual_encoding(tmp_path, encoding):
    path = tmp_path / "plan.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    assert text_of(path) == TEXT
    assert summary(read(path)) == summary(read_text(TEXT))


def test_word_with_paragraphs_and_tables(tmp_path):
    word = WordDocument()
    for line in TEXT.splitlines():
        word.add_paragraph(line)
    table = word.add_table(rows=1, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "附表"
    path = tmp_path / "plan.docx"
    word.save(path)
    assert "附表" in text_of(path)
    assert text_of(path).count("附表") == 1
    assert summary(read(path)) == summary(read_text(TEXT))


def test_word_numbers_that_word_writes_itself(tmp_path):
    word = WordDocument()
    kinds = [("chineseCounting", "%1、"), ("chineseCountingThousand", "（%2）"), ("decimal", "%3.")]
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for level, (kind, text) in enumerate(kinds)
    )
    root = word.part.numbering_part.element
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{levels}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'))
    for text, level in [
        ("发展目标", 0),
        ("重点任务", 0),
        ("甲", 1),
        ("乙", 1),
        ("子项", 2),
        ("工作要求", 0),
        ("丙", 1),
    ]:
        place = word.add_paragraph(text)._p.get_or_add_pPr().get_or_add_numPr()
        place.get_or_add_numId().val, place.get_or_add_ilvl().val = 90, level
    word.save(tmp_path / "plan.docx")
    lines = text_of(tmp_path / "plan.docx").splitlines()
    assert lines == ["一、发展目标", "二、重点任务", "（一）甲", "（二）乙", "1.子项", "三、工作要求", "（一）丙"]


def test_a_word_table_of_indicators(tmp_path):
    word = WordDocument()
    for line in ("某省行动计划（2026—2030年）", "一、发展目标", "主要指标见表。"):
        word.add_paragraph(line)
    rows = [
        ("类别", "指标", "单位", "2025年", "2030年"),
        ("规模", "算力规模", "EFLOPS", "8", "≥60"),
        ("", "企业数", "家", "9", "1.2万"),
    ]
    table = word.add_table(rows=len(rows), cols=5)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    word.save(tmp_path / "plan.docx")
    goals, _ = summary(read(tmp_path / "plan.docx"))
    assert [one for one in goals if one[1]] == [
        (2030, ">=", 60, "EFLOPS", "算力规模"),
        (2030, "=", 1.2, "万家", "企业数"),
    ]


def make_pdf(path, text, width=28, head=""):
    """Write a text as a PDF of wrapped lines with page numbers."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path))
    lines = [line[at : at + width] for line in text.splitlines() for at in range(0, max(len(line), 1), width)]
    for page, start in enumerate(range(0, len(lines), 22), start=1):
        canvas.setFont("STSong-Light", 14)
        for row, line in enumerate(lines[start : start + 22]):
            canvas.drawString(80, 760 - 30 * row, line)
        canvas.drawString(200, 800, head)
        canvas.drawString(280, 40, f"— {page} —")
        canvas.showPage()
    canvas.save()


@pytest.mark.parametrize("text", [STARS[0], LABELLED_LINES[0]], ids=["stars", "labelled lines"])
def test_a_pdf_of_wrapped_lines(tmp_path, text):
    path = tmp_path / "plan.pdf"
    make_pdf(path, text)
    assert summary(read(path)) == summary(read_text(text))


def test_a_head_that_runs_over_the_pages_of_a_pdf_is_left_out(tmp_path):
    path = tmp_path / "plan.pdf"
    make_pdf(path, LABELLED_LINES[0] * 3, head="某省公报")
    assert "公报" not in text_of(path)
    make_pdf(path, STARS[0], head="某省公报")
    assert "公报" in text_of(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b""),
        ("a.txt", " \n\u3000\n".encode()),
        ("a.txt", b"\x00\x01\x02\x03"),
        ("a.txt", b"\xff\xff\xfe\x80\x81"),
        ("a.docx", b"PK\x03\x04 broken"),
        ("a.docx", b""),
        ("a.pdf", b"%PDF-1.4 broken"),
        ("a.doc", b"old"),
        ("a", b"none"),
    ],
)
def test_what_holds_no_text_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)
    assert "文件" in str(caught.value)
    assert "File" in str(caught.value)


def test_a_pdf_without_a_text_layer_is_refused(tmp_path):
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(10, 10, 100, 100, fill=1)
    canvas.showPage()
    canvas.save()
    with pytest.raises(BadInput, match="text layer"):
        read(tmp_path / "scan.pdf")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"no\.txt"):
        read(tmp_path / "no.txt")


@given(st.text())
def test_cleaning_keeps_every_form_the_same_length_and_leads_back(raw):
    found = document(raw)
    assert len(found.clean) == len(found.norm) == len(found.at)
    assert found.at == sorted(found.at)
    for index, letter in enumerate(found.clean):
        if not letter.isspace():
            assert raw[found.at[index]] == letter


def test_words_of_latin_letters_stay_apart():
    assert document("推进 AI for Science 和 人 工 智 能").clean == "推进AI for Science和人工智能"
