"""Shares of processor time from hand-made files and counters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loadstone.probes import strain
from loadstone.probes.cpu_share import CpuShare
from loadstone.probes.strain import Strain, spent_by


def test_the_share_of_the_machine_counts_steal_and_leaves_waiting_for_disks_out(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 100 0 0 0 0 0 0\n")
    share = CpuShare(stat)
    stat.write_text("cpu  140 0 0 130 20 0 0 10 7 0\n")
    assert share.look() == pytest.approx(0.5)
    assert share.look() is None


def test_without_the_file_there_is_no_share(tmp_path: Path) -> None:
    assert CpuShare(tmp_path / "none").look() is None


def test_the_busiest_of_generator_and_targets_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, own, spent = [0], [0.0], {"A": (0.0, 1), "B": (0.0, 2)}
    monkeypatch.setattr(strain, "now_ns", lambda: clock[0])
    monkeypatch.setattr("time.process_time", lambda: own[0])
    found = Strain({"A": lambda: spent["A"], "B": lambda: spent["B"], "C": lambda: None})
    for arm in "ABC":
        end = found.slice(arm)
        clock[0] += 1_000_000_000
        own[0] += 0.3
        end()
    spent.update(A=(0.5, 1), B=(1.8, 2))
    assert found.look() == pytest.approx(0.9)
    assert found.look() is None


def test_a_process_has_spent_time_and_one_that_is_gone_has_not() -> None:
    mine = spent_by(os.getpid())
    assert mine is not None
    assert mine[0] > 0
    assert spent_by(2**22 + 1) is None
