"""What an actor may do. Rules are small predicates; actions, pages and commands ask the same ones."""

from __future__ import annotations

import getpass
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from rules.predicates import Predicate
from rules.rulesets import RuleSet

from dujiang.messages import Text


class Role(StrEnum):
    """The part that a person plays in the plan."""

    OFFICE = "office"
    LEAD_UNIT = "lead-unit"
    COOPERATING_UNIT = "cooperating-unit"
    CITY = "city"
    ENTERPRISE = "enterprise"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    INDIVIDUAL = "individual"
    PUBLIC = "public"

    @property
    def words(self) -> Text:
        """The role's name for people."""
        return _WORDS[self]


_WORDS = {
    Role.OFFICE: Text("推进办公室", "programme office"),
    Role.LEAD_UNIT: Text("牵头单位", "lead unit"),
    Role.COOPERATING_UNIT: Text("配合单位", "cooperating unit"),
    Role.CITY: Text("市（州）", "city or prefecture"),
    Role.ENTERPRISE: Text("企业或实验室", "enterprise or laboratory"),
    Role.REVIEWER: Text("评审专家", "reviewer"),
    Role.AUDITOR: Text("审计", "auditor"),
    Role.INDIVIDUAL: Text("个人", "individual"),
    Role.PUBLIC: Text("公众", "public"),
}

SECOND_FACTOR = frozenset({Role.OFFICE, Role.REVIEWER})
"""The roles that sign in with a second factor."""
UNIT_ROLES = frozenset({Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY, Role.ENTERPRISE})
"""The roles of people who act for a unit, and so belong to one."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, as evidence names them; ``unit`` is the official short name of the unit they belong to.

    ``only`` are the actions that the key allows by which they act, where they act by one.
    """

    name: str
    role: Role
    unit: str = ""
    only: frozenset[str] | None = None

    def __str__(self) -> str:
        return f"{self.role}:{self.name}"


PUBLIC = Actor("public", Role.PUBLIC)
"""Whoever has not signed in."""


def _plays(*roles: Role) -> Predicate:
    """Return the predicate that the actor has one of the roles."""

    def plays(actor: Actor) -> bool:
        return actor.role in roles

    return Predicate(plays, name=" | ".join(roles))


def _concerns_own_unit(actor: Actor, units: Collection[str] | None) -> bool:
    """Whether what is acted on concerns the actor's own unit; ``units`` are those responsible for it."""
    return units is None or actor.unit in units


_own_unit = Predicate(_concerns_own_unit)
_anyone = _plays(*Role)
_signed_in = _plays(*(role for role in Role if role is not Role.PUBLIC))
_office = _plays(Role.OFFICE)
_lead = _plays(Role.LEAD_UNIT)
_enterprise = _plays(Role.ENTERPRISE)
_holder = _plays(Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY, Role.ENTERPRISE)  # of vouchers, by their unit
_auditor = _plays(Role.AUDITOR)
_city = _plays(Role.CITY)
_reviewer = _plays(Role.REVIEWER)

RULES = RuleSet(
    {
        "account.sign-in": _anyone,
        "account.use": _signed_in,
        "admin.read": _office | _auditor,
        # Whoever is a member of the project; its actions ask that.
        "annotation.adjudicate": _signed_in,
        "annotation.browse": _signed_in,
        "annotation.label": _signed_in,
        "annotation.manage": _office | (_holder & _own_unit),
        "annotation.oversee": _office | _auditor | (_holder & _own_unit),
        "annotation.register-base": _office,
        "competition.browse": _anyone,
        # An individual takes part alone or leads a team; its actions ask whose it is.
        "competition.enter": (_holder & _own_unit) | _plays(Role.INDIVIDUAL),
        "competition.hold": _office,
        "competition.oversee": _office | _auditor,
        # Whoever an application was given to; the actions ask that.
        "competition.review": _reviewer,
        "compute.read": _anyone,
        "compute.register": _office,
        "data.deposit": _office | (_holder & _own_unit),
        "data.duties": _office | _auditor | (_holder & _own_unit),
        # What is not open to everybody.
        "data.fetch": _office | _auditor | (_holder & _own_unit),
        "data.inspect": _office | _reviewer | (_holder & _own_unit),
        "data.keep": _office,
        "data.read": _anyone,
        "data.register": _office | (_holder & _own_unit),
        "data.review": _office | _reviewer,
        "dispatch.comment": _plays(Role.OFFICE, Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY),
        "dispatch.read": _anyone,
        "dispatch.sign-off": _office,
        "evidence.checkpoint": _office | _auditor,
        "evidence.read": _anyone,
        "evidence.verify": _signed_in,
        "identity.edit": _office,
        "job.cancel": _office | (_holder & _own_unit),
        # A command on the site's own machine reaches the site's own files.
        "job.command-here": _office,
        "job.read": _office | _auditor | (_holder & _own_unit),
        "job.submit": _office | _holder,
        "key.issue": _office,
        "identity.read": _office | _auditor,
        "language.set": _anyone,
        "plan.amend": _office,
        "plan.ask-model": _signed_in,
        "plan.load": _office,
        "plan.read": _anyone,
        "safety.assess": _office | _reviewer,
        "safety.browse": _anyone,
        "safety.complain": _signed_in,
        "safety.decide": _office | _reviewer,
        "safety.file": _office | (_holder & _own_unit),
        "safety.handle": _office,
        "safety.measure": _office | (_holder & _own_unit),
        "safety.oversee": _office | _auditor | _reviewer,
        "safety.permit": _office,
        "safety.report": _signed_in,
        "safety.watch": _office,
        "scenario.apply": _office | _holder,
        "scenario.evaluate": _office | _lead | _enterprise,
        "scenario.read": _anyone,
        "space.answer": _office | (_holder & _own_unit),  # provider or consumer
        "space.browse": _anyone,
        "space.offer": _office | (_holder & _own_unit),
        "space.query": _holder & _own_unit,
        "space.read": _office | _auditor | _holder,
        "space.register": _office,
        "space.request": _office | (_holder & _own_unit),
        # A lead unit reports its own indicators; what no unit leads, the office reports.
        "statistic.record": _office | (_lead & _own_unit),
        "talent.audit": _office | _reviewer,
        "talent.browse": _anyone,
        "talent.certify": _holder & _own_unit,
        "talent.delegate": _office,
        "talent.demand": _office | (_holder & _own_unit),
        "talent.import": _office | (_holder & _own_unit),
        "talent.keep": _office,
        "talent.note": _office,
        "talent.order": _office | (_holder & _own_unit),
        "talent.own": _signed_in,
        "talent.plan": _office | (_holder & _own_unit),
        # Whoever recorded somebody, or answers for a measure of their plan; with a reason, which is evidence.
        "talent.see": _office | (_holder & _own_unit),
        "talent.teach": _office | (_holder & _own_unit),
        "support.apply": _office | (_holder & _own_unit),
        "support.browse": _anyone,
        "support.decide": _office,
        # A bank reads what units have consented to.
        "support.lend": _holder & _own_unit,
        "support.oversee": _office | _auditor,
        "support.read": _office | _auditor | (_holder & _own_unit),
        "support.review": _reviewer,
        "token.browse": _anyone,
        "token.issue-key": _office | (_holder & _own_unit),
        "token.meter": _office,
        "token.offer": _office,
        "token.oversee": _office | _auditor,
        "token.read-kept": _holder,
        "token.statement": _office | _auditor | (_holder & _own_unit),
        "voucher.allot": _office | (_city & _own_unit),
        "voucher.apply": _office | (_holder & _own_unit),
        "voucher.browse": _anyone,
        "voucher.claw-back": _office,
        "voucher.declare": _office,
        "voucher.grant": _office | (_city & _own_unit),
        # The unit that holds, or the provider that is paid.
        "voucher.hold": _office | (_holder & _own_unit),
        "voucher.reconcile": _office | _auditor | (_holder & _own_unit),
        "voucher.review": _office | _reviewer | (_city & _own_unit),
        "voucher.statement": _office | _auditor | (_holder & _own_unit),
        "voucher.verify": _office | _auditor,
    }
)
"""The rule of each action. Without a thing to act on, a rule says whether the role may do it at all."""


class NotAllowed(PermissionError):
    """The actor may not do this."""

    def __init__(self, actor: Actor, action: str, units: Collection[str] | None = None) -> None:
        able = [role for role in Role if allowed(Actor("", role), action)]
        zh = f"{actor} 无权执行 {action}；可执行的角色：{'、'.join(role.words.zh for role in able)}"
        en = f"{actor} may not {action}; these roles may: {', '.join(role.words.en for role in able)}"
        if units is not None and allowed(actor, action):
            zh = f"{actor}（{actor.unit or '无单位'}）无权对此执行 {action}；责任单位：{'、'.join(units) or '推进办公室'}"
            en = f"{actor} of {actor.unit or 'no unit'} may not {action} here; it is up to {', '.join(units) or 'the office'}"
        self.text = Text(zh, en)
        super().__init__(f"{zh}\n{en}")


def allowed(actor: Actor, action: str, units: Collection[str] | None = None) -> bool:
    """Whether the actor may do this, to what ``units`` are responsible for; raises KeyError for no such action."""
    if not RULES.rule_exists(action):
        raise KeyError(action)
    return (actor.only is None or action in actor.only) and bool(RULES.test_rule(action, actor, units))


def require(actor: Actor, action: str, units: Collection[str] | None = None) -> None:
    """Return if the actor may do this, else raise `NotAllowed`."""
    if not allowed(actor, action, units):
        raise NotAllowed(actor, action, units)


def at_the_terminal() -> Actor:
    """Return the actor of a command typed on the server: whoever may log in there runs the site for the office."""
    return Actor(getpass.getuser(), Role.OFFICE)
