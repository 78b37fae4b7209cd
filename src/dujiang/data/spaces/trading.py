"""Trading with foreign connectors by the Dataspace Protocol: what we send them, and what they may send us.

A state changes when the other side has acknowledged our message, or when we acknowledge theirs, in one transaction with
its evidence. Where the protocol leaves a step to no decision (a consumer verifies the agreement that it asked for, a
provider finalises it and starts a transfer) it is taken as soon as the message before has been answered; what was broken
off meanwhile is taken up by `advance`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import IntegrityError, close_old_connections, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from dujiang.data.spaces import actions, odrl, protocol
from dujiang.data.spaces.models import Agreement, Negotiation, Offer, Participant, Received, Transfer
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.keys import site_secret
from dujiang.messages import BadInput, Refused, Text

TIMEOUT = 20
"""Seconds that a foreign connector may take to answer."""
PURPOSES = "urn:dujiang:data-space:request"
"""The term under which a request to us says what it is for: the protocol has none, and ignores what it doesn't know."""


class NotFound(LookupError):
    """There is no such negotiation or transfer between us and the sender."""


def site_key() -> Ed25519PrivateKey:
    """Return the key that the site's connector signs with, made at first use."""

    def new() -> bytes:
        return Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    key = serialization.load_pem_private_key(site_secret(settings.HOME, "spaces-ed25519.pem", new), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def base() -> str:
    """Return the address of this site's connector."""
    return settings.DATA_ADDRESS.rstrip("/") + reverse("dsp").rstrip("/")


def connector_of(participant: Participant) -> str:
    """Return the address of a unit's own endpoints, by which a message to it is known."""
    return f"{base()}/{participant.pk}"


# Sending.


class Unreachable(Refused):
    """The other connector didn't take a message."""


class _SameAddress(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a signature is for one address."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _SameAddress)


def call(ours: Participant, theirs: Participant, method: str, url: str, message: Mapping[str, Any] | None) -> Any:
    """Send a signed message to a foreign participant and return its answer; raises `Unreachable`."""
    body = b"" if message is None else json.dumps(message, ensure_ascii=False).encode()
    headers = {
        "Authorization": protocol.sign(site_key(), ours.identifier, theirs.identifier, method, url, body),
        "Content-Type": "application/json",
    }
    if not _under(url, theirs):
        raise Unreachable(
            Text("对方给出的地址不在其连接器之下", "the address is not under the participant's connector")
        )
    asked = urllib.request.Request(url, body or None, headers, method=method)  # noqa: S310 http or https, as registered
    try:
        with _opener.open(asked, timeout=TIMEOUT) as answer:
            text = answer.read(protocol.LARGEST * 64)
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        told = _reason(error.read(4000))
        raise Unreachable(
            Text(f"对方连接器答复 {error.code}：{told}", f"the other connector answered {error.code}: {told}")
        ) from error
    except (OSError, ValueError) as error:
        raise Unreachable(Text("对方连接器无法访问", "the other connector can't be reached")) from error


def _under(url: str, participant: Participant) -> bool:
    """Whether an address is a participant's connector or beneath it."""
    return f"{url}/".startswith(f"{participant.connector}/") and ".." not in url


def _reason(body: bytes) -> str:
    try:
        told = json.loads(body)
        return " ".join(map(str, told.get("reason") or [told.get("detail_en") or ""]))[:300]
    except (ValueError, AttributeError, TypeError):
        return ""


def later(step: Callable[[], object]) -> None:
    """Take a step when the request that asks for it has been answered and its transaction is durable."""

    def run() -> None:
        try:
            step()
        except Refused:
            pass  # it stays where it is; `advance` takes it up
        finally:
            close_old_connections()

    transaction.on_commit(lambda: threading.Timer(0.05, run).start())


# What we do as a consumer.


def catalogue_of(actor: Actor, theirs: Participant, unit: str) -> dict[str, Any]:
    """Return the catalogue of a foreign provider; raises `NotAllowed`, `Unreachable`."""
    require(actor, "space.request", [unit])
    ours = actions.participant_of(unit)
    url = f"{theirs.connector}/catalog/request"
    told = call(ours, theirs, "POST", url, protocol.message("CatalogRequestMessage"))
    return protocol.read(json.dumps(told).encode(), "Catalog")


def request(
    actor: Actor, theirs: Participant, offer: Mapping[str, Any], target: str, *, unit: str, purpose: str, legal_basis: str = "",
    ethics_approval: str = "", ethics_until: date | None = None,
) -> Negotiation:  # fmt: skip
    """Ask a foreign provider for an offer of its catalogue; raises `NotAllowed`, `BadInput`, `Unreachable`."""
    require(actor, "space.request", [unit])
    ours = actions.participant_of(unit)
    odrl.policy_of(offer)  # what we couldn't understand we don't agree to
    consumer_pid = actions.urn()
    asked = {**offer, "@type": "Offer", "target": target}
    reasons = {
        "purpose": purpose, "legalBasis": legal_basis, "ethicsApproval": ethics_approval,
        "ethicsUntil": str(ethics_until or ""),
    }  # fmt: skip
    message = protocol.message(
        "ContractRequestMessage",
        consumerPid=consumer_pid,
        offer=asked,
        callbackAddress=connector_of(ours),
        **{PURPOSES: reasons},
    )
    told = call(ours, theirs, "POST", f"{theirs.connector}/negotiations/request", message)
    acknowledged = protocol.read(json.dumps(told).encode(), "ContractNegotiation")
    with transaction.atomic():
        body = {"what": "requested", "offer": offer["@id"], "provider": theirs.identifier, **reasons}
        evidence = append(actor, "space.negotiated", consumer_pid, body).sequence
        return Negotiation.objects.create(
            provider_pid=acknowledged["providerPid"][:200], consumer_pid=consumer_pid, side="consumer", state="REQUESTED",
            provider=theirs, consumer=ours, asked=asked, callback=theirs.connector, purpose=purpose, legal_basis=legal_basis,
            ethics_approval=ethics_approval, ethics_until=ethics_until, evidence=evidence,
        )  # fmt: skip


def request_transfer(actor: Actor, agreement: Agreement) -> Transfer:
    """Ask the provider of an agreement for access to the data; raises `NotAllowed`, `Refused`."""
    negotiation = agreement.negotiation
    require(actor, "space.request", [negotiation.consumer.party])
    if negotiation.side != "consumer" or negotiation.state != "FINALIZED":
        raise Refused(Text("合约尚未生效，或数据就在本站", "the agreement isn't final, or the data are here"))
    with transaction.atomic():
        consumer_pid = actions.urn()
        evidence = append(
            actor, "space.transferred", consumer_pid, {"what": "requested", "agreement": agreement.identifier}
        )
        made = Transfer.objects.create(
            consumer_pid=consumer_pid,
            side="consumer",
            agreement=agreement,
            state="REQUESTED",
            evidence=evidence.sequence,
        )
    message = protocol.message(
        "TransferRequestMessage", consumerPid=consumer_pid, agreementId=agreement.identifier, format=protocol.FORMAT,
        callbackAddress=connector_of(negotiation.consumer),
    )  # fmt: skip
    url = f"{negotiation.provider.connector}/transfers/request"
    told = call(negotiation.consumer, negotiation.provider, "POST", url, message)
    acknowledged = protocol.read(json.dumps(told).encode(), "TransferProcess")
    Transfer.objects.filter(pk=made.pk).update(provider_pid=acknowledged["providerPid"][:200])
    made.refresh_from_db()
    return made


def ask_far(actor: Actor, agreement: Agreement, sql: str, spend: str = "") -> dict[str, Any]:
    """Ask the data of a foreign provider by a transfer that it has started; raises `NotAllowed`, `Refused`.

    The provider keeps the evidence of what it answers; here it is that it was asked.
    """
    negotiation = agreement.negotiation
    require(actor, "space.query", [negotiation.consumer.party])
    open_one = agreement.transfers.filter(side="consumer", state="STARTED").first()
    if open_one is None:
        raise Refused(Text("还没有已开始的传输", "no transfer has been started yet"))
    append(actor, "space.transferred", open_one.consumer_pid, {"what": "asked", "agreement": agreement.identifier})
    url = open_one.endpoint
    if not _under(url, negotiation.provider):
        raise Refused(Text("数据地址不在其连接器之下", "the data's address is not under the participant's connector"))
    body = json.dumps({"query": sql, "spend": spend}).encode()
    headers = {"Authorization": f"Bearer {open_one.token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    try:
        with _opener.open(asked, timeout=TIMEOUT * 6) as answer:
            return dict(json.loads(answer.read(protocol.LARGEST * 64)))
    except urllib.error.HTTPError as error:
        told = _reason(error.read(4000))
        raise Refused(Text(f"对方拒绝：{told}", f"refused by the provider: {told}")) from error
    except (OSError, ValueError) as error:
        raise Unreachable(Text("对方连接器无法访问", "the other connector can't be reached")) from error


# What we do as a provider.


def agree(actor: Actor, negotiation: Negotiation) -> Agreement:
    """Say yes to a foreign consumer: the agreement is made when its connector has taken it; raises `NotAllowed`, `Refused`."""
    require(actor, "space.answer", [negotiation.provider.party])
    with transaction.atomic():
        actions.moved(actor, negotiation, ("REQUESTED", "ACCEPTED"), "AGREED")
        made = actions.conclude(actor, negotiation, actions.urn(), timezone.now())
        # Within the transaction: an agreement that the consumer did not take was not made.
        _tell(
            negotiation,
            "agreement",
            "ContractAgreementMessage",
            agreement=made.policy,
            callbackAddress=connector_of(negotiation.provider),
        )
    return made


def decline(actor: Actor, negotiation: Negotiation, why: str) -> Negotiation:
    """Break off a negotiation with a foreign participant, by either side; raises `NotAllowed`, `Refused`."""
    require(actor, "space.answer", [negotiation.provider.party, negotiation.consumer.party])
    with transaction.atomic():
        actions.moved(actor, negotiation, actions.OPEN, "TERMINATED", why)
        _tell(
            negotiation,
            "termination",
            "ContractNegotiationTerminationMessage",
            code="declined",
            reason=[why or "declined"],
        )
    return negotiation


def advance(actor: Actor, negotiation: Negotiation) -> Negotiation:
    """Take the next step that needs no decision, where it was broken off; raises `NotAllowed`, `Refused`."""
    require(actor, "space.answer", [negotiation.provider.party, negotiation.consumer.party])
    if negotiation.side == "consumer" and negotiation.state == "AGREED":
        _verify(actor, negotiation)
    elif negotiation.side == "provider" and negotiation.state == "VERIFIED":
        _finalise(actor, negotiation)
    return negotiation


def _verify(actor: Actor, negotiation: Negotiation) -> None:
    with transaction.atomic():
        actions.moved(actor, negotiation, "AGREED", "VERIFIED")
        _tell(negotiation, "agreement/verification", "ContractAgreementVerificationMessage")


def _finalise(actor: Actor, negotiation: Negotiation) -> None:
    with transaction.atomic():
        actions.moved(actor, negotiation, "VERIFIED", "FINALIZED")
        _tell(negotiation, "events", "ContractNegotiationEventMessage", eventType="FINALIZED")


def _start(actor: Actor, transfer: Transfer) -> None:
    """Give the consumer of a transfer an address and a token that is good for it alone."""
    negotiation = transfer.agreement.negotiation
    secret = secrets.token_urlsafe(32)
    endpoint = f"{connector_of(negotiation.provider)}/data/{transfer.pk}"
    properties = [
        {"@type": "EndpointProperty", "name": name, "value": value}
        for name, value in (("authorization", secret), ("authType", "bearer"))
    ]
    address = {
        "@type": "DataAddress",
        "endpointType": protocol.FORMAT,
        "endpoint": endpoint,
        "endpointProperties": properties,
    }
    with transaction.atomic():
        digest = hashlib.sha256(secret.encode()).hexdigest()
        if not Transfer.objects.filter(pk=transfer.pk, state="REQUESTED").update(state="STARTED", digest=digest):
            return
        append(actor, "space.transferred", transfer.provider_pid, {"what": "STARTED"})
        message = protocol.message(
            "TransferStartMessage",
            providerPid=transfer.provider_pid,
            consumerPid=transfer.consumer_pid,
            dataAddress=address,
        )
        url = f"{transfer.callback}/transfers/{transfer.consumer_pid}/start"
        call(negotiation.provider, negotiation.consumer, "POST", url, message)


def _tell(negotiation: Negotiation, path: str, kind: str, **fields: Any) -> None:
    """Send the other side a message about a negotiation."""
    ours, theirs = negotiation.provider, negotiation.consumer
    pid = negotiation.consumer_pid
    if negotiation.side == "consumer":
        ours, theirs, pid = theirs, ours, negotiation.provider_pid
    pids = {"providerPid": negotiation.provider_pid, "consumerPid": negotiation.consumer_pid}
    call(
        ours,
        theirs,
        "POST",
        f"{negotiation.callback}/negotiations/{pid}/{path}",
        protocol.message(kind, **pids, **fields),
    )


# What others may send us.


def authenticated(ours: Participant, header: str, method: str, url: str, body: bytes) -> Participant:
    """Return the participant who sent a message, whose signature is taken once; raises `protocol.Forged`."""
    sender = Participant.objects.filter(identifier=protocol.sender_of(header), unit=None, active=True).first()
    if sender is None:
        raise protocol.Forged("sender")
    number, expires = protocol.verify(header, sender.public_key, ours.identifier, method, url, body)
    now = timezone.now()
    Received.objects.filter(expires__lt=now).delete()
    try:
        with transaction.atomic():
            Received.objects.create(sender=sender, number=number, expires=datetime.fromtimestamp(expires, UTC))
    except IntegrityError as error:
        raise protocol.Forged("sent before") from error
    return sender


def note_forgery(ours: Participant, header: str, path: str, why: str) -> None:
    """Keep that a message was refused for its signature. Whom it names is hearsay."""
    try:
        sender = protocol.sender_of(header)[:200]
    except protocol.Forged:
        sender = ""
    body = {"what": "forged", "said_to_be": sender, "path": path[:200], "why": why[:80]}
    append(ours.unit_actor, "space.participant", ours.identifier, body)


def catalogue(ours: Participant) -> dict[str, Any]:
    """Return the catalogue of what one of our units offers."""
    offers = Offer.objects.filter(provider=ours, open=True).select_related("dataset")
    datasets: dict[str, list[Offer]] = {}
    for one in offers:
        if one.terms.until > timezone.now() and one.dataset.state == "published":
            datasets.setdefault(one.dataset.identifier, []).append(one)
    service = {"@id": connector_of(ours), "@type": "DataService", "endpointURL": connector_of(ours)}
    entries = [_entry(them, service) for them in datasets.values()]
    more = {"dataset": entries} if entries else {}
    return protocol.message(
        "Catalog", **{"@id": f"{connector_of(ours)}/catalog"}, participantId=ours.identifier, service=[service], **more
    )


def _entry(offers: list[Offer], service: Mapping[str, Any]) -> dict[str, Any]:
    one = offers[0].dataset
    return {
        "@id": one.identifier,
        "@type": "Dataset",
        "dct:title": [{"@value": one.title_zh, "@language": "zh"}, {"@value": one.title.en, "@language": "en"}],
        "hasPolicy": [each.policy for each in offers],
        "distribution": [{"@type": "Distribution", "format": protocol.FORMAT, "accessService": dict(service)}],
    }


def dataset(ours: Participant, identifier: str) -> dict[str, Any]:
    """Return a data set of our catalogue; raises `NotFound`."""
    for one in catalogue(ours).get("dataset", []):
        if one["@id"] == identifier:
            return protocol.message("Dataset", **{name: value for name, value in one.items() if name != "@type"})
    raise NotFound(identifier)


def receive_request(ours: Participant, sender: Participant, message: Mapping[str, Any]) -> Negotiation:
    """Take a foreign consumer's request for one of our offers; a second one of the same pid is the first."""
    known = Negotiation.objects.filter(consumer=sender, consumer_pid=message["consumerPid"], side="provider").first()
    if known:
        return known
    if message.get("providerPid"):
        raise Refused(Text("本站不接受对要约的改动", "we take no counter-offers"))
    one = Offer.objects.filter(identifier=message["offer"]["@id"], provider=ours, open=True).first()
    callback = message["callbackAddress"].rstrip("/")
    if one is None or not _under(callback, sender):
        raise Refused(
            Text("没有该要约，或回调地址不在其连接器之下", "there is no such offer, or the callback isn't the sender's")
        )
    if "permission" in message["offer"] and odrl.policy_of(message["offer"]) != one.terms:
        raise Refused(Text("本站不接受对要约的改动", "we take no counter-offers"))
    told = message.get(PURPOSES)
    reasons = told if isinstance(told, dict) else {}
    text = {name: str(reasons.get(name) or "") for name in ("purpose", "legalBasis", "ethicsApproval", "ethicsUntil")}
    try:
        until = date.fromisoformat(text["ethicsUntil"]) if text["ethicsUntil"] else None
    except ValueError as error:
        raise Refused(Text("日期应为 YYYY-MM-DD", "a date should be YYYY-MM-DD")) from error
    # A connector that doesn't know our term asks for the offer as it stands: its one purpose is then meant.
    purposes = one.terms.purposes
    purpose = text["purpose"] or (purposes[0] if len(purposes) == 1 else "")
    return actions.record_request(
        sender.actor, one, sender, consumer_pid=message["consumerPid"][:200], callback=callback, purpose=purpose,
        legal_basis=text["legalBasis"], ethics_approval=text["ethicsApproval"], ethics_until=until,
    )  # fmt: skip


def negotiation_with(ours: Participant, sender: Participant, pid: str, side: str) -> Negotiation:
    """Return a negotiation between one of ours and a sender, by the pid of our side of it; raises `NotFound`."""
    mine = (
        Q(provider=ours, consumer=sender, provider_pid=pid)
        if side == "provider"
        else Q(consumer=ours, provider=sender, consumer_pid=pid)
    )
    found = Negotiation.objects.filter(mine, side=side).first()
    if found is None:
        raise NotFound(pid)
    return found


def receive(negotiation: Negotiation, sender: Participant, message: Mapping[str, Any]) -> Negotiation:
    """Take a message about a negotiation; raises `Refused` where the protocol doesn't have it in this state, `NotFound`."""
    if (message["providerPid"], message["consumerPid"]) != (negotiation.provider_pid, negotiation.consumer_pid):
        raise NotFound(message["providerPid"])
    kind, theirs = message["@type"], "consumer" if negotiation.side == "provider" else "provider"
    state = {
        "ContractAgreementMessage": "AGREED", "ContractAgreementVerificationMessage": "VERIFIED",
        "ContractNegotiationTerminationMessage": "TERMINATED", "ContractNegotiationEventMessage": message.get("eventType", ""),
    }[kind]  # fmt: skip
    before = tuple(protocol.NEGOTIATION[theirs].get(state, ()))
    actor = sender.actor
    with transaction.atomic():
        why = " ".join(map(str, message.get("reason", [])))
        actions.moved(actor, negotiation, before, state, why)
        if state == "AGREED":
            _take(actor, negotiation, message["agreement"])
            later(lambda: _verify(negotiation.consumer.unit_actor, negotiation))
        elif state == "VERIFIED":
            later(lambda: _finalise(negotiation.provider.unit_actor, negotiation))
    return negotiation


def _take(actor: Actor, negotiation: Negotiation, told: Mapping[str, Any]) -> None:
    """Keep the agreement that a foreign provider made, if it is what was asked for."""
    same = {
        "target": negotiation.asked["target"],
        "assigner": negotiation.provider.identifier,
        "assignee": negotiation.consumer.identifier,
    }
    if any(told[name] != value for name, value in same.items()) or odrl.policy_of(told) != odrl.policy_of(
        negotiation.asked
    ):
        raise Refused(Text("合约与所申请的要约不符", "the agreement isn't what was asked for"))
    if Agreement.objects.filter(identifier=told["@id"]).exists():
        raise Refused(Text("该合约标识已存在", "there is an agreement of that identifier"))
    evidence = append(actor, "space.agreed", told["@id"], {"what": "agreed", "policy": dict(told)}).sequence
    Agreement.objects.create(
        identifier=told["@id"][:80], negotiation=negotiation, target=told["target"], policy=dict(told), key="-",
        signed=timezone.now(), evidence=evidence,
    )  # fmt: skip


def receive_transfer(ours: Participant, sender: Participant, message: Mapping[str, Any]) -> Transfer:
    """Take a foreign consumer's request for a transfer; raises `Refused`, `NotFound`. The same request is the same transfer."""
    found = Agreement.objects.filter(
        identifier=message["agreementId"],
        negotiation__provider=ours,
        negotiation__consumer=sender,
        negotiation__side="provider",
    ).first()
    if found is None:
        raise NotFound(message["agreementId"])
    callback = message["callbackAddress"].rstrip("/")
    if not found.in_force or message["format"] != protocol.FORMAT or not _under(callback, sender):
        raise Refused(
            Text(
                "合约未生效，或格式、回调地址不对", "the agreement is not in force, or the format or callback is wrong"
            )
        )
    known = found.transfers.filter(consumer_pid=message["consumerPid"]).first()
    if known:
        return known
    actor = sender.actor
    with transaction.atomic():
        provider_pid = actions.urn()
        evidence = append(
            actor, "space.transferred", provider_pid, {"what": "requested", "agreement": found.identifier}
        )
        made = Transfer.objects.create(
            provider_pid=provider_pid, consumer_pid=message["consumerPid"][:200], side="provider", agreement=found,
            state="REQUESTED", callback=callback, evidence=evidence.sequence,
        )  # fmt: skip
        later(lambda: _start(ours.unit_actor, made))
    return made


def transfer_with(ours: Participant, sender: Participant, pid: str, side: str) -> Transfer:
    """Return a transfer between one of ours and a sender, by the pid of our side of it; raises `NotFound`."""
    if side == "provider":
        mine = Q(agreement__negotiation__provider=ours, agreement__negotiation__consumer=sender, provider_pid=pid)
    else:
        mine = Q(agreement__negotiation__consumer=ours, agreement__negotiation__provider=sender, consumer_pid=pid)
    found = Transfer.objects.filter(mine, side=side).select_related("agreement__negotiation").first()
    if found is None:
        raise NotFound(pid)
    return found


def receive_step(transfer: Transfer, sender: Participant, message: Mapping[str, Any]) -> Transfer:
    """Take a message about a transfer; raises `Refused` where the protocol doesn't have it in this state, `NotFound`."""
    # Until its request has been answered, a consumer knows no pid of the provider's.
    if message["consumerPid"] != transfer.consumer_pid or transfer.provider_pid not in ("", message["providerPid"]):
        raise NotFound(message["providerPid"])
    theirs = "consumer" if transfer.side == "provider" else "provider"
    state = {
        "TransferStartMessage": "STARTED", "TransferSuspensionMessage": "SUSPENDED", "TransferCompletionMessage": "COMPLETED",
        "TransferTerminationMessage": "TERMINATED",
    }[message["@type"]]  # fmt: skip
    changed: dict[str, Any] = {"state": state, "provider_pid": message["providerPid"][:200]}
    if state == "STARTED" and transfer.side == "consumer":
        changed |= _address(message.get("dataAddress") or {})
    if state in ("COMPLETED", "TERMINATED"):
        changed["digest"] = ""
    with transaction.atomic():
        rows = Transfer.objects.filter(pk=transfer.pk, state__in=protocol.TRANSFER[theirs][state])
        if not rows.update(**{name: value for name, value in changed.items() if name != "token"}):
            raise Refused(
                Text(f"传输已处于 {transfer.state}", f"the transfer is {transfer.state}, which can't become {state}")
            )
        transfer.refresh_from_db()
        if "token" in changed:
            transfer.token = changed["token"]
            transfer.save(update_fields=["token"])
        append(sender.actor, "space.transferred", message["consumerPid"], {"what": state})
    return transfer


def _address(told: Mapping[str, Any]) -> dict[str, str]:
    properties = {one["name"]: one["value"] for one in told.get("endpointProperties", [])}
    if not told.get("endpoint") or not properties.get("authorization"):
        raise BadInput("dataAddress", expected=Text("地址与令牌", "an endpoint and its authorization"))
    return {"endpoint": told["endpoint"][:500], "token": properties["authorization"]}


def transfer_by_token(ours: Participant, number: int, token: str) -> Transfer:
    """Return the transfer that a token is of, to ask data by; raises `NotFound`."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = (
        Transfer.objects.filter(
            pk=number, side="provider", state="STARTED", digest=digest, agreement__negotiation__provider=ours
        )
        .select_related("agreement__negotiation__consumer")
        .first()
    )
    if found is None:
        raise NotFound(str(number))
    return found
