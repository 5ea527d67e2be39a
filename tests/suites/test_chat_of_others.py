"""The chat suite against a service that is not ours: its paths, fields and messages are told by a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadstone.cli.before_run import look_before
from loadstone.errors import ExitCode, PlanError, UsageError
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.chat.wording import WORDING, filled, is_like
from tests.suites.parlours import OURS, Parlour

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
ALL = "--users 50 --connections 20 --duration 6s --websocket-test --concurrent-users --load-test --set allow_few=true"
FINE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


@dataclass
class Ended:
    """A run that is over, and what the service saw of it."""

    code: int
    document: dict[str, Any]
    results: dict[str, Any]
    seen: dict[str, int]
    stderr: str

    def gates(self, status: str) -> set[str]:
        return {gate["gate"] for gate in self.document["gates"] if gate["status"] == status}

    def band(self, name: str) -> str:
        return next(str(band["grade"]) for band in self.document["bands"] if band["name"] == name)


def ended(line: str, folder: Path, service: Parlour) -> Ended:
    (folder / "ours.yaml").write_text(OURS)
    words = ["run", "chat", "--config", "ours.yaml", "--url", service.url, "--json", "--no-store", "--out", "out", *line.split()]
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False, timeout=120, cwd=folder)
    assert done.stdout, done.stderr
    (whole,) = (folder / "out").glob("performance_suite_results_*.json")
    return Ended(done.returncode, json.loads(done.stdout), json.loads(whole.read_text()), dict(service.seen), done.stderr)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """One run of everything against a service that is well, and one of visitors against one that turns questions away."""
    lines = {"well": ALL, "poorly": "--users 60 --duration 3s --load-test"}
    with Parlour() as well, Parlour(fails=0.4) as poorly, ThreadPoolExecutor(2) as room:
        services = {"well": well, "poorly": poorly}
        folders = {name: tmp_path_factory.mktemp(name) for name in lines}
        found = {name: room.submit(ended, lines[name], folders[name], services[name]) for name in lines}
        yield {name: run.result() for name, run in found.items()}


def test_every_requirement_of_rest_and_websockets_passes(runs: dict[str, Ended]) -> None:
    run = runs["well"]
    assert run.gates("fail") | run.gates("no_data") == set(), run.document["errors"]
    assert {name: each["status"] for name, each in run.document["requirements"].items()} == {
        "response_time_under_5s": "pass",
        "concurrent_user_handling": "pass",
        "websocket_stability": "pass",
    }
    assert run.code in FINE


def test_every_path_is_asked_by_the_users_who_are_meant_to(runs: dict[str, Ended]) -> None:
    run = runs["well"]
    assert {"/v2/questions", "/v2/talks", "lines", "parlour-1", "line", "question"} <= set(run.seen)
    assert not [check for check in run.document["checks"] if check["failures"]]
    assert run.document["errors"] == [error for error in run.document["errors"] if error["step"] == "limit search"]


def test_fifty_users_of_all_patterns_talk_while_others_chat_over_websockets(runs: dict[str, Ended]) -> None:
    found = runs["well"].results["test_results"]
    assert found["concurrent_user_test"]["users"] == 50
    assert set(found["concurrent_user_test"]["patterns"]) == {"light", "mixed", "heavy"}
    assert found["websocket_performance"]["messages_received"] > 20
    assert found["load_test"]["arrivals"] > 20


def test_the_process_behind_the_port_is_watched_while_connections_come_and_go(runs: dict[str, Ended]) -> None:
    levels = runs["well"].document["metrics"]
    assert levels["target.memory"]["max"] > 1e6


def test_the_limit_of_connections_is_found_where_the_service_has_it(runs: dict[str, Ended]) -> None:
    sockets = runs["well"].results["test_results"]["websocket_performance"]
    assert 20 <= sockets["connection_limit"] <= 60
    assert sockets["connection_success_rate"] == 1
    assert sockets["connections_lost"] == 0
    assert sockets["messages_sent"] > 20
    assert 0 < sockets["typing_shown_max"] < 1


def test_a_service_that_turns_questions_away_fails_has_a_band_and_advice_with_its_evidence(runs: dict[str, Ended]) -> None:
    run = runs["poorly"]
    assert "rate(http.errors) < 5%" in run.gates("fail")
    assert run.code in {ExitCode.GATE_FAILED, ExitCode.UNTRUSTWORTHY}
    assert run.band("error rate") == "issue"
    assert runs["well"].band("error rate") == "good"
    assert run.document["recommendations"]
    for each in run.document["recommendations"]:
        assert each["trigger"]
        assert each["threshold"]
        assert any(letter.isdigit() for letter in each["trigger"])  # a measurement has a number


def planned(**flags: Any) -> Any:
    return load(["chat"], Overrides(flags))[0]


def test_the_endpoints_of_the_file_are_asked_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADSTONE_STORE", "none")
    file = tmp_path / "ours.yaml"
    with Parlour() as service:
        file.write_text(OURS)
        lines = {each.what: each for each in look_before(planned(config=str(file), url=service.url))}
        assert (lines["endpoints"].found, lines["endpoints"].advice) == ("4 of 4 are there (HEAD answers 200, 405)", "")
        lines = {each.what: each for each in look_before(planned(url=service.url))}
        assert "0 of 5 are there" in lines["endpoints"].found
        assert "/api/ask: 404, not there" in lines["endpoints"].advice


@pytest.mark.parametrize(
    ("patterns", "classes"), [("light", ["Light"]), ("heavy,light", ["Light", "Heavy"]), ("light,mixed,heavy", ["Light", "Mixed", "Heavy"])]
)
def test_patterns_that_a_service_cannot_serve_are_left_out(patterns: str, classes: list[str]) -> None:
    users = next(each for each in planned(patterns=patterns).scenarios if each.name == "users")
    assert users.code is not None
    assert list(users.code.classes) == classes


def test_without_a_typing_indicator_nobody_watches_it_and_no_gate_asks_for_it() -> None:
    with_it, without = planned(only="websockets"), planned(only="websockets", websocket_typing_on="")
    assert {each.name for each in with_it.scenarios} - {each.name for each in without.scenarios} == {"typing"}
    assert [gate.gate for gate in without.gates if "typing" in gate.gate] == []


def test_the_file_that_is_written_says_what_the_suite_does_anyway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from loadstone.cli.config import command

    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(command, ["write", "chat", "--output", "ours.yaml"]).exit_code == 0
    places = {option.place for option in WORDING}
    tree = yaml.safe_load(Path("ours.yaml").read_text())
    assert {f"{section}.{key}" if isinstance(keys, dict) else section for section, keys in tree.items() for key in keys} == places
    ours, usual = planned(config="ours.yaml", only="users,websockets"), planned(only="users,websockets")
    assert [each.settings for each in ours.scenarios] == [each.settings for each in usual.scenarios]
    assert ours.endpoints == usual.endpoints != ()


def test_what_is_no_json_object_is_told_with_the_option() -> None:
    with pytest.raises((UsageError, PlanError), match="websocket-typing-on"):
        planned(only="websockets", websocket_typing_on="typing")


def test_every_quantity_of_the_catalogue_has_a_band_with_edges_that_can_be_set() -> None:
    edges = {
        "response time, p95": ("3s", "5s"),
        "error rate": ("2%", "5%", "10%"),
        "WebSocket success": ("95%", "90%", "80%"),
        "memory with the load": ("1.5", "leak"),
    }
    assert {band.name: band.edges for band in planned(all=True).bands} == edges
    changed = load(
        ["chat"], Overrides({"all": True}, ("bands[0].good=1s", "bands[1].issue=20%", "bands[2].concern=92%", "bands[3].good=2"))
    )[0]
    assert [band.edges for band in changed.bands] == [("1s", "5s"), ("2%", "5%", "20%"), ("95%", "92%", "80%"), ("2", "leak")]


def test_braces_of_json_need_no_escapes() -> None:
    assert filled('{"a": {"b": "{text}"}, "n": {n}}', text="x", n=3) == '{"a": {"b": "x"}, "n": 3}'


def test_a_message_is_like_what_it_has_all_fields_of() -> None:
    assert is_like({"kind": "reply", "n": 1}, {"kind": "reply"})
    assert not is_like({"kind": "line"}, {"kind": "reply"})
    assert not is_like(["reply"], {"kind": "reply"})
    assert not is_like({"kind": "reply"}, {})  # without a sign there is nothing to see
