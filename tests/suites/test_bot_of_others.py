"""The bot suite against a bot and messages that are not ours: as a callable, and as a service with paths and fields of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import ExitCode
from tests.suites.message_boards import EXAMPLES, BoardService, make_board

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
SHORT = "--critical-count 3 --max-queries 8 --rate-limit 100/s --timeout 40 --json"
HTTP = "--query-path /ask --question-field input.text --agent-field= --answer-field result.text"
OWN = """
from loadstone.suites.bot import SyntheticScenario
SCENARIOS = [SyntheticScenario("codes", "numbers", ["deck1 ->", "INV-1?", None, 7], ["no words", "not text"], "high")]
"""
FINE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


@dataclass
class Ended:
    """A run that is over."""

    code: int
    document: dict[str, Any]
    folder: Path
    stderr: str

    def count(self, metric: str) -> int:
        """A sum over the run."""
        return int(self.document["metrics"].get(metric, {}).get("count") or 0)

    def failed(self) -> list[str]:
        """Gates that did not pass."""
        return [gate["gate"] for gate in self.document["gates"] if gate["status"] != "pass"]

    @property
    def report(self) -> dict[str, Any]:
        """The performance report."""
        (path,) = self.folder.glob("reports/performance_report_*.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


@dataclass
class Runs:
    """Both runs, and what the service saw."""

    callable: Ended
    service: Ended
    seen: dict[str, int]
    cleaned: list[dict[str, Any]]


def command(line: str, folder: Path, board: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "LOADSTONE_STORE": "none", "MESSAGE_BOT_DB": str(board)}
    words = [
        "run",
        "bot",
        "--database",
        str(board),
        "--data",
        str(folder / "data"),
        "--out",
        str(folder / "out"),
        *SHORT.split(),
        *line.split(),
    ]
    return subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=EXAMPLES)


def ended(process: subprocess.Popen[str], folder: Path) -> Ended:
    out, err = process.communicate(timeout=120)
    assert out, err
    return Ended(process.returncode, json.loads(out), folder / "out", err)


def whole(line: str, folder: Path, board: Path) -> Ended:
    return ended(command(line, folder, board), folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("boards")
    board = make_board(folder / "board.db")
    (folder / "own.py").write_text(OWN)
    lines = {
        "callable": f"--call message_bot:ask --cleanup message_bot:clean_up --parallel --synthetic --scenarios {folder / 'own.py'}",
        "service": f"--fallback /simple --retries 1 --retry-wait 5ms --cleanup /forget --shapes spike,burst --stress-duration 1s {HTTP}",
    }
    with pytest.MonkeyPatch.context() as patch, BoardService(fails=0.4) as service, ThreadPoolExecutor(2) as room:
        patch.setenv("MESSAGE_BOT_DB", str(board))
        lines["service"] += f" --url {service.url}"
        for name in lines:
            (folder / name).mkdir()
        found = {name: room.submit(whole, lines[name], folder / name, board) for name in lines}
        yield Runs(found["callable"].result(), found["service"].result(), dict(service.seen), list(service.cleaned))


def test_a_callable_over_ones_own_messages_passes_and_its_answers_are_right(runs: Runs) -> None:
    run = runs.callable
    assert [gate for gate in run.failed() if "efficiency" not in gate] == [], (
        run.stderr
    )  # eight queries are quicker than a busy machine's neighbours
    assert run.code in FINE
    assert run.count("bot.facts") > 0
    assert run.count("bot.facts_missing") == 0
    assert run.count("call.requests") > 40
    assert run.count("http.requests") == 0


def test_what_a_callable_refuses_is_told_apart_from_what_breaks_it(runs: Runs) -> None:
    cases = runs.callable.report["edge_cases"]
    assert cases["refused"] == 4  # empty, blanks, null and a number
    assert cases["failed"] == cases["leaked"] == 0
    assert cases["answered"] == sum(cases.values()) - 4


def test_a_scenario_of_ones_own_is_reported_with_its_challenges(runs: Runs) -> None:
    found = runs.callable.report["scenarios"]["codes"]
    assert found["expected_challenges"] == ["no words", "not text"]
    assert found["stress_level"] == "high"
    assert found["outcomes"] == {"answered": 2, "refused": 2, "failed": 0, "leaked": 0}
    assert found["response"]["queries"] == 4


def test_side_by_side_is_compared_within_the_limits_and_both_keep_to_the_rate(runs: Runs) -> None:
    found = runs.callable.report["parallel_execution"]
    assert found["sequential_time"] >= 7 / 100  # eight queries at 100 a second
    assert found["parallel_time"] >= 7 / 100


def test_a_copy_of_somebodys_messages_is_not_left_behind(runs: Runs) -> None:
    for run in (runs.callable, runs.service):
        assert list((run.folder.parent / "data").iterdir()) == []


def test_retries_are_counted_apart_from_first_attempts(runs: Runs) -> None:
    found = runs.service.report["attempts"]
    first, retries = found["first"], found["retries"]
    assert retries == round(first["queries"] * (1 - first["success_rate"]))  # each first attempt that failed had one
    assert 0 < found["retries_failed"] < retries
    assert found["fallbacks"] == found["retries_failed"] == runs.seen["/simple"]
    assert found["unanswered"] == found["fallbacks_failed"] == 0


def test_a_bot_that_only_retries_save_does_not_pass(runs: Runs) -> None:
    failed = runs.service.failed()
    assert runs.service.code in {ExitCode.GATE_FAILED, ExitCode.UNTRUSTWORTHY}
    assert any("attempt=first" in gate for gate in failed)
    assert not any("bot.unanswered" in gate for gate in failed)


def test_every_user_cleans_up_and_says_who_it_was(runs: Runs) -> None:
    parts = {each["part"] for each in runs.cleaned}
    assert {"critical", "queries", "shape spike", "shape burst"} <= parts
    assert len(runs.cleaned) == runs.service.count("bot.cleanups")
    assert runs.callable.count("bot.cleanups") > 0


def test_shapes_of_load_have_results_and_gates_of_their_own(runs: Runs) -> None:
    parts, document = runs.service.report["parts"], runs.service.document
    assert parts["shape burst"]["queries"] >= 20
    assert "load_shapes" in document["requirements"]


def test_users_clean_up_also_when_the_run_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = make_board(tmp_path / "board.db", 200)
    monkeypatch.setenv("MESSAGE_BOT_DB", str(board))
    with BoardService() as service:
        process = command(f"--cleanup /forget {HTTP} --stress --stress-duration 15s --url {service.url}", tmp_path, board)
        try:
            assert service.asked.wait(120)
            process.send_signal(signal.SIGINT)
            run = ended(process, tmp_path)
        finally:
            process.kill()
        assert run.code == ExitCode.INTERRUPTED
        assert service.cleaned
