"""Persistent identifiers: well formed, and a slip of the pen is seen."""

from hypothesis import given
from hypothesis import strategies as st

from dujiang.data.identifiers import mint, well_formed

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@given(st.integers(0, 8), st.sampled_from(LETTERS))
def test_a_wrong_letter_is_seen(at, letter):
    right = mint("99999")
    assert well_formed(right)
    assert well_formed(right.upper())
    prefix, _, body = right.partition("/dj.")
    wrong = f"{prefix}/dj.{body[:at]}{letter}{body[at + 1 :]}"
    assert well_formed(wrong) == (wrong == right)


def test_two_letters_in_the_other_order_are_seen():
    right = mint("99999")
    start = right.index("dj.") + 3
    for at in range(start, len(right) - 1):
        wrong = right[:at] + right[at + 1] + right[at] + right[at + 2 :]
        assert well_formed(wrong) == (wrong == right)


def test_what_is_none_is_none():
    for wrong in ("", "99999", "99999/", "99999/dj.", "99999/dj.7k3m", "99999/xx.7k3m9xq2m"):
        assert not well_formed(wrong)
