"""A centre's file, and what its equipment adds up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.compute.accelerators import accelerators
from dujiang.compute.actions import register
from dujiang.compute.capacity import Equipment, capacity
from dujiang.compute.models import Centre, Pool, Price
from dujiang.compute.registration import read
from dujiang.evidence.models import Record
from dujiang.identity.actions import units_of_plan
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused

OFFICE = Actor("tester", Role.OFFICE)
CENTRE = """
[centre]
key = "yaan"
name = "雅安中心"
unit = "雅安市"
pue = 1.2

[[pools]]
key = "yaan-a"
kind = "slurm"
[[pools.nodes]]
count = 10
cpus = 192
memory_mib = 1048576
cpu_fp32_tflops = 8.0
accelerator = "dcu-k100-ai"
accelerators = 8

[[products]]
key = "job"
kind = "job"
title_zh = "计算作业"
title_en = "Computing job"

[[prices]]
product = "job"
resource = "dcu-k100-ai"
fen = 500
from_hour = 22
until_hour = 6
valid_from = 2026-01-01
valid_until = 2026-12-31
"""


@pytest.fixture
def told(tmp_path):
    def write(old="", new=""):
        path = tmp_path / "centre.toml"
        assert old in CENTRE
        path.write_text(CENTRE.replace(old, new, 1), encoding="utf-8")
        return path

    return write


@pytest.mark.django_db
def test_a_centre_is_registered_and_registered_again(told):
    units_of_plan(["雅安市"])
    register(OFFICE, read(told()), "centre.toml", "0" * 64)
    pool = Pool.objects.get()
    assert (pool.key, pool.place.nodes[0].accelerators, pool.state) == ("yaan-a", 8, "open")
    assert Price.objects.get().rate.from_hour == 22
    values = Record.objects.filter(kind="compute.capacity").order_by("sequence")
    assert [one.subject for one in values] == ["intelligent", "share"]
    register(OFFICE, read(told('key = "yaan-a"', 'key = "yaan-b"')), "centre.toml", "1" * 64)
    assert {one.key: one.state for one in Pool.objects.all()} == {"yaan-a": "closed", "yaan-b": "open"}
    assert Price.objects.count() == Centre.objects.count() == 1
    assert Record.objects.filter(kind="compute.registered").count() == 2


@pytest.mark.django_db
def test_who_may_not_and_what_does_not_fit_leaves_nothing(told):
    with pytest.raises(Refused, match="no unit"):
        register(OFFICE, read(told()), "centre.toml", "0" * 64)
    units_of_plan(["雅安市"])
    with pytest.raises(NotAllowed):
        register(Actor("li", Role.LEAD_UNIT, "雅安市"), read(told()), "centre.toml", "0" * 64)
    with pytest.raises(Refused, match="no product"):
        register(OFFICE, read(told('product = "job"', 'product = "other"')), "centre.toml", "0" * 64)
    assert not Centre.objects.exists()
    assert not Record.objects.filter(kind="compute.registered").exists()


@pytest.mark.parametrize(
    ("old", "new", "place", "field"),
    [
        ("[centre]", "[centre", None, None),
        ('name = "雅安中心"\n', "", "centre", "name"),
        ('kind = "slurm"', 'kind = "pbs"', "[[pools]] 1", "kind"),
        ("count = 10", 'count = "10"', "[[pools]] 1 [[pools.nodes]] 1", "count"),
        ("count = 10", "count = true", "[[pools]] 1 [[pools.nodes]] 1", "count"),
        ("count = 10", "count = -1", "[[pools]] 1 [[pools.nodes]] 1", "count"),
        ("accelerators = 8", "", "[[pools]] 1 [[pools.nodes]] 1", "accelerators"),
        ('"dcu-k100-ai"\nacc', '"unknown"\nacc', "[[pools]] 1 [[pools.nodes]] 1", "accelerator"),
        ("fen = 500", "fen = 5.5", "[[prices]] 1", "fen"),
        ("from_hour = 22", "from_hour = 24", "[[prices]] 1", "from_hour"),
        ("valid_until = 2026-12-31", "valid_until = 2025-12-31", "[[prices]] 1", "valid_until"),
        ("pue = 1.2", "pau = 1.2", "centre", "pau"),
        ('key = "yaan"', 'key = "雅安"', "centre", "key"),
    ],
)
def test_a_fault_is_named_by_its_place(told, old, new, place, field):
    with pytest.raises(BadInput) as caught:
        read(told(old, new))
    assert (caught.value.row, caught.value.field) == (place, field)


def test_every_kind_names_its_source_and_counts():
    for one in accelerators().values():
        assert one.source
        assert one.counted_tflops > 0
    makers = {one.maker.split()[-1] for one in accelerators().values() if one.domestic}
    assert {"Huawei", "Cambricon", "Hygon", "Kunlunxin"} <= makers


equipment = st.builds(
    Equipment,
    st.integers(0, 10_000),
    st.floats(0, 100),
    st.sampled_from(sorted(accelerators())),
    st.integers(0, 16),
    st.sampled_from([0.0, 320.0]),
)


@given(st.lists(equipment, max_size=6), st.lists(equipment, max_size=6))
def test_capacity_adds_up(some, more):
    both, one, other = capacity(some + more), capacity(some), capacity(more)
    assert both.intelligent == pytest.approx(one.intelligent + other.intelligent)
    assert both.general == pytest.approx(one.general + other.general)
    assert 0 <= both.domestic <= both.intelligent * (1 + 1e-9)
    assert both.share is None or 0 <= both.share <= 100


def test_an_exaflops_is_what_it_is():
    # 1,000 nodes of 8 cards of 256 x 10^12 operations a second.
    assert capacity([Equipment(1000, 0.0, "ascend-910", 8)]).intelligent == pytest.approx(2.048)
    assert capacity([Equipment(1000, 0.0, "ascend-910", 8, 320.0)]).intelligent == pytest.approx(2.56)
