"""Placement: nothing is given twice, scores are kept right, and fgd's measure is the paper's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pools
from dujiang.compute.cluster import WHOLE, Nodes, allowed, tasks, workload
from dujiang.compute.fragmentation import fragments, usability
from dujiang.compute.policies import POLICIES
from dujiang.compute.scheduler import NOWHERE, Scheduler

EXAMPLES = settings(max_examples=40, deadline=None)


def naive_fragments(free, load):
    """F_n as the paper writes it, a pass over all tasks: Weng et al. 2023, section 4; memory is not in it."""
    found = np.zeros(len(free.cpu))
    for n in range(len(free.cpu)):
        rest = free.gpu[n][free.gpu[n] > 0]
        for t in range(len(load.cpu)):
            kind = free.kind[n] >= 0 and (load.allowed[t] >> free.kind[n]) & 1
            enough = (free.gpu[n] >= load.share[t]).sum() >= load.gpus[t]
            if load.gpus[t] == 0 or not kind or not enough or free.cpu[n] < load.cpu[t]:
                found[n] += rest.sum()
            else:
                found[n] += rest[rest < load.share[t]].sum()
    return found / len(load.cpu)


@EXAMPLES
@given(pools.nodes, pools.loads, st.sampled_from(POLICIES), st.randoms(use_true_random=False))
def test_no_resource_is_given_twice_and_all_comes_back(capacity, load, policy, random):
    known, kinds = workload(load)
    scheduler = Scheduler(capacity, known, policy)
    placed = []
    for kind in kinds:
        placement = scheduler.place(int(kind))
        if placement:
            placed.append(placement)
            at, t = placement.node, placement.type
            assert known.types.gpus[t] == placement.gpus.bit_count()
            if known.types.gpus[t]:
                assert (known.types.allowed[t] >> capacity.kind[at]) & 1
        if placed and random.random() < 0.3:
            scheduler.release(placed.pop(random.randrange(len(placed))))
        for array in scheduler.free[:3]:
            assert (array >= 0).all()
    # Scores kept from step to step are those of a pool that is scored anew.
    fresh = Scheduler(capacity, known, policy)
    fresh.free = scheduler.free.copy()
    fresh._rescore(0)
    for kind in range(len(known.types.cpu)):
        np.testing.assert_allclose(scheduler.scores(kind), fresh.scores(kind))
    for placement in placed:
        scheduler.release(placement)
    for array, full in zip(scheduler.free, capacity, strict=True):
        np.testing.assert_array_equal(array, full)
    np.testing.assert_allclose(scheduler.prices.spare, fresh.prices.spare)


@EXAMPLES
@given(pools.nodes, pools.loads, st.sampled_from(POLICIES))
def test_what_fits_somewhere_is_placed(capacity, load, policy):
    known, kinds = workload(load)
    scheduler = Scheduler(capacity, known, policy)
    for kind in kinds:
        t = int(kind)
        could = any(
            scheduler.free.cpu[n] >= known.types.cpu[t]
            and scheduler.free.memory[n] >= known.types.memory[t]
            and (
                not known.types.gpus[t]
                or (
                    capacity.kind[n] >= 0
                    and (known.types.allowed[t] >> capacity.kind[n]) & 1
                    and (scheduler.free.gpu[n] >= known.types.share[t]).sum() >= known.types.gpus[t]
                )
            )
            for n in range(len(capacity.cpu))
        )
        assert (scheduler.place(t) is not None) is bool(could)


@EXAMPLES
@given(pools.nodes, pools.loads, st.data())
def test_fragments_are_those_of_the_paper(capacity, load, data):
    known, kinds = workload(load)
    scheduler = Scheduler(capacity, known, "gpu-packing")
    for kind in kinds[: data.draw(st.integers(0, len(kinds)))]:
        scheduler.place(int(kind))
    table = usability(known, int(capacity.kind.max()) + 1, capacity.gpu.shape[1])
    np.testing.assert_allclose(fragments(table, scheduler.free), naive_fragments(scheduler.free, load), atol=1e-6)


def test_fgd_takes_the_gpu_that_is_of_least_use_to_others():
    # Two nodes with half a GPU and a whole one left; the workload is of halves and wholes.
    load = tasks([(1000, 0, 1, 500, -1), (1000, 0, 1, 1000, -1)])
    known, _ = workload(load)
    capacity = Nodes(np.array([8000, 8000]), np.array([0, 0]), np.array([[1000, 1000]] * 2), np.array([0, 0]))
    scheduler = Scheduler(capacity, known, "fgd")
    half = scheduler.type(1000, 0, 1, 500)
    first, second = scheduler.place(half), scheduler.place(half)
    assert (first.node, first.gpus) == (second.node, second.gpus)


@pytest.mark.parametrize("policy", POLICIES)
def test_work_on_gpus_that_asks_for_no_cpu_is_placed(policy):
    known, [kind] = workload(tasks([(0, 0, 1, WHOLE, -1)]))
    node = Nodes(np.array([4000]), np.array([1024]), np.array([[WHOLE]]), np.array([0]))
    assert Scheduler(node, known, policy).place(int(kind)) is not None


def test_a_type_that_the_workload_does_not_have_is_placed_too():
    known, _ = workload(tasks([(1000, 0, 1, 500, -1)]))
    capacity = Nodes(np.array([8000]), np.array([64]), np.array([[1000]]), np.array([0]))
    scheduler = Scheduler(capacity, known)
    assert scheduler.place(scheduler.type(2000, 64, 1, 300)).node == 0
    assert scheduler.place(scheduler.type(1000, 1)) is None  # no memory is left
    assert scheduler.place_all(np.array([0, 0])).tolist() == [0, NOWHERE]


@pytest.mark.parametrize("row", [(1, 1, 2, 500, -1), (1, 1, 0, 100, -1), (-1, 1, 0, 0, -1), (1, 1, 1, 0, -1)])
def test_a_task_that_makes_no_sense_is_refused(row):
    with pytest.raises(ValueError, match="a task asks for"):
        tasks([row])


def test_kinds_are_bits():
    assert allowed(["A", "B", "C"], "C|A") == 0b101
    assert allowed(["A"], "") == -1
    assert allowed(["A"], "Z") == 0
    assert WHOLE == 1000
