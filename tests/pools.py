"""Small pools and workloads, drawn by hypothesis."""

import numpy as np
from hypothesis import strategies as st

from dujiang.compute.cluster import ANY_KIND, WHOLE, Nodes, tasks, workload

nodes = st.lists(
    st.tuples(st.integers(4, 96), st.integers(8, 512), st.integers(0, 8), st.integers(0, 2)), min_size=1, max_size=8
).map(
    lambda rows: Nodes(
        np.array([1000 * cpu for cpu, *_ in rows]),
        np.array([1024 * memory for _, memory, *_ in rows]),
        np.array([[WHOLE if g < gpus else 0 for g in range(8)] for *_, gpus, _ in rows]),
        np.array([kind if gpus else -1 for *_, gpus, kind in rows]),
    )
)
_kinds = st.sampled_from([ANY_KIND, 1, 2, 3, 6])
task = st.one_of(
    st.tuples(st.integers(0, 32000), st.integers(0, 65536), st.just(0), st.just(0), st.just(ANY_KIND)),
    st.tuples(st.integers(0, 16000), st.integers(0, 65536), st.just(1), st.integers(1, WHOLE), _kinds),
    st.tuples(st.integers(0, 48000), st.integers(0, 65536), st.integers(2, 8), st.just(WHOLE), _kinds),
)
loads = st.lists(task, min_size=1, max_size=30).map(tasks)


def known_of(load):
    return workload(load)
