"""An upload's file: whatever comes in which parts, and wherever a process dies, what arrives is what was sent."""

import hashlib
import os
import random
import signal
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.data import staging
from dujiang.data.sealing import CHUNK, Damaged, Opened, sealed_size
from dujiang.data.staging import Busy, Incoming

SECRET = b"s" * 32
SECRETS = pytest.mark.parametrize("secret", [None, SECRET], ids=["plain", "sealed"])


def content(length, seed=0):
    return random.Random(seed).randbytes(length)


def read(path, secret):
    if secret is None:
        return path.read_bytes()
    with path.open("rb") as file:
        return Opened(file, secret).read()


LENGTHS = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
STEPS = st.lists(
    st.tuples(st.integers(1, 2 * CHUNK), st.sampled_from(["go on", "again", "elsewhere", "give up", "torn"])),
    max_size=12,
)


@SECRETS
@settings(max_examples=60, deadline=None)
@given(length=LENGTHS, steps=STEPS)
def test_what_arrives_is_what_was_sent(secret, tmp_path_factory, length, steps):
    path = tmp_path_factory.mktemp("staged") / "upload"
    sent = content(length)
    incoming = Incoming(path, length, secret)
    for size, then in steps:
        before = incoming.offset
        if then == "give up":
            incoming.expect()
        incoming.write(sent[before : before + size])
        if then == "go on":
            continue
        if then == "give up":
            incoming.cut(before)
            incoming.keep()
            assert incoming.offset == before
            continue
        incoming.flush()
        acknowledged = incoming.offset
        incoming.close()
        if then == "elsewhere":
            staging._hashes.clear()  # another process has other memory
        if then == "torn" and path.stat().st_size:
            os.truncate(path, random.Random(size).randrange(path.stat().st_size))
        incoming = Incoming(path, length, secret)
        assert incoming.offset <= acknowledged
        assert then == "torn" or incoming.offset == acknowledged
    incoming.write(sent[incoming.offset :])
    arrived = incoming.finish()
    incoming.close()
    assert read(path, secret) == sent
    assert arrived.sha256 == hashlib.sha256(sent).hexdigest()
    assert arrived.stored_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert arrived.stored_bytes == path.stat().st_size == (length if secret is None else sealed_size(length))


@SECRETS
def test_the_same_digests_whether_one_process_took_it_or_many(secret, tmp_path):
    sent = content(5 * CHUNK + 5)
    found = []
    for forget in (False, True):
        path = tmp_path / str(forget)
        for at in range(0, len(sent), 1000_00):
            with Incoming(path, len(sent), secret) as incoming:
                incoming.write(sent[at : at + 100_000])
                incoming.flush()
            if forget:
                staging._hashes.clear()
        with Incoming(path, len(sent), secret) as incoming:
            found.append(incoming.finish())
        assert found[-1].stored_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found[0].sha256 == found[1].sha256 == hashlib.sha256(sent).hexdigest()


def test_one_writes_at_a_time(tmp_path):
    with Incoming(tmp_path / "a", 10), pytest.raises(Busy):
        Incoming(tmp_path / "a", 10)
    Incoming(tmp_path / "a", 10).close()


def test_more_than_was_said_is_refused(tmp_path):
    with Incoming(tmp_path / "a", 3) as incoming:
        with pytest.raises(ValueError, match="more"):
            incoming.write(b"abcd")
        with pytest.raises(ValueError, match="0 of 3"):
            incoming.finish()


def test_plain_bytes_never_lie_on_disk(tmp_path):
    with Incoming(tmp_path / "a", 1000, SECRET) as incoming:
        incoming.write(b"110101199003070000" * 20)
        incoming.flush()
        assert b"110101199003070000" not in (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("at", [5, 20, 44, 60, CHUNK + 100, -1])
def test_a_sealed_file_that_was_changed_does_not_open(tmp_path, at):
    with Incoming(tmp_path / "a", 2 * CHUNK, SECRET) as incoming:
        incoming.write(content(2 * CHUNK))
    stored = bytearray((tmp_path / "a").read_bytes())
    stored[at] ^= 1
    (tmp_path / "a").write_bytes(stored)
    with (tmp_path / "a").open("rb") as file, pytest.raises(Damaged):
        Opened(file, SECRET).read()


def test_a_sealed_file_that_was_cut_or_put_in_another_order_does_not_open(tmp_path):
    with Incoming(tmp_path / "a", 2 * CHUNK, SECRET) as incoming:
        incoming.write(content(2 * CHUNK))
    stored = (tmp_path / "a").read_bytes()
    head, step = len(stored) - 2 * (CHUNK + 28), CHUNK + 28
    for wrong in (stored[:-step], stored[:head] + stored[head + step :] + stored[head : head + step], stored[:10]):
        (tmp_path / "a").write_bytes(wrong)
        with (tmp_path / "a").open("rb") as file, pytest.raises(Damaged):
            Opened(file, SECRET).read()
    (tmp_path / "a").write_bytes(stored)
    with (tmp_path / "a").open("rb") as file, pytest.raises(Damaged):
        Opened(file, b"t" * 32).read()


@given(st.integers(0, 3 * CHUNK + 10), st.integers(0, 2 * CHUNK))
@settings(max_examples=40, deadline=None)
def test_any_part_is_read_alone(sealed, start, size):
    path, sent = sealed
    with path.open("rb") as file:
        opened = Opened(file, SECRET)
        opened.seek(start)
        assert opened.read(size) == sent[start : start + size]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    path, sent = tmp_path_factory.mktemp("sealed") / "a", content(3 * CHUNK + 7)
    with Incoming(path, len(sent), SECRET) as incoming:
        incoming.write(sent)
    return path, sent


@SECRETS
def test_killed_at_random_moments_it_resumes_and_ends_right(secret, tmp_path):
    """A child writes parts, some of them to be kept only whole, and is killed; the next one goes on where it stands.

    A fast machine is done with an upload before many kills, so uploads follow each other until forty were killed.
    """
    sent = content(12 << 20)
    chance = random.Random(5)
    kills = uploads = 0
    while kills < 40:
        uploads += 1
        path = tmp_path / f"upload{uploads}"
        writing = partial(write_parts, path, sent, secret)
        while killed(writing, chance.uniform(0.001, 0.02) if kills < 40 else None):
            kills += 1
        with Incoming(path, len(sent), secret) as incoming:
            arrived = incoming.finish()
        assert arrived.sha256 == hashlib.sha256(sent).hexdigest()
        assert read(path, secret) == sent


def killed(work, after):
    """Run ``work`` in a child and kill it ``after`` seconds, never where that is None; say whether it was."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    if after is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        ended = signal.sigtimedwait([signal.SIGCHLD], after)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        if ended is None:
            os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFEXITED(status)


def write_parts(path, sent, secret):
    own = random.Random(os.getpid())
    with Incoming(path, len(sent), secret) as incoming:
        while incoming.offset < len(sent):
            if whole := own.random() < 0.3:
                incoming.expect()
            for _ in range(own.randint(1, 4)):
                incoming.write(sent[incoming.offset : incoming.offset + own.randint(1, 90_000)])
            (incoming.keep if whole else incoming.flush)()
