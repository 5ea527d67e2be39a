"""The probe of a Python target's inside: the contract over a real socket, and what each page becomes."""

import gc
import json
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.inside import InsideWsgi
from loadstone.plan.probe import ProbePlan
from loadstone.probes.inside import METRICS, InsideProbe
from loadstone.probes.probe import NoReading, Probe, Readings
from loadstone.testing.probe_contract import ProbeContract
from loadstone.testing.server import ScriptedServer, answer, response

TOKEN = "a-token-for-tests"  # noqa: S105


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None: ...  # noqa: A002  its name there


def probe_of(url: str, **settings: Any) -> InsideProbe:
    return InsideProbe(ProbePlan(kind="inside", watches="/_inside", settings={"token": TOKEN, "name": "it", **settings}), url)


class TestInsideProbe(ProbeContract):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with make_server("127.0.0.1", 0, InsideWsgi(lambda *_: [], token=TOKEN), handler_class=Silent) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_port}"
            yield
            server.shutdown()
            thread.join()

    def make(self) -> Probe:
        return probe_of(self.url)

    def make_dead(self) -> Probe:
        with ScriptedServer() as gone:
            return probe_of(gone.url)

    def test_a_wrong_token_is_no_reading(self) -> None:
        probe = probe_of(self.url, token="wrong-token")  # noqa: S106
        probe.open(now_ns)
        with pytest.raises(NoReading, match="status 401"):
            probe.sample(Readings())

    def test_collections_of_a_real_process_are_seen(self) -> None:
        probe = probe_of(self.url)
        probe.open(now_ns)
        self.read(probe)
        gc.collect()
        found = {series.metric: value for series, value in self.read(probe).gauges.items()}
        assert found["target.gc_pause"] > 0
        assert 0 < found["target.gc_share"] < 100
        assert found["target.allocated_blocks"] > 1000

    def test_checkpoints_name_the_types_that_grew(self) -> None:
        class Leaked:
            def __init__(self) -> None:
                self.me = self

        now = iter(range(0, 10**6 * SECOND, SECOND))
        probe = probe_of(self.url, checkpoint="2s", timeout="1h")
        probe.open(lambda: next(now))
        kept = [Leaked() for _ in range(500)]
        found = {series: value for _ in range(4) for series, value in self.read(probe).gauges.items()}
        more = {
            dict(series.tags)["type"].rpartition(".")[2]: value for series, value in found.items() if series.metric == "target.objects_more"
        }
        assert more["Leaked"] == len(kept)


PLAIN = '{"version": 1, "pid": 7, "now_ns": 5}'


def page(pid: int, now_s: float, **parts: Any) -> bytes:
    levels = {
        "version": 1,
        "pid": pid,
        "now_ns": round(now_s * SECOND),
        "allocated_blocks": 100,
        "heap": {"used_bytes": 2000, "mapped_bytes": 0, "free_bytes": None},
        "threads": 3,
        "gc": {"collections": [10, 2, 1], "pause_ns": 5_000_000, "longest_pause_ns": None},
        "loop": {"tasks": None, "longest_lag_ns": None},
        "pools": {"db": {"size": 5, "in_use": None}},
    }
    return response(json.dumps(levels | parts).encode())


def read_pages(*pages: bytes) -> list[dict[tuple[str, tuple[tuple[str, str], ...]], float]]:
    with ScriptedServer(*([answer(each)] for each in pages)) as server:
        probe = probe_of(server.url, timeout="10s")
        probe.open(now_ns)
        found = []
        for _ in pages:
            readings = Readings()
            probe.sample(readings)
            found.append(
                {
                    (series.metric, tuple(pair for pair in series.tags if pair[0] != "probe")): value
                    for series, value in readings.gauges.items()
                }
            )
        return found


LEVELS_ONLY: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
    ("target.allocated_blocks", ()): 100,
    ("target.heap", ()): 2000,
    ("target.threads", ()): 3,
}


def test_what_the_target_cannot_tell_is_left_out_and_never_0() -> None:
    (first,) = read_pages(page(7, 1))
    assert first == LEVELS_ONLY | {("target.pool_size", (("pool", "db"),)): 5}


def test_shares_and_rates_are_of_the_time_between_two_readings() -> None:
    later = {"collections": [30, 4, 1], "pause_ns": 45_000_000, "longest_pause_ns": 30_000_000}
    _, second = read_pages(page(7, 1), page(7, 3, gc=later, loop={"tasks": 4, "longest_lag_ns": 2_500_000}))
    assert second[("target.gc_share", ())] == pytest.approx(2.0)
    assert second[("target.gc_pause", ())] == pytest.approx(30.0)
    assert second[("target.loop_lag", ())] == pytest.approx(2.5)
    assert second[("target.tasks", ())] == 4
    rates = [second[("target.gc_collections", (("generation", str(each)),))] for each in range(3)]
    assert rates == pytest.approx([10.0, 1.0, 0.0])


def test_a_second_process_behind_the_port_has_series_of_its_own() -> None:
    first, second, third = read_pages(page(7, 1), page(8, 2, allocated_blocks=9), page(7, 3))
    assert ("target.allocated_blocks", ()) in first
    assert second[("target.allocated_blocks", (("pid", "8"),))] == 9
    assert ("target.allocated_blocks", ()) not in second
    assert ("target.gc_share", (("pid", "8"),)) not in second, "the first reading of a process has nothing to grow from"
    assert third[("target.allocated_blocks", ())] == 100


@pytest.mark.parametrize(
    "body",
    [b"not JSON", b"[]", b"{}", b'{"version": 2, "pid": 1, "now_ns": 1}', b'{"version": 1, "pid": "x", "now_ns": 1}', b"[" * 100_000],
)
def test_rubbish_is_malformed(body: bytes) -> None:
    with pytest.raises(NoReading) as caught:
        read_pages(response(body))
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "parts", [{"gc": 5}, {"gc": {"collections": "x"}}, {"heap": []}, {"pools": [1]}, {"pools": {"a": 5}}, {"loop": "?"}]
)
def test_a_part_that_is_rubbish_costs_only_itself(parts: dict[str, Any]) -> None:
    (found,) = read_pages(page(7, 1, **parts))
    assert found[("target.allocated_blocks", ())] == 100


def test_the_token_is_read_from_the_environment_and_its_absence_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOADSTONE_INSIDE_TOKEN", raising=False)
    probe = InsideProbe(ProbePlan(kind="inside", watches="/_inside", settings={}), "http://127.0.0.1:1")
    probe.open(now_ns)
    with pytest.raises(NoReading, match="the environment has no LOADSTONE_INSIDE_TOKEN"):
        probe.sample(Readings())


@pytest.mark.parametrize(
    ("watches", "settings", "what"),
    [
        ("ftp://h", {}, "not an http or https URL"),
        ("http://u:p@h/_inside", {}, "not an http or https URL"),
        ("/_inside", {"timeout": 0}, "more than 0 s"),
        ("/_inside", {"checkpoints": "5s"}, "unknown setting 'checkpoints'"),
    ],
)
def test_a_mistake_is_told_before_the_run(watches: str, settings: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        InsideProbe(ProbePlan(kind="inside", watches=watches, settings=settings), "http://h")


def test_every_metric_of_the_probe_is_in_the_catalogue() -> None:
    assert {metric.name for metric in probe_of("http://h").metrics} == set(METRICS)
