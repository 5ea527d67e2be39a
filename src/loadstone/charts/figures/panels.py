"""Every chart there is: the same names, titles and order as `static/panels.js` has."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.charts.figures.figure import OverTime, Spread
from loadstone.charts.figures.heat import heat_of, quantile_rows
from loadstone.charts.figures.lines import Row, axis_of, by_tag, leak_slopes, lines_of
from loadstone.charts.figures.recorded import Recorded
from loadstone.charts.figures.spread import spread_of


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of lines.

    needs: a metric without which the chart is not drawn
    tag:   a line for each of its values, of the one row there is
    unit:  None for that of the row's metric
    leak:  a level whose slope a leak gate may have judged
    """

    name: str
    title: str
    unit: str | None
    rows: tuple[Row, ...]
    log: bool = False
    from_zero: bool = True
    needs: str = ""
    tag: str = ""
    leak: str = ""

    def figure(self, recorded: Recorded) -> OverTime | None:
        """None without data."""
        rows = [row for row in self.rows if recorded.has(row.metric)]
        if not rows or (self.needs and not recorded.has(self.needs)):
            return None
        if self.tag:
            rows = by_tag(recorded, rows[0], self.tag)
        lines = lines_of(recorded, rows)
        unit = recorded.unit(rows[0].metric) if self.unit is None else self.unit
        axis = axis_of(lines, unit, log=self.log, from_zero=self.from_zero)
        slopes = leak_slopes(recorded, self.leak) if self.leak else ()
        return OverTime(self.name, self.title, axis, lines, slopes=slopes) if lines else None


@dataclass(frozen=True, slots=True)
class Heats:
    """Times of a metric as a heat map with its quantiles."""

    name: str
    title: str
    metric: str

    def figure(self, recorded: Recorded) -> OverTime | None:
        """None without data."""
        found = heat_of(recorded, self.metric)
        if found is None:
            return None
        heat, axis = found
        return OverTime(self.name, self.title, axis, lines_of(recorded, quantile_rows(self.metric)), heat)


@dataclass(frozen=True, slots=True)
class Spreads:
    """How the values of a metric are spread."""

    name: str
    title: str
    metric: str
    ridges: bool = False

    def figure(self, recorded: Recorded) -> Spread | None:
        """None without data."""
        found = spread_of(recorded, self.metric, ridges=self.ridges)
        if found is None:
            return None
        curves, axis = found
        return Spread(self.name, self.title, axis, curves, self.ridges, recorded.whole.scale(self.metric))


Panel = Lines | Heats | Spreads

PANELS: tuple[Panel, ...] = (
    Heats("latency", "Response time", "http.response_time"),
    Lines(
        "latency_parts",
        "Where the time goes: p99 of response, service and our own share",
        "ms",
        (
            Row("http.response_time", "p99", "response", "1"),
            Row("http.service_time", "p99", "service", "3"),
            Row("http.time_to_first_byte", "p99", "first byte", "5"),
            Row("load.pool_wait", "p99", "wait for session", "4"),
            Row("load.send_lag", "p99", "send lag (ours)", "quiet"),
            Row("generator.share", "p99", "reading (ours)", "2"),
        ),
        log=True,
        needs="http.response_time",
    ),
    Lines("latency_steps", "Response time by step, p95", None, (Row("http.response_time", "p95", ""),), log=True, tag="step"),
    Spreads("distribution", "Distribution of response times", "http.response_time", ridges=True),
    Spreads("ecdf", "Share of requests that took no longer", "http.response_time"),
    Lines(
        "throughput",
        "Load: asked for, achieved, failed",
        "1/s",
        (
            Row("load.arrivals", "rate", "arrivals due", "quiet", "dot"),
            Row("http.requests", "rate", "requests", "1"),
            Row("http.errors", "rate", "errors", "bad"),
            Row("load.dropped", "rate", "dropped", "5"),
        ),
    ),
    Lines("errors", "Share of requests that failed", "%", (Row("http.errors", "share", "", "bad", times=100),), tag="kind"),
    Lines("users", "Users and sessions at work", None, (Row("load.users", "mean", "", "1"),), tag="scenario"),
    Lines(
        "bytes",
        "Bytes received and sent",
        "B/s",
        (Row("http.bytes_in", "rate", "in", "1"), Row("http.bytes_out", "rate", "out", "2")),
    ),
    Heats("llm_ttft", "Time to first token", "llm.ttft"),
    Heats("llm_token_gap", "Gap between chunks of tokens", "llm.chunk_gap"),
    Lines(
        "llm_gaps",
        "Time per token and longest gap of an answer",
        "ms",
        (
            Row("llm.tpot", "p50", "per token p50", "1"),
            Row("llm.tpot", "p95", "per token p95", "3"),
            Row("llm.longest_gap", "p95", "longest gap p95", "2"),
        ),
        log=True,
    ),
    Lines("llm_tokens", "Tokens", "1/s", (Row("llm.output_tokens", "rate", "out", "1"), Row("llm.input_tokens", "rate", "in", "3"))),
    Lines(
        "llm_answers",
        "Answers",
        "1/s",
        (
            Row("llm.requests", "rate", "asked", "1"),
            Row("llm.good", "rate", "kept objective", "3"),
            Row("llm.errors", "rate", "failed", "bad"),
            Row("llm.stalled", "rate", "stalled", "5"),
        ),
    ),
    Spreads("llm_distribution", "Distribution of times to first token", "llm.ttft"),
    Heats("ws_round_trip", "Round trip of messages", "ws.round_trip_time"),
    Lines(
        "ws_messages",
        "Messages",
        "1/s",
        (
            Row("ws.messages_out", "rate", "out", "1"),
            Row("ws.messages_in", "rate", "in", "3"),
            Row("ws.errors", "rate", "errors", "bad"),
        ),
    ),
    Lines(
        "ws_connections",
        "Connections opened, failed, closed, dropped",
        "1/s",
        (
            Row("ws.connects", "rate", "opened", "1"),
            Row("ws.connect_failures", "rate", "failed", "bad"),
            Row("ws.closes", "rate", "closed", "quiet"),
            Row("ws.drops", "rate", "dropped", "2"),
        ),
    ),
    Spreads("ws_distribution", "Share of round trips that took no longer", "ws.round_trip_time"),
    Heats("voice_gap", "Response gap: from the caller's last sound to the agent's first", "voice.response_gap"),
    Lines(
        "voice_parts",
        "What the response gap is made of, p95",
        "ms",
        (
            Row("voice.response_gap", "p95", "response gap", "1"),
            Row("voice.endpoint_delay", "p95", "end of turn told", "4"),
            Row("voice.stt_final_gap", "p95", "transcript", "5"),
            Row("voice.first_byte_gap", "p95", "first audio", "3"),
            Row("voice.tts_lead_silence", "p95", "silence before it", "2"),
        ),
    ),
    Lines(
        "voice_calls",
        "Calls and turns, and those that failed",
        "1/s",
        (
            Row("voice.calls", "rate", "calls begun", "1"),
            Row("voice.turns", "rate", "turns", "3"),
            Row("voice.call_errors", "rate", "calls lost", "bad"),
            Row("voice.dead_turn", "rate", "turns without an answer", "2"),
            Row("voice.early_cut", "rate", "callers cut off", "4"),
            Row("voice.faults", "rate", "faults", "5"),
        ),
    ),
    Lines(
        "voice_interruptions",
        "How soon the agent stops when it is interrupted",
        "ms",
        (
            Row("voice.barge_stop", "p50", "p50", "1"),
            Row("voice.barge_stop", "p95", "p95", "5"),
            Row("voice.barge_stop", "p99", "p99", "2"),
        ),
    ),
    Lines(
        "voice_stalls",
        "Gaps in the agent's speech",
        "ms",
        (Row("voice.stall", "p50", "p50", "1"), Row("voice.stall", "p95", "p95", "2")),
    ),
    Lines(
        "voice_services",
        "Speech services, p95",
        "ms",
        (
            Row("voice.stt_time", "p95", "recognised", "1"),
            Row("voice.stt_first_text", "p95", "first text", "4"),
            Row("voice.tts_first_byte", "p95", "first sound", "3"),
            Row("voice.tts_time", "p95", "whole sound", "2"),
        ),
    ),
    Lines(
        "voice_caller",
        "How late the caller's frames are, p99 (ours)",
        "ms",
        (
            Row("voice.frame_lateness", "p99", "sent late", "1"),
            Row("voice.frame_age", "p99", "age when heard", "quiet"),
        ),
    ),
    Spreads("voice_distribution", "Share of response gaps that were no longer", "voice.response_gap"),
    Lines(
        "target_cpu",
        "CPU of target and machine",
        "%",
        (
            Row("target.cpu", "mean", "target (100% = 1 core)", "1", band=True),
            Row("machine.cpu", "mean", "machine (100% = all)", "quiet"),
            Row("machine.steal", "mean", "taken by others", "2"),
            Row("target.throttled", "mean", "throttled", "bad"),
        ),
    ),
    Lines(
        "target_memory",
        "Memory of the target",
        "B",
        (
            Row("target.memory", "mean", "resident", "1", band=True),
            Row("target.pss", "mean", "PSS", "3"),
            Row("target.heap", "mean", "heap", "4"),
            Row("target.swap", "mean", "swapped", "bad"),
        ),
        from_zero=False,
        leak="target.memory",
    ),
    Lines(
        "target_disk",
        "Disk of the target",
        "B/s",
        (Row("target.disk_read", "mean", "read", "1"), Row("target.disk_write", "mean", "written", "2")),
    ),
    Lines(
        "target_network",
        "Network of the target",
        "B/s",
        (Row("target.network_in", "mean", "in", "1"), Row("target.network_out", "mean", "out", "2")),
    ),
    Lines(
        "target_handles",
        "Descriptors, threads and processes",
        "",
        (
            Row("target.descriptors", "mean", "descriptors", "1"),
            Row("target.threads", "mean", "threads", "3"),
            Row("target.processes", "mean", "processes", "2"),
        ),
    ),
    Lines(
        "target_queue",
        "Requests in the target, as it says",
        "",
        (Row("target.requests_running", "mean", "running", "1"), Row("target.requests_waiting", "mean", "waiting", "2")),
    ),
    Lines(
        "generator_cpu",
        "CPU of the load generator (100% = 1 core)",
        "%",
        (
            Row("generator.cpu", "mean", "worker", "1", band=True),
            Row("generator.parent_cpu", "mean", "parent", "quiet"),
            Row("probe.cpu", "mean", "probes", "3"),
        ),
    ),
    Lines(
        "generator_lag",
        "How late the load generator is, p99",
        "ms",
        (
            Row("load.send_lag", "p99", "send lag", "1"),
            Row("generator.share", "p99", "reading", "2"),
            Row("generator.loop_lag", "p99", "event loop", "3"),
        ),
        log=True,
    ),
    Lines(
        "generator_memory",
        "Memory of the load generator",
        "B",
        (Row("generator.memory", "mean", "one process", "1", band=True),),
        from_zero=False,
        leak="generator.memory",
    ),
)
