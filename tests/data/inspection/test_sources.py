"""Tables of every kind are read as one kind; what can't be read is counted with its line."""

import sqlite3

import polars as pl
import pytest
from openpyxl import Workbook

from dujiang.data.inspection.sources import literal, opened, quoted, without_password
from dujiang.messages import BadInput


def content(source):
    with opened(str(source)) as table:
        names = ", ".join(map(quoted, table.columns))
        return table, table.connection.execute(
            f"SELECT {names} FROM {table.relation} ORDER BY file_row_number"
        ).fetchall()


def test_malformed_rows_are_counted_and_named_by_their_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\n1,"x\ny"\n2,y,z\n3\n4,ok\n5,' + b"\xff\xfe\n6,ok\n")
    table, rows = content(path)
    assert rows == [("1", "x\ny"), ("4", "ok"), ("6", "ok")]
    assert table.rejected == 3
    assert [one.line for one in table.rejects] == [4, 5, 7]
    assert [one.why.en for one in table.rejects] == ["too many columns", "missing columns", "wrong encoding"]


@pytest.mark.parametrize(("encoding", "said"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_line_ends_and_delimiters(tmp_path, encoding, said, end, delimiter):
    path = tmp_path / "t.csv"
    path.write_bytes(
        end.join(delimiter.join(row) for row in (("城市", "数"), ("成都", " 1 "), ("", "2"))).encode(encoding)
    )
    table, rows = content(path)
    assert table.columns == ("城市", "数")
    assert rows == [("成都", "1"), (None, "2")]
    assert table.encoding == said


def test_excel_and_sqlite_sheets_and_tables_are_named(tmp_path):
    book = Workbook()
    book.active.append(["a", "b"])
    book.active.append([1.0, "甲"])
    book.active.append([None, None])
    book.active.append([2.5, None])
    book.create_sheet("二").append(["c"])
    book.save(tmp_path / "t.xlsx")
    assert content(tmp_path / "t.xlsx")[1] == [("1", "甲"), ("2.5", None)]
    assert content(f"{tmp_path}/t.xlsx#二")[0].columns == ("c",)
    with pytest.raises(BadInput, match="三"):
        content(f"{tmp_path}/t.xlsx#三")
    with sqlite3.connect(tmp_path / "t.sqlite") as database:
        database.execute("CREATE TABLE visits (id INTEGER, note TEXT)")
        database.executemany("INSERT INTO visits VALUES (?, ?)", [(1, 'a "b"\nc'), (2, None)])
    assert content(tmp_path / "t.sqlite")[1] == [("1", 'a "b"\nc'), ("2", None)]
    with pytest.raises(BadInput, match="visits"):
        content(f"{tmp_path}/t.sqlite#other")


def test_parquet_keeps_its_types_and_says_where_empty_texts_may_be(tmp_path):
    pl.DataFrame({"n": [1, 2], "t": ["a", ""], "u": ["a", "b"]}).write_parquet(tmp_path / "t.parquet")
    table, rows = content(tmp_path / "t.parquet")
    assert table.native == {"n": "BIGINT", "t": "VARCHAR", "u": "VARCHAR"}
    assert table.blank >= {"t"}
    assert "u" not in table.blank
    assert rows == [(1, "a", "a"), (2, "", "b")]


@pytest.mark.parametrize(
    ("name", "content_"),
    [
        ("t.csv", b""), ("t.csv", b"a,a\n1,2\n"), ("t.csv", b"a,\n1,2\n"), ("t.csv", b"a\x00b,c\n"), ("t.parquet", b"PAR1nothing"),
        ("t.xlsx", b"no workbook"), ("t.sqlite", b"no database at all, but long enough to be one"), ("t.doc", b"a"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, name, content_):
    (tmp_path / name).write_bytes(content_)
    with pytest.raises(BadInput, match="t"):
        content(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="none"):
        content(tmp_path / "none.csv")


def test_passwords_are_not_shown():
    assert without_password("postgresql://me:secret@host/base#t") == "postgresql://host/base#t"
    assert (quoted('a"b'), literal("a'b")) == ('"a""b"', "'a''b'")
