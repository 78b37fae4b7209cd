"""The ledger in the store: append-only, in step under concurrent writers and kills, on both databases."""

import json
import signal
import time

import pytest
from django.db import DatabaseError, connection, transaction

from dujiang.evidence.actions import Happening, append, append_all, checkpoint, stored
from dujiang.evidence.chain import walk
from dujiang.evidence.models import Record, Tally
from dujiang.identity.permission import Actor, NotAllowed, Role

OFFICE = Actor("tester", Role.OFFICE)


def some(number, kind="statistic.recorded"):
    return [Happening(kind, f"指标{index}", {"value": index}) for index in range(number)]


@pytest.mark.django_db
def test_appended_records_form_a_right_chain_with_tallies():
    append_all(OFFICE, some(3))
    append(OFFICE, "scenario.evaluated", "a/b", {"verdict": {}})
    append_all(OFFICE, some(2))
    assert walk(stored()).records == 6
    total = Tally.objects.get(kind="statistic.recorded", subject="")
    assert (total.count, total.first, total.last) == (5, 1, 6)
    assert Tally.objects.get(kind="scenario.evaluated", subject="a/b").last == 4
    assert not Tally.objects.filter(kind="statistic.recorded").exclude(subject="").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence_record SET body = '{}' WHERE sequence = 2",
        "DELETE FROM evidence_record WHERE sequence = 2",
        "DELETE FROM evidence_record",
    ],
)
def test_the_database_refuses_to_change_a_record(change):
    append_all(OFFICE, some(3))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert walk(stored()).records == 3


@pytest.mark.django_db
def test_the_database_refuses_to_replace_or_truncate():
    append_all(OFFICE, some(2))
    if connection.vendor == "postgresql":
        change = "TRUNCATE evidence_record"
    else:
        change = "INSERT OR REPLACE INTO evidence_record SELECT * FROM evidence_record WHERE sequence = 1"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.django_db
def test_an_undeclared_kind_leaves_nothing():
    with pytest.raises(ValueError, match="kinds"):
        append_all(OFFICE, [*some(2), Happening("no.such", "x", {})])
    assert not Record.objects.exists()
    assert not Tally.objects.exists()


@pytest.mark.django_db
def test_a_checkpoint_is_itself_evidence():
    with pytest.raises(LookupError):
        checkpoint(OFFICE)
    append_all(OFFICE, some(4))
    signed = checkpoint(OFFICE)
    signed.verify()
    assert signed.sequence == 4
    assert walk(stored(), marks={4: signed.digest}).records == 5
    with pytest.raises(NotAllowed):
        checkpoint(Actor("lead", Role.LEAD_UNIT))


@pytest.mark.django_db
def test_sm3_records_follow_sha256_ones(settings):
    append_all(OFFICE, some(2))
    settings.EVIDENCE_DIGEST = "sm3"
    entry = append(OFFICE, "statistic.recorded", "x", {})
    assert entry.digest.startswith("sm3:")
    assert walk(stored()).records == 3


WRITER = """
import sys
from dujiang.evidence.actions import Happening, append_all
from dujiang.identity.permission import Actor, Role
me = Actor(sys.argv[1], Role.OFFICE)
for batch in range(int(sys.argv[2])):
    append_all(me, [Happening("statistic.recorded", f"{batch}", {"n": n}) for n in range(5)])
    print(batch, flush=True)
"""


def test_concurrent_writers_make_one_chain(site):
    site.run("evidence", "verify")
    writers = [site.python(WRITER, f"w{number}", "20") for number in range(4)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    site.run("evidence", "verify", "--json", site.home / "v.json")
    assert json.loads((site.home / "v.json").read_text())["records"] == 400


def test_a_killed_writer_leaves_whole_batches(site):
    site.run("evidence", "verify")
    acknowledged = 0
    for attempt in range(6):
        writer = site.python(WRITER, f"w{attempt}", "100000")
        writer.stdout.readline()
        time.sleep(0.01 * (attempt + 1))
        writer.send_signal(signal.SIGKILL)
        # Not `communicate`, which would lose what was read ahead with the first line.
        acknowledged += 5 * (1 + len(writer.stdout.read().splitlines()))
        writer.wait()
    site.run("evidence", "verify", "--json", site.home / "v.json")
    found = json.loads((site.home / "v.json").read_text())
    assert found["ok"]
    # What was acknowledged is there; a batch may have been committed and killed before it said so.
    assert acknowledged <= found["records"] <= acknowledged + 6 * 5
    assert found["records"] % 5 == 0


def test_a_copy_and_its_checkpoint_are_checked_offline(site, tmp_path):
    writer = site.python(WRITER, "w", "3")
    writer.communicate(timeout=60)
    copy, mark = tmp_path / "copy.jsonl", tmp_path / "mark.json"
    site.run("evidence", "export", copy)
    site.run("evidence", "checkpoint", mark)
    key = json.loads(mark.read_text())["public_key"]
    away = {"DUJIANG_HOME": str(tmp_path / "elsewhere"), "DUJIANG_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    site.run("evidence", "verify", "--copy", copy, "--checkpoint", mark, "--public-key", key, **away)

    lines = copy.read_text().splitlines()
    forged = lines[6].replace('\\"n\\":1', '\\"n\\":9')
    assert forged != lines[6]
    copy.write_text("\n".join([*lines[:6], forged, *lines[7:]]))
    told = site.run("evidence", "verify", "--copy", copy, "--json", tmp_path / "v.json", check=False, **away)
    assert told.returncode == 1
    assert "第 7 条" in told.stderr and "record 7" in told.stderr
    assert json.loads((tmp_path / "v.json").read_text())["fault"]["sequence"] == 7

    copy.write_text("\n".join([*lines[:4], "{broken"]))
    told = site.run("evidence", "verify", "--copy", copy, check=False, **away)
    assert "row 5" in told.stderr and "第 5 行" in told.stderr


FORGE = """
from django.db import connection
with connection.cursor() as cursor:
    if connection.vendor == "postgresql":
        cursor.execute("DROP TRIGGER evidence_no_change ON evidence_record")
    else:
        cursor.execute("DROP TRIGGER evidence_no_update")
    cursor.execute("UPDATE evidence_record SET subject = 'forged' WHERE sequence = 9")
"""


def test_verify_names_a_record_forged_by_whoever_owns_the_database(site):
    site.python(WRITER, "w", "3").communicate(timeout=60)
    forger = site.python(FORGE)
    assert forger.communicate(timeout=60)[1] == ""
    told = site.run("evidence", "verify", check=False)
    assert told.returncode == 1
    assert "第 9 条" in told.stderr
