"""How many exchanges a stretch holds, whatever they were spoken in: what loads, stop rules, notices and verdicts count by."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.measure.snapshot import View

# What was asked, and what of it failed. A message is an exchange, and so is a voice call; an attempt to connect is one only when it fails.
ASKED = ("http.requests", "ws.messages_out", "ws.connect_failures", "call.requests", "voice.calls")
FAILED = ("http.errors", "ws.errors", "ws.connect_failures", "call.errors", "voice.call_errors")
RAISED = "(raised)"  # the task of a pass that its own code broke off


def exchanges(view: View, tags: Mapping[str, str] | None = None) -> int:
    """Requests and messages that were sent, and connections that could not be made."""
    return sum(view.count(metric, tags) or 0 for metric in ASKED)


def failed_exchanges(view: View, tags: Mapping[str, str] | None = None) -> int:
    """Those that failed."""
    return sum(view.count(metric, tags) or 0 for metric in FAILED)


def anything_measured(view: View) -> bool:
    """Was there an exchange, or a pass of a script that came to its end? One that raised says nothing of a target."""
    passes = (view.count("iteration.count") or 0) - (view.count("iteration.count", {"task": RAISED}) or 0)
    return exchanges(view) > 0 or passes > 0
