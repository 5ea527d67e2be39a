"""The application: everything put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from loadstone.reference import chat, completions, control, embeddings, feeds, items, metrics_page, mirror, transform, workflows
from loadstone.reference.audio import speech
from loadstone.reference.bodies import Refusal, broken, not_served, refused
from loadstone.reference.bot import endpoints as bot
from loadstone.reference.database import Database
from loadstone.reference.front import Front
from loadstone.reference.injector import Injector
from loadstone.reference.ledger import Ledger
from loadstone.reference.model import SimulatedModel
from loadstone.reference.sockets import control as socket_control
from loadstone.reference.sockets.hub import Hub
from loadstone.reference.state import Backend, Settings
from loadstone.reference.timer import KernelTimer, Timer, best_timer
from loadstone.reference.voice import control as voice_control
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.studio import Studio

# Tried in this order for every request, so the most used come first.
ROUTES = [
    *control.ROUTES,
    *items.ROUTES,
    *chat.ROUTES,
    *completions.ROUTES,
    *embeddings.ROUTES,
    *transform.ROUTES,
    *workflows.ROUTES,
    *bot.ROUTES,
    *mirror.ROUTES,
    *feeds.ROUTES,
    *metrics_page.ROUTES,
    *socket_control.ROUTES,
    *voice_control.ROUTES,
    *speech.ROUTES,
]


class ReferenceApp:
    """An ASGI application; close it when done. `timer` is for tests that bring their own time."""

    def __init__(self, settings: Settings | None = None, *, timer: Timer | None = None) -> None:
        settings = settings or Settings()
        timer = timer or best_timer()
        database = Database(settings.database)
        items.fill_items(database)
        workflows.fill_documents(database)
        model = SimulatedModel(settings.simulator, settings.seed, timer)
        injector = Injector(settings.faults, timer.now())
        voice = VoiceHub(settings.voice, timer, Studio(database, timer, settings.voice.workers))
        hub = Hub(settings.sockets, settings.seed, timer, injector, voice)
        self.backend = Backend(settings, timer, database, injector, Ledger(), model, hub, bot.Bot())
        if settings.bot_database is not None:
            self.backend.bot.open(settings.bot_database)
        starlette = Starlette(routes=ROUTES, exception_handlers={Refusal: refused, HTTPException: not_served, Exception: broken})
        starlette.state.backend = self.backend
        self._front = Front(starlette, ROUTES, self.backend.injector, self.backend.ledger, timer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._front(scope, receive, send)

    def close(self) -> None:
        """End worker processes, give back what has leaked, close the database and the timer."""
        self.backend.workshop.close()
        self.backend.hub.voice.close()
        self.backend.bot.close()
        self.backend.injector.memory.give_back()
        self.backend.database.close()
        if isinstance(self.backend.timer, KernelTimer):
            self.backend.timer.close()
