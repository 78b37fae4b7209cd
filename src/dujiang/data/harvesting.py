"""Harvesting other catalogues' metadata into this one; their bytes stay where they are.

Like `actions`, it asks permission and leaves evidence. The same catalogue again changes only what changed there.
"""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db import transaction
from django.utils import timezone

from dujiang.data import actions, finding, foreign
from dujiang.data.foreign import Catalogue, Foreign
from dujiang.data.models import Dataset, Distribution, Harvest, Version
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Refused, Text

LARGEST = 64 << 20
"""Bytes of a catalogue's document."""
_TIMEOUT = 60
_ROWS = 500


def harvest(actor: Actor, source: str, owner: str, form: str = "") -> Harvest:
    """Harvest a catalogue, a file or an address, for the unit that answers for it here.

    What the catalogue no longer lists is withdrawn, unless something of it could not be read. Raises `NotAllowed`,
    `Refused`; `BadInput` where nothing can be read, and then nothing is changed.
    """
    require(actor, "data.keep")
    if form not in ("", "dcat", "ckan"):
        raise Refused(Text(f"没有格式 {form}，应为 dcat 或 ckan", f"no such form {form!r}: dcat or ckan"))
    source = source if _far(source) else str(Path(source).resolve())
    content = _content(source)
    read = foreign.read(source, content, form)
    read = _rest(source, read) if read.form == "ckan" and _far(source) else read
    with transaction.atomic():
        counts = {"new": 0, "changed": 0, "same": 0, "gone": 0}
        held = {one.source_identifier: one for one in Dataset.objects.filter(source_catalogue=source)}
        for one in read.datasets:
            counts[_taken(actor, source, owner, one, held.pop(one.identifier, None))] += 1
        whole = not read.faults and (read.total is None or read.total <= len(read.datasets))
        for one_gone in held.values() if whole else ():
            if one_gone.state == State.PUBLISHED:
                one_gone.state, one_gone.changed = State.WITHDRAWN, timezone.now()
                one_gone.withdrawn_why = "来源目录已不再列出 / its source lists it no longer"
                one_gone.save()
                counts["gone"] += 1
        digest = hashlib.sha256(content).hexdigest()
        faults = [{"where": one.where, "zh": one.why.zh, "en": one.why.en} for one in read.faults]
        body = {"form": read.form, "digest": digest, "owner": owner, **counts, "faults": len(faults)}
        evidence = append(actor, "data.harvested", source.replace("\n", " ")[:200], body).sequence
        return Harvest.objects.create(
            catalogue=source, form=read.form, digest=digest, counts=counts, faults=faults, evidence=evidence
        )


def _far(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _taken(actor: Actor, source: str, owner: str, one: Foreign, held: Dataset | None) -> str:
    if held is not None and held.source_digest == one.digest and held.state == State.PUBLISHED:
        return "same"
    # What its source calls open and we could not is at least not handed on as such.
    guarded = (one.grade, one.sensitivity) != (Grade.GENERAL, Sensitivity.NONE)
    access = Access.RESTRICTED if guarded and one.access == Access.OPEN else one.access
    facts: dict[str, Any] = {
        "title_zh": one.title_zh, "title_en": one.title_en, "description": one.description, "publisher": one.publisher,
        "basis": Basis.STATED.value, "grade": one.grade.value, "sensitivity": one.sensitivity.value,
        "access": access.value, "licence": one.licence, "keywords": [word[:60] for word in one.keywords],
        "language": one.language, "task": None, "project": "",
    }  # fmt: skip
    actions.check(facts)
    now = timezone.now()
    kept = {"source_digest": one.digest, "state": State.PUBLISHED.value, "changed": now, "withdrawn_why": ""}
    if held is None:
        told = {"what": "harvested", "catalogue": source, "identifier": one.identifier}
        held = actions.create(
            actor, owner, {**facts, **kept, "source_catalogue": source, "source_identifier": one.identifier, "published": now},
            "data.registered", told,
        )  # fmt: skip
        version = Version.objects.create(dataset=held, number=1, state=State.PUBLISHED, deposited_by=actor.name)
        how = "new"
    else:
        for name, value in {**facts, **kept}.items():
            setattr(held, name, value)
        held.save()
        finding.index(held)
        version = held.versions.get()
        version.distributions.all().delete()
        how = "changed"
    Distribution.objects.bulk_create(
        Distribution(
            version=version, name=name, media_type=file.media_type, bytes=file.bytes, sha256=file.sha256, url=file.url
        )
        for name, file in _by_name(one).items()
    )
    return how


def _by_name(one: Foreign) -> dict[str, foreign.ForeignFile]:
    """Return the files by names that are each there once."""
    found: dict[str, foreign.ForeignFile] = {}
    for file in one.files:
        name, number = file.name, 2
        while name in found:
            name, number = f"{file.name[:240]} ({number})", number + 1
        found[name] = file
    return found


def _content(source: str) -> bytes:
    expected = Text("可以读取的目录", "a catalogue that can be read")
    try:
        if _far(source):
            request = urllib.request.Request(  # noqa: S310 - http and https alone
                source,
                headers={"Accept": "text/turtle, application/ld+json, application/rdf+xml, application/json;q=0.9"},
            )
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                content: bytes = answer.read(LARGEST + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise BadInput(source, expected=expected, found=str(error)) from error
    if len(content) > LARGEST:
        raise BadInput(source, expected=Text(f"不超过 {LARGEST >> 20} MiB", f"at most {LARGEST >> 20} MiB"))
    return content


def _rest(source: str, first: Catalogue) -> Catalogue:
    """Return a CKAN's whole list, page by page; the first page is there."""
    datasets, faults = {one.identifier: one for one in first.datasets}, list(first.faults)
    total = first.total or 0
    start = len(first.datasets) + len(first.faults)
    while start < total:
        parts = urlsplit(source)
        page = parts._replace(
            query="&".join(filter(None, [parts.query, urlencode({"start": start, "rows": _ROWS})]))
        ).geturl()
        read = foreign.read(page, _content(page), "ckan")
        if not read.datasets and not read.faults:
            break
        datasets |= {one.identifier: one for one in read.datasets}
        faults += read.faults
        start += len(read.datasets) + len(read.faults)
    return first._replace(datasets=list(datasets.values()), faults=faults)
