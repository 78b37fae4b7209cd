"""Uploaded statistics: what a department sends is taken whole, or refused at the row and field."""

import csv
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from dujiang.messages import BadInput
from dujiang.plan.indicators import indicators
from dujiang.plan.uploads import COLUMNS, read_figures, write_template
from plan.goals import goal

INDICATORS = indicators(
    {
        1: goal("普及率", 70, 2027, ">", "%"),
        2: goal("企业", 2500, 2030, unit="家"),
        3: goal("普及率", 90, 2030, ">", "%"),
        4: goal("典型场景", 5, None, text="每个行业每年不少于5个典型场景", period="year"),
    }
)
GOOD = {
    "goal": "2",
    "about": "企业",
    "period": "2026-Q3",
    "value": "1800",
    "unit": "家",
    "source": "统计公报",
    "vouched_by": "王某",
}


def table(path, *rows, heading=None, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file)
        writer.writerow(heading or COLUMNS)
        writer.writerows([row.get(name, "") for name in COLUMNS] for row in rows)
    return path


def test_a_good_table_is_read(tmp_path):
    rows = [GOOD, {**GOOD, "goal": "G1", "about": "", "unit": "%", "value": "45.5", "period": "2026"}]
    first, second = read_figures(table(tmp_path / "a.csv", *rows), INDICATORS)
    assert (first.value, first.period_end.isoformat(), first.row) == (1800, "2026-09-30", 2)
    assert (second.value, second.indicator) == (45.5, "普及率|%")


def test_chinese_headings_full_width_digits_and_gb18030(tmp_path):
    path = table(
        tmp_path / "a.csv",
        {**GOOD, "value": "\uff11\uff0c\uff18\uff10\uff10"},
        heading=[title.zh for title in COLUMNS.values()],
        encoding="gb18030",
    )
    assert read_figures(path, INDICATORS)[0].value == 1800


def test_both_years_of_an_indicator_take_the_same_figure(tmp_path):
    for number in ("1", "3"):
        row = {**GOOD, "goal": number, "about": "普及率", "unit": "%", "value": "50%"}
        assert read_figures(table(tmp_path / "a.csv", row), INDICATORS)[0].indicator == "普及率|%"


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"goal": "9"}, "goal", "1, 2, 3, 4"),
        ({"goal": "一"}, "goal", "goal number"),
        ({"goal": "4", "about": "", "unit": "个"}, "goal", "computed from evaluations"),
        ({"about": "别的"}, "about", "企业"),
        ({"unit": "个"}, "unit", "家"),
        ({"period": "去年"}, "period", "2026-Q3"),
        ({"value": "很多"}, "value", "a number"),
        ({"value": "inf"}, "value", "finite"),
        ({"value": ""}, "value", "a number"),
        ({"source": ""}, "source", "not empty"),
        ({"vouched_by": ""}, "vouched_by", "not empty"),
    ],
)
def test_a_bad_row_is_named_with_its_field(tmp_path, change, field, expected):
    path = table(tmp_path / "坏.csv", GOOD, {**GOOD, "period": "2026-Q2", **change})
    with pytest.raises(BadInput) as caught:
        read_figures(path, INDICATORS)
    told = str(caught.value)
    assert "坏.csv" in told and "第 3 行" in told and "row 3" in told
    assert f"({field})" in told and expected in told


def test_a_repeated_period_is_refused(tmp_path):
    with pytest.raises(BadInput, match="row 3"):
        read_figures(table(tmp_path / "a.csv", GOOD, {**GOOD, "value": "5"}), INDICATORS)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("goal,period,value,unit,source\n2,2026,1,家,公报\n", encoding="utf-8")
    with pytest.raises(BadInput, match="vouched_by"):
        read_figures(path, INDICATORS)


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.csv", b"goal\n"), ("a.xlsx", b"PK nothing"), ("a.csv", b"\xff\xfe\x00")]
)
def test_a_damaged_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=name):
        read_figures(tmp_path / name, INDICATORS)


def test_a_missing_file_is_refused(tmp_path):
    for name in ("no.csv", "no.xlsx"):
        with pytest.raises(BadInput, match="no"):
            read_figures(tmp_path / name, INDICATORS)


def test_the_template_reads_back_once_filled_in(tmp_path):
    path = tmp_path / "template.xlsx"
    write_template(path, INDICATORS)
    with pytest.raises(BadInput, match="at least one row"):
        read_figures(path, INDICATORS)
    book = load_workbook(path)
    sheet = book.worksheets[0]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [1, 2]
    for column, value in zip("CDFG", ("2026-10", 1900, "公报", "李某"), strict=True):
        sheet[f"{column}3"] = value
    book.save(path)
    (figure,) = read_figures(path, INDICATORS)
    assert (figure.value, figure.row, figure.indicator) == (1900, 3, "企业|家")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=8) for name in COLUMNS}), min_size=1, max_size=3))
def test_whatever_stands_in_the_cells_is_read_or_refused(tmp_path, rows):
    path = tmp_path / "any.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([row[name] for name in COLUMNS] for row in rows)
    with suppress(BadInput):
        assert read_figures(path, INDICATORS)
