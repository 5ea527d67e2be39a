"""Ctrl-C that comes when the load is over: what was measured is told all the same."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from loadstone.cli import perform
from loadstone.cli.perform import Showing
from loadstone.plan.model import Plan
from loadstone.testing.samples import make_snapshot, make_story

PLAN = Plan.model_validate({"target": "http://h", "scenarios": {"s": {"profile": {"users": 1, "duration": 1}, "steps": [{"get": "/"}]}}})


def interrupt_after(monkeypatch: pytest.MonkeyPatch, *numbers: signal.Signals) -> None:
    """Runs are made up; as soon as one is over, these signals come."""

    def run(*_arguments: object, afterwards: Any, **_more: object) -> object:
        for number in numbers:
            signal.signal(number, afterwards)
        for number in numbers:
            signal.raise_signal(number)
        return make_story([make_snapshot(n) for n in range(3)], gates=("count(http.requests) > 1",), interrupted=True)

    monkeypatch.setattr("loadstone.run.execute", run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_after_the_load_costs_neither_page_nor_files(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    interrupt_after(monkeypatch, number)
    assert perform.perform(PLAN, Showing(quiet=True, out=str(tmp_path / "kept"))) == 130
    said = capfd.readouterr()
    assert "INTERRUPTED" in said.out
    assert "the load is over: telling what was measured (Ctrl-C again leaves it)" in said.err
    assert list((tmp_path / "kept").glob("result_*.json"))
    assert signal.getsignal(number) is before


def test_a_second_interrupt_after_the_load_ends_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    interrupt_after(monkeypatch, signal.SIGINT, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        perform.perform(PLAN, Showing(quiet=True, out=str(tmp_path)))
