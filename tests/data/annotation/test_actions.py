"""Annotation from its projects to what is on record: who is given what, what is accepted, what it cost."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from annotating import BASE, LABELS, OFFICE, UNIT, table
from dujiang.data.annotation import actions, intake
from dujiang.data.annotation.models import Assignment, Batch, Item, Project
from dujiang.data.annotation.reports import report
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.plan.actions import load, sign_off
from dujiang.plan.figures import monthly_dispatch
from dujiang.plan.sections import sections


def answer(people, project, login, value):
    lease = actions.next_item(people[login], project)
    actions.submit(people[login], project, lease.pk, value, 5)
    return lease.item


def drain(people, project, login, value="正面"):
    keys = []
    while (lease := actions.next_item(people[login], project)) is not None:
        actions.submit(people[login], project, lease.pk, value)
        keys.append(lease.item.key)
    return keys


def test_two_people_label_each_item_and_nobody_twice(people, opened):
    project = opened()
    assert drain(people, project, "anna") == ["k0", "k1", "k2"]
    assert drain(people, project, "anna") == []
    assert drain(people, project, "bo") == ["k0", "k1", "k2"]
    assert drain(people, project, "chen") == []
    assert set(project.items.values_list("state", "given", "slots")) == {("accepted", 2, 0)}
    assert list(project.items.order_by("accepted").values_list("accepted", flat=True)) == [1, 2, 3]


def test_asking_again_gives_the_same_item(people, opened):
    project = opened()
    first = actions.next_item(people["anna"], project)
    assert actions.next_item(people["anna"], project).pk == first.pk
    assert actions.next_item(people["bo"], project).item == first.item
    assert actions.next_item(people["chen"], project).item != first.item


def test_an_abandoned_item_comes_back_to_others_and_to_who_left_it(people, opened):
    project = opened(texts=("好",))
    left = actions.next_item(people["anna"], project)
    answer(people, project, "bo", "正面")
    assert actions.next_item(people["chen"], project) is None
    Assignment.objects.filter(pk=left.pk).update(until=timezone.now() - timedelta(seconds=1))
    assert actions.next_item(people["chen"], project).item == left.item
    with pytest.raises(Refused, match="isn't yours"):
        actions.submit(people["anna"], project, left.pk, "正面")
    Assignment.objects.filter(member__person__username="chen").update(until=timezone.now() - timedelta(seconds=1))
    assert actions.next_item(people["bo"], project) is None
    assert actions.next_item(people["anna"], project).item == left.item


def test_who_skips_an_item_is_not_given_it_again(people, opened):
    project = opened(texts=("好",))
    lease = actions.next_item(people["anna"], project)
    actions.skip(people["anna"], project, lease.pk)
    assert actions.next_item(people["anna"], project) is None
    assert drain(people, project, "bo") == drain(people, project, "chen") == ["k0"]
    assert Item.objects.get().state == "accepted"


MOVES = st.lists(st.tuples(st.sampled_from(["anna", "bo", "chen"]), st.sampled_from("aelm")), max_size=24)


@trying(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES, st.integers(1, 3))
def test_whatever_people_do_every_item_is_answered_by_as_many_as_asked(people, opened, moves, overlap):
    """Random taking, answering and abandoning; then everybody works until there is nothing left."""
    project = opened(texts=list("甲乙丙丁"), overlap=overlap, code=f"p{Project.objects.count()}")
    for login, move in moves:
        lease = actions.next_item(people[login], project)
        if lease is None or move == "m":
            continue
        if move in "ae":
            actions.submit(people[login], project, lease.pk, LABELS[move == "e"])
        elif move == "l":
            Assignment.objects.filter(pk=lease.pk).update(until=timezone.now() - timedelta(seconds=1))
    Assignment.objects.filter(submitted=None).update(until=timezone.now() - timedelta(seconds=1))
    for _ in range(2):
        for login in ("anna", "bo", "chen"):
            drain(people, project, login)
    for item in project.items.all():
        answers = item.assignments.exclude(answer=None)
        assert answers.count() == item.given == overlap
        assert item.slots == 0
        assert item.state in ("accepted", "disputed")
    assert project.accepted == project.items.filter(state="accepted").count()


def test_a_dispute_is_decided_by_somebody_else(people, opened):
    project = opened(texts=("好", "差"))
    actions.add_member(people["manager"], project, "bo", adjudicates=True)
    for login, value in (("anna", "正面"), ("bo", "负面")):
        drain(people, project, login, value)
    assert set(project.items.values_list("state", flat=True)) == {"disputed"}
    assert actions.next_dispute(people["bo"], project) is None
    with pytest.raises(Refused, match="their own answer"):
        actions.adjudicate(people["bo"], project, Item.objects.first().pk, "正面")
    with pytest.raises(Refused, match="don't adjudicate"):
        actions.next_dispute(people["anna"], project)
    item = actions.next_dispute(people["judge"], project)
    actions.adjudicate(people["judge"], project, item.pk, "负面")
    with pytest.raises(Refused, match="nothing to decide"):
        actions.adjudicate(people["judge"], project, item.pk, "正面")
    actions.adjudicate(people["judge"], project, actions.next_dispute(people["judge"], project).pk, None)
    assert sorted(project.items.values_list("state", flat=True)) == ["accepted", "rejected"]
    assert project.accepted == 1 and project.adjudicated == 2


def test_three_labels_need_two_that_agree(people, opened):
    project = opened(texts=("好",), overlap=3)
    for login, value in (("anna", "正面"), ("bo", "负面"), ("chen", "正面")):
        answer(people, project, login, value)
    assert Item.objects.get().answer == "正面"


def test_known_answers_are_mixed_in_for_everybody_and_tell_who_is_good(people, opened, tmp_path, settings):
    settings.SECRET_KEY = "what is due hangs on it"
    project = opened(texts=[f"文本{n}" for n in range(20)], gold_share=0.4)
    gold = [{"key": f"g{n}", "text": "好", "answer": "正面"} for n in range(12)]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, gold)))
    intake.add_items(people["manager"], project, tmp_path / "gold.jsonl", use="gold")
    given = {login: drain(people, project, login, value) for login, value in (("anna", "正面"), ("bo", "负面"))}
    assert project.items.filter(gold=True, state="open", slots=0).count() == 12
    for keys in given.values():
        met = [key for key in keys if key[0] == "g"]
        assert 5 <= len(met) <= 12 and len(set(met)) == len(met)
        assert len(keys) - len(met) == 20
    orders = [["g" in key for key in keys] for keys in given.values()]
    assert orders[0] != orders[1]  # so that nobody tells others when to take care
    lines = {one.login: one for one in report(project).members}
    assert lines["anna"].gold.mean == 1 and lines["bo"].gold.mean == 0
    assert report(project).items == {"open": 0, "disputed": 20, "accepted": 0, "rejected": 0}


def test_what_was_accepted_is_put_on_record_in_batches(people, opened, monkeypatch):
    monkeypatch.setattr(actions, "BATCH", 4)
    project = opened(texts=[f"文本{n}" for n in range(10)], price=10, adjudication_price=50)
    drain(people, project, "anna")
    for n in range(10):
        answer(people, project, "bo", "负面" if n == 9 else "正面")
    records = Record.objects.filter(kind="annotation.accepted").order_by("sequence")
    assert [(one.content["first"], one.content["last"]) for one in records] == [(1, 4), (5, 8)]
    actions.adjudicate(people["judge"], project, actions.next_dispute(people["judge"], project).pk, "正面")
    assert actions.record_accepted(people["manager"], project).last == 10
    assert actions.record_accepted(people["manager"], project) is None
    assert sum(one.cost for one in Batch.objects.all()) == 20 * 10 + 50
    assert sum(one.answers for one in Batch.objects.all()) == 20
    (line,) = [one for one in actions.month_figures(timezone.localdate().strftime("%Y-%m")) if one.unit == BASE]
    assert (line.labels, line.cost, line.level) == (10, 250, "provincial")
    assert set(line.evidence) == {Batch.objects.last().evidence, Batch.objects.first().evidence}
    assert actions.month_figures("2020-01")[0].labels == 0
    assert report(project).cost_per_accepted == 25
    said = json.dumps([one.content for one in Record.objects.all()], ensure_ascii=False)
    assert "文本" not in said and "anna" not in said.replace("tester", "")


def test_a_label_does_not_wait_long_to_be_on_record(people, opened):
    project = opened(texts=("好", "差"))
    drain(people, project, "anna")
    answer(people, project, "bo", "正面")
    assert not Batch.objects.exists()
    Project.objects.update(pending_since=timezone.now() - timedelta(hours=1))
    actions.next_item(people["chen"], project)
    assert Batch.objects.get().last == 1


def test_people_see_no_project_that_they_are_not_in(people, opened):
    project = opened()
    lease = actions.next_item(people["anna"], project)
    for act in (actions.next_item, actions.next_dispute):
        with pytest.raises(Refused, match="no annotator"):
            act(people["stranger"], project)
    for other in ("bo", "stranger"):
        with pytest.raises(Refused):
            actions.submit(people[other], project, lease.pk, "正面")
    for act in (actions.export, intake.add_items, actions.publish_guideline, intake.add_predictions):
        with pytest.raises(NotAllowed):
            act(people["stranger"], project, "x")
    with pytest.raises(NotAllowed):
        actions.next_item(Actor("public", Role.PUBLIC), project)
    actions.add_member(people["manager"], project, "anna", active=False)
    with pytest.raises(Refused, match="no annotator"):
        actions.next_item(people["anna"], project)
    assert Item.objects.get(pk=lease.item_id).slots == 2


def test_a_closed_project_gives_nothing_out(people, opened):
    project = opened()
    actions.close_project(people["manager"], project)
    with pytest.raises(Refused, match="closed"):
        actions.next_item(people["anna"], project)
    with pytest.raises(Refused, match="closed"):
        actions.add_member(people["manager"], project, "anna")
    assert actions.export(people["manager"], project, "jsonl")


@pytest.mark.parametrize(
    "terms",
    [
        {"code": "大写"},
        {"labels": []},
        {"labels": ["a", "a"]},
        {"labels": [" a"]},
        {"kind": "audio"},
        {"scale": "ratio"},
        {"scale": "interval"},
        {"kind": "spans", "scale": "ordinal"},
        {"overlap": 0},
        {"gold_share": 0.9},
        {"price": -1},
        {"base": UNIT},
        {"dataset": "none"},
        {"unit": "没有的单位"},
    ],
)
def test_a_project_that_will_not_do_is_refused(people, terms):
    wanted = {"code": "p", "title": "评论", "kind": "choice", "labels": LABELS, "unit": UNIT, **terms}
    with pytest.raises(Refused):
        actions.open_project(OFFICE, **wanted)
    assert not Project.objects.exists()


def test_a_file_is_taken_whole_or_not_at_all(people, opened, tmp_path):
    project = opened()
    with pytest.raises(BadInput, match="k0"):
        intake.add_items(people["manager"], project, table(tmp_path, ["x"]))
    path = tmp_path / "gold.jsonl"
    path.write_text('{"key": "a", "text": "x", "answer": "正面"}\n{"key": "b", "text": "x", "answer": "中性"}')
    with pytest.raises(BadInput, match=r"\[b\]"):
        intake.add_items(people["manager"], project, path, use="gold")
    with pytest.raises(BadInput, match="known answer"):
        intake.add_items(people["manager"], project, table(tmp_path, ["x"], name="other.jsonl"), use="gold")
    assert project.items.count() == 3


def test_what_a_model_said_is_shown_to_all_but_the_last(people, opened, tmp_path):
    project = opened(texts=("好", "差"))
    path = tmp_path / "said.jsonl"
    path.write_text('{"key": "k0", "text": "好", "answer": "正面"}\n{"key": "no", "text": "x", "answer": "正面"}')
    assert intake.add_predictions(people["manager"], project, path, "m-1") == (1, 1)
    first, second = actions.next_item(people["anna"], project), actions.next_item(people["bo"], project)
    assert (first.item, first.shown, second.item, second.shown) == (second.item, True, first.item, False)
    actions.submit(people["anna"], project, first.pk, "正面")
    assert {one.login: one.kept for one in report(project).members}["anna"] == 1
    assert intake.add_predictions(people["manager"], project, path, "m-2") == (0, 1)


def test_generated_items_stay_marked(people, opened, tmp_path):
    project = opened(texts=())
    made = {"generator": "某公司", "model": "m-1", "prompt_digest": "sha256:ab"}
    intake.add_items(people["manager"], project, table(tmp_path, ["好", "差"], synthetic=made))
    drain(people, project, "anna")
    drain(people, project, "bo")
    for form in ("jsonl", "label-studio"):
        out = actions.export(people["manager"], project, form)
        assert out.count('"prompt_digest": "sha256:ab"') == 2
    assert Batch.objects.get().synthetic == 2
    assert report(project).synthetic == 2


def test_exports_know_people_by_number(people, opened):
    project = opened()
    drain(people, project, "bo")
    out = actions.export(people["manager"], project, "jsonl")
    assert '"answers": {"2": "正面"}' in out and "bo" not in out
    with pytest.raises(Refused, match="jsonl"):
        actions.export(people["manager"], project, "coco")
    assert Record.objects.filter(kind="annotation.exported").count() == 1


def test_a_guideline_keeps_its_versions(people, opened):
    project = opened()
    lease = actions.next_item(people["anna"], project)
    assert lease.guideline.version == 1
    assert actions.publish_guideline(people["manager"], project, "新的规范").version == 2
    with pytest.raises(Refused, match="same as version 2"):
        actions.publish_guideline(people["manager"], project, "新的规范\r\n")
    assert actions.next_item(people["bo"], project).guideline.version == 2
    assert [one.version for one in project.guidelines.all()] == [2, 1]


@pytest.mark.parametrize(("level", "division"), [("city", "510100"), ("national", "519900"), ("national", "x")])
def test_a_base_is_somewhere(people, level, division):
    with pytest.raises(Refused):
        actions.register_base(OFFICE, UNIT, level, division)
    with pytest.raises(NotAllowed):
        actions.register_base(people["manager"], UNIT, "national", "510100")


def test_the_dispatch_shows_what_bases_accepted(people, opened, tmp_path):
    project = opened(texts=("好", "差"), overlap=1, price=15)
    for value in LABELS:
        answer(people, project, "anna", value)
    actions.record_accepted(people["manager"], project)
    path = tmp_path / "plan.txt"
    path.write_text("某省行动方案\n\n一、发展目标\n到2027年，智能终端普及率超过60%。\n", encoding="utf-8")
    programme = load(OFFICE, path).programme
    month = timezone.localdate().strftime("%Y-%m")
    made = monthly_dispatch(programme, month)
    (line,) = made.annotation
    assert (line.unit, line.labels, line.cost, line.evidence) == (BASE, 2, 30, [Batch.objects.get().evidence])
    (section,) = [one for one in sections(made) if one.title.en == "Annotation bases"]
    assert "0.30" in str(section.rows[0])
    sign_off(OFFICE, programme, month)
    assert monthly_dispatch(programme, month).annotation == [line]
    assert not monthly_dispatch(programme, "2020-01").annotation[0].labels
