"""A plan's document as text, and the text as it is meant: lines joined, page furniture left out, one spelling.

`Document.clean` is what a person reads; `Document.norm` is the same length, in simplified characters and half-width
punctuation, for the reader's patterns. `Document.span` leads back from both to the characters of the raw text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from dujiang.messages import BadInput, Text

_REMEDY = Text("请另存为 .txt、.docx 或有文字层的 .pdf", "save it as .txt, .docx, or .pdf with a text layer")
_FINAL = "。！？；：.!?;:"
_CLOSING = "”’》〉）)〕】]」』"
HEADING = re.compile(
    r"(?:第[一二三四五六七八九十百]{1,4}[章节条]|[一二三四五六七八九十]{1,3}、|\([一二三四五六七八九十百]{1,4}\)"
    r"|\d{1,3}[.、](?!\d)|\(\d{1,3}\)|[①-⑳]|(?:任务|行动|工程|专栏|专项)[一二三四五六七八九十\d]{1,3}[:.、]"
    r"|\d{1,2}(?:\.\d{1,2}){1,2}[、.]?(?=[\u4e00-\u9fff“])(?![万亿个家倍元米公]))"
)
"""Numbering that begins a heading or item, in normalised text."""
_PAGE_NUMBER = re.compile(r"[-_·]+\d{1,4}[-_·]+|第\d{1,4}页(?:[/,]?共\d{1,4}页)?|\d{1,4}/\d{1,4}|(?P<bare>\d{1,3})")


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

    from dujiang.plan.numbering import labels

    try:
        document = docx.Document(str(path))
        label = labels(document)
        lines: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                lines += [_row(row) for row in block.rows]
            else:
                lines.append(label(block) + block.text)
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
    seen: list[Any] = []
    for cell in row.cells:
        # A merged cell is given once for each column that it spans.
        merged = any(cell._tc is one for one in seen)
        cells.append("" if merged else " ".join(cell.text.split()))
        seen.append(cell._tc)
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
            pages.append(_plain(text.get_text_bounded()))
            text.close()
            page.close()
    finally:
        document.close()
    return "\n".join(_without_running_heads(pages))


def _plain(text: str) -> str:
    """Return a page's text with one kind of line break and with characters for the radicals that some fonts name."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "").replace("\0", "")
    return _RADICALS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


_RADICALS = re.compile("[\u2e80-\u2fdf\uf900-\ufaff]")


def _without_running_heads(pages: list[str]) -> list[str]:
    """Leave out the first or last lines of pages that most of the pages share."""
    split = [page.strip("\n").split("\n") for page in pages]
    edges = Counter(line.strip() for lines in split for line in {*lines[:2], *lines[-2:]})
    heads = {line for line, times in edges.items() if line and times >= 3 and times > 0.6 * len(pages)}
    return [
        "\n".join(line for index, line in enumerate(lines) if line.strip() not in heads or 2 <= index < len(lines) - 2)
        for lines in split
    ]


_READERS = {".txt": _txt, ".docx": _docx, ".pdf": _pdf}


@cache
def _normal(letter: str) -> str:
    """Return a character in simplified, half-width form; always one character."""
    special = _SPECIAL.get(letter)
    if special:
        return special
    if letter in _KEPT:
        return letter
    folded = unicodedata.normalize("NFKC", letter)
    if len(folded) != 1:
        return letter
    if "\u4e00" <= folded <= "\u9fff":
        simplified: str = _simplifier().convert(folded)
        return simplified if len(simplified) == 1 else folded
    return folded


_KEPT = frozenset("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳²³…")
"""Numbering and exponents, which are not the digits that they look like."""
_SPECIAL = {
    "「": "“",
    "」": "”",
    "『": "“",
    "』": "”",
    "﹝": "〔",
    "﹞": "〕",
    "〖": "【",
    "〗": "】",
    "−": "-",
    "―": "-",
    "‐": "-",
    "‑": "-",
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
        return self.clean[start:end].replace("\n", "").replace("\t", " ")


def document(raw: str) -> Document:
    """Clean a raw text: join lines that were broken inside a sentence, drop stray blanks and page numbers."""
    table = {ord(letter): normal for letter in set(raw) if (normal := _normal(letter)) != letter}
    lines = [*_lines(raw, table)]
    width = _wrapped_width(lines)
    spaced = _spaced(lines)
    letters: list[str] = []
    at: list[int] = []
    paragraph = _Paragraph()
    for line in lines:
        if letters and paragraph.ends_before(line, width, spaced=spaced):
            letters.append("\n")
            at.append(line.start - 1)
            paragraph = _Paragraph()
        _append(raw, line.start, line.text, letters, at)
        paragraph.add(line.norm)
    clean = "".join(letters)
    norm = clean.translate(table)
    # Straight quotation marks are told apart by their order.
    norm = re.sub(r'"([^"\n]{1,60})"', r"“\1”", norm)
    return Document(raw, clean, norm, at)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that has text of the document's own; ``norm`` is normalised and without blanks but tabs."""

    start: int
    text: str
    norm: str
    blank_before: bool


def _lines(raw: str, table: dict[int, str]) -> Iterator[_Line]:
    start = 0
    blank = False
    pieces = raw.split("\n")
    for index, line in enumerate(pieces):
        norm = "".join(line.split()).translate(table)
        furniture = _PAGE_NUMBER.fullmatch(norm)
        if furniture and furniture["bare"] and index + 1 < len(pieces):
            # A number alone may be what is left of a broken line: 2027 / 年.
            furniture = None if re.match(r"[年月日个家项%万亿.,-]", pieces[index + 1].lstrip()) else furniture
        if norm and not furniture:
            yield _Line(start, line, norm, blank)
            blank = False
        elif not norm:
            blank = True
        start += len(line) + 1


def _wrapped_width(lines: list[_Line]) -> int | None:
    """Return the width at which lines were wrapped, or None where each paragraph is a line."""
    widths = sorted(len(line.norm) for line in lines)
    if len(widths) < 8:
        return None
    wide = widths[int(len(widths) * 0.9)]
    full = sum(width >= wide - 3 for width in widths)
    return wide if wide <= 60 and full >= len(widths) * 0.3 else None


def _spaced(lines: list[_Line]) -> bool:
    """Say whether blank lines part the paragraphs, so that a single line break inside one means nothing."""
    after_final = [after.blank_before for before, after in pairwise(lines) if before.norm[-1] in _FINAL]
    return len(after_final) > 2 and sum(after_final) > 0.6 * len(after_final)


@dataclass(slots=True)
class _Paragraph:
    """What has been read of a paragraph, as far as it says whether the next line goes on."""

    first: str = ""
    last: str = ""
    length: int = 0
    open_brackets: int = 0
    sentence: bool = False
    """Whether it has the punctuation of a sentence inside."""
    full_stop: bool = False

    def add(self, norm: str) -> None:
        self.first = self.first or norm
        self.last = norm
        self.length += len(norm)
        self.open_brackets += sum(map(norm.count, "(《“〔【")) - sum(map(norm.count, ")》”〕】"))
        self.full_stop = self.full_stop or "。" in norm
        self.sentence = self.full_stop or self.sentence or any(mark in norm for mark in ",;")

    def ends_before(self, line: _Line, width: int | None, *, spaced: bool) -> bool:
        """Say whether a line break ends the paragraph rather than a line of it."""
        full = width is not None and len(self.last) >= width - 2
        following = line.norm
        if HEADING.match(following) and not _unfinished_number(self.last, following):
            # 统 / 一、: a word that was broken.
            return not (following[1:2] == "、" and self.last[-1] in "统之唯专万同第十" and self.sentence)
        if "\t" in line.text.strip() or "\t" in self.last:
            return True
        body = self.last.rstrip(_CLOSING)
        if self.last[-1] in _FINAL or (body and body[-1] in _FINAL and self.open_brackets <= 0):
            return True
        if self.open_brackets > 0 and self.length < 300:
            return False
        if (
            _STANDS_ALONE.fullmatch(self.last)
            or _OPENS.fullmatch(self.last)
            or _STANDS_ALONE.fullmatch(following)
            or _LABEL.match(following)
        ):
            return True
        if _UNITS_END.search(self.last) or (self.full_stop and self.last[-1] in "〕】"):
            return True
        if HEADING.match(self.first) and not self.full_stop and not (self.sentence and self.first.startswith("第")):
            return not full and (line.blank_before or not spaced) and self.length < 90
        if _LABEL.match(self.first):
            return not full and self.last[-1] not in "、,"
        if self.sentence or self.length > 60 or self.last[-1] in "、,的和与及":
            return False
        return not full and (line.blank_before or not spaced)


_UNITS_END = re.compile(r"[(〔\[【][^()]*(?:责任|牵头|负责|配合|单位)(?:[^()]|\([^()]*\))*[)〕\]】]$")
_LABEL = re.compile(r"(?:主要|共同)?(?:牵头|责任|负责|配合|主办|协办|参与|参加|落实)(?:责任)?(?:单位|部门)[:]")
_OPENS = re.compile(r".{2,24}:")
_STANDS_ALONE = re.compile(
    r".{1,14}[\[〔(]\d{4}[\]〕)]第?\d{1,4}号|\(?[\d〇零一二三四五六七八九十○O]{4}年[\d一二三四五六七八九十]{1,3}月[\d一二三四五六七八九十]{1,3}日(?:印发)?\)?"
    r"|附件[\d一二三四五六七八九十]{0,2}|\(?此件.{0,8}公开.{0,6}\)?"
)


def _unfinished_number(previous: str, following: str) -> bool:
    """A line that begins with digits goes on a number that was broken: ``2`` / ``5.5亿元``, ``到20`` / ``27年``."""
    return following[0].isdigit() and (previous[-1].isdigit() or previous[-1] in ".-~第约近超达到")


def _append(raw: str, start: int, line: str, letters: list[str], at: list[int]) -> None:
    # Between two texts a tab parts the cells of a table; elsewhere it is a blank.
    cells = "\t" in line.strip()
    for offset, letter in enumerate(line):
        if letter == "\t" and cells:
            if letters and letters[-1] == " ":
                letters.pop()
                at.pop()
            letters.append("\t")
            at.append(start + offset)
            continue
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
