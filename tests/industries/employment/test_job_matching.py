"""Job matching: the judge and the groups by hand, no look at groups or outcomes, and tables that say what is wrong."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.employment import _labour
from dujiang.industries.employment import job_matching as matching
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def province():
    [case] = matching.cases(1000, "small")
    return case


@pytest.fixture(scope="module")
def answer(province):
    return matching.method(province.inputs)


TRUTH = {
    "people": ("a", "b", "c"),
    "vacancies": ("x", "y"),
    "seats": np.array([1, 3]),
    "kept": np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.7]]),
}


def match(person, vacancy, kept=None):
    return {"person": person, "vacancy": vacancy, "chance": 0.5, "kept": kept}


def test_the_judge_by_hand():
    assert matching.judge(TRUTH, [match("a", "x"), match("c", "y")]) == pytest.approx(100 * 1.5 / 4)
    assert matching.judge(TRUTH, [match("a", "x"), match("old", "closed", 1)]) == pytest.approx(20)
    assert matching.judge(TRUTH, []) == 0
    with pytest.raises(ValueError, match="two seats"):
        matching.judge(TRUTH, [match("a", "x"), match("a", "y")])
    with pytest.raises(ValueError, match="more seats"):
        matching.judge(TRUTH, [match("a", "x"), match("b", "x")])
    with pytest.raises(ValueError, match="does not look for work"):
        matching.judge(TRUTH, [match("old", "x")])


def person(name, sex, household):
    return _labour.Person(name, sex, household, "01市", 0.0, 0.0, 1.0, 4000.0, "会计")


def test_the_groups_by_hand():
    people = (person("a", "女", "农村"), person("b", "女", "城镇"), person("c", "男", "城镇"))
    market = matching.Market(people, (), ())
    rows = {row["group"]: row for row in matching.by_group(market, TRUTH, [match("b", "x")])}
    assert list(rows) == ["女", "男", "农村", "城镇"]
    assert rows["女"]["placed"] == 0.5
    assert rows["女"]["left"] == pytest.approx(0.4)
    assert rows["女"]["passed_over"] == 0.5
    assert rows["男"] == {"kind": "sex", "group": "男", "placed": 0, "left": None, "passed_over": 1}
    past = [match("a", "x", 1), match("b", "x", 0), match("c", "x", 0)]
    past = [{**row, "chance": chance} for row, chance in zip(past, (0.2, 0.5, 0.1), strict=True)]
    errors = {row["group"]: row for row in matching.rates(market, past)}
    assert (errors["女"]["held_apt"], errors["女"]["held_unapt"]) == (1, 1)
    assert (errors["男"]["held_apt"], errors["男"]["held_unapt"]) == (0, None)


def test_each_group_of_a_province_is_counted_and_the_picture_shows_each(province, answer):
    groups = {row["group"]: row for row in matching.by_group(*province, answer)}
    assert groups.keys() == {"女", "男", "农村", "城镇"}
    seats = sum(one.seats for one in province.inputs.vacancies)
    count = dict.fromkeys(groups, 0)
    for name in province.truth["people"]:
        one = next(each for each in province.inputs.people if each.name == name)
        count[one.sex] += 1
        count[one.household] += 1
    for pair in (("女", "男"), ("农村", "城镇")):
        assert sum(groups[one]["placed"] * count[one] for one in pair) == pytest.approx(seats)
    drawn = str(matching.picture(province.inputs, answer).to_dict())
    assert all(one in drawn for one in groups)


def test_the_method_sees_no_group(province, answer):
    swapped = {"女": "男", "男": "女", "城镇": "农村", "农村": "城镇"}
    people = (replace(p, sex=swapped[p.sex], household=swapped[p.household]) for p in province.inputs.people)
    assert matching.method(replace(province.inputs, people=tuple(people))) == answer


def test_past_placements_are_rated_by_a_model_that_has_not_seen_them_yet_better_than_by_chance(province, answer):
    past = [row for row in answer if row["kept"] is not None]
    assert len(past) == len(province.inputs.placements)
    stayed, left = ([row["chance"] for row in past if row["kept"] == one] for one in (1, 0))
    assert 0.6 < np.mean(np.array(stayed)[:, None] > np.array(left)) < 0.95


def test_outcomes_by_chance_teach_no_more_than_chance(province):
    shuffled = np.random.default_rng(3).permutation([kept for *_, kept in province.inputs.placements])
    past = tuple((a, b, int(kept)) for (a, b, _), kept in zip(province.inputs.placements, shuffled, strict=True))
    rows = matching.method(replace(province.inputs, placements=past))
    rated = [(row["chance"], row["kept"]) for row in rows if row["kept"] is not None]
    stayed, left = ([chance for chance, kept in rated if kept == one] for one in (1, 0))
    assert abs(np.mean(np.array(stayed)[:, None] > np.array(left)) - 0.5) < 0.08


def test_the_second_generator_writes_words_that_no_past_cv_holds(monkeypatch):
    monkeypatch.setitem(matching.SIZES, "shifted", (60, 30, 90, 10))
    [case] = matching.cases(1000, "shifted")
    new = {names[4] for names in _labour.SKILLS} - {n for names in _labour.SKILLS for n in names[:4]}
    past, now = case.inputs.people[:90], case.inputs.people[90:]
    held = [sum(any(word in one.cv for word in new) for one in some) / len(some) for some in (past, now)]
    assert held[0] == 0
    assert held[1] > 0.7


def test_a_skill_stands_in_for_itself_wholly_and_for_others_alike_both_ways():
    stands_in = _labour.graph()
    assert (np.diag(stands_in) == 1).all()
    assert np.array_equal(stands_in, stands_in.T)
    assert len({len(names) for names in _labour.SKILLS}) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(1, 12), st.integers(0, 99))
def test_in_turn_nobody_has_two_seats_and_no_seat_two_people(seats, people, seed):
    score = np.random.default_rng(seed).random((people, len(seats)))
    taken = matching._in_turn(score, np.array(seats))
    filled = np.bincount(taken[taken >= 0], minlength=len(seats))
    assert (filled <= seats).all()
    assert filled.sum() == min(people, sum(seats))
    if seats[int(score[0].argmax())]:
        assert taken[0] == score[0].argmax()


PEOPLE = ["name,sex,household,county,east,north,years,asked,cv"] + [
    f"P{at},{'女' if at % 2 else '男'},农村,01市,{at},0,3,4500,会做账 报税" for at in range(62)
]
VACANCIES = [
    "name,employer,county,east,north,needed,paid,seats,text",
    "V0,甲厂,01市,3,4,1,5000,0,招聘会计",
    "V1,甲厂,01市,3,4,1,5000,1,招聘会计，要求纳税申报",
]
PLACEMENTS = ["person,vacancy,kept"] + [f"P{at},V0,{at % 2}" for at in range(60)]


def bundle(tmp_path, **changes):
    path = tmp_path / "market.zip"
    tables = {"people": PEOPLE, "vacancies": VACANCIES, "placements": PLACEMENTS} | changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in tables.items():
            if rows:
                archive.writestr(f"{name}.csv", "\n".join(rows) + "\n")
    return path


def test_what_a_service_sends_is_read_and_matched(tmp_path):
    market = matching.read(bundle(tmp_path))
    assert (len(market.people), len(market.vacancies), len(market.placements)) == (62, 2, 60)
    new = [row for row in matching.method(market) if row["kept"] is None]
    assert [row["vacancy"] for row in new] == ["V1"]
    assert new[0]["person"] in {"P60", "P61"}
    assert len(matching.baseline(market)) == 1


@pytest.mark.parametrize(
    ("table", "row", "text", "field"),
    [
        ("people", 1, ",女,农村,01市,0,0,3,4500,做账", "name"),
        ("people", 2, "P0,女,农村,01市,0,0,3,4500,做账", "name"),
        ("people", 1, "P0,F,农村,01市,0,0,3,4500,做账", "sex"),
        ("people", 1, "P0,女,乡,01市,0,0,3,4500,做账", "household"),
        ("people", 1, "P0,女,农村,01市,nan,0,3,4500,做账", "east"),
        ("people", 1, "P0,女,农村,01市,0,0,3,面议,做账", "asked"),
        ("people", 1, "P0,女,农村,01市,0,0,3,4500,", "cv"),
        ("vacancies", 2, "V1,甲厂,01市,3,4,1,5000,1.5,招聘会计", "seats"),
        ("vacancies", 2, "V0,甲厂,01市,3,4,1,5000,1,招聘会计", "name"),
        ("placements", 1, "P99,V0,1", "person"),
        ("placements", 1, "P0,V9,1", "vacancy"),
        ("placements", 2, "P0,V0,1", "person"),
        ("placements", 1, "P0,V0,yes", "kept"),
    ],
)
def test_a_bad_cell_is_named_with_its_table_row_and_field(tmp_path, table, row, text, field):
    rows = [*{"people": PEOPLE, "vacancies": VACANCIES, "placements": PLACEMENTS}[table]]
    rows[row] = text
    with pytest.raises(BadInput) as caught:
        matching.read(bundle(tmp_path, **{table: rows}))
    assert caught.value.path.endswith(f"market.zip/{table}.csv")
    assert caught.value.row == row + 1
    assert f"({field})" in caught.value.field


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"placements": None}, "placements.csv"),
        ({"placements": PLACEMENTS[:20]}, "19"),
        ({"placements": [PLACEMENTS[0], *(f"P{at},V0,1" for at in range(60))]}, "60"),
        ({"vacancies": VACANCIES[:2]}, "2 × 0"),
        ({"people": PEOPLE[:61]}, "0 × 1"),
    ],
)
def test_a_bundle_that_can_not_be_learnt_from_or_matched_says_so(tmp_path, changes, found):
    with pytest.raises(BadInput) as caught:
        matching.read(bundle(tmp_path, **changes))
    assert found in caught.value.found
