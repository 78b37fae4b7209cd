"""What was appended is read again; a torn end is cut, a damaged middle is refused."""

import hashlib
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.messages import BadInput
from dujiang.tokens import journal as module
from dujiang.tokens.journal import Busy, Journal, take

records = st.lists(st.lists(st.one_of(st.text(max_size=20), st.integers(-(2**60), 2**60)), min_size=1, max_size=5))


def read(journal, after=0):
    return [record for _, record, _ in journal.records(after)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=records, cut=st.integers(0, 60))
def test_a_torn_end_costs_only_the_records_it_tears(tmp_path_factory, wanted, cut):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    for one in wanted:
        journal.append(one)
    lines = [line for _, _, line in journal.records()]
    journal.close()
    path = next(folder.glob("*.log"))
    whole = path.stat().st_size
    os.truncate(path, max(0, whole - cut))
    kept, size = 0, 0
    for line in lines:
        if size + len(line) > whole - cut:
            break
        size += len(line)
        kept += 1
    journal = Journal(folder)
    assert journal.sequence == kept
    journal.append(["after"])
    assert read(journal) == [*wanted[:kept], ["after"]]
    journal.close()


def test_a_damaged_record_is_named(tmp_path):
    journal = Journal(tmp_path)
    for number in range(5):
        journal.append(["hold", number])
    journal.close()
    path = next(tmp_path.glob("*.log"))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'["hold",2]', b'["hold",9]'))
    with pytest.raises(BadInput) as refused:
        Journal(tmp_path)
    assert refused.value.row == 3


def test_segments_follow_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 200)
    journal = Journal(tmp_path)
    for number in range(50):
        journal.append(["hold", number])
        if journal.full:
            journal.rotate(["checkpoint", number])
    assert len(journal.segments()) > 3
    assert [number for number, _, _ in journal.records()] == list(range(1, journal.sequence + 1))
    tail = list(journal.records(journal.sequence))
    assert tail[0][1][0] == "checkpoint" or tail[0][0] == int(journal.segments()[-1].stem)
    digest = hashlib.sha256(b"".join(line for _, _, line in journal.records()))
    assert digest.hexdigest() == journal.digest.hexdigest()
    journal.drop(journal.sequence, float("inf"))
    assert len(journal.segments()) == 1
    journal.close()
    missing = Journal(tmp_path)
    missing.rotate(["checkpoint", 0])
    missing.rotate(["checkpoint", 1])
    missing.close()
    sorted(tmp_path.glob("*.log"))[1].unlink()
    again = Journal(tmp_path)
    with pytest.raises(BadInput, match="segment"):
        list(again.records())
    again.close()


def test_one_process_holds_a_folder(tmp_path):
    first = take(tmp_path)
    with pytest.raises(Busy):
        Journal(first.folder)
    second = take(tmp_path)
    assert first.folder != second.folder
    assert first.name != second.name
    first.close()
    again = take(tmp_path)
    assert (again.folder, again.name) == (first.folder, first.name)
    again.close()
    second.close()


def test_a_full_disk_stops_all_appending(tmp_path):
    """A process whose files may be no longer than what it has already taken stands for a disk that is full."""
    code = """
import resource, signal, sys
from pathlib import Path
from dujiang.tokens import journal as module
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
module.AHEAD = 4096
journal = module.Journal(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
for number in range(1000):
    try:
        journal.append(["hold", number])
    except OSError:
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    journal.append(["hold", -1])
except OSError:
    print(journal.sequence)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    journal = Journal(tmp_path)
    assert journal.sequence == int(done.stdout) > 100
    assert read(journal) == [["hold", number] for number in range(journal.sequence)]
    journal.close()


def test_a_killed_process_loses_no_record_that_it_acknowledged(tmp_path):
    code = """
import sys
from pathlib import Path
from dujiang.tokens.journal import Journal
journal = Journal(Path(sys.argv[1]))
number = 0
while True:
    journal.append(["hold", number])
    number += 1
    if number % 100 == 0:
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    said = [process.stdout.readline() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().splitlines()
    process.wait()
    acknowledged = max(int(line) for line in said if line.strip())
    journal = Journal(tmp_path)
    assert journal.sequence >= acknowledged
    assert read(journal) == [["hold", number] for number in range(journal.sequence)]
    journal.close()
