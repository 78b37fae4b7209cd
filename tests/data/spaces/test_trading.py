"""Foreign participants: forged, replayed and misplaced messages are refused and on record. Two sites: test_two_sites."""

import base64
import json
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from data.spaces.people import ROWS
from dujiang.data.spaces import actions, odrl, protocol, trading
from dujiang.data.spaces.models import Negotiation, Participant, Transfer
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)
HOSPITAL = Actor("hua", Role.ENTERPRISE, "华西医院")
KEY = Ed25519PrivateKey.generate()
FAR = "https://far.example/dsp"
SITE = "http://127.0.0.1:8000"


def public(key):
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


@pytest.fixture
def far(db):
    return actions.register_participant(OFFICE, "did:web:far.example", "外省保险", FAR, public(KEY))


@pytest.fixture
def offer(dataset):
    return actions.offer(HOSPITAL, dataset, ROWS, files={"patients": "patients.parquet"})


def send(path, message, *, key=KEY, sender="did:web:far.example", method="POST", header=None, receiver=None):
    ours = Participant.objects.get(unit__name="华西医院")
    url = f"{SITE}/dsp/{ours.pk}{path}"
    body = json.dumps(message).encode() if message is not None else b""
    signed = header or protocol.sign(key, sender, receiver or ours.identifier, method, url, body)
    called = Client().generic(
        method, url.removeprefix(SITE), body, "application/json", headers={"authorization": signed}
    )
    return called, signed


def wanted(one, **more):
    reasons = {"purpose": "research", "legalBasis": "合同", "ethicsApproval": "伦审1", "ethicsUntil": "2099-01-01"}
    fields = {
        "consumerPid": "urn:uuid:far-1", "callbackAddress": FAR, "offer": odrl.offer(ROWS, one.identifier, target="x"),
        trading.PURPOSES: reasons, **more,
    }  # fmt: skip
    return protocol.message("ContractRequestMessage", **fields)


def test_a_catalogue_is_given_to_who_is_registered(far, offer):
    answer, _ = send("/catalog/request", protocol.message("CatalogRequestMessage"))
    assert answer.status_code == 200
    told = protocol.read(answer.content, "Catalog")
    [one] = told["dataset"]
    assert one["@id"] == offer.dataset.identifier
    assert odrl.policy_of(one["hasPolicy"][0]) == ROWS
    found, _ = send(f"/catalog/datasets/{one['@id']}", None, method="GET")
    assert protocol.read(found.content, "Dataset")["@id"] == one["@id"]
    assert send("/catalog/datasets/none", None, method="GET")[0].status_code == 404
    answer, _ = send("/catalog/request", protocol.message("CatalogRequestMessage", filter=["x"]))
    assert answer.status_code == 400
    protocol.read(answer.content, "CatalogError")


def test_a_request_begins_a_negotiation_once(far, offer):
    for _ in range(2):
        answer, _ = send("/negotiations/request", wanted(offer))
        assert answer.status_code == 201
        told = protocol.read(answer.content, "ContractNegotiation")
        assert told["state"] == "REQUESTED"
    one = Negotiation.objects.get()
    assert (one.consumer, one.purpose, one.ethics_until) == (far, "research", date(2099, 1, 1))
    answer, _ = send(f"/negotiations/{one.provider_pid}", None, method="GET")
    assert protocol.read(answer.content, "ContractNegotiation")["providerPid"] == one.provider_pid


FORGERIES = [
    "another key",
    "unknown sender",
    "our own unit",
    "another receiver",
    "no header",
    "garbage",
    "replayed",
    "other body",
    "suspended",
]


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_or_replayed_message_is_as_if_there_were_nothing_and_on_record(far, offer, case):
    message, path = wanted(offer), "/negotiations/request"
    ours = Participant.objects.get(unit__name="华西医院")
    more = {
        "another key": {"key": Ed25519PrivateKey.generate()},
        "unknown sender": {"sender": "did:web:nobody"},
        "our own unit": {"sender": ours.identifier, "key": trading.site_key()},
        "another receiver": {"receiver": "urn:else"},
        "no header": {"header": "x"},
        "garbage": {"header": "Bearer " + "x." * 2 + "x"},
    }.get(case, {})
    if case == "replayed":
        message = protocol.message("CatalogRequestMessage")
        path = "/catalog/request"
        answer, header = send(path, message)
        assert answer.status_code == 200
        more = {"header": header}
    elif case == "other body":
        _, header = send("/catalog/request", protocol.message("CatalogRequestMessage"))
        more = {"header": header}
    elif case == "suspended":
        actions.suspend_participant(OFFICE, far, "违约")
    before = Record.objects.count()
    answer, _ = send(path, message, **more)
    assert (answer.status_code, answer.json()) == (404, {})
    assert Record.objects.count() == before + 1
    record = Record.objects.order_by("-sequence").first()
    assert record.kind == "space.participant"
    assert json.loads(record.body)["what"] == "forged"
    assert not Negotiation.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"callbackAddress": "https://else.example/dsp"},
        {"callbackAddress": "http://127.0.0.1:8000/admin/"},
        {"offer": {"@id": "urn:uuid:none"}},
        {"providerPid": "urn:uuid:x"},
        {trading.PURPOSES: {"purpose": "advertising"}},
        {trading.PURPOSES: {"purpose": "research", "legalBasis": "x", "ethicsApproval": "x", "ethicsUntil": "soon"}},
        {trading.PURPOSES: {"purpose": "research", "legalBasis": "x"}},
    ],
)
def test_a_request_that_we_would_not_grant_is_refused(far, offer, change):
    answer, _ = send("/negotiations/request", wanted(offer, **change))
    assert answer.status_code == 400
    protocol.read(answer.content, "ContractNegotiationError")
    assert not Negotiation.objects.exists()


def test_a_changed_offer_is_no_offer_of_ours(far, offer):
    more = json.loads(json.dumps(offer.policy))
    more["permission"][0]["constraint"][1]["rightOperand"]["@value"] = "2199-01-01T00:00:00+00:00"
    answer, _ = send("/negotiations/request", wanted(offer, offer={**more, "target": "x"}))
    assert answer.status_code == 400


@pytest.fixture
def begun(far, offer, monkeypatch):
    """A negotiation of the far one's, and what we called out since."""
    send("/negotiations/request", wanted(offer))
    called = []
    monkeypatch.setattr(trading, "call", lambda ours, theirs, method, url, message: called.append((url, message)))
    return Negotiation.objects.get(), called


def pids(one):
    return {"providerPid": one.provider_pid, "consumerPid": one.consumer_pid}


def test_the_states_go_as_the_protocol_has_them(begun):
    one, called = begun
    verified = protocol.message("ContractAgreementVerificationMessage", **pids(one))
    path = f"/negotiations/{one.provider_pid}"
    assert send(f"{path}/agreement/verification", verified)[0].status_code == 400  # nothing was agreed yet
    made = trading.agree(HOSPITAL, one)
    [(url, message)] = called
    assert url == f"{FAR}/negotiations/urn:uuid:far-1/agreement"
    assert message["agreement"] == made.policy
    assert not made.in_force
    assert send(f"{path}/agreement/verification", verified)[0].status_code == 200
    one.refresh_from_db()
    assert one.state == "VERIFIED"
    event = protocol.message("ContractNegotiationEventMessage", **pids(one), eventType="FINALIZED")
    assert send(f"{path}/events", event)[0].status_code == 400  # a consumer doesn't finalise
    trading.advance(HOSPITAL, one)
    assert called[-1][1]["eventType"] == "FINALIZED"
    made.refresh_from_db()
    assert made.in_force
    ended = protocol.message("ContractNegotiationTerminationMessage", **pids(one))
    assert send(f"{path}/termination", ended)[0].status_code == 400  # final is final
    assert send(f"/negotiations/{one.consumer_pid}/events", event)[0].status_code == 404
    assert send(f"{path}/offers", event)[0].status_code == 404


def test_a_message_that_is_not_taken_changes_nothing(begun, monkeypatch):
    one, _ = begun

    def down(*_):
        raise trading.Unreachable(actions.Text("断", "down"))

    monkeypatch.setattr(trading, "call", down)
    with pytest.raises(Refused):
        trading.agree(HOSPITAL, one)
    one.refresh_from_db()
    assert one.state == "REQUESTED"
    assert not hasattr(one, "agreement")


def transferring(begun):
    one, called = begun
    made = trading.agree(HOSPITAL, one)
    send(
        f"/negotiations/{one.provider_pid}/agreement/verification",
        protocol.message("ContractAgreementVerificationMessage", **pids(one)),
    )
    one.refresh_from_db()
    trading.advance(HOSPITAL, one)
    message = protocol.message(
        "TransferRequestMessage",
        consumerPid="urn:uuid:t",
        agreementId=made.identifier,
        format=protocol.FORMAT,
        callbackAddress=FAR,
    )
    answer, _ = send("/transfers/request", message)
    assert answer.status_code == 201
    transfer = Transfer.objects.get()
    trading._start(HOSPITAL, transfer)
    address = called[-1][1]["dataAddress"]
    return transfer, address["endpointProperties"][0]["value"]


def ask_by(transfer, token, sql="SELECT count(*) AS n FROM people"):
    ours = transfer.agreement.negotiation.provider
    return Client().post(
        f"/dsp/{ours.pk}/data/{transfer.pk}",
        {"query": sql},
        "application/json",
        headers={"authorization": f"Bearer {token}"},
    )


def test_a_transfer_answers_by_its_token_until_it_is_completed(begun):
    transfer, token = transferring(begun)
    answer = ask_by(transfer, token)
    assert answer.json() == {"columns": [{"name": "n", "type": "BIGINT"}], "rows": [[60]]}
    record = Record.objects.order_by("-sequence").first()
    assert (record.kind, record.actor) == ("space.answered", "enterprise:did:web:far.example")
    refused = ask_by(transfer, token, "SELECT name FROM people")
    assert refused.status_code == 403
    assert Record.objects.order_by("-sequence").first().kind == "space.refused"
    assert ask_by(transfer, "x" * 43).status_code == 404
    assert Client().post(f"/dsp/1/data/{transfer.pk}", {}, "application/json").status_code == 404
    done = protocol.message("TransferCompletionMessage", **pids(transfer))
    assert send(f"/transfers/{transfer.provider_pid}/completion", done)[0].status_code == 200
    assert ask_by(transfer, token).status_code == 404
    assert send(f"/transfers/{transfer.provider_pid}/completion", done)[0].status_code == 400


def test_an_agreement_that_ends_ends_its_transfers(begun):
    transfer, token = transferring(begun)
    actions.end(HOSPITAL, transfer.agreement, "违约")
    assert ask_by(transfer, token).status_code == 404


def test_the_well_known_address_says_what_is_spoken(far, offer):
    told = Client().get("/.well-known/dspace-version").json()["protocolVersions"]
    ours = Participant.objects.get(unit__name="华西医院")
    assert told == [{"version": "2025-1", "path": f"/dsp/{ours.pk}", "binding": "HTTPS", "serviceId": ours.identifier}]
    assert Client().get("/dsp/").json()["publicKey"] == public(trading.site_key())


@pytest.mark.parametrize(
    "fact",
    [
        {"identifier": "no uri"},
        {"connector": "ftp://x/y"},
        {"connector": "https://u@x/"},
        {"public_key": "AAAA"},
        {"title": " "},
    ],
)
def test_a_participant_has_an_identifier_a_connector_and_a_key(db, fact):
    facts = {
        "identifier": "did:web:x",
        "title": "X",
        "connector": "https://x.example/",
        "public_key": public(KEY),
        **fact,
    }
    with pytest.raises(Refused):
        actions.register_participant(OFFICE, **facts)
    with pytest.raises(NotAllowed):
        actions.register_participant(HOSPITAL, **facts)


def test_we_call_no_address_but_the_connectors(far, offer):
    ours = Participant.objects.get(unit__name="华西医院")
    for url in ("http://127.0.0.1/", FAR + ".evil.example/x", "https://far.example/other"):
        with pytest.raises(trading.Unreachable):
            trading.call(ours, far, "POST", url, {})
