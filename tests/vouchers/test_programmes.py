"""Programmes from declaration to clawback: who may apply, who bears what, what is left, what is refused."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_codes import credit_code
from dujiang.evidence.models import Record
from dujiang.evidence.months import this_month
from dujiang.identity.actions import add_enterprise, units_of_plan
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.plan.actions import load
from dujiang.plan.dispatch import Dispatch
from dujiang.plan.figures import monthly_dispatch
from dujiang.plan.sections import plain, sections
from dujiang.vouchers import actions, statements
from dujiang.vouchers.audit import faults
from dujiang.vouchers.ledger import GrantAccount
from dujiang.vouchers.models import Account, Grant, Programme
from dujiang.vouchers.terms import Complement, city_of, complement, province_part

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.ENTERPRISE, "绵阳某公司")
REVIEWER = Actor("wang", Role.REVIEWER)
MIANYANG = Actor("zhao", Role.CITY, "绵阳市")
YEAR = datetime.now(UTC).year


@pytest.fixture
def units(db):
    units_of_plan(["绵阳市", "成都市", "经济和信息化厅"])
    add_enterprise(OFFICE, "绵阳某公司", credit_code("91510700MA6AAAAAX"))
    add_enterprise(OFFICE, "外省公司", credit_code("91440100MA6AAAAAX"))


def declare(**more):
    terms = {
        "code": "sc-compute", "title": "四川省算力券", "unit": "CNY", "cap": 100_001, "budget": 10**7, "issuer": "510000",
        "shares": [Complement("51", 5000), Complement("5132", 8000)], "kinds": ["enterprise"], "divisions": ["51"],
        "products": ["gpu.*"], "since": date(YEAR, 1, 1), "until": date(YEAR + 1, 12, 31), **more,
    }  # fmt: skip
    return actions.declare(OFFICE, **terms)


def granted(amount=100_001):
    programme = declare()
    actions.allot(MIANYANG, programme, "510700", 10**6)
    application = actions.apply(LI, programme, "绵阳某公司", amount, "训练质检模型")
    actions.review(REVIEWER, application, approved=True, amount=amount, why="用途明确")
    return actions.grant(MIANYANG, application)


def pay(key, amount, product="gpu.a"):
    until = datetime.now(UTC) + timedelta(hours=1)
    actions.hold(LI, key=key, holder="绵阳某公司", product=product, provider="算力中心", amount=amount, until=until)
    return actions.settle(LI, key, amount)


def test_a_grant_is_borne_by_province_and_city_and_so_is_all_that_it_pays(units):
    made = granted()
    assert (made.amount, made.province, made.city) == (100_001, 50_000, "510700")
    paid = [pay(f"k{n}", amount) for n, amount in enumerate((1, 1, 3, 99_996))]
    assert sum(share.amount for one in paid for share in one.shares if share.issuer == "510000") == 50_000
    assert sum(share.amount for one in paid for share in one.shares if share.issuer == "510700") == 50_001
    assert paid[2].shares in ((("510000", 1), ("510700", 2)), (("510000", 2), ("510700", 1)))
    assert Account.objects.get(kind="issuer", owner="510700").posted == -50_001
    assert list(faults()) == []
    kinds = set(Record.objects.values_list("kind", flat=True))
    assert {"voucher.programme", "voucher.applied", "voucher.reviewed", "voucher.granted", "voucher.settled"} <= kinds


def test_vouchers_are_good_for_their_products_only(units):
    granted()
    assert actions.balance("绵阳某公司", "cpu.a") == 0
    with pytest.raises(Refused, match="don't suffice"):
        pay("k", 1, "cpu.a")


@pytest.mark.parametrize(
    ("holder", "amount", "match"),
    [
        ("外省公司", 1, "may apply"),
        ("经济和信息化厅", 1, "may apply"),
        ("绵阳某公司", 100_002, "left this year"),
        ("无", 1, "no unit"),
    ],
)
def test_who_does_not_fit_the_terms_is_refused(units, holder, amount, match):
    programme = declare()
    with pytest.raises(Refused, match=match):
        actions.apply(OFFICE, programme, holder, amount, "用途")
    assert not programme.applications.exists()


def test_each_step_is_for_those_who_may_and_in_its_order(units):
    programme = declare()
    with pytest.raises(NotAllowed):
        actions.apply(LI, programme, "外省公司", 1, "用途")
    application = actions.apply(LI, programme, "绵阳某公司", 1000, "用途")
    with pytest.raises(Refused, match="being dealt with"):
        actions.apply(LI, programme, "绵阳某公司", 1000, "用途")
    with pytest.raises(Refused, match="no review"):
        actions.grant(OFFICE, application)
    chengdu = Actor("sun", Role.CITY, "成都市")
    for act in (
        lambda: actions.review(chengdu, application, approved=True, amount=1, why="好"),
        lambda: actions.grant(chengdu, application),
        lambda: actions.allot(chengdu, programme, "510700", 1),
        lambda: actions.review(LI, application, approved=True, amount=1, why="好"),
    ):
        with pytest.raises(NotAllowed):
            act()
    actions.review(MIANYANG, application, approved=True, amount=800, why="核减")
    with pytest.raises(Refused, match="510700 has not allotted enough"):
        actions.grant(OFFICE, application)
    with pytest.raises(Refused, match="more than the review"):
        actions.grant(OFFICE, application, 801)
    actions.allot(MIANYANG, programme, "510700", 400)
    assert actions.grant(OFFICE, application).amount == 800
    with pytest.raises(Refused, match="has been granted"):
        actions.grant(OFFICE, application)
    assert list(faults()) == []


def test_a_declined_application_is_not_granted_and_another_may_follow(units):
    programme = declare()
    application = actions.apply(LI, programme, "绵阳某公司", 1000, "用途")
    actions.review(REVIEWER, application, approved=False, amount=1000, why="用途不明")
    with pytest.raises(Refused, match="no review"):
        actions.grant(OFFICE, application)
    assert actions.apply(LI, programme, "绵阳某公司", 500, "训练模型").amount == 500


def test_the_cap_counts_what_was_granted_this_year(units):
    granted(60_000)
    programme = Programme.objects.get()
    with pytest.raises(Refused, match=r"400\.01"):
        actions.apply(LI, programme, "绵阳某公司", 40_002, "再训练")


def test_terms_that_cannot_be_are_refused(units):
    for wrong in (
        {"cap": 0},
        {"code": "券"},
        {"since": date(YEAR + 2, 1, 1)},
        {"unit": "USD"},
        {"issuer": "51"},
        {"open_to_all": True},
    ):
        with pytest.raises(Refused):
            declare(**wrong)
    assert not Programme.objects.exists()
    declare()
    with pytest.raises(Refused, match="never change"):
        declare()


def test_a_closed_programme_grants_no_more_and_its_vouchers_stay_good(units):
    granted(60_000)
    programme = Programme.objects.get()
    actions.close(OFFICE, programme, "资金用完")
    with pytest.raises(Refused, match="closed"):
        actions.apply(LI, Programme.objects.get(), "绵阳某公司", 1, "用途")
    assert pay("k", 60_000).amount == 60_000


def test_what_is_free_goes_back_to_its_issuers_and_what_is_held_can_be_paid(units):
    made = granted()
    until = datetime.now(UTC) + timedelta(hours=1)
    actions.hold(LI, key="k", holder="绵阳某公司", product="gpu", provider="c", amount=0, until=until)
    actions.hold(LI, key="j", holder="绵阳某公司", product="gpu.a", provider="c", amount=11, until=until)
    with pytest.raises(NotAllowed):
        actions.claw_back(MIANYANG, made, "违规")
    assert actions.claw_back(OFFICE, made, "违规") == 99_990
    assert actions.settle(LI, "j", 11).amount == 11
    issuers = {one.owner: one.posted for one in Account.objects.filter(kind="issuer")}
    assert sum(issuers.values()) == -11
    assert set(issuers.values()) <= {-5, -6}
    assert list(faults()) == []


def test_what_has_run_out_or_lain_idle_goes_back(units, monkeypatch):
    programme = declare(idle_days=90)
    actions.allot(OFFICE, programme, "510700", 10**6)
    application = actions.apply(LI, programme, "绵阳某公司", 1000, "用途")
    actions.review(OFFICE, application, approved=True, amount=1000, why="好")
    actions.grant(OFFICE, application)
    assert actions.claw_back_due(OFFICE) == []

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=91)

    monkeypatch.setattr(actions, "datetime", Later)
    assert [amount for _, amount in actions.claw_back_due(OFFICE)] == [1000]
    assert list(faults()) == []


def test_a_statement_adds_up(units):
    granted()
    pay("k", 1)
    [line] = statements.grant_lines("绵阳某公司")
    assert (line.spent, line.returned, line.held, line.free) == (1, 0, 0, 100_000)
    assert [one.hold.key for one in statements.payments("绵阳某公司")] == ["k"]
    assert not statements.open_holds("绵阳某公司")


def invoice(tmp_path, rows, suffix="csv"):
    path = tmp_path / f"账单.{suffix}"
    if suffix == "csv":
        path.write_text("预留号,金额\n" + "".join(f"{key},{amount}\n" for key, amount in rows), encoding="gb18030")
    else:
        from openpyxl import Workbook

        book = Workbook()
        for row in [("hold", "amount"), *rows]:
            book.active.append(row)
        book.save(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_an_invoice_is_reconciled_to_the_fen(units, tmp_path, suffix):
    granted()
    for key, amount in (("a", 12_34), ("b", 30), ("c", 1)):
        pay(key, amount)
    good = invoice(tmp_path, [("a", 12.34), ("b", 0.1 + 0.2 if suffix == "xlsx" else "0.30"), ("c", 0.01)], suffix)
    told = actions.reconcile(OFFICE, "算力中心", this_month(), good)
    assert (told.rows, told.invoiced, told.settled, told.differences) == (3, 1265, 1265, [])
    bad = invoice(tmp_path, [("a", 12.35), ("x", 1), ("c", 0.01)], suffix)
    told = actions.reconcile(Actor("sun", Role.ENTERPRISE, "算力中心"), "算力中心", this_month(), bad)
    assert [(one.key, one.row, one.invoiced, one.settled) for one in told.differences] == [
        ("a", 2, 1235, 1234), ("x", 3, 100, None), ("b", None, None, 30),
    ]  # fmt: skip
    with pytest.raises(NotAllowed):
        actions.reconcile(LI, "算力中心", this_month(), good)
    assert Record.objects.filter(kind="voucher.reconciled").count() == 2


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([("a", "1.234")], "amount"),
        ([("a", "-1")], "amount"),
        ([("a", 1), ("a", 1)], "key"),
        ([("", 1)], "key"),
        ([], None),
    ],
)
def test_an_invoice_that_cannot_be_read_says_where(tmp_path, rows, field):
    from dujiang.vouchers.invoices import read_invoice

    with pytest.raises(BadInput) as error:
        read_invoice(invoice(tmp_path, rows), "CNY")
    assert error.value.field == field


def test_the_dispatch_shows_the_month_and_reads_tallies_only(units, tmp_path, django_assert_num_queries):
    granted()
    pay("k", 12_34)
    text = "某省推进“人工智能+”行动方案\n\n一、发展目标\n到2027年，智能终端普及率超过60%。\n"
    (tmp_path / "plan.txt").write_text(text, encoding="utf-8")
    made = monthly_dispatch(load(OFFICE, tmp_path / "plan.txt").programme, this_month())
    assert [(one.issuer, one.granted, one.spent, one.outstanding) for one in made.vouchers] == [
        ("510000", 50_000, 616, 49_384), ("510700", 50_001, 618, 49_383),
    ]  # fmt: skip
    [section] = [one for one in sections(made) if one.title.en == "Vouchers"]
    assert "618" not in plain(section.rows[0][2], "en")
    assert plain(section.rows[0][3], "zh") == "6.16 元"
    again = Dispatch.from_json(made.as_json())
    assert again == made
    assert Dispatch.from_json({key: one for key, one in made.as_json().items() if key != "vouchers"}).vouchers == []
    with django_assert_num_queries(1):
        actions.month_figures(this_month())
    assert actions.month_figures("2020-01") == []


def test_an_open_programme_gives_at_the_first_hold_once_a_year(units):
    declare(code="open", shares=[], kinds=[], divisions=[], open_to_all=True, cap=500, budget=700)
    assert actions.balance("绵阳某公司", "gpu.a") == 500
    pay("a", 400)
    assert actions.balance("绵阳某公司", "gpu.a") == 100
    with pytest.raises(Refused, match="short"):
        pay("b", 101)
    # What is left of the budget is all that the next one gets.
    assert actions.balance("外省公司", "gpu.a") == 200
    assert Grant.objects.count() == 1


@given(st.integers(1, 10**12), st.integers(0, 10_000), st.lists(st.integers(1, 10**11), max_size=12))
def test_portions_of_a_grant_are_its_shares_exactly_and_none_is_off_by_more_than_one(amount, share, portions):
    province = province_part(amount, "510700", [Complement("51", share)])
    assert province == amount * share // 10_000
    one = GrantAccount(1, "h", "CNY", 1, "510000", "510700", amount, province, "", "", (), amount, 0)
    borne = 0
    for wanted in [*portions, amount]:
        portion = min(wanted, one.posted)
        part = one.borne_by_province(portion)
        assert 0 <= part <= portion
        assert abs(part * amount - portion * province) < amount
        one.posted -= portion
        borne += part
    assert borne == province


def test_the_longest_code_decides_and_texts_are_read():
    rules = [complement("51=50%"), complement("5132=62.5%")]
    assert province_part(1000, "513200", rules) == 625
    assert province_part(1000, "510700", rules) == 500
    assert province_part(1000, "", rules) == province_part(1000, "440100", rules) == 1000
    assert (city_of("510703"), city_of("510000"), city_of("")) == ("510700", "", "")
    for bad in ("51", "51=", "51=101%", "51=1.234%", "5=50%", "x=5%"):
        with pytest.raises(Refused):
            complement(bad)
