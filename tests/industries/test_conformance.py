"""Every installed scenario is held to the contract; a new one needs no test code for that."""

from functools import cache

import altair as alt
import pytest

from dujiang.charts import svg
from dujiang.messages import BadInput
from dujiang.scenarios import runner
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import LocalEngine
from dujiang.scenarios.registry import scenarios

FOUND = scenarios()
UNSURE = {"geology/ore-targeting"}
"""Scenarios of which three small seeds can't tell whose answers are better, as their docstrings say."""
every = pytest.mark.parametrize("found", FOUND, ids=[one.scenario.id for one in FOUND])


@pytest.fixture(scope="module")
def engine():
    made = LocalEngine(sorted({library for one in FOUND for library in one.scenario.libraries}))
    yield made
    made.close()


@every
def test_it_is_installed_and_says_what_it_is(found):
    about = found.scenario
    assert not found.missing
    assert 1 <= about.task <= 20
    assert about.sizes[0] == "small"
    assert "default" in about.sizes
    texts = (
        about.title, about.summary, about.system, about.user, about.decision, about.metric, about.baseline_title,
        about.method_title, *about.formats,
    )  # fmt: skip
    for text in texts:
        assert text.zh and text.en and text.zh != text.en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)


@pytest.fixture(scope="module")
def seen(engine):
    """What three small seeds of a scenario come to, and what one of them shows of the whole; run once a scenario."""

    @cache
    def run(at):
        found = FOUND[at]
        results = sorted(runner.run(found, list(range(3)), "small", engine), key=lambda one: one.seed)
        return results, runner.check(found, 0, "small", engine, results[0])

    return lambda found: run(FOUND.index(found))


@every
def test_small_seeds_end_repeat_and_read_back(found, seen):
    results, checked = seen(found)
    assert [fault for one in results for fault in one.faults] + checked.faults == []
    gains = [found.scenario.gain(one.baseline.score, one.method.score) for one in results]
    assert found.scenario.id in UNSURE or sum(gains) > 0, "the method is no better than the baseline on the small size"


@every
def test_cases_differ_by_seed_and_inputs_do_not_hold_the_truth(found, seen):
    results, _ = seen(found)
    assert len({one.data for one in results}) == len(results)
    for case in found.scenario.cases(0, "small"):
        assert digest(case.truth) != digest(case.inputs)


@every
def test_the_picture_is_a_chart_that_can_be_drawn(found, seen):
    _, checked = seen(found)
    # The schema is held to a few rows of data: checking each of a seismogram's samples takes half a minute.
    few = {name: rows[:5] for name, rows in checked.picture.get("datasets", {}).items()}
    assert alt.Chart.from_dict({**checked.picture, "datasets": few}) is not None
    assert len(svg(checked.picture)) > 1000


@every
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02 nonsense", "不是数据\n1,2\n".encode()])
def test_a_file_that_is_none_of_its_formats_is_refused_by_name(found, tmp_path, content):
    path = tmp_path / f"坏文件{found.scenario.suffixes[0]}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="坏文件"):
        found.scenario.read(path)
