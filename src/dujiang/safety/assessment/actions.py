"""Keeping an assessment: the report, and evidence of what it came to."""

from __future__ import annotations

from django.db import transaction

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.safety.assessment import report
from dujiang.safety.assessment.models import Assessment


@transaction.atomic
def keep(actor: Actor, subject: str, made: report.Assessment) -> Assessment:
    """Store an assessment of a thing (``model:NAME`` or ``scenario:ID``) and leave evidence; raises `NotAllowed`."""
    require(actor, "safety.assess")
    content = report.to_json(made)
    plain = made.as_json()
    found = list(dict.fromkeys(one["code"] for one in plain["findings"]))
    body = {
        "target": made.target,
        "suites": [one.suite for one in made.results],
        "size": made.size,
        "seed": made.seed,
        "asked": sum(one.asked for one in made.results),
        "findings": found,
        "figures": {
            one.suite: {
                figure.name: {"value": figure.share.value, "low": figure.share.low, "high": figure.share.high}
                for figure in one.figures
            }
            for one in made.results
        },
        "versions": dict(made.versions),
        "report": report.digest(content),
    }
    return Assessment.objects.create(
        subject=subject,
        target=made.target,
        findings=found,
        report=plain,
        page=report.fragment(made),
        digest=body["report"],
        evidence=append(actor, "safety.assessed", subject, body).sequence,
    )
