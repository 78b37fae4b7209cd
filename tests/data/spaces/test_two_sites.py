"""Two sites that know nothing of each other but addresses and keys trade over HTTP by the Dataspace Protocol."""

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from waiting import until

# Serves a site's pages on a port, and carries out what comes on standard input meanwhile.
SERVING = """
import json, sys, threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from dujiang.store import open_store
open_store()
from django.core.wsgi import get_wsgi_application
class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass
class Threading(ThreadingMixIn, WSGIServer): daemon_threads = True
server = make_server("127.0.0.1", 0, get_wsgi_application(), Threading, Quiet)
from django.conf import settings
settings.DATA_ADDRESS = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps(settings.DATA_ADDRESS), flush=True)
from datetime import date
from pathlib import Path
from dujiang.data import actions as catalogue
from dujiang.data.models import Dataset
from dujiang.data.spaces import actions, asking, odrl, trading
from dujiang.data.spaces.models import *
from dujiang.data.spaces.policy import *
from dujiang.data.spaces.places import engine
from dujiang.evidence.models import Record
from dujiang.identity.actions import units_of_plan
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused
names = globals()
for line in sys.stdin:
    result = None
    try:
        exec(compile(json.loads(line), "asked", "exec"), names)
        result = names.pop("result", None)
    except Exception as error:
        result = {"error": type(error).__name__, "why": str(error)}
    print(json.dumps(result, default=str), flush=True)
engine.close()
"""


class Serving:
    """A site that serves."""

    def __init__(self, site):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVING],
            env=site.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = json.loads(self.process.stdout.readline())

    def do(self, code):
        """Carry out some Python at the site; returns what it calls ``result``."""
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        assert not (isinstance(told, dict) and "error" in told), told["why"]
        return told

    def refuses(self, code):
        with pytest.raises(AssertionError) as told:
            self.do(code)
        return str(told.value)

    def wait(self, code, value):
        until(lambda: self.do(code) == value, lambda: self.do(code))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


@pytest.fixture
def sites(site, tmp_path):
    # The second keeps its records in SQLite whatever the first does: they share nothing.
    home = tmp_path / "second"
    home.mkdir(mode=0o700)
    environment = {name: value for name, value in site.environment.items() if name != "DUJIANG_DATABASE_URL"}
    if (made := site.home / "dujiang.sqlite3").exists():
        (home / made.name).write_bytes(made.read_bytes())
    other = type(site)(home, {**environment, "DUJIANG_HOME": str(home)})
    with ExitStack() as stack:
        both = []
        for one in (site, other):
            both.append(Serving(one))
            stack.callback(both[-1].close)
        yield both


def test_a_foreign_insurer_asks_negotiates_and_is_answered(sites, tables):
    hospital, insurer = sites
    path = next(path for name, path, *_ in tables.tables if name == "patients")
    us = "Actor('hua', Role.ENTERPRISE, '华西医院')"
    them = "Actor('bao', Role.ENTERPRISE, '外省保险公司')"
    hospital.do(f"""
from datetime import datetime, timezone
units_of_plan(["华西医院"])
us, office = {us}, Actor("t", Role.OFFICE)
one = catalogue.register(us, title_zh="门诊费用", description="门诊费用明细，合成数据。", owner="华西医院", basis="authorised-operation",
    sensitivity="sensitive-personal", keywords=["门诊"], licence="仅按合约使用")
version = catalogue.deposit(us, one, [Path({path!r})])
catalogue.review(Actor("r", Role.REVIEWER), catalogue.submit(us, version), approved=True)
one.refresh_from_db()
view = View("people", "patients", (Column("city", use=Use.GROUP), Column("salary", use=Use.MEASURE)), subject="id")
policy = Policy(("pricing",), datetime(2099, 1, 1, tzinfo=timezone.utc), (view,), queries=3, group=5, price_a_query=100)
offer = actions.offer(us, one, policy, files={{"patients": "patients.parquet"}})
""")
    insurer.do(f"units_of_plan(['外省保险公司']); us = {them}; actions.participant_of('外省保险公司')")
    # The two offices exchange identifiers, addresses and keys, each from the other's own page.
    for here, there, unit in ((hospital, insurer, "外省保险公司"), (insurer, hospital, "华西医院")):
        here.do(f"""
import urllib.request
told = json.load(urllib.request.urlopen({there.address!r} + "/dsp/"))
[other] = told["participants"]
actions.register_participant(Actor("t", Role.OFFICE), other["identifier"], {unit!r}, other["connector"], told["publicKey"])
far = Participant.objects.get(unit=None)
""")
    insurer.do("""
from datetime import date
found = trading.catalogue_of(us, far, "外省保险公司")
[entry] = found["dataset"]
[offer] = entry["hasPolicy"]
""")
    assert "approval" in insurer.refuses(
        "trading.request(us, far, offer, entry['@id'], unit='外省保险公司', purpose='pricing', legal_basis='合同')"
    )
    insurer.do("""
asked = trading.request(us, far, offer, entry["@id"], unit="外省保险公司", purpose="pricing", legal_basis="合同",
    ethics_approval="伦审2026-1", ethics_until=date(2099, 1, 1))
""")
    state = "result = Negotiation.objects.get().state"
    assert insurer.do(state) == hospital.do(state) == "REQUESTED"
    hospital.do("made = trading.agree(us, Negotiation.objects.get())")
    for one in sites:
        one.wait(state, "FINALIZED")
    same = "result = Agreement.objects.get().policy"
    assert insurer.do(same) == hospital.do(same)
    insurer.do("agreement = Agreement.objects.get(); transfer = trading.request_transfer(us, agreement)")
    for one in sites:
        one.wait("result = Transfer.objects.get().state", "STARTED")
    answer = insurer.do(
        "result = trading.ask_far(us, agreement, 'SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY n')"
    )
    assert ["绵阳", 30] in answer["rows"]
    assert "aggregates" in insurer.refuses("trading.ask_far(us, agreement, 'SELECT max(salary) FROM people')")
    for _ in range(2):
        insurer.do("trading.ask_far(us, agreement, 'SELECT city, count(*) FROM people GROUP BY city')")
    assert "used up" in insurer.refuses(
        "trading.ask_far(us, agreement, 'SELECT city, count(*) FROM people GROUP BY city')"
    )
    assert hospital.do("result = [Query.objects.filter(outcome=one).count() for one in ('answered', 'refused')]") == [
        3,
        2,
    ]
    assert hospital.do("result = Agreement.objects.get().due") == 300
    kinds = hospital.do(
        "result = sorted(set(Record.objects.filter(kind__startswith='space.').values_list('kind', flat=True)))"
    )
    assert kinds == [
        f"space.{one}"
        for one in ("agreed", "answered", "negotiated", "offered", "participant", "refused", "transferred")
    ]
    for one in sites:
        one.do(
            "from dujiang.evidence.actions import stored\nfrom dujiang.evidence.chain import walk\nassert walk(stored()).fault is None"
        )
