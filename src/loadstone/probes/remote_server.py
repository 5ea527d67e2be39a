"""The side of a remote probe that runs beside the target: one port, one token, readings as JSON."""

from __future__ import annotations

import hmac
import json
import ssl
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.probes.probe import NoReading, Probe, Readings
from loadstone.probes.remote import PATH

SHORTEST_TOKEN = 16
PATIENCE_S = 5.0  # for a connection that says nothing
MOST_CONNECTIONS = 16


class Source:
    """All probes of this side, read one request at a time."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._probes = probes
        self._opened: set[int] = set()
        self._lock = threading.Lock()

    def read(self, received_ns: int) -> dict[str, Any]:
        """What each of them says now, with the stamps that tell our clock from the other side's."""
        gauges, missed = [], []
        with self._lock:
            begun_ns = now_ns()
            for number, probe in enumerate(self._probes):
                readings = Readings()
                try:
                    if number not in self._opened:
                        probe.open(now_ns)
                        self._opened.add(number)
                    probe.sample(readings)
                except NoReading as nothing:
                    missed.append(nothing.reason)
                except Exception:  # noqa: BLE001  a probe is a plug-in: what it raises must not end the others
                    missed.append("other")
                gauges += [[series.metric, dict(series.tags), value] for series, value in readings.gauges.items()]
            at_ns = (begun_ns + now_ns()) // 2
        return {
            "received_ns": received_ns,
            "at_ns": at_ns,
            "gauges": gauges,
            "missed": missed,
            "sent_ns": now_ns(),
            "wall_ns": time.time_ns(),
        }

    def close(self) -> None:
        """Let go of everything."""
        for probe in self._probes:
            probe.close()


class RemoteServer(ThreadingHTTPServer):
    """Answers GET /readings to whoever has the token, and tells nobody else anything.

    raises: UsageError when the token is too short, the port is taken, or certificate and key do not fit
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, source: Source, host: str, port: int, token: str, certificate: tuple[str, str] | None = None) -> None:
        if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            hint = 'export LOADSTONE_PROBE_TOKEN="$(openssl rand -hex 16)"'
            raise UsageError(f"the token must have {SHORTEST_TOKEN} printable characters or more", hint=hint)
        self.source, self._expected = source, f"Bearer {token}".encode()
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((host, port), _Request)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen: {error}", where=f"--listen {host}:{port}", hint="another port") from None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            try:
                context.load_cert_chain(*certificate)
            except (OSError, ssl.SSLError) as error:
                self.server_close()
                raise UsageError(f"certificate and key cannot be used: {error}", where="--cert, --key", hint="both in PEM") from None
            # The handshake waits for the connection's own thread: who does not answer must not hold up the others.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def allows(self, authorization: str) -> bool:
        """Is this the token? It takes as long for a wrong one as for a right one."""
        return hmac.compare_digest(authorization.encode("utf-8", "replace"), self._expected)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, and no more of them than there is room for."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See process_request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke, or never spoke TLS, is its owner's business."""


class _Request(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    server: RemoteServer
    server_version, sys_version = "loadstone", ""

    def do_GET(self) -> None:
        received_ns = now_ns()
        if not self.server.allows(self.headers.get("Authorization", "")):
            self._answer(401, {"error": "the token is missing or wrong"})
        elif self.path != PATH:
            self._answer(404, {"error": f"only {PATH} is here"})
        else:
            self._answer(200, self.server.source.read(received_ns))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Nothing: a line for each reading would fill a terminal."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
