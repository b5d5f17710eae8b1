"""What is known of the nodes: asked for now and then, by whoever needs to know, and remembered for all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import inf

import trio

from spawners.slurm.nodes import Node, parse_nodes

USUAL_AGE = 60.0  # seconds: where a node is, and what is free, is not asked after more often


class NodeList:
    def __init__(self, ask: Callable[[], Awaitable[str]]) -> None:
        self._ask = ask
        self._turn = trio.Lock()
        self._nodes: Mapping[str, Node] = {}
        self._asked_at = -inf

    async def within(self, age: float) -> Mapping[str, Node]:
        """As of so many seconds ago at most. Raises UnreachableError."""
        async with self._turn:
            if trio.current_time() - self._asked_at > age:
                asked_at = trio.current_time()
                self._nodes = parse_nodes(await self._ask())
                self._asked_at = asked_at
        return self._nodes

    async def address_of(self, name: str) -> str:
        """Its NodeAddr. A node that is not known is asked after once more. Raises UnreachableError."""
        nodes = await self.within(USUAL_AGE)
        if name not in nodes:
            nodes = await self.within(0)
        return nodes[name].address if name in nodes else name

    def known(self) -> Mapping[str, Node]:
        """Without asking; nothing where that is too old to be told."""
        return self._nodes if trio.current_time() - self._asked_at <= 2 * USUAL_AGE else {}
