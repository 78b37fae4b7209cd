"""What the pools hold and sell and what runs there now, as commands, API and pages show it alike."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import Count, Q, Sum

from dujiang.compute.actions import registered_capacity
from dujiang.compute.models import Attempt, Job, Pool, Product
from dujiang.compute.states import State


def pools_now() -> list[dict[str, Any]]:
    """Return each pool with its size, its state (``open``, ``closed``, ``gone``) and what runs there now."""
    used = {
        row["pool"]: row
        for row in Attempt.objects.filter(state__in=(Attempt.State.PLACED, Attempt.State.RUNNING))
        .values("pool")
        .annotate(running=Count("id"), cpus=Sum("job__cpus"))
    }
    return [_pool(one, used.get(one.pk)) for one in Pool.objects.select_related("centre").prefetch_related("groups")]


def _pool(pool: Pool, used: dict[str, Any] | None) -> dict[str, Any]:
    groups = list(pool.groups.all())
    cards: dict[str, int] = {}
    for group in groups:
        if group.accelerators:
            cards[group.accelerator] = cards.get(group.accelerator, 0) + group.nodes * group.accelerators
    centre = pool.centre
    return {
        "pool": pool.key,
        "centre": centre.key,
        "name": centre.name,
        "unit": centre.unit,
        "kind": pool.kind,
        "state": "gone" if pool.gone_since and pool.state == Pool.State.OPEN else str(pool.state),
        "division": centre.division,
        "location": centre.location,
        "pue": centre.pue,
        "power_contract": centre.power_contract,
        "nodes": sum(one.nodes for one in groups),
        "cpus": sum(one.nodes * one.cpus for one in groups),
        "memory_mib": sum(one.nodes * one.memory_mib for one in groups),
        "cards": cards,
        "running": used["running"] if used else 0,
        "cpus_used": used["cpus"] if used else 0,
        "evidence": centre.evidence,
    }


def products_now() -> list[dict[str, Any]]:
    """Return each product with its prices, in fen for an hour of a core, a GiB or a card."""
    return [
        {
            "product": one.key,
            "kind": str(one.kind),
            "title": asdict(one.title),
            "prices": [{**_price(price.rate.as_json())} for price in one.prices.select_related("centre")],
        }
        for one in Product.objects.all()
    ]


def _price(rate: dict[str, Any]) -> dict[str, Any]:
    return {name: rate[name] for name in rate if name != "place"} | {"centre": rate["place"]}


def capacity_now() -> dict[str, Any]:
    """Return the registered capacity in EFlops: intelligent, general, domestic; the intelligent share in per cent."""
    found = registered_capacity()
    return {**asdict(found), "share": found.share}


def queue_now() -> dict[str, int]:
    """Return how many jobs are under way, by state."""
    under_way = (State.QUEUED, State.PLACED, State.RUNNING)
    return Job.objects.aggregate(**{one.value: Count("id", filter=Q(state=one)) for one in under_way})
