"""The ledger's model test: many clients, several gateways, one voucher, and gateways that die."""

import asyncio
import itertools
import random
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.tokens import journal as journals
from dujiang.tokens.bank import PurseName, Tally
from dujiang.tokens.catalogue import Catalogue
from dujiang.tokens.escrow import Escrow, Short
from dujiang.tokens.filebank import FileBank, Voucher
from dujiang.tokens.journal import Journal
from dujiang.tokens.prices import FEN, Usage

PURSE = PurseName("holder", "provider")
FOREVER = float("inf")


def bank_at(folder, amount):
    return FileBank(folder / "bank.sqlite3", lambda: (0, Catalogue({}, {}), [Voucher("v", "holder", amount, FOREVER)]))


def totals(bank):
    total = Tally()
    for line in bank.statement().values():
        total = total.plus(line)
    return total


def die(escrow):
    """End as a killed process does: nothing in memory is left, the journal's lock is gone."""
    for task in escrow._refilling.values():
        task.cancel()
    escrow.thread.shutdown(wait=True)
    escrow.journal.close()
    escrow.bank.close()


def whole_fen(bank, spent):
    """The voucher, at the end: nothing is leased, and what is booked is what was spent, less than a fen behind."""
    [(_, _, amount, held, booked)] = bank.vouchers()
    assert held == 0
    assert 0 <= spent - booked < FEN
    assert booked <= amount
    return amount


def test_a_million_holds_of_64_clients_on_one_voucher(tmp_path):
    """4 gateways of 16 clients each; the money is enough for a part of it, so that it runs out under load."""
    holds, clients, gateways = 1_000_000, 64, 4
    bank_at(tmp_path, amount := 600 * FEN).close()
    charged = Counter()

    async def client(escrow, seed, count):
        chance = random.Random(seed)
        numbers = [chance.randrange(100, 3000) for _ in range(97)]
        flying = []
        for number in range(count):
            amount = numbers[number % 97]
            try:
                hold = escrow.hold(PURSE, amount, "k", "m") or await escrow.hold_soon(PURSE, amount, "k", "m")
            except Short:
                charged["short"] += 1
            else:
                flying.append((hold, amount))
            if len(flying) == 4 or (number % 13 == 0 and flying):
                # The oldest is settled for less than was held, for all of it, or for nothing.
                hold, amount = flying.pop(0)
                cost = amount * (number % 5) // 4
                charged["cost"] += escrow.settle(hold, cost, "u", Usage(cost, 0, 1), "reported")
                charged["settled"] += 1
            if number % 16 == 0:
                await asyncio.sleep(0)
                assert escrow.purses[PURSE].free >= 0
        for hold, amount in flying:
            charged["cost"] += escrow.settle(hold, amount // 2, "u", Usage(amount // 2, 0, 1), "reported")
            charged["settled"] += 1

    async def gateway(number):
        bank = bank_at(tmp_path, amount)
        escrow = Escrow(Journal(tmp_path / f"gw{number}"), bank, block=40 * FEN)
        share = clients // gateways
        work = [asyncio.create_task(client(escrow, number * share + at, holds // clients)) for at in range(share)]
        while not all(one.done() for one in work):
            await asyncio.sleep(0.2)
            await escrow.tend()
        await asyncio.gather(*work)
        await escrow.close()

    async def main():
        await asyncio.gather(*map(gateway, range(gateways)))

    started = time.perf_counter()
    asyncio.run(main())
    print(f"{holds / (time.perf_counter() - started):,.0f} holds a second")
    bank = bank_at(tmp_path, amount)
    total = totals(bank)
    assert charged["settled"] + charged["short"] == holds
    assert charged["short"] > 0, "the voucher ran out"
    assert (total.requests, total.cost) == (charged["settled"], charged["cost"])
    assert total.cost <= amount
    # No gateway sat on money that another needed: what is left would not have paid for much more.
    assert total.cost > amount - 20 * FEN
    whole_fen(bank, total.cost)
    bank.close()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(1, 3 * FEN)),
        st.tuples(st.just("settle"), st.floats(0, 1)),
        st.tuples(st.just("tend"), st.booleans()),
        st.tuples(st.just("die"), st.sampled_from(["", "posted", "torn"])),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, segment=st.sampled_from([300, 10**6]))
def test_a_gateway_that_dies_anywhere_goes_on_from_its_journal(tmp_path_factory, steps, segment):
    folder = tmp_path_factory.mktemp("escrow")
    amount = 20 * FEN
    expected = Tally()

    async def main():
        nonlocal expected
        escrow = Escrow(Journal(folder / "gw"), bank_at(folder, amount), block=2 * FEN)
        flying = {}
        for what, how in steps:
            if what == "hold":
                try:
                    flying[await escrow.hold_soon(PURSE, how, "k", "m")] = how
                except Short:
                    assert how > FEN or expected.cost + sum(flying.values()) > amount - 4 * FEN
            elif what == "settle" and flying:
                number, held = flying.popitem()
                cost = int(held * how)
                assert escrow.settle(number, cost, "u", Usage(cost, 0, 0), "reported") == cost
                expected = expected.plus(Tally(requests=1, prompt=cost, cost=cost))
                with pytest.raises(KeyError):
                    escrow.settle(number, cost, "u", Usage(0, 0, 0), "reported")
            elif what == "tend":
                await escrow.tend(all_idle=how)
            elif what == "die":
                if how == "posted":
                    # The ledger took a batch, and the gateway died before it knew.
                    if batch := escrow.take_batch():
                        escrow.bank.post(batch)
                    die(escrow)
                else:
                    die(escrow)
                    if how == "torn":
                        with sorted((folder / "gw").glob("*.log"))[-1].open("ab") as file:
                            file.write(b'0badc0de ["settle",1,99')
                expected = expected.plus(Tally(requests=len(flying), abandoned=len(flying)))
                flying.clear()
                escrow = Escrow(Journal(folder / "gw"), bank_at(folder, amount), block=2 * FEN)
            assert all(purse.free >= 0 for purse in escrow.purses.values())
            assert sum(purse.held for purse in escrow.purses.values()) == sum(flying.values())
        for number in list(flying):
            escrow.settle(number, 0, "u", Usage(0, 0, 0), "failed")
            expected = expected.plus(Tally(requests=1, failed=1))
        await escrow.close()

    before = journals.SEGMENT
    journals.SEGMENT = segment
    try:
        asyncio.run(main())
    finally:
        journals.SEGMENT = before
    bank = bank_at(folder, amount)
    assert totals(bank) == expected
    whole_fen(bank, expected.cost)
    bank.close()


def test_what_was_leased_and_never_noted_is_given_back(tmp_path):
    """The gateway died between the ledger's lease and its own journal."""
    bank = bank_at(tmp_path, 10 * FEN)
    escrow = Escrow(Journal(tmp_path / "gw"), bank, block=5 * FEN)
    bank.lease(escrow.journal.name, "lost", PURSE, 1, 5 * FEN, time.time() + 1000)
    die(escrow)
    die(Escrow(Journal(tmp_path / "gw"), bank_at(tmp_path, 10 * FEN), block=5 * FEN))
    whole_fen(bank_at(tmp_path, 10 * FEN), 0)


def test_a_gateway_that_was_away_too_long_spends_nothing_that_is_not_its_own(tmp_path):
    """Its lease ran out and the ledger gave the money to another; what it then reports is carried, never overdrawn."""
    now = itertools.count(1_700_000_000, 0)
    clock = [next(now)]

    async def main():
        away = Escrow(Journal(tmp_path / "a"), bank_at(tmp_path, 10 * FEN), block=10 * FEN, clock=lambda: clock[0])
        number = await away.hold_soon(PURSE, 4 * FEN, "k", "m")
        # The bank's clock is the real one, so the lease, made in the past, has ended for it.
        other = Escrow(Journal(tmp_path / "b"), bank_at(tmp_path, 10 * FEN), block=10 * FEN)
        held = [await other.hold_soon(PURSE, 5 * FEN, "k", "m"), await other.hold_soon(PURSE, 5 * FEN, "k", "m")]
        for one in held:
            other.settle(one, 5 * FEN, "u", Usage(0, 0, 0), "reported")
        await other.close()
        away.settle(number, 3 * FEN, "u", Usage(0, 0, 0), "reported")
        clock[0] = time.time()
        with pytest.raises(Short):
            await away.hold_soon(PURSE, 1, "k", "m")
        await away.close()

    asyncio.run(main())
    bank = bank_at(tmp_path, 10 * FEN)
    [(_, _, amount, held, booked)] = bank.vouchers()
    assert (held, booked) == (0, amount)
    assert totals(bank).cost == 13 * FEN, "the statement says what was used"
    bank.close()
    # A voucher that grows pays what was carried before anything else.
    bank = bank_at(tmp_path, 20 * FEN)
    grant = bank.lease("b", "next", PURSE, 1, 100 * FEN, time.time() + 1000)
    assert grant.amount <= 7 * FEN
    assert bank.vouchers()[0][4] == 13 * FEN
