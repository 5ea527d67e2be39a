"""What would spoil a run is told before it: no room, no descriptors, no ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loadstone.cli.preflight import LEAST_FREE_BYTES, check_machine, check_place, check_room
from loadstone.errors import ExitCode, UsageError
from loadstone.plan.model import Plan


class Usage(NamedTuple):
    """As shutil tells it."""

    total: int
    used: int
    free: int


def plan(users: int, **settings: Any) -> Plan:
    scenario = {"profile": {"users": users, "duration": 1}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": "http://h", "scenarios": {"shop": scenario}, **settings})


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.probes.machine.descriptor_limit", lambda: 1064)
    monkeypatch.setattr("loadstone.probes.machine.local_ports", lambda: 1500)


def test_a_disk_that_is_full_is_told_before_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_room(None)
    check_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: Usage(1, 1, LEAST_FREE_BYTES - 1))
    with pytest.raises(UsageError, match=r"only 10 MB are free there") as error:
        check_room(tmp_path)
    assert error.value.exit_code is ExitCode.USAGE


def test_a_folder_that_cannot_be_written_to_is_told_before_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_path: Path, _data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(UsageError, match="cannot be written to: Permission denied"):
        check_room(tmp_path)


def test_a_report_that_could_not_be_put_into_its_place_is_told_before_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_place(tmp_path / "report.html", "--report html=report.html")
    check_place(Path("/dev/null"), "--report html=/dev/null")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="--report html=here: is a folder"):
        check_place(tmp_path, "--report html=here")

    def refuse(_path: Path, _data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(UsageError, match="cannot be written to: Permission denied"):
        check_place(tmp_path / "report.html", "--report html=report.html")


@pytest.mark.parametrize(
    ("users", "settings"), [(1000, {}), (1400, {"workers": 2}), (3000, {"workers": 3, "http": {"source_addresses": ["::1", "::2"]}})]
)
def test_users_that_find_their_descriptors_and_ports_may_come(users: int, settings: dict[str, Any]) -> None:
    check_machine(plan(users, **settings))


@pytest.mark.parametrize(
    ("users", "settings", "said"),
    [
        (1001, {}, "scenarios.shop: 1,001 users need a file descriptor each, and 1,000 are to be had. Try: ulimit -n 1129"),
        (1501, {"workers": 2}, "1,501 users need a local port each, and 1,500 are to be had"),
    ],
)
def test_users_that_cannot_all_connect_are_refused(users: int, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        check_machine(plan(users, **settings))
    assert said in str(error.value)


def test_a_machine_that_lets_nobody_open_a_connection_says_so_whoever_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.probes.machine.descriptor_limit", lambda: 16)
    scenario = {"profile": {"rate": "5/s", "duration": 1}, "steps": [{"get": "/"}]}
    with pytest.raises(UsageError, match=r"^a process may open 16 files, and needs 64 for itself\. Try: ulimit -n 128$"):
        check_machine(Plan.model_validate({"target": "http://h", "scenarios": {"shop": scenario}}))


def test_over_a_unix_socket_there_are_no_ports_to_run_out_of() -> None:
    check_machine(plan(1900, workers=2, http={"unix_socket": "server.sock"}))


@pytest.mark.parametrize(
    "profile", [{"rate": "1e9/s", "duration": 1}, {"kind": "spike", "rate": "1000/s", "peak": 3000, "at": "10s", "for": "5s"}]
)
def test_a_rate_that_no_worker_can_bring_about_is_refused_before_it_takes_the_machine(profile: dict[str, Any]) -> None:
    scenario = {"profile": profile, "steps": [{"get": "/"}]}
    with pytest.raises(
        UsageError, match=r"scenarios\.shop\.profile: .* are asked for at the peak, and 2 workers can bring about .* more workers"
    ):
        check_machine(Plan.model_validate({"target": "http://h", "scenarios": {"shop": scenario}, "workers": 2}))


def test_a_burst_asks_for_no_rate() -> None:
    scenario = {"profile": {"kind": "burst", "size": 50, "every": "10s", "duration": "30s"}, "steps": [{"get": "/"}]}
    check_machine(Plan.model_validate({"target": "http://h", "scenarios": {"shop": scenario}}))
