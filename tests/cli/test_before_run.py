"""What is told before a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.before_run import _shown, baseline_hint, endpoints_of, generator_of, kept_of, look_before, paths_of, room_of
from loadstone.cli.finding import Finding, written
from loadstone.errors import ExitCode, TargetUnreachable
from loadstone.load.first_look import Endpoint, FirstLook
from loadstone.plan.model import Plan
from loadstone.testing.server import Peer, ScriptedServer, response

ANSWERS = {"/health": 200, "/ask": 405, "/gone": 404, "/locked": 401, "/broken": 500, "/odd": 422}


def plan(*paths: str, **settings: Any) -> Plan:
    steps = [{"get": path} for path in paths or ("/health",)]
    scenario = {"profile": {"users": 3, "duration": 1}, "steps": steps}
    return Plan.model_validate({"scenarios": {"shop": scenario}, **settings})


def by_path(peer: Peer) -> None:
    """Answer as the path says, for as long as somebody asks."""
    while True:
        path = peer.read_request().split()[1].decode()
        peer.send(response(status=ANSWERS.get(path, 404), reason="Told"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([by_path]) as found:
        yield found


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOADSTONE_STORE", "none")
    monkeypatch.chdir(tmp_path)


def found(plan_: Plan) -> dict[str, Finding]:
    return {each.what: each for each in look_before(plan_)}


def test_each_thing_that_was_asked_has_a_line(server: ScriptedServer) -> None:
    lines = found(plan("/health", "/ask?x=1", "/gone", target=server.url, endpoints=True))
    assert list(lines) == ["target", "endpoints", "room", "generator", "history"]
    assert server.url in lines["target"].found
    assert lines["endpoints"].found == "2 of 3 are there (HEAD answers 200, 404, 405)"
    assert lines["endpoints"].advice == "/gone: 404, not there; look at the path"


def test_endpoints_are_asked_by_a_method_that_changes_nothing_and_with_the_plans_credentials(server: ScriptedServer) -> None:
    found(plan("/health", "/ask", target=server.url, endpoints=True, http={"auth": {"bearer": "t0ken"}}))
    assert sorted(request.split()[0] for request in server.requests) == [b"HEAD", b"HEAD"]
    assert all(b"Authorization: Bearer t0ken" in request for request in server.requests)


def test_a_plan_that_does_not_say_so_asks_no_endpoint(server: ScriptedServer) -> None:
    lines = found(plan("/health", target=server.url))
    assert server.requests == []
    assert lines["endpoints"].found.startswith("not asked (`endpoints: true`")
    assert lines["endpoints"].advice == ""


def test_a_list_of_paths_is_asked_instead_of_those_of_the_steps() -> None:
    assert paths_of(plan("/a", "/a?b=1", "/c/${data.id}", target="http://h", endpoints=True)) == ["/a"]
    assert paths_of(plan("/a", target="http://h", endpoints=["/x", "/y", "/x"])) == ["/x", "/y"]
    assert paths_of(plan("/a", target="http://h")) == paths_of(plan("http://h/a", endpoints=True)) == []


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (200, ""),
        (204, ""),
        (307, ""),
        (400, ""),
        (405, ""),
        (422, ""),
        (501, ""),
        (401, "credentials"),
        (403, "credentials"),
        (404, "not there"),
        (410, "not there"),
        (500, "a failure of the server"),
        (503, "a failure of the server"),
    ],
)
def test_each_status_is_told_as_what_it_says_of_the_path(status: int, advice: str) -> None:
    finding = endpoints_of([Endpoint("/x", status)])
    assert (advice in finding.advice) if advice else (finding.advice == "")
    assert finding.found.startswith("0 of 1" if advice else "1 of 1")


def test_a_path_that_nobody_answers_is_told_with_its_reason() -> None:
    assert endpoints_of([Endpoint("/x", 0, "connection reset")]).advice == "/x: no answer (connection reset)"


def test_a_server_that_hangs_up_costs_no_run() -> None:
    def hang_up(peer: Peer) -> None:
        peer.read_request()

    with ScriptedServer([hang_up]) as server:
        lines = found(plan("/health", target=server.url, endpoints=True))
    assert lines["endpoints"].found == "0 of 1 are there (HEAD answers nothing)"
    assert "/health: no answer (" in lines["endpoints"].advice


def test_a_target_that_takes_no_connection_ends_it_all() -> None:
    with pytest.raises(TargetUnreachable, match="nothing listens"):
        look_before(plan(target="http://127.0.0.1:1"))


@pytest.mark.parametrize(("late_ms", "advised"), [(0.2, False), (4.0, True)])
def test_a_generator_that_wakes_up_late_has_advice(late_ms: float, advised: bool) -> None:
    finding = generator_of(FirstLook((), tuple(sorted([round(late_ms * 1e6)] * 50))))
    assert f"p99 {late_ms:.2f} ms" in finding.found
    assert bool(finding.advice) is advised


def test_room_is_told_beside_the_users_who_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.probes.machine.descriptor_limit", lambda: 900)
    monkeypatch.setattr("loadstone.probes.machine.local_ports", lambda: 500)
    assert room_of(plan(workers=1)).found == "900 descriptors, 500 local ports; users who stay need 3"
    arrivals = {"shop": {"profile": {"rate": "5/s", "duration": 1}, "steps": [{"get": "/"}]}}
    assert room_of(plan(scenarios=arrivals)).found == "900 descriptors, 500 local ports"
    assert "ports" not in room_of(plan(http={"unix_socket": "a.sock"})).found


def test_history_and_baseline_are_told_by_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from loadstone.store.rows import Policy
    from loadstone.store.store import Store

    assert [each.found for each in kept_of(plan())] == ["not kept (LOADSTONE_STORE=none), so nothing can be compared with it"]
    file = tmp_path / "runs.db"
    monkeypatch.setenv("LOADSTONE_STORE", str(file))
    history, baseline = kept_of(plan())
    assert history.found == "the first run in runs.db"
    assert "loadstone baseline save main last" in baseline.found
    assert not file.exists()  # looking makes no store
    with Store.open(f"sqlite:///{file}") as store:
        store.make_baseline("main", Policy())
    history, baseline = kept_of(plan())
    assert history.found == "the first run of suite in runs.db"
    assert baseline.found == "compared with none of main: --baseline main"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@db.example/runs?sslmode=on", "postgresql://me:***@db.example/runs?sslmode=on"),
        ("sqlite:////elsewhere/r.db", "/elsewhere/r.db"),
    ],
)
def test_where_runs_are_kept_is_told_without_a_password(url: str, shown: str) -> None:
    assert _shown(url) == shown


def test_a_plan_that_compares_says_with_what() -> None:
    assert baseline_hint(plan(baselines={"name": "nightly"}), ["main"]) == "compared with nightly"
    gates = ["regression(p95(http.response_time)) < 10%"]
    assert baseline_hint(plan(gates=gates), ["main"]) == "compared by its gates"


def test_advice_stands_below_its_line_and_marks_it() -> None:
    assert written([Finding("a", "x"), Finding("long", "y", "do")]) == ["· a     x", "! long  y", "        do"]
    assert written([]) == []


def call(*words: str) -> Result:
    return CliRunner().invoke(import_module(f"loadstone.cli.{words[0]}").command, words[1:])


@pytest.mark.parametrize(
    ("path", "found", "advised"),
    [("/health", "1 of 1 are there (HEAD answers 200)", False), ("/gone", "0 of 1 are there (HEAD answers 404)", True)],
)
def test_the_doctor_asks_a_target(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, path: str, found: str, advised: bool) -> None:
    monkeypatch.setattr("loadstone.cli.doctor.TIMER_S", 0.02)
    done = call("doctor", "--quick", "--json", "--target", f"{server.url}{path}")
    lines = {each["what"]: each for each in json.loads(done.output)}
    assert done.exit_code == 0
    assert lines["endpoints"]["found"] == found
    assert bool(lines["endpoints"]["advice"]) is advised


def test_the_doctor_answers_3_for_a_target_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.cli.doctor.TIMER_S", 0.02)
    done = call("doctor", "--quick", "--target", "http://127.0.0.1:1/")
    assert done.exit_code == ExitCode.UNREACHABLE
    assert "nothing listens on port 1" in done.output


@pytest.mark.parametrize(("json_wanted", "quiet", "told"), [(False, False, True), (True, False, False), (False, True, False)])
def test_lines_are_for_those_who_read_along(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str], json_wanted: bool, quiet: bool, told: bool
) -> None:
    from loadstone.cli.perform import Showing, _ask_before

    assert _ask_before(plan("/health", target=server.url, endpoints=True), Showing(json=json_wanted, quiet=quiet)) is told
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("· endpoints  1 of 1 are there" in shown.err) is told
    assert bool(server.requests) is told


def test_lines_are_broken_between_words_below_the_words_above() -> None:
    long = Finding("room", "20,000 descriptors, 28,232 local ports; users who stay need 12,345", "a machine with a free core would do")
    lines = written([long, Finding("baseline", "none")], 40)
    assert all(len(line) <= 40 for line in lines)
    assert [line.split() for line in lines if line.startswith(" " * 12)] == [line.split() for line in lines[1:-1]]
    assert " ".join(" ".join(lines).split()) == "! room " + long.found + " " + long.advice + " · baseline none"
