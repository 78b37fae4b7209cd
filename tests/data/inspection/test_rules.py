"""The rules file: what is written is read back, and what is wrong in it is named."""

import string
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.data.inspection.codes import CODES
from dujiang.data.inspection.conditions import checked
from dujiang.data.inspection.rules import KINDS, OPERATORS, Rule, fitting, read_rules, write_rules
from dujiang.data.inspection.sources import TYPES
from dujiang.messages import BadInput

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
bounds = st.one_of(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.dates())
fields = {
    "type": st.sampled_from(TYPES), "pattern": st.sampled_from(["[0-9]+", "a|b", r"\d{3}-\w", "中文.*"]),
    "values": st.lists(texts, min_size=1, max_size=4).map(tuple), "code": st.sampled_from(sorted(CODES)),
    "operator": st.sampled_from(OPERATORS), "condition": st.sampled_from(["a > 0", "a IS NULL OR b = 'x'"]),
    "source": texts, "key": texts, "days": st.floats(0, 1e6),
}  # fmt: skip


@st.composite
def rules(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    about = KINDS[kind]
    count = draw(st.integers(1, 3)) if about.columns is None else about.columns
    made = {name: draw(fields[name]) for name in about.needs}
    if about.takes:
        made["minimum"] = draw(bounds if kind == "range" else st.integers(0, 99))
    return Rule(kind, tuple(draw(st.lists(texts, min_size=count, max_size=count))), draw(st.floats(0, 1)), **made)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(rules(), max_size=6))
def test_what_is_written_is_read_back(tmp_path, made):
    write_rules(made, tmp_path / "rules.toml")
    assert read_rules(tmp_path / "rules.toml") == made


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[[rule]]\nkind = "wide"\ncolumn = "a"', "kind"),
        ('[[rule]]\nkind = "not_null"', "column"),
        ('[[rule]]\nkind = "not_null"\ncolumns = ["a", "b"]', "column"),
        ('[[rule]]\nkind = "range"\ncolumn = "a"', "minimum"),
        ('[[rule]]\nkind = "range"\ncolumn = "a"\nminimum = "1"', "minimum"),
        ('[[rule]]\nkind = "range"\ncolumn = "a"\nminimum = nan', "minimum"),
        ('[[rule]]\nkind = "length"\ncolumn = "a"\nminimum = 2024-01-01', "minimum"),
        ('[[rule]]\nkind = "not_null"\ncolumn = "a"\nat_least = 95', "at_least"),
        ('[[rule]]\nkind = "not_null"\ncolumn = "a"\nat_least = true', "at_least"),
        ('[[rule]]\nkind = "pattern"\ncolumn = "a"\npattern = "["', "pattern"),
        ('[[rule]]\nkind = "pattern"\ncolumn = "a"', "pattern"),
        ('[[rule]]\nkind = "code"\ncolumn = "a"\ncode = "isbn"', "code"),
        ('[[rule]]\nkind = "one_of"\ncolumn = "a"\nvalues = []', "values"),
        ('[[rule]]\nkind = "one_of"\ncolumn = "a"\nvalues = [1]', "values"),
        ('[[rule]]\nkind = "unique"\ncolumn = "a"\nminimum = 1', "minimum"),
        ('[[rule]]\nkind = "not_null"\ncolumn = "a"\n\n[[rule]]\nkind = "fresh"\ncolumn = "a"\ndays = -1', "days"),
    ],
)
def test_a_wrong_rule_is_named_by_its_number_and_field(tmp_path, text, field):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as raised:
        read_rules(path)
    assert raised.value.field == field
    assert raised.value.row == f"[[rule]] {text.count('[[rule]]')}"


@pytest.mark.parametrize("text", ["kind = 1", "[[rules]]\n", "rule = 3", "[[rule]", "\xff"])
def test_what_is_no_file_of_rules_is_refused(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"rules\.toml"):
        read_rules(path)


def test_a_rule_about_a_column_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="visits") as raised:
        fitting([Rule("not_null", ("a",)), Rule("not_null", ("visits",))], ("a", "b"), "rules.toml")
    assert raised.value.row == "[[rule]] 2"
    with pytest.raises(BadInput):
        fitting([Rule("condition", condition="c > 1")], ("a", "b"), "rules.toml")


@pytest.mark.parametrize(
    "condition",
    [
        "a > (SELECT 1)", "read_text('/etc/passwd') IS NOT NULL", "a = 1; DROP TABLE t", "a IN (SELECT b FROM t)", "getenv('HOME') = 'x'",
        "t.a > 1", "a > 1 --", "exists(select 1)", "list_sum([a]) > 1", "a::BLOB = 'x'", "count(*) > 1", "row_number() over () = 1", "$1 = a", "",
        "a > 1 UNION SELECT 1", "a := 1", "lambda x: x",
    ],
)  # fmt: skip
def test_conditions_are_let_through_only_as_far_as_they_are_known(condition):
    if condition == "a > 1 --":
        # A remark is dropped, and nothing is behind it.
        assert checked(condition, ("a",))[0].startswith("(a > 1")
        assert "--" not in checked(condition, ("a",), {"a": "v0"})[0]
        return
    with pytest.raises(ValueError):  # noqa: PT011
        checked(condition, ("a", "b"))


@settings(max_examples=100, deadline=None)
@given(text=st.text(string.printable, max_size=30))
def test_whatever_is_written_as_a_condition_is_let_through_or_refused(text):
    try:
        _, names = checked(text, ("a",))
    except ValueError:
        return
    assert set(names) <= {"a"}


def test_dates_bound_columns_of_dates():
    rule = Rule("range", ("d",), minimum=date(2024, 1, 1))
    assert rule.wording().zh == "≥ 2024-01-01"
