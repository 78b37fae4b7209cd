"""Nobody is singled out: what is withheld can't be told to be small from what is published."""

import random
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dujiang.talent.suppression import protect

MINIMUM = 3


def table(counts):
    """Cells, margins and total of a table of two ways."""
    rows, columns = sorted({row for row, _ in counts}), sorted({column for _, column in counts})
    groups = {("cell", *cell): [cell] for cell in counts}
    groups |= {("row", row): [(row, column) for column in columns] for row in rows}
    groups |= {("column", column): [(row, column) for row in rows] for column in columns}
    groups[("total",)] = list(counts)
    return groups


def figures(counts, groups):
    return {key: sum(counts[cell] for cell in cells) for key, cells in groups.items()}


def suppositions(counts, groups, withheld, most):
    """Every table of whole numbers up to ``most`` that agrees with what is published: by trying them all."""
    published = {key: figure for key, figure in figures(counts, groups).items() if key not in withheld}
    cells = list(counts)
    for values in product(range(most + 1), repeat=len(cells)):
        supposed = dict(zip(cells, values, strict=True))
        if all(sum(supposed[cell] for cell in groups[key]) == figure for key, figure in published.items()):
            yield supposed


tables = st.lists(st.integers(0, 7), min_size=4, max_size=4).map(
    lambda values: dict(zip(product("ab", "xy"), values, strict=True))
)


@settings(max_examples=20, deadline=None)
@given(tables)
def test_a_reader_who_tries_everything_cannot_tell_that_a_figure_is_small(counts):
    groups = table(counts)
    withheld = protect(counts, groups, MINIMUM)
    small = {key for key, figure in figures(counts, groups).items() if 0 < figure < MINIMUM}
    assert small <= withheld
    if not small:
        assert not withheld
    open_ = set(small)
    most = max(*counts.values(), MINIMUM) + 4
    for supposed in suppositions(counts, groups, withheld, most):
        open_ -= {key for key in open_ if sum(supposed[cell] for cell in groups[key]) >= MINIMUM}
        if not open_:
            break
    assert not open_


def test_margins_alone_would_give_a_single_cell_away():
    counts = {("a", "x"): 1, ("a", "y"): 9, ("b", "x"): 9, ("b", "y"): 9}
    withheld = protect(counts, table(counts), MINIMUM)
    # All four cells: else subtracting along a row or a column tells the 1.
    assert {key[0] for key in withheld} == {"cell"} and len(withheld) == 4


def test_what_is_large_is_published_whole():
    counts = dict.fromkeys(product("ab", "xy"), 5)
    assert protect(counts, table(counts), MINIMUM) == set()


def linked(counts):
    """Three tables of two ways that share their margins."""
    groups = {("total",): list(counts)}
    for key in counts:
        for ways in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)):
            groups.setdefault((ways, *(key[way] for way in ways)), []).append(key)
    return groups


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 1, 2, 4, 8]), min_size=8, max_size=8))
def test_tables_that_share_margins_do_not_tell_on_each_other(values):
    counts = dict(zip(product("ab", "xy", "pq"), values, strict=True))
    groups = linked(counts)
    withheld = protect(counts, groups, MINIMUM)
    # Another programme, by another method: bounds by interior points.
    cells = list(counts)
    published = [key for key in groups if key not in withheld]
    left = np.array([[cell in groups[key] for cell in cells] for key in published], float)
    right = [figures(counts, groups)[key] for key in published]
    for key, figure in figures(counts, groups).items():
        if 0 < figure < MINIMUM:
            aim = -np.array([cell in groups[key] for cell in cells], float)
            found = linprog(aim, A_eq=left if published else None, b_eq=right or None, method="highs-ipm")
            assert found.status == 3 or -found.fun >= MINIMUM - 1e-4


def test_what_is_known_from_elsewhere_counts():
    # Who came and who went, by industry; a reader knows the difference of the stocks.
    counts = {("in", "a"): 1, ("out", "a"): 6, ("in", "b"): 7, ("out", "b"): 6, ("in", "c"): 9, ("out", "c"): 9}
    groups = {(way, industry): [(way, industry)] for way, industry in counts}
    groups |= {(way,): [cell for cell in counts if cell[0] == way] for way in ("in", "out")}
    known = [({("in", one): 1, ("out", one): -1}, counts["in", one] - counts["out", one]) for one in "abc"]
    alone, knowing = protect(counts, groups, MINIMUM), protect(counts, groups, MINIMUM, known)
    assert ("out", "a") not in alone
    assert ("out", "a") in knowing


def test_a_provinces_table_is_protected_and_its_total_published():
    source = random.Random(10)
    counts = {cell: source.choice([0, 0, 0, 1, 2, 6, 15, 40]) for cell in product(range(12), range(12), range(5))}
    withheld = protect(counts, linked(counts), 5)
    sums = figures(counts, linked(counts))
    assert {key for key, figure in sums.items() if 0 < figure < 5} <= withheld
    assert ("total",) not in withheld
