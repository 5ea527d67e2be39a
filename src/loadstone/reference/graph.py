"""A small workflow engine: nodes start as soon as what they need is done; branches not taken are skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

Outputs = Mapping[str, dict[str, Any]]


class State(StrEnum):
    """Where a node or a run is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Node:
    """One computation.

    work:  from the run's input and the outputs so far to this node's output
    needs: nodes that must be done or skipped before
    when:  a branch and the value its `take` must list for this node to run
    """

    name: str
    work: Callable[[dict[str, Any], Outputs], Awaitable[dict[str, Any]]]
    needs: tuple[str, ...] = ()
    when: str | None = None


class Journal(Protocol):
    """Where the state of each node is kept, before the next one starts."""

    def node(self, name: str, state: State, output: dict[str, Any] | None = None) -> None:
        """The node is in that state now."""


async def execute(nodes: tuple[Node, ...], given: dict[str, Any], journal: Journal) -> tuple[State, dict[str, dict[str, Any]]]:
    """Run a graph; nodes whose needs are met run side by side.

    gives: DONE, or FAILED when a node raised: those that depend on it stay pending
    """
    outputs: dict[str, dict[str, Any]] = {}
    settled: set[str] = set()
    waiting = list(nodes)
    while True:
        ready = [node for node in waiting if settled.issuperset(node.needs)]
        if not ready:
            return (State.FAILED if waiting else State.DONE), outputs
        waiting = [node for node in waiting if node not in ready]
        # Needs come in layers in these graphs, so a layer at a time loses nothing and keeps the journal in order.
        states = await asyncio.gather(*(_run(node, given, outputs, journal) for node in ready))
        settled |= {node.name for node, state in zip(ready, states, strict=True) if state is not State.FAILED}
        if State.FAILED in states:
            return State.FAILED, outputs


async def _run(node: Node, given: dict[str, Any], outputs: dict[str, dict[str, Any]], journal: Journal) -> State:
    if node.when is not None and not any(node.when in outputs[need].get("take", ()) for need in node.needs if need in outputs):
        journal.node(node.name, State.SKIPPED)
        return State.SKIPPED
    journal.node(node.name, State.RUNNING)
    try:
        output = await node.work(given, outputs)
    except Exception as error:  # noqa: BLE001 - whatever a node raises is that node's result
        journal.node(node.name, State.FAILED, {"error": str(error)})
        return State.FAILED
    outputs[node.name] = output
    journal.node(node.name, State.DONE, output)
    return State.DONE
