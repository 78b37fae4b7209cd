"""The chain: what it seals, and that no change goes unnoticed."""

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from dujiang.evidence.chain import GENESIS, BadCheckpoint, Checkpoint, Entry, canonical, seal, walk

line = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20)
bodies = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=10), max_size=3)
records = st.lists(st.tuples(line, line, line, bodies), min_size=1, max_size=12)


def chain_of(parts, algorithms=("sha256",)):
    entries, head = [], GENESIS
    for number, (actor, kind, subject, body) in enumerate(parts, start=1):
        fields = (number, "2026-11-24T00:00:00.000000Z", actor, kind, subject, canonical(body), head)
        head = seal(*fields, algorithms[number % len(algorithms)])
        entries.append(Entry(*fields, head))
    return entries


@given(records)
def test_an_untouched_chain_is_right(parts):
    entries = chain_of(parts, ("sha256", "sm3"))
    assert walk(entries) == walk(iter(entries))
    result = walk(entries)
    assert (result.fault, result.records, result.digest) == (None, len(parts), entries[-1].digest)


@given(records, st.data())
def test_the_first_changed_record_is_named(parts, data):
    entries = chain_of(parts)
    at = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(["time", "actor", "kind", "subject", "body", "digest", "previous"]))
    entries[at] = entries[at]._replace(**{field: getattr(entries[at], field) + "x"})
    assert walk(entries).fault[0] == at + 1


@given(records.filter(lambda parts: len(parts) > 1), st.data())
def test_a_removed_or_swapped_record_is_named(parts, data):
    entries = chain_of(parts)
    at = data.draw(st.integers(0, len(entries) - 2))
    assert walk(entries[:at] + entries[at + 1 :]).fault[0] == at + 1
    swapped = [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]
    assert walk(swapped).fault[0] == at + 1


@given(line, line)
def test_fields_do_not_run_into_each_other(first, second):
    one = seal(1, "t", first, second, "s", "{}", GENESIS, "sha256")
    other = seal(1, "t", first + second, "", "s", "{}", GENESIS, "sha256")
    assert (one == other) == (second == "")


def test_a_field_with_a_line_break_is_refused():
    with pytest.raises(ValueError, match="line break"):
        seal(1, "t", "a\nb", "k", "s", "{}", GENESIS, "sha256")


def test_sm3_agrees_with_the_standards_example():
    # GB/T 32905-2016, annex A.1: SM3("abc").
    from dujiang.evidence.chain import DIGESTS

    assert DIGESTS["sm3"](b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_the_seal_is_what_the_docstring_says():
    text = "\n".join([GENESIS, "1", "t", "a", "k", "s", '{"中":1}'])
    assert seal(1, "t", "a", "k", "s", canonical({"中": 1}), GENESIS, "sha256") == (
        "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    )


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical({"score": float("nan")})


def test_a_checkpoint_verifies_offline_and_notices_any_change():
    key = Ed25519PrivateKey.generate()
    signed = Checkpoint.sign(7, "sha256:ab", "2026-11-24T00:00:00Z", key)
    back = Checkpoint.from_json(json.loads(json.dumps(signed.as_json())))
    back.verify()
    back.verify(signed.public_key)
    for name, other in (
        ("sequence", 8),
        ("digest", "sha256:ac"),
        ("time", "2026-11-25T00:00:00Z"),
        ("signature", "AAAA"),
    ):
        with pytest.raises(BadCheckpoint):
            Checkpoint.from_json({**signed.as_json(), name: other}).verify()
    with pytest.raises(BadCheckpoint, match="another key"):
        back.verify(Checkpoint.sign(7, "x", "t", Ed25519PrivateKey.generate()).public_key)


def test_a_chain_cut_short_disagrees_with_its_checkpoint():
    entries = chain_of([("a", "k", "s", {"n": n}) for n in range(5)])
    assert walk(entries, marks={5: entries[4].digest}).fault is None
    assert walk(entries[:3], marks={5: entries[4].digest}).fault[0] == 4
    # A chain written anew from record 4 on is right in itself, and not the one that was signed.
    other = chain_of([("a", "k", "s", {"n": n if n < 3 else n + 100}) for n in range(5)])
    assert walk(other).fault is None
    assert walk(other, marks={5: entries[4].digest}).fault[0] == 5
