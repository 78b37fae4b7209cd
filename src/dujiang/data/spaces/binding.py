"""The Dataspace Protocol's HTTPS binding: a connector at an address of its own for each unit of this site that trades.

Whoever isn't a registered participant, or whose signature doesn't hold, is answered as if there were nothing (404), as the
binding asks; that it was tried is on record.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.data.spaces import protocol, trading
from dujiang.data.spaces.asking import ask
from dujiang.data.spaces.models import Participant
from dujiang.data.spaces.trading import NotFound
from dujiang.identity.permission import NotAllowed
from dujiang.identity.web import page
from dujiang.messages import BadInput, Refused, Text

Handler = Callable[..., HttpResponse]


def json_of(value: Any, status: int = 200) -> HttpResponse:
    """Return a JSON answer; dates, decimals and bytes as the API writes them."""
    return JsonResponse(
        value, status=status, encoder=DjangoJSONEncoder, safe=False, json_dumps_params={"ensure_ascii": False}
    )


def endpoint(error_kind: str) -> Callable[[Handler], Handler]:
    """Make a view of a handler of ``(ours, sender, body, ...)``; ``error_kind`` is the protocol's error there."""

    def declare(handler: Handler) -> Handler:
        @csrf_exempt
        @page("space.browse")
        @require_http_methods(["GET", "HEAD", "POST"])
        def view(request: HttpRequest, participant: int, **parts: Any) -> HttpResponse:
            ours = Participant.objects.filter(pk=participant).exclude(unit=None).select_related("unit").first()
            if ours is None:
                return json_of({}, 404)
            header, body = request.headers.get("Authorization", ""), request.body
            url = settings.DATA_ADDRESS.rstrip("/") + request.get_full_path()
            try:
                sender = trading.authenticated(ours, header, str(request.method), url, body)
            except protocol.Forged as error:
                trading.note_forgery(ours, header, request.path, str(error))
                return json_of({}, 404)
            try:
                return handler(ours, sender, body, **parts)
            except NotFound:
                return json_of({}, 404)
            except BadInput as error:
                return _error(error_kind, body, Text(error.in_language("zh"), error.in_language("en")))
            except (Refused, NotAllowed) as error:
                return _error(error_kind, body, error.text)

        return view

    return declare


def _error(kind: str, body: bytes, text: Text) -> HttpResponse:
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    pids = {name: str(told.get(name) or "unknown")[:200] for name in ("providerPid", "consumerPid")}
    fields = {} if kind == "CatalogError" else pids
    return json_of(protocol.message(kind, **fields, code="refused", reason=[text.zh, text.en]), 400)


@page("space.browse")
@require_safe
def versions(request: HttpRequest) -> HttpResponse:
    """Say which version of the protocol is spoken, and where each unit's connector is."""
    found = [
        {"version": protocol.VERSION, "path": f"/dsp/{one.pk}", "binding": "HTTPS", "serviceId": one.identifier}
        for one in Participant.objects.exclude(unit=None).order_by("pk")
    ]
    return json_of({"protocolVersions": found or [{"version": protocol.VERSION, "path": "/dsp", "binding": "HTTPS"}]})


@page("space.browse")
@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """Say whose connectors there are, with the key that all of them sign with."""
    key = base64.b64encode(trading.site_key().public_key().public_bytes_raw()).decode()
    rows = Participant.objects.exclude(unit=None).order_by("pk")
    found = [{"identifier": one.identifier, "title": one.title, "connector": trading.connector_of(one)} for one in rows]
    return json_of({"publicKey": key, "participants": found})


@endpoint("CatalogError")
def catalogue(ours: Participant, sender: Participant, body: bytes) -> HttpResponse:
    """Answer a request for the catalogue."""
    if protocol.read(body, "CatalogRequestMessage").get("filter"):
        raise Refused(Text("不支持筛选", "filters are not supported"))
    return json_of(trading.catalogue(ours))


@endpoint("CatalogError")
def dataset(ours: Participant, sender: Participant, body: bytes, identifier: str) -> HttpResponse:
    """Answer a request for one data set of the catalogue."""
    return json_of(trading.dataset(ours, identifier))


def _negotiation(one: Any) -> dict[str, Any]:
    pids = {"providerPid": one.provider_pid, "consumerPid": one.consumer_pid}
    return protocol.message("ContractNegotiation", **pids, state=one.state)


@endpoint("ContractNegotiationError")
def request(ours: Participant, sender: Participant, body: bytes) -> HttpResponse:
    """Take a consumer's request that begins a negotiation."""
    message = protocol.read(body, "ContractRequestMessage")
    return json_of(_negotiation(trading.receive_request(ours, sender, message)), 201)


@endpoint("ContractNegotiationError")
def negotiation(ours: Participant, sender: Participant, body: bytes, pid: str) -> HttpResponse:
    """Say where a negotiation stands."""
    return json_of(_negotiation(trading.negotiation_with(ours, sender, pid, "provider")))


_TO_PROVIDER = {
    "request": "ContractRequestMessage",
    "events": "ContractNegotiationEventMessage",
    "agreement/verification": "ContractAgreementVerificationMessage",
    "termination": "ContractNegotiationTerminationMessage",
}
_TO_CONSUMER = {
    "offers": "ContractOfferMessage",
    "agreement": "ContractAgreementMessage",
    "events": "ContractNegotiationEventMessage",
    "termination": "ContractNegotiationTerminationMessage",
}


@endpoint("ContractNegotiationError")
def step(ours: Participant, sender: Participant, body: bytes, pid: str, path: str) -> HttpResponse:
    """Take a message about a negotiation: to the provider by its pid, to the consumer by the consumer's."""
    for side, paths in (("provider", _TO_PROVIDER), ("consumer", _TO_CONSUMER)):
        if path not in paths:
            continue
        try:
            found = trading.negotiation_with(ours, sender, pid, side)
        except NotFound:
            continue
        message = protocol.read(body, paths[path])
        if path in ("request", "offers"):
            raise Refused(Text("本站不接受对要约的改动", "we take no counter-offers"))
        return json_of(_negotiation(trading.receive(found, sender, message)))
    raise NotFound(pid)


def _transfer(one: Any) -> dict[str, Any]:
    pids = {"providerPid": one.provider_pid, "consumerPid": one.consumer_pid}
    return protocol.message("TransferProcess", **pids, state=one.state)


@endpoint("TransferError")
def request_transfer(ours: Participant, sender: Participant, body: bytes) -> HttpResponse:
    """Take a consumer's request that begins a transfer."""
    message = protocol.read(body, "TransferRequestMessage")
    return json_of(_transfer(trading.receive_transfer(ours, sender, message)), 201)


@endpoint("TransferError")
def transfer(ours: Participant, sender: Participant, body: bytes, pid: str) -> HttpResponse:
    """Say where a transfer stands."""
    return json_of(_transfer(trading.transfer_with(ours, sender, pid, "provider")))


_TRANSFERS = {
    "start": "TransferStartMessage",
    "suspension": "TransferSuspensionMessage",
    "completion": "TransferCompletionMessage",
    "termination": "TransferTerminationMessage",
}


@endpoint("TransferError")
def transfer_step(ours: Participant, sender: Participant, body: bytes, pid: str, path: str) -> HttpResponse:
    """Take a message about a transfer."""
    message = protocol.read(body, _TRANSFERS[path])
    for side in ("provider", "consumer"):
        try:
            found = trading.transfer_with(ours, sender, pid, side)
        except NotFound:
            continue
        return json_of(_transfer(trading.receive_step(found, sender, message)))
    raise NotFound(pid)


@csrf_exempt
@page("space.browse")
@require_POST
def data(request: HttpRequest, participant: int, number: int) -> HttpResponse:
    """Answer a query of a started transfer, by its token."""
    ours = Participant.objects.filter(pk=participant).exclude(unit=None).first()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if ours is None:
        return json_of({}, 404)
    try:
        found = trading.transfer_by_token(ours, number, token if scheme.lower() == "bearer" else "")
    except NotFound:
        trading.note_forgery(ours, "", request.path, "token")
        return json_of({}, 404)
    try:
        told: Mapping[str, Any] = json.loads(request.body)
        sql, spend = str(told["query"]), Decimal(str(told["spend"])) if told.get("spend") else None
        if spend is not None and not spend.is_finite():
            raise ValueError(spend)
    except (ValueError, KeyError, TypeError, InvalidOperation):
        return json_of({"reason": ["请求应为 {query, spend}", "send {query, spend}"]}, 400)
    try:
        answer = ask(found.agreement.negotiation.consumer.actor, found.agreement, sql, spend=spend)
    except (Refused, NotAllowed) as error:
        return json_of({"reason": [error.text.zh, error.text.en]}, 403)
    return json_of(answered(answer))


def answered(answer: Any) -> dict[str, Any]:
    """Return an answer as programs get it: the columns with their types, and the rows."""
    columns = [{"name": name, "type": kind} for name, kind in zip(answer.columns, answer.types, strict=True)]
    return {"columns": columns, "rows": [[_plain(one) for one in row] for row in answer.rows]}


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
