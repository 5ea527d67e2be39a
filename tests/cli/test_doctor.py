"""`loadstone doctor`: each finding with and without its advice, as a page and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli import doctor
from loadstone.cli.doctor import command
from loadstone.cli.finding import Finding


def call(*flags: str) -> Result:
    done = CliRunner().invoke(command, flags)
    assert done.exception is None
    return done


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer's second of measurement in no time."""
    monkeypatch.setattr(doctor, "TIMER_S", 0.02)


@pytest.mark.usefixtures("quiet")
def test_a_quick_look_tells_everything_but_the_top_rate() -> None:
    found = json.loads(call("--quick", "--json").output)
    assert [each["what"] for each in found] == [
        "timer error",
        "receive clock",
        "event loop",
        "usual exchange",
        "file descriptors",
        "local ports",
    ]
    assert all(each["found"] for each in found)


@pytest.mark.usefixtures("quiet")
def test_the_top_rate_stands_in_the_page_unless_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_top_rate", lambda: Finding("top rate on loopback", "12,345 requests/s"))
    assert "top rate on loopback" in call().output
    assert "top rate" not in call("--quick").output


@pytest.mark.usefixtures("quiet")
def test_advice_is_marked_and_stands_below_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.probes.machine.descriptor_limit", lambda: 256)
    lines = call("--quick").output.splitlines()
    at = next(number for number, line in enumerate(lines) if "file descriptors" in line)
    assert lines[at].startswith("! ")
    assert "256 per worker" in lines[at]
    assert "ulimit -n 65536" in lines[at + 1]
    assert not next(line for line in lines if "event loop" in line).startswith("!")


@pytest.mark.parametrize(("limit", "advised"), [(256, True), (4095, True), (4096, False), (1 << 20, False)])
def test_few_descriptors_are_advised_against(monkeypatch: pytest.MonkeyPatch, limit: int, advised: bool) -> None:
    monkeypatch.setattr("loadstone.probes.machine.descriptor_limit", lambda: limit)
    assert bool(doctor._descriptors().advice) is advised


@pytest.mark.parametrize(("late_ms", "advised"), [(0.2, False), (3.0, True)])
def test_a_late_timer_is_advised_against(monkeypatch: pytest.MonkeyPatch, late_ms: float, advised: bool) -> None:
    async def lags() -> list[int]:
        return [round(late_ms * 1e6)] * 100

    monkeypatch.setattr(doctor, "_lags", lags)
    found = doctor._timer()
    assert f"p99 {late_ms:.3f} ms" in found.found
    assert bool(found.advice) is advised


def test_without_the_kernels_stamps_and_the_systems_word_on_ports_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.clients.wire.ask_for_stamps", lambda _sock: False)
    monkeypatch.setattr("loadstone.probes.machine.local_ports", lambda: None)
    clock, ports = doctor._kernel_clock(), doctor._ports()
    assert clock.found == "the application's"
    assert clock.advice
    assert ports == Finding("local ports", "unknown on this system")


def test_the_loop_is_told_with_and_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "uvloop":
            raise ImportError(name)
        return real(name, *more)

    assert "uvloop" in doctor._loop().found
    monkeypatch.setattr(builtins, "__import__", without)
    assert doctor._loop().advice == "pip install uvloop"
