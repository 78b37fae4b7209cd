"""The pages of vouchers: an enterprise applies, its city reviews and grants, and each sees what is its own."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from credit_codes import credit_code
from dujiang.identity.actions import add_enterprise, add_person, units_of_plan
from dujiang.identity.permission import Actor, Role
from dujiang.vouchers import actions
from dujiang.vouchers.models import Application, Grant
from dujiang.vouchers.terms import Complement

OFFICE = Actor("tester", Role.OFFICE)


def signed_in(username, role, unit, language="zh-hans"):
    client = Client(headers={"accept-language": language})
    client.force_login(add_person(OFFICE, username, "某人", role, unit)[0])
    return client


@pytest.fixture
def programme(db):
    units_of_plan(["绵阳市", "成都市"])
    add_enterprise(OFFICE, "绵阳某公司", credit_code("91510700MA6AAAAAX"))
    made = actions.declare(
        OFFICE, code="sc", title="四川省算力券", unit="CNY", cap=100_000, budget=10**6, issuer="510000",
        shares=[Complement("51", 5000)], since=date(2026, 1, 1), until=date(2099, 12, 31),
    )  # fmt: skip
    actions.allot(OFFICE, made, "510700", 10**6)
    return made


def test_an_enterprise_applies_its_city_grants_and_the_statement_shows_it(programme):
    li, zhao = signed_in("li", Role.ENTERPRISE, "绵阳某公司"), signed_in("zhao", Role.CITY, "绵阳市")
    assert "四川省算力券" in li.get("/vouchers/").content.decode()
    sent = {"programme": "sc", "amount": "800.50", "purpose": "训练<b>", "holder": "别的单位"}
    assert li.post("/vouchers/apply/", sent)["Location"] == "/vouchers/statement/"
    application = Application.objects.get()
    assert (application.holder, application.amount) == ("绵阳某公司", 80_050)
    assert "待评审" in li.get("/vouchers/statement/").content.decode()
    page = zhao.get("/vouchers/applications/").content.decode()
    assert "训练&lt;b&gt;" in page
    assert "800.50 元" in page
    where = f"/vouchers/applications/{application.pk}/"
    assert zhao.post(f"{where}grant/").status_code == 409
    assert zhao.post(f"{where}review/", {"verdict": "approve", "amount": "700", "why": "核减"}).status_code == 302
    assert zhao.post(f"{where}grant/").status_code == 302
    assert Grant.objects.get().amount == 70_000
    until = datetime.now(UTC) + timedelta(hours=1)
    actions.hold(OFFICE, key="job-1", holder="绵阳某公司", product="gpu", provider="算力中心", amount=100, until=until)
    actions.settle(OFFICE, "job-1", 60)
    actions.hold(OFFICE, key="job-2", holder="绵阳某公司", product="gpu", provider="算力中心", amount=100, until=until)
    page = li.get("/vouchers/statement/").content.decode()
    for shown in ("700.00 元", "0.60 元", "698.40 元", "绵阳市 350.00 元", "job-1", "job-2"):
        assert shown in page, shown
    page = Client(headers={"accept-language": "en"}).get("/vouchers/").content.decode()
    assert "CNY 0.30" in page
    assert "Left to grant" in page
    assert "the province" in page


def test_each_sees_and_does_what_is_its_own_only(programme):
    actions.apply(OFFICE, programme, "绵阳某公司", 1000, "训练")
    sun, auditor = signed_in("sun", Role.CITY, "成都市"), signed_in("audit", Role.AUDITOR, None)
    assert "绵阳某公司" not in sun.get("/vouchers/applications/").content.decode()
    where = f"/vouchers/applications/{Application.objects.get().pk}/"
    assert sun.post(f"{where}review/", {"verdict": "decline", "why": "不"}).status_code == 403
    assert "绵阳某公司" not in sun.get("/vouchers/statement/?unit=绵阳某公司").content.decode()
    assert "待评审" in auditor.get("/vouchers/statement/?unit=绵阳某公司").content.decode()
    assert auditor.get("/vouchers/applications/").status_code == 403
    assert Client().get("/vouchers/statement/").status_code == 302


@pytest.mark.parametrize("amount", ["", "一百", "1.234", "NaN", "-5", "1e30"])
def test_an_amount_that_is_none_is_refused(programme, amount):
    li = signed_in("li", Role.ENTERPRISE, "绵阳某公司")
    assert li.post("/vouchers/apply/", {"programme": "sc", "amount": amount, "purpose": "训练"}).status_code == 409
    assert not Application.objects.exists()
