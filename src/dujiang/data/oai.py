"""The protocol by which catalogues harvest each other's metadata: OAI-PMH 2.0 (Lagoze et al. 2002), the provider's side.

`respond` takes the arguments of a request and a repository, and returns the document. A resumption token says where a list
goes on and what was asked, so nothing is kept between requests, and what changes meanwhile is neither lost nor a fault.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from xml.etree import ElementTree as ET

from dujiang.data import datacite
from dujiang.data.metadata import Record

OAI = "http://www.openarchives.org/OAI/2.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_OAI_DATACITE = "http://schema.datacite.org/oai/oai-1.1/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", _OAI_DC),
    "oai_datacite": ("http://schema.datacite.org/oai/oai-1.1/oai.xsd", _OAI_DATACITE),
}
"""The forms that metadata are had in: each with its schema and namespace."""
PAGE = 100
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Item:
    """A data set as the protocol has it: ``number`` orders those of one ``changed``; what was withdrawn has no record."""

    number: int
    identifier: str
    changed: datetime
    sets: tuple[str, ...]
    record: Record | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a repository is asked for: changed at or after ``since``, before ``before``, in a set."""

    since: datetime | None = None
    before: datetime | None = None
    set: str = ""


class Repository(Protocol):
    """What can be harvested. ``domain`` is part of the identifiers that harvesters see."""

    name: str
    address: str
    domain: str
    email: str

    def earliest(self) -> datetime:
        """Return a time before which nothing changed."""

    def sets(self) -> Sequence[tuple[str, str]]:
        """Return the sets: specification and name."""

    def item(self, identifier: str) -> Item | None:
        """Return the item of an identifier, None where there is none."""

    def count(self, wanted: Wanted) -> int:
        """Return how many items are wanted."""

    def items(self, wanted: Wanted, after: tuple[datetime, int] | None, most: int) -> Sequence[Item]:
        """Return wanted items in the order of (changed, number), those past ``after``."""


class _Fault(Exception):
    """An error of the protocol: its code and why."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(why)


def respond(arguments: Sequence[tuple[str, str]], repository: Repository, now: datetime) -> bytes:
    """Return the answer to a request's arguments, names and values as they came."""
    root = ET.Element(f"{{{OAI}}}OAI-PMH")
    root.set(f"{{{_XSI}}}schemaLocation", f"{OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd")
    _add(root, "responseDate", stamp(now))
    request = _add(root, "request", repository.address)
    try:
        verb, given = _asked(arguments)
        parts = _VERBS[verb][0](given, repository)
    except _Fault as fault:
        if fault.code not in ("badVerb", "badArgument"):
            for name, value in arguments:
                request.set(name, value)
        _add(root, "error", str(fault)).set("code", fault.code)
    else:
        for name, value in arguments:
            request.set(name, value)
        _add(root, verb).extend(parts)
    for prefix, namespace in (("", OAI), ("xsi", _XSI), ("dc", _DC), ("oai_dc", _OAI_DC)):
        ET.register_namespace(prefix, namespace)
    made: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return made


def stamp(at: datetime) -> str:
    """Return a time as the protocol writes it, in UTC to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    made = ET.SubElement(parent, f"{{{OAI}}}{name}")
    made.text = _legible(text) or None
    return made


def _legible(text: str) -> str:
    """Return a text without the characters that XML 1.0 can't hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _asked(arguments: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    verbs = [value for name, value in arguments if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in _VERBS:
        raise _Fault("badVerb", f"one verb of {', '.join(_VERBS)}")
    given = {name: value for name, value in arguments if name != "verb"}
    if len(given) != len(arguments) - 1:
        raise _Fault("badArgument", "an argument is there twice")
    _, required, optional = _VERBS[verbs[0]]
    if unknown := sorted(set(given) - required - optional):
        raise _Fault("badArgument", f"{verbs[0]} has no argument {', '.join(unknown)}")
    if "resumptionToken" in given:
        if len(given) > 1:
            raise _Fault("badArgument", "a resumptionToken stands alone")
    elif missing := sorted(required - set(given)):
        raise _Fault("badArgument", f"{verbs[0]} needs {', '.join(missing)}")
    return verbs[0], given


def _identify(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    holder = ET.Element("holder")
    for name, text in (
        ("repositoryName", repository.name),
        ("baseURL", repository.address),
        ("protocolVersion", "2.0"),
        ("adminEmail", repository.email),
        ("earliestDatestamp", stamp(repository.earliest())),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    ):
        _add(holder, name, text)
    return list(holder)


def _formats(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    if "identifier" in given:
        _found(given["identifier"], repository)
    holder = ET.Element("holder")
    for prefix, (schema, namespace) in PREFIXES.items():
        one = _add(holder, "metadataFormat")
        _add(one, "metadataPrefix", prefix)
        _add(one, "schema", schema)
        _add(one, "metadataNamespace", namespace)
    return list(holder)


def _sets(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    if "resumptionToken" in given:
        raise _Fault("badResumptionToken", "the list of sets is given whole")
    sets = repository.sets()
    if not sets:
        raise _Fault("noSetHierarchy", "there are no sets")
    holder = ET.Element("holder")
    for spec, name in sets:
        one = _add(holder, "set")
        _add(one, "setSpec", spec)
        _add(one, "setName", name)
    return list(holder)


def _get(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    _prefix(given["metadataPrefix"])
    holder = ET.Element("holder")
    _record(holder, _found(given["identifier"], repository), given["metadataPrefix"], repository.domain)
    return list(holder)


def _list_records(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    return _listed(given, repository, lambda holder, item, prefix: _record(holder, item, prefix, repository.domain))


def _list_identifiers(given: Mapping[str, str], repository: Repository) -> list[ET.Element]:
    return _listed(given, repository, lambda holder, item, prefix: _header(holder, item, repository.domain))


def _listed(
    given: Mapping[str, str], repository: Repository, write: Callable[[ET.Element, Item, str], None]
) -> list[ET.Element]:
    if "resumptionToken" in given:
        prefix, asked, after, done = _resumed(given["resumptionToken"])
    else:
        prefix, after, done = given["metadataPrefix"], None, 0
        asked = {name: given[name] for name in ("from", "until", "set") if name in given}
    _prefix(prefix)
    wanted = _wanted(asked)
    if wanted.set and not repository.sets():
        raise _Fault("noSetHierarchy", "there are no sets")
    items = repository.items(wanted, after, PAGE + 1)
    if not items and after is None:
        raise _Fault("noRecordsMatch", "nothing fits")
    holder = ET.Element("holder")
    for item in items[:PAGE]:
        write(holder, item, prefix)
    more = len(items) > PAGE
    if more or after is not None:
        token = _token(prefix, asked, items[PAGE - 1], done + PAGE) if more else ""
        one = _add(holder, "resumptionToken", token)
        one.set("cursor", str(done))
        one.set("completeListSize", str(max(repository.count(wanted), done + min(len(items), PAGE))))
    return list(holder)


def _prefix(prefix: str) -> None:
    if prefix not in PREFIXES:
        raise _Fault("cannotDisseminateFormat", f"one of {', '.join(PREFIXES)}")


def _wanted(asked: Mapping[str, str]) -> Wanted:
    since, until = asked.get("from"), asked.get("until")
    if since and until and len(since) != len(until):
        raise _Fault("badArgument", "from and until are of the same granularity")
    start = _time(since, timedelta(0)) if since is not None else None
    end = (
        _time(until, timedelta(seconds=1) if until and len(until) > 10 else timedelta(days=1))
        if until is not None
        else None
    )
    if start and end and start >= end:
        raise _Fault("badArgument", "from is after until")
    return Wanted(start, end, asked.get("set", ""))


def _time(text: str, more: timedelta) -> datetime:
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + more
        if _SECOND.fullmatch(text):
            return datetime.fromisoformat(text) + more
    except (ValueError, OverflowError):
        pass
    raise _Fault("badArgument", f"{text!r} is no time: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")


def _token(prefix: str, asked: Mapping[str, str], last: Item, done: int) -> str:
    where = [prefix, dict(asked), last.changed.astimezone(UTC).isoformat(), last.number, done]
    return base64.urlsafe_b64encode(json.dumps(where, ensure_ascii=False).encode()).decode()


def _resumed(token: str) -> tuple[str, dict[str, str], tuple[datetime, int], int]:
    try:
        prefix, asked, changed, number, done = json.loads(base64.urlsafe_b64decode(token.encode()))
        after = datetime.fromisoformat(changed), int(number)
        good = (
            isinstance(prefix, str) and after[0].tzinfo is not None and 0 <= after[1] < 2**63 and 0 <= int(done) < 2**63
            and set(asked) <= {"from", "until", "set"} and all(isinstance(one, str) for one in asked.values())
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise _Fault("badResumptionToken", "not a token of this repository") from error
    if not good or prefix not in PREFIXES:
        raise _Fault("badResumptionToken", "not a token of this repository")
    return prefix, asked, after, int(done)


def _found(identifier: str, repository: Repository) -> Item:
    start = f"oai:{repository.domain}:"
    item = repository.item(identifier.removeprefix(start)) if identifier.startswith(start) else None
    if item is None:
        raise _Fault("idDoesNotExist", identifier)
    return item


def _header(holder: ET.Element, item: Item, domain: str) -> None:
    one = _add(holder, "header")
    if item.record is None:
        one.set("status", "deleted")
    _add(one, "identifier", f"oai:{domain}:{item.identifier}")
    _add(one, "datestamp", stamp(item.changed))
    for spec in item.sets:
        _add(one, "setSpec", spec)


def _record(holder: ET.Element, item: Item, prefix: str, domain: str) -> None:
    one = _add(holder, "record")
    _header(one, item, domain)
    if item.record is not None:
        _add(one, "metadata").append(_dublin_core(item.record) if prefix == "oai_dc" else _datacite(item.record))


def _dublin_core(one: Record) -> ET.Element:
    root = ET.Element(f"{{{_OAI_DC}}}dc")
    root.set(f"{{{_XSI}}}schemaLocation", f"{_OAI_DC} {PREFIXES['oai_dc'][0]}")
    published = one.published or one.registered
    for name, texts in (
        ("title", dict.fromkeys([one.title.zh, one.title.en])),
        ("creator", [one.owner]),
        ("subject", one.keywords),
        ("description", [one.description]),
        ("publisher", [one.publisher or one.owner]),
        ("date", [published.date().isoformat()]),
        ("type", ["Dataset"]),
        ("format", sorted({file.media_type for file in one.files})),
        ("identifier", [one.identifier, one.address]),
        ("source", [one.source]),
        ("language", [one.language]),
        ("rights", [one.access.words.en, one.licence]),
    ):
        for text in texts:
            if text:
                ET.SubElement(root, f"{{{_DC}}}{name}").text = _legible(text)
    return root


def _datacite(one: Record) -> ET.Element:
    root = ET.Element(f"{{{_OAI_DATACITE}}}oai_datacite")
    for name, text in (("schemaVersion", "4.6"), ("datacentreSymbol", one.identifier.partition("/")[0])):
        ET.SubElement(root, f"{{{_OAI_DATACITE}}}{name}").text = text
    payload = ET.SubElement(root, f"{{{_OAI_DATACITE}}}payload")
    payload.append(datacite.element(one))
    for found in payload.iter():
        found.text = _legible(found.text) if found.text else None
    return root


_Verb = tuple[Callable[[Mapping[str, str], Repository], list[ET.Element]], frozenset[str], frozenset[str]]
_LIST = frozenset({"from", "until", "set", "resumptionToken"})
_VERBS: dict[str, _Verb] = {
    "Identify": (_identify, frozenset(), frozenset()),
    "ListMetadataFormats": (_formats, frozenset(), frozenset({"identifier"})),
    "ListSets": (_sets, frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (_get, frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (_list_identifiers, frozenset({"metadataPrefix"}), _LIST),
    "ListRecords": (_list_records, frozenset({"metadataPrefix"}), _LIST),
}
"""The verbs: what answers each, and the arguments that it needs and knows."""
