"""What stands around every page: the one list of where the pages lead. A plane adds its line here."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from dujiang.identity.permission import allowed
from dujiang.identity.web import actor_of


class Entry(NamedTuple):
    """A link of the frame: the name of its address, which pages give as their ``place``, and who sees it."""

    place: str
    title: Any
    action: str


NAVIGATION = (
    Entry("overview", gettext_lazy("Overview"), "dispatch.read"),
    Entry("dispatch", gettext_lazy("Monthly dispatch"), "dispatch.read"),
    Entry("plan", gettext_lazy("The plan"), "plan.read"),
    Entry("ask", gettext_lazy("Ask the plan"), "plan.read"),
    Entry("scenarios", gettext_lazy("Scenarios"), "scenario.read"),
    Entry("data", gettext_lazy("Data"), "data.read"),
    Entry("compute", gettext_lazy("Compute"), "compute.read"),
    Entry("jobs", gettext_lazy("Jobs"), "job.read"),
    Entry("vouchers", gettext_lazy("Vouchers"), "voucher.browse"),
    Entry("models", gettext_lazy("Models"), "token.browse"),
    Entry("annotation", gettext_lazy("Annotation"), "annotation.browse"),
    Entry("competitions", gettext_lazy("Competitions"), "competition.browse"),
    Entry("safety", gettext_lazy("Safety"), "safety.browse"),
    Entry("support", gettext_lazy("Policy support"), "support.browse"),
    Entry("talent", gettext_lazy("Talent"), "talent.browse"),
    Entry("statistics", gettext_lazy("Report figures"), "statistic.record"),
    Entry("records", gettext_lazy("Evidence"), "evidence.read"),
    Entry("admin:index", gettext_lazy("Records"), "admin.read"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the links for whoever asks (a context processor)."""
    actor = actor_of(request)
    return {"navigation": [one for one in NAVIGATION if allowed(actor, one.action)]}
