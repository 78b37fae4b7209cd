"""What the monthly dispatch tells of support, counted at the month's end from what is on record."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Sum

from dujiang.evidence.months import end_of, last_of
from dujiang.messages import Text
from dujiang.support.models import BondPayment, BondProject, Clawback, Instalment, Introduction, Landmark, Listing


class MonthFigure(NamedTuple):
    """A line of the month's dispatch: how many, how many are late, fen that go with it, the last record."""

    code: str
    title: Text
    count: int
    late: int
    fen: int
    evidence: int | None


def month_figures(month: str) -> list[MonthFigure]:
    """Return what stands on the white list, in the pool of bonds, is funded and introduced at a month's end."""
    from dujiang.support.actions.whitelist import channel

    end, day = end_of(month)
    last = last_of(month, "support.listed", "support.loan", "support.bond", "support.landmark", "support.exchange")
    listed = Listing.objects.filter(state=Listing.State.LISTED, decided__lt=end)
    waiting = Listing.objects.filter(submitted__lt=end).exclude(decided__lt=end)
    times = channel(day)
    projects = BondProject.objects.filter(time__lt=end)
    spent = BondPayment.objects.filter(day__lte=day).aggregate(sum=Sum("amount"))["sum"] or 0
    funded = Landmark.objects.filter(state=Landmark.State.FUNDED, call__settled__lt=end)
    paid = Instalment.objects.filter(paid__lt=end).aggregate(sum=Sum("amount"))["sum"] or 0
    back = Clawback.objects.filter(time__lt=end).aggregate(sum=Sum("returned"))["sum"] or 0
    met = Introduction.objects.filter(proposed__lt=end)
    agreed = Introduction.objects.filter(state=Introduction.State.AGREED, concluded__lt=end)
    worth = agreed.aggregate(sum=Sum("amount"))["sum"] or 0
    return [
        MonthFigure("listed", Text("白名单企业", "enterprises on the white list"), listed.filter(until__gte=day).count(), listed.filter(until__lt=day).count(), 0, last.get("support.listed")),
        MonthFigure("listing", Text("白名单在办申请", "applications for the white list"), waiting.count(), waiting.filter(due__lt=day).count(), 0, last.get("support.listed")),
        MonthFigure("loans", Text("绿色通道贷款", "loans through the green channel"), times.loans, times.late, 0, last.get("support.loan")),
        MonthFigure("bonds", Text("专项债项目", "special bond projects"), projects.count(), 0, spent, last.get("support.bond")),
        MonthFigure("landmarks", Text("标志性应用场景", "landmark scenarios"), funded.count(), 0, paid - back, last.get("support.landmark")),
        MonthFigure("introductions", Text("供需对接", "introductions"), met.count(), 0, 0, last.get("support.exchange")),
        MonthFigure("agreed", Text("对接签约", "introductions agreed"), agreed.count(), 0, worth, last.get("support.exchange")),
    ]  # fmt: skip
