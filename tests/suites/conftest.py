"""The suites, each run for real: some at a time, because most of their time is waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadstone.reference.process import ReferenceProcess

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
LIMIT_S = 120
BALLAST_MB = 120  # that the leaner variant of the other service does without
AT_ONCE = 6
# The longest first, so that the end waits for none.
COMMANDS = {
    "bot": "run bot --preset quick --critical-count 5 --max-queries 10 --stress-duration 2s --no-store --save-intermediate-results",
    "llm": "run llm --duration 2s --users 6 --fail-on-regression --memory-target 30",
    "variants": "run llm --variants {before},{after} --duration 1s --no-store --quiet",
    "variants elsewhere": "run llm --variants {fat},{lean} --variant-pids {fat_pid},{lean_pid} --model other --duration 1s"
    " --no-store --quiet",
    "llm elsewhere": "run llm --url {lean} --model other --embedding-model other --duration 2s --users 4 --cache-pressure 20"
    " --service-pid {lean_pid} --throughput-target 20 --min-throughput 20",
    "chat": "run chat --preset quick --users 6 --connections 60 --duration 5s --memory-test --websocket-test",
    "workflow": "run workflow --levels 5,20 --duration 2s --throughput-duration 2s --connections 50",
    "llm cache": "run llm --parts cache --duration 1s --users 6 --cache-pressure 20",
    "stress": "run workflow --only stress --duration 2s --stress-rate 64/s --stress-connections 40",
    "spike": "run workflow --spike --duration 2s",
    "demo": "demo",
    "demo latency": "demo --fault latency",
    "demo errors": "demo --fault errors",
    "demo stall": "demo --fault stall",
    "chat by variables": "run chat --concurrent-users",
    "llm load": "load llm --scenario api --duration 3s",
    "chat capacity": "capacity chat --start 300 --max 300 --level-time 1s --max-time 1m --no-step-down",
    "llm capacity elsewhere": "capacity llm --url {lean} --model other --start 10 --max 10 --level-time 1s --max-time 1m --no-step-down",
}
KEPT = {"chat", "llm", "bot"}  # whose result files are looked at
ENVIRONMENT = {"chat by variables": {"MAX_CONCURRENT_USERS": "4", "TEST_DURATION_MINUTES": "0.07"}}


@dataclass(frozen=True)
class Run:
    """What one command came to."""

    code: int
    document: dict[str, Any]
    stderr: str
    folder: Path

    def gates(self, status: str) -> set[str]:
        """The gates of that status."""
        return {gate["gate"] for gate in self.document["gates"] if gate["status"] == status}

    def requirements(self) -> dict[str, str]:
        """Each requirement's status."""
        return {name: each["status"] for name, each in self.document["requirements"].items()}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    """Every run by name."""
    with (
        ReferenceProcess() as before,
        ReferenceProcess() as after,
        other(BALLAST_MB) as fat,
        other(0) as lean,
        ThreadPoolExecutor(AT_ONCE) as room,
    ):
        places = {"before": before.url, "after": after.url, "fat": fat[0], "fat_pid": fat[1], "lean": lean[0], "lean_pid": lean[1]}
        lines = {name: line.format(**places) for name, line in COMMANDS.items()}
        folder = tmp_path_factory.mktemp("results")
        started = {name: room.submit(_ended, name, line, folder / name) for name, line in lines.items()}
        return {name: run.result() for name, run in started.items()}


@contextmanager
def other(ballast_mb: int) -> Iterator[tuple[str, int]]:
    """A service that is not the reference backend: its URL and its process."""
    program = [sys.executable, str(Path(__file__).with_name("other_service.py")), str(ballast_mb)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.stdin.close()


def _ended(name: str, line: str, folder: Path) -> Run:
    environment = {**os.environ, **ENVIRONMENT.get(name, {})}
    argv = [*PROGRAM, *line.split(), "--json", *(("--out", str(folder)) if name in KEPT else ())]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=LIMIT_S, check=False)
    assert done.stdout, done.stderr
    return Run(done.returncode, json.loads(done.stdout), done.stderr, folder)
