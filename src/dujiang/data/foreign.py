"""Reading other catalogues: DCAT in Turtle, JSON-LD or RDF/XML, and what CKAN's ``package_search`` answers.

What of a catalogue can't be read is told with its place, and the rest is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from rdflib import DCAT, DCTERMS, FOAF, RDF, Graph, Literal, Node, URIRef

from dujiang.data.dcat import ACCESS, MEDIA, OURS, SPDX
from dujiang.data.terms import Access, Grade, Sensitivity
from dujiang.messages import BadInput, Text


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file of another catalogue's data set."""

    name: str
    media_type: str
    bytes: int | None
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A data set of another catalogue, ``identifier`` as it is known there."""

    identifier: str
    title_zh: str
    title_en: str
    description: str
    publisher: str
    licence: str
    keywords: tuple[str, ...]
    language: str
    access: Access
    grade: Grade
    sensitivity: Sensitivity
    files: tuple[ForeignFile, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says."""
        return hashlib.sha256(json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class Fault(NamedTuple):
    """Something of a catalogue that could not be read."""

    where: str
    why: Text


class Catalogue(NamedTuple):
    """What was read; ``total`` is how many data sets the catalogue says that it has, where it says so."""

    form: str
    datasets: list[Foreign]
    faults: list[Fault]
    total: int | None = None


def read(name: str, content: bytes, form: str = "") -> Catalogue:
    """Read a catalogue's document, ``form`` being ``dcat`` or ``ckan``; ``name`` tells where it is from.

    Raises `BadInput` for one that is neither, or of which nothing can be read.
    """
    document = _json(content)
    if form == "ckan" or (not form and isinstance(document, dict) and "success" in document and "result" in document):
        return _ckan(name, document)
    return _dcat(name, content, document)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _dcat(name: str, content: bytes, document: Any) -> Catalogue:
    expected = Text("DCAT 目录（Turtle、JSON-LD 或 RDF/XML）", "a DCAT catalogue in Turtle, JSON-LD or RDF/XML")
    graph = Graph()
    if document is not None:
        format_ = "json-ld"
        if (far := next(_remote(document), None)) is not None:
            remedy = Text("请改用内嵌 @context 的文件", "use a document whose @context is in it")
            raise BadInput(name, field="@context", expected=expected, found=far, remedy=remedy)
    else:
        format_ = (
            "xml"
            if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") or b"<rdf:RDF" in content[:4096]
            else "turtle"
        )
    try:
        graph.parse(data=content, format=format_)
    except Exception as error:  # each of rdflib's parsers has errors of its own
        raise BadInput(name, expected=expected, found=f"{type(error).__name__}: {str(error)[:300]}") from error
    found: list[Foreign] = []
    faults: list[Fault] = []
    nodes = sorted(set(graph.subjects(RDF.type, DCAT.Dataset)), key=str)
    if not nodes:
        raise BadInput(name, expected=expected, found=Text("没有 dcat:Dataset", "no dcat:Dataset").zh)
    taken: set[str] = set()
    for node in nodes:
        one = _dataset(graph, node)
        if isinstance(one, Fault):
            faults.append(one)
        elif one.identifier in taken:
            faults.append(Fault(one.identifier, Text("标识符重复", "the identifier is there twice")))
        else:
            taken.add(one.identifier)
            found.append(one)
    return Catalogue("dcat", found, faults)


def _remote(value: Any) -> Iterator[str]:
    """Yield the addresses of contexts that a JSON-LD document has elsewhere: reading must not reach out."""
    if isinstance(value, dict):
        contexts = value.get("@context", [])
        yield from (one for one in (contexts if isinstance(contexts, list) else [contexts]) if isinstance(one, str))
        for one in value.values():
            yield from _remote(one)
    elif isinstance(value, list):
        for one in value:
            yield from _remote(one)


def _dataset(graph: Graph, node: Node) -> Foreign | Fault:
    identifier = _one(graph, node, DCTERMS.identifier) or (str(node) if isinstance(node, URIRef) else "")
    if not identifier:
        return Fault(str(node), Text("既无标识符也无地址", "it has neither an identifier nor an address"))
    zh, en = _in(graph, node, DCTERMS.title, "zh"), _in(graph, node, DCTERMS.title, "en")
    title = zh or _one(graph, node, DCTERMS.title)
    if not title:
        return Fault(identifier, Text("缺少 dct:title", "dct:title is missing"))
    rights = next((one for one, address in ACCESS.items() if (node, DCTERMS.accessRights, address) in graph), None)
    licence = _one(graph, node, DCTERMS.license)
    files = []
    for part in sorted(graph.objects(node, DCAT.distribution), key=str):
        file = _distribution(graph, part)
        if isinstance(file, Fault):
            return Fault(identifier, file.why)
        licence = licence or _one(graph, part, DCTERMS.license)
        files.append(file)
    grade, sensitivity = _one(graph, node, OURS.grade), _one(graph, node, OURS.sensitivity)
    return _checked(
        Foreign(
            identifier=identifier,
            title_zh=title,
            title_en=en,
            description=_in(graph, node, DCTERMS.description, "zh") or _one(graph, node, DCTERMS.description),
            publisher=_agent(graph, node),
            licence=licence,
            keywords=tuple(sorted({str(one) for one in graph.objects(node, DCAT.keyword)})),
            language=_one(graph, node, DCTERMS.language).rpartition("/")[2] or "zh",
            access=rights or (Access.OPEN if licence else Access.RESTRICTED),
            grade=Grade(grade) if grade in set(Grade) else Grade.GENERAL,
            sensitivity=Sensitivity(sensitivity) if sensitivity in set(Sensitivity) else Sensitivity.NONE,
            files=tuple(files),
        )
    )


def _distribution(graph: Graph, node: Node) -> ForeignFile | Fault:
    url = _one(graph, node, DCAT.downloadURL) or _one(graph, node, DCAT.accessURL)
    if not url.startswith(("http://", "https://")):
        return Fault(str(node), Text("文件没有 http(s) 地址", "a file has no http(s) address"))
    size = _one(graph, node, DCAT.byteSize).partition(".")[0]
    sums = [
        _one(graph, one, SPDX.checksumValue).lower()
        for one in graph.objects(node, SPDX.checksum)
        if (one, SPDX.algorithm, SPDX.checksumAlgorithm_sha256) in graph
    ]
    media = _one(graph, node, DCAT.mediaType) or _one(graph, node, DCTERMS["format"])
    return ForeignFile(
        _one(graph, node, DCTERMS.title) or _name(url), media.removeprefix(MEDIA) if media.startswith(MEDIA) else
        (media if "/" in media and "://" not in media else "application/octet-stream"),
        int(size) if size.isdecimal() and len(size) < 19 else None, sums[0] if sums and len(sums[0]) == 64 else "", url,
    )  # fmt: skip


def _agent(graph: Graph, node: Node) -> str:
    agent = graph.value(node, DCTERMS.publisher)
    if agent is None:
        return ""
    return _in(graph, agent, FOAF.name, "zh") or _one(graph, agent, FOAF.name) or str(agent)


def _one(graph: Graph, node: Node, predicate: URIRef) -> str:
    """Return a value as text, the same one of several each time; empty where there is none."""
    values = sorted(str(one) for one in graph.objects(node, predicate) if isinstance(one, Literal | URIRef))
    return values[0].strip() if values else ""


def _in(graph: Graph, node: Node, predicate: URIRef, language: str) -> str:
    values = sorted(
        str(one)
        for one in graph.objects(node, predicate)
        if isinstance(one, Literal) and (one.language or "").lower().startswith(language)
    )
    return values[0].strip() if values else ""


def _name(url: str) -> str:
    return unquote(PurePath(urlsplit(url).path).name) or "file"


def _ckan(name: str, document: Any) -> Catalogue:
    expected = Text("CKAN package_search 的应答", "what CKAN's package_search answers")
    result = document.get("result") if isinstance(document, dict) else None
    if (
        not isinstance(result, dict)
        or document.get("success") is not True
        or not isinstance(result.get("results"), list)
    ):
        raise BadInput(name, field="result.results", expected=expected)
    found: list[Foreign] = []
    faults: list[Fault] = []
    for at, one in enumerate(result["results"]):
        read_ = _package(one, at)
        (faults if isinstance(read_, Fault) else found).append(read_)  # type: ignore[arg-type]
    count = result.get("count")
    return Catalogue("ckan", found, faults, count if isinstance(count, int) else None)


def _package(one: Any, at: int) -> Foreign | Fault:
    if not isinstance(one, dict) or not _text(one, "id"):
        return Fault(f"results[{at}]", Text("缺少 id", "id is missing"))
    identifier = _text(one, "id")
    title = _text(one, "title") or _text(one, "name")
    if not title:
        return Fault(identifier, Text("缺少 title", "title is missing"))
    files = []
    for number, resource in enumerate(one.get("resources") or []):
        url = _text(resource, "url") if isinstance(resource, dict) else ""
        if not url.startswith(("http://", "https://")):
            return Fault(
                f"{identifier} resources[{number}]", Text("文件没有 http(s) 地址", "a file has no http(s) address")
            )
        size, sum_ = resource.get("size"), _text(resource, "hash").lower().removeprefix("sha256:")
        files.append(
            ForeignFile(
                _text(resource, "name") or _name(url),
                _text(resource, "mimetype")
                or _FORMATS.get(_text(resource, "format").upper(), "application/octet-stream"),
                size if isinstance(size, int) and 0 <= size < 2**63 else None,
                sum_ if len(sum_) == 64 else "",
                url,
            )
        )
    organization = one.get("organization")
    tags = one.get("tags") or []
    licence = _text(one, "license_url") or _text(one, "license_id") or _text(one, "license_title")
    closed = one.get("private") is True
    return _checked(
        Foreign(
            identifier=identifier,
            title_zh=title,
            title_en="",
            description=_text(one, "notes"),
            publisher=(_text(organization, "title") if isinstance(organization, dict) else "") or _text(one, "author"),
            licence="" if licence == "notspecified" else licence,
            keywords=tuple(sorted({_text(tag, "name") for tag in tags if isinstance(tag, dict)} - {""})),
            language=_text(one, "language") or "zh",
            access=Access.CLOSED if closed else Access.OPEN if one.get("isopen") is True else Access.RESTRICTED,
            grade=Grade.GENERAL,
            sensitivity=Sensitivity.NONE,
            files=tuple(files),
        )
    )


_FORMATS = {
    "CSV": "text/csv", "JSON": "application/json", "GEOJSON": "application/geo+json", "XML": "application/xml",
    "PDF": "application/pdf", "ZIP": "application/zip", "XLS": "application/vnd.ms-excel", "TXT": "text/plain",
    "XLSX": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def _text(value: Any, name: str) -> str:
    found = value.get(name)
    return found.strip() if isinstance(found, str) else ""


def _checked(one: Foreign) -> Foreign | Fault:
    """Return a data set whose texts fit the catalogue, or say which does not."""
    for name, text, most in (
        ("identifier", one.identifier, 500), ("title", one.title_zh, 300), ("title", one.title_en, 300),
        ("publisher", one.publisher, 300), ("licence", one.licence, 300), ("language", one.language, 20),
        *(("distribution", file.url, 1000) for file in one.files), *(("distribution", file.name, 255) for file in one.files),
        *(("mediaType", file.media_type, 120) for file in one.files),
    ):  # fmt: skip
        if len(text) > most or "\x00" in text:
            return Fault(
                one.identifier[:100], Text(f"{name} 超过 {most} 字", f"{name} is longer than {most} characters")
            )
    return one
