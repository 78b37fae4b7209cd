"""Killed at random moments: what was acknowledged is there, nothing is there by half, and the ledger adds up."""

import json

KILLED = r"""
import json, os, random, select, signal, sys, threading, time
from datetime import UTC, datetime, timedelta
from django.db import connections
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused
from dujiang.vouchers import actions
from dujiang.vouchers.audit import faults

ROUNDS = int(sys.argv[1])
OFFICE = Actor("tester", Role.OFFICE)
until = datetime.now(UTC) + timedelta(days=1)
actions.hold(OFFICE, key="first", holder="h0", product="gpu", provider="c", amount=1, until=until)
connections.close_all()
chance = random.Random(7)


def write(number, told):
    def work(thread):
        own = random.Random(number * 100 + thread)
        for n in range(10**6):
            key, amount = f"{number}-{thread}-{n}", own.randint(1, 50)
            actions.hold(OFFICE, key=key, holder=f"h{own.randint(0, 3)}", product="gpu", provider="c", amount=amount, until=until)
            os.write(told, f"held {key} {amount}\n".encode())
            if own.random() < 0.7:
                paid = own.randint(0, amount)
                actions.settle(OFFICE, key, paid)
                os.write(told, f"settled {key} {paid}\n".encode())
            else:
                actions.release(OFFICE, key)
                os.write(told, f"released {key} 0\n".encode())

    for thread in range(6):
        threading.Thread(target=work, args=(thread,)).start()


acknowledged = 0
wrong = []
for number in range(ROUNDS):
    reads, writes = os.pipe()
    os.set_inheritable(writes, True)
    os.set_blocking(reads, False)
    child = os.fork()
    if child == 0:
        write(number, writes)
        signal.pause()
    os.close(writes)
    select.select([reads], [], [])  # a kill before the first commit would prove nothing
    time.sleep(chance.uniform(0, 0.15))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    told = b""
    while part := os.read(reads, 1 << 16):
        told += part
    os.close(reads)
    lines = [line.split() for line in told.decode().splitlines()]
    acknowledged += len(lines)
    last = {key: (state, int(amount)) for state, key, amount in lines}
    for key, (state, amount) in last.items():
        found = actions.find(key)
        # A hold may have gone on to an end that its writer was killed before it told.
        good = found is not None and (state == "held" or (found.state, found.paid) == (state, amount))
        if not good:
            wrong.append([key, state, amount, str(found)])
    if number % 50 == 49:
        wrong += [one.en for one in faults()]
    connections.close_all()
print(json.dumps({"rounds": ROUNDS, "acknowledged": acknowledged, "wrong": wrong}))
"""


def test_two_hundred_kills_lose_nothing_that_was_acknowledged(site):
    writer = site.python(KILLED, "200")
    out, told = writer.communicate()
    assert writer.returncode == 0, told
    found = json.loads(out)
    print(found)
    assert found["rounds"] == 200
    assert found["wrong"] == []
    assert found["acknowledged"] > 200
