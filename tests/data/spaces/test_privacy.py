"""Noise, and what it costs."""

import statistics
from dataclasses import replace
from decimal import Decimal

import pytest

from data.spaces.people import AGGREGATES, PEOPLE, audited
from dujiang.data.spaces import aggregates, privacy
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.data.spaces.engine import views_sources
from dujiang.data.spaces.policy import Budget, Noise, check
from dujiang.messages import Refused

LAPLACE = Budget(Noise.LAPLACE, Decimal(1))
GAUSSIAN = Budget(Noise.GAUSSIAN, Decimal(1), Decimal("1e-6"))


def test_a_gaussian_budget_is_the_largest_rho_within_its_epsilon():
    total = privacy.total(GAUSSIAN)
    assert privacy.epsilon_of(total, GAUSSIAN) <= 1 < privacy.epsilon_of(total + 2, GAUSSIAN)
    # Bun and Steinke (2016), 1.3: epsilon = rho + 2 sqrt(rho ln(1/delta)) bounds it from above; OpenDP's is tighter.
    rho = total / privacy.MICRO
    assert rho + 2 * (rho * 13.815510557964274) ** 0.5 > 1


@pytest.mark.parametrize("budget", [LAPLACE, GAUSSIAN])
def test_noise_has_the_scale_that_its_cost_says(budget):
    spend = 250_000
    values, cost = privacy.noisy([100.0] * 4000, 3.0, spend, budget.noise)
    assert cost == spend
    expected = 3 / 0.25 * 2**0.5 if budget.noise is Noise.LAPLACE else 3 / (2 * 0.25) ** 0.5
    assert statistics.stdev(values) == pytest.approx(expected, rel=0.15)  # 4,000 draws: some 2 % of error
    assert statistics.mean(values) == pytest.approx(100, abs=5 * expected / 4000**0.5)


def test_a_noisy_answer_costs_no_more_than_was_allowed(engine, tables):
    policy = replace(AGGREGATES, budget=LAPLACE)
    check(policy)
    sources = views_sources({"people": "patients"}, engine.sources(tables))
    asked = aggregates.question(
        "SELECT city, count(*) AS n, avg(salary), sum(salary) AS s FROM people GROUP BY city", policy, sources, "k"
    )
    ask = lambda sql: engine.ask(tables, sql).rows  # noqa: E731
    kept = audited(engine, tables, asked, 5, [])
    wanted = aggregates.items(asked)
    rows = ask(aggregates.statistics(asked, kept, 5, "k"))
    answer, cost = privacy.answer(rows, wanted, 1, LAPLACE, 1_000_000)
    assert cost <= 1_000_000
    assert {row[0] for row in answer} <= {one[2] for one in PEOPLE}
    for city, count, mean, _ in answer:
        exact = sum(one[2] == city for one in PEOPLE)
        assert abs(count - exact) < 200
        assert 0 <= mean <= 20_000
    exact = {row[0]: row[1] for row in rows}
    assert exact == {"成都": 60}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city, count(*) FROM people GROUP BY city HAVING count(*) > 10",
        "SELECT city, count(*) FROM people GROUP BY city ORDER BY count(*)",
        "SELECT count(*) FROM people LIMIT 1",
        "SELECT sum(salary) / count(*) FROM people",
        "SELECT stddev(salary) FROM people",
        "SELECT 5, count(*) FROM people",
    ],
)
def test_what_noise_is_not_made_for_is_refused(engine, tables, sql):
    sources = views_sources({"people": "patients"}, engine.sources(tables))
    asked = aggregates.question(sql, replace(AGGREGATES, budget=LAPLACE), sources, "k")
    with pytest.raises(Forbidden):
        aggregates.items(asked)


def test_a_measure_is_clamped_to_its_bounds(engine, tables):
    columns = tuple(
        replace(one, low=0.0, high=100.0) if one.name == "salary" else one for one in AGGREGATES.views[0].columns
    )
    policy = replace(AGGREGATES, views=(replace(AGGREGATES.views[0], columns=columns),), budget=LAPLACE)
    sources = views_sources({"people": "patients"}, engine.sources(tables))
    asked = aggregates.question("SELECT sum(salary) FROM people", policy, sources, "k")
    ask = lambda sql: engine.ask(tables, sql).rows  # noqa: E731
    kept = audited(engine, tables, asked, 5, [])
    assert ask(aggregates.statistics(asked, kept, 5, "k")) == ((100.0 * sum(one[4] is not None for one in PEOPLE),),)


@pytest.mark.parametrize(
    "budget",
    [
        Budget(Noise.LAPLACE, Decimal(0)),
        Budget(Noise.LAPLACE, Decimal(1), Decimal("1e-6")),
        Budget(Noise.GAUSSIAN, Decimal(1)),
        Budget(Noise.LAPLACE, Decimal(1), contribution=0),
    ],
)
def test_a_budget_that_means_nothing_is_refused(budget):
    with pytest.raises(Refused):
        check(replace(AGGREGATES, budget=budget))


def test_less_than_the_least_is_refused():
    with pytest.raises(ValueError, match="least"):
        privacy.noisy([1.0], 1.0, 0, Noise.LAPLACE)
