"""The live views: the figures of the last seconds, as lines and redrawn."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper

import pytest

from loadstone.judge.verdict import Status
from loadstone.live.dashboard.words import gate_rows
from loadstone.live.figure_texts import clock, ms, progress
from loadstone.live.lines import MOST_TURNS, LineView
from loadstone.live.recent import Recent
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.stats.histogram import Histogram
from loadstone.testing.samples import make_series, make_snapshot, make_story

HOSTILE = "\x1b[31mred\x1b[0m [red]x[/red]\nnew"
TIMEOUT = Failure("timeout_total", "home", "no answer")


def seconds(count: int, **options: float) -> list[Snapshot]:
    return [make_snapshot(second, target_rate=options.get("target_rate", 100.0)) for second in range(count)]


def lines_of(snapshots: Sequence[Snapshot], name: str = "shop", duration_s: float | None = 60.0) -> list[str]:
    stream = StringIO()
    view = LineView(name, duration_s, stream)
    for snapshot in snapshots:
        view.snapshot(snapshot)
    view.close()
    return stream.getvalue().splitlines()


def test_one_line_is_written_each_five_seconds() -> None:
    found = lines_of(seconds(17))
    assert [line.split()[1] for line in found] == ["00:05", "00:10", "00:15"]


def test_seconds_that_end_a_little_early_or_late_do_not_shift_the_lines() -> None:
    early = [replace(snapshot, end_s=snapshot.end_s - 0.02) for snapshot in seconds(10)]
    late = [replace(snapshot, end_s=snapshot.end_s + 0.02) for snapshot in seconds(10)]
    assert [len(lines_of(early)), len(lines_of(late))] == [2, 2]


def test_after_a_gap_the_view_goes_on_from_now() -> None:
    gap = [*seconds(3), replace(make_snapshot(30), start_s=3.0, end_s=31.0), make_snapshot(31), make_snapshot(34)]
    assert [line.split()[1] for line in lines_of(gap)] == ["00:31", "00:35"]


def test_a_line_tells_rate_users_times_errors_and_the_generator() -> None:
    (line,) = lines_of(seconds(5))
    for part in ("shop 00:05 / 01:00 steady", "100/s (100/s arrivals asked)", "10 users", "p95 20", "errors 0 now, 0 in all", "CPU 40%"):
        assert part in line


def test_a_stream_that_is_gone_silences_the_lines_and_not_the_run() -> None:
    stream = StringIO()
    view = LineView("shop", None, stream)
    stream.close()
    for snapshot in seconds(12):
        view.snapshot(snapshot)


def test_a_stream_without_unicode_gets_what_it_can_show() -> None:
    stream = TextIOWrapper(raw := BytesIO(), encoding="ascii")
    view = LineView("shop é", None, stream)
    for snapshot in seconds(5):
        view.snapshot(snapshot)
    assert b"shop ? 00:05" in raw.getvalue()


def test_the_window_forgets_and_the_counts_since_the_start_do_not() -> None:
    recent = Recent(window_s=3.0)
    for second in range(10):
        recent.add(make_snapshot(second, failures={Failure("status", "home", "503"): 5} if second < 4 else {}))
    now = recent.figures()
    assert now.window_s == 3.0
    assert (now.errors, now.errors_in_all, now.requests_in_all) == (0, 20, 1000)


def test_time_outs_make_the_shown_percentiles_longer_than_anything() -> None:
    recent = Recent()
    recent.add(make_snapshot(failures={TIMEOUT: 10}))
    times = recent.figures().times
    assert times.p50 is not None
    assert times.p50 < 20
    assert ms(times.p95) == "beyond"


def test_calls_are_shown_by_the_gap_before_an_answer() -> None:
    heard = Histogram()
    heard.record(700_000_000)
    gap, turns, calls = (make_series(f"voice.{name}", step="pcm") for name in ("response_gap", "turns", "calls"))
    recent = Recent()
    recent.add(Snapshot(0, 0.0, 1.0, distributions={gap: heard}, counts={turns: 1, calls: 2}))
    figures = recent.figures()
    assert figures.lead.name == "gap"
    assert figures.times.p95 == pytest.approx(700, rel=0.01)
    assert [(row.step, row.lead.name) for row in figures.rows] == [("pcm", "gap")]


def test_nothing_yet_is_told_as_nothing() -> None:
    recent = Recent()
    assert recent.figures().times.p50 is None
    recent.add(Snapshot(0, 0.0, 1.0))
    now = recent.figures()
    assert (now.users, now.asked_per_s, now.cpu_percent, now.share_ms) == (None, None, None, None)
    assert ms(now.times.p99) == "—"


def test_a_line_is_written_when_a_phase_begins() -> None:
    phases = ["warm-up"] * 3 + ["load"] * 4
    found = lines_of([make_snapshot(second, phase=phase) for second, phase in enumerate(phases)])
    assert [line.split("  ")[0] for line in found] == ["shop 00:03", "shop 00:05 / 01:00 load"]
    assert found[0].endswith("phase: load")


def test_a_gate_that_turns_has_a_line_and_one_that_stands_has_none() -> None:
    stream = StringIO()
    view = LineView("shop", 60.0, stream)
    story = make_story(gates=["p95(http.response_time) < 1ms"])
    view.snapshot(make_snapshot(0))
    for _ in range(3):
        view.judged(story.verdicts, ())
    view.judged([replace(verdict, status=Status.PASS) for verdict in story.verdicts], ())
    assert stream.getvalue().splitlines() == [
        "shop 00:01  gate: p95(http.response_time) < 1ms fails now",
        "shop 00:01  gate: p95(http.response_time) < 1ms holds now",
    ]


def test_a_gate_that_turns_each_second_does_not_fill_the_log() -> None:
    stream = StringIO()
    view = LineView("shop", 60.0, stream)
    (verdict,) = make_story(gates=["p95(http.response_time) < 1ms"]).verdicts
    for turn in range(3 * MOST_TURNS):
        view.judged([replace(verdict, status=Status.PASS if turn % 2 else Status.FAIL)], ())
    assert len(stream.getvalue().splitlines()) == MOST_TURNS


def test_hostile_names_do_not_reach_the_lines() -> None:
    snapshots = [make_snapshot(second, scenario=HOSTILE + str(second), phase=HOSTILE) for second in range(5)]
    (line,) = lines_of(snapshots, name=HOSTILE)
    assert "\x1b" not in line


@pytest.mark.parametrize(("at_s", "text"), [(0.0, "00:00"), (65.9, "01:05"), (3600.0, "1:00:00")])
def test_elapsed_time_reads_like_a_clock(at_s: float, text: str) -> None:
    assert clock(at_s) == text
    assert progress(at_s, None) == text


def test_the_page_of_a_run_names_the_gates_that_fail_first() -> None:
    verdicts = make_story(gates=["p95(http.response_time) < 2s", "p50(http.response_time) < 1ms", "p95(llm.ttft) < 1s"]).verdicts
    assert [row["status"] for row in gate_rows(verdicts)] == ["fail", "pass", "no_data"]
