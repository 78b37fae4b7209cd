"""Tables as people send them: the rows of a CSV file (UTF-8 or GB18030) or of an Excel workbook's first sheet, as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dujiang.messages import BadInput, Text


def rows_of(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row; raises `BadInput` for a file that is neither."""
    return _excel(path) if path.suffix.lower() == ".xlsx" else _csv(path)


def named_rows(path: Path, columns: Mapping[str, Text]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, cells by column) of rows that are not empty.

    A heading may be a column's name, its Chinese or its English title; raises `BadInput` where one is missing.
    """
    rows = rows_of(path)
    heading: Sequence[str] = next(rows, [])
    known = {key.lower(): name for name, title in columns.items() for key in (name, title.zh, title.en)}
    names = [known.get(cell.strip().lower(), cell) for cell in heading]
    for name, title in columns.items():
        if name not in names:
            raise BadInput(
                path,
                row=1,
                field=f"{title.zh} ({name})",
                expected=Text("有此列", "this column"),
                found="、".join(cell for cell in heading if cell),
            )
    for number, cells in enumerate(rows, start=2):
        if any(cells):
            yield number, dict(zip(names, cells, strict=False))


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
