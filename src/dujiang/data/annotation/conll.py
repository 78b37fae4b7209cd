"""CoNLL-2003's columns with BIO tags: a token a line, a document an item.

The line that opens a document has columns that carry nothing; here they carry the item's key and, for a generated item,
its provenance, so that other readers, which skip that line, read the rest as ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote

from dujiang.data.annotation.labels import Annotated, Span, Synthetic
from dujiang.data.annotation.values import fault, parsed, read_text, synthetic_from, synthetic_json
from dujiang.messages import Refused, Text

_START = "-DOCSTART-"
_NOTHING = "-X-"
# Chinese, Japanese and Korean are tagged by character, as their corpora are; all else by word.
_WIDE = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u3000-\u303f\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W{_WIDE}]+|[^\w\s]")
_TAG = re.compile(r"O|[BIESLU]-\S+")


def tokens(text: str, spans: Iterable[Span] = ()) -> list[tuple[int, int]]:
    """Return the bounds of a text's tokens; a token is cut where a span begins or ends."""
    cuts = {at for span in spans for at in (span.start, span.end)}
    bounds = []
    for found in _TOKEN.finditer(text):
        inside = [found.start(), *sorted(at for at in cuts if found.start() < at < found.end()), found.end()]
        bounds += list(pairwise(inside))
    return bounds


def write(items: Iterable[Annotated]) -> str:
    """Return the items' accepted spans; an item without an accepted answer is left out.

    Raises `Refused` for spans that overlap, and for one without a token, which the format can't hold.
    """
    lines = []
    for item in items:
        if item.answer is None or isinstance(item.answer, str):
            continue
        spans = sorted(span for span in item.answer if isinstance(span, Span))
        made = json.dumps(synthetic_json(item.synthetic), ensure_ascii=False) if item.synthetic else ""
        lines += [f"{_START} {quote(item.key, safe='')} {quote(made, safe='') or _NOTHING} O", ""]
        lines += [f"{token} {_NOTHING} {_NOTHING} {tag}" for token, tag in _tagged(item, spans)]
        lines.append("")
    return "\n".join(lines) + "\n" if lines else ""


def _tagged(item: Annotated, spans: list[Span]) -> Iterator[tuple[str, str]]:
    for one, other in pairwise(spans):
        if other.start < one.end:
            raise Refused(
                Text(
                    f"条目 {item.key} 的片段重叠，BIO 无法表示；请导出 Label Studio 或 JSONL",
                    f"spans of item {item.key} overlap, which BIO can't say; export Label Studio or JSONL",
                )
            )
    left = iter(spans)
    span = next(left, None)
    begun = False
    for start, end in tokens(item.text, spans):
        while span and span.end <= start:
            if not begun:
                raise Refused(_no_token(item, span))
            span, begun = next(left, None), False
        tag = "O"
        if span and span.start <= start:
            tag = f"{'I' if begun else 'B'}-{_name(span.label)}"
            begun = True
        yield item.text[start:end], tag
    if (span and not begun) or next(left, None):
        raise Refused(_no_token(item, span))


def _no_token(item: Annotated, span: Span | None) -> Text:
    where = f"{span.start}:{span.end}" if span else ""
    return Text(f"条目 {item.key} 的片段 {where} 全是空白", f"span {where} of item {item.key} is blank")


def _name(label: str) -> str:
    """Return a label as a column holds it: without blanks."""
    return quote(label, safe="") if re.search(r"[\s%]", label) else label


def read(path: Path) -> list[Annotated]:
    """Read documents as items with their spans; raises `BadInput`.

    The first column is the token, the last its tag (BIO, BIOES or BILOU; CoNLL-2003's own IOB too). Words are joined by
    a blank, Chinese is not. Without document lines each sentence is an item.
    """
    sections = _sections(path)
    documents = any(key for key, _, _ in sections)
    made: list[Annotated] = []
    for number, (key, synthetic, rows) in enumerate(sections, start=1):
        text, spans = _joined(rows)
        if text:
            made.append(Annotated(key or str(number), text, answer=spans, synthetic=synthetic if documents else None))
    return made


_Row = tuple[str, str]


def _sections(path: Path) -> list[tuple[str, Synthetic | None, list[_Row]]]:
    """Return (key, provenance, tagged tokens) of each document, or of each sentence where there are no documents."""
    sections: list[tuple[str, Synthetic | None, list[_Row]]] = [("", None, [])]
    documents = False
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        columns = line.split()
        if not columns:
            if not documents and sections[-1][2]:
                sections.append(("", None, []))
        elif columns[0] == _START:
            documents = True
            key = unquote(columns[1]) if len(columns) == 4 and columns[1] != _NOTHING else ""
            made = unquote(columns[2]) if len(columns) == 4 else _NOTHING
            about = synthetic_from(path, f"{number}", parsed(path, f"{number}", made)) if made.startswith("{") else None
            sections.append((key or f"{len(sections)}", about, []))
        else:
            tag = unquote(columns[-1])
            if len(columns) < 2 or not _TAG.fullmatch(columns[-1]):
                expected = Text("词与 BIO 标签，以空白分隔", "a token and a BIO tag, with a blank between")
                raise fault(path, f"{number}", expected, found=line.strip())
            sections[-1][2].append((columns[0], tag))
    return [one for one in sections if one[2]]


def _joined(rows: list[_Row]) -> tuple[str, tuple[Span, ...]]:
    text, spans = "", []
    open_label, open_at, ends = "", 0, False
    for token, tag in rows:
        wide = bool(text) and re.match(rf"[{_WIDE}]", text[-1]) and re.match(rf"[{_WIDE}]", token[0])
        place, label = (tag[0], tag[2:]) if tag != "O" else ("O", "")
        goes_on = bool(open_label) and label == open_label and place in "IEL" and not ends
        if open_label and not goes_on:
            spans.append(Span(open_at, len(text), open_label))
            open_label = ""
        if text and not wide:
            text += " "
        if label and not goes_on:
            open_label, open_at = label, len(text)
        ends = place in "ESLU"
        text += token
    if open_label:
        spans.append(Span(open_at, len(text), open_label))
    return text, tuple(spans)
