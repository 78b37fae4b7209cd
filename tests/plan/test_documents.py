"""Documents: the same text from .txt, .docx and .pdf, and a clear refusal of what holds none."""

import pytest
from docx import Document as WordDocument
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


def make_pdf(path, text, width=28):
    """Write a text as a PDF of wrapped lines with page numbers."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path))
    lines = [line[at : at + width] for line in text.splitlines() for at in range(0, max(len(line), 1), width)]
    for page, start in enumerate(range(0, len(lines), 22), start=1):
        canvas.setFont("STSong-Light", 14)
        for row, line in enumerate(lines[start : start + 22]):
            canvas.drawString(80, 760 - 30 * row, line)
        canvas.drawString(280, 40, f"— {page} —")
        canvas.showPage()
    canvas.save()


@pytest.mark.parametrize("text", [STARS[0], LABELLED_LINES[0]], ids=["stars", "labelled lines"])
def test_a_pdf_of_wrapped_lines(tmp_path, text):
    path = tmp_path / "plan.pdf"
    make_pdf(path, text)
    assert summary(read(path)) == summary(read_text(text))


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
