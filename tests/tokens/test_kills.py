"""50,000 requests over HTTP to a service full of faults, through a gateway that is killed 50 times.

What holds whatever happens:

- The voucher is never below zero, and at the end what is booked is what the statement says, less than a fen behind.
- A request whose answer reached its client whole is charged once, exactly what the service said that it produced.
- No request is charged twice, and none more than the service produced where it says how much.
- A request in flight at a kill is charged either nothing (its hold is in the journal, its settlement is not: it is
  counted as abandoned) or exactly what the service produced (it was settled, and the kill took the answer's end).
"""

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter

import aiohttp
import pytest
from running import KEY, running_stub

from dujiang.tokens.journal import Journal

REQUESTS = int(os.environ.get("TOKENS_REQUESTS", "50000"))
KILLS = 50
CLIENTS = 32


@pytest.mark.parametrize("workers", [2])
def test_no_request_is_lost_or_charged_twice(gateway, tmp_path, workers):
    record = tmp_path / "record"
    options = ("--faults", 7, "--share", 0.1, "--latency", 0.002, "--slow", 0.2, "--record", record)
    with (
        running_stub(*options) as first,
        running_stub("--faults", 8, "--share", 0.02, "--record", tmp_path / "record2") as second,
    ):
        gateway.configure(
            [(first, "answer = 30"), (second, "answer = 30")],
            amount="3000.00",
            block='"2.00"',
            log="false",
            workers=workers,
        )
        gateway.start()
        answers, low = asyncio.run(load(gateway))
        gateway.stop()
    assert low >= 0, "the voucher was overdrawn"
    check(gateway, answers, [tmp_path / "record", tmp_path / "record2"])


async def load(gateway):
    """Send all requests while the gateway is killed; returns which answers came whole, by the id that came with them."""
    answers, sent, chance = {}, 0, random.Random(3)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    over = asyncio.Event()

    async def client(seed):
        nonlocal sent
        mine = random.Random(seed)
        while sent < REQUESTS:
            sent += 1
            stream = mine.random() < 0.4
            body = {"model": "m", "messages": [{"role": "user", "content": "水" * mine.randrange(1, 60)}],
                    "max_tokens": mine.randrange(1, 40), "stream": stream}  # fmt: skip
            hang_up = mine.random() < 0.03
            try:
                # A connection that is refused is no request.
                async with session.post(
                    gateway.url + "/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}
                ) as told:
                    name = told.headers.get("x-request-id")
                    if hang_up and stream:
                        await told.content.readany()
                        told.close()
                        continue
                    data = await told.read()
                    if told.status == 200 and (data.endswith(b"data: [DONE]\n\n") or not stream):
                        assert name not in answers
                        answers[name] = stream
            except aiohttp.ClientConnectorError:
                sent -= 1
                await asyncio.sleep(0.05)
            except (aiohttp.ClientError, OSError):
                pass

    async def kill():
        for number in range(KILLS):
            wanted = REQUESTS * (number + 1) // (KILLS + 1)
            while sent < wanted and not over.is_set():
                await asyncio.sleep(0.005)
            await asyncio.sleep(chance.random() * 0.02)
            if number % 10 == 9:
                gateway.kill()
                await asyncio.to_thread(gateway.start)
            else:
                gateway.kill_worker(number)

    async def watch():
        """The voucher as the ledger has it, all the while."""
        low = 0
        path = gateway.folder / "run" / "gateway.sqlite3"
        while not over.is_set():
            database = sqlite3.connect(path, timeout=30)
            [found] = database.execute("SELECT min(amount - held - spent) FROM voucher").fetchall()
            database.close()
            low = min(low, found[0])
            await asyncio.sleep(0.1)
        return low

    watching, killing = asyncio.create_task(watch()), asyncio.create_task(kill())
    await asyncio.gather(*map(client, range(CLIENTS)))
    await killing
    over.set()
    await session.close()
    return answers, await watching


def check(gateway, answers, records):
    produced = {}
    for path in records:
        for line in path.read_text().splitlines():
            one = json.loads(line)
            produced.setdefault(one["id"], []).append(one)
    settled, spent = {}, 0
    for folder in sorted((gateway.folder / "run" / "journal").iterdir()):
        journal = Journal(folder)
        for _, entry, _ in journal.records():
            if entry[0] == "settle":
                _, number, cost, _, _, _, _, prompt, cached, completion, how = entry
                name = f"{journal.name}-{number}"
                assert name not in settled, "charged twice"
                settled[name] = (cost, prompt, cached, completion, how)
                spent += cost
        journal.close()
    for name in answers:
        cost, prompt, cached, completion, how = settled[name]
        known = produced[name]
        assert how in ("reported", "counted"), (name, how)
        if how == "reported":
            [whole] = [one for one in known if one["whole"] and one["told"]][-1:]
            assert (prompt, completion) == (whole["prompt"], whole["completion"])
            assert cost == (prompt - cached) * 200 + cached * 50 + completion * 800
        else:
            assert any(not one["told"] for one in known)
    for name, (cost, prompt, _, completion, how) in settled.items():
        if how == "reported":
            assert any((one["prompt"], one["completion"]) == (prompt, completion) for one in produced[name])
        elif how in ("failed", "abandoned"):
            assert cost == 0
    bank = gateway.bank()
    statement = bank.statement()
    assert sum(line.cost for line in statement.values()) == spent
    assert sum(line.requests for line in statement.values()) == len(settled)
    [(_, _, amount, held, booked)] = bank.vouchers()
    bank.close()
    assert held == 0
    assert 0 <= spent - booked < 1_000_000
    assert booked <= amount
    hows = Counter(how for *_, how in settled.values())
    print(len(settled), "settled", dict(hows), len(answers), "answered whole", time.process_time())
    assert hows["abandoned"] > 0, "no kill met a request"
    assert len(answers) > REQUESTS // 2
