"""The pages of evidence: the records behind every figure, and whether the chain holds."""

from __future__ import annotations

import json
import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from dujiang.evidence.actions import stored
from dujiang.evidence.chain import seal, walk
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.web import page

PAGE = 50


@page("evidence.read")
@require_safe
def records(request: HttpRequest) -> HttpResponse:
    """Show evidence records, the latest first."""
    before = request.GET.get("before", "")
    found = Record.objects.order_by("-sequence")
    if re.fullmatch(r"[0-9]{1,18}", before):
        found = found.filter(sequence__lt=int(before))
    kind = request.GET.get("kind", "")
    if kind in KINDS:
        found = found.filter(kind=kind)
    page = list(found[: PAGE + 1])
    more = page[PAGE - 1].sequence if len(page) > PAGE else None
    context = {"place": "records", "records": page[:PAGE], "before": more, "kinds": KINDS, "kind": kind}
    return render(request, "evidence/records.html", context)


@page("evidence.verify")
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain and say whether every record is what it was."""
    return render(request, "evidence/verified.html", {"place": "records", "walked": walk(stored())})


@page("evidence.read")
@require_safe
def record(request: HttpRequest, sequence: int) -> HttpResponse:
    """Show one evidence record, and whether its digest matches."""
    one = get_object_or_404(Record, sequence=sequence)
    fields = (one.sequence, one.time, one.actor, one.kind, one.subject, one.body, one.previous)
    context = {
        "place": "records",
        "record": one,
        "sealed": seal(*fields, one.digest.partition(":")[0]) == one.digest,
        "body": json.dumps(json.loads(one.body), ensure_ascii=False, indent=2),
    }
    return render(request, "evidence/record.html", context)
