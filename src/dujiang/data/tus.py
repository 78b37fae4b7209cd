"""Resumable uploads by tus 1.0.0 (https://tus.io/protocols/resumable-upload): core, creation, expiration, checksum and termination.

An upload is made at a data set's address and written at one of its own. Whoever calls is known by a session or an API key.
A session is enough here, though it changes something: a request needs the header ``Tus-Resumable``, which no other site's
page can make a browser send.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from dujiang.data import actions, contents
from dujiang.data.models import Dataset, Upload
from dujiang.data.staging import Busy, Incoming
from dujiang.identity.actions import BAD_KEY, actor_by_key
from dujiang.identity.permission import PUBLIC, Actor, NotAllowed, require
from dujiang.identity.web import actor_of
from dujiang.messages import Refused, Text

VERSION = "1.0.0"
ALGORITHMS = ("sha256", "sha512", "sha1", "md5")
"""What checksums a part may come with; the protocol has servers know SHA-1."""
_OPTIONS = {
    "Tus_Version": VERSION,
    "Tus_Extension": "creation,expiration,checksum,termination",
    "Tus_Checksum_Algorithm": ",".join(ALGORITHMS),
    "Tus_Max_Size": str(actions.LARGEST),
}
_NUMBER = re.compile(r"[0-9]{1,18}")
BLOCK = 1 << 20
BUSY = Text("此文件正由另一请求上传", "another request is writing to this upload")


def answer(status: int, text: Text | None = None, **headers: object) -> HttpResponse:
    """Return an answer of the protocol; names of headers have _ for -."""
    told = HttpResponse(str(text) if text else "", status=status, content_type="text/plain; charset=utf-8")
    told["Tus-Resumable"] = VERSION
    for name, value in headers.items():
        told[name.replace("_", "-")] = str(value)
    return told


def resumable(action: str, *methods: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Declare an address of the protocol: what it asks of whoever calls, and the methods that it knows."""

    def declare(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def asked(request: HttpRequest, **named: Any) -> HttpResponse:
            try:
                actor = caller(request)
                if actor is None:
                    return answer(401, BAD_KEY)
                require(actor, action)
                method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
                if method == "OPTIONS":
                    return answer(204, **_OPTIONS)
                if method not in methods:
                    return answer(405, Allow=", ".join((*dict.fromkeys(("POST", *methods)), "OPTIONS")))
                if request.headers.get("Tus-Resumable") != VERSION:
                    return answer(412, Text("须用 tus 1.0.0", "tus 1.0.0 is spoken here"), Tus_Version=VERSION)
                return view(request, actor, method, **named)
            except NotAllowed as error:
                if request.headers.get("Tus-Resumable"):
                    return answer(403, error.text)
                if actor is PUBLIC:
                    return redirect_to_login(request.get_full_path())
                return render(request, "console/refused.html", {"why": error.text}, status=403)
            except Refused as error:
                return answer(409, error.text)
            except Busy:
                return answer(423, BUSY)

        asked.action = action  # type: ignore[attr-defined]
        return asked

    return declare


def caller(request: HttpRequest) -> Actor | None:
    """Return who calls: by a key, or a session, or the public; None for a key that is not good."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return actor_by_key(key) if scheme.lower() == "bearer" else actor_of(request)


@resumable("data.deposit", "POST")
def create(request: HttpRequest, actor: Actor, method: str, number: int) -> HttpResponse:
    """Begin an upload into a data set's draft; its metadata are ``filename``, ``filetype`` and ``sha256``."""
    dataset = (
        Dataset.objects.seen_by(actor).select_related("owner").filter(pk=number).first() if number < 2**63 else None
    )
    length = request.headers.get("Upload-Length", "")
    if dataset is None:
        return answer(404)
    if not _NUMBER.fullmatch(length):
        return answer(400, Text("缺少 Upload-Length", "Upload-Length is missing"))
    if int(length) > actions.LARGEST:
        return answer(413)
    try:
        said = _metadata(request.headers.get("Upload-Metadata", ""))
    except ValueError:
        return answer(400, Text("Upload-Metadata 不对", "Upload-Metadata is not as the protocol has it"))
    name, kind, sha256 = (said.get(one, "") for one in ("filename", "filetype", "sha256"))
    upload = actions.begin_upload(actor, dataset, name, int(length), kind, sha256)
    if upload.length == 0:
        with contents.incoming(upload.token, 0, sealed=upload.sealed) as coming:
            actions.settle(actor, upload, coming)
    where = request.build_absolute_uri(reverse("data-upload", args=[upload.token]))
    return answer(201, Location=where, Upload_Expires=http_date(upload.expires.timestamp()))


def _metadata(header: str) -> dict[str, str]:
    """Return the pairs of ``key base64,key base64``; raises ValueError."""
    found = {}
    for pair in filter(None, (one.strip() for one in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except binascii.Error as error:
            raise ValueError(header) from error
    return found


@resumable("data.deposit", "HEAD", "PATCH", "DELETE")
def upload(request: HttpRequest, actor: Actor, method: str, token: str) -> HttpResponse:
    """Say how much of an upload is there, take the next part, or give it up."""
    try:
        one = actions.upload_of(actor, token)
    except LookupError:
        return answer(404, Cache_Control="no-store")
    if method == "DELETE":
        actions.cancel_upload(actor, token)
        return answer(204)
    if method == "HEAD":
        return _standing(actor, one)
    part = Part.begin(actor, one, request.headers)
    if isinstance(part, HttpResponse):
        return part
    while block := request.read(BLOCK):
        part.write(block)
    return part.end()


def _standing(actor: Actor, one: Upload) -> HttpResponse:
    if one.distribution_id:
        offset = one.length
    else:
        with contents.incoming(one.token, one.length, sealed=one.sealed) as coming:
            offset = coming.offset
            if offset == one.length:  # its process died when all was there
                actions.settle(actor, one, coming)
    return answer(
        200, Upload_Offset=offset, Upload_Length=one.length, Cache_Control="no-store",
        Upload_Expires=http_date(one.expires.timestamp()),
    )  # fmt: skip


class Part:
    """A part of an upload that is coming in: `begin`, then `write` each block, then `end`, or `broken`.

    What came of a part that broke off stays, unless it has a checksum.
    """

    def __init__(self, actor: Actor, upload: Upload, coming: Incoming, expected: tuple[Any, bytes] | None) -> None:
        self._actor, self._upload, self._coming, self._expected = actor, upload, coming, expected
        self._start = coming.offset
        self._too_much = False
        if expected:
            coming.expect()

    @classmethod
    def begin(cls, actor: Actor, upload: Upload, headers: Any) -> Part | HttpResponse:
        """Return a part to be written, or the answer that says why not; raises `Busy`."""
        if headers.get("Content-Type", "").partition(";")[0].strip() != "application/offset+octet-stream":
            return answer(415)
        offset = headers.get("Upload-Offset", "")
        if not _NUMBER.fullmatch(offset):
            return answer(400, Text("缺少 Upload-Offset", "Upload-Offset is missing"))
        expected = None
        if said := headers.get("Upload-Checksum"):
            algorithm, _, sum_ = said.partition(" ")
            try:
                digest = base64.b64decode(sum_, validate=True)
            except binascii.Error:
                digest = b""
            if algorithm not in ALGORITHMS or len(digest) != hashlib.new(algorithm).digest_size:
                return answer(400, Text("Upload-Checksum 不对", "Upload-Checksum is not one that is known here"))
            expected = (hashlib.new(algorithm), digest)
        if upload.distribution_id:
            same = int(offset) == upload.length
            return answer(204, Upload_Offset=upload.length) if same else answer(409, Upload_Offset=upload.length)
        coming = contents.incoming(upload.token, upload.length, sealed=upload.sealed)
        if coming.offset != int(offset):
            coming.close()
            return answer(409, Upload_Offset=coming.offset)
        return cls(actor, upload, coming, expected)

    def write(self, block: bytes) -> None:
        """Take a block."""
        if self._too_much or self._coming.offset + len(block) > self._coming.length:
            self._too_much = True
            return
        if self._expected:
            self._expected[0].update(block)
        self._coming.write(block)

    def broken(self) -> None:
        """The sender is gone."""
        with self._coming as coming:
            if self._expected:
                coming.cut(self._start)
                coming.keep()
            else:
                coming.flush()

    def end(self) -> HttpResponse:
        """Return the answer to the part; a whole upload becomes a file."""
        with self._coming as coming:
            wrong = self._expected and self._expected[0].digest() != self._expected[1]
            if self._too_much or wrong:
                coming.cut(self._start)
                coming.keep()
                return answer(413 if self._too_much else 460)
            coming.keep()
            if coming.offset == coming.length:
                actions.settle(self._actor, self._upload, coming)
            expires = http_date(self._upload.expires.timestamp())
            return answer(204, Upload_Offset=coming.offset, Upload_Expires=expires)
