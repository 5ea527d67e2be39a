"""A gate as a small drawing: how far the value is from its limit, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.judge.verdict import show_value
from loadstone.report.document import Gate

ROOM = 1.12  # the scale goes this much beyond the greatest of what is drawn
WIDEST = 20.0  # a value so many times its limit is drawn at the edge: the limit would vanish


@dataclass(frozen=True, slots=True)
class GateBar:
    """Places in percent of the drawing's width.

    allowed: from and to, of the side of the limit on which the gate holds
    low, high: of the interval; None where there is none
    off: the value lies beyond the drawing
    cut: its interval goes on beyond the drawing
    """

    value: float
    limit: float
    allowed: tuple[float, float]
    low: float | None
    high: float | None
    off: bool
    cut: bool


def gate_bar(gate: Gate) -> GateBar | None:
    """The drawing, or None where there is nothing to draw: no data, no number to compare with, values below zero."""
    limit = gate.limit
    if limit is None or (gate.value is None and not gate.beyond) or limit < 0 or (gate.value or 0.0) < 0:
        return None
    edge = limit * WIDEST if limit > 0 else float("inf")
    ends = [end for end in (limit, gate.value, gate.low, gate.high) if end is not None]
    top = min(max(ends), edge) * ROOM
    if top <= 0:
        return None
    off = gate.beyond or (gate.value or 0.0) > top

    def place(value: float) -> float:
        return round(min(100.0, max(0.0, value / top * 100)), 2)

    at = place(limit)
    value = 100.0 if off or gate.value is None else place(gate.value)
    low, high = (None, None) if gate.low is None or gate.high is None else (place(gate.low), place(gate.high))
    cut = low is not None and (gate.high or 0.0) > top and not off
    return GateBar(value, at, (at, 100.0) if ">" in gate.gate else (0.0, at), low, high, off, cut)


def interval(gate: Gate) -> str:
    """The 95 % interval of the value as text; empty where there is none."""
    if gate.low is None and gate.high is None:
        return ""
    low = "?" if gate.low is None else show_value(gate.low, gate.unit)
    high = "beyond" if gate.high is None else show_value(gate.high, gate.unit)
    return f"{low} to {high}"


def limit_text(gate: Gate) -> str:
    """The limit as people read it."""
    if gate.gate.endswith("= none"):
        return "none"
    return "—" if gate.limit is None else show_value(gate.limit, gate.unit)


def value_text(gate: Gate) -> str:
    """The value as people read it."""
    if gate.beyond:
        return "beyond"
    return "—" if gate.value is None else show_value(gate.value, gate.unit)
