"""What the endpoints of one backend share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from loadstone.reference.database import Database
from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.faults import Faults
from loadstone.reference.injector import Injector
from loadstone.reference.ledger import Ledger
from loadstone.reference.timer import Timer


@dataclass(frozen=True, slots=True)
class Settings:
    """How a backend starts.

    ttft:      request to the first token of the simulated model
    token_gap: one token to the next
    tokens:    least and greatest length of an answer that no `max_tokens` cuts
    """

    database: Path | None = None
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    ttft: Delay = field(default_factory=lambda: parse_delay("lognormal:50ms,0.2"))
    token_gap: Delay = field(default_factory=lambda: parse_delay("normal:10ms,2ms"))
    tokens: tuple[int, int] = (16, 64)


@dataclass(slots=True)
class Backend:
    """One running backend."""

    settings: Settings
    timer: Timer
    database: Database
    injector: Injector
    ledger: Ledger


def backend_of(request: Request) -> Backend:
    """The backend that serves this request."""
    backend: Backend = request.app.state.backend
    return backend
