"""Asking data under an agreement. Whatever comes of it is on record before anything leaves.

A query is first read, which needs no data. Then, under the lock of the agreement's row, its use is booked: the count, and
of a privacy budget the most that it can cost. Then it is audited and run, outside any transaction; the row that says so
keeps a second query of the same consumer about the same data out meanwhile. What was booked and not used is given back
only where nothing was learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from dujiang.data.spaces import aggregates, privacy
from dujiang.data.spaces.aggregates import Answered, Question
from dujiang.data.spaces.enforcement import Forbidden, rewrite
from dujiang.data.spaces.engine import SECONDS, dialect_of, views_sources
from dujiang.data.spaces.models import Agreement, Query
from dujiang.data.spaces.places import engine, opened
from dujiang.data.spaces.policy import Policy
from dujiang.data.spaces.worker import Answer, Files, Place
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Text

STALE = timedelta(seconds=10 * SECONDS)
"""A query that has run so long has died with its process."""
KEPT_SQL = 4000
"""Characters of a query that are kept."""


def ask(actor: Actor, agreement: Agreement, sql: str, *, spend: Decimal | None = None) -> Answer:
    """Return the answer to a consumer's query. ``spend`` is what it may cost of a privacy budget, in the budget's unit.

    Raises `NotAllowed`, and `Forbidden` for whatever the agreement doesn't allow; both leave evidence for the provider.
    """
    terms = agreement.terms
    if fault := _not_in_force(actor, agreement, terms):
        _note_refusal(actor, agreement, sql, fault)
        raise fault
    require(actor, "space.query", [agreement.negotiation.consumer.party])
    offer = agreement.negotiation.offer
    assert offer is not None
    with opened(offer) as place:
        try:
            sources = views_sources({one.name: one.table for one in terms.views}, engine.sources(place))
            cost = _wanted(terms, agreement, spend)
            asked: Question | str
            if terms.group:
                asked = aggregates.question(sql, terms, sources, agreement.key, dialect_of(place))
                if terms.budget:
                    aggregates.items(asked)
            else:
                asked = rewrite(sql, terms, sources, agreement.key, dialect_of(place))
            query = _begin(actor, agreement, sql, cost)
        except Forbidden as fault:
            _note_refusal(actor, agreement, sql, fault)
            raise
        try:
            kept: Answered | None = None
            if isinstance(asked, Question):
                kept, answer, cost = _aggregated(query, asked, terms, place, cost)
            else:
                answer = engine.ask(place, asked)
        except Forbidden as fault:
            _refused(actor, query, fault)
            raise
        except BaseException:
            Query.objects.filter(pk=query.pk).update(outcome=Query.Outcome.LOST)
            raise
    _answered(actor, query, terms, answer, kept, cost)
    return answer


def _not_in_force(actor: Actor, agreement: Agreement, terms: Policy) -> Forbidden | None:
    negotiation = agreement.negotiation
    today = timezone.localdate()
    faults: list[tuple[Callable[[], bool], str, Text]] = [
        (
            lambda: actor.unit != negotiation.consumer.party,
            "consumer",
            Text("不是合约的需方", "not the agreement's consumer"),
        ),
        (lambda: negotiation.offer is None, "provider", Text("数据不在本站", "the data are not here")),
        (lambda: agreement.ended is not None, "ended", Text("合约已终止", "the agreement has ended")),
        (lambda: negotiation.state != "FINALIZED", "state", Text("合约尚未生效", "the agreement is not yet in force")),
        (lambda: timezone.now() >= terms.until, "expired", Text("合约已到期", "the agreement has run out")),
        (
            lambda: negotiation.ethics_until is not None and negotiation.ethics_until < today,
            "ethics",
            Text("伦理审查批件已过期", "the ethics committee's approval has run out"),
        ),
        (lambda: not negotiation.consumer.active, "consumer", Text("需方已被暂停", "the consumer is suspended")),
        (
            lambda: agreement.dataset is not None and agreement.dataset.state != "published",
            "dataset",
            Text("数据集已撤回", "the data set was withdrawn"),
        ),
    ]
    return next((Forbidden(rule, text) for is_so, rule, text in faults if is_so()), None)


def _wanted(terms: Policy, agreement: Agreement, spend: Decimal | None) -> int:
    """Return what a query may cost of the privacy budget, in millionths: what was said, or a tenth of the whole."""
    if terms.budget is None:
        return 0
    cost = agreement.budget // 10 if spend is None else int(spend * privacy.MICRO)
    if not 1000 <= cost <= agreement.budget:
        raise Forbidden(
            "budget", Text("每次花费应在 0.001 与总预算之间", "a query costs between 0.001 and the whole budget")
        )
    return cost


def _begin(actor: Actor, agreement: Agreement, sql: str, cost: int) -> Query:
    """Book a query's use of the agreement; raises `Forbidden` where it is used up, or another query is running."""
    lost = Query.objects.filter(outcome=Query.Outcome.RUNNING, begun__lt=timezone.now() - STALE)
    lost.update(outcome=Query.Outcome.LOST)
    consumer = agreement.negotiation.consumer
    try:
        with transaction.atomic():
            row = Agreement.objects.select_for_update().get(pk=agreement.pk)
            if row.ended is not None:
                raise Forbidden("ended", Text("合约已终止", "the agreement has ended"))
            if row.queries_allowed and row.queries >= row.queries_allowed:
                raise Forbidden("count", Text("约定的查询次数已用完", "the queries agreed on are used up"))
            if row.spent + cost > row.budget:
                raise Forbidden("budget", Text("差分隐私预算不足", "too little is left of the privacy budget"))
            row.queries += 1
            row.spent += cost
            row.save(update_fields=["queries", "spent"])
            return Query.objects.create(
                agreement=row, dataset_id=row.dataset_id, consumer=consumer, actor=str(actor), sql=sql[:KEPT_SQL],
                outcome=Query.Outcome.RUNNING, spent=cost,
            )  # fmt: skip
    except IntegrityError as error:
        raise Forbidden(
            "busy", Text("同一需方的另一条查询正在执行", "another query of this consumer is running")
        ) from error


def _aggregated(query: Query, asked: Question, terms: Policy, place: Place, cost: int) -> tuple[Answered, Answer, int]:
    """Audit a query against all that its consumer was answered of the table, and answer it, with noise where agreed."""
    agreement = query.agreement
    query.table = ".".join(asked.source.relation)
    rows = Query.objects.filter(
        dataset=query.dataset, consumer=query.consumer, table=query.table, outcome=Query.Outcome.ANSWERED
    )
    history = [_kept(one) for one in rows.exclude(kept=None).order_by("pk").values_list("kept", flat=True)]
    kept = aggregates.audit(
        asked, terms.group, history, lambda sql: engine.ask(place, sql).rows, rows_a_person=agreement.rows_a_person or 1,
        count=partial(engine.count, place) if isinstance(place, Files) else None,
    )  # fmt: skip
    if terms.budget is None:
        return kept, engine.ask(place, aggregates.answer(asked, kept, terms.group, agreement.key)), 0
    items = aggregates.items(asked)
    exact = engine.ask(place, aggregates.statistics(asked, kept, terms.group, agreement.key))
    noisy, spent = privacy.answer(exact.rows, items, len(asked.keys), terms.budget, cost)
    kinds = tuple(exact.types[one.key] if one.key is not None else "DOUBLE" for one in items)
    return kept, Answer(tuple(one.name for one in items), kinds, tuple(noisy)), spent


def _kept(value: dict[str, Any]) -> Answered:
    """Return what was kept of an answered query."""
    lists = {name: tuple(value[name]) for name in ("keys", "measures", "fragments")}
    return Answered(value["where"], left_out=tuple(map(tuple, value["left_out"])), **lists)


def _answered(actor: Actor, query: Query, terms: Policy, answer: Answer, kept: Answered | None, cost: int) -> None:
    with transaction.atomic():
        row = Agreement.objects.select_for_update().get(pk=query.agreement_id)
        row.spent += cost - query.spent
        row.due += terms.price_a_query
        row.save(update_fields=["spent", "due"])
        query.outcome, query.rows, query.spent, query.due = (
            Query.Outcome.ANSWERED,
            len(answer.rows),
            cost,
            terms.price_a_query,
        )
        query.kept = kept and asdict(kept)
        body = {
            "query": query.pk, "dataset": query.dataset.identifier, "consumer": query.consumer.identifier,
            "purpose": row.negotiation.purpose, "rows": query.rows, "due": query.due, "spent": str(Decimal(cost) / privacy.MICRO),
        }  # fmt: skip
        query.evidence = append(actor, "space.answered", row.identifier, body).sequence
        query.save()


def _refused(actor: Actor, query: Query, fault: Forbidden) -> None:
    """Keep that a query which had begun was refused: it counts, but no noise was drawn, so its budget is given back."""
    with transaction.atomic():
        row = Agreement.objects.select_for_update().get(pk=query.agreement_id)
        row.spent -= query.spent
        row.save(update_fields=["spent"])
        query.spent, query.outcome = 0, Query.Outcome.REFUSED
        _explain(actor, query, fault)


def _note_refusal(actor: Actor, agreement: Agreement, sql: str, fault: Forbidden) -> None:
    """Keep that a query was refused before it reached the data."""
    if agreement.dataset_id is None:
        return
    with transaction.atomic():
        query = Query(
            agreement=agreement, dataset_id=agreement.dataset_id, consumer=agreement.negotiation.consumer, actor=str(actor),
            sql=sql[:KEPT_SQL].replace("\0", "\ufffd"), outcome=Query.Outcome.REFUSED,
        )  # fmt: skip
        _explain(actor, query, fault)


def _explain(actor: Actor, query: Query, fault: Forbidden) -> None:
    query.rule, query.why_zh, query.why_en = fault.rule, fault.text.zh[:300], fault.text.en[:300]
    query.save()
    body = {
        "query": query.pk,
        "dataset": query.dataset.identifier,
        "consumer": query.consumer.identifier,
        "rule": fault.rule,
    }
    query.evidence = append(actor, "space.refused", query.agreement.identifier, body).sequence
    query.save(update_fields=["evidence"])
