"""Tables as people send them, CSV or Excel: headings in row 1, then rows of text, each with the number that they see."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dujiang.messages import BadInput, Text

LARGEST = 16 << 20
"""Bytes of a table that somebody sends."""
_REMEDY = Text("请补上此列后重试", "add the column and try again")


def read_rows(
    path: Path,
    columns: Mapping[str, Text],
    *,
    optional: Collection[str] = (),
    remedy: Text = _REMEDY,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, cells by column name) of the rows that have anything in them.

    ``columns`` are by name; a heading may be the name, its Chinese or its English title. Raises `BadInput`, with
    ``remedy`` where a column is missing.
    """
    rows = _excel(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    heading = next(rows, None)
    if heading is None:
        raise BadInput(path, expected=Text("首行为表头", "headings in row 1"), found="0")
    names = _names(path, heading, columns, optional, remedy)
    for number, cells in enumerate(rows, start=2):
        if any(cells):
            yield number, dict.fromkeys(columns, "") | dict(zip(names, cells, strict=False))


def fault(path: Path, number: int, name: str, title: Text, row: Mapping[str, str], expected: Text) -> BadInput:
    """Return the error of a cell."""
    return BadInput(path, row=number, field=f"{title.zh} ({name})", expected=expected, found=row.get(name, "") or "空")


@contextmanager
def received(name: str, content: bytes) -> Iterator[Path]:
    """Lay a table that somebody sent into a folder for a while; errors tell it by the name that they gave it.

    Raises `BadInput` for one that is too large.
    """
    name = re.sub(r"[^\w.()（）-]", "_", PurePath(name).name)[-80:].lstrip(".") or "table.csv"
    if len(content) > LARGEST:
        expected = Text(f"不超过 {LARGEST >> 20} MiB", f"at most {LARGEST >> 20} MiB")
        raise BadInput(name, expected=expected, found=f"> {LARGEST >> 20} MiB")
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            yield path
        except BadInput as error:
            raise error.known_as(name) from error


def _names(
    path: Path, heading: Sequence[str], columns: Mapping[str, Text], optional: Collection[str], remedy: Text
) -> list[str]:
    known = {key.lower(): name for name, title in columns.items() for key in (name, title.zh, title.en)}
    names = [known.get(cell.strip().lower(), cell) for cell in heading]
    for name, title in columns.items():
        if name not in names and name not in optional:
            raise BadInput(
                path,
                row=1,
                field=f"{title.zh} ({name})",
                expected=Text("有此列", "this column"),
                found="、".join(cell for cell in heading if cell),
                remedy=remedy,
            )
    return names


def _csv(path: Path) -> Iterator[list[str]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, expected=Text("可以读取的文件", "a file that can be read"), found=str(error)) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise BadInput(
            path, expected=Text("UTF-8 或 GB18030 编码的 CSV，或 .xlsx", "CSV in UTF-8 or GB18030, or .xlsx")
        )
    if "\x00" in text:
        raise BadInput(path, expected=Text("CSV 表格", "a CSV table"), found="NUL")
    try:
        for cells in csv.reader(io.StringIO(text, newline="")):
            yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise BadInput(path, expected=Text("CSV 表格", "a CSV table"), found=str(error)) from error


def _excel(path: Path) -> Iterator[list[str]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise BadInput(
            path, expected=Text("Excel 工作簿（.xlsx）", "an Excel workbook (.xlsx)"), found=str(error)
        ) from error
    sheet = book.worksheets[0]
    for cells in sheet.iter_rows(values_only=True):
        yield [_cell(cell) for cell in cells]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
