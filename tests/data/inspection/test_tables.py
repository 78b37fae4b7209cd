"""The one scan against each rule evaluated value by value."""

import csv
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import reference

from dujiang.data.inspection.rules import Rule
from dujiang.data.inspection.sources import opened
from dujiang.data.inspection.tables import Result, check
from dujiang.messages import BadInput

AS_OF = date(2026, 11, 25)
KINDS = {"n": "integer", "x": "number", "d": "date", "e": "date", "b": "boolean", "t": "text", "c": "text"}
integers = st.integers(-30, 30).map(str)
numbers = st.one_of(integers, st.floats(-50, 50, allow_nan=False).map(lambda one: f"{one:.2f}"), st.just("1e2"))
dates = st.dates(date(2024, 1, 1), date(2028, 1, 1)).flatmap(
    lambda day: st.sampled_from(
        [day.isoformat(), day.strftime("%Y/%m/%d"), day.strftime("%Y年%m月%d日"), day.strftime("%Y%m%d")]
    )
)
junk = st.sampled_from([None, "", "  ", "?", "无", "12a", "2024-13-01", "3.7", 'a "b", c', "行\n行", "'; --"])
codes = st.one_of(
    st.from_regex(r"\A1[3-9][0-9]{9}\Z"),
    st.sampled_from(
        [
            "11010519491231002X",
            "110105194912310021",
            "91110000600037341L",
            "91110000600037341A",
            "4111111111111111",
            "a@b.cn",
        ]
    ),
    st.from_regex(r"\A[0-9]{13,19}\Z"),
)


def cells(good):
    return st.one_of(good, good, good, junk)


row = st.fixed_dictionaries(
    {
        "n": cells(integers),
        "x": cells(numbers),
        "d": cells(dates),
        "e": cells(dates),
        "b": cells(st.sampled_from(["true", "否", "1"])),
        "t": cells(st.sampled_from(["甲", "乙", "AB12", "ab"])),
        "c": cells(codes),
    }
)
bound = st.one_of(st.none(), st.integers(-20, 20))
day = st.one_of(st.none(), st.dates(date(2024, 1, 1), date(2028, 1, 1)))


def bounded(kind, columns, bounds):
    return st.builds(
        lambda name, low, high: Rule(kind, (name,), minimum=low, maximum=high), st.sampled_from(columns), bounds, bounds
    ).filter(lambda rule: rule.minimum is not None or rule.maximum is not None)


rule = st.one_of(
    st.builds(lambda name: Rule("not_null", (name,)), st.sampled_from(list(KINDS))),
    st.sampled_from([Rule("type", (name,), type=kind) for name, kind in KINDS.items()]),
    bounded("range", ["n", "x"], bound),
    bounded("range", ["d"], day),
    bounded("length", ["t", "c"], st.one_of(st.none(), st.integers(0, 20))),
    st.builds(lambda low, high: Rule("rows", minimum=low, maximum=high), st.integers(0, 4), st.integers(0, 12)),
    st.builds(
        lambda values: Rule("one_of", ("t",), values=tuple(values)),
        st.lists(st.sampled_from(["甲", "乙", "行\n行", "'; --"]), min_size=1),
    ),
    st.builds(
        lambda pattern: Rule("pattern", ("t",), pattern=pattern),
        st.sampled_from(["[A-Z]+[0-9]{2}", ".{1}", "[一-鿿]+", "a|b"]),
    ),
    st.builds(lambda code: Rule("code", ("c",), code=code), st.sampled_from(list(reference.CODES))),
    st.builds(
        lambda names: Rule("unique", tuple(names)), st.lists(st.sampled_from(["n", "d", "t"]), min_size=1, unique=True)
    ),
    st.builds(
        lambda sign, pair: Rule("compare", pair, operator=sign),
        st.sampled_from(["<", "<=", "=", ">=", ">"]),
        st.sampled_from([("d", "e"), ("n", "x")]),
    ),
    st.builds(lambda name: Rule("past", (name,)), st.sampled_from(["d", "e"])),
)


def written(rows, path):
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(KINDS), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows([{name: text or "" for name, text in one.items()} for one in rows])
    else:
        # The file's own texts are taken as they are; only a CSV's cells have blanks around them removed.
        texts = {
            name: [text if text is None else text.strip(" ") for text in (one[name] for one in rows)] for name in KINDS
        }
        pl.DataFrame(texts, schema=dict.fromkeys(KINDS, pl.String)).write_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(row, max_size=12), rules=st.lists(rule, min_size=1, max_size=12))
def test_one_scan_says_what_each_rule_says_value_by_value(tmp_path, suffix, rows, rules):
    path = written(rows, tmp_path / f"table{suffix}")
    with opened(str(path)) as table:
        assert (table.rows, table.rejected) == (len(rows), 0)
        results, _ = check(table, rules, KINDS, as_of=AS_OF)
    for one in results:
        assert (one.evaluated, one.failed) == reference.evaluate(one.rule, rows, KINDS, AS_OF), one.rule


def test_native_columns_are_checked_without_being_read_as_texts(tmp_path):
    pl.DataFrame(
        {"n": [1, None, -3], "d": [date(2024, 1, 1), date(2030, 1, 1), None], "t": ["a", "", None]}
    ).write_parquet(tmp_path / "t.parquet")
    rules = [
        Rule("range", ("n",), minimum=0),
        Rule("past", ("d",)),
        Rule("not_null", ("t",)),
        Rule("length", ("n",), maximum=1),
        Rule("type", ("n",), type="integer"),
        Rule("fresh", ("d",), days=3),
        Rule("condition", condition="n > 0 OR t = 'a'"),
    ]
    with opened(str(tmp_path / "t.parquet")) as table:
        results, _ = check(table, rules, {"n": "integer", "d": "date", "t": "text"}, as_of=AS_OF)
    assert [(one.evaluated, one.failed) for one in results] == [(2, 1), (2, 1), (3, 2), (2, 1), (2, 0), (1, 0), (1, 0)]
    assert results[0].examples == ("-3",)


def test_references_count_what_the_other_table_does_not_have(tmp_path):
    (tmp_path / "visits.csv").write_text("hospital\n01\n01\n02\n\n9\n")
    (tmp_path / "hospitals.csv").write_text("code,name\n01,甲\n02,乙\n,丙\n")
    rule = Rule("references", ("hospital",), source="hospitals.csv", key="code")
    with opened(str(tmp_path / "visits.csv")) as table:
        results, _ = check(table, [rule], {"hospital": "text"}, as_of=AS_OF, beside=tmp_path)
        assert results == [Result(rule, 4, 1, ("9",))]
        with pytest.raises(BadInput, match="hospitals") as raised:
            check(
                table,
                [Rule("references", ("hospital",), source="hospitals.csv", key="id")],
                {"hospital": "text"},
                as_of=AS_OF,
                beside=tmp_path,
            )
    assert raised.value.field == "id"


def test_the_examples_are_the_smallest_that_failed_and_each_once(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "9,x\n" * 5 + "7,x\n8,x\n6,x\n1,y\n")
    with opened(str(tmp_path / "t.csv")) as table:
        results, _ = check(
            table,
            [Rule("range", ("a",), maximum=5), Rule("unique", ("a",))],
            {"a": "integer", "b": "text"},
            as_of=AS_OF,
        )
    assert results[0].examples == ("6", "7", "8")
    assert results[1].examples == ("9 × 5",)
