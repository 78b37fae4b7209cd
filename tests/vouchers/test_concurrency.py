"""Many writers at once, in threads and processes: nothing is settled twice, no account goes below, groups form."""

import json

WRITER = r"""
import json, random, sys, threading
from datetime import UTC, datetime, timedelta
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused
from dujiang.vouchers import actions

OFFICE = Actor(sys.argv[1], Role.OFFICE)
until = datetime.now(UTC) + timedelta(days=1)
settled, refused = [], 0


def work(seed):
    global refused
    own = random.Random(seed)
    for n in range(30):
        # All writers ask for the same keys, and each wants another end for them.
        key = f"k{n}"
        try:
            actions.hold(OFFICE, key=key, holder="h", product="gpu", provider="c", amount=1_000_000, until=until)
            if own.random() < 0.3:
                actions.release(OFFICE, key)
            else:
                paid = own.randint(1, 1000)
                settled.append([key, actions.settle(OFFICE, key, paid).amount])
        except Refused:
            refused += 1


threads = [threading.Thread(target=work, args=(f"{sys.argv[1]}{n}",)) for n in range(6)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(json.dumps({"settled": settled, "refused": refused}))
"""
LOOK = r"""
import json
from dujiang.vouchers import audit
from dujiang.vouchers.models import Account, Outcome, Transfer
print(json.dumps({
    "faults": [one.en for one in audit.faults()],
    "outcomes": {one.hold.key: [one.how, one.amount] for one in Outcome.objects.select_related("hold")},
    "paid": Account.objects.get(kind="provider").posted,
    "times": Transfer.objects.filter(hold__isnull=False).values("time").distinct().count(),
}))
"""


def test_writers_in_threads_and_processes_settle_each_hold_once(site):
    site.run("evidence", "verify", check=False)  # the store is there before they start
    writers = [site.python(WRITER, name) for name in "abc"]
    told = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], told
    results = [json.loads(out) for out, _ in told]
    looked = site.python(LOOK)
    out, error = looked.communicate(timeout=60)
    assert looked.returncode == 0, error
    found = json.loads(out)
    assert found["faults"] == []
    settled = [tuple(one) for result in results for one in result["settled"]]
    by_outcome = {key: amount for key, (how, amount) in found["outcomes"].items() if how == "settled"}
    # Whoever was told that a hold was settled was told the one amount that it was settled with.
    assert all(by_outcome[key] == amount for key, amount in settled)
    assert {key for key, _ in settled} == set(by_outcome)
    assert found["paid"] == sum(by_outcome.values())
    assert sum(result["refused"] for result in results) > 0


GATHERED = r"""
import threading, time
from datetime import UTC, datetime, timedelta
from django.db import transaction
from dujiang.identity.permission import Actor, Role
from dujiang.vouchers import actions
from dujiang.vouchers.models import Hold

OFFICE = Actor("tester", Role.OFFICE)
until = datetime.now(UTC) + timedelta(days=1)
hold = lambda n: actions.hold(OFFICE, key=f"k{n}", holder="h", product="gpu", provider="c", amount=1, until=until)
hold("first")
threads = [threading.Thread(target=hold, args=(n,)) for n in range(40)]
with transaction.atomic():
    # While another writer has the store, callers gather behind the first of them.
    from dujiang.evidence.actions import append
    append(OFFICE, "scenario.tried", "a/b", {})
    for one in threads:
        one.start()
    time.sleep(0.5)
for one in threads:
    one.join()
print(Hold.objects.count(), Hold.objects.exclude(key="kfirst").values("time").distinct().count())
"""


def test_callers_that_come_together_share_a_transaction(site):
    writer = site.python(GATHERED)
    out, told = writer.communicate(timeout=60)
    assert writer.returncode == 0, told
    holds, groups = map(int, out.split())
    assert holds == 41
    assert groups == 2  # the first caller's own, and one of all the others
