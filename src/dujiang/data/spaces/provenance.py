"""What was done under an agreement as W3C PROV-O: who used which data, by which right, and what came of it.

The agreement is a plan (prov:Plan) that qualifies each query's association with its consumer; a query (prov:Activity) uses
the data set (prov:Entity) and, where it was answered, generates an answer that was derived from it. Records of evidence
are cited by their address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rdflib import PROV, RDF, RDFS, XSD, BNode, Graph, Literal, Namespace, URIRef

DUJIANG = Namespace("urn:dujiang:data-space:")


@dataclass(frozen=True, slots=True)
class Use:
    """A query: its address, when it was begun, its outcome, and the address of its evidence."""

    address: str
    begun: datetime
    outcome: str
    rule: str
    rows: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Account:
    """An agreement with its parties and all that was asked under it; addresses throughout."""

    agreement: str
    dataset: str
    title: str
    provider: str
    provider_title: str
    consumer: str
    consumer_title: str
    purpose: str
    legal_basis: str
    ethics_approval: str
    signed: datetime
    ended: datetime | None
    evidence: str
    uses: tuple[Use, ...]


def graph(accounts: Iterable[Account]) -> Graph:
    """Return the accounts of agreements as PROV-O."""
    made = Graph()
    made.bind("prov", PROV)
    made.bind("dj", DUJIANG)
    for one in accounts:
        _agreement(made, one)
        for use in one.uses:
            _use(made, one, use)
    return made


def _agreement(made: Graph, one: Account) -> None:
    plan, data = URIRef(one.agreement), URIRef(one.dataset)
    provider, consumer = URIRef(one.provider), URIRef(one.consumer)
    for agent, title in ((provider, one.provider_title), (consumer, one.consumer_title)):
        made.add((agent, RDF.type, PROV.Organization))
        made.add((agent, RDFS.label, Literal(title)))
    made.add((data, RDF.type, PROV.Entity))
    made.add((data, RDFS.label, Literal(one.title)))
    made.add((data, PROV.wasAttributedTo, provider))
    made.add((plan, RDF.type, PROV.Plan))
    made.add((plan, PROV.wasAttributedTo, provider))
    made.add((plan, PROV.wasAttributedTo, consumer))
    made.add((plan, PROV.generatedAtTime, _at(one.signed)))
    if one.ended:
        made.add((plan, PROV.invalidatedAtTime, _at(one.ended)))
    made.add((plan, PROV.hadPrimarySource, URIRef(one.evidence)))
    for name, text in (
        ("purpose", one.purpose),
        ("legalBasis", one.legal_basis),
        ("ethicsApproval", one.ethics_approval),
    ):
        if text:
            made.add((plan, DUJIANG[name], Literal(text)))


def _use(made: Graph, one: Account, use: Use) -> None:
    activity = URIRef(use.address)
    made.add((activity, RDF.type, PROV.Activity))
    made.add((activity, PROV.startedAtTime, _at(use.begun)))
    made.add((activity, PROV.wasAssociatedWith, URIRef(one.consumer)))
    association = BNode()
    made.add((activity, PROV.qualifiedAssociation, association))
    made.add((association, RDF.type, PROV.Association))
    made.add((association, PROV.agent, URIRef(one.consumer)))
    made.add((association, PROV.hadPlan, URIRef(one.agreement)))
    made.add((activity, DUJIANG.outcome, Literal(use.outcome)))
    made.add((activity, PROV.wasInformedBy, URIRef(use.evidence)))
    if use.outcome != "answered":
        made.add((activity, DUJIANG.rule, Literal(use.rule)))
        return
    made.add((activity, PROV.used, URIRef(one.dataset)))
    answer = URIRef(f"{use.address}#answer")
    made.add((answer, RDF.type, PROV.Entity))
    made.add((answer, PROV.wasGeneratedBy, activity))
    made.add((answer, PROV.wasDerivedFrom, URIRef(one.dataset)))
    made.add((answer, DUJIANG.rows, Literal(use.rows)))


def _at(time: datetime) -> Literal:
    return Literal(time.isoformat(), datatype=XSD.dateTime)
