"""The gate on an auto-scaler, against scalers whose reaction is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Snapshot
from loadstone.plan.model import GateLine
from loadstone.testing.samples import make_series, make_snapshot

BEGAN, ENDED, END = 30, 60, 90


def seconds(*, behind: int | None, enough: int = 6, most: int | None = None, counted: bool = True) -> list[Snapshot]:
    """A spike of ten times, and a scaler that has `enough` instances so many seconds after it began, or `most` for a while."""
    found = []
    for at in range(END):
        ready = 2
        if behind is not None and BEGAN + behind <= at < ENDED:
            ready = (most or enough) if at < BEGAN + behind + 5 else enough
        second = make_snapshot(at, target_rate=200.0 if BEGAN <= at < ENDED else 20.0)
        gauges = {make_series("target.instances", probe="web"): Gauge.of(ready)} if counted else {}
        found.append(replace(second, gauges={**second.gauges, **gauges}))
    return found


def verdict_of(snapshots: list[Snapshot], **settings: Any) -> Verdict:
    line = {"kind": "scaling", "gate": "enough instances", "settings": {"within_s": 20, **settings}}
    panel = Panel([GateLine.model_validate(line)], Catalogue())
    for snapshot in snapshots:
        panel.see(snapshot)
    (verdict,) = panel.verdicts(Aggregate(snapshots))
    return verdict


@pytest.mark.parametrize(("behind", "status"), [(8, Status.PASS), (22, Status.FAIL)])
def test_the_time_until_there_were_enough_decides(behind: int, status: Status) -> None:
    verdict = verdict_of(seconds(behind=behind))
    assert verdict.status is status
    assert verdict.value == pytest.approx(behind, abs=0.6)
    assert "from 2 to 6" in verdict.reason


@pytest.mark.parametrize(("allowed", "status"), [(None, Status.PASS), (3, Status.PASS), (2, Status.FAIL)])
def test_more_instances_than_enough_are_an_overshoot_that_may_be_limited(allowed: float | None, status: Status) -> None:
    assert verdict_of(seconds(behind=8, most=9), overshoot=allowed).status is status


def test_a_scaler_that_was_never_needed_is_no_pass() -> None:
    verdict = verdict_of(seconds(behind=None))
    assert (verdict.status, verdict.value) == (Status.NO_DATA, None)
    assert "no spike took more instances" in verdict.reason


def test_instances_that_nobody_counted_are_no_pass() -> None:
    verdict = verdict_of(seconds(behind=8, counted=False))
    assert verdict.status is Status.NO_DATA
    assert "nobody counted" in verdict.reason


def test_a_load_without_a_spike_says_nothing_of_the_scaler() -> None:
    assert verdict_of(seconds(behind=8)[:BEGAN]).status is Status.NO_DATA


@pytest.mark.parametrize("settings", [{"within_s": 0}, {"within_s": "60s"}, {"overshoot": -1}, {"undershoot": 1}])
def test_settings_that_cannot_be_meant_are_mistakes(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"within_s|unknown setting"):
        verdict_of(seconds(behind=8), **settings)
