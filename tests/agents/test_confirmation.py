"""A confirmation is of one actor for one action with one content, and for ten minutes."""

import pytest
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st

from dujiang.agents.confirmation import SECONDS, accept, offer
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused

LI = Actor("li", Role.LEAD_UNIT, "科技厅")
CONTENT = {"month": "2026-10", "text": "好"}


def test_it_confirms_what_it_was_offered_for():
    accept(LI, "dispatch.comment", dict(reversed(CONTENT.items())), offer(LI, "dispatch.comment", CONTENT))


@pytest.mark.parametrize(
    ("actor", "action", "content"),
    [
        (Actor("wang", Role.LEAD_UNIT, "科技厅"), "dispatch.comment", CONTENT),
        (Actor("li", Role.OFFICE, "科技厅"), "dispatch.comment", CONTENT),
        (Actor("li", Role.LEAD_UNIT, "教育厅"), "dispatch.comment", CONTENT),
        (LI, "dispatch.sign-off", CONTENT),
        (LI, "dispatch.comment", {**CONTENT, "text": "不好"}),
        (LI, "dispatch.comment", {"month": "2026-10"}),
    ],
)
def test_it_confirms_nothing_else(actor, action, content):
    with pytest.raises(Refused, match="draft again"):
        accept(actor, action, content, offer(LI, "dispatch.comment", CONTENT))


def test_it_expires(monkeypatch):
    offered = offer(LI, "dispatch.comment", CONTENT)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + SECONDS - 5)
    accept(LI, "dispatch.comment", CONTENT, offered)
    monkeypatch.setattr(signing.time, "time", lambda: now + SECONDS + 5)
    with pytest.raises(Refused, match="minutes old"):
        accept(LI, "dispatch.comment", CONTENT, offered)


@given(st.text(max_size=80), st.integers(0, 200))
def test_nobody_makes_one_up(text, place):
    for forged in (text, (good := offer(LI, "dispatch.comment", CONTENT))[:place] + text + good[place + 1 :]):
        if forged != good:
            with pytest.raises(Refused, match=r"no confirmation|minutes old"):
                accept(LI, "dispatch.comment", CONTENT, forged)
