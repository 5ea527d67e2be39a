"""How a monitor's rules stand, as a page that Prometheus reads: a text file that is replaced as a whole, or an endpoint."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

from loadstone.errors import UsageError
from loadstone.judge.alert_rules import Level

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def page(
    name: str,
    levels: Mapping[str, tuple[Level, float | None]],
    monitored_s: float,
    ahead_s: Mapping[tuple[str, str], float] = MappingProxyType({}),
) -> str:
    """The page; a rule without a value has no line for it.

    ahead_s: (rule, level) -> seconds until its limit is reached, if all goes on as it does
    """
    lines = ["# HELP loadstone_alert_level 0 is fine, 1 a warning, 2 critical.", "# TYPE loadstone_alert_level gauge"]
    lines += [
        f'loadstone_alert_level{{monitor="{_quoted(name)}",rule="{_quoted(rule)}"}} {int(level)}' for rule, (level, _) in levels.items()
    ]
    lines += ["# HELP loadstone_alert_value What the rule looked at in the last window.", "# TYPE loadstone_alert_value gauge"]
    lines += [
        f'loadstone_alert_value{{monitor="{_quoted(name)}",rule="{_quoted(rule)}"}} {_number(value)}'
        for rule, (_, value) in levels.items()
        if value is not None
    ]
    if ahead_s:
        lines += ["# HELP loadstone_forecast_seconds Until the limit, if the trend goes on.", "# TYPE loadstone_forecast_seconds gauge"]
        lines += [
            f'loadstone_forecast_seconds{{monitor="{_quoted(name)}",rule="{_quoted(rule)}",level="{level}"}} {_number(in_s)}'
            for (rule, level), in_s in ahead_s.items()
        ]
    lines += ["# HELP loadstone_monitored_seconds_total Time that was watched.", "# TYPE loadstone_monitored_seconds_total counter"]
    lines += [f'loadstone_monitored_seconds_total{{monitor="{_quoted(name)}"}} {monitored_s:.1f}', ""]
    return "\n".join(lines)


class PageFile:
    """The page as a file for a text-file collector: written beside it and moved into its place, so that nobody reads half of it.

    raises: UsageError when it cannot be written at the start
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.failure = ""
        self.show("")
        if self.failure:
            raise UsageError(f"cannot be written: {self.failure}", where=f"--prometheus {path}", hint="a file in a folder that is there")

    def show(self, text: str) -> None:
        """Replace the file; a disk that is full is told in `failure`, and tried again next time."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)
            self.failure = ""
        except OSError as error:
            self.failure = str(error.strerror or error)

    def close(self) -> None:
        """The last page stays."""


class PageServer:
    """The page at http://HOST:PORT/metrics.

    raises: UsageError when the address cannot be listened on
    """

    def __init__(self, host: str, port: int) -> None:
        server = self

        class Answer(BaseHTTPRequestHandler):
            timeout = 5.0

            def do_GET(self) -> None:
                found = self.path.partition("?")[0] == "/metrics"
                body = server.text.encode() if found else b"see /metrics\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Scrapes are no news."""

        self.text = ""
        try:
            self._server = ThreadingHTTPServer((host, port), Answer)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot be listened on: {error}", where=f"--listen {host}:{port}", hint="another port") from None
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="alert page", daemon=True)
        self._thread.start()

    def show(self, text: str) -> None:
        """What is answered from now on."""
        self.text = text

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(value)
