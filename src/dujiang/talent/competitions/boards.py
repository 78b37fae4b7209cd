"""What the boards say, from what is stored: the public one of a challenge, and the final one of either kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dujiang.panel import calibrate
from dujiang.scenarios.digest import digest
from dujiang.talent.competitions.judging import Fault
from dujiang.talent.competitions.models import Application, Competition, Entry, Review
from dujiang.talent.competitions.ranks import ranks, reviewed_ranks

_FIGURES = 9
"""Significant figures of what a board's digest is of: machines differ in the last bits."""


def public_board(competition: Competition) -> list[dict[str, Any]]:
    """Return the public board: teams with what it shows of them, best first; ties share a rank.

    ``shows`` is a loss in terms of the baseline's score, as the Ladder lets it out; ``score`` the same in the metric's unit.
    """
    standing = [(one, one.stands) for one in competition.teams.all() if not one.out]
    shown = sorted(((held.shows, one.name, one) for one, held in standing if held), key=lambda row: row[:2])
    losses = [loss for loss, _, _ in shown]
    scale = competition.reference.get("scale", 1.0)
    return [
        {
            "team": name, "unit": team.unit, "rank": losses.index(loss) + 1, "shows": loss,
            "score": abs(loss) * scale, "entries": team.entries.count(),
        }
        for loss, name, team in shown
    ]  # fmt: skip


def final_board(competition: Competition) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of the final board and their digest, from the scores that are stored."""
    return _challenge(competition) if competition.is_challenge else _applications(competition)


def _challenge(competition: Competition) -> tuple[list[dict[str, Any]], str]:
    finals: dict[str, Entry] = {}
    for team in competition.teams.filter(out=""):
        if (entry := team.final) is not None:
            finals[team.name] = entry
    scored = {name: json.loads(one.private_scores) for name, one in finals.items() if one.private_scores}
    failed = {name: one.private_fault for name, one in finals.items() if one.private_fault}
    return challenge_rows(competition, finals, scored, failed)


def challenge_rows(
    competition: Competition,
    finals: Mapping[str, Entry],
    scored: Mapping[str, Sequence[float]],
    failed: Mapping[str, str],
) -> tuple[list[dict[str, Any]], str]:
    """Return a challenge's final board from each team's losses on the private seeds, and the faults of those without."""
    scale = competition.reference["scale"]
    rows: list[dict[str, Any]] = [
        {
            "team": one.team, "unit": finals[one.team].team.unit, "entry": finals[one.team].number,
            "sha256": finals[one.team].digest, "rank": one.rank, "low": one.low, "high": one.high,
            "score": _figures(abs(one.loss) * scale), "fault": None,
        }
        for one in ranks(scored)
    ]  # fmt: skip
    rows += [
        {
            "team": name, "unit": finals[name].team.unit, "entry": finals[name].number, "sha256": finals[name].digest,
            "rank": None, "low": None, "high": None, "score": None, "fault": failed[name],
        }
        for name in sorted(failed)
    ]  # fmt: skip
    return rows, digest(rows)


def _applications(competition: Competition) -> tuple[list[dict[str, Any]], str]:
    applications = {
        one.team.name: one
        for one in Application.objects.filter(team__competition=competition, team__out="").select_related("team")
    }
    done = Review.objects.filter(application__in=applications.values()).exclude(marks=None)
    scores = {(one.application.team.name, one.reviewer): one.score for one in done.select_related("application__team")}
    if not scores:
        return [], digest([])
    made = calibrate(dict(sorted(scores.items())))
    errors = dict(zip(made.applications, np.sqrt(np.diag(made.covariance)), strict=True))
    rows = [
        {
            "team": one.team, "unit": applications[one.team].team.unit, "title": applications[one.team].title,
            "rank": one.rank, "low": one.low, "high": one.high, "score": _figures(-one.loss),
            "error": _figures(errors[one.team]), "mean": _figures(made.applications[one.team].mean),
            "reviews": made.applications[one.team].reviews, "fault": None,
        }
        for one in reviewed_ranks({name: one.score for name, one in made.applications.items()}, made.covariance)
    ]  # fmt: skip
    return rows, digest(rows)


def _figures(value: float) -> float:
    return float(f"{value:.{_FIGURES}g}")


def fault_words(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their fault as words for people."""
    return [{**row, "fault": Fault(row["fault"]).words if row["fault"] else None} for row in rows]
