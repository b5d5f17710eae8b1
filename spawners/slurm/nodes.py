"""What `scontrol --oneliner show nodes` tells: where each node is, and what is free on it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_FIELD = re.compile(r"(?:^|\s)(\w+)=(\S*)")
_GPUS = re.compile(r"(?:^|,)gres/gpu=(\d+)")
_USABLE = re.compile(r"(IDLE|MIXED|ALLOCATED)(\+\w+)*[-^#~]?")  # the marks: it is planned, powered up or down
_OUT_OF_USE = ("DRAIN", "DOWN", "FAIL", "MAINT", "NOT_RESPONDING", "POWERED_DOWN", "POWERING_DOWN", "REBOOT")


class Node(Struct, frozen=True):
    """`answers`: the controller hears of it. `is_usable`: it takes jobs; else nothing of it is free."""

    name: str
    address: str
    partitions: frozenset[str]
    answers: bool = False
    is_usable: bool = False
    free_cpus: int = 0
    free_gpus: int = 0


class Free(Struct, frozen=True):
    """Of a partition, now: nodes that take jobs, and what is free on all of them together."""

    nodes: int = 0
    cpus: int = 0
    gpus: int = 0

    @property
    def told(self) -> str:
        """For people."""
        if not self.nodes:
            return "takes no jobs now"
        gpus = f" and {_counted(self.gpus, 'GPU')}" if self.gpus else ""
        return f"{_counted(self.cpus, 'CPU')}{gpus} free now"


def parse_nodes(answer: str) -> dict[str, Node]:
    """By name. Values of a line are up to its administrators: of a name that comes twice, the first counts."""
    nodes = (
        _node(dict(reversed(_FIELD.findall(line)))) for line in answer.splitlines() if "NodeName=" in line
    )
    return {node.name: node for node in nodes}


def _node(fields: dict[str, str]) -> Node:
    state = fields.get("State", "")
    usable = _is_usable(state)
    return Node(
        fields["NodeName"],
        fields.get("NodeAddr") or fields["NodeName"],
        frozenset(filter(None, fields.get("Partitions", "").split(","))),
        _answers(state),
        usable,
        max(0, _int(fields, "CPUTot") - _int(fields, "CPUAlloc")) if usable else 0,
        max(0, _gpus(fields.get("CfgTRES", "")) - _gpus(fields.get("AllocTRES", ""))) if usable else 0,
    )


def _answers(state: str) -> bool:
    """A star is for a node that has not answered lately."""
    silent = "*" in state or "NOT_RESPONDING" in state
    return not silent and not state.startswith(("DOWN", "UNKNOWN", "FUTURE", "FAIL")) and state != ""


def _is_usable(state: str) -> bool:
    return _USABLE.fullmatch(state) is not None and not any(flag in state for flag in _OUT_OF_USE)


def _int(fields: dict[str, str], name: str) -> int:
    text = fields.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _gpus(resources: str) -> int:
    match = _GPUS.search(resources)
    return int(match[1]) if match else 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def free_in(partition: str, nodes: Iterable[Node]) -> Free:
    usable = [node for node in nodes if node.is_usable and partition in node.partitions]
    return Free(len(usable), sum(node.free_cpus for node in usable), sum(node.free_gpus for node in usable))
