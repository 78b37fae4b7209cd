"""What the office offers and at what price, and holders' keys; what gateways book stands in `site`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, allowed, require
from dujiang.messages import Refused, Text
from dujiang.tokens import keys, prices
from dujiang.tokens.filters import Filter
from dujiang.tokens.models import Exchange, Key, Line, Model, Price, Revision, Upstream
from dujiang.tokens.upstreams import Upstream as Service
from dujiang.vouchers.actions import balance

PRODUCT = "tokens"
"""What vouchers must be good for to pay for tokens."""
LONGEST_KEY = 366
"""Days."""
LONGEST_KEPT = 180
"""Days that prompts may be kept."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}")
_USAGES = ("end", "chunks", "none")


def offer_upstream(actor: Actor, name: str, url: str, *, secret: str | None = None, **more: Any) -> Upstream:
    """Add a model service, or change one; ``more`` are the fields of `dujiang.tokens.upstreams.Upstream`.

    Without ``secret`` the key that it has stays. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "token.offer")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", name):
        raise Refused(
            Text(f"名称“{name}”应为小写字母、数字和 -", f"name {name!r} should be small letters, digits and -")
        )
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
        raise Refused(Text(f"“{url}”不是 http 地址", f"{url!r} is no http address"))
    known = {one.name for one in fields(Service)} - {"name", "url", "secret"}
    if unknown := sorted(set(more) - known):
        raise Refused(Text(f"没有字段 {'、'.join(unknown)}", f"no such fields: {unknown}"))
    if more.get("usage", "end") not in _USAGES:
        raise Refused(Text(f"usage 应为 {'、'.join(_USAGES)}", f"usage should be one of {_USAGES}"))
    for field in ("weight", "concurrency", "connect", "answer"):
        if more.get(field, 1) <= 0:
            raise Refused(Text(f"{field} 应大于 0", f"{field} should be above 0"))
    with transaction.atomic():
        changed = {"url": url, **more, **({} if secret is None else {"secret": secret})}
        made, new = Upstream.objects.update_or_create(name=name, defaults=changed)
        body = {
            "what": "upstream added" if new else "upstream changed",
            "url": url,
            "key_changed": secret is not None,
            **more,
        }
        append(actor, "token.offered", f"upstream:{name}", body)
        look_anew()
    return made


def offer_model(
    actor: Actor,
    name: str,
    *,
    provider: str,
    upstreams: Collection[str],
    context: int,
    output: int,
    label: bool = True,
    offered: bool = True,
    public: bool = False,
    refuse_words: Iterable[str] = (),
    refuse_patterns: Iterable[str] = (),
) -> Model:
    """Offer a model, or change how it is offered. It can be asked once it has a price. Raises `NotAllowed`, `Refused`."""
    require(actor, "token.offer")
    words, patterns = list(refuse_words), list(refuse_patterns)
    Filter(words, patterns)
    if not _NAME.fullmatch(name):
        raise Refused(Text(f"模型名“{name}”不合要求", f"{name!r} will not do as a model's name"))
    if not Unit.objects.filter(name=provider).exists():
        raise Refused(Text(f"没有单位“{provider}”", f"there is no unit {provider!r}"))
    if not 0 < output <= context:
        raise Refused(Text("应有 0 < output ≤ context", "0 < output <= context should hold"))
    with transaction.atomic():
        services = list(Upstream.objects.filter(name__in=upstreams))
        if len(services) != len(set(upstreams)) or not services:
            known = "、".join(Upstream.objects.values_list("name", flat=True))
            raise Refused(Text(f"应为已登记的服务：{known}", f"upstreams should be among {known}"))
        changed = {
            "provider": provider, "context": context, "output": output, "label": label, "offered": offered,
            "public": public,
            "refuse_words": words, "refuse_patterns": patterns,
        }  # fmt: skip
        made, new = Model.objects.update_or_create(name=name, defaults=changed)
        made.upstreams.set(services)
        body = {"what": "model added" if new else "model changed", "upstreams": sorted(upstreams), **changed}
        append(actor, "token.offered", f"model:{name}", body)
        look_anew()
    return made


def set_price(
    actor: Actor, model: str, *, input: str, output: str = "0", cached: str | None = None, since: datetime | None = None
) -> Price:
    """Set a model's price in yuan per million tokens, from a time on that has not passed (now, where none is given).

    Raises `NotAllowed`, `Refused`.
    """
    require(actor, "token.offer")
    price = prices.Price(prices.fen(input), prices.fen(input if cached is None else cached), prices.fen(output))
    now = timezone.now()
    since = since or now
    if since < now - timedelta(minutes=1):
        raise Refused(Text("价格不能追溯", "a price can't be set for the past"))
    with transaction.atomic():
        found = Model.objects.filter(name=model).first()
        if found is None:
            raise Refused(Text(f"没有模型“{model}”", f"there is no model {model!r}"))
        if found.prices.filter(since=since).exists():
            raise Refused(Text("该时刻已有价格", "there is a price from that time already"))
        body = {"what": "price set", "since": since.isoformat(), "fen_a_million": price._asdict()}
        evidence = append(actor, "token.offered", f"model:{model}", body).sequence
        made = Price.objects.create(model=found, since=since, evidence=evidence, **price._asdict())
        look_anew()
    return made


def issue_key(
    actor: Actor,
    holder: str,
    *,
    note: str = "",
    models: Collection[str] = (),
    requests_a_minute: int = 0,
    tokens_a_minute: int = 0,
    days: int = 90,
    keep_days: int = 0,
) -> tuple[Key, str]:
    """Issue a key of the gateway to a unit; returns it and its secret, which nothing keeps.

    Without ``models`` it is for all; limits of 0 are none; ``keep_days`` is how long the holder wants prompts and
    answers kept. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "token.issue-key", [holder])
    if not Unit.objects.filter(name=holder).exists():
        raise Refused(Text(f"没有单位“{holder}”", f"there is no unit {holder!r}"))
    if not 1 <= days <= LONGEST_KEY:
        raise Refused(Text(f"有效期应为 1 至 {LONGEST_KEY} 天", f"a key is valid for 1 to {LONGEST_KEY} days"))
    if not 0 <= keep_days <= LONGEST_KEPT:
        raise Refused(Text(f"内容留存至多 {LONGEST_KEPT} 天", f"prompts are kept for {LONGEST_KEPT} days at most"))
    if min(requests_a_minute, tokens_a_minute) < 0 or max(requests_a_minute, tokens_a_minute) > 2**31 - 1:
        raise Refused(Text("限额应为非负整数", "limits should be whole numbers of 0 or more"))
    if unknown := sorted(set(models) - set(Model.objects.values_list("name", flat=True))):
        raise Refused(Text(f"没有模型 {'、'.join(unknown)}", f"there are no models {unknown}"))
    secret = keys.new_secret()
    with transaction.atomic():
        limits = {"requests_a_minute": requests_a_minute, "tokens_a_minute": tokens_a_minute, "keep_days": keep_days}
        expires = timezone.now() + timedelta(days=days)
        body = {"what": "issued", "models": sorted(models), "expires": expires.isoformat(timespec="seconds"), **limits}
        evidence = append(actor, "token.key", f"unit:{holder}", body).sequence
        key = Key.objects.create(
            holder=holder, note=note[:120], digest=keys.digest(secret), for_models=sorted(models), expires=expires,
            evidence=evidence, **limits,
        )  # fmt: skip
        look_anew()
    return key, secret


def revoke_key(actor: Actor, number: int) -> Key:
    """Revoke a key; all gateways refuse it within a second. Raises `NotAllowed`, `Refused`."""
    require(actor, "token.issue-key")
    with transaction.atomic():
        key = Key.objects.select_for_update().filter(pk=number, revoked=None).first()
        if key is None or not allowed(actor, "token.issue-key", [key.holder]):
            # Whose key it is, if it is one, is nobody else's business.
            raise Refused(Text(f"没有有效的密钥 {number}", f"there is no valid key {number}"))
        key.revoked = timezone.now()
        key.save()
        append(actor, "token.key", f"unit:{key.holder}", {"what": "revoked", "key": key.pk})
        look_anew()
    return key


def statement(actor: Actor, holder: str | None, since: date, until: date) -> list[dict[str, Any]]:
    """Return a holder's use per day, key and model (everybody's for None), the latest day first; cost in micro-fen.

    Raises `NotAllowed`.
    """
    require(actor, "token.statement", [] if holder is None else [holder])
    lines = Line.objects.filter(day__gte=since, day__lte=until).select_related("key")
    if holder is not None:
        lines = lines.filter(key__holder=holder)
    figures = ("requests", "failed", "counted", "abandoned", "prompt", "cached", "completion", "cost")
    return [
        {"day": one.day.isoformat(), "holder": one.key.holder, "key": one.key_id, "model": one.model}
        | {name: getattr(one, name) for name in figures}
        for one in lines
    ]


def spend_by_holder(actor: Actor, since: date, until: date) -> list[dict[str, Any]]:
    """Return what each holder spent, the most first, in micro-fen, and what its vouchers hold now, in fen.

    Raises `NotAllowed`.
    """
    require(actor, "token.oversee")
    lines = Line.objects.filter(day__gte=since, day__lte=until).values(holder=F("key__holder"))
    spent = lines.annotate(requests=Sum("requests"), cost=Sum("cost")).order_by("-cost")
    return [{**one, "left_fen": balance(one["holder"], PRODUCT)} for one in spent]


def price_list() -> list[dict[str, Any]]:
    """Return the models that are offered, with the price in force in fen per million tokens (null without one)."""
    offered = []
    for one in Model.objects.filter(offered=True):
        price = one.price()
        figures = {name: price and getattr(price, name) for name in ("input", "cached", "output")}
        offered.append(
            {
                "model": one.name,
                "provider": one.provider,
                "context": one.context,
                **figures,
                "since": price and price.since,
            }
        )
    return offered


def keys_of(actor: Actor, holder: str | None) -> list[Key]:
    """Return a holder's keys, the latest first (everybody's for None). Raises `NotAllowed`."""
    require(actor, "token.issue-key", [] if holder is None else [holder])
    return list(Key.objects.all() if holder is None else Key.objects.filter(holder=holder))


def kept(actor: Actor, number: int) -> list[dict[str, Any]]:
    """Return the prompts and answers that are kept for a key, to its holder alone. Raises `NotAllowed`, `Refused`."""
    require(actor, "token.read-kept")
    key = Key.objects.filter(pk=number).first()
    if key is None or actor.unit != key.holder:
        raise Refused(Text(f"没有密钥 {number}", f"there is no key {number}"))
    found = Exchange.objects.filter(key=key, until__gt=timezone.now()).order_by("-at")
    return [{"id": one.id, "at": one.at.isoformat(), "content": one.content} for one in found]


def look_anew() -> None:
    """Let gateways look anew, once this transaction is committed; for whatever their catalogue hangs on."""
    if not Revision.objects.update(number=F("number") + 1):
        Revision.objects.create(number=1)
