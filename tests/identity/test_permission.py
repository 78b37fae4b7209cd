"""Rules: what each role may do at all, and to what."""

import pytest

from dujiang.identity.permission import PUBLIC, RULES, Actor, NotAllowed, Role, allowed, require

EVERYONE = set(Role)
SIGNED_IN = EVERYONE - {Role.PUBLIC}
HOLDERS = {Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY, Role.ENTERPRISE}
# Written down by hand, not from the rules.
MAY = {
    "account.sign-in": EVERYONE,
    "account.use": SIGNED_IN,
    "admin.read": {Role.OFFICE, Role.AUDITOR},
    "annotation.adjudicate": SIGNED_IN,
    "annotation.browse": SIGNED_IN,
    "annotation.label": SIGNED_IN,
    "annotation.manage": {Role.OFFICE, *HOLDERS},
    "annotation.oversee": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "annotation.register-base": {Role.OFFICE},
    "competition.browse": EVERYONE,
    "competition.enter": {Role.INDIVIDUAL, *HOLDERS},
    "competition.hold": {Role.OFFICE},
    "competition.oversee": {Role.OFFICE, Role.AUDITOR},
    "competition.review": {Role.REVIEWER},
    "compute.read": EVERYONE,
    "compute.register": {Role.OFFICE},
    "data.deposit": {Role.OFFICE, *HOLDERS},
    "data.duties": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "data.fetch": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "data.inspect": {Role.OFFICE, Role.REVIEWER, *HOLDERS},
    "data.keep": {Role.OFFICE},
    "data.read": EVERYONE,
    "data.register": {Role.OFFICE, *HOLDERS},
    "data.review": {Role.OFFICE, Role.REVIEWER},
    "dispatch.comment": {Role.OFFICE, Role.LEAD_UNIT, Role.COOPERATING_UNIT, Role.CITY},
    "dispatch.read": EVERYONE,
    "dispatch.sign-off": {Role.OFFICE},
    "evidence.checkpoint": {Role.OFFICE, Role.AUDITOR},
    "evidence.read": EVERYONE,
    "evidence.verify": SIGNED_IN,
    "identity.edit": {Role.OFFICE},
    "job.cancel": {Role.OFFICE, *HOLDERS},
    "job.command-here": {Role.OFFICE},
    "job.read": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "job.submit": {Role.OFFICE, *HOLDERS},
    "key.issue": {Role.OFFICE},
    "identity.read": {Role.OFFICE, Role.AUDITOR},
    "language.set": EVERYONE,
    "plan.amend": {Role.OFFICE},
    "plan.ask-model": SIGNED_IN,
    "plan.load": {Role.OFFICE},
    "plan.read": EVERYONE,
    "safety.assess": {Role.OFFICE, Role.REVIEWER},
    "safety.browse": EVERYONE,
    "safety.complain": SIGNED_IN,
    "safety.decide": {Role.OFFICE, Role.REVIEWER},
    "safety.file": {Role.OFFICE, *HOLDERS},
    "safety.handle": {Role.OFFICE},
    "safety.measure": {Role.OFFICE, *HOLDERS},
    "safety.oversee": {Role.OFFICE, Role.REVIEWER, Role.AUDITOR},
    "safety.permit": {Role.OFFICE},
    "safety.report": SIGNED_IN,
    "safety.watch": {Role.OFFICE},
    "scenario.apply": {Role.OFFICE, *HOLDERS},
    "scenario.evaluate": {Role.OFFICE, Role.LEAD_UNIT, Role.ENTERPRISE},
    "scenario.read": EVERYONE,
    "space.answer": {Role.OFFICE, *HOLDERS},
    "space.browse": EVERYONE,
    "space.offer": {Role.OFFICE, *HOLDERS},
    "space.query": HOLDERS,
    "space.read": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "space.register": {Role.OFFICE},
    "space.request": {Role.OFFICE, *HOLDERS},
    "statistic.record": {Role.OFFICE, Role.LEAD_UNIT},
    "talent.audit": {Role.OFFICE, Role.REVIEWER},
    "talent.browse": EVERYONE,
    "talent.certify": HOLDERS,
    "talent.delegate": {Role.OFFICE},
    "talent.demand": {Role.OFFICE, *HOLDERS},
    "talent.import": {Role.OFFICE, *HOLDERS},
    "talent.keep": {Role.OFFICE},
    "talent.note": {Role.OFFICE},
    "talent.order": {Role.OFFICE, *HOLDERS},
    "talent.own": SIGNED_IN,
    "talent.plan": {Role.OFFICE, *HOLDERS},
    "talent.see": {Role.OFFICE, *HOLDERS},
    "talent.teach": {Role.OFFICE, *HOLDERS},
    "support.apply": {Role.OFFICE, *HOLDERS},
    "support.browse": EVERYONE,
    "support.decide": {Role.OFFICE},
    "support.lend": HOLDERS,
    "support.oversee": {Role.OFFICE, Role.AUDITOR},
    "support.read": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "support.review": {Role.REVIEWER},
    "token.browse": EVERYONE,
    "token.issue-key": {Role.OFFICE, *HOLDERS},
    "token.meter": {Role.OFFICE},
    "token.offer": {Role.OFFICE},
    "token.oversee": {Role.OFFICE, Role.AUDITOR},
    "token.read-kept": HOLDERS,
    "token.statement": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "voucher.allot": {Role.OFFICE, Role.CITY},
    "voucher.apply": {Role.OFFICE, *HOLDERS},
    "voucher.browse": EVERYONE,
    "voucher.claw-back": {Role.OFFICE},
    "voucher.declare": {Role.OFFICE},
    "voucher.grant": {Role.OFFICE, Role.CITY},
    "voucher.hold": {Role.OFFICE, *HOLDERS},
    "voucher.reconcile": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "voucher.review": {Role.OFFICE, Role.REVIEWER, Role.CITY},
    "voucher.statement": {Role.OFFICE, Role.AUDITOR, *HOLDERS},
    "voucher.verify": {Role.OFFICE, Role.AUDITOR},
}


def test_the_table_is_whole():
    assert set(MAY) == set(RULES)


@pytest.mark.parametrize("action", MAY)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_table_says_and_nothing_else(action, role):
    assert allowed(Actor("somebody", role), action) is (role in MAY[action])


def test_an_auditor_changes_nothing():
    changing = {action for action in MAY if not action.endswith(".read")}
    kept = {action for action in changing if allowed(Actor("a", Role.AUDITOR), action)}
    assert kept == {
        "account.sign-in", "account.use", "annotation.adjudicate", "annotation.browse", "annotation.label",
        "annotation.oversee", "competition.browse", "competition.oversee", "data.duties", "data.fetch",
        "evidence.checkpoint", "evidence.verify", "language.set", "plan.ask-model", "safety.browse",
        "safety.complain", "safety.oversee", "safety.report", "space.browse", "support.browse", "support.oversee",
        "talent.browse", "talent.own", "token.browse", "token.oversee", "token.statement", "voucher.browse",
        "voucher.reconcile", "voucher.statement", "voucher.verify",
    }  # fmt: skip


def test_a_lead_unit_reports_its_own_figures_only():
    science = Actor("li", Role.LEAD_UNIT, "科技厅")
    assert allowed(science, "statistic.record", ["科技厅", "教育厅"])
    for units in (["教育厅"], []):
        with pytest.raises(NotAllowed, match="无权"):
            require(science, "statistic.record", units)
    assert not allowed(Actor("x", Role.LEAD_UNIT), "statistic.record", ["科技厅"])
    assert allowed(Actor("office", Role.OFFICE), "statistic.record", ["教育厅"])


def test_an_action_without_a_rule_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        allowed(PUBLIC, "plan.burn")
