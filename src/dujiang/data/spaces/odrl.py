"""A policy as ODRL 2.2, in the compact JSON-LD that the Dataspace Protocol's offers and agreements carry, and back.

What ODRL has a term for is said in it: purpose, dateTime, count, compensate and payAmount, delete and delayPeriod. The
rest is this profile's (`PROFILE`), each a left operand:

======================  ==============================================================================
``view``, ``table``     the relation's name in queries, and in the data
``column``              a column in the form ``name``, JSON of what `Column` says
``row``                 a condition that rows fulfil, JSON of its column, operator and values
``subject``             the data's column that says whom a row is about
``groupSize``           the fewest people an answer may be about; its presence allows aggregates only
``privacyBudget``       JSON of mechanism, epsilon, delta and rows a person
======================  ==============================================================================

There is one permission for each view: *use* it, under all of its constraints. The protocol's schema allows a right operand
to be a string, an object or an array, so numbers are typed literals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from dujiang.data.spaces.policy import (
    Budget,
    Column,
    Condition,
    Masking,
    Noise,
    Operator,
    Policy,
    Use,
    Value,
    View,
    check,
)
from dujiang.messages import BadInput, Refused, Text

PROFILE = "urn:dujiang:odrl:data-space:1"
_TYPES: dict[type, str] = {
    bool: "xsd:boolean", int: "xsd:integer", float: "xsd:double", Decimal: "xsd:decimal", datetime: "xsd:dateTime",
    date: "xsd:date",
}  # fmt: skip
_READ: dict[str, Any] = {
    "xsd:boolean": lambda text: text == "true", "xsd:integer": int, "xsd:double": float, "xsd:decimal": Decimal,
    "xsd:dateTime": datetime.fromisoformat, "xsd:date": date.fromisoformat,
}  # fmt: skip


def offer(policy: Policy, identifier: str, *, target: str = "") -> dict[str, Any]:
    """Return a policy as an ODRL Offer; the target is left out where the offer stands in its data set's entry."""
    return {"@type": "Offer", "@id": identifier, **({"target": target} if target else {}), **_body(policy)}


def agreement(
    policy: Policy, identifier: str, *, target: str, assigner: str, assignee: str, timestamp: datetime
) -> dict[str, Any]:
    """Return a policy as an ODRL Agreement between two parties."""
    parties = {"target": target, "assigner": assigner, "assignee": assignee}
    at = timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"@type": "Agreement", "@id": identifier, **parties, "timestamp": at, **_body(policy)}


def policy_of(value: Mapping[str, Any], source: str = "ODRL") -> Policy:
    """Return the policy of an ODRL Offer or Agreement of this profile; ``source`` names it in messages.

    Raises `BadInput` where a term is not this profile's, since what isn't understood can't be enforced.
    """
    try:
        if value.get("profile") != PROFILE:
            raise ValueError(f"profile {value.get('profile')!r}")
        if extra := set(value) - {
            "@type",
            "@id",
            "@context",
            "profile",
            "permission",
            "obligation",
            "target",
            "assigner",
            "assignee",
            "timestamp",
        }:
            raise ValueError(f"terms {sorted(extra)}")
        permissions = [_permission(one) for one in value["permission"]]
        common = permissions[0][0]
        if any(one != common for one, _ in permissions):
            raise ValueError("permissions that differ in more than their view")
        delete = 0
        for duty in value.get("obligation", []):
            [limit] = duty["constraint"]
            if (duty["action"], limit["leftOperand"], limit["operator"]) != ("delete", "delayPeriod", "lteq"):
                raise ValueError(f"obligation {duty!r}")
            delete = int(str(limit["rightOperand"]).removeprefix("P").removesuffix("D"))
        made = Policy(views=tuple(view for _, view in permissions), delete_after_days=delete, **dict(common))
        check(made)
        return made
    except Refused:
        raise
    except (KeyError, TypeError, ValueError, ArithmeticError, IndexError, AttributeError) as error:
        raise BadInput(
            source, expected=Text(f"符合 {PROFILE} 的 ODRL 政策", f"an ODRL policy of the profile {PROFILE}"), found=str(error)
        ) from error  # fmt: skip


def _body(policy: Policy) -> dict[str, Any]:
    body: dict[str, Any] = {"profile": PROFILE, "permission": [_allowing(policy, view) for view in policy.views]}
    if policy.delete_after_days:
        limit = _constraint("delayPeriod", "lteq", f"P{policy.delete_after_days}D")
        body["obligation"] = [{"action": "delete", "constraint": [limit]}]
    return body


def _allowing(policy: Policy, view: View) -> dict[str, Any]:
    constraints = [
        _constraint("purpose", "isAnyOf", list(policy.purposes)),
        _constraint("dateTime", "lteq", policy.until),
    ]
    if policy.queries:
        constraints.append(_constraint("count", "lteq", policy.queries))
    if policy.group:
        constraints.append(_constraint("groupSize", "gteq", policy.group))
    if budget := policy.budget:
        told = {"noise": budget.noise.value, "epsilon": str(budget.epsilon), "delta": str(budget.delta),
                "contribution": budget.contribution}  # fmt: skip
        constraints.append(_constraint("privacyBudget", "lteq", _json(told)))
    constraints += [_constraint("view", "eq", view.name), _constraint("table", "eq", view.table)]
    if view.subject:
        constraints.append(_constraint("subject", "eq", view.subject))
    constraints += [_constraint("column", "isPartOf", _json(_told(one))) for one in view.columns]
    constraints += [
        _constraint("row", "eq", _json({"column": one.column, "operator": one.operator.value, "values": [_typed(v) for v in one.values]}))
        for one in view.rows
    ]  # fmt: skip
    made: dict[str, Any] = {"action": "use", "constraint": constraints}
    duties = [
        {"action": "compensate", "constraint": [_constraint("payAmount", "eq", _fen(amount)), _constraint("event", "eq", event)]}
        for amount, event in ((policy.price, "agreement"), (policy.price_a_query, "query"))
        if amount
    ]  # fmt: skip
    if duties:
        made["duty"] = duties
    return made


def _told(column: Column) -> dict[str, Any]:
    values = {
        "name": column.name, "source": column.source, "masking": column.masking and column.masking.value,
        "size": column.size, "use": column.use.value, "low": column.low, "high": column.high,
    }  # fmt: skip
    return {
        name: value
        for name, value in values.items()
        if value not in (None, "", 0) or (name in ("low", "high") and value is not None)
    }


def _permission(value: Mapping[str, Any]) -> tuple[tuple[tuple[str, Any], ...], View]:
    """Return what all permissions of a policy have in common, and the view of this one."""
    if value["action"] != "use" or set(value) - {"action", "constraint", "duty"}:
        raise ValueError(f"permission to {value['action']!r} with {sorted(value)}")
    common: dict[str, Any] = {}
    view: dict[str, Any] = {"columns": (), "rows": (), "subject": ""}
    for one in value["constraint"]:
        operand, right = one["leftOperand"], _right(one["rightOperand"])
        if one["operator"] != _OPERATORS[operand]:
            raise ValueError(f"{operand} {one['operator']}")
        if operand == "column":
            told = json.loads(right)
            masking = Masking(told.pop("masking")) if "masking" in told else None
            view["columns"] += (Column(masking=masking, use=Use(told.pop("use", "both")), **told),)
        elif operand == "row":
            told = json.loads(right)
            values = tuple(_right(value) for value in told["values"])
            view["rows"] += (Condition(told["column"], Operator(told["operator"]), values),)
        elif operand == "privacyBudget":
            told = json.loads(right)
            common["budget"] = Budget(
                Noise(told["noise"]), Decimal(told["epsilon"]), Decimal(told["delta"]), int(told["contribution"])
            )
        elif operand in ("view", "table", "subject"):
            view["name" if operand == "view" else operand] = str(right)
        else:
            common[_FIELDS[operand]] = tuple(map(str, right)) if operand == "purpose" else right
    for duty in value.get("duty", []):
        told = {one["leftOperand"]: _right(one["rightOperand"]) for one in duty["constraint"]}
        if duty["action"] != "compensate":
            raise ValueError(f"duty to {duty['action']!r}")
        common["price" if told["event"] == "agreement" else "price_a_query"] = int(told["payAmount"] * 100)
    return tuple(sorted(common.items())), View(**view)


_OPERATORS = {
    "purpose": "isAnyOf", "dateTime": "lteq", "count": "lteq", "groupSize": "gteq", "privacyBudget": "lteq", "view": "eq",
    "table": "eq", "subject": "eq", "column": "isPartOf", "row": "eq",
}  # fmt: skip
_FIELDS = {"purpose": "purposes", "dateTime": "until", "count": "queries", "groupSize": "group"}


def _constraint(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {
        "leftOperand": left,
        "operator": operator,
        "rightOperand": right if isinstance(right, list) else _typed(right),
    }


def _typed(value: Value) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = value.isoformat() if isinstance(value, date) else str(value)
    return {"@value": text, "@type": _TYPES[type(value)]}


def _right(value: Any) -> Any:
    return _READ[value["@type"]](value["@value"]) if isinstance(value, Mapping) else value


def _fen(amount: int) -> Decimal:
    return Decimal(amount) / 100


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
