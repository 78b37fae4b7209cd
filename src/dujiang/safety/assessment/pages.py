"""The pages of assessments: which there are, and a report with its examples."""

from __future__ import annotations

import json

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from dujiang.identity.web import page
from dujiang.messages import Text
from dujiang.safety.assessment.findings import FINDINGS
from dujiang.safety.assessment.models import Assessment

PAGE = 100


@page("safety.oversee")
@require_safe
def assessments(request: HttpRequest) -> HttpResponse:
    """Show the latest assessments."""
    found = Assessment.objects.order_by("-id").defer("page", "report")[:PAGE]
    rows = [(one, [FINDINGS[code] for code in one.findings]) for one in found]
    return render(request, "assessment/assessments.html", {"place": "safety", "rows": rows})


@page("safety.oversee")
@require_safe
def assessment(request: HttpRequest, number: int) -> HttpResponse:
    """Show a report."""
    one = get_object_or_404(Assessment, pk=number)
    return render(request, "assessment/assessment.html", {"place": "safety", "one": one})


@page("safety.oversee")
@require_safe
def assessment_file(request: HttpRequest, number: int, suffix: str) -> HttpResponse:
    """Hand out a report as a file: one HTML page that loads nothing, or JSON as it was put on record by its digest."""
    one = get_object_or_404(Assessment, pk=number)
    if suffix == "json":
        content, kind = json.dumps(one.report, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "application/json"
    elif suffix == "html":
        title = Text("人工智能安全评估报告", "AI safety assessment report").zh
        content = f'<!doctype html><html lang="zh-Hans"><head><meta charset="utf-8"><title>{title}</title></head><body>{one.page}</body></html>'
        kind = "text/html"
    else:
        raise Http404
    response = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="assessment-{number}.{suffix}"'
    return response
