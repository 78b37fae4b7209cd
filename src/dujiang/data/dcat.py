"""Data sets as DCAT 3 (W3C Recommendation, 2024), and what our catalogue asks of a description, as SHACL shapes.

Whom the data are about, and the grade of GB/T 43697, have no term in DCAT; they are ours, under ``urn:dujiang:data:``.
Access rights are named by the Publications Office's list, which harvesters of DCAT-AP know.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from rdflib import DCAT, DCTERMS, FOAF, OWL, RDF, XSD, Graph, Literal, Namespace, Node, URIRef

from dujiang.data.metadata import File, Record
from dujiang.data.terms import Access
from dujiang.messages import Text

ADMS = Namespace("http://www.w3.org/ns/adms#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
OURS = Namespace("urn:dujiang:data:")
SHACL = Namespace("http://www.w3.org/ns/shacl#")
RIGHTS = Namespace("http://publications.europa.eu/resource/authority/access-right/")
MEDIA = "https://www.iana.org/assignments/media-types/"
ACCESS = {Access.OPEN: RIGHTS.PUBLIC, Access.RESTRICTED: RIGHTS.RESTRICTED, Access.CLOSED: RIGHTS.NON_PUBLIC}
_PREFIXES = {
    "adms": ADMS, "dcat": DCAT, "dct": DCTERMS, "foaf": FOAF, "owl": OWL, "spdx": SPDX, "dj": OURS,
}  # fmt: skip
FORMATS = {"ttl": ("turtle", "text/turtle"), "jsonld": ("json-ld", "application/ld+json"), "rdf": ("pretty-xml", "application/rdf+xml")}  # fmt: skip
"""By suffix: what rdflib calls a serialisation, and its media type."""


def graph(records: Iterable[Record]) -> Graph:
    """Return the descriptions of data sets."""
    made = Graph()
    for prefix, namespace in _PREFIXES.items():
        made.bind(prefix, namespace)
    for one in records:
        _describe(made, one)
    return made


def catalogue(site: str, title: Text, publisher: str, records: Iterable[Record]) -> Graph:
    """Return a catalogue at an address with its data sets."""
    held = list(records)
    made = graph(held)
    node = URIRef(f"{site}#catalogue")
    made.add((node, RDF.type, DCAT.Catalog))
    made.add((node, DCTERMS.title, Literal(title.zh, lang="zh")))
    made.add((node, DCTERMS.title, Literal(title.en, lang="en")))
    made.add((node, DCTERMS.description, Literal(title.zh, lang="zh")))
    made.add((node, FOAF.homepage, URIRef(site)))
    made.add((node, DCTERMS.publisher, _agent(made, site, publisher)))
    for one in held:
        made.add((node, DCAT.dataset, URIRef(one.address)))
    return made


def written(made: Graph, suffix: str) -> bytes:
    """Return a graph as Turtle (``ttl``), JSON-LD (``jsonld``) or RDF/XML (``rdf``)."""
    format_, _ = FORMATS[suffix]
    if suffix != "jsonld":
        return made.serialize(format=format_, encoding="utf-8")
    context = {**{name: str(one) for name, one in _PREFIXES.items()}, "xsd": str(XSD)}
    return made.serialize(format=format_, encoding="utf-8", context=context)


def _describe(made: Graph, one: Record) -> None:
    node = URIRef(one.address)

    def say(predicate: URIRef, *values: Node) -> None:
        for value in values:
            made.add((node, predicate, value))

    say(RDF.type, DCAT.Dataset)
    say(DCTERMS.identifier, Literal(one.identifier))
    say(DCTERMS.title, Literal(one.title.zh, lang="zh"))
    if one.title.en != one.title.zh:
        say(DCTERMS.title, Literal(one.title.en, lang="en"))
    if one.description:
        say(DCTERMS.description, Literal(one.description, lang=one.language if _tagged(one.language) else None))
    say(DCTERMS.rightsHolder, _agent(made, one.site, one.owner))
    say(DCTERMS.publisher, _agent(made, one.site, one.publisher or one.owner))
    say(DCTERMS.accessRights, ACCESS[one.access])
    say(DCTERMS.language, Literal(one.language))
    say(DCAT.landingPage, URIRef(one.address))
    say(DCAT.keyword, *(Literal(word) for word in one.keywords))
    say(DCTERMS.modified, Literal(one.changed))
    say(OURS.grade, Literal(one.grade.value))
    say(OURS.sensitivity, Literal(one.sensitivity.value))
    say(OURS.rightsBasis, Literal(one.basis.value))
    if one.published:
        say(DCTERMS.issued, Literal(one.published))
    if one.embargo_until:
        say(DCTERMS.available, Literal(one.embargo_until))
    if one.version:
        say(URIRef(f"{DCAT}version"), Literal(str(one.version)))
    if one.version_note:
        say(ADMS.versionNotes, Literal(one.version_note))
    if one.about:
        say(DCTERMS.isReferencedBy, Literal(one.about))
    if one.source:
        say(DCTERMS.source, _reference(one.source))
    if one.licence:
        say(DCTERMS.license, _licence(one))
    for file in one.files:
        say(DCAT.distribution, _distribution(made, one, file))


def _distribution(made: Graph, one: Record, file: File) -> URIRef:
    node = URIRef(f"{one.address}#{quote(file.name)}")
    made.add((node, RDF.type, DCAT.Distribution))
    made.add((node, DCTERMS.title, Literal(file.name)))
    made.add((node, DCAT.accessURL, URIRef(one.address)))
    made.add((node, DCAT.downloadURL, URIRef(file.url)))
    if file.media_type:
        made.add((node, DCAT.mediaType, URIRef(MEDIA + quote(file.media_type, safe="/+.-"))))
    if file.bytes is not None:
        made.add((node, DCAT.byteSize, Literal(str(file.bytes), datatype=XSD.nonNegativeInteger)))
    if one.licence:
        made.add((node, DCTERMS.license, _licence(one)))
    if file.sha256:
        sum_ = URIRef(f"{node}:sha256")
        made.add((node, SPDX.checksum, sum_))
        made.add((sum_, RDF.type, SPDX.Checksum))
        made.add((sum_, SPDX.algorithm, SPDX.checksumAlgorithm_sha256))
        made.add((sum_, SPDX.checksumValue, Literal(file.sha256, datatype=XSD.hexBinary)))
    return node


def _agent(made: Graph, site: str, name: str) -> URIRef:
    node = URIRef(f"{site}#unit-{quote(name)}")
    made.add((node, RDF.type, FOAF.Agent))
    made.add((node, FOAF.name, Literal(name)))
    return node


def _licence(one: Record) -> Node:
    return URIRef(one.licence_address) if one.licence_address else Literal(one.licence)


def _reference(text: str) -> Node:
    return URIRef(text) if text.startswith(("http://", "https://")) and " " not in text else Literal(text)


def _tagged(language: str) -> bool:
    return bool(language) and all(part.isalnum() and part.isascii() for part in language.split("-"))


@cache
def _shapes() -> Graph:
    return Graph().parse(data=(files("dujiang.data") / "shapes.ttl").read_text(encoding="utf-8"), format="turtle")


def violations(made: Graph) -> list[Text]:
    """Return what descriptions lack or have wrong by ``shapes.ttl``, in its words; what is only advised is not told."""
    from pyshacl import validate

    conforms, report, _ = validate(made, shacl_graph=_shapes(), inference="none", advanced=False)
    if conforms:
        return []
    assert isinstance(report, Graph)
    found = []
    for result in report.subjects(RDF.type, SHACL.ValidationResult):
        if (result, SHACL.resultSeverity, SHACL.Violation) not in report:
            continue
        said = {
            one.language: str(one)
            for one in report.objects(result, SHACL.resultMessage)
            if isinstance(one, Literal)
        }  # fmt: skip
        found.append(Text(said.get("zh", str(said)), said.get("en", str(said))))
    return sorted(set(found), key=str)
