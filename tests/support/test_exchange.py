"""Supply and demand on record: offering, finding, introducing within what each can serve, to the outcome."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.models import Unit
from dujiang.identity.permission import PUBLIC, NotAllowed
from dujiang.messages import Refused
from dujiang.support import matching
from dujiang.support.actions import exchange, figures
from dujiang.support.models import Introduction, Need, Offer
from dujiang.talent import training
from dujiang.talent.models import Course, Vacancy
from support.units import FIRM, OFFICE, OTHER, SCHOOL, make_units, of
from talent.people import in_days, skills

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate


@pytest.fixture(autouse=True)
def _units(db):
    make_units()


def course(title="机器视觉订单班", **more):
    return exchange.offer(of(SCHOOL), SCHOOL, "talent", title=title, text="按企业订单培养", places=["5106"], **more)


def test_offers_are_found_by_their_words_until_they_are_closed():
    one = course(keywords=["质检"])
    wanted = matching.Need("", "视觉培训")
    assert [found.pk for found, _ in exchange.find(PUBLIC, wanted)] == [one.pk]
    other = course("视觉检测工程师培训", until=TODAY() + timedelta(1))
    assert {found.pk for found, _ in exchange.find(PUBLIC, wanted)} == {one.pk, other.pk}
    exchange.close(of(SCHOOL), one, "满员")
    assert [found.pk for found, _ in exchange.find(PUBLIC, wanted)] == [other.pk]
    with pytest.raises(Refused, match="已关闭"):
        exchange.close(of(SCHOOL), one, "满员")
    [(_, hit)] = exchange.find(PUBLIC, matching.Need("", "视觉", place="5101"))
    assert [why.zh for why in hit.breaks] == ["不在该地提供"]
    Offer.objects.filter(pk=other.pk).update(until=TODAY() - timedelta(1))
    exchange._index.cache_clear()
    assert exchange.find(PUBLIC, wanted) == []


def test_an_introduction_to_its_outcome():
    offered = course()
    wanted = exchange.need(of(FIRM), FIRM, title="要会机器视觉的学生", kinds=["talent"], place="510600", budget=100)
    for act in (lambda: exchange.introduce(of(OTHER), wanted, offered), lambda: exchange.close(of(FIRM), offered, "x")):
        with pytest.raises(NotAllowed):
            act()
    far = exchange.need(of(FIRM), FIRM, title="机器视觉", kinds=["talent"], place="5101")
    with pytest.raises(Refused, match="不在该地"):
        exchange.introduce(of(FIRM), far, offered)
    met = exchange.introduce(of(FIRM), wanted, offered)
    assert met.score > 0
    with pytest.raises(Refused, match="对接过"):
        exchange.introduce(of(FIRM), wanted, offered)
    with pytest.raises(Refused, match="状态"):
        exchange.conclude(of(FIRM), met, agreed=True, outcome="签约")
    with pytest.raises(NotAllowed):
        exchange.answer(of(FIRM), met, accepted=True)
    exchange.answer(of(SCHOOL), met, accepted=True)
    with pytest.raises(NotAllowed):
        exchange.conclude(of(SCHOOL), met, agreed=True, outcome="签约")
    done = exchange.conclude(of(FIRM), met, agreed=True, fen=500_00, outcome="订单班 30 人")
    assert (done.state, done.amount) == ("agreed", 500_00)
    lines = {one.code: one for one in figures.month_figures(f"{TODAY():%Y-%m}")}
    assert (lines["introductions"].count, lines["agreed"].count, lines["agreed"].fen) == (1, 1, 500_00)
    assert lines["agreed"].evidence == done.evidence == Record.objects.last().sequence


def test_a_declined_introduction_has_a_reason():
    met = exchange.introduce(OFFICE, exchange.need(of(FIRM), FIRM, title="视觉"), course())
    with pytest.raises(Refused, match="理由"):
        exchange.answer(of(SCHOOL), met, accepted=False)
    assert exchange.answer(of(SCHOOL), met, accepted=False, why="师资不足").outcome == "师资不足"


def test_needs_are_shared_out_within_what_an_offer_can_serve():
    one, other = course("视觉检测订单班", capacity=1), course("机器视觉基础培训", capacity=1)
    for at in range(3):
        exchange.need(of(FIRM), FIRM, title=f"机器视觉订单班第{at}期", kinds=["talent"])
    made = exchange.share_out(OFFICE, most=1)
    assert sorted(each.offer_id for each in made) == sorted([one.pk, other.pk])
    assert len({each.need_id for each in made}) == 2
    assert exchange.share_out(OFFICE, most=1) == []  # nobody has room
    Introduction.objects.filter(offer=one).update(state="declined")
    [again] = exchange.share_out(OFFICE, most=1)
    assert again.offer_id == one.pk
    with pytest.raises(NotAllowed):
        exchange.share_out(of(FIRM))


@pytest.mark.parametrize(
    "changed",
    [{"kind": "gold"}, {"title": ""}, {"text": " "}, {"price": -1}, {"places": ["成都"]}, {"capacity": 0}, {"since": TODAY(), "until": TODAY() - timedelta(1)}],
)  # fmt: skip
def test_an_offer_that_is_wrong_is_refused(changed):
    given = {"kind": "data", "title": "a", "text": "b", **changed}
    with pytest.raises(Refused):
        exchange.offer(of(FIRM), FIRM, given.pop("kind"), **given)
    assert not Offer.objects.exists()


def test_a_need_that_is_wrong_is_refused():
    for changed in ({"title": ""}, {"kinds": ["gold"]}, {"budget": -1}, {"place": "x"}, {"text": "x" * 4001}):
        with pytest.raises(Refused):
            exchange.need(of(FIRM), FIRM, **{"title": "a", **changed})
    assert not Need.objects.exists()


def test_courses_and_vacancies_of_the_talent_plane_are_published_once_and_taken_off():
    skills()
    training.register_school(OFFICE, SCHOOL)
    training.open_course(of(SCHOOL), "视觉班", "机器视觉", "entry", 2, in_days(1), in_days(60))
    [made] = exchange.publish_courses(of(SCHOOL), SCHOOL)
    assert (made.kind, made.capacity, made.until) == ("talent", 2, in_days(60))
    assert exchange.publish_courses(of(SCHOOL), SCHOOL) == []
    assert [one.pk for one, _ in exchange.find(PUBLIC, matching.Need("", "computer vision"))] == [made.pk]
    Course.objects.update(until=in_days(-1))
    assert exchange.publish_courses(of(SCHOOL), SCHOOL) == []
    made.refresh_from_db()
    assert made.closed
    Vacancy.objects.create(unit=Unit.objects.get(name=FIRM), reference="A", title="质检员", city="510100", number=3, opened=in_days(-1), closes=in_days(9), evidence=1)  # fmt: skip
    [wanted] = exchange.need_of_vacancies(of(FIRM), FIRM)
    assert (wanted.title, wanted.kinds, wanted.place) == ("质检员", ["talent"], "510100")
    assert exchange.need_of_vacancies(of(FIRM), FIRM) == []
    with pytest.raises(NotAllowed):
        exchange.publish_courses(of(FIRM), SCHOOL)
