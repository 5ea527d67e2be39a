"""What a kind of client is given, and what it must give: the seam that plug-ins of kind `client` fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from loadstone.clients.http import Place
from loadstone.clients.http_scope import HttpScope
from loadstone.clock import Timers
from loadstone.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Ground:
    """What all clients of one scenario in a worker stand on; the wire and the recorder are those of `http`.

    worker, workers: this worker's number, and how many share the load
    """

    plan: Plan
    scenario: str
    http: HttpScope
    timers: Timers
    worker: int = 0
    workers: int = 1


class Client(Protocol):
    """One user's way to speak to the target; a target that misbehaves is recorded, never raised."""

    def close(self) -> None:
        """Let go of all connections, at once."""


class Clients(Protocol):
    """One kind of client within a scenario: made once from a Ground, it makes each user's own. A plug-in names such a class."""

    def __init__(self, ground: Ground, /) -> None: ...

    def client(self, place: Place, /) -> Client:
        """The client of one user."""
