"""A whole run with a probe: real worker, real sockets, the target's own numbers in the same seconds."""

import itertools
import json
from collections.abc import Iterator

import pytest

from loadstone.errors import ExitCode, PlanError
from loadstone.judge.notices import NoticeCode
from loadstone.judge.verdict import Status
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.report.json import render_json
from loadstone.report.text import render_text
from loadstone.report.told import Told
from loadstone.run import execute
from loadstone.testing.server import Peer, ScriptedServer, response

PAGE = "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 3\n# TYPE done counter\ndone_total {count}\n"


@pytest.fixture
def metrics() -> Iterator[ScriptedServer]:
    """An endpoint whose counter grows by 100 with each look at it."""
    looks = itertools.count(step=100)

    def page(peer: Peer) -> None:
        peer.read_request()
        peer.send(response(PAGE.format(count=next(looks)).encode()))

    with ScriptedServer([page]) as server:
        yield server


class Kept:
    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def snapshot(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)

    def close(self) -> None:
        pass


def plan_of(target: str, probe: object, gates: list[str], duration: str = "3s") -> Plan:
    scenario = {"profile": {"rate": "20/s", "duration": duration}, "steps": [{"get": "/"}], "warm_up": "1s"}
    return Plan.model_validate({"target": target, "scenarios": {"a": scenario}, "probes": [probe], "gates": gates})


def test_what_the_target_says_is_in_gates_snapshots_and_reports(target: str, metrics: ScriptedServer) -> None:
    gates = ["max(target.requests_waiting) < 10", "min(target.done_total) > 0/s", "rate(probe.missed) < 100%"]
    sink = Kept()
    probe = {"prometheus": metrics.url, "metrics": ["done_total"], "name": "it"}
    story = execute(plan_of(target, probe, gates), [sink])
    assert [verdict.passed for verdict in story.verdicts] == [True, True, True]
    waiting = Series("target.requests_waiting", (("probe", "it"),))
    total = story.result.total
    readings, missed = total.count("probe.readings") or 0, total.count("probe.missed") or 0  # of a second that the machine did not give us
    seen = [snapshot.gauges[waiting].count for snapshot in sink.seen if waiting in snapshot.gauges]
    assert set(seen) == {1}
    assert readings + missed == 2  # the first of the three seconds is warm-up
    document = json.loads(render_json(Told.of(story)))
    assert document["metrics"]["target.requests_waiting"]["max"] == 3.0
    assert document["metrics"]["target.done_total"]["unit"] == "1/s"
    page = render_text(story, 100)
    assert "TARGET" in page
    assert f"{readings} of 2 readings" in page
    assert "OWN METRICS" not in page
    assert len(metrics.requests) >= len(seen) + 1, "one before the load, for counters to grow from"


def test_an_endpoint_that_is_dead_is_told_and_its_gate_lacks_data(target: str) -> None:
    with ScriptedServer() as gone:
        url = gone.url
    story = execute(plan_of(target, url, ["max(target.requests_waiting) < 10"], "2s"))
    assert [verdict.status for verdict in story.verdicts] == [Status.NO_DATA]
    assert story.exit_code in {ExitCode.INCONCLUSIVE, ExitCode.UNTRUSTWORTHY}, "a busy machine may be late, and that comes first"
    assert (story.result.load.requests or 0) > 10
    (notice,) = [notice for notice in story.notices if notice.code is NoticeCode.PROBE_SILENT]
    assert "refused" in notice.text
    assert "0 of 1 readings" in render_text(story, 80)


def test_a_gate_on_a_name_that_no_probe_reads_is_refused_before_the_run(target: str) -> None:
    with pytest.raises(PlanError, match=r"unknown metric 'target\.nothing'"):
        execute(plan_of(target, "http://127.0.0.1:9", ["max(target.nothing) < 10"]))
