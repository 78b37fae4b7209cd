"""Documents of a corpus, read in pieces that fit in memory: JSON lines, texts with a document a line, Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dujiang.messages import BadInput, Text

PIECE = 32 << 20
"""Bytes of a piece, about."""
CORPORA = (".jsonl", ".ndjson", ".txt", ".parquet")
"""Suffixes of corpora."""
TEXT = (
    "text",
    "content",
    "instruction",
    "prompt",
    "question",
    "input",
    "output",
    "response",
    "answer",
    "正文",
    "内容",
    "问",
    "答",
)
"""Fields whose texts make a document, joined by line breaks in this order."""
SOURCE = ("source", "url", "来源", "domain", "site")
LICENCE = ("licence", "license", "许可", "许可协议", "授权")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: bytes from ``begin`` to ``end``, or of Parquet the row groups from ``begin`` to ``end``."""

    path: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is no document: its number in the piece, from 1, and why."""

    line: int
    why: Text


@dataclass(slots=True)
class Documents:
    """The documents of a piece, their sources and licences (empty where not said) and lines, and what was no document.

    ``recoded`` counts lines that were GB18030 rather than UTF-8; ``lines`` in all are ``counted``.
    """

    texts: list[str]
    sources: list[str]
    licences: list[str]
    lines: list[int]
    faults: list[Fault]
    recoded: int
    counted: int


def files_of(source: str) -> list[Path]:
    """Return a corpus's files: the file, those in the folder, or those that a pattern names; raises `BadInput`."""
    path = Path(source)
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in CORPORA)
    else:
        found = sorted(path.parent.glob(path.name)) if "*" in path.name else []
    if not found or any(one.suffix.lower() not in CORPORA for one in found):
        raise BadInput(
            source,
            expected=Text(
                f"{'、'.join(CORPORA)} 文件，或其文件夹", f"files of {', '.join(CORPORA)}, or a folder of them"
            ),
            found=", ".join(one.name for one in found if one.suffix.lower() not in CORPORA),
        )
    return found


def holds_texts(path: Path, fields: Sequence[str] = TEXT) -> bool:
    """Return whether one of a file's first JSON lines has a field of text, so that it is a corpus rather than a table."""
    with path.open("rb") as file:
        for line in islice(file, 20):
            with suppress(orjson.JSONDecodeError):
                found = orjson.loads(line)
                if isinstance(found, dict) and any(isinstance(found.get(name), str) for name in fields):
                    return True
    return False


def pieces(path: Path, size: int = PIECE) -> list[Piece]:
    """Cut a file into pieces; lines are whole."""
    if path.suffix.lower() == ".parquet":
        groups = _parquet(path).metadata
        made, begin, held = [], 0, 0
        for number in range(groups.num_row_groups):
            held += groups.row_group(number).total_byte_size
            if held >= size or number == groups.num_row_groups - 1:
                made.append(Piece(str(path), begin, number + 1))
                begin, held = number + 1, 0
        return made
    made, begin = [], 0
    with path.open("rb") as file:
        length = file.seek(0, 2)
        while begin < length:
            file.seek(min(begin + size, length))
            file.readline()
            made.append(Piece(str(path), begin, file.tell()))
            begin = file.tell()
    return made


def read(piece: Piece, fields: Sequence[str] = TEXT) -> Documents:
    """Read the documents of a piece."""
    made = Documents([], [], [], [], [], 0, 0)
    if piece.path.lower().endswith(".parquet"):
        _rows(piece, fields, made)
    else:
        plain = piece.path.lower().endswith(".txt")
        for line in _lines(piece):
            made.counted += 1
            if line.strip():
                _document(line, plain, fields, made)
    return made


def _lines(piece: Piece) -> Iterator[bytes]:
    with open(piece.path, "rb") as file:
        file.seek(piece.begin)
        left = piece.end - piece.begin
        while left > 0 and (line := file.readline()):
            left -= len(line)
            yield line


def _document(line: bytes, plain: bool, fields: Sequence[str], made: Documents) -> None:
    text = ""
    try:
        text = line.decode("utf-8-sig" if made.counted == 1 else "utf-8")
    except UnicodeDecodeError:
        try:
            text = line.decode("gb18030")
            made.recoded += 1
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
    if plain:
        _keep(text.strip(), "", "", made.counted, made)
        return
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        made.faults.append(Fault(made.counted, Text(f"不是 JSON：{error}", f"not JSON: {error}")))
        return
    if not isinstance(found, dict):
        made.faults.append(Fault(made.counted, Text("应为 JSON 对象", "expected a JSON object")))
        return
    said = [found[name] for name in fields if isinstance(found.get(name), str)]
    if not said:
        names = "、".join(list(found)[:6])
        made.faults.append(Fault(made.counted, Text(f"没有文本字段（有 {names}）", f"no field of text (has {names})")))
        return
    _keep("\n".join(said), _first(found, SOURCE), _first(found, LICENCE), made.counted, made)


def _rows(piece: Piece, fields: Sequence[str], made: Documents) -> None:
    file = _parquet(Path(piece.path))
    schema = file.schema_arrow
    names = [name for name in fields if name in schema.names and _is_text(schema.field(name).type)]
    if not names:
        raise BadInput(
            piece.path,
            expected=Text(f"一列文本：{'、'.join(fields)}", f"a column of texts: {', '.join(fields)}"),
            found="、".join(schema.names),
        )
    beside = [next((name for name in among if name in schema.names), "") for among in (SOURCE, LICENCE)]
    wanted = [*names, *filter(None, beside)]
    for batch in file.iter_batches(row_groups=range(piece.begin, piece.end), columns=wanted):
        for row in batch.to_pylist():
            made.counted += 1
            said = [row[name] for name in names if row[name]]
            if said:
                source, licence = (str(row[name] or "") if name else "" for name in beside)
                _keep("\n".join(said), _site(source), licence, made.counted, made)
            else:
                made.faults.append(Fault(made.counted, Text("没有文本", "no text")))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _keep(text: str, source: str, licence: str, line: int, made: Documents) -> None:
    made.texts.append(text)
    made.sources.append(source)
    made.licences.append(licence)
    made.lines.append(line)


def _first(found: dict[str, Any], names: Sequence[str]) -> str:
    meta = found.get("meta") if isinstance(found.get("meta"), dict) else {}
    value = next((str(one[name]) for one in (found, meta or {}) for name in names if one.get(name)), "")
    return _site(value)


def _site(value: str) -> str:
    """Return a source as it is counted: the host of an address, else as it is."""
    return urlsplit(value).hostname or value if value.startswith(("http://", "https://")) else value


def _parquet(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(
            path, expected=Text("Parquet 文件", "a Parquet file"), found=str(error).splitlines()[0]
        ) from error
