"""What the month's dispatch says of data: the catalogue, deposits and duties, inspections, and what spaces let out."""

from __future__ import annotations

from django.utils import timezone

from dujiang.data import duties
from dujiang.data.models import Dataset, Duty
from dujiang.data.spaces.models import Agreement
from dujiang.data.terms import State
from dujiang.evidence.months import Figure, end_of, happened, last_of
from dujiang.messages import Text


def month_figures(month: str) -> list[Figure]:
    """Return what is published, owed and agreed at a month's end, and what was deposited, inspected and asked in it."""
    end, day = end_of(month)
    last = last_of(month, "data.reviewed", "data.duty", "space.agreed")
    published = Dataset.objects.filter(published__lt=end, source_catalogue="", state=State.PUBLISHED)
    owed = [one for one in duties.standing(Duty.objects.all(), day) if one.dataset is None]
    agreed = [
        one
        for one in Agreement.objects.filter(signed__lt=end).exclude(ended__lt=end)
        if one.terms.until > min(end, timezone.now())
    ]
    return [
        Figure("published", Text("已发布数据集", "data sets published"), published.count(), 0, last.get("data.reviewed")),
        happened(month, "deposited", "data.deposited", Text("本月汇交", "deposits in the month")),
        Figure("owed", Text("待履行汇交责任", "duties to deposit not yet met"), len(owed), len(duties.late(owed)), last.get("data.duty")),
        happened(month, "inspected", "data.inspected", Text("本月检验文件", "files inspected in the month")),
        Figure("agreements", Text("生效数据合约", "agreements in force"), len(agreed), 0, last.get("space.agreed")),
        happened(month, "answered", "space.answered", Text("本月合约查询答复", "queries answered under agreements")),
        happened(month, "refused", "space.refused", Text("本月合约查询拒绝", "queries refused under agreements")),
    ]  # fmt: skip
