"""Who trades, what is offered, asked for and agreed, and how an agreement ends. Asking data is in `asking`.

A negotiation goes by the Dataspace Protocol's states. Between two units of this site the provider's yes finalises it,
since both sides are one row here; with a foreign connector each step is a message (`dujiang.data.spaces.trading`).
"""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from dujiang.data.models import Dataset, Distribution
from dujiang.data.spaces import aggregates, odrl, privacy
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.data.spaces.engine import dialect_of
from dujiang.data.spaces.models import Agreement, Negotiation, Offer, Participant, Query
from dujiang.data.spaces.places import KINDS, engine, opened, place
from dujiang.data.spaces.policy import Policy, check
from dujiang.data.spaces.provenance import Account, Use
from dujiang.data.spaces.worker import Files
from dujiang.data.terms import Access, Sensitivity, State
from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused, Text

OVERSEERS = (Role.OFFICE, Role.AUDITOR)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,190}")


def urn() -> str:
    """Return a new identifier."""
    return f"urn:uuid:{uuid.uuid4()}"


# Participants.


def participant_of(unit: str) -> Participant:
    """Return a unit of this site as a participant, made when it first trades."""
    found = Participant.objects.filter(unit__name=unit).first()
    if found:
        return found
    one = Unit.objects.filter(name=unit).first()
    if one is None:
        raise Refused(Text(f"没有单位“{unit}”", f"there is no unit {unit!r}"))
    identifier = f"{settings.DATA_ADDRESS.rstrip('/')}/participants/{one.pk}"
    made, _ = Participant.objects.get_or_create(
        unit=one, defaults={"identifier": identifier, "title": one.name, "evidence": 0}
    )
    return made


def register_participant(actor: Actor, identifier: str, title: str, connector: str, public_key: str) -> Participant:
    """Register a foreign participant, or change its connector or key; raises `NotAllowed`, `Refused`."""
    require(actor, "space.register")
    if not _IDENTIFIER.fullmatch(identifier) or not title.strip():
        raise Refused(Text("标识应为 URI，名称不能为空", "the identifier should be a URI, and there should be a title"))
    parts = urlsplit(connector)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Refused(Text("连接器应为 https 地址", "the connector should be an https address"))
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except ValueError as error:
        raise Refused(Text("公钥应为 Ed25519（base64）", "the public key should be Ed25519 in base64")) from error
    with transaction.atomic():
        known = Participant.objects.filter(identifier=identifier).first()
        if known and known.unit_id:
            raise Refused(Text("这是本站的单位", "this is a unit of this site"))
        facts = {"title": title.strip()[:200], "connector": connector.rstrip("/"), "public_key": public_key}
        evidence = append(actor, "space.participant", identifier, {"what": "registered", **facts}).sequence
        made, _ = Participant.objects.update_or_create(
            identifier=identifier, defaults={**facts, "active": True, "evidence": evidence}
        )
        return made


def suspend_participant(actor: Actor, participant: Participant, why: str) -> Participant:
    """Take no more messages of a foreign participant; raises `NotAllowed`."""
    require(actor, "space.register")
    with transaction.atomic():
        body = {"what": "suspended", "why": why}
        participant.evidence = append(actor, "space.participant", participant.identifier, body).sequence
        participant.active = False
        participant.save()
    return participant


# Offers.


def offer(
    actor: Actor,
    dataset: Dataset,
    policy: Policy,
    *,
    files: Mapping[str, str] | None = None,
    database: str = "",
    schema: str = "",
    ethics: bool = False,
    basis: bool = False,
) -> Offer:
    """Offer a data set under a policy: its latest version's ``files`` by the table's name, or a PostgreSQL ``database``.

    Who asks for what is about persons names a legal basis, for sensitive information an ethics committee's approval too.
    Raises `NotAllowed`; `Refused` where the policy shows what isn't there, or the data set may not be shared.
    """
    require(actor, "space.offer", [dataset.owner.name])
    check(policy)
    if dataset.state != State.PUBLISHED or dataset.access == Access.CLOSED or dataset.embargoed():
        raise Refused(
            Text("数据集尚未发布、在禁发期内或不予共享", "the data set is not published, embargoed or not shared")
        )
    chosen = _files(dataset, files or {}) if not database else {}
    if not chosen and not (database.startswith(("postgresql://", "postgres://")) and schema):
        raise Refused(Text("应指明文件，或 PostgreSQL 地址与模式", "name files, or a PostgreSQL address and schema"))
    with place(chosen, database, schema) as where:
        _shows(policy, {table: one.types for table, one in engine.sources(where).items()})
    with transaction.atomic():
        identifier = urn()
        told = odrl.offer(policy, identifier)
        facts = {
            "ethics": ethics or dataset.sensitivity == Sensitivity.SENSITIVE,
            "basis": basis or dataset.sensitivity != Sensitivity.NONE,
        }
        body = {"what": "offered", "dataset": dataset.identifier, "policy": told, **facts}
        evidence = append(actor, "space.offered", identifier, body).sequence
        return Offer.objects.create(
            identifier=identifier, dataset=dataset, provider=participant_of(dataset.owner.name), policy=told, files=chosen,
            database=database, schema=schema, evidence=evidence, **facts,
        )  # fmt: skip


def _files(dataset: Dataset, files: Mapping[str, str]) -> dict[str, int]:
    latest = dataset.latest
    known = {one.name: one for one in latest.distributions.all()} if latest else {}
    chosen = {}
    for table, name in files.items():
        found: Distribution | None = known.get(name)
        suffix = "." + name.rpartition(".")[2].lower()
        if found is None or found.content_id is None or suffix not in KINDS:
            raise Refused(
                Text(
                    f"最新版本中没有可查询的文件“{name}”（{'、'.join(KINDS)}）",
                    f"the latest version has no file {name!r} that can be asked ({', '.join(KINDS)})",
                )
            )
        chosen[table] = found.pk
    return chosen


def _shows(policy: Policy, tables: Mapping[str, Mapping[str, str]]) -> None:
    for view in policy.views:
        columns = tables.get(view.table)
        if columns is None:
            raise Refused(Text(f"数据里没有表“{view.table}”", f"the data have no table {view.table!r}"))
        named = [
            *(one.field for one in view.columns),
            *(one.column for one in view.rows),
            *filter(None, [view.subject]),
        ]
        if missing := [one for one in named if one not in columns]:
            raise Refused(
                Text(f"表“{view.table}”没有列 {'、'.join(missing)}", f"table {view.table!r} has no columns {missing}")
            )


def withdraw_offer(actor: Actor, one: Offer) -> Offer:
    """Offer it no longer; agreements that were made stay. Raises `NotAllowed`."""
    require(actor, "space.offer", [one.provider.party])
    with transaction.atomic():
        append(actor, "space.offered", one.identifier, {"what": "withdrawn"})
        one.open = False
        one.save()
    return one


# Negotiations.


def request(
    actor: Actor,
    one: Offer,
    *,
    unit: str,
    purpose: str,
    legal_basis: str = "",
    ethics_approval: str = "",
    ethics_until: date | None = None,
) -> Negotiation:
    """Ask for an offer of another unit of this site; raises `NotAllowed`, `Refused`."""
    require(actor, "space.request", [unit])
    return record_request(
        actor, one, participant_of(unit), consumer_pid=urn(), callback="", purpose=purpose, legal_basis=legal_basis,
        ethics_approval=ethics_approval, ethics_until=ethics_until,
    )  # fmt: skip


def record_request(
    actor: Actor,
    one: Offer,
    consumer: Participant,
    *,
    consumer_pid: str,
    callback: str,
    purpose: str,
    legal_basis: str,
    ethics_approval: str,
    ethics_until: date | None,
) -> Negotiation:
    """Keep a participant's request for an offer of ours; raises `NotAllowed`, `Refused`."""
    require(actor, "space.request", [consumer.party])
    terms = one.terms
    if not one.open or timezone.now() >= terms.until:
        raise Refused(Text("该要约已撤回或过期", "the offer was withdrawn or has run out"))
    if consumer == one.provider:
        raise Refused(Text("不能向本单位申请", "one doesn't ask oneself"))
    if purpose not in terms.purposes:
        known = "、".join(terms.purposes)
        raise Refused(Text(f"用途应为：{known}", f"the purpose should be one of: {known}"))
    if one.basis and not legal_basis.strip():
        raise Refused(Text("应写明法律依据", "a legal basis should be stated"))
    if one.ethics and (not ethics_approval.strip() or ethics_until is None or ethics_until < timezone.localdate()):
        raise Refused(
            Text(
                "应写明有效的伦理审查批件及其有效期",
                "name an ethics committee's approval that is in force, and until when",
            )
        )
    told = {**odrl.offer(terms, one.identifier, target=one.dataset.identifier)}
    facts = {
        "purpose": purpose, "legal_basis": legal_basis.strip()[:500], "ethics_approval": ethics_approval.strip()[:200],
    }  # fmt: skip
    with transaction.atomic():
        body = {"what": "requested", "offer": one.identifier, "consumer": consumer.identifier,
                "provider": one.provider.identifier, **facts, "ethics_until": ethics_until and str(ethics_until)}  # fmt: skip
        provider_pid = urn()
        evidence = append(actor, "space.negotiated", provider_pid, body).sequence
        return Negotiation.objects.create(
            provider_pid=provider_pid, consumer_pid=consumer_pid, side="provider", state="REQUESTED", provider=one.provider,
            consumer=consumer, offer=one, asked=told, callback=callback, ethics_until=ethics_until, evidence=evidence, **facts,
        )  # fmt: skip


def agree(actor: Actor, negotiation: Negotiation) -> Agreement:
    """Say yes to a request of a unit of this site, which makes the agreement; raises `NotAllowed`, `Refused`."""
    require(actor, "space.answer", [negotiation.provider.party])
    if negotiation.consumer.unit_id is None:
        raise Refused(Text("境外或站外参与方经连接器签约", "with a foreign participant one agrees by the connector"))
    with transaction.atomic():
        moved(actor, negotiation, "REQUESTED", "FINALIZED")
        return conclude(actor, negotiation, urn(), timezone.now())


def conclude(actor: Actor, negotiation: Negotiation, identifier: str, signed: datetime) -> Agreement:
    """Make the agreement of a negotiation of an offer of ours, in the caller's transaction."""
    one = negotiation.offer
    assert one is not None
    terms = one.terms
    if not one.open:
        raise Refused(Text("该要约已撤回", "the offer was withdrawn"))
    told = odrl.agreement(
        terms, identifier, target=one.dataset.identifier, assigner=negotiation.provider.identifier,
        assignee=negotiation.consumer.identifier, timestamp=signed,
    )  # fmt: skip
    body = {"what": "agreed", "policy": told, "purpose": negotiation.purpose, "legal_basis": negotiation.legal_basis,
            "ethics_approval": negotiation.ethics_approval, "due": terms.price}  # fmt: skip
    evidence = append(actor, "space.agreed", identifier, body).sequence
    return Agreement.objects.create(
        identifier=identifier, negotiation=negotiation, dataset=one.dataset, target=one.dataset.identifier, policy=told,
        key=secrets.token_hex(32), signed=signed, queries_allowed=terms.queries,
        budget=privacy.total(terms.budget) if terms.budget else 0, due=terms.price, rows_a_person=_rows_a_person(one, terms),
        evidence=evidence,
    )  # fmt: skip


def _rows_a_person(one: Offer, terms: Policy) -> int | None:
    """Return the most rows that are about one person; raises `Refused` where they are more than noise was reckoned for."""
    if not terms.group:
        return None
    with opened(one) as where:
        sources = engine.sources(where)
        view = terms.views[0]
        [[most]] = engine.ask(where, aggregates.rows_a_person(view, sources[view.table], dialect_of(where))).rows
        if isinstance(where, Files):
            # So that no query has to wait for it; what takes too long here is seen to when one asks.
            with suppress(Forbidden):
                engine.count(where, aggregates.counts_of(view, sources[view.table]), "SELECT 1", seconds=10)
    if terms.budget and most > terms.budget.contribution:
        raise Refused(
            Text(
                f"每人至多 {most} 行，超过噪声所按的 {terms.budget.contribution} 行",
                f"there are up to {most} rows a person, more than the {terms.budget.contribution} that noise is for",
            )
        )
    return max(1, most or 1)


def moved(
    actor: Actor, negotiation: Negotiation, before: str | tuple[str, ...], state: str, why: str = ""
) -> Negotiation:
    """Bring a negotiation into a state, with evidence, in the caller's transaction; raises `Refused` from another state."""
    allowed = (before,) if isinstance(before, str) else before
    changed = Negotiation.objects.filter(pk=negotiation.pk, state__in=allowed).update(state=state, why=why[:500])
    negotiation.refresh_from_db()
    if not changed:
        raise Refused(
            Text(
                f"协商已处于 {negotiation.state}，不能转为 {state}",
                f"it is {negotiation.state}, which can't become {state}",
            )
        )
    append(actor, "space.negotiated", negotiation.provider_pid, {"what": state, "why": why})
    return negotiation


OPEN = ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED")
"""The states from which a negotiation can be broken off."""


def decline(actor: Actor, negotiation: Negotiation, why: str) -> Negotiation:
    """Break off a negotiation between units of this site: the provider says no, or the consumer no longer asks."""
    require(actor, "space.answer", [negotiation.provider.party, negotiation.consumer.party])
    with transaction.atomic():
        return moved(actor, negotiation, OPEN, "TERMINATED", why)


# Agreements.


def end(actor: Actor, agreement: Agreement, why: str) -> Agreement:
    """End an agreement before its time, by either side; raises `NotAllowed`, `Refused`."""
    negotiation = agreement.negotiation
    require(actor, "space.answer", [negotiation.provider.party, negotiation.consumer.party])
    with transaction.atomic():
        now = timezone.now()
        if not Agreement.objects.filter(pk=agreement.pk, ended=None).update(ended=now, ended_why=why[:500]):
            raise Refused(Text("合约已终止", "the agreement has ended"))
        agreement.transfers.exclude(state__in=["COMPLETED", "TERMINATED"]).update(state="TERMINATED", digest="")
        append(actor, "space.ended", agreement.identifier, {"what": "ended", "why": why})
        agreement.refresh_from_db()
        return agreement


def confirm_deletion(actor: Actor, agreement: Agreement, statement: str) -> Agreement:
    """State for the consumer that what was received has been deleted; raises `NotAllowed`, `Refused`."""
    require(actor, "space.request", [agreement.negotiation.consumer.party])
    if agreement.in_force:
        raise Refused(Text("合约仍在有效期", "the agreement is still in force"))
    if not statement.strip():
        raise Refused(Text("应写明如何删除", "say how it was deleted"))
    with transaction.atomic():
        agreement.deleted = timezone.now()
        agreement.save()
        append(actor, "space.ended", agreement.identifier, {"what": "deleted", "statement": statement.strip()[:500]})
    return agreement


# Reading.


def seen_by(actor: Actor, rows: QuerySet[Any], through: str = "") -> QuerySet[Any]:
    """Return those of the rows whose provider or consumer is the actor's unit; all of them to those who oversee."""
    if actor.role in OVERSEERS:
        return rows
    mine = Q(**{f"{through}provider__unit__name": actor.unit}) | Q(**{f"{through}consumer__unit__name": actor.unit})
    return rows.filter(mine) if actor.unit else rows.none()


def agreements_of(actor: Actor) -> QuerySet[Agreement]:
    """Return the agreements of the actor's unit; raises `NotAllowed`."""
    require(actor, "space.read")
    rows = Agreement.objects.select_related("negotiation__provider__unit", "negotiation__consumer__unit", "dataset")
    return seen_by(actor, rows, "negotiation__")


def negotiations_of(actor: Actor) -> QuerySet[Negotiation]:
    """Return the negotiations of the actor's unit; raises `NotAllowed`."""
    require(actor, "space.read")
    rows = Negotiation.objects.select_related("provider__unit", "consumer__unit", "offer__dataset", "agreement")
    return seen_by(actor, rows)


def queries_of(actor: Actor) -> QuerySet[Query]:
    """Return what was asked under the agreements of the actor's unit, answered or refused; raises `NotAllowed`."""
    require(actor, "space.read")
    rows = Query.objects.select_related(
        "agreement__negotiation__provider", "agreement__negotiation__consumer", "dataset"
    )
    return seen_by(actor, rows, "agreement__negotiation__")


def account_of(agreement: Agreement) -> Account:
    """Return what was done under an agreement, for its provenance."""
    site = settings.DATA_ADDRESS.rstrip("/")

    def record(sequence: int | None) -> str:
        return f"{site}/evidence/{sequence}/"

    negotiation = agreement.negotiation
    rows = agreement.asked.exclude(outcome=Query.Outcome.RUNNING).order_by("pk")
    uses = [
        Use(f"{site}/data/spaces/queries/{one.pk}", one.begun, one.outcome, one.rule, one.rows, record(one.evidence))
        for one in rows
    ]
    title = agreement.dataset.title_zh if agreement.dataset else agreement.target
    return Account(
        agreement.identifier, f"{site}/data/id/{agreement.target}", title, negotiation.provider.identifier,
        negotiation.provider.title, negotiation.consumer.identifier, negotiation.consumer.title, negotiation.purpose,
        negotiation.legal_basis, negotiation.ethics_approval, agreement.signed, agreement.ended, record(agreement.evidence),
        tuple(uses),
    )  # fmt: skip
