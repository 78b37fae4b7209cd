"""The Dataspace Protocol 2025-1: its messages, their schemas, its states, and how a message is signed.

The schemas state what the specification requires of each message (sections "Catalog Protocol", "Contract Negotiation
Protocol" and "Transfer Process Protocol", https://eclipse-dataspace-protocol-base.github.io/DataspaceProtocol/2025-1/),
written anew from its text. They are as open as the protocol's own: what a message has besides is left alone.

The protocol leaves the Authorization header to the data space. Here it is a JSON Web Signature (RFC 7515, EdDSA by RFC
8037) by the sender's key over who sends to whom, when, the method, the address and the digest of the body, for one use
within five minutes: a message that was caught on its way can't be sent again, or with another body, or elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jsonschema import Draft201909Validator

from dujiang.messages import BadInput, Text

VERSION = "2025-1"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
FORMAT = "HttpSql-PULL"
"""The format of a transfer: the consumer asks in SQL over HTTP, and pulls the answers."""
SECONDS = 300
"""How long a signature is good for, and how far two clocks may be apart."""
LARGEST = 1 << 20
"""Bytes of a message."""

Side = Literal["provider", "consumer"]

# Who may bring a negotiation or a transfer into which state, from which (the state machines' arrows).
NEGOTIATION: dict[str, dict[str, frozenset[str]]] = {
    "provider": {
        "OFFERED": frozenset({"REQUESTED"}),
        "AGREED": frozenset({"REQUESTED", "ACCEPTED"}),
        "FINALIZED": frozenset({"VERIFIED"}),
        "TERMINATED": frozenset({"REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED"}),
    },
    "consumer": {
        "REQUESTED": frozenset({"OFFERED"}),
        "ACCEPTED": frozenset({"OFFERED"}),
        "VERIFIED": frozenset({"AGREED"}),
        "TERMINATED": frozenset({"REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED"}),
    },
}
TRANSFER: dict[str, dict[str, frozenset[str]]] = {
    "provider": {
        "STARTED": frozenset({"REQUESTED", "SUSPENDED"}),
        "SUSPENDED": frozenset({"STARTED"}),
        "COMPLETED": frozenset({"STARTED"}),
        "TERMINATED": frozenset({"REQUESTED", "STARTED", "SUSPENDED"}),
    },
    "consumer": {
        "STARTED": frozenset({"SUSPENDED"}),
        "SUSPENDED": frozenset({"STARTED"}),
        "COMPLETED": frozenset({"STARTED"}),
        "TERMINATED": frozenset({"REQUESTED", "STARTED", "SUSPENDED"}),
    },
}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


_STRING = {"type": "string", "minLength": 1}
_REASON = {"type": "array", "minItems": 1}
_OPERATOR = {
    "enum": [
        "eq", "neq", "gt", "gteq", "lt", "lteq", "term-lteq", "hasPart", "isA", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf",
    ]
}  # fmt: skip
_CONSTRAINT: dict[str, Any] = {
    "oneOf": [
        _object(
            {"leftOperand": _STRING, "operator": _OPERATOR, "rightOperand": {"type": ["string", "object", "array"]}}
        ),
        *({"type": "object", "required": [name]} for name in ("and", "andSequence", "or", "xone")),
    ]
}
_DUTY = _object({"action": _STRING}, {"constraint": {"type": "array", "items": _CONSTRAINT}})
_RULE = _object(
    {"action": _STRING},
    {"constraint": {"type": "array", "items": _CONSTRAINT}, "duty": {"type": "array", "items": _DUTY}, "target": False},
)
_RULES = {"type": "array", "minItems": 1, "items": _RULE}
_POLICY = {
    "profile": {"type": ["string", "array"]},
    "permission": _RULES,
    "prohibition": _RULES,
    "obligation": {"type": "array", "minItems": 1, "items": _DUTY},
}
_SOME_RULE = {"anyOf": [{"required": ["permission"]}, {"required": ["prohibition"]}]}
_OFFER = _object({"@id": _STRING}, {"@type": {"const": "Offer"}, **_POLICY})
_OFFER_IN_CATALOGUE = {**_OFFER, **_SOME_RULE, "not": {"required": ["target"]}}
_OFFER_IN_MESSAGE = {**_object({"@id": _STRING, "@type": {"const": "Offer"}, "target": _STRING}, _POLICY), **_SOME_RULE}
_AGREEMENT = {
    **_object(
        {
            "@id": _STRING,
            "@type": {"const": "Agreement"},
            "target": _STRING,
            "assigner": _STRING,
            "assignee": _STRING,
            "timestamp": {"type": "string", "pattern": r"^-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"},
        },
        _POLICY,
    ),
    **_SOME_RULE,
}
_SERVICE = _object({"@id": _STRING, "@type": {"const": "DataService"}, "endpointURL": _STRING})
_DISTRIBUTION = _object({"accessService": {"anyOf": [_STRING, _SERVICE]}, "format": _STRING})
_DATASET = _object(
    {
        "@id": _STRING,
        "hasPolicy": {"type": "array", "minItems": 1, "items": _OFFER_IN_CATALOGUE},
        "distribution": {"type": "array", "minItems": 1, "items": _DISTRIBUTION},
    }
)
_ADDRESS = _object(
    {"@type": {"const": "DataAddress"}, "endpointType": _STRING, "endpoint": _STRING},
    {
        "endpointProperties": {
            "type": "array",
            "minItems": 1,
            "items": _object({"@type": {"const": "EndpointProperty"}, "name": _STRING, "value": {"type": "string"}}),
        }
    },
)
_PIDS = {"providerPid": _STRING, "consumerPid": _STRING}
_WHY = {"code": _STRING, "reason": _REASON}


def _states(sides: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"enum": sorted({"REQUESTED"}.union(*sides.values()))}


_MESSAGES: dict[str, dict[str, Any]] = {
    "CatalogRequestMessage": _object({}, {"filter": {"type": "array"}}),
    "DatasetRequestMessage": _object({"dataset": _STRING}),
    "Catalog": _object(
        {"@id": _STRING, "participantId": _STRING},
        {
            "dataset": {"type": "array", "minItems": 1, "items": _DATASET},
            "service": {"type": "array", "minItems": 1, "items": _SERVICE},
        },
    ),
    "Dataset": _DATASET,
    "CatalogError": _object({}, _WHY),
    "ContractRequestMessage": _object(
        {
            "consumerPid": _STRING,
            "callbackAddress": _STRING,
            "offer": {"anyOf": [_OFFER_IN_MESSAGE, {**_object({"@id": _STRING}), "not": _SOME_RULE}]},
        },
        {"providerPid": _STRING},
    ),
    "ContractOfferMessage": {
        **_object(
            {"providerPid": _STRING, "offer": _OFFER_IN_MESSAGE}, {"consumerPid": _STRING, "callbackAddress": _STRING}
        ),
        "anyOf": [{"required": ["consumerPid"]}, {"required": ["callbackAddress"]}],
    },
    "ContractAgreementMessage": _object({**_PIDS, "agreement": _AGREEMENT}, {"callbackAddress": _STRING}),
    "ContractAgreementVerificationMessage": _object(_PIDS),
    "ContractNegotiationEventMessage": _object({**_PIDS, "eventType": {"enum": ["ACCEPTED", "FINALIZED"]}}),
    "ContractNegotiationTerminationMessage": _object(_PIDS, _WHY),
    "ContractNegotiation": _object({**_PIDS, "state": _states(NEGOTIATION)}),
    "ContractNegotiationError": _object(_PIDS, _WHY),
    "TransferRequestMessage": _object(
        {"agreementId": _STRING, "format": _STRING, "callbackAddress": _STRING, "consumerPid": _STRING},
        {"dataAddress": _ADDRESS},
    ),
    "TransferStartMessage": _object(_PIDS, {"dataAddress": _ADDRESS}),
    "TransferSuspensionMessage": _object(_PIDS, _WHY),
    "TransferCompletionMessage": _object(_PIDS),
    "TransferTerminationMessage": _object(_PIDS, _WHY),
    "TransferProcess": _object({**_PIDS, "state": _states(TRANSFER)}),
    "TransferError": _object(_PIDS, _WHY),
}
_CONTEXT = {"type": "array", "contains": {"const": CONTEXT}}
SCHEMAS: dict[str, dict[str, Any]] = {
    kind: {
        **schema,
        "properties": {**schema["properties"], "@context": _CONTEXT, "@type": {"const": kind}},
        "required": [*schema["required"], "@context", "@type"],
    }
    for kind, schema in _MESSAGES.items()
}
"""The schema of each message (JSON Schema 2019-09)."""
_VALIDATORS = {kind: Draft201909Validator(schema) for kind, schema in SCHEMAS.items()}


def message(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a message of that kind; raises ValueError where it isn't what the protocol asks."""
    made = {"@context": [CONTEXT], "@type": kind, **fields}
    if fault := _fault(made, kind):
        raise ValueError(fault)
    return made


def read(body: bytes, *kinds: str) -> dict[str, Any]:
    """Return a message that was sent; raises `BadInput` where it is none of these kinds, or not as the protocol asks."""
    try:
        value = json.loads(body) if len(body) <= LARGEST else None
    except (ValueError, RecursionError):
        value = None
    kind = value.get("@type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or kind not in kinds:
        wanted = " | ".join(kinds)
        raise BadInput("message", expected=Text(f"{wanted} 消息", f"a {wanted}"), found=str(kind)[:80])
    if fault := _fault(value, str(kind)):
        raise BadInput(str(kind), expected=Text(f"符合 {VERSION} 的消息", f"a message as of {VERSION}"), found=fault)
    return value


def _fault(value: Mapping[str, Any], kind: str) -> str:
    error = next(iter(_VALIDATORS[kind].iter_errors(value)), None)
    return f"{'.'.join(map(str, error.absolute_path)) or kind}: {error.message[:200]}" if error else ""


# Signatures.


class Forged(PermissionError):
    """A message's signature is missing, wrong, late, or of another message."""


def sign(key: Ed25519PrivateKey, sender: str, receiver: str, method: str, url: str, body: bytes) -> str:
    """Return the Authorization header of a message that a participant sends to another."""
    now = int(time.time())
    claims = {
        "iss": sender, "aud": receiver, "iat": now, "exp": now + SECONDS, "jti": secrets.token_urlsafe(18), "htm": method,
        "htu": url, "body": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    text = f"{_encoded({'alg': 'EdDSA', 'typ': 'dsp+jwt'})}.{_encoded(claims)}"
    return f"Bearer {text}.{_base64(key.sign(text.encode()))}"


def sender_of(header: str) -> str:
    """Return who says to have sent a message, to look their key up by; nothing is proved yet. Raises `Forged`."""
    return str(_parts(header)[1]["iss"])


def verify(header: str, public_key: str, receiver: str, method: str, url: str, body: bytes) -> tuple[str, int]:
    """Return the signature's number and when it ends, for the receiver to take it once; raises `Forged`.

    ``public_key`` is the sender's, 32 bytes in base64.
    """
    head, claims, signed, signature = _parts(header)
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True)).verify(signature, signed)
    except (InvalidSignature, ValueError) as error:
        raise Forged("signature") from error
    now = time.time()
    wanted = {"aud": receiver, "htm": method, "htu": url, "body": hashlib.sha256(body).hexdigest()}
    if head.get("alg") != "EdDSA" or any(claims.get(name) != value for name, value in wanted.items()):
        raise Forged("of another message")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not (isinstance(issued, int) and isinstance(expires, int)):
        raise Forged("time")
    if not issued - SECONDS <= now < expires <= issued + SECONDS:
        raise Forged("late")
    number = claims.get("jti")
    if not isinstance(number, str) or not 16 <= len(number) <= 80:
        raise Forged("number")
    return number, expires


def _parts(header: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    scheme, _, token = header.partition(" ")
    try:
        head, claims, signature = token.split(".")
        values = [json.loads(_decoded(one)) for one in (head, claims)]
        if scheme.lower() != "bearer" or not all(isinstance(one, dict) for one in values) or "iss" not in values[1]:
            raise ValueError(scheme)
        return values[0], values[1], f"{head}.{claims}".encode(), _decoded(signature)
    except (ValueError, RecursionError) as error:
        raise Forged("no signature") from error


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
