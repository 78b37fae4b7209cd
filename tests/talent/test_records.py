"""A person's record: with consent, encrypted, seen with a reason, corrected, withdrawn, erased."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.permission import NotAllowed
from dujiang.messages import Refused, Text
from dujiang.talent import actions
from dujiang.talent.models import Achievement, Consent, Talent
from talent.people import ALL, FIRM_STAFF, LI, OFFICE, OTHER_STAFF, in_days, individual, recorded, skills, units

pytestmark = pytest.mark.django_db
PERSONAL = ("李小明", "13800001111", "li@example.org", "0000-0002-1825-0097")


@pytest.fixture(autouse=True)
def _around(db):
    units()
    skills()


def whole_store():
    """Every text that the database holds, but the accounts'."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            if table.startswith(("talent_", "evidence_")):
                cursor.execute(f"SELECT * FROM {table}")
                found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


def test_what_identifies_somebody_is_nowhere_in_the_clear():
    one = recorded()
    assert one.about.name == "李小明" and one.about.email == "li@example.org" and one.city == "510100"
    stored = whole_store()
    assert "manufacturing" in stored
    assert not [text for text in PERSONAL if text in stored]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("phone", "1380000", "11 位手机号"),
        ("orcid", "0000-0002-1825-0098", "校验码"),
        ("email", "li@", "邮箱"),
        ("born", "90", "4 位"),
        ("industry", "炼金", "之一"),
        ("city", "伦敦", "GB/T 2260"),
        ("name", "李", "2 至 80"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_kept(field, value, said):
    with pytest.raises(Refused, match=said):
        recorded(**{field: value})
    assert not Talent.objects.exists()


def test_seeing_takes_need_consent_and_a_reason_and_is_evidence():
    one = recorded(purposes=["plan"])
    with pytest.raises(Refused, match="理由"):
        actions.see(OFFICE, one, "plan", " ")
    with pytest.raises(Refused, match="未同意用于向用人单位推荐"):
        actions.see(OFFICE, one, "matching", "招聘")
    with pytest.raises(NotAllowed):
        actions.see(FIRM_STAFF, one, "plan", "招聘")
    with pytest.raises(NotAllowed):
        actions.see(individual("wang"), one, "plan", "好奇")
    with pytest.raises(Refused, match="不能删除"):
        actions.see(OFFICE, one, "plan", "给李小明落实住房")
    with pytest.raises(Refused, match="统计分析不需要"):
        actions.see(OFFICE, one, "analysis", "统计")
    assert not Record.objects.filter(kind="talent.seen").exists()
    assert actions.see(OFFICE, one, "plan", "落实住房").phone == "13800001111"
    [seen] = actions.seen_by(one)
    assert seen.content["why"] == "落实住房" and "phone" in seen.content["fields"]
    assert "13800001111" not in seen.body


def test_a_person_corrects_their_own_and_nobody_elses():
    one = recorded()
    other = recorded("wang", name="王二", phone="13900002222", email="", orcid="")
    li, wang = one.person.actor, other.person.actor
    assert actions.own(li) == one
    with pytest.raises(NotAllowed):
        actions.correct(wang, one, LI, skills=[])
    with pytest.raises(NotAllowed):
        actions.correct(OTHER_STAFF, one, LI, skills=[])
    one = actions.correct(li, one, {**LI, "phone": "+86 139 1111 2222", "level": "chief"}, skills=["ML"])
    assert one.about.phone == "13911112222" and [str(skill) for skill in one.skills.all()] == ["机器学习"]
    body = Record.objects.get(sequence=one.evidence).content
    assert body["fields"] == ["level", "phone", "skills"]
    with pytest.raises(Refused, match="没有“炼丹”"):
        actions.correct(li, one, LI, skills=["炼丹"])


def test_withdrawing_a_purpose_ends_it_and_withdrawing_all_erases():
    one = recorded(purposes=["plan", "matching"])
    li = one.person.actor
    actions.withdraw(li, one, ["matching"])
    one.refresh_from_db()
    assert one.purposes() == {"plan"} and one.state == "active"
    actions.withdraw(li, one)
    one.refresh_from_db()
    assert one.state == "erased" and not one.details and not one.industry and one.person is None
    assert not Consent.objects.exists() and not one.skills.exists()
    assert actions.own(li) is None
    with pytest.raises(Refused, match="已删除"):
        actions.consent(OFFICE, one, ["plan"], in_days(9), "p")
    # The same person may come again.
    assert actions.record_self(li, LI, skills=[], purposes=["plan"], until=in_days(9)).pk != one.pk


def test_records_past_their_retention_are_erased_and_no_others():
    one, other = recorded(), recorded("wang", name="王二")
    yesterday = timezone.localdate() - timedelta(days=1)
    one.consents.update(until=yesterday, given=yesterday - timedelta(days=9))
    with pytest.raises(NotAllowed):
        actions.erase_expired(FIRM_STAFF)
    assert actions.erase_expired(OFFICE) == [one]
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.state, one.details, other.state) == ("erased", "", "active")
    assert actions.erase_expired(OFFICE) == []
    assert not [text for text in PERSONAL[:1] if text in whole_store()]


def test_a_consent_needs_a_term_and_a_paper_where_it_is_not_ones_own():
    one = recorded()
    with pytest.raises(Refused, match="至多 5 年"):
        actions.consent(one.person.actor, one, ALL, in_days(365 * 6))
    with pytest.raises(Refused, match="编号"):
        actions.consent(OFFICE, one, ALL, in_days(9))
    with pytest.raises(NotAllowed):
        actions.consent(FIRM_STAFF, one, ALL, in_days(9), "纸 1")
    assert actions.consent(OFFICE, one, ALL, in_days(9), "纸 1").paper == "纸 1"


def test_an_achievement_joins_a_record_or_waits_for_one():
    one = recorded()
    shown = one.evidence
    what = Text("算法挑战赛一等奖", "first prize of a challenge")
    first = actions.note_achievement(OFFICE, "li", what, shown)
    assert first.talent == one
    assert actions.note_achievement(OFFICE, "li", what, shown) == first
    with pytest.raises(NotAllowed):
        actions.note_achievement(FIRM_STAFF, "li", what, shown)
    with pytest.raises(Refused, match="没有存证"):
        actions.note_achievement(OFFICE, "li", what, 10**6)
    wang = individual("wang")
    assert actions.note_achievement(OFFICE, "wang", what, shown).login == "wang"
    with pytest.raises(Refused):
        actions.note_achievement(OFFICE, "nobody", what, shown)
    later = actions.record_self(wang, {**LI, "name": "王二"}, skills=[], purposes=["analysis"], until=in_days(9))
    assert later.achievements.get().what == what
    actions.withdraw(wang, later)
    assert Achievement.objects.get() == first


def test_the_office_binds_a_record_to_a_login():
    one = recorded()
    wang = individual("wang")
    with pytest.raises(Refused):
        actions.bind(OFFICE, one, "nobody")
    with pytest.raises(NotAllowed):
        actions.bind(FIRM_STAFF, one, "wang")
    assert actions.bind(OFFICE, one, "wang") == actions.own(wang)
