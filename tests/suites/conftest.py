"""The suites, each run for real: started together in waves, because most of their time is waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
LIMIT_S = 120
WAVES: tuple[dict[str, str], ...] = (
    {
        "demo": "demo",
        "demo latency": "demo --fault latency",
        "demo errors": "demo --fault errors",
        "demo stall": "demo --fault stall",
    },
    {
        "chat": "run chat --preset quick --users 6 --connections 60 --duration 5s --memory-test --websocket-test",
        "chat by variables": "run chat --concurrent-users",
        "workflow": "run workflow --levels 5,20 --duration 2s --throughput-duration 2s",
    },
    {
        "llm": "run llm --duration 2s --users 6 --fail-on-regression --memory-target 30",
        "llm cache": "run llm --parts cache --duration 1s --users 6 --cache-pressure 20",
        "llm load": "load llm --scenario api --duration 3s",
        "spike": "run workflow --spike --duration 2s",
        "stress": "run workflow --only stress --duration 2s --stress-rate 64/s --stress-connections 40",
    },
    {
        "bot": "run bot --preset quick --critical-count 5 --max-queries 10 --stress-duration 2s --no-store --save-intermediate-results",
    },
)
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
    folder = tmp_path_factory.mktemp("results")
    return {name: run for wave in WAVES for name, run in _wave(wave, folder).items()}


def _wave(commands: Mapping[str, str], folder: Path) -> dict[str, Run]:
    started = {
        name: subprocess.Popen(
            [*PROGRAM, *words.split(), "--json", *(("--out", str(folder / name)) if name in KEPT else ())],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT.get(name, {})},
        )
        for name, words in commands.items()
    }
    try:
        return {name: _ended(process, folder / name) for name, process in started.items()}
    finally:
        for process in started.values():
            if process.poll() is None:
                process.kill()
                process.communicate()


def _ended(process: subprocess.Popen[str], folder: Path) -> Run:
    out, err = process.communicate(timeout=LIMIT_S)
    assert out, err
    return Run(process.returncode, json.loads(out), err, folder)
