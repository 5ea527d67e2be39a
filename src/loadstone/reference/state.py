"""What the endpoints of one backend share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from loadstone.reference.database import Database
from loadstone.reference.faults import Faults
from loadstone.reference.injector import Injector
from loadstone.reference.ledger import Ledger
from loadstone.reference.model import SimulatedModel
from loadstone.reference.real_model import RealModel
from loadstone.reference.sockets.hub import Hub
from loadstone.reference.sockets.switches import SocketSwitches
from loadstone.reference.switches import Switches
from loadstone.reference.timer import Timer
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.workshop import Workshop

if TYPE_CHECKING:
    from loadstone.reference.bot.endpoints import Bot


@dataclass(frozen=True, slots=True)
class Settings:
    """How a backend starts.

    simulator: how the simulated model answers
    sockets:   how WebSockets behave
    voice:     how voice calls are answered
    bot_database: messages that the bot answers questions about
    real:      also load the real model; threads that compute and answers at once
    inside:    token of the page that says what happens inside; None: there is none
    """

    database: Path | None = None
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    simulator: Switches = field(default_factory=Switches)
    sockets: SocketSwitches = field(default_factory=SocketSwitches)
    voice: VoiceSwitches = field(default_factory=VoiceSwitches)
    real: tuple[int, int] | None = None
    inside: str | None = field(default=None, repr=False)
    bot_database: Path | None = None


@dataclass(slots=True)
class Backend:
    """One running backend."""

    settings: Settings
    timer: Timer
    database: Database
    injector: Injector
    ledger: Ledger
    model: SimulatedModel
    hub: Hub
    bot: Bot
    workshop: Workshop = field(default_factory=Workshop)
    real: RealModel | None = None


def backend_of(request: Request) -> Backend:
    """The backend that serves this request."""
    backend: Backend = request.app.state.backend
    return backend
