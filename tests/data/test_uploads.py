"""Resumable uploads: the protocol's rules one by one, and a real client whose server is killed under it."""

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress

import pytest
from django.test import Client

from dujiang.data import actions, contents
from dujiang.data.models import Distribution, Upload
from dujiang.identity.actions import add_person, issue_key
from dujiang.identity.permission import Actor, Role
from ports import free_port
from waiting import until

OFFICE = Actor("tester", Role.OFFICE)
TUS = {"tus-resumable": "1.0.0"}


def encoded(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.fixture
def dataset(registered):
    return registered()


@pytest.fixture
def client(dataset):
    made = Client(enforce_csrf_checks=True)
    made.force_login(add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "省地震局")[0])
    return made


def began(client, dataset, length, name="波形.bin", **more):
    metadata = ",".join(f"{key} {encoded(value)}" for key, value in {"filename": name, **more}.items())
    headers = {**TUS, "upload-length": str(length), "upload-metadata": metadata}
    told = client.post(f"/data/sets/{dataset.pk}/uploads/", headers=headers)
    assert told.status_code == 201, told.content.decode()
    assert told["Upload-Expires"].endswith("GMT")
    return told["Location"].removeprefix("http://testserver")


def part(client, where, offset, content, **headers):
    return client.patch(
        where, content, content_type="application/offset+octet-stream",
        headers={**TUS, "upload-offset": str(offset), **headers},
    )  # fmt: skip


def offset(client, where):
    told = client.head(where, headers=TUS)
    assert told["Cache-Control"] == "no-store"
    return told.status_code, int(told.get("Upload-Offset", -1))


def test_a_file_comes_in_by_parts(client, dataset):
    where = began(client, dataset, 10, filetype="text/x-waves")
    assert offset(client, where) == (200, 0)
    told = part(client, where, 0, b"0123")
    assert (told.status_code, told["Upload-Offset"]) == (204, "4")
    assert offset(client, where) == (200, 4)
    assert not Distribution.objects.exists()
    assert part(client, where, 4, b"456789")["Upload-Offset"] == "10"
    one = Distribution.objects.get()
    assert (one.name, one.media_type, one.bytes) == ("波形.bin", "text/x-waves", 10)
    assert offset(client, where) == (200, 10)
    assert part(client, where, 4, b"456789").status_code == 409


def test_an_empty_file_is_there_at_once(client, dataset):
    where = began(client, dataset, 0)
    assert Distribution.objects.get().sha256 == hashlib.sha256(b"").hexdigest()
    assert offset(client, where) == (200, 0)


def test_what_the_server_can_is_told(client, dataset):
    told = client.options(f"/data/sets/{dataset.pk}/uploads/")
    assert told.status_code == 204
    assert told["Tus-Version"] == "1.0.0"
    assert set(told["Tus-Extension"].split(",")) == {"creation", "expiration", "checksum", "termination"}
    assert {"sha1", "sha256"} <= set(told["Tus-Checksum-Algorithm"].split(","))


@pytest.mark.parametrize(
    ("headers", "content_type", "status"),
    [
        ({"tus-resumable": "0.2.2"}, "application/offset+octet-stream", 412),
        ({}, "application/octet-stream", 415),
        ({"upload-offset": "x"}, "application/offset+octet-stream", 400),
        ({"upload-offset": "1"}, "application/offset+octet-stream", 409),
        ({"upload-checksum": "crc32 AAAA"}, "application/offset+octet-stream", 400),
        ({"upload-checksum": "sha256 AAAA"}, "application/offset+octet-stream", 400),
        ({"upload-checksum": "sha256 *"}, "application/offset+octet-stream", 400),
    ],
)
def test_a_part_that_is_not_by_the_protocol_is_refused(client, dataset, headers, content_type, status):
    where = began(client, dataset, 3)
    told = client.patch(where, b"abc", content_type=content_type, headers={**TUS, "upload-offset": "0", **headers})
    assert told.status_code == status
    assert told["Tus-Resumable"] == "1.0.0"
    assert offset(client, where) == (200, 0)


def test_more_than_the_length_is_refused_whole(client, dataset):
    where = began(client, dataset, 3)
    assert part(client, where, 0, b"abcd").status_code == 413
    assert offset(client, where) == (200, 0)


@pytest.mark.parametrize("sensitivity", ["none", "personal"])
def test_a_part_with_a_checksum_is_there_right_or_not_at_all(registered, client, sensitivity):
    one = registered(sensitivity=sensitivity)
    content = random.Random(1).randbytes(300_000)
    where = began(client, one, len(content))
    assert part(client, where, 0, content[:1000]).status_code == 204
    wrong = {"upload-checksum": f"sha256 {encoded(hashlib.sha256(b'other').digest())}"}
    assert part(client, where, 1000, content[1000:200_000], **wrong).status_code == 460
    assert offset(client, where) == (200, 1000)
    right = {"upload-checksum": f"sha1 {encoded(hashlib.sha1(content[1000:]).digest())}"}
    assert part(client, where, 1000, content[1000:], **right).status_code == 204
    with actions.fetch(Actor("li", Role.LEAD_UNIT, "省地震局"), Distribution.objects.get()) as file:
        assert file.read() == content


def test_the_whole_file_is_what_its_sender_said_or_refused(client, dataset):
    where = began(client, dataset, 3, sha256=hashlib.sha256(b"abc").hexdigest())
    told = part(client, where, 0, b"abd")
    assert told.status_code == 409
    assert "不是所说的" in told.content.decode()
    assert client.head(where, headers=TUS).status_code == 404
    assert not Distribution.objects.exists()


def test_an_upload_is_given_up(client, dataset):
    where = began(client, dataset, 3)
    part(client, where, 0, b"a")
    token = Upload.objects.get().token
    assert client.delete(where, headers=TUS).status_code == 204
    assert client.head(where, headers=TUS).status_code == 404
    assert not contents.staged(token).exists()


def test_one_writes_at_a_time(client, dataset):
    where = began(client, dataset, 3)
    upload = Upload.objects.get()
    with contents.incoming(upload.token, 3, sealed=False):
        assert part(client, where, 0, b"abc").status_code == 423
    assert part(client, where, 0, b"abc").status_code == 204


def test_a_process_that_died_when_all_was_there_has_its_work_done_by_the_next(client, dataset):
    where = began(client, dataset, 3)
    upload = Upload.objects.get()
    with contents.incoming(upload.token, 3, sealed=False) as coming:
        coming.write(b"abc")
    assert not Distribution.objects.exists()
    assert offset(client, where) == (200, 3)
    assert Distribution.objects.get().bytes == 3


def test_others_reach_nobody_elses_upload(client, dataset):
    where = began(client, dataset, 3)
    other = Client()
    other.force_login(add_person(OFFICE, "zhao", "赵某某", Role.LEAD_UNIT, "科技厅")[0])
    for method in (other.head, other.delete, Client().head, Client().delete):
        assert method(where, headers=TUS).status_code == 403
    assert part(other, where, 0, b"abc").status_code == 403
    told = other.post(f"/data/sets/{dataset.pk}/uploads/", headers={**TUS, "upload-length": "3"})
    assert told.status_code == 404
    # A page of another site can make a browser POST, but not with this header.
    assert client.post(f"/data/sets/{dataset.pk}/uploads/", headers={"upload-length": "3"}).status_code == 412


def test_a_key_that_allows_it_uploads_and_others_do_not(client, dataset):
    for scope, status in (("data.deposit", 201), ("plan.read", 403)):
        _, key = issue_key(OFFICE, "li", [scope], 1)
        headers = {
            **TUS,
            "upload-length": "3",
            "upload-metadata": f"filename {encoded('a')}",
            "authorization": f"Bearer {key}",
        }
        assert Client().post(f"/data/sets/{dataset.pk}/uploads/", headers=headers).status_code == status
    headers["authorization"] = "Bearer dujiang_none"
    assert Client().post(f"/data/sets/{dataset.pk}/uploads/", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "metadata", ["filename", "filename *", "filename " + encoded(b"\xff"), f"filename {encoded('..')}"]
)
def test_metadata_that_are_none_are_refused(client, dataset, metadata):
    headers = {**TUS, "upload-length": "3", "upload-metadata": metadata}
    assert client.post(f"/data/sets/{dataset.pk}/uploads/", headers=headers).status_code in (400, 409)
    assert not Upload.objects.exists()


SETUP = """
import json, sys
from dujiang.data import actions
from dujiang.identity.actions import add_person, issue_key, units_of_plan
from dujiang.identity.permission import Actor, Role
office = Actor("tester", Role.OFFICE)
units_of_plan(["省地震局"])
add_person(office, "li", "李某某", Role.LEAD_UNIT, "省地震局")
_, key = issue_key(office, "li", ["data.deposit", "data.fetch", "data.read"], 1)
made = actions.register(office, title_zh="病历", owner="省地震局", basis="legal-duty", sensitivity=sys.argv[1])
print(json.dumps({"key": key, "number": made.pk}))
"""
RESULT = """
import hashlib, json
from dujiang.data import contents
from dujiang.data.models import Distribution
one = Distribution.objects.get()
with contents.open_content(one.content) as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
print(json.dumps({"sha256": one.sha256, "read": digest, "sealed": one.content.sealed, "bytes": one.bytes}))
"""
SERVER = """
import sys
from dujiang.store import open_store
open_store()
from granian import Granian
from granian.constants import Interfaces
Granian("dujiang.asgi:application", address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGI, log_enabled=False).serve()
"""


class Server:
    """The site's own application under granian, killed at random moments and started again at the same port."""

    def __init__(self, site, port):
        self._site, self._port, self.kills = site, port, 0
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self._port)], env=self._site.environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self.answers)

    def answers(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/data/oai/?verb=Identify", timeout=60)
        except OSError:
            return False
        return True

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def kill_past(self, size):
        """Kill it once so many bytes of the upload are on disk."""
        folder = self._site.home / "data" / "incoming"
        end = time.monotonic() + 60
        while time.monotonic() < end and sum(path.stat().st_size for path in folder.iterdir()) < size:
            time.sleep(0.005)
        self.kill()

    def resident(self):
        """Return the most memory, in MiB, that a process of the server has held at once."""
        import psutil

        found = []
        for one in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            with open(f"/proc/{one.pid}/status") as file:
                found += [int(line.split()[1]) >> 10 for line in file if line.startswith("VmHWM")]
        return max(found)


def test_a_client_goes_on_when_the_server_is_killed_and_memory_stays_small(site, tmp_path):
    tusclient = pytest.importorskip("tusclient.client", reason="tuspy, a client of tus, is not installed")
    setup = site.python(SETUP, "personal")
    out, told = setup.communicate(timeout=60)
    assert setup.returncode == 0, told
    made = json.loads(out)
    port = free_port()
    length = 64 << 20
    path = tmp_path / "big.bin"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(length >> 20):
            block = random.Random(number).randbytes(1 << 20)
            digest.update(block)
            file.write(block)
    server = Server(site, port)
    before = server.resident()
    client = tusclient.TusClient(
        f"http://127.0.0.1:{port}/data/sets/{made['number']}/uploads/",
        headers={"Authorization": f"Bearer {made['key']}"},
    )
    url = client.uploader(str(path), metadata={"filename": "big.bin"}, chunk_size=length).create_url()
    chance = random.Random(11)
    resumed = []
    while server.kills < 1:
        # One part of all that is left: what came of it before the kill is not lost.
        uploader = client.uploader(str(path), url=url, chunk_size=length)
        resumed.append(uploader.offset)
        killer = threading.Thread(target=server.kill_past, args=(uploader.offset + chance.randrange(1, 24 << 20),))
        killer.start()
        with suppress(Exception):  # whatever the client makes of a connection that is gone
            uploader.upload()
        killer.join()
        server.start()
    uploader = client.uploader(str(path), url=url, chunk_size=length)
    resumed.append(uploader.offset)
    uploader.upload()
    most = server.resident()
    server.kill()
    result = site.python(RESULT)
    found = json.loads(result.communicate(timeout=60)[0])
    print({"kills": server.kills, "resumed at": resumed, "resident MiB": [before, most]})
    assert found == {"sha256": digest.hexdigest(), "read": digest.hexdigest(), "sealed": True, "bytes": length}
    assert 0 < resumed[-1] < length
    assert most - before < 40
