"""The live view on a terminal: what it shows, in how little room, and that nothing from outside drives the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO, StringIO, TextIOWrapper
from typing import TextIO

import pytest
from rich.cells import cell_len

from loadstone.judge.verdict import Status
from loadstone.live.cells import Line, text_of
from loadstone.live.screen import Screen, above, can_redraw
from loadstone.live.terminal import TerminalView
from loadstone.measure.event import Event
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.testing.samples import make_histogram, make_series, make_snapshot, make_story, spread_ms

HOSTILE = "\x1b[31mred\x1b[0m [red]x[/red]\nnew"
WIDE_NAME = "日本語の名前がとても長いステップ"
SIZES = [(40, 10), (60, 15), (80, 24), (120, 40), (200, 50), (20, 4), (1, 1)]


@dataclass
class Changed:
    paused: bool = False
    stopping: bool = False
    factor: float = 1.0


@dataclass
class Desk:
    state: Changed


class Watch:
    """A view whose clock and terminal are ours."""

    def __init__(self, snapshots: Sequence[Snapshot], name: str = "shop", stream: TextIO | None = None, warm_up_s: float = 0.0) -> None:
        self.now_s, self.size = 0.0, (80, 24)
        self.view = TerminalView(
            name, 30.0, stream or StringIO(), lambda: self.now_s, size=lambda: self.size, warm_up_s=warm_up_s, start=False
        )
        for snapshot in snapshots:
            self.now_s = snapshot.end_s
            self.view.snapshot(snapshot)

    def shown(self, cells: int = 80, rows: int = 24) -> list[str]:
        self.size = (cells, rows)
        return [text_of(line) for line in self.view.lines()]

    def text(self, cells: int = 80, rows: int = 24) -> str:
        return "\n".join(self.shown(cells, rows))


def seconds(count: int) -> list[Snapshot]:
    return [make_snapshot(second, target_rate=100.0) for second in range(count)]


def many_steps(count: int, seq: int = 0) -> Snapshot:
    return make_snapshot(seq, steps={f"step {number:02d}": (10, 5.0 + number) for number in range(count)})


def llm_second(seq: int) -> Snapshot:
    tags = {"scenario": "llm", "step": "chat"}
    http = make_snapshot(seq, scenario="llm", steps={"chat": (8, 900.0)})
    times = {make_series("llm.ttft", outcome="ok", **tags): make_histogram(spread_ms(8, 50.0))}
    counts = {make_series("llm.requests", **tags): 8, make_series("llm.output_tokens", **tags): 320}
    return replace(http, distributions={**http.distributions, **times}, counts={**http.counts, **counts})


def ws_second(seq: int) -> Snapshot:
    tags = {"scenario": "ws", "step": "WS /echo"}
    times = {make_series("ws.round_trip_time", outcome="ok", **tags): make_histogram(spread_ms(500, 0.4))}
    counts = {make_series("ws.messages_out", **tags): 500}
    gauges = {make_series("load.users", scenario="ws"): Gauge.of(10)}
    return Snapshot(seq, float(seq), seq + 1.0, phase="load", distributions=times, counts=counts, gauges=gauges)


def test_the_view_shows_progress_load_latency_errors_and_the_generator() -> None:
    shown = Watch(seconds(12)).text()
    for part in (
        "shop  steady",
        "00:12 / 00:30",
        "100/s",
        "100/s arrivals asked",
        "10 users",
        "p95 20",
        "p99 28 ms",
        "0 in all",
        "CPU 40%",
    ):
        assert part in shown


@pytest.mark.parametrize(("cells", "rows"), SIZES)
def test_nothing_is_wider_or_higher_than_the_terminal(cells: int, rows: int) -> None:
    snapshots = [
        make_snapshot(second, scenario=WIDE_NAME, steps={WIDE_NAME + str(step): (9, 9.0) for step in range(20)}) for second in range(5)
    ]
    watch = Watch([*snapshots, llm_second(5), ws_second(6)], name=WIDE_NAME * 3)
    watch.view.judged(make_story().verdicts, [Event(1.0, "alert", WIDE_NAME * 9)])
    shown = watch.shown(cells, rows)
    assert max(map(cell_len, shown)) <= cells
    assert len(shown) <= max(1, rows - 1)


@pytest.mark.parametrize(("cells", "rows"), SIZES)
def test_hostile_texts_cannot_drive_the_terminal(cells: int, rows: int) -> None:
    failure = Failure("status", HOSTILE, HOSTILE)
    watch = Watch([make_snapshot(0, scenario=HOSTILE, steps={HOSTILE: (9, 9.0)}, phase=HOSTILE, failures={failure: 3})], name=HOSTILE)
    watch.view.judged((), [Event(1.0, HOSTILE, HOSTILE)])
    assert not any(character in "".join(watch.shown(cells, rows)) for character in "\x1b\n\r")


def test_figures_that_have_no_room_are_left_out_and_never_cut() -> None:
    watch = Watch([make_snapshot(second, steps={"home": (123_456, 12.0)}, users=98_765, target_rate=123_456.0) for second in range(3)])
    whole = watch.text(140)
    parts = ["123,456/s", "123,456/s arrivals asked", "98,765 users", "370,368 sent"]
    assert all(part in whole for part in parts)
    for cells in range(40, 120):
        rate = next(line for line in watch.shown(cells) if line.startswith("rate"))
        rest = rate
        for part in sorted(parts, key=len, reverse=True):
            rest = rest.replace(part, "")
        assert not any(character.isdigit() for character in rest), rate


def test_blocks_give_way_by_priority_when_rows_are_few() -> None:
    watch = Watch([many_steps(4, second) for second in range(5)])
    watch.view.judged(make_story().verdicts, ())
    found: dict[str, int] = {}
    for rows in range(6, 40):
        shown = watch.text(80, rows)
        for name, mark in (("figures", "response"), ("gates", "gates"), ("steps", "step 0"), ("bars", "last 60 s"), ("events", "› phase")):
            if mark in shown:
                found.setdefault(name, rows)
    assert found["figures"] < found["gates"] < found["steps"] < found["bars"]
    assert max(found.values()) <= 24


def test_the_worst_steps_come_first_and_the_rest_is_counted() -> None:
    failing = {Failure("status", "step 03", "503"): 2}
    steps = {f"step {number:02d}": (10, 5.0 + number) for number in range(30)}
    shown = Watch([make_snapshot(0, steps=steps, failures=failing)]).shown(80, 24)
    rows = [line.split("  ")[0] for line in shown if line.startswith(("step 0", "step 2"))]
    assert rows[:3] == ["step 03", "step 29", "step 28"]
    assert f"and {30 - len(rows)} more" in shown


def test_a_step_that_only_timed_out_is_beyond_and_first() -> None:
    failing = {Failure("timeout_total", "slow", "no answer"): 5}
    shown = Watch([make_snapshot(0, steps={"slow": (5, 1.0), "fast": (50, 900.0)}, failures=failing)]).shown()
    row = next(line for line in shown if line.startswith("slow"))
    assert "beyond" in row
    assert shown.index(row) < next(at for at, line in enumerate(shown) if line.startswith("fast"))


def test_a_language_model_shows_its_first_token_and_tokens() -> None:
    shown = Watch([llm_second(second) for second in range(5)]).shown()
    assert any(line.startswith("first token") and "p95" in line for line in shown)
    assert any(line.split()[:2] == ["tokens", "320/s"] for line in shown)
    row = next(line for line in shown if line.startswith("chat"))
    assert "TTFT" in row
    assert row.endswith("320/s")


def test_a_websocket_shows_its_round_trip() -> None:
    shown = Watch([ws_second(second) for second in range(5)]).shown()
    assert any(line.startswith("round trip") for line in shown)
    assert "round trip" in next(line for line in shown if line.startswith("WS /echo"))


def test_of_a_mixed_load_the_latency_of_most_exchanges_leads() -> None:
    mixed = replace(llm := llm_second(0), counts={**llm.counts, **make_snapshot(0).counts})
    assert any(line.startswith("response") for line in Watch([mixed]).shown())


def test_a_warm_up_tells_what_is_left_of_it() -> None:
    shown = Watch([make_snapshot(0, judged=False, phase="warm-up")], warm_up_s=5.0).text()
    assert "warm-up, 4 s to go" in shown


def test_gates_are_counted_and_those_that_fail_come_first() -> None:
    watch = Watch(seconds(3))
    watch.view.judged(
        make_story(gates=["p95(http.response_time) < 2s", "p50(http.response_time) < 1ms", "p95(llm.ttft) < 1s"]).verdicts, ()
    )
    shown = watch.shown(80, 40)
    assert "gates       ✗ 1 failing  ✓ 1 holding  · 1 without data" in shown
    rows = [line.strip()[0] for line in shown if "(http." in line or "(llm." in line]
    assert rows[:3] == ["✗", "·", "✓"]


def test_where_gates_have_one_line_it_names_one_that_fails() -> None:
    watch = Watch(seconds(3))
    watch.view.judged(make_story(gates=["p95(http.response_time) < 2s", "p50(http.response_time) < 1ms"]).verdicts, ())
    (shown,) = (line for line in watch.shown(80, 12) if line.startswith("gates"))
    assert shown == "gates       ✗ 1 failing  ✓ 1 holding  p50(http.response_time) < 1ms"
    assert all(cells >= len(line) for cells in (30, 45, 60) for line in watch.shown(cells, 12))


def test_a_pause_is_said_once() -> None:
    watch = Watch([make_snapshot(0, phase="paused")])
    watch.view.desk = Desk(Changed(paused=True))
    assert watch.shown()[1].count("paused") == 1


def test_what_is_written_beside_a_view_takes_its_rows_away_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert above(["target  there", "room  enough"], Tty()) == "\x1b[Jtarget  there\nroom  enough"
    assert above(["target  there"], StringIO()) == "target  there"


def test_a_gate_that_turns_is_told_among_the_events() -> None:
    watch = Watch(seconds(3))
    (verdict,) = make_story(gates=["p95(http.response_time) < 1ms"]).verdicts
    watch.view.judged([replace(verdict, status=Status.PASS)], ())
    assert "fails now" not in watch.text(80, 40)
    watch.view.judged([verdict], [Event(2.0, "control", "rate ×1.25")])
    shown = watch.text(80, 40)
    assert "00:03 › gate: p95(http.response_time) < 1ms fails now" in shown
    assert "00:02 › control: rate ×1.25" in shown


def test_keys_are_hinted_only_where_a_desk_reads_them() -> None:
    watch = Watch(seconds(3))
    assert "s spike" not in watch.text()
    watch.view.desk = Desk(Changed(paused=True, factor=1.5625))
    shown = watch.shown()
    assert shown[-1].startswith("p resume")
    assert "paused, ×1.56" in shown[1]
    watch.view.desk = Desk(Changed())
    assert watch.shown()[1].startswith("shop  steady   ")
    watch.view.desk = Desk(Changed(stopping=True))
    assert "stopping" in watch.shown()[1]


def test_silent_workers_and_full_ones_are_pointed_out() -> None:
    assert "! a worker is out of CPU" in Watch([make_snapshot(0, cpu_percent=97.0)]).text()
    watch = Watch(seconds(1))
    assert "no news" not in watch.text()
    watch.now_s += 9.0
    assert "! no news from the workers for 9 s" in watch.text()


def test_before_the_first_second_there_are_no_figures_that_look_like_zero() -> None:
    shown = Watch([]).text()
    assert "p95 —" in shown
    assert "last 60 s" not in shown


def test_a_terminal_without_unicode_gets_ascii_alone() -> None:
    stream = TextIOWrapper(BytesIO(), encoding="ascii")
    watch = Watch([make_snapshot(second, scenario="é" + WIDE_NAME) for second in range(5)], name=WIDE_NAME, stream=stream)
    watch.view.judged(make_story().verdicts, ())
    for cells, rows in SIZES:
        assert watch.text(cells, rows).isascii()


def screen_of(lines: Sequence[Line], *, color: bool) -> str:
    stream = StringIO()
    Screen(stream, color=color).draw(lines)
    return stream.getvalue()


class Tty(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "is_redrawn"),
    [
        ({}, True),
        ({"CI": "false"}, True),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, True),
    ],
)
def test_only_a_terminal_with_a_person_before_it_is_redrawn(environment: dict[str, str], *, is_redrawn: bool) -> None:
    assert can_redraw(Tty(), environment) is is_redrawn
    assert not can_redraw(StringIO(), environment)


def test_without_colour_there_is_none() -> None:
    lines = Watch([make_snapshot(0, cpu_percent=97.0)]).view.lines()
    assert any(code in screen_of(lines, color=True) for code in ("\x1b[33m", "\x1b[36m"))
    assert not any(f"\x1b[3{number}m" in screen_of(lines, color=False) for number in range(8))


def test_the_cursor_rests_on_the_first_line_which_is_empty() -> None:
    lines = Watch(seconds(2)).view.lines()
    assert text_of(lines[0]) == ""
    assert screen_of(lines, color=False).endswith(f"\x1b[J\x1b[{len(lines) - 1}A\r")


def test_closing_gives_the_cursor_back_and_may_be_done_twice() -> None:
    stream = StringIO()
    screen = Screen(stream)
    screen.draw([()])
    screen.close()
    screen.close()
    assert stream.getvalue().count("\x1b[?25h") == 1
    assert stream.getvalue().endswith("\x1b[?25h")


def test_a_terminal_that_is_gone_silences_the_view_and_not_the_run() -> None:
    stream = StringIO()
    screen = Screen(stream)
    stream.close()
    screen.draw([()])
    screen.close()


def test_the_view_starts_and_closes_on_a_plain_stream() -> None:
    view = TerminalView("shop", None, StringIO())
    view.snapshot(make_snapshot(0))
    view.close()
    view.close()


def test_a_key_that_was_refused_is_told_in_the_view() -> None:
    watch = Watch(seconds(3))
    watch.view.refused("no scenario asks for a number of users \x1b[31m")
    shown = watch.text()
    assert "refused" in shown
    assert "no scenario asks for a number of users" in shown
    assert "\x1b" not in shown
