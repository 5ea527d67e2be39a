from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from loadstone.cli.serve import command
from loadstone.errors import TargetUnreachable, UsageError
from loadstone.reference.process import ReferenceProcess
from loadstone.reference.timer import KernelTimer, LoopTimer, best_timer


def exchange(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    return answer.status, answer.read()


@contextlib.contextmanager
def connected(url: str) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)) as connection:
        yield connection


def test_over_a_real_socket_one_connection_serves_everything_in_turn(tmp_path: Path) -> None:
    ready = tmp_path / "url"
    arguments = ("--ready-file", ready, "--ttft", "1ms", "--token-gap", "1ms", "--fault", "paths=/api/items")
    with ReferenceProcess(*arguments) as backend, connected(backend.url) as connection:
        assert ready.read_text().strip() == backend.url
        assert exchange(connection, "GET", "/health") == (200, b'{"status":"ok"}')
        question = {"model": "loadstone-simulator", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        status, stream = exchange(connection, "POST", "/v1/chat/completions", question)
        assert (status, stream.endswith(b"data: [DONE]\n\n")) == (200, True)
        assert exchange(connection, "PUT", "/faults", {"error_rate": 1, "paths": ["/echo"]})[0] == 200
        assert exchange(connection, "POST", "/echo", "x" * 500_000)[0] == 500
        assert exchange(connection, "DELETE", "/faults")[0] == 200
        assert exchange(connection, "POST", "/echo", "x" * 500_000)[0] == 200
        status, run = exchange(connection, "POST", "/api/workflows/triage/runs", {"text": "slow login"})
        assert (status, json.loads(run)["state"]) == (201, "done")
        stats = json.loads(exchange(connection, "GET", "/stats")[1])
        assert stats["by_route"]["POST /echo"] == {"200": 1, "500": 1}
        assert stats["pid"] == backend.pid
        # Only announced: a client that went on to send it would meet a connection that is closed under its hands.
        connection.putrequest("POST", "/api/ask")
        connection.putheader("Content-Length", "1048577")
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status == 413
    assert not psutil.pid_exists(backend.pid)


def test_a_body_that_is_cut_short_closes_the_connection_and_nothing_else() -> None:
    with ReferenceProcess() as backend, connected(backend.url) as first, connected(backend.url) as second:
        first.request("GET", "/cut/10")
        with first.getresponse() as answer, pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
        assert len(broken.value.partial) == 10
        assert exchange(second, "GET", "/health")[0] == 200


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    database = tmp_path / "state.db"
    with ReferenceProcess("--database", database) as backend, connected(backend.url) as connection:
        session = json.loads(exchange(connection, "POST", "/api/chat/sessions")[1])["id"]
        for index in range(20):
            exchange(connection, "POST", f"/api/chat/sessions/{session}/messages", {"text": f"message {index}"})
        os.kill(backend.pid, signal.SIGKILL)
    with ReferenceProcess("--database", database) as backend, connected(backend.url) as connection:
        status, body = exchange(connection, "GET", f"/api/chat/sessions/{session}/messages")
    kept = [message["text"] for message in json.loads(body)["messages"] if message["role"] == "user"]
    assert (status, kept) == (200, [f"message {index}" for index in range(20)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_exit_code_0_and_without_a_word_even_in_the_middle_of_a_request(number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-m", "loadstone.reference"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    url = process.stdout.readline().decode().strip()
    assert url.startswith("http://127.0.0.1:")
    with connected(url) as delayed, connected(url) as streaming, connected(url) as other:
        delayed.request("GET", "/delay/60000")
        streaming.request("GET", "/chunked/1000?gap_ms=100")
        with streaming.getresponse() as answer:
            assert answer.read(64)
            while json.loads(exchange(other, "GET", "/stats")[1])["in_flight"] < 3:
                pass  # until the delayed one has arrived
            process.send_signal(number)
            assert process.communicate(timeout=120) == (b"", b"")
    assert process.returncode == 0


def test_it_ends_when_its_parent_has_ended() -> None:
    starter = (
        "import subprocess, sys, os\n"
        "child = subprocess.Popen([sys.executable, '-m', 'loadstone.reference', '--parent-pid', str(os.getpid())],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", starter], capture_output=True, check=True, timeout=120)
    orphan = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(orphan).wait(timeout=120)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE


def test_a_port_in_use_is_a_clear_message_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "loadstone.reference", "--port", port], capture_output=True, text=True, check=False, timeout=30
        )
    assert done.returncode == 2
    assert done.stderr == f"loadstone: 127.0.0.1:{port}: cannot listen here: Address already in use. Try: --port 0 for a free one\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--latency", "5 parsecs"], "parsecs"),
        (["--fault", "latency"], "has no value"),
        (["--fault", "speed=1"], "unknown fault"),
        (["--latency", "1s", "--fault", "latency=2s"], "twice"),
        (["--host", "no.such.host.invalid"], "does not resolve"),
        (["--ttft", "soon"], "--ttft"),
        (["--database", "/nowhere/at/all.db"], "database"),
    ],
)
def test_a_wrong_flag_is_a_usage_error_that_says_what_is_wrong(arguments: list[str], reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        command.main(arguments, standalone_mode=False)
    assert reason in str(refused.value)


def test_a_backend_that_cannot_start_says_why_in_its_own_words() -> None:
    with pytest.raises(TargetUnreachable, match="unknown fault 'speed'"), ReferenceProcess("--fault", "speed=1"):
        pass


def test_a_backend_without_readiness_is_given_up_in_time() -> None:
    with pytest.raises(TargetUnreachable, match="did not say where it listens"), ReferenceProcess("--quiet", ready_within_s=1.0):
        pass


@pytest.mark.parametrize("timer", [LoopTimer, KernelTimer, best_timer])
def test_a_timer_never_wakes_early_and_wakes_everybody(timer: Any) -> None:
    if timer is KernelTimer and sys.platform != "linux":
        pytest.skip("timerfd is Linux only")

    async def wait() -> None:
        under_test = timer()
        start = under_test.now()
        early: list[float] = []

        async def one(delay: float) -> None:
            await under_test.until(start + delay)
            early.append(min(0.0, time.monotonic() - (start + delay)))

        await asyncio.gather(*(one(delay / 1e4) for delay in (50, 10, 10, 0, 200, -5, 33)))
        assert early == [0.0] * 7
        if isinstance(under_test, KernelTimer):
            under_test.close()

    asyncio.run(wait())
