"""Gates of a plan together: statements, judgements in code, and those that need something."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from loadstone.errors import PlanError, UsageError
from loadstone.judge.panel import Asked, Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.model import GateLine
from loadstone.plugins import BUILT_IN, Plugins
from loadstone.testing.samples import make_snapshot


class AtMost:
    """So many requests in all; more end the run."""

    def __init__(self, asked: Asked) -> None:
        if "requests" not in asked.settings:
            raise UsageError("needs a number", where=f"gate {asked.spec}", hint="settings: {requests: 100}")
        self.asked, self.most, self.seen = asked, asked.settings["requests"], 0

    def see(self, snapshot: Snapshot) -> Verdict | None:
        self.seen += sum(count for series, count in snapshot.counts.items() if series.metric == "http.requests")
        return self._verdict() if self.seen > self.most else None

    def check(self, _view: View) -> Verdict:
        return self._verdict()

    def _verdict(self) -> Verdict:
        status = Status.NO_DATA if not self.seen else Status.PASS if self.seen <= self.most else Status.FAIL
        return Verdict(self.asked.spec, status, self.seen, self.most, "1", self.seen, f"{self.seen} were sent")


def crash(_asked: Asked) -> Any:
    raise RuntimeError("no licence")


class Breaking:
    """Breaks in one of its methods, or says nothing."""

    def __init__(self, asked: Asked) -> None:
        self.at = asked.settings["at"]

    def see(self, _snapshot: Snapshot) -> Any:
        if self.at == "see":
            raise KeyError("p97")

    def check(self, _view: View) -> Any:
        if self.at == "check":
            raise ValueError("no column")


def panel(*gates: Any) -> Panel:
    names = {"at-most": "AtMost", "crash": "crash", "breaking": "Breaking"}
    points = {"gate": [EntryPoint(name, f"{__name__}:{attribute}", "x") for name, attribute in names.items()]}
    return Panel([GateLine.model_validate(gate) for gate in gates], Catalogue(), Plugins(BUILT_IN, points))


LATENCY = "p95(http.response_time) < 2s"
NEEDS = {"gate": "max(target.memory) < 5MB", "needs": "a memory probe"}


def judged(board: Panel, seconds: int) -> tuple[list[Verdict], list[Verdict]]:
    snapshots = [make_snapshot(n) for n in range(seconds)]
    fired = [verdict for snapshot in snapshots for verdict in board.see(snapshot)]
    return fired, board.verdicts(Aggregate(snapshots))


def test_each_gate_answers_in_the_order_of_the_plan() -> None:
    mine = {"kind": "at-most", "settings": {"requests": 1000}, "requirement": "budget", "name": "budget"}
    fired, verdicts = judged(panel(NEEDS, mine, LATENCY), 3)
    assert fired == []
    assert [(str(verdict.gate), verdict.status) for verdict in verdicts] == [
        ("max(target.memory) < 5MB", Status.NO_DATA),
        ("at-most", Status.PASS),
        (LATENCY, Status.PASS),
    ]
    assert (verdicts[1].gate.requirement, verdicts[1].gate.name, verdicts[1].value) == ("budget", "budget", 300)


def test_a_gate_in_code_ends_the_run_once_and_keeps_its_verdict() -> None:
    fired, verdicts = judged(panel({"kind": "at-most", "gate": "few requests", "settings": {"requests": 150}}), 4)
    assert [(str(verdict.gate), verdict.value) for verdict in fired] == [("few requests", 200)]
    assert verdicts == fired


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("see", "the gate 'breaking' raised KeyError: 'p97'"),
        ("check", "the gate 'breaking' raised ValueError: no column"),
        ("neither", "the gate 'breaking' gives no verdict"),
    ],
)
def test_a_gate_of_another_package_that_breaks_has_no_data_and_the_others_are_judged(at: str, reason: str) -> None:
    fired, verdicts = judged(panel({"kind": "breaking", "settings": {"at": at}}, LATENCY), 3)
    assert fired == []
    assert [(verdict.status, str(verdict.gate)) for verdict in verdicts] == [(Status.NO_DATA, "breaking"), (Status.PASS, LATENCY)]
    assert verdicts[0].reason == reason


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"kind": "at-mots"}, "unknown gate 'at-mots'. Try: at-most"),
        ({"kind": "at-most"}, "gate at-most: needs a number"),
        ({"kind": "crash"}, "the gate 'crash' raised RuntimeError: no licence"),
        ("p95(http.respond_time) < 2s", "unknown metric"),
    ],
)
def test_a_gate_that_cannot_be_made_is_told_before_the_run(gate: Any, said: str) -> None:
    with pytest.raises(PlanError) as found:
        panel(LATENCY, gate)
    assert said in str(found.value)


@pytest.mark.parametrize("line", [{"gate": LATENCY, "settings": {"a": 1}}, {"name": "nothing"}, {"kind": "at-most", "requests": 3}])
def test_a_line_that_is_neither_a_statement_nor_a_plugin_with_settings_is_refused(line: Any) -> None:
    with pytest.raises(ValueError, match=r"settings are for gates in code|says nothing|requests"):
        GateLine.model_validate(line)
