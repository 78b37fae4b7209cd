"""Looking through evaluations."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from dujiang.admin import Room, site
from dujiang.exchange import Exported
from dujiang.scenarios.models import Evaluation


@admin.register(Evaluation, site=site)
class EvaluationRoom(Exported, Room):
    """Evaluations of scenarios; one without evidence is not finished."""

    list_display = ("scenario", "size", "seed_count", "runs_through", "gain", "started", "evidence_link")
    search_fields = ("scenario",)
    ordering = ("-id",)
    sortable_by = ()
    paginator = InfinitePaginator
    fields = ("scenario", "version", "size", "seeds", "libraries", "started", "verdict", "evidence_link")
    readonly_fields = ("evidence_link",)
    exported = ("scenario", "version", "size", "seeds", "started", "verdict", "evidence")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return evaluations without their pictures."""
        return super().get_queryset(request).defer("picture")

    @display(description=_("seeds"))
    def seed_count(self, obj: Evaluation) -> int:
        """Return how many seeds were run."""
        return len(obj.seeds)

    @display(description=_("runs through"), boolean=True)
    def runs_through(self, obj: Evaluation) -> bool | None:
        """Whether the scenario runs through; None while it is not finished."""
        return obj.verdict and obj.verdict["runs_through"]

    @display(description=_("gain and its interval"))
    def gain(self, obj: Evaluation) -> str:
        """Return the gain over the baseline and its interval."""
        if not obj.verdict or obj.verdict["gain"] is None:
            return "—"
        return "{gain:.3f} [{low:.3f}, {high:.3f}]".format(**obj.verdict)
