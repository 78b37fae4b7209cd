"""Gateways of a site: its vouchers pay, its database holds the statements, several processes share one voucher."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import openai
import pytest
from running import SOURCES, Gateway
from test_gateway import ASK, client, refused

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_enterprise
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.tokens import actions
from dujiang.tokens.actions import PRODUCT
from dujiang.tokens.bank import Batch, LineName, PurseName, Tally
from dujiang.tokens.models import Key, Lease, Line, Revision, Upstream
from dujiang.tokens.prices import FEN
from dujiang.tokens.site import SiteBank
from dujiang.vouchers import actions as vouchers
from dujiang.vouchers.models import Account

OFFICE = Actor("tester", Role.OFFICE)
HOLDER, PROVIDER = "某石油公司", "某智算公司"
PURSE = PurseName(HOLDER, PROVIDER)


@pytest.fixture
def offered(db):
    add_enterprise(OFFICE, HOLDER, "91110000600037341L")
    add_enterprise(OFFICE, PROVIDER, "9144030071526726XG")
    actions.offer_upstream(OFFICE, "pool", "http://127.0.0.1:1/v1", secret="sk-pool")
    actions.offer_model(OFFICE, "m", provider=PROVIDER, upstreams=["pool"], context=8192, output=512)
    actions.set_price(OFFICE, "m", input="2.00", cached="0.50", output="8.00")
    return actions.issue_key(OFFICE, HOLDER, days=30)


def batch(first, last, cost, *, closed=(), lease="l1", key=1):
    lines = {LineName(str(key), "m", "2026-11-25"): Tally(requests=1, prompt=cost, cost=cost)}
    return Batch("gw", first, last, "0" * 64, lines, {lease: cost}, frozenset(closed))


def test_what_is_offered_is_what_a_gateway_knows(offered):
    key, secret = offered
    catalogue = SiteBank().catalogue()
    [model] = catalogue.models.values()
    assert (model.name, model.provider, model.upstreams[0].secret) == ("m", PROVIDER, "sk-pool")
    assert model.prices.at(time.time()).output == 800
    [known] = catalogue.keys.values()
    assert (known.id, known.holder) == (str(key.pk), HOLDER)
    assert secret not in str(Key.objects.values()) + "".join(Record.objects.values_list("body", flat=True))
    assert "sk-pool" not in "".join(Record.objects.values_list("body", flat=True))
    [stored] = Upstream.objects.raw("SELECT id, secret AS stored FROM tokens_upstream")
    assert "sk-pool" not in stored.stored
    before = Revision.objects.get().number
    actions.revoke_key(OFFICE, key.pk)
    assert Revision.objects.get().number > before
    assert SiteBank().catalogue().keys == {}


def test_a_lease_is_a_hold_and_its_end_a_settlement(offered):
    key, _ = offered
    bank = SiteBank()
    bank.resume("gw")
    free = vouchers.balance(HOLDER, PRODUCT)
    until = time.time() + 3600
    grant = bank.lease("gw", "l1", PURSE, 1, 500 * FEN, until)
    assert grant.amount == 500 * FEN
    assert vouchers.balance(HOLDER, PRODUCT) == free - 500
    assert bank.extend(["l1", "none"], until + 3600) == ["l1"]
    made = batch(1, 3, 123_456_789, closed={"l1"}, key=key.pk)
    for _ in range(3):  # an answer that was lost
        bank.post(made)
    assert vouchers.balance(HOLDER, PRODUCT) == free - 123
    assert Account.objects.get(owner=PROVIDER).posted == 123
    assert Lease.objects.get().state == "closed"
    assert Line.objects.get().cost == 123_456_789
    assert Record.objects.filter(kind="token.settled").count() == 1
    with pytest.raises(ValueError, match="posted"):
        bank.post(batch(5, 6, 1, key=key.pk))
    # The broken fen is spent of the next lease from its start.
    assert bank.lease("gw", "l2", PURSE, 1, 100 * FEN, until).amount == 100 * FEN - 456_789
    assert Lease.objects.get(key="l2").spent == 456_789


def test_a_gateway_that_died_while_paying_is_finished_by_the_next(offered, monkeypatch):
    key, _ = offered
    bank = SiteBank()
    bank.resume("gw")
    bank.lease("gw", "l1", PURSE, 1, 500 * FEN, time.time() + 3600)
    with monkeypatch.context() as patched:
        patched.setattr(vouchers, "settle_all", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            bank.post(batch(1, 3, 40 * FEN, closed={"l1"}, key=key.pk))
    assert Lease.objects.get().state == "closing"
    assert SiteBank().resume("gw") == (3, frozenset())
    assert Lease.objects.get().state == "closed"
    assert Account.objects.get(owner=PROVIDER).posted == 40


def test_a_lease_that_the_vouchers_took_back_is_carried(offered):
    key, _ = offered
    bank = SiteBank()
    bank.resume("gw")
    bank.lease("gw", "l1", PURSE, 1, 500 * FEN, time.time() + 3600)
    vouchers.release(OFFICE, "l1")
    bank.post(batch(1, 3, 40 * FEN, closed={"l1"}, key=key.pk))
    grant = bank.lease("gw", "l2", PURSE, 1, 100 * FEN, time.time() + 3600)
    assert grant.amount == 100 * FEN
    assert Lease.objects.get(key="l2").spent == 40 * FEN
    assert Lease.objects.get(key="l2").amount == 140 * FEN


def test_more_than_the_vouchers_hold_is_not_leased(offered):
    bank = SiteBank()
    bank.resume("gw")
    free = vouchers.balance(HOLDER, PRODUCT)
    grant = bank.lease("gw", "l1", PURSE, (free + 1) * FEN, (free + 1) * FEN, time.time() + 3600)
    assert grant.amount == 0 and grant.left == free * FEN
    assert bank.lease("gw", "l2", PURSE, free * FEN, free * FEN, time.time() + 3600).amount == free * FEN
    assert bank.lease("gw", "l3", PURSE, 1, FEN, time.time() + 3600) == (0, 0)
    assert bank.lease("other", "l4", PURSE, 1, FEN, time.time() + 3600) == (0, free * FEN)


@pytest.mark.parametrize(
    "call",
    [
        lambda who: actions.offer_upstream(who, "x", "http://a/v1"),
        lambda who: actions.offer_model(who, "x", provider=PROVIDER, upstreams=["pool"], context=10, output=1),
        lambda who: actions.set_price(who, "m", input="1"),
        lambda who: actions.issue_key(who, HOLDER),
        lambda who: actions.statement(who, HOLDER, date(2026, 1, 1), date(2026, 12, 31)),
        lambda who: actions.spend_by_holder(who, date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_others_may_not(offered, call):
    before = Record.objects.count()
    for who in (Actor("p", Role.PUBLIC), Actor("e", Role.ENTERPRISE, PROVIDER)):
        with pytest.raises(NotAllowed):
            call(who)
    assert Record.objects.count() == before


def test_a_holder_keeps_its_own_keys(offered):
    own = Actor("e", Role.ENTERPRISE, HOLDER)
    key, _ = actions.issue_key(own, HOLDER, models=["m"], days=10)
    with pytest.raises(Refused, match="no valid key"):
        actions.revoke_key(Actor("e", Role.ENTERPRISE, PROVIDER), key.pk)
    assert actions.revoke_key(own, key.pk).revoked
    assert actions.statement(own, HOLDER, date(2026, 1, 1), date(2026, 12, 31)) == []
    with pytest.raises(Refused, match="no key"):
        actions.kept(Actor("e", Role.ENTERPRISE, PROVIDER), key.pk)
    assert actions.kept(own, key.pk) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: actions.offer_upstream(OFFICE, "X Y", "http://a/v1"), "small letters"),
        (lambda: actions.offer_upstream(OFFICE, "x", "file:///etc"), "http address"),
        (lambda: actions.offer_upstream(OFFICE, "x", "http://a/v1", colour=1), "no such fields"),
        (lambda: actions.offer_upstream(OFFICE, "x", "http://a/v1", usage="maybe"), "usage"),
        (lambda: actions.offer_upstream(OFFICE, "x", "http://a/v1", weight=0), "above 0"),
        (
            lambda: actions.offer_model(OFFICE, "a b", provider=PROVIDER, upstreams=["pool"], context=9, output=1),
            "name",
        ),
        (lambda: actions.offer_model(OFFICE, "x", provider="无", upstreams=["pool"], context=9, output=1), "no unit"),
        (lambda: actions.offer_model(OFFICE, "x", provider=PROVIDER, upstreams=["no"], context=9, output=1), "among"),
        (
            lambda: actions.offer_model(OFFICE, "x", provider=PROVIDER, upstreams=["pool"], context=1, output=9),
            "output",
        ),
        (
            lambda: actions.offer_model(
                OFFICE, "x", provider=PROVIDER, upstreams=["pool"], context=9, output=1, refuse_patterns=["a*"]
            ),
            "pattern",
        ),
        (lambda: actions.set_price(OFFICE, "m", input="0.001"), "two decimals"),
        (lambda: actions.set_price(OFFICE, "no", input="1"), "no model"),
        (lambda: actions.set_price(OFFICE, "m", input="1", since=datetime(2020, 1, 1, tzinfo=UTC)), "past"),
        (lambda: actions.issue_key(OFFICE, "无"), "no unit"),
        (lambda: actions.issue_key(OFFICE, HOLDER, days=0), "days"),
        (lambda: actions.issue_key(OFFICE, HOLDER, keep_days=999), "kept"),
        (lambda: actions.issue_key(OFFICE, HOLDER, requests_a_minute=-1), "limits"),
        (lambda: actions.issue_key(OFFICE, HOLDER, models=["no"]), "no models"),
        (lambda: actions.revoke_key(OFFICE, 999), "no valid key"),
    ],
)
def test_what_cannot_be_leaves_nothing(offered, call, said):
    before = Record.objects.count(), Revision.objects.get().number
    with pytest.raises(Refused, match=said):
        call()
    assert (Record.objects.count(), Revision.objects.get().number) == before


SETUP = """
import sys
from dujiang.identity.actions import add_enterprise
from dujiang.identity.permission import Actor, Role
from dujiang.tokens import actions
from dujiang.tokens.actions import PRODUCT
office = Actor("tester", Role.OFFICE)
add_enterprise(office, "某石油公司", "91110000600037341L")
add_enterprise(office, "某智算公司", "9144030071526726XG")
actions.offer_upstream(office, "pool", sys.argv[1])
actions.offer_model(office, "m", provider="某智算公司", upstreams=["pool"], context=8192, output=512)
actions.set_price(office, "m", input="2000.00", cached="500.00", output="8000.00")
actions.offer_model(office, "p", provider="某智算公司", upstreams=["pool"], context=8192, output=512, public=True)
actions.set_price(office, "p", input="1")
print(actions.issue_key(office, "某石油公司", days=30)[1])
"""
CHECK = """
import json
from dujiang.tokens.models import Carry, Lease, Line
from dujiang.vouchers.models import Account
from dujiang.evidence.models import Record
print(json.dumps({
    "cost": sum(one.cost for one in Line.objects.all()), "requests": sum(one.requests for one in Line.objects.all()),
    "completion": sum(one.completion for one in Line.objects.all()),
    "carry": sum(one.amount for one in Carry.objects.all()), "open": Lease.objects.exclude(state="closed").count(),
    "paid": Account.objects.get(owner="某智算公司").posted, "held": sum(a.held for a in Account.objects.all()),
    "below": [a.pk for a in Account.objects.filter(kind="holder") if a.posted - a.held < 0],
    "unfiled": sum(one["count"] for record in Record.objects.filter(kind="safety.refused") for one in record.content["refused"]),
    "gateways": Lease.objects.values("gateway").distinct().count(),
    "batches": Record.objects.filter(kind="token.settled").count()}))
"""


def test_several_processes_share_the_vouchers_of_a_site(site, stub, tmp_path):
    """Two gateways of two processes each; one is killed under way. On SQLite and on PostgreSQL."""
    process = site.python(SETUP, stub)
    secret, errors = process.communicate()
    assert process.returncode == 0, errors
    secret = secret.strip()
    gateways = [Gateway(tmp_path / f"g{number}") for number in range(2)]
    for one in gateways:
        one.environment = {**site.environment, "PYTHONPATH": str(SOURCES)}
        one.file.write_text(
            f'store = "site"\nlisten = "127.0.0.1:{one.port}"\nfolder = "{one.folder}/run"\nworkers = 2\nblock = "2.00"\n'
        )
        one.start()
    good = []

    def ask(number):
        gateway = gateways[number % 2]
        for _ in range(50):
            try:
                told = client(gateway, secret).chat.completions.create(model="m", messages=ASK, max_tokens=20)
                good.append(told.usage.completion_tokens)
                return
            except (openai.APIConnectionError, openai.InternalServerError):
                time.sleep(0.1)

    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(200)))
            gateways[0].kill()
            gateways[0].start()
            list(pool.map(ask, range(200)))
        for one in gateways:  # what lacks its filing is not served to the public
            refused(
                lambda one=one: client(one, secret).chat.completions.create(model="p", messages=ASK), 403, "not_filed"
            )
        key = "from dujiang.tokens.models import Key; from dujiang.tokens.actions import revoke_key\n"
        key += "from dujiang.identity.permission import Actor, Role\nrevoke_key(Actor('t', Role.OFFICE), Key.objects.get().pk)"
        revoking = site.python(key)
        revoking.communicate()
        time.sleep(1)
        for one in gateways * 4:
            refused(
                lambda one=one: client(one, secret).chat.completions.create(model="m", messages=ASK),
                401,
                "invalid_api_key",
            )
    finally:
        for one in gateways:
            one.stop()
    checking = site.python(CHECK)
    out, errors = checking.communicate()
    assert checking.returncode == 0, errors
    found = json.loads(out)
    assert len(good) == 400
    assert found["requests"] >= 400
    assert found["completion"] == sum(good)
    assert found["open"] == found["held"] == 0
    assert found["below"] == []
    assert found["paid"] * FEN + found["carry"] == found["cost"]
    assert 0 <= found["carry"] < FEN
    assert found["gateways"] >= 3
    assert found["batches"] > 0
    assert found["unfiled"] == 2
