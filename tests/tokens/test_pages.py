"""Pages and commands of models: what is offered, a holder's keys and use, what is spent."""

import csv
import io
import json
import re

import pytest
from django.test import Client
from test_site import HOLDER, OFFICE, PROVIDER, batch, offered  # noqa: F401

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Role
from dujiang.tokens import actions
from dujiang.tokens.bank import PurseName
from dujiang.tokens.keys import digest
from dujiang.tokens.models import Key
from dujiang.tokens.prices import FEN
from dujiang.tokens.site import SiteBank


@pytest.fixture
def own(offered):  # noqa: F811
    person, _ = add_person(OFFICE, "wang", "王某", Role.ENTERPRISE, HOLDER)
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(person)
    return client


@pytest.fixture
def other(offered):  # noqa: F811
    person, _ = add_person(OFFICE, "zhao", "赵某", Role.ENTERPRISE, PROVIDER)
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def auditor(offered):  # noqa: F811
    person, _ = add_person(OFFICE, "qian", "钱某", Role.AUDITOR, None)
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(person)
    return client


def used(key, cost):
    bank = SiteBank()
    bank.resume("gw")
    bank.lease("gw", "l1", PurseName(HOLDER, PROVIDER), 1, 500 * FEN, 4_000_000_000)
    bank.post(batch(1, 2, cost, key=key.pk))


def test_the_price_list_is_public(offered):  # noqa: F811
    actions.offer_model(OFFICE, "free", provider=PROVIDER, upstreams=["pool"], context=10, output=5)
    page = Client(headers={"accept-language": "zh-hans"}).get("/models/").content.decode()
    assert "2.00" in page and "0.50" in page and "8.00" in page
    assert "暂无现行价格" in page
    assert "我的密钥" not in page


def test_a_holder_issues_and_revokes_a_key_on_the_page(own, other):
    given = {
        "note": "实验",
        "model": ["m"],
        "requests_a_minute": "60",
        "tokens_a_minute": "0",
        "days": "30",
        "keep_days": "0",
    }
    page = own.post("/models/keys/", given).content.decode()
    secret = re.search(r"sk-dujiang-[\w-]+", page)[0]
    key = Key.objects.get(digest=digest(secret))
    assert (key.holder, key.for_models, key.requests_a_minute) == (HOLDER, ["m"], 60)
    assert secret not in own.get("/models/keys/").content.decode()
    assert "实验" not in other.get("/models/keys/").content.decode()
    assert other.post(f"/models/keys/{key.pk}/revoke/").status_code == 404
    assert own.post(f"/models/keys/{key.pk}/revoke/").status_code == 302
    key.refresh_from_db()
    assert key.revoked
    assert Record.objects.order_by("-sequence").first().actor == "enterprise:wang"


@pytest.mark.parametrize(
    "bad", [{"days": "0"}, {"days": "x"}, {"model": ["none"]}, {"requests_a_minute": "-1"}, {"holder": "无"}]
)
def test_a_key_that_cannot_be_is_told_why(own, bad):
    before = Key.objects.count()
    given = {"requests_a_minute": "0", "tokens_a_minute": "0", "days": "30", "keep_days": "0", **bad}
    told = own.post("/models/keys/", given)
    assert told.status_code in (403, 409)
    assert Key.objects.count() == before


def test_a_key_of_another_unit_is_not_issued(own):
    given = {"holder": PROVIDER, "requests_a_minute": "0", "tokens_a_minute": "0", "days": "30", "keep_days": "0"}
    assert own.post("/models/keys/", given).status_code == 403
    assert not Key.objects.filter(holder=PROVIDER).exists()


def test_use_is_shown_to_its_holder_and_those_who_oversee(offered, own, other, auditor):  # noqa: F811
    key, _ = offered
    used(key, 123_456_789)
    days = "?since=2026-11-01&until=2026-11-30"
    for client in (own, auditor):
        page = client.get("/models/usage/" + days).content.decode()
        assert "1.23456789" in page and HOLDER in page
    assert HOLDER not in other.get("/models/usage/" + days).content.decode()
    table = own.get("/models/usage/usage.csv" + days).content.decode("utf-8-sig")
    [line] = csv.DictReader(io.StringIO(table))
    assert (line["holder"], line["cost"], line["requests"]) == (HOLDER, "123456789", "1")
    assert own.get("/models/usage/?since=2026-13-01").status_code == 404
    spend = auditor.get("/models/spend/" + days).content.decode()
    assert "1.23456789" in spend and HOLDER in spend
    assert own.get("/models/spend/").status_code == 403


def test_the_commands_offer_a_model_and_say_what_was_used(db, command, tmp_path):
    for name, code in ((HOLDER, "91110000600037341L"), (PROVIDER, "9144030071526726XG")):
        command("unit", "add", name, "--code", code)
    command("token", "upstream", "pool", "--url", "http://127.0.0.1:1/v1", "--key-env", "POOL", POOL="sk-pool")
    model = ("--provider", PROVIDER, "--upstream", "pool", "--context", "8192", "--output", "512", "--refuse", "禁词")
    command("token", "model", "m", *model)
    command("token", "price", "m", "--input", "2.00", "--cached", "0.50", "--output", "8.00")
    told = command("token", "price", "m", "--input", "0.001", check=False)
    assert told.returncode == 1 and "两位小数" in told.stdout + told.stderr
    issued = command("token", "key", HOLDER, "--model", "m", "--requests", "60").stdout
    assert re.search(r"sk-dujiang-[\w-]+", issued)
    key = Key.objects.get().pk
    command("token", "revoke", key)
    assert command("token", "revoke", key, check=False).returncode == 1
    command("token", "usage", "--json", tmp_path / "usage.json")
    assert json.loads((tmp_path / "usage.json").read_text()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen = 5", "listen"),
        ('listen = "here"', "listen"),
        ('store = "cloud"', "store"),
        ("[[upstream]]\nname = 'a'", "url"),
        ("[[upstream]]\nname = 'a'\nurl = 'u'\ncolour = 1", "colour"),
        ("[[model]]\nname = 'm'\nupstreams = ['none']", "upstreams"),
        ("[[model]]\nname = 'm'\ncontext = 0\noutput = 1", "context"),
        ("[[model]]\nname = 'm'\nprice = [{input = '0.001'}]", "input"),
        ("[[key]]\nid = 'k'\nsha256 = 'abc'\nholder = 'h'", "sha256"),
        ("[[voucher]]\nid = 'v'\nholder = 'h'\namount = 5", "amount"),
        ("what = 1", "what"),
        ("= broken", "TOML"),
    ],
)
def test_a_file_that_is_wrong_is_told_where(command, tmp_path, text, said):
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    told = command("gateway", "--config", file, check=False)
    assert told.returncode == 1
    assert said in told.stderr and "gateway.toml" in told.stderr.replace("\n", "")
    assert "Traceback" not in told.stderr
