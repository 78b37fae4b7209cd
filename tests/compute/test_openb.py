"""Files in OpenB's form are read, and what is wrong with one is named."""

import pytest

from dujiang.compute.openb import read_nodes, read_tasks
from dujiang.messages import BadInput

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn1,64000,262144,2,V100\nn2,96000,262144,0,\n"
TASKS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n"
    "t1,4000,1024,1,500,,0,100\nt2,4000,1024,2,1000,V100|T4,10,50\n"
)


def test_a_cluster_and_its_tasks_are_read(tmp_path):
    (tmp_path / "n.csv").write_text(NODES)
    (tmp_path / "t.csv").write_text(TASKS)
    nodes = read_nodes(tmp_path / "n.csv")
    assert (nodes.names, nodes.kinds) == (["n1", "n2"], ["V100"])
    assert nodes.capacity.gpu.sum(axis=1).tolist() == [2000, 0]
    read = read_tasks(tmp_path / "t.csv", nodes.kinds)
    assert read.tasks.demand.tolist() == [500, 2000]
    assert read.duration.tolist() == [100, 40]


def test_the_published_files_are_read(data_folder):
    nodes = read_nodes(data_folder / "compute/openb_node_list_all_node.csv")
    assert (len(nodes.names), int(nodes.capacity.gpu.sum()) // 1000, len(nodes.kinds)) == (1523, 6212, 7)
    assert len(read_tasks(data_folder / "compute/openb_pod_list_default.csv", nodes.kinds).names) == 8152


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("memory_mib,gpu", "memory,gpu", 1, None),
        ("n1,64000", "n1,many", 2, "cpu_milli"),
        ("n1,64000", "n1,-1", 2, "cpu_milli"),
        ("2,V100", "2,", 2, "model"),
        ("n2,", "n1,", 3, "sn"),
        ("n2,96000,262144,0,", "n2,96000,262144", 3, None),
    ],
)
def test_what_is_wrong_with_nodes_is_named(tmp_path, old, new, row, field):
    (tmp_path / "n.csv").write_text(NODES.replace(old, new, 1))
    with pytest.raises(BadInput) as told:
        read_nodes(tmp_path / "n.csv")
    assert (told.value.row, told.value.field) == (row, field)
    assert "n.csv" in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("1,500,", "1,1500,", 2, "gpu_milli"),
        ("2,1000", "2,500", 3, "gpu_milli"),
        ("0,100\n", "200,100\n", 2, "deletion_time"),
        ("4000,1024,1", "4000,1.5,1", 2, "memory_mib"),
        ("gpu_spec", "spec", 1, None),
    ],
)
def test_what_is_wrong_with_tasks_is_named(tmp_path, old, new, row, field):
    (tmp_path / "t.csv").write_text(TASKS.replace(old, new, 1))
    with pytest.raises(BadInput) as told:
        read_tasks(tmp_path / "t.csv", ["V100"])
    assert (told.value.row, told.value.field) == (row, field)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"sn,cpu_milli,memory_mib,gpu,model\n"])
def test_a_file_that_is_no_table_is_named(tmp_path, content):
    (tmp_path / "n.csv").write_bytes(content)
    with pytest.raises(BadInput, match=r"n\.csv"):
        read_nodes(tmp_path / "n.csv")
    with pytest.raises(BadInput, match=r"absent\.csv"):
        read_nodes(tmp_path / "absent.csv")
