"""Competitions over HTTP: what is called, their boards, and sending in an entry."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404
from ninja import Field, Router, Schema

from dujiang.identity.permission import require
from dujiang.messages import BadInput, Text
from dujiang.talent.competitions import actions
from dujiang.talent.competitions.boards import public_board
from dujiang.talent.competitions.entries import LARGEST_ARCHIVE
from dujiang.talent.competitions.models import Competition, Entry

router = Router(tags=["competitions"])
Code = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]


class CompetitionOut(Schema):
    """A competition with its rules; ``commitment`` is the SHA-256 of its secret seeds."""

    code: str
    kind: str
    name: Text
    rules: str
    opens: datetime
    closes: datetime
    phase: Text
    scenario: str
    size: str
    entries_a_day: int
    seconds: float
    memory_mib: int
    practice_seeds: list[int]
    commitment: str
    criteria: list[dict[str, Any]]
    evidence: int


class BoardOut(Schema):
    """The boards: the public one of a challenge, and the last version of the final one, empty before it is there."""

    public: list[dict[str, Any]]
    version: int
    final: list[dict[str, Any]]
    digest: str


class EntryIn(Schema):
    """An entry: a .py file or a .zip archive, in base64."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
    content: Annotated[str, Field(max_length=4 * (LARGEST_ARCHIVE // 3 + 2))]


class EntryOut(Schema):
    """An entry, as its team sees it."""

    number: int
    name: str
    digest: str
    received: datetime
    state: str
    fault: str
    hidden: bool
    practice: list[float]
    moved: bool
    evidence: int


@router.get("", response=list[CompetitionOut])
def competitions(request: Any) -> list[Competition]:
    """Return the competitions, the last first."""
    require(request.auth, "competition.browse")
    return list(Competition.objects.all()[:1000])


@router.get("/{code}/board", response=BoardOut)
def board(request: Any, code: Code) -> dict[str, Any]:
    """Return a competition's boards."""
    require(request.auth, "competition.browse")
    one = _found(code)
    final = one.board
    return {
        "public": public_board(one) if one.is_challenge else [],
        "version": final.number if final else 0,
        "final": final.rows if final else [],
        "digest": final.digest if final else "",
    }


@router.get("/{code}/entries", response=list[EntryOut])
def entries(request: Any, code: Code) -> list[Entry]:
    """Return the entries of one's own team."""
    require(request.auth, "competition.enter")
    team = actions.own_team(request.auth, _found(code))
    return list(team.entries.all()) if team else []


@router.post("/{code}/entries", response={201: EntryOut})
def enter(request: Any, code: Code, wanted: EntryIn) -> tuple[int, Entry]:
    """Send in an entry for one's own team."""
    require(request.auth, "competition.enter")
    team = actions.own_team(request.auth, _found(code))
    if team is None:
        raise Http404
    try:
        content = base64.b64decode(wanted.content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(wanted.name, field="content", expected=Text("base64", "base64")) from error
    return 201, actions.enter(request.auth, team, wanted.name, content)


def _found(code: str) -> Competition:
    found: Competition | None = Competition.objects.filter(code=code).first()
    if found is None:
        raise Http404
    return found
