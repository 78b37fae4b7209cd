"""A plan's document as text, and the text as it is meant: lines joined, page furniture left out, one spelling.

`Document.clean` is what a person reads; `Document.norm` is the same length, in simplified characters and half-width
punctuation, for the reader's patterns. `Document.span` leads back from both to the characters of the raw text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from dujiang.messages import BadInput, Text

_REMEDY = Text("请另存为 .txt、.docx 或有文字层的 .pdf", "save it as .txt, .docx, or .pdf with a text layer")
_FINAL = "。！？；：.!?;:"
_CLOSING = "”’》〉）)〕】]」』"
HEADING = re.compile(
    r"(?:第[一二三四五六七八九十百]{1,4}[章节条]|[一二三四五六七八九十]{1,3}、|\([一二三四五六七八九十百]{1,4}\)"
    r"|\d{1,3}[.、](?!\d)|\(\d{1,3}\)|[①-⑳])"
)
"""Numbering that begins a heading or item, in normalised text."""
_PAGE_NUMBER = re.compile(r"[\s\-—–_·第页/共]*\d{1,4}[\s\-—–_·页/共\d]*")


def text_of(path: Path) -> str:
    """Return a document's text; raises `BadInput` where it has none that can be read."""
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise BadInput(
            path,
            expected=Text(".txt、.docx 或 .pdf 文件", "a .txt, .docx or .pdf file"),
            found=suffix or "—",
            remedy=_REMEDY,
        )
    try:
        text = _READERS[suffix](path)
    except OSError as error:
        raise BadInput(
            path, expected=Text("可以读取的文件", "a file that can be read"), found=str(error.strerror or error)
        ) from error
    if not text.strip():
        raise BadInput(
            path,
            expected=Text("有文字内容的文件", "a file with text in it"),
            found=Text("没有文字", "no text").zh,
            remedy=_REMEDY,
        )
    return text


def _txt(path: Path) -> str:
    data = path.read_bytes()
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise BadInput(path, expected=Text("UTF-8 或 GB18030 编码的文本", "text in UTF-8 or GB18030"), remedy=_REMEDY)


def _docx(path: Path) -> str:
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        document = docx.Document(str(path))
        lines: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                lines += [_row(row) for row in block.rows]
            else:
                lines.append(block.text)
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError) as error:
        raise BadInput(
            path,
            expected=Text("完好的 Word 文档(.docx)", "a sound Word document (.docx)"),
            found=str(error),
            remedy=_REMEDY,
        ) from error
    return "\n".join(lines)


def _row(row: Any) -> str:
    cells: list[str] = []
    for cell in row.cells:
        text = " ".join(cell.text.split())
        # A merged cell is given once for each column that it spans.
        if text and (not cells or cells[-1] != text):
            cells.append(text)
    return "\t".join(cells)


def _pdf(path: Path) -> str:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path.read_bytes())
    except pypdfium2.PdfiumError as error:
        raise BadInput(
            path,
            expected=Text("完好且未加密的 PDF", "a sound PDF without a password"),
            found=str(error),
            remedy=_REMEDY,
        ) from error
    try:
        pages = []
        for page in document:
            text = page.get_textpage()
            pages.append(text.get_text_bounded().replace("\r\n", "\n").replace("\r", "\n"))
            text.close()
            page.close()
    finally:
        document.close()
    return "\n".join(pages)


_READERS = {".txt": _txt, ".docx": _docx, ".pdf": _pdf}


@cache
def _normal(letter: str) -> str:
    """Return a character in simplified, half-width form; always one character."""
    special = _SPECIAL.get(letter)
    if special:
        return special
    folded = unicodedata.normalize("NFKC", letter)
    if len(folded) != 1:
        return letter
    if "\u4e00" <= folded <= "\u9fff":
        simplified: str = _simplifier().convert(folded)
        return simplified if len(simplified) == 1 else folded
    return folded


_SPECIAL = {
    "（": "(",
    "）": ")",
    "〇": "〇",
    "－": "-",
    "–": "-",
    "—": "-",
    "─": "-",
    "～": "~",
    "﹪": "%",
    "．": ".",
    "〜": "~",
    "∼": "~",
}


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@dataclass(slots=True)
class Document:
    """A text in its three forms. ``at[i]`` is the raw index of ``clean[i]``."""

    raw: str
    clean: str
    norm: str
    at: list[int] = field(repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the raw span of ``clean[start:end]``."""
        if start >= end:
            place = self.at[start] if start < len(self.at) else len(self.raw)
            return place, place
        return self.at[start], self.at[end - 1] + 1

    def text(self, start: int, end: int) -> str:
        """Return a piece of the clean text without line breaks."""
        return self.clean[start:end].replace("\n", "")


def document(raw: str) -> Document:
    """Clean a raw text: join lines that were broken inside a sentence, drop stray blanks and page numbers."""
    lines = list(_lines(raw))
    width = _wrapped_width(lines)
    letters: list[str] = []
    at: list[int] = []
    previous = ""
    for start, line, norm in lines:
        if letters and _breaks(previous, norm, width):
            letters.append("\n")
            at.append(start - 1)
        _append(raw, start, line, letters, at)
        previous = norm
    clean = "".join(letters)
    return Document(raw, clean, "".join(map(_normal, clean)), at)


def _lines(raw: str) -> Iterator[tuple[int, str, str]]:
    """Yield (start, line, normalised line without blanks) of the lines that have text of the document's own."""
    start = 0
    for line in raw.split("\n"):
        norm = "".join(map(_normal, "".join(line.split())))
        if norm and not _PAGE_NUMBER.fullmatch(norm):
            yield start, line, norm
        start += len(line) + 1


def _wrapped_width(lines: list[tuple[int, str, str]]) -> int | None:
    """Return the width at which lines were wrapped, or None where each paragraph is a line."""
    widths = sorted(len(norm) for _, _, norm in lines)
    if len(widths) < 8:
        return None
    wide = widths[int(len(widths) * 0.9)]
    full = sum(width >= wide - 3 for width in widths)
    return wide if wide <= 60 and full >= len(widths) * 0.3 else None


def _breaks(previous: str, following: str, width: int | None) -> bool:
    """Say whether a line break ends a paragraph rather than a line."""
    if HEADING.match(following) and not _unfinished_number(previous, following):
        return True
    body = previous.rstrip(_CLOSING)
    if previous[-1] in _FINAL or (body and body[-1] in _FINAL):
        return True
    if (HEADING.match(previous) and "。" not in previous) or _TITLE_LINE.search(previous):
        # A heading ends with its line, unless the line is full and the heading goes on.
        return len(previous) < 45 and (width is None or len(previous) < width - 1)
    if previous[-1] in "〕】" or _UNITS_END.search(previous):
        return True
    return bool(_STANDS_ALONE.fullmatch(previous) or _STANDS_ALONE.fullmatch(following))


_TITLE_LINE = re.compile(
    r"(?:通知|方案|计划|意见|措施|规划|办法|办公厅|办公室|人民政府|委员会|公报)[》]?(?:\([^()]{1,20}\))*$"
)
_UNITS_END = re.compile(r"\([^()]*(?:责任|牵头|负责|配合|单位)(?:[^()]|\([^()]*\))*\)$")
_STANDS_ALONE = re.compile(
    r".{1,14}[\[〔(]\d{4}[\]〕)]第?\d{1,4}号|[\d〇零一二三四五六七八九十]{4}年[\d一二三四五六七八九十]{1,3}月[\d一二三四五六七八九十]{1,3}日|.{2,24}[:]"
)


def _unfinished_number(previous: str, following: str) -> bool:
    """A line that begins with digits goes on a number that was broken: ``2`` / ``5.5亿元``, ``到20`` / ``27年``."""
    return following[0].isdigit() and (previous[-1].isdigit() or previous[-1] in ".-~第约近超达到")


def _append(raw: str, start: int, line: str, letters: list[str], at: list[int]) -> None:
    for offset, letter in enumerate(line):
        if letter.isspace() or letter in "\u200b\ufeff\u00ad":
            # Blanks part words of Latin letters; between Chinese characters they are an accident of the page.
            if letters and letters[-1] != " " and letters[-1].isascii() and letters[-1].isalpha():
                letters.append(" ")
                at.append(start + offset)
            continue
        if letters and letters[-1] == " " and not (letter.isascii() and letter.isalpha()):
            letters.pop()
            at.pop()
        letters.append(letter)
        at.append(start + offset)
    if letters and letters[-1] == " ":
        letters.pop()
        at.pop()
