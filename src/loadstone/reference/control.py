"""Endpoints about the backend itself: is it there, what is it, what is wrong with it, what has it done."""

from __future__ import annotations

import dataclasses
from typing import Any

import psutil
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.faults import read_faults
from loadstone.reference.simulator import MODEL
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.switch_routes import switch_routes
from loadstone.reference.switches import read_switches

_HEALTHY = b'{"status":"ok"}'
_HEALTHY_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_HEALTHY)).encode())],
}
_HEALTHY_BODY = {"type": "http.response.body", "body": _HEALTHY}


class Health:
    """`GET /health`: prepared bytes, so that a rate measured here is the server's, not the framework's.

    With a real model it says so.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once."""
        real = scope["app"].state.backend.real
        if real is not None:
            await JSONResponse({"status": "ok", "model": real.name, "pid": real.pid, "loaded_in_s": real.loaded_in_s})(scope, receive, send)
            return
        await send(_HEALTHY_START)
        await send(_HEALTHY_BODY)


async def about(request: Request) -> Response:
    """What this is."""
    backend = backend_of(request)
    return JSONResponse(
        {
            "name": "Loadstone reference backend",
            "model": MODEL,
            "real_model": backend.real.name if backend.real else None,
            "notice": "The model is a simulator: seeded words at set times. It understands nothing and nothing it says is advice.",
            "faults": "/faults",
            "simulator": "/simulator",
            "sockets": "/sockets",
            "voice": "/voice",
            "stats": "/stats",
        }
    )


async def show_faults(request: Request) -> Response:
    """The faults in force and what they have done."""
    return JSONResponse(_faults(backend_of(request)))


async def put_faults(request: Request) -> Response:
    """Put exactly these faults in force, from now."""
    backend = backend_of(request)
    try:
        backend.injector.replace(read_faults(await read_object(request)), backend.timer.now())
    except UsageError as error:
        raise Refusal(400, str(error), code="bad_fault") from None
    return JSONResponse(_faults(backend))


async def clear_faults(request: Request) -> Response:
    """No faults from now on; leaked memory is given back."""
    backend = backend_of(request)
    backend.injector.clear(backend.timer.now())
    return JSONResponse(_faults(backend))


async def stats(request: Request) -> Response:
    """The truth to compare a measurement with."""
    backend = backend_of(request)
    process = psutil.Process()
    return JSONResponse(
        {
            **backend.ledger.as_json(),
            "tokens": backend.model.done.tokens,
            "streams_cancelled": backend.model.done.cancelled,
            "model": backend.model.as_json(),
            "sockets": backend.hub.as_json(),
            "voice": backend.hub.voice.as_json(),
            "cache": backend.model.cache.as_json(),
            "faults": _injected(backend),
            **_conditions(backend),
            "rss_bytes": process.memory_info().rss,
            "pid": process.pid,
        }
    )


def _faults(backend: Backend) -> dict[str, Any]:
    injector = backend.injector
    latency = injector.faults.latency
    return {
        "faults": injector.faults.as_json(),
        "since_s": round(backend.timer.now() - injector.since, 3),
        "latency_mean_ms": latency.mean * 1e3 if latency else 0.0,
        "injected": _injected(backend),
        **_conditions(backend),
    }


def _injected(backend: Backend) -> dict[str, Any]:
    leaked = backend.injector.memory.leaks.leaked
    return {**dataclasses.asdict(backend.injector.injected), "leaked_bytes": leaked.bytes, "leaked_requests": leaked.requests}


def _conditions(backend: Backend) -> dict[str, Any]:
    """What is held and how full the pools are, at this moment."""
    injector, now = backend.injector, backend.timer.now()
    injector.pass_time(now)
    return {
        "leaked_bytes": injector.memory.leaks.leaked.bytes,
        "memory": injector.memory.as_json(),
        "pool": injector.pool.as_json(now) if injector.pool else None,
        "instances": injector.instances.as_json(now) if injector.instances else None,
    }


ROUTES = [
    Route("/health", Health(), methods=["GET"]),
    Route("/", about, methods=["GET"]),
    Route("/faults", show_faults, methods=["GET"]),
    Route("/faults", put_faults, methods=["PUT"]),
    Route("/faults", clear_faults, methods=["DELETE"]),
    *switch_routes(
        "/simulator",
        lambda backend: backend.model.switches.as_json(),
        lambda backend: backend.settings.simulator,
        read_switches,
        lambda backend, switches: backend.model.replace(switches),
    ),
    Route("/stats", stats, methods=["GET"]),
]
