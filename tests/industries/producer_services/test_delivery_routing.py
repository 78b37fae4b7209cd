import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.producer_services import delivery_routing
from dujiang.industries.producer_services.delivery_routing import SCENARIO, Day, judge
from dujiang.messages import BadInput

# A depot at the origin, four stops 100 m to the east, 200 m on, and as far to the north.
TEXT = """NAME : square
COMMENT : by hand
TYPE : VRPTW
DIMENSION : 5
CAPACITY : 10
EDGE_WEIGHT_TYPE : EUC_2D
SERVICE_TIME : 10
NODE_COORD_SECTION
1 0 0
2 100 0
3 300 0
4 0 100
5 0 300
DEMAND_SECTION
1 0
2 5
3 5
4 5
5 5
TIME_WINDOW_SECTION
1 0 2000
2 0 1000
3 0 1000
4 0 1000
5 0 1000
DEPOT_SECTION
1
-1
EOF
"""


@pytest.fixture
def square(tmp_path):
    path = tmp_path / "square.vrp"
    path.write_text(TEXT, encoding="utf-8")
    return SCENARIO.read(path)


def rows(*routes):
    return [
        {"van": van, "order": order, "stop": stop}
        for van, route in enumerate(routes, start=1)
        for order, stop in enumerate(route, start=1)
    ]


def test_a_classic_file_is_read_and_its_best_plan_found(square):
    assert (square.speed, square.van_cost, square.metre_cost) == (1.0, 0.0, 1.0)
    assert square.service.tolist() == [0, 10, 10, 10, 10]
    for answer in (SCENARIO.method(square), SCENARIO.baseline(square)):
        assert judge({"day": square}, answer) == pytest.approx(1200 / 4)
        assert {row["van"] for row in answer} == {1, 2}
    assert SCENARIO.method(square)[0] | {"arrive": "00:01:40", "km": 0.1} == SCENARIO.method(square)[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (rows([1, 2], [3]), "each stop once"),
        (rows([1, 2], [3, 4, 4]), "each stop once"),
        (rows([1, 2, 3], [4]), "carries 15"),
        (rows([1, 2], [3, 4, 5]), "each stop once"),
    ],
)
def test_a_plan_that_cannot_be_driven_is_refused(square, answer, why):
    with pytest.raises(ValueError, match=why):
        judge({"day": square}, answer)


def test_a_stop_that_is_too_late_is_refused(square):
    square.hours[1, 1] = 200  # stop 1 after stop 2 is reached at 300 + 10 + 200
    assert judge({"day": square}, rows([1, 2], [3, 4])) == 300
    with pytest.raises(ValueError, match="van 1 comes too late"):
        judge({"day": square}, rows([2, 1], [3, 4]))


@st.composite
def days(draw):
    count = draw(st.integers(1, 9))
    spot = st.tuples(st.integers(0, 2000), st.integers(0, 2000))
    place = np.array(draw(st.lists(spot, min_size=count + 1, max_size=count + 1)), dtype=np.int64)
    demand = np.array([0, *draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))], dtype=np.int64)
    begin = np.array([0, *draw(st.lists(st.integers(0, 5000), min_size=count, max_size=count))], dtype=np.int64)
    hours = np.column_stack([begin, begin + 3000])
    hours[0] = 0, 20_000
    service = np.full(count + 1, 60, dtype=np.int64)
    return Day(draw(st.integers(9, 30)), place, demand, hours, service, 2.0, draw(st.sampled_from([0.0, 50.0])), 0.01)


@settings(max_examples=25, deadline=None)
@given(day=days())
def test_any_day_gets_plans_that_can_be_driven_and_the_method_is_no_worse(day, monkeypatch_iterations):
    theirs, ours = judge({"day": day}, SCENARIO.baseline(day)), judge({"day": day}, SCENARIO.method(day))
    assert ours <= theirs + 1e-9
    count = len(day.demand) - 1
    vans = -(-day.demand.sum() // day.capacity)
    assert ours * count >= day.van_cost * vans + 2 * day.metre_cost * day.metres[0].max() - 1e-6


@pytest.fixture(scope="module")
def monkeypatch_iterations():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery_routing, "ITERATIONS", 50)
        yield


@settings(max_examples=25, deadline=None)
@given(day=days())
def test_a_day_is_written_and_read_back(tmp_path_factory, day):
    path = tmp_path_factory.mktemp("d") / "day.vrp"
    SCENARIO.write(day, path)
    back = SCENARIO.read(path)
    for name in ("capacity", "speed", "van_cost", "metre_cost"):
        assert getattr(back, name) == getattr(day, name)
    for name in ("place", "demand", "hours", "service"):
        assert np.array_equal(getattr(back, name), getattr(day, name))


@pytest.mark.parametrize(
    ("old", "new", "row", "field", "says"),
    [
        ("VRPTW", "CVRP", 3, "TYPE", "expected VRPTW, found CVRP"),
        ("EUC_2D", "EXPLICIT", 6, "EDGE_WEIGHT_TYPE", "EUC_2D"),
        ("CAPACITY : 10", "CAPACITY : ten", 5, "CAPACITY", "a positive number, found ten"),
        ("CAPACITY : 10", "CAPACITY : 0", 5, "CAPACITY", "a positive number"),
        ("CAPACITY : 10", "CAPACITY : 4", "[DEMAND_SECTION] 2", "demand", "at most the van's capacity, 4"),
        ("3 300 0\n", "3 300\n", 11, "NODE_COORD_SECTION", "3 numbers a line"),
        ("3 300 0\n", "3 300 0.5\n", 11, "NODE_COORD_SECTION", "found 0.5"),
        ("3 300 0\n", "2 300 0\n", 11, "NODE_COORD_SECTION", "each node once"),
        ("3 300 0\n", "7 300 0\n", None, "NODE_COORD_SECTION", "numbered from 1"),
        ("4 5\n5 5\n", "4 5\n", None, "DEMAND_SECTION", "found [5]"),
        ("4 5\n5 5\n", "4 5\n5 -5\n", 19, "DEMAND_SECTION", "found -5"),
        ("5 0 1000", "5 0 100", "[TIME_WINDOW_SECTION] 5", "hours", "a van going there alone"),
        ("SERVICE_TIME : 10", "SERVICE_TIME : x", 7, "SERVICE_TIME", "found x"),
        ("NAME : square\n", "plain words\n", 1, None, "VRPLIB text"),
    ],
)
def test_a_bad_file_is_refused_by_row_and_field(tmp_path, old, new, row, field, says):
    path = tmp_path / "bad.vrp"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=r"bad\.vrp") as caught:
        SCENARIO.read(path)
    assert (caught.value.row, caught.value.field) == (row, field)
    assert says in str(caught.value)


@pytest.mark.parametrize("size", ["small", "shifted"])
def test_every_stop_of_a_made_city_can_be_served(size):
    for case in SCENARIO.cases(4, size):
        trip = delivery_routing._Trip(case.inputs)
        assert all(trip.times([stop]) is not None for stop in range(1, len(case.inputs.demand)))
        assert case.inputs.demand.max() <= case.inputs.capacity
        assert (case.inputs.hours[:, 0] <= case.inputs.hours[:, 1]).all()


def test_the_picture_has_a_point_a_stop_and_two_of_the_depot_a_van():
    [case] = SCENARIO.cases(0, "small")
    answer = SCENARIO.baseline(case.inputs)
    vans = max(row["van"] for row in answer)
    assert len(SCENARIO.picture(case.inputs, answer).data) == 60 + 2 * vans
