"""Measures as rules: three values, amounts to the fen, what-if by hand, and files that say what is wrong with them."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dujiang.support
from dujiang.messages import BadInput, Refused
from dujiang.support import enterprises
from dujiang.support.measures import Standing, read

POLICIES = sorted((Path(dujiang.support.__file__).parent / "policies").glob("*.toml"))
DAY = date(2026, 11, 1)
FULL = {
    "place": "510107", "role": "enterprise", "compute_bought": Decimal(9_000_000), "model_fees": Decimal("1234.57"),
    "scenario_spending": Decimal(100), "scenario_selected": False, "green_centre": False,
}  # fmt: skip

GOOD = """
zh = "政策"
en = "policies"
[facts.spent]
zh = "投入"
en = "spending"
kind = "money"
[facts.size]
zh = "规模"
en = "size"
kind = "choice"
choices = { small = ["小", "small"], large = ["大", "large"] }
[facts.place]
zh = "地"
en = "place"
kind = "place"
[measures.m]
zh = "补贴"
en = "subsidy"
clause = "第一条"
clause_en = "article 1"
since = 2026-01-01
until = 2026-12-31
needs = [{ any = [{ fact = "size", is = "small" }, { fact = "spent", least = 1000 }] }, { fact = "place", under = "51" }]
grants = { rate = 0.25, of = "spent", most = 500 }
budget = 800
"""


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(GOOD, encoding="utf-8")
    return read(path)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_files_that_ship_read(path):
    shipped = read(path)
    assert shipped.measures
    assert shipped.source


def test_an_enterprise_sees_what_it_may_have_and_why():
    [path] = POLICIES
    found = {one.measure.name: one for one in read(path).entitlements(FULL, DAY)}
    voucher, models, landmark = (found[name] for name in ("compute-voucher", "model-use", "landmark-scenario"))
    assert (voucher.standing, voucher.fen) == (Standing.MAY, 500_000_000)  # 60 % would be 5.4 million; the cap is 5
    assert models.fen == 37037  # 30 % of 1234.57 yuan is 370.371: down to the fen
    assert landmark.standing is Standing.MAY_NOT
    assert [reason.holds for reason in landmark.because] == [True, True, False]
    assert voucher.because[0].condition.zh == "注册地属于 5101"


def test_what_was_not_given_is_asked_for_not_denied():
    [path] = POLICIES
    found = {one.measure.name: one for one in read(path).entitlements({"place": "5101", "role": "enterprise"}, DAY)}
    assert found["compute-voucher"].standing is Standing.OPEN
    assert found["compute-voucher"].missing == ("compute_bought",)
    assert found["green-data-centre"].standing is Standing.MAY_NOT
    assert found["green-data-centre"].missing == ()


def test_a_measure_is_had_while_it_is_in_force(book):
    facts = {"spent": Decimal(1000), "size": "large", "place": "5101"}
    assert [one.fen for one in book.entitlements(facts, date(2026, 12, 31))] == [25000]
    assert book.entitlements(facts, date(2027, 1, 1)) == book.entitlements(facts, date(2025, 12, 31)) == []


_FACTS = st.fixed_dictionaries(
    {},
    optional={
        "spent": st.decimals(0, 5000, places=2, allow_nan=False),
        "size": st.sampled_from(["small", "large"]),
        "place": st.sampled_from(["510100", "500000"]),
    },
)


@given(facts=_FACTS, more=_FACTS)
def test_more_facts_never_change_what_was_decided(tmp_path_factory, facts, more):
    path = tmp_path_factory.getbasetemp() / "m.toml"
    path.write_text(GOOD, encoding="utf-8")
    made = read(path)
    [before] = made.entitlements(facts, DAY)
    [after] = made.entitlements({**more, **facts}, DAY)
    if before.standing is not Standing.OPEN:
        assert after.standing is before.standing
        assert after.fen == before.fen


@given(several=st.lists(_FACTS, max_size=6))
def test_the_cost_is_what_the_enterprises_may_have(tmp_path_factory, several):
    path = tmp_path_factory.getbasetemp() / "m.toml"
    path.write_text(GOOD, encoding="utf-8")
    made = read(path)
    cost = made.cost(several, DAY)["m"]
    each = [made.entitlements(facts, DAY)[0] for facts in several]
    assert cost.entitled == sum(one.standing is Standing.MAY for one in each)
    assert cost.open == sum(one.standing is Standing.OPEN for one in each)
    assert cost.fen == sum(one.fen or 0 for one in each)
    assert cost.over == max(0, cost.fen - 80000)


def test_another_cap_costs_what_it_costs(book):
    many = [{"spent": Decimal(4000), "size": "small", "place": "51"}] * 3
    assert book.cost(many, DAY)["m"].fen == 150_000
    changed = book.changed("m", most=900)
    assert changed.cost(many, DAY)["m"].fen == 270_000
    assert changed.cost(many, DAY)["m"].over == 190_000
    assert book.cost(many, DAY)["m"].fen == 150_000
    with pytest.raises(Refused, match="no measure x"):
        book.changed("x", most=1)
    with pytest.raises(Refused, match="no term colour"):
        book.changed("m", colour=1)


@pytest.mark.parametrize(
    ("old", "new", "place", "field"),
    [
        ('kind = "money"', 'kind = "moneys"', "[facts.spent]", "kind"),
        ('fact = "spent", least', 'fact = "spend", least', "[measures.m]", "needs"),
        ("least = 1000", "around = 1000", "[measures.m]", "needs"),
        ('is = "small"', 'is = "tiny"', "[measures.m]", "needs size is"),
        ('is = "small"', "least = 3", "[measures.m]", "needs size least"),
        ("rate = 0.25", "rate = 25", "[measures.m]", "grants.rate"),
        ('of = "spent"', 'of = "size"', "[measures.m]", "grants.of"),
        ("since = 2026-01-01", 'since = "soon"', "[measures.m]", "since"),
        ("budget = 800", "budget = -1", "[measures.m]", "budget"),
        ("budget = 800", "budgets = 800", "[measures.m]", "budgets"),
        ('clause = "第一条"', "", "[measures.m]", "clause"),
        ('large = ["大", "large"]', 'large = "大"', "[facts.size]", "choices.large"),
    ],
)
def test_a_bad_file_is_refused_by_measure_and_key(tmp_path, old, new, place, field):
    assert GOOD.count(old) == 1
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInput, match="bad") as caught:
        read(path)
    assert (caught.value.row, caught.value.field) == (place, field)


def test_a_table_of_enterprises_is_read_and_a_bad_cell_named(tmp_path, book):
    path = tmp_path / "企业.csv"
    path.write_text('企业,投入,size,地\n甲,"1,200.5",小,510100\n乙,,大,\n', encoding="utf-8")
    rows = list(enterprises.read(path, book))
    assert rows[0] == ("甲", {"spent": Decimal("1200.5"), "size": "small", "place": "510100"})
    assert rows[1] == ("乙", {"size": "large"})
    path.write_text("企业,投入\n甲,很多\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        list(enterprises.read(path, book))
    assert caught.value.row == 2
    assert "spent" in caught.value.field


def test_the_commands_tell_and_reckon(tmp_path):
    from typer.testing import CliRunner

    from dujiang.support.commands import support

    table = tmp_path / "e.csv"
    table.write_text(
        "企业,place,role,compute_bought\n甲,510107,企业,1000000\n乙,510107,企业,20000000\n", encoding="utf-8"
    )
    told = CliRunner().invoke(
        support, ["entitled", str(table), "--on", "2026-11-01", "--json", str(tmp_path / "o.json")]
    )
    assert told.exit_code == 0, told.output
    found = {(one["enterprise"], one["measure"]): one for one in json.loads((tmp_path / "o.json").read_text())}
    assert found["甲", "compute-voucher"]["fen"] == 60_000_000
    change = ["--set", "compute-voucher.most=3000000"]
    told = CliRunner().invoke(
        support, ["what-if", str(table), *change, "--on", "2026-11-01", "--json", str(tmp_path / "w.json")]
    )
    assert told.exit_code == 0, told.output
    [voucher] = [one for one in json.loads((tmp_path / "w.json").read_text()) if one["measure"] == "compute-voucher"]
    assert (voucher["now"]["fen"], voucher["then"]["fen"]) == (560_000_000, 360_000_000)
    assert CliRunner().invoke(support, ["what-if", str(table), "--set", "nonsense"]).exit_code == 1
