"""The block about WebSockets says what happened, and nothing when there were none."""

from dataclasses import replace

import pytest

from loadstone.measure.snapshot import Failure, Gauge, Series
from loadstone.report.text import render_text
from loadstone.testing.samples import make_histogram, make_snapshot, make_story


def page(counts: dict[str, int], times: dict[str, list[float]] | None = None, gauges: dict[str, float] | None = None, lost: int = 0) -> str:
    snapshot = make_snapshot(0)
    distributions = {Series(name): make_histogram(values) for name, values in (times or {}).items()}
    snapshot = replace(
        snapshot,
        counts={**snapshot.counts, **{Series(name): count for name, count in counts.items()}},
        distributions={**snapshot.distributions, **distributions},
        gauges={**snapshot.gauges, **{Series(name): Gauge.of(value) for name, value in (gauges or {}).items()}},
        failures={**snapshot.failures, **({Failure("1006", "WS /", "gone"): lost} if lost else {})},
    )
    text = render_text(make_story([snapshot]), width=120)
    return " ".join(text.partition("WEBSOCKET")[2].partition("RESPONSE TIME")[0].split())


def test_a_run_without_websockets_has_no_such_block() -> None:
    assert "WEBSOCKET" not in render_text(make_story())


def test_connections_messages_and_ends_are_told() -> None:
    counts = {
        "ws.connects": 10,
        "ws.connect_failures": 2,
        "ws.messages_out": 500,
        "ws.messages_in": 400,
        "ws.bytes_in": 9_000,
        "ws.drops": 3,
    }
    text = page({**counts, "ws.messages_lost": 7}, {"ws.open_time": [5.0]}, lost=2)
    assert "8 of 10 opened (80%), in 5" in text
    assert "3 that we had not closed, 2 of them without a close frame (1006)" in text
    assert "500 out (500/s)" in text
    assert "400 in (400/s, 9 kB)" in text
    assert "7 lost with their connection" in text


def test_pings_and_returns_are_told_when_there_were_any() -> None:
    text = page(
        {"ws.connects": 10, "ws.pings": 50, "ws.missed_pongs": 4, "ws.reconnects": 9, "ws.not_reconnected": 1},
        {"ws.pong_time": [1.0], "ws.reconnect_time": [100.0] * 9},
    )
    assert "50, 4 unanswered, pong after 1 ms" in text
    assert "9 of 10 (90%), 95% within 100 ms" in text
    assert "pings" not in page({"ws.connects": 1})


def test_the_ledger_of_a_fan_out_is_told_with_its_first_and_last_subscriber() -> None:
    text = page(
        {"ws.connects": 5, "ws.deliveries": 1_000, "ws.missing": 3, "ws.duplicates": 2, "ws.out_of_order": 1},
        {"ws.first_delivery_time": [1.0], "ws.last_delivery_time": [9.0]},
    )
    assert "1,000 deliveries, 3 missing, 2 double, 1 out of order" in text
    assert "first subscriber after 1 ms" in text
    assert "last after 9" in text


@pytest.mark.parametrize(
    ("failures", "says"), [(1, "60 connections were open when the next was refused"), (0, "none up to 60 connections")]
)
def test_a_limit_is_only_one_when_somebody_was_refused(failures: int, says: str) -> None:
    assert says in page({"ws.connects": 61, "ws.connect_failures": failures}, gauges={"ws.connection_limit": 60})


def test_the_memory_of_the_server_is_told_for_each_connection() -> None:
    gauges = {"ws.server_memory_idle": 15_000.0, "ws.server_memory_used": 119_000, "ws.server_memory_closed": 0}
    assert "for each connection: 15 kB idle, 119 kB used, 0 B closed" in page({"ws.connects": 1}, gauges=gauges)


def test_connections_that_were_all_opened_during_warm_up_are_told_as_that_and_not_as_none() -> None:
    text = page({"ws.messages_out": 500, "ws.messages_in": 400})
    assert "connections all opened before the judged part" in text
    assert "500 out" in text
