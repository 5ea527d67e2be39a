"""May figures of calls be believed? Only after a calibration, and only when the caller's own frames were in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.snapshot import View
from loadstone.measure.voice import CALIBRATION, FRAME_LATENESS, MOST_ERROR_MS
from loadstone.units import format_duration


def doubt(view: View) -> str:
    """Why nothing can be said about voice; empty when it can, or when there were no calls."""
    if not view.count("voice.calls"):
        return ""
    calibration = view.gauge(CALIBRATION)
    limit = format_duration(MOST_ERROR_MS / 1e3)
    if calibration is None or not calibration.count:
        return "the caller was not calibrated: its oracle was not answered in time, or the plan says calibrate: false"
    if calibration.greatest >= MOST_ERROR_MS:
        return f"the caller's calibration is off by {format_duration(calibration.greatest / 1e3)}; less than {limit} is needed"
    late = view.distribution(FRAME_LATENESS)
    p99_ms = late.quantile(0.99) / 1e6 if late is not None and late.count else 0.0
    if p99_ms >= MOST_ERROR_MS:
        return f"the caller's frames were late: p99 {format_duration(p99_ms / 1e3)}; less than {limit} is needed"
    return ""


def without_voice(verdicts: Sequence[Verdict], why: str) -> list[Verdict]:
    """Gates on voice say nothing, whether they held or not: what they looked at may be our own."""
    return [replace(each, status=Status.NO_DATA, reason=why) if each.gate.metric.startswith("voice.") else each for each in verdicts]
