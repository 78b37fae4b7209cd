"""The Ray engine on a real local cluster: the same results, limits and isolation as local processes."""

from dataclasses import replace

import pytest
from samples import sample_in

from dujiang.scenarios import runner, steps
from dujiang.scenarios.contract import Resources
from dujiang.scenarios.engines import RayEngine
from dujiang.scenarios.registry import Found

pytest.importorskip("ray", reason="Ray is not installed: pip install 'dujiang[ray]'")


FUNCTIONS = ("method", "crashes", "hangs", "raises", "searches")


@pytest.fixture(scope="module")
def on_ray(tmp_path_factory):
    """Scenarios by their method, and a cluster that they travelled to."""
    folder = tmp_path_factory.mktemp("travel")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        found = {name: sample_in(folder, name, method=name) for name in FUNCTIONS}
        cluster = RayEngine(["samples", *(one.module for one in found.values())])
        yield found, cluster
        cluster.close()


def test_it_gives_what_local_processes_give(on_ray, engine):
    found, cluster = on_ray

    def scores(results):
        return [(one.seed, one.data, one.baseline.score, one.method.score) for one in results]

    seeds = [0, 1, 2]
    # A cluster's first steps wait for its processes to start.
    one = found["method"]
    one = Found(replace(one.scenario, resources=Resources(60, 1024)), one.module)
    here = sorted(scores(runner.run(one, seeds, "small", engine)))
    there = sorted(scores(runner.run(one, seeds, "small", cluster)))
    assert there == here
    assert None not in here[0]


@pytest.mark.parametrize(
    ("function", "said"), [("crashes", "SIGABRT"), ("hangs", "over its time"), ("raises", "out of ideas")]
)
def test_a_failure_there_is_a_result_too(on_ray, function, said):
    found, cluster = on_ray
    one = found[function]
    limits = Resources(seconds=6 if function == "hangs" else 60, memory_mib=512)
    one = Found(replace(one.scenario, resources=limits), one.module)
    assert said in runner.run_seed(one, 0, "small", cluster).method.failure.en


def test_the_truth_does_not_travel(on_ray):
    found, cluster = on_ray
    module = found["searches"].module
    prepared = cluster.run(steps.prepare, module, 3, "small", limits=Resources())
    outcome = cluster.run(steps.answer, module, "method", prepared.value.inputs, limits=Resources(300, 4096))
    assert outcome.failure is None
    for rows in outcome.value.answers:
        assert not any(count for name, count in rows[0].items() if name != "mean"), rows
