"""The servers under load, on a core of their own: nginx, and one with a fixed delay."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import CACHE
from benchmarks.peers import need
from benchmarks.processes import Failed, Server, free_port, run, server

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 16000;
events {{ worker_connections 12000; }}
http {{
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type text/plain; return 200 "ok\\n"; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    """One process of nginx that answers every path with three bytes; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=port))
        with server([need("nginx"), "-p", folder, "-c", str(configuration), "-e", f"{folder}/error.log"], port):
            yield f"http://127.0.0.1:{port}/"


def compiled(name: str) -> Path:
    """A server in C, compiled once for each version of its source and of what all of them begin with."""
    source = Path(__file__).with_name(f"{name}.c")
    version = hashlib.sha256(source.read_bytes() + source.with_name("listening.h").read_bytes()).hexdigest()
    program = CACHE / f"{name}-{version[:12]}"
    if not program.exists():
        compiler = need("gcc")
        program.parent.mkdir(parents=True, exist_ok=True)
        done = run([compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source)], core=None)
        if done.code:
            raise Failed(f"{source} does not compile: {done.stderr[-400:]}")
    return program


@dataclass(slots=True)
class Delay:
    """A server with a fixed delay; after its end, by how much its own answers were late."""

    url: str
    late_p50_ms: float | None = None


@contextlib.contextmanager
def delay(delay_ms: float) -> Iterator[Delay]:
    """A server whose every answer comes after the same time."""
    program, port = compiled("delay"), free_port()
    here = Delay(f"http://127.0.0.1:{port}/")
    running: Server | None = None
    try:
        with server([str(program), str(port), f"{delay_ms * 1000:.0f}"], port) as running:
            yield here
    finally:
        if running is not None and (found := re.search(r'"late_p50_us": (\d+)', running.said)):
            here.late_p50_ms = int(found[1]) / 1000


class FirstRequest:
    """A server of one thread that notes when the newest request arrived.

    The newest, not the first: a command that looks whether its target answers before the load starts would else be paid for a look.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.arrived_s: float | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ends.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._socket.accept()
                connection.settimeout(0.2)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while not self._ends.is_set():
                try:
                    received = connection.recv(65536)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not received:
                    return
                self.arrived_s = time.monotonic()
                with contextlib.suppress(OSError):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        """Stop answering."""
        self._ends.set()
        self._thread.join()
        self._socket.close()
