"""Where alerts go: a terminal, a file, a web hook, a command. What is slow has a thread and a bounded queue: it never delays probing."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TextIO
from urllib.parse import urlsplit

from loadstone.errors import UsageError
from loadstone.judge.alerts import Alert
from loadstone.measure.plain_text import plain

MOST_WAITING = 100  # of a web hook or command that does not keep up; then the oldest are given up, and counted
TIMEOUT_S = 10.0
PAUSES_S = (1.0, 5.0, 30.0)  # before each further try
CLOSE_S = 2.0


class AlertOutlet(Protocol):
    """Takes alerts; never waits, never raises."""

    def tell(self, at: float, alert: Alert) -> None:
        """One alert; `at` in seconds since 1970."""

    def close(self) -> None:
        """No more alerts."""


def as_record(at: float, alert: Alert, name: str) -> dict[str, Any]:
    """The alert in JSON's own types, the same for file, web hook, command and store."""
    return {
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "monitor": name,
        "kind": str(alert.kind),
        "rule": alert.rule,
        "level": str(alert.level),
        "before": str(alert.before),
        "subject": alert.subject,
        "value": alert.value if alert.value is not None and abs(alert.value) != float("inf") else None,
        "unbounded": alert.value == float("inf"),
        "limit": alert.limit,
        "unit": alert.unit,
        "held_s": round(alert.held_s, 1),
        "in_s": alert.in_s,
        "earliest_s": alert.earliest_s,
        "latest_s": alert.latest_s if alert.latest_s != float("inf") else None,
        "text": str(alert),
    }


class TerminalOutlet:
    """One line on a stream for each alert; a stream that was closed silences it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def tell(self, at: float, alert: Alert) -> None:
        """See AlertOutlet."""
        moment = datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        line = plain(f"{moment}  {str(alert.level).upper():8}  {alert}", 300)
        try:
            if self._stream is not None:
                self._stream.write(f"{line}\n")
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None

    def close(self) -> None:
        """See AlertOutlet."""


class FileOutlet:
    """One JSON line for each alert, appended; opened each time, so that the file may be moved away.

    raises: UsageError when it cannot be written to at the start
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self.failure = ""
        self._append("")
        if self.failure:
            raise UsageError(f"cannot be written to: {self.failure}", where=f"--alert-file {path}", hint="a file in a folder that is there")

    def tell(self, at: float, alert: Alert) -> None:
        """See AlertOutlet."""
        self._append(json.dumps(as_record(at, alert, self._name)) + "\n")

    def _append(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self.failure = str(error.strerror or error)

    def close(self) -> None:
        """See AlertOutlet."""


class Delivery:
    """Hands records, one after another, to what may be slow or fail: tried again after pauses, in a thread of its own.

    deliver: raises OSError, ValueError or TimeoutExpired when it did not succeed
    given_up: records that were never delivered
    """

    def __init__(self, name: str, deliver: Callable[[Mapping[str, Any]], None], pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._name, self._deliver, self._pauses_s = name, deliver, pauses_s
        self._waiting: deque[dict[str, Any]] = deque()
        self._news = threading.Condition()
        self._closing = threading.Event()
        self.delivered = self.given_up = 0
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def tell(self, at: float, alert: Alert) -> None:
        """See AlertOutlet."""
        with self._news:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.given_up += 1
            self._waiting.append(as_record(at, alert, self._name))
            self._news.notify()

    def close(self) -> None:
        """Deliver what waits within two seconds; what hangs is left behind and ends with the process."""
        with self._news:
            self._closing.set()
            self._news.notify()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting:
                    return
                record = self._waiting.popleft()
            if self._try_all(record):
                self.delivered += 1
            else:
                self.given_up += 1

    def _try_all(self, record: Mapping[str, Any]) -> bool:
        for pause_s in (*self._pauses_s, 0.0):
            try:
                self._deliver(record)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                # Only the type: the text of an error may hold the address, and the address a token.
                self.failure = type(error).__name__
            else:
                self.failure = ""
                return True
            if self._closing.wait(pause_s):
                return False
        return False


def web_hook(url: str, timeout_s: float = TIMEOUT_S) -> Callable[[Mapping[str, Any]], None]:
    """Posts each record as JSON; raises UsageError for what is no URL. An answer of 400 or more is a failure."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("is not a URL", where="--webhook", hint="--webhook https://host/path")

    def post(record: Mapping[str, Any]) -> None:
        data = json.dumps(record).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "loadstone-monitor"}
        request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310  the scheme was looked at
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            answer.read(1024)

    return post


def command_line(text: str) -> Callable[[Mapping[str, Any]], None]:
    """Runs a command for each record: JSON on its stdin, and LOADSTONE_ALERT_TEXT, _LEVEL, _RULE in its environment.

    raises: UsageError for what cannot be split into words
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"cannot be read: {error}", where="--alert-command", hint="close the quotes") from None
    if not words:
        raise UsageError("is empty", where="--alert-command", hint="--alert-command 'logger -t loadstone'")

    def call(record: Mapping[str, Any]) -> None:
        told = {f"LOADSTONE_ALERT_{key.upper()}": str(record[key]) for key in ("text", "level", "rule", "kind")}
        done = subprocess.run(  # noqa: S603  the user's own command
            words,
            input=json.dumps(record).encode(),
            env={**os.environ, **told},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise OSError(f"ended with {done.returncode}")

    return call
