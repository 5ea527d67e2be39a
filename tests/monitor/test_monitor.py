"""The monitor: windows, restarts, and its own memory."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadstone.judge.alert_rules import Level, parse_rule
from loadstone.judge.alerts import Alert
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.monitor import DAY_S, HOUR_S, Monitor, Retention, follow_process, history, probing
from loadstone.plan.model import Plan
from loadstone.report.series import from_line
from loadstone.store.windows import WindowStore
from loadstone.testing.samples import make_snapshot
from loadstone.testing.simulation import simulate

RULE = "response: p95(http.response_time) warning > 1s critical > 5s"


@pytest.fixture
def store() -> Iterator[WindowStore]:
    """In memory."""
    store = WindowStore(None)
    yield store
    store.close()


class Told:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.closed = 0

    def tell(self, _at: float, alert: Alert) -> None:
        self.alerts.append(alert)

    def close(self) -> None:
        self.closed += 1


def monitor_on(store: WindowStore, told: Told, rule: str = RULE, retention: Retention | None = None) -> Monitor:
    catalogue = Catalogue()
    return Monitor("shop", catalogue, [parse_rule(rule)], store, outlets=[told], retention=retention or Retention(), wall=lambda: 1e9)


def seconds(monitor: Monitor, count: int, median_ms: float = 100.0) -> None:
    for number in range(count):
        monitor.snapshot(make_snapshot(number, steps={"home": (1, median_ms)}))


def test_seconds_become_windows_hours_and_days_without_a_loss(tmp_path: Path) -> None:
    told = Told()
    monitor = monitor_on(WindowStore(tmp_path / "m.sqlite"), told)
    seconds(monitor, 2 * 3600 + 90)
    monitor.end()
    store = WindowStore(tmp_path / "m.sqlite")
    for length_s, count in ((60.0, 122), (HOUR_S, 3), (DAY_S, 1)):
        kept = list(store.windows(length_s))
        assert len(kept) == count
        requests = sum(Aggregate([from_line(each.content)]).count("http.requests") or 0 for each in kept)
        assert requests == 2 * 3600 + 90
    store.close()
    assert told.closed == 1


def test_a_killed_monitor_goes_on_with_its_alerts_and_in_the_same_hour(tmp_path: Path) -> None:
    told = Told()
    store = WindowStore(tmp_path / "m.sqlite")
    first = monitor_on(store, told)
    seconds(first, 120, 2000.0)
    store.close()  # killed: nobody calls end()
    store = WindowStore(tmp_path / "m.sqlite")
    second = monitor_on(store, told)
    assert second.monitored_s == 120.0
    seconds(second, 120, 2000.0)
    seconds(second, 60, 10.0)
    second.end()
    assert [alert.level for alert in told.alerts] == [Level.WARNING, Level.OK]
    assert told.alerts[1].held_s == 240.0
    store = WindowStore(tmp_path / "m.sqlite")
    (hour,) = store.windows(HOUR_S)
    assert hour.end_s == 300.0
    assert Aggregate([from_line(hour.content)]).count("http.requests") == 300
    store.close()
    lines = history(tmp_path / "m.sqlite")
    assert any("recovered" in line for line in lines)


def test_windows_that_cannot_be_kept_are_told_once_and_so_is_their_end(store: WindowStore) -> None:
    told: list[str] = []
    monitor = Monitor("shop", Catalogue(), [], store, unkept=told.append)
    seconds(monitor, 60)
    assert told == []
    store._db.execute("PRAGMA query_only = ON")  # as a full disk
    seconds(monitor, 180)
    store._db.execute("PRAGMA query_only = OFF")
    seconds(monitor, 120)
    assert told == ["memory: attempt to write a readonly database", ""]


def test_windows_past_their_time_are_forgotten_while_hours_stay(store: WindowStore) -> None:
    monitor = monitor_on(store, Told(), retention=Retention(windows_s=HOUR_S))
    seconds(monitor, 3 * 3600)
    assert store.count(60.0) <= 121
    assert store.count(HOUR_S) == 3


def test_the_order_of_a_rule_without_its_metric_is_told_at_the_start(store: WindowStore) -> None:
    monitor = monitor_on(store, Told(), "max(no.such) warning > 5")
    assert [rule.subject for rule in monitor.absent] == ["max(no.such)"]


@pytest.mark.parametrize(("read", "absent"), [(set(), ["max(target.memory)"]), ({"target.memory"}, []), (None, [])])
def test_a_rule_on_what_no_probe_reads_is_told_at_the_start(store: WindowStore, read: set[str] | None, absent: list[str]) -> None:
    monitor = Monitor("no pid", Catalogue(), [parse_rule("max(target.memory) warning > 5MB")], store, read=read)
    assert [rule.subject for rule in monitor.absent] == absent


def test_levels_of_a_process_are_part_of_each_window(store: WindowStore) -> None:
    told, catalogue = Told(), Catalogue()
    monitor = Monitor(
        "pid",
        catalogue,
        [parse_rule("memory: max(target.memory) warning > 1GB")],
        store,
        outlets=[told],
        levels=lambda: {Series("target.memory"): Gauge.of(2e9)},
    )
    clock = [0.0]

    def sleep(pause_s: float) -> None:
        clock[0] += pause_s

    follow_process(monitor, lambda: False, 60.0, clock=lambda: clock[0], sleep=sleep)
    assert [alert.level for alert in told.alerts] == [Level.WARNING]
    (kept,) = store.windows(60.0)
    assert kept.end_s == pytest.approx(60.0)


def test_a_suspended_machine_makes_one_long_second_and_no_burst(store: WindowStore) -> None:
    monitor = monitor_on(store, Told())
    clock, slept = [0.0], []

    def sleep(pause_s: float) -> None:
        slept.append(pause_s)
        clock[0] += pause_s if len(slept) != 3 else 1000.0

    follow_process(monitor, lambda: len(slept) >= 6, clock=lambda: clock[0], sleep=sleep)
    assert slept == pytest.approx([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])


PLAN = Plan.model_validate(
    {
        "target": "http://127.0.0.1:1",
        "gates": ["p95(http.response_time) < 1s"],
        "scenarios": {
            "a": {"profile": {"users": 50, "duration": "1m"}, "steps": [{"get": "/"}], "warm_up": "10s", "think": "5s"},
            "b": {"profile": {"rate": 100, "duration": "1m"}, "steps": [{"get": "/b"}], "after": "a"},
        },
    }
)


def test_a_suite_is_probed_at_a_low_rate_in_all_its_scenarios_at_once() -> None:
    run = simulate(probing(PLAN, 10.0, 60.0))
    assert {scenario: run.everything.count("http.requests", {"scenario": scenario}) for scenario in ("a", "b")} == {"a": 6, "b": 6}
    assert all(snapshot.judged for snapshot in run.snapshots)


def test_an_hour_of_monitoring_grows_by_less_than_a_megabyte(store: WindowStore) -> None:
    monitor = monitor_on(store, Told(), retention=Retention(windows_s=600.0))

    def take(snapshot: Snapshot) -> None:
        monitor.snapshot(snapshot)

    simulate(probing(PLAN, 10.0, 600.0), sink=take)  # caches fill, the day is open
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    simulate(probing(PLAN, 10.0, 3600.0), sink=take)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert monitor.monitored_s == pytest.approx(4200.0, abs=2.0)
    assert grown < 1_000_000, f"{grown} bytes"
    print(f"an hour of monitoring grew by {grown / 1000:.0f} kB")


def test_a_level_that_rises_day_by_day_is_foretold_once_a_day_until_it_is_there(tmp_path: Path) -> None:
    told = Told()
    shown: list[str] = []
    page = type("Page", (), {"show": lambda _self, text: shown.append(text), "close": lambda _self: None})()
    rule = parse_rule("memory: max(target.memory) warning > 1GB")
    store = WindowStore(tmp_path / "m.sqlite")
    monitor = Monitor("shop", Catalogue(), [rule], store, outlets=[told], pages=[page], window_s=HOUR_S, wall=lambda: 1e9)
    for hour in range(9 * 24):
        level = 400e6 + 70e6 * (hour // 24)
        monitor.snapshot(Snapshot(hour, hour * HOUR_S, (hour + 1) * HOUR_S, gauges={Series("target.memory"): Gauge.of(level)}))
    monitor.end()
    assert [alert.kind for alert in told.alerts] == ["forecast"] * 4  # after days 5, 6, 7 and 8; day 9 is not over
    first, last = told.alerts[0], told.alerts[-1]
    assert first.in_s == pytest.approx((1e9 - 680e6) / 70e6 * DAY_S)
    assert last.in_s == pytest.approx((1e9 - 890e6) / 70e6 * DAY_S)
    assert "crosses its limit for warning (limit 1 GB) in about 1.6 days" in str(last)
    assert 'loadstone_forecast_seconds{monitor="shop",rule="memory",level="warning"}' in shown[-1]
