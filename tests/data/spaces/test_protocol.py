"""The protocol's messages and their signatures."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.spaces.people import ROWS
from dujiang.data.spaces import odrl, protocol
from dujiang.messages import BadInput

PIDS = {"providerPid": "urn:uuid:p", "consumerPid": "urn:uuid:c"}
OFFER = odrl.offer(ROWS, "urn:uuid:o", target="urn:d")
AGREEMENT = odrl.agreement(
    ROWS, "urn:uuid:a", target="urn:d", assigner="urn:p", assignee="urn:c", timestamp=datetime(2026, 1, 1, tzinfo=UTC)
)
ADDRESS = {
    "@type": "DataAddress", "endpointType": "https", "endpoint": "https://p/data",
    "endpointProperties": [{"@type": "EndpointProperty", "name": "authorization", "value": "x"}],
}  # fmt: skip
DATASET = {
    "@id": "urn:d", "hasPolicy": [odrl.offer(ROWS, "urn:uuid:o")],
    "distribution": [{"accessService": {"@id": "urn:s", "@type": "DataService", "endpointURL": "https://p"}, "format": "x"}],
}  # fmt: skip
MESSAGES = {
    "CatalogRequestMessage": {},
    "DatasetRequestMessage": {"dataset": "urn:d"},
    "Catalog": {"@id": "urn:cat", "participantId": "urn:p", "dataset": [DATASET]},
    "ContractRequestMessage": {"consumerPid": "urn:c", "offer": OFFER, "callbackAddress": "https://c/"},
    "ContractOfferMessage": {"providerPid": "urn:p", "offer": OFFER, "callbackAddress": "https://p/"},
    "ContractAgreementMessage": {**PIDS, "agreement": AGREEMENT},
    "ContractAgreementVerificationMessage": PIDS,
    "ContractNegotiationEventMessage": {**PIDS, "eventType": "FINALIZED"},
    "ContractNegotiationTerminationMessage": {**PIDS, "code": "x", "reason": ["why"]},
    "ContractNegotiation": {**PIDS, "state": "REQUESTED"},
    "ContractNegotiationError": PIDS,
    "TransferRequestMessage": {
        "agreementId": "a",
        "format": "x",
        "callbackAddress": "https://c",
        "consumerPid": "urn:c",
    },
    "TransferStartMessage": {**PIDS, "dataAddress": ADDRESS},
    "TransferSuspensionMessage": PIDS,
    "TransferCompletionMessage": PIDS,
    "TransferTerminationMessage": PIDS,
    "TransferProcess": {**PIDS, "state": "STARTED"},
    "TransferError": PIDS,
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_reads_back_and_lacks_nothing_that_the_protocol_requires(kind):
    made = protocol.message(kind, **MESSAGES[kind])
    assert protocol.read(json.dumps(made).encode(), kind) == made
    for field in protocol.SCHEMAS[kind]["required"]:
        short = {name: value for name, value in made.items() if name != field}
        with pytest.raises(BadInput):
            protocol.read(json.dumps(short).encode(), kind)
    with pytest.raises(BadInput):
        protocol.read(json.dumps(made).encode(), "CatalogError")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"@type": 5}', b"[" * 100_000, b"\xff", b'"x"'])
def test_what_is_no_message_is_refused(body):
    with pytest.raises(BadInput):
        protocol.read(body, "CatalogRequestMessage")


def test_rules_inside_an_offer_name_no_target():
    rule = {**OFFER["permission"][0], "target": "urn:else"}
    with pytest.raises(ValueError, match="permission"):
        protocol.message(
            "ContractRequestMessage", **{**MESSAGES["ContractRequestMessage"], "offer": {**OFFER, "permission": [rule]}}
        )


KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
SENT = ("POST", "https://p/negotiations/request", b"{}")


def test_a_signature_holds_for_its_message():
    header = protocol.sign(KEY, "urn:c", "urn:p", *SENT)
    assert protocol.sender_of(header) == "urn:c"
    number, expires = protocol.verify(header, PUBLIC, "urn:p", *SENT)
    assert len(number) >= 16
    assert expires > 0


def other_claims(header, **claims):
    head, old, _ = header.removeprefix("Bearer ").split(".")
    values = {**json.loads(base64.urlsafe_b64decode(old + "==")), **claims}
    body = base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()
    signature = base64.urlsafe_b64encode(KEY.sign(f"{head}.{body}".encode())).rstrip(b"=").decode()
    return f"Bearer {head}.{body}.{signature}"


@pytest.mark.parametrize(
    "case",
    ["receiver", "method", "url", "body", "key", "cut", "none", "late", "early", "long", "number", "text", "unsigned"],
)
def test_it_holds_for_no_other(case):
    header, key, receiver, sent = protocol.sign(KEY, "urn:c", "urn:p", *SENT), PUBLIC, "urn:p", list(SENT)
    if case == "receiver":
        receiver = "urn:else"
    elif case == "method":
        sent[0] = "GET"
    elif case == "url":
        sent[1] += "x"
    elif case == "body":
        sent[2] = b'{"a": 1}'
    elif case == "key":
        key = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    elif case == "unsigned":
        header = header.rpartition(".")[0] + "."
    else:
        header = {
            "cut": header[:-8],
            "none": "",
            "text": "Bearer a.b.c",
            "late": other_claims(header, iat=1, exp=301),
            "early": other_claims(header, iat=4_000_000_000, exp=4_000_000_300),
            "long": other_claims(header, exp=4_000_000_000),
            "number": other_claims(header, jti="x"),
        }[case]
    with pytest.raises(protocol.Forged):
        protocol.verify(header, key, receiver, *sent)
