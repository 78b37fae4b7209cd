import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.messages import BadInput, Text
from dujiang.scenarios import tables

COLUMNS = {
    "time": tables.moment(Text("时间", "time")),
    "site": tables.name(Text("站点", "site")),
    "count": tables.whole(Text("个数", "count"), 0, 9),
    "flow": tables.number(Text("流量", "flow"), 0, 1e6, empty=True),
    "state": tables.choice(Text("状态", "state"), {"on": True, "off": False}),
}
HEADING = "time,site,count,flow,state\n"
ROW = "2026-03-02T14:00,A,3,1.5,on\n"

rows = st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1e6) | st.just(math.nan)), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(given_rows=rows)
def test_what_is_written_reads_back_to_the_bit(tmp_path_factory, given_rows):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    tables.write_csv(path, list(COLUMNS), (("2026-03-02T14:00", "甲,乙", n, x, "off") for n, x in given_rows))
    table = tables.read_csv(path, COLUMNS)
    assert len(table) == len(given_rows)
    assert table["count"] == tuple(n for n, _ in given_rows)
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, (_, b) in zip(table["flow"], given_rows, strict=True))
    assert set(table["site"]) == {"甲,乙"} and set(table["state"]) == {False}


@pytest.mark.parametrize(
    ("content", "row", "field", "says"),
    [
        ("", None, None, "headings in row 1"),
        (HEADING, 2, None, "at least one row"),
        (HEADING.replace("flow", "flux") + ROW, 1, "流量 (flow)", "this column"),
        (HEADING + ROW + ROW.replace("03-02", "13-02"), 3, "时间 (time)", "2026-13-02T14:00"),
        (HEADING + "\n" + ROW.replace("A", ""), 3, "站点 (site)", "not empty"),
        (HEADING + ROW.replace("3,1.5", "10,1.5"), 2, "个数 (count)", "0 – 9, found 10"),
        (HEADING + ROW.replace("3,1.5", "3.2,1.5"), 2, "个数 (count)", "a whole number"),
        (HEADING + ROW.replace("1.5", "inf"), 2, "流量 (flow)", "empty where missing"),
        (HEADING + ROW.replace("1.5", "nan"), 2, "流量 (flow)", "found nan"),
        (HEADING + ROW.replace("on", "maybe"), 2, "状态 (state)", "one of on, off"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path, content, row, field, says):
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=r"t\.csv") as caught:
        tables.read_csv(path, COLUMNS)
    assert (caught.value.row, caught.value.field) == (row, field)
    assert says in str(caught.value)


def test_columns_beside_the_named_ones_are_read_where_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("站点,p1,p2\nA,1,2\nB,3,\n", encoding="gb18030")
    columns = {"site": COLUMNS["site"]}
    assert set(tables.read_csv(path, columns).values) == {"site"}
    others = tables.number(Text("压力", "pressure"), 0, 9, empty=True)
    table = tables.read_csv(path, columns, others=others)
    assert table["p1"] == (1, 3) and math.isnan(table["p2"][1])
    assert table.fault(1, "p2", Text("甲", "one")).row == 3
    with pytest.raises(BadInput) as caught:
        tables.read_csv(path, columns, others=tables.number(Text("压力", "pressure"), 0, 2))
    assert (caught.value.row, caught.value.field) == (3, "p1 (p1)")
