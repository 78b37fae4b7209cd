"""A job as programs read it, from the API and from ``--json`` alike."""

from __future__ import annotations

from typing import Any

from dujiang.compute.models import Job
from dujiang.messages import Text


def described(job: Job) -> dict[str, Any]:
    """Return a job's plain values under stable keys (docs/reference/json.md); money is in fen."""
    last = job.last
    return {
        "number": job.pk,
        "work": job.work,
        "holder": job.holder,
        "product": job.product.key,
        "state": job.state,
        "why": Text(**job.why) if job.why else None,
        "fault": job.fault,
        "pool": last.pool.key if last else None,
        "pools": job.pools,
        "attempts": len(job.attempts.all()),
        "submitted": job.submitted,
        "finished": job.finished,
        "exit_code": last.outcome["exit_code"] if last and last.outcome else None,
        "results": job.results() if job.ended else [],
        "most": job.most,
        "cost": job.cost,
        "statement": job.statement,
        "evidence": job.evidence,
    }
