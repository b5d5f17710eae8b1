"""What scontrol tells of nodes."""

from __future__ import annotations

import pytest

from spawners.slurm.nodes import Free, free_in, parse_nodes

LINE = (
    "NodeName={name} Arch=x86_64 CPUAlloc={used} CPUEfctv=8 CPUTot=8 NodeAddr={name}.example NodeHostName=h "
    "OS=Linux 6.1.0 #1 SMP  RealMemory=2000 AllocMem=500 State={state} Partitions=main,{partition} "
    "CfgTRES=cpu=8,mem=2000M,gres/gpu=2 AllocTRES=cpu=1,gres/gpu=1 Reason=NodeAddr=evil [root]"
)


def line(name: str, state: str = "IDLE", used: int = 0, partition: str = "gpu") -> str:
    return LINE.format(name=name, state=state, used=used, partition=partition)


def test_a_node_is_where_slurm_says() -> None:
    nodes = parse_nodes(f"{line('n1')}\n{line('n2', used=3)}\n\nNo nodes in the system\n")
    assert [(node.name, node.address, node.free_cpus, node.free_gpus) for node in nodes.values()] == [
        ("n1", "n1.example", 8, 1),
        ("n2", "n2.example", 5, 1),
    ]


@pytest.mark.parametrize(
    ("state", "answers", "usable"),
    [
        ("IDLE", True, True),
        ("MIXED", True, True),
        ("MIXED-", True, True),
        ("ALLOCATED", True, True),
        ("IDLE+CLOUD", True, True),
        ("IDLE+DRAIN", True, False),
        ("DOWN", False, False),
        ("DOWN*", False, False),
        ("IDLE*", False, False),
        ("ALLOCATED*", False, False),
        ("DOWN+NOT_RESPONDING", False, False),
        ("IDLE+NOT_RESPONDING", False, False),
        ("UNKNOWN", False, False),
        ("MAINT", True, False),
        ("IDLE+MAINT", True, False),
        ("IDLE+POWERED_DOWN", True, False),
        ("", False, False),
    ],
)
def test_what_a_state_means(state: str, answers: bool, usable: bool) -> None:
    node = parse_nodes(line("n1", state))["n1"]
    assert (node.answers, node.is_usable, node.free_cpus > 0) == (answers, usable, usable)


def test_what_is_free_of_a_partition_is_free_on_nodes_that_take_jobs() -> None:
    nodes = parse_nodes(
        "\n".join([line("n1"), line("n2", "MIXED", 6), line("n3", "DOWN*"), line("n4", partition="other")])
    )
    assert free_in("gpu", nodes.values()) == Free(2, 10, 2)
    assert free_in("main", nodes.values()) == Free(3, 18, 3)
    assert free_in("none", nodes.values()) == Free()
