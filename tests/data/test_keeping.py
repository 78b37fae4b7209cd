"""Contents in two places: damage is found and mended, a lost place comes back byte for byte, half files are never seen."""

import hashlib
import os
import random
import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from dujiang.data import actions, contents, keeping
from dujiang.data.models import Content
from dujiang.data.sealing import Damaged
from dujiang.data.store import Place
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "省地震局")
KEY = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture
def deposited(registered, tmp_path):
    """Eight files, half of them sealed, in both places."""
    held = {}
    for sensitivity in ("none", "personal"):
        made = registered(sensitivity=sensitivity)
        paths = []
        for number in range(4):
            path = tmp_path / f"{sensitivity}-{number}.bin"
            path.write_bytes(random.Random(number).randbytes(100_000 + number))
            paths.append(path)
        for one in actions.deposit(LI, made, paths).distributions.all():
            held[one.key] = (one, (tmp_path / one.name).read_bytes())
    return held


def where(place, key):
    return Path(place) / key[:2] / key


def soon():
    return timezone.now() + timedelta(seconds=1)


def kept(place):
    return {path.name: path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damage_in_either_place_is_found_and_mended_from_the_other(deposited, places, damage):
    before = kept(places.DATA_STORE)
    assert kept(places.DATA_BACKUP) == before
    assert set(before) == set(deposited)
    hurt = sorted(deposited)
    for place, key in ((places.DATA_STORE, hurt[0]), (places.DATA_STORE, hurt[1]), (places.DATA_BACKUP, hurt[2])):
        path = where(place, key)
        content = bytearray(path.read_bytes())
        if damage == "flip":
            content[len(content) // 2] ^= 1
        path.write_bytes(content[:-1] if damage == "cut" else content)
        if damage == "gone":
            path.unlink()
    found = keeping.fixity(OFFICE, soon())
    assert found.mended == {places.DATA_STORE: hurt[:2], places.DATA_BACKUP: hurt[2:3]}
    assert (found.contents, found.lost) == (8, [])
    assert kept(places.DATA_STORE) == kept(places.DATA_BACKUP) == before
    again = keeping.fixity(OFFICE, timezone.now() - timedelta(days=1))
    assert again.contents == 0
    record = Record.objects.get(kind="data.fixity")
    assert hurt[0] in str(record.body)


def test_what_no_place_has_whole_is_told_and_stays_due(deposited, places):
    key = min(deposited)
    for place in (places.DATA_STORE, places.DATA_BACKUP):
        where(place, key).write_bytes(b"no")
    found = keeping.fixity(OFFICE, soon())
    assert found.lost == [key]
    assert Content.objects.get(key=key).damage
    assert Content.objects.exclude(key=key).filter(checked=None).count() == 0
    where(places.DATA_BACKUP, key).write_bytes(b"")
    assert keeping.fixity(OFFICE, timezone.now() - timedelta(days=1)).lost == [key]


def test_a_pass_that_was_stopped_goes_on_with_the_rest(deposited, monkeypatch):
    monkeypatch.setattr(keeping, "BATCH", 3)
    start = soon()
    calls = iter([False, True])
    first = keeping.fixity(OFFICE, start, lambda: next(calls))
    assert (first.contents, len(first.evidence)) == (3, 1)
    before = timezone.now() - timedelta(days=1)
    rest = keeping.fixity(OFFICE, before)
    assert (rest.contents, len(rest.evidence)) == (5, 2)
    assert Record.objects.filter(kind="data.fixity").count() == 3


def test_a_lost_store_comes_back_byte_for_byte(deposited, places):
    before = kept(places.DATA_STORE)
    shutil.rmtree(places.DATA_STORE)
    for one, content in deposited.values():  # read from the second place meanwhile
        with contents.open_content(one.content) as file:
            assert file.read() == content
    where(places.DATA_STORE, min(before)).parent.mkdir(parents=True)
    where(places.DATA_STORE, min(before)).write_bytes(b"half")
    found = keeping.restore(OFFICE)
    assert sorted(found.mended[places.DATA_STORE]) == sorted(before)
    assert kept(places.DATA_STORE) == before
    for one, content in deposited.values():
        with actions.fetch(LI, one) as file:
            assert file.read() == content
    assert keeping.restore(OFFICE).mended == {}


def test_a_backup_that_is_damaged_too_brings_nothing_wrong_back(deposited, places):
    key = min(deposited)
    where(places.DATA_BACKUP, key).write_bytes(b"wrong")
    shutil.rmtree(places.DATA_STORE)
    found = keeping.restore(OFFICE)
    assert found.lost == [key]
    assert not where(places.DATA_STORE, key).exists()
    assert len(kept(places.DATA_STORE)) == 7


def test_without_a_second_place_there_is_nothing_to_restore_from(deposited, settings):
    settings.DATA_BACKUP = ""
    with pytest.raises(Refused, match="备份"):
        keeping.restore(OFFICE)
    assert keeping.fixity(OFFICE, soon()).contents == 8
    with pytest.raises(NotAllowed):
        keeping.fixity(LI, soon())


def test_what_nothing_names_is_swept_once_it_is_old(deposited, places):
    contents.store().put(KEY, [b"abc"])
    assert keeping.fixity(OFFICE, soon()).swept == 0
    long_ago = time.time() - 2 * 86400
    for path in Path(places.DATA_STORE).rglob("*"):
        os.utime(path, (long_ago, long_ago))
    assert keeping.fixity(OFFICE, soon()).swept == 1
    assert set(kept(places.DATA_STORE)) == set(deposited)


def test_a_second_place_that_was_away_gets_what_it_lacks(registered, places, tmp_path):
    (tmp_path / "backup").write_text("not a folder")
    (tmp_path / "a.csv").write_bytes(b"1")
    actions.deposit(LI, registered(), [tmp_path / "a.csv"])
    (tmp_path / "backup").unlink()
    found = keeping.fixity(OFFICE, soon())
    assert len(found.mended[places.DATA_BACKUP]) == 1
    assert kept(places.DATA_BACKUP) == kept(places.DATA_STORE)


def test_blocks_that_are_not_the_keys_are_never_stored(tmp_path):
    place = Place(str(tmp_path / "p"))
    with pytest.raises(Damaged):
        place.put(KEY, [b"ab", b"d"])

    def broken():
        yield b"ab"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        place.put(KEY, broken())
    assert kept(tmp_path / "p") == {}
    for wrong in ("../x", "", KEY[:-1], KEY.upper()):
        with pytest.raises(ValueError, match=f"^{wrong}$"):
            place.put(wrong, [b"abc"])


def test_half_files_are_never_seen_whenever_a_writer_is_killed(tmp_path):
    place = Place(str(tmp_path / "p"))
    blocks = [random.Random(1).randbytes(1 << 16)] * 64
    key = hashlib.sha256(b"".join(blocks)).hexdigest()
    chance = random.Random(3)
    written = 0
    for _ in range(40):
        child = os.fork()
        if child == 0:
            try:
                place.put(key, blocks)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if place.size(key) is not None:
            assert place.sound(key)
            written += 1
            place.remove(key)
    place.put(key, blocks)
    assert place.sound(key)
    assert written < 40


@pytest.fixture(scope="module")
def bucket():
    """A server of S3's protocol on this machine."""
    moto = pytest.importorskip("moto.server", reason="moto's server is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():  # fmt: skip
            patched.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="dujiang")
        yield "s3://dujiang"
    server.stop()


def test_the_same_over_s3(registered, settings, bucket, tmp_path):
    settings.DATA_STORE, settings.DATA_BACKUP = f"{bucket}/store", str(tmp_path / "backup")
    path, content = tmp_path / "big.bin", random.Random(9).randbytes(20 << 20)
    path.write_bytes(content)
    made = registered(sensitivity="personal")
    [one] = actions.deposit(LI, made, [path]).distributions.all()
    place = contents.store()
    assert place.sound(one.key)
    assert [key for key, _ in place.listing()] == [one.key]
    with actions.fetch(LI, one) as file:
        file.seek(7_654_321)
        assert file.read(1000) == content[7_654_321:7_655_321]
    with contents.as_path(one) as copy:
        assert copy.read_bytes() == content
    with pytest.raises(Damaged):
        place.put(KEY, [b"x" * (17 << 20), b"y"])
    assert place.size(KEY) is None
    place.remove(one.key)
    assert place.size(one.key) is None
    found = keeping.restore(OFFICE)
    assert found.mended == {f"{bucket}/store": [one.key]}
    assert place.sound(one.key)
    (tmp_path / "backup" / one.key[:2] / one.key).unlink()
    assert keeping.fixity(OFFICE, soon()).mended == {str(tmp_path / "backup"): [one.key]}
    assert not place.sound(KEY)
