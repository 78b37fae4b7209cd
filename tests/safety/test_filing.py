"""From registration to decision, change and yearly confirmation; and who is served meanwhile."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_enterprise
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.safety import actions, filing
from dujiang.safety.models import Count, Filing, Sandbox, Thing
from dujiang.safety.supervision import permit, stop
from dujiang.scenarios.actions import file_job
from dujiang.scenarios.registry import find
from dujiang.tokens import actions as tokens
from dujiang.tokens.gateway import Gateway
from dujiang.tokens.models import Revision
from dujiang.tokens.site import SiteBank
from safety.test_rules import complete

OFFICE, REVIEWER = Actor("tester", Role.OFFICE), Actor("expert", Role.REVIEWER)
OWNER, OTHER = "某智算公司", "某石油公司"
FIRM, STRANGER = Actor("li", Role.ENTERPRISE, OWNER), Actor("wang", Role.ENTERPRISE, OTHER)
ABOUT = {"title": "问答模型", "owner": OWNER, "purpose": "政务问答", "data": "公开法规", "version": "sha256:00"}
SCENARIO = "scenario:manufacturing/job-shop"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _units(db):
    add_enterprise(OFFICE, OTHER, "91110000600037341L")
    add_enterprise(OFFICE, OWNER, "9144030071526726XG")


def thing(subject="model:m", **facts):
    return actions.register(FIRM, subject, **ABOUT, facts=facts)


def last():
    record = Record.objects.order_by("-sequence").first()
    return record.kind, record.subject, record.content


def granted(one, kind="generative"):
    return actions.decide(REVIEWER, actions.file(FIRM, one, kind, complete(kind)), granted=True, why="材料齐全")


def test_a_thing_is_registered_and_changed_by_its_owner():
    made = thing(public=True, generates=True)
    assert (made.kind, made.served) == ("model", timezone.localdate())
    assert last()[:2] == ("safety.registered", "model:m")
    again = actions.register(FIRM, "model:m", **{**ABOUT, "version": "sha256:01"}, facts={})
    assert (again.pk, again.version, again.served) == (made.pk, "sha256:01", made.served)
    with pytest.raises(NotAllowed):  # nobody takes over what is another's
        actions.register(STRANGER, "model:m", **{**ABOUT, "owner": OTHER})
    with pytest.raises(NotAllowed):
        actions.register(STRANGER, "model:n", **ABOUT)


@pytest.mark.parametrize(
    ("subject", "change"),
    [
        ("m", {}), ("model:", {}), ("model:m", {"owner": "无此单位"}), ("model:m", {"title": " "}), ("model:m", {"data": ""}),
        ("model:m", {"version": "x" * 81}), ("model:m", {"facts": {"colour": True}}),
    ],
)  # fmt: skip
def test_what_cant_be_registered_leaves_nothing(subject, change):
    before = Record.objects.count()
    with pytest.raises(Refused):
        actions.register(OFFICE, subject, **{**ABOUT, **change})
    assert (Record.objects.count(), Thing.objects.count()) == (before, 0)


def test_a_filing_goes_from_papers_to_a_number_on_the_public_list():
    one = thing(public=True, generates=True)
    assert [need.kinds for need in one.lacking()] == [("generative",)]
    made = actions.file(FIRM, one, "generative", complete("generative"))
    assert made.due == filing.decide_by("generative", timezone.localdate())
    with pytest.raises(Refused, match="being dealt with"):
        actions.file(FIRM, one, "generative", complete("generative"))
    asked = actions.ask(REVIEWER, made, "语料中境外来源占多少？")
    assert asked.filing.state == Filing.State.ASKED
    assert asked.filing.due == filing.after(timezone.localdate(), filing.ANSWER_WORKDAYS)
    with pytest.raises(Refused, match="question is open"):
        actions.decide(REVIEWER, made, granted=True, why="好")
    changed = {**complete("generative"), "corpus": "境外来源占一成，其余为公开法规文本。"}
    answered = actions.answer(FIRM, made, "一成。", changed)
    assert (answered.state, answered.fields["corpus"]) == (Filing.State.SUBMITTED, changed["corpus"])
    assert answered.questions.get().answer == "一成。"
    done = actions.decide(REVIEWER, made, granted=True, why="材料齐全")
    assert done.number.startswith(f"SC{timezone.localdate():%Y}")
    assert last()[0] == "safety.decided"
    assert last()[2]["thing_version"] == "sha256:00"
    assert one.lacking() == []
    with pytest.raises(Refused, match="decided"):
        actions.decide(REVIEWER, made, granted=False, why="再想")


def test_incomplete_papers_are_refused_in_both_languages():
    fields = complete("algorithm")
    del fields["risks"]
    before = Record.objects.count()
    with pytest.raises(Refused) as told:
        actions.file(FIRM, thing(), "algorithm", fields)
    assert "缺少风险与防范机制" in told.value.text.zh
    assert "risks and how they are met is missing" in told.value.text.en
    assert Record.objects.count() == before + 1  # the registration


def test_nobody_decides_on_their_own_filing_and_others_may_not_at_all():
    made = actions.file(OFFICE, thing(), "algorithm", complete("algorithm"))
    with pytest.raises(Refused, match="nobody decides"):
        actions.decide(OFFICE, made, granted=True, why="好")
    for who in (FIRM, STRANGER, Actor("a", Role.AUDITOR), Actor("p", Role.PUBLIC)):
        with pytest.raises(NotAllowed):
            actions.decide(who, made, granted=True, why="好")
    with pytest.raises(NotAllowed):
        actions.answer(STRANGER, made, "好")
    with pytest.raises(NotAllowed):
        actions.file(STRANGER, made.thing, "algorithm", complete("algorithm"))


def test_a_change_holds_only_once_it_is_granted():
    first = granted(thing(public=True, generates=True))
    with pytest.raises(Refused, match="confirm"):
        actions.change(FIRM, first, first.fields)
    changed = actions.change(FIRM, first, {**first.fields, "application": "医疗问答"})
    assert first.thing.in_force() == [first]
    second = actions.decide(REVIEWER, changed, granted=True, why="同意变更")
    assert first.thing.in_force() == [second]
    first.refresh_from_db()
    assert first.state == Filing.State.SUPERSEDED
    third = actions.change(FIRM, second, {**first.fields, "application": "法律问答"})
    actions.decide(REVIEWER, third, granted=False, why="风险未说明")
    assert first.thing.in_force() == [second]


def test_a_filing_that_nobody_confirms_runs_out():
    made = granted(thing(public=True, generates=True))
    assert made.confirm_by == timezone.localdate() + timedelta(days=365)
    Filing.objects.update(confirm_by=timezone.localdate() - timedelta(days=1))
    made.refresh_from_db()
    assert made.late
    assert made.thing.in_force() == []
    assert actions.overdue_filings() == [made]
    actions.confirm(FIRM, made)
    assert made.thing.in_force() == [made]
    actions.end(FIRM, made, "停止服务")
    assert made.thing.in_force() == []


def test_a_national_number_is_entered_once():
    one = thing(public=True, generates=True)
    made = actions.record_external(
        OFFICE, one, "generative", number="Sichuan-X-20260001", authority="省网信办", decided=date(2026, 3, 1)
    )
    assert one.lacking() == []
    assert made.external == "省网信办"
    with pytest.raises(Refused, match="already"):
        actions.record_external(
            OFFICE, one, "algorithm", number="Sichuan-X-20260001", authority="省网信办", decided=date(2026, 3, 1)
        )
    with pytest.raises(NotAllowed):
        actions.record_external(
            FIRM, one, "algorithm", number="网信算备0001", authority="网信办", decided=date(2026, 3, 1)
        )


# Who is served.


def apply(actor, content=b"2 2\n0 3 1 2\n1 4 0 2\n"):
    return file_job(actor, find("manufacturing/job-shop"), "a.txt", content)


def test_a_scenario_that_needs_no_filing_is_served():
    assert apply(STRANGER).work == SCENARIO
    actions.register(FIRM, SCENARIO, **ABOUT, facts={"public": True})
    assert apply(STRANGER).work == SCENARIO


def test_a_scenario_without_the_filing_that_it_needs_is_not_served_to_the_public():
    one = actions.register(FIRM, SCENARIO, **ABOUT, facts={"mobilises": True})
    with pytest.raises(Refused, match="can't be served to the public") as told:
        apply(STRANGER)
    assert "算法备案" in told.value.text.zh
    kind, subject, body = last()
    assert (kind, subject) == ("safety.refused", SCENARIO)
    assert body == {"actor": "enterprise:wang", "lacking": [["algorithm"]], "sandbox_full": False}
    assert apply(FIRM) and apply(OFFICE)  # its owner and the office use it for themselves
    granted(one, "algorithm")
    assert apply(STRANGER)


def box(one, **more):
    today = timezone.localdate()
    terms = {"units": [OTHER], "most_users": 1, "since": today, "until": today + timedelta(days=30)}
    conditions = [{"name": "failures", "op": "<=", "limit": 0.1}]
    return permit(OFFICE, one, **{**terms, "conditions": conditions, "leaving": "失败率连续 20 天低于一成", **more})


def test_a_sandbox_lets_its_users_in_and_no_more():
    one = actions.register(FIRM, SCENARIO, **ABOUT, facts={"mobilises": True})
    made = box(one)
    assert apply(STRANGER) and apply(STRANGER)
    assert Record.objects.filter(kind="safety.sandbox", body__contains="entered").count() == 1
    with pytest.raises(Refused, match="full"):
        apply(Actor("zhao", Role.ENTERPRISE, OTHER))
    with pytest.raises(Refused, match="served"):
        apply(Actor("qian", Role.ENTERPRISE, "第三家"))
    stop(OFFICE, made, "到此为止")
    with pytest.raises(Refused, match="served"):
        apply(STRANGER)


def test_a_sandbox_whose_days_are_over_lets_nobody_in():
    one = actions.register(FIRM, SCENARIO, **ABOUT, facts={"mobilises": True})
    made = box(one)
    Sandbox.objects.filter(pk=made.pk).update(until=timezone.localdate() - timedelta(days=1))
    with pytest.raises(Refused, match="served"):
        apply(STRANGER)


# The gateway.


def offered(public=True):
    tokens.offer_upstream(OFFICE, "pool", "http://127.0.0.1:1/v1")
    tokens.offer_model(
        OFFICE, "m", provider=OWNER, upstreams=["pool"], context=8192, output=512, public=public, refuse_words=["坏词"]
    )
    tokens.set_price(OFFICE, "m", input="2.00", output="8.00")
    return {who: tokens.issue_key(OFFICE, who)[0].digest for who in (OWNER, OTHER)}


def open_to():
    return SiteBank().catalogue().models["m"].open_to


def test_a_gateway_learns_what_is_filed_by_its_catalogue():
    offered(public=False)
    assert open_to() is None  # units use it for themselves
    offered()
    assert open_to() == frozenset()
    one = thing(public=True, generates=True)
    assert open_to() == frozenset()
    before = Revision.objects.get().number
    made = box(one, conditions=[{"name": "refusals", "op": "<=", "limit": 0.5}])
    assert open_to() == {OTHER}
    assert Revision.objects.get().number > before
    stop(OFFICE, made, "停")
    assert open_to() == frozenset()
    before = Revision.objects.get().number
    filed = granted(one)
    assert open_to() is None
    assert Revision.objects.get().number > before
    actions.end(FIRM, filed, "停止服务")
    assert open_to() == frozenset()


def test_a_gateway_refuses_without_asking_the_database_and_tells_it_later(django_assert_num_queries):
    keys = offered()
    catalogue = SiteBank().catalogue()
    gateway = Gateway(None, catalogue, logs=False)
    ask = b'{"model": "m", "messages": [{"role": "user", "content": "%s"}]}'

    def asked(who, words="你好"):
        return gateway.job("/v1/chat/completions", catalogue.keys[keys[who]], ask % words.encode())

    with django_assert_num_queries(0):
        assert asked(OWNER).model.name == "m"
        for _ in range(3):
            with pytest.raises(Exception, match="not_filed") as told:
                asked(OTHER)
        assert told.value.status == 403
        with pytest.raises(Exception, match="content_filter"):
            asked(OWNER, "说坏词")
    SiteBank().refused("gw", gateway.refused)
    kind, subject, body = last()
    assert (kind, subject) == ("safety.refused", "gateway:gw")
    assert body == {"refused": [{"holder": OTHER, "model": "m", "count": 3}]}
    assert Count.objects.get().events == 1
    SiteBank().refused("gw", {(OWNER, "m", "content_filter"): 4})
    assert Count.objects.get().events == 5
    assert Record.objects.filter(kind="safety.refused").count() == 1


# The month.


def test_the_month_shows_what_is_filed_reviewed_sandboxed_and_overdue():
    month = f"{timezone.localdate():%Y-%m}"
    one = thing(public=True, generates=True)
    granted(one)
    waits = actions.file(FIRM, one, "algorithm", complete("algorithm"))
    box(actions.register(FIRM, SCENARIO, **ABOUT, facts={"mobilises": True}))
    lines = {line.code: (line.count, line.late) for line in actions.month_figures(month)}
    assert lines == {"filed": (1, 0), "review": (1, 0), "assessed": (0, 0), "sandbox": (1, 0), "incidents": (0, 0)}
    Filing.objects.filter(pk=waits.pk).update(due=timezone.localdate() - timedelta(days=1))
    assert {line.code: line.late for line in actions.month_figures(month)}["review"] == 1
    assert [line.count for line in actions.month_figures("2020-01")] == [0, 0, 0, 0, 0]
