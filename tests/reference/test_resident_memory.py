"""That what is counted is really there: resident memory of a backend process, from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from loadstone.reference.process import ReferenceProcess

REQUESTS = 500


def told(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    connection.request(method, path, None if body is None else json.dumps(body))
    return json.loads(connection.getresponse().read())


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is told differently elsewhere")
@pytest.mark.parametrize("faults", [{"leak": "20kB", "leak_kind": "native"}, {"leak": "20kB", "leak_kind": "mmap"}, {"fragment": "20kB"}])
def test_resident_memory_grows_by_what_is_counted_and_falls_when_it_is_given_back(faults: dict[str, str]) -> None:
    with ReferenceProcess() as backend:
        address = urlsplit(backend.url)
        with contextlib.closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)) as connection:
            for _ in range(50):
                told(connection, "GET", "/api/items/1")
            told(connection, "PUT", "/faults", faults)  # which also gives back what is free in the heap
            before = psutil.Process(backend.pid).memory_info().rss
            for _ in range(REQUESTS):
                told(connection, "GET", "/api/items/1")
            grown = psutil.Process(backend.pid).memory_info().rss - before
            memory = told(connection, "GET", "/stats")["memory"]
            counted = memory["leaked"]["bytes"] + memory.get("fragment", {}).get("freed_bytes", 0)
            assert counted >= 20_000 * REQUESTS
            assert 0.8 * counted < grown < 1.3 * counted
            told(connection, "DELETE", "/faults")
            assert psutil.Process(backend.pid).memory_info().rss - before < 0.3 * counted


@pytest.mark.parametrize("kind", ["cycles", "descriptors", "sockets", "threads", "tasks"])
def test_a_backend_that_holds_leaks_ends_in_silence(kind: str) -> None:
    with ReferenceProcess("--leak", "1", "--fault", f"leak_kind={kind}") as backend:
        address = urlsplit(backend.url)
        with contextlib.closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)) as connection:
            for _ in range(5):
                told(connection, "GET", "/api/items/1")
            leaked = told(connection, "GET", "/stats")["memory"]["leaked"]
            assert (leaked["requests"], leaked["refused"]) == (5, 0)
            assert leaked[kind] == 5
        process, log = backend._process, backend._log
        assert process is not None
        assert log is not None
        process.terminate()
        assert process.wait(120) == 0
        log.seek(0)
        assert log.read() == b""
