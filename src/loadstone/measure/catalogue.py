"""The metrics Loadstone knows by name: unit, direction, and what each one means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from loadstone.errors import PluginError
from loadstone.measure import voice
from loadstone.measure.resources import GPU, MACHINE, OWN, PROCESS, REMOTE, Row
from loadstone.plugins import installed


class Kind(StrEnum):
    """How values of a metric add up."""

    DISTRIBUTION = "distribution"  # every value counts; quantiles exist
    COUNT = "count"  # a sum of integers; rates exist
    GAUGE = "gauge"  # a level sampled now and then; last, mean, min and max exist


FLOORED = ("llm.", "voice.", "ws.")


@dataclass(frozen=True, slots=True)
class Metric:
    """A named quantity.

    scale:    stored integers per displayed unit; times are stored in ns and shown in ms, so 1e6
    share_of: the COUNT metric that `rate(...)` divides by, for counts that are a share of another
    """

    name: str
    unit: str
    kind: Kind
    better: Literal["lower", "higher", "neither"]
    meaning: str
    scale: float = 1.0
    share_of: str | None = None

    def __post_init__(self) -> None:
        """A kind may be given as its text."""
        object.__setattr__(self, "kind", Kind(self.kind))

    @property
    def has_floors(self) -> bool:
        """Is a percentile shown and judged only when enough samples carry it (`loadstone.stats.quantiles.least_samples`)?

        So for streams, which are few and long; for HTTP exchanges a percentile on too few samples is marked, and judged.
        """
        return self.kind is Kind.DISTRIBUTION and self.name.startswith(FLOORED)


def _time(name: str, meaning: str) -> Metric:
    return Metric(name, "ms", Kind.DISTRIBUTION, "lower", meaning, scale=1e6)


def _count(
    name: str, meaning: str, *, unit: str = "1", better: Literal["lower", "higher", "neither"] = "neither", share_of: str | None = None
) -> Metric:
    return Metric(name, unit, Kind.COUNT, better, meaning, share_of=share_of)


WEBSOCKET = (
    _time("ws.round_trip_time", "due to the kernel's stamp of the message that answers; due is sent where nothing sets a schedule"),
    _time("ws.service_time", "sent to the kernel's stamp of the message that answers"),
    _time(
        "ws.push_delay", "sent by one connection, or stamped by the server, to the kernel's stamp; only for messages that carry their time"
    ),
    _time("ws.first_delivery_time", "sent to the first subscriber's stamp; fan-out only"),
    _time("ws.last_delivery_time", "sent to the last subscriber's stamp; only for messages that reached all of them"),
    _time("ws.open_time", "asked for to upgraded: name, connect, TLS and upgrade together"),
    _time("ws.dns_time", "name to addresses; only when a name was looked up"),
    _time("ws.connect_time", "TCP or Unix-socket connect"),
    _time("ws.tls_time", "TLS handshake after connect; only when one was made"),
    _time("ws.upgrade_time", "upgrade sent to the kernel's stamp of the answer 101"),
    _time("ws.pong_time", "ping sent to the kernel's stamp of its pong"),
    _time("ws.reconnect_time", "connection lost to upgraded again, waits between attempts included"),
    _count("ws.connects", "attempts to open a connection", better="higher"),
    _count(
        "ws.connect_failures", "attempts that failed, by cause in `kind`: a failure or a status", better="lower", share_of="ws.connects"
    ),
    _count("ws.messages_out", "messages sent", better="higher"),
    _count("ws.messages_in", "messages received", better="higher"),
    _count("ws.bytes_out", "bytes of frames sent, after compression and before TLS", unit="B"),
    _count("ws.bytes_in", "bytes of frames received, before decompression; with TLS, its records", unit="B"),
    _count(
        "ws.errors",
        "messages without their answer, and connections that broke the protocol, by cause in `kind`",
        better="lower",
        share_of="ws.messages_out",
    ),
    _count("ws.closes", "connections that ended, by close code in `code`; 1006 is an end without a close frame"),
    _count(
        "ws.drops",
        "connections that ended although we had not closed them, by close code in `kind`",
        better="lower",
        share_of="ws.connects",
    ),
    _count("ws.pings", "pings sent"),
    _count("ws.missed_pongs", "pings whose pong had not come when the next was due", better="lower", share_of="ws.pings"),
    _count("ws.losses", "lost connections that the plan wants opened again"),
    _count("ws.reconnects", "lost connections that were opened again", better="higher", share_of="ws.losses"),
    _count("ws.not_reconnected", "lost connections that no attempt could open again", better="lower", share_of="ws.losses"),
    _count("ws.messages_lost", "messages whose connection ended before their answer came", better="lower", share_of="ws.messages_out"),
    _count("ws.unsent", "messages that were due while their connection was away", better="lower"),
    _count(
        "ws.unread", "received messages that were dropped because the script did not read them", better="lower", share_of="ws.messages_in"
    ),
    _count("ws.deliveries", "messages of others that subscribers received; fan-out only", better="higher"),
    _count("ws.missing", "messages of others that a subscriber should have received and did not", better="lower", share_of="ws.deliveries"),
    _count("ws.duplicates", "messages of others that a subscriber received again", better="lower", share_of="ws.deliveries"),
    _time("ws.typing_shown_time", "writing begun to the kernel's stamp of the typing indicator at another connection"),
    _time("ws.typing_cleared_time", "message sent to the kernel's stamp of the indicator's end at another connection"),
    Metric(
        "ws.connection_limit", "1", Kind.GAUGE, "higher", "connections that were open when the next was refused, or all that were tried"
    ),
    Metric(
        "ws.server_memory_idle", "B", Kind.GAUGE, "lower", "memory of the server's process for each open connection that said nothing yet"
    ),
    Metric("ws.server_memory_used", "B", Kind.GAUGE, "lower", "the same after one message and its answer on each"),
    Metric("ws.server_memory_closed", "B", Kind.GAUGE, "lower", "the same after all were closed: what did not come back"),
    _count("ws.out_of_order", "messages that came after a later one of the same sender", better="lower", share_of="ws.deliveries"),
)

LLM = (
    _time("llm.ttft", "sent to the first visible token of a streamed answer, content or tool call"),
    _time("llm.ttft_any", "sent to the first token of a streamed answer, reasoning included"),
    _time("llm.first_byte", "sent to the first byte of the response, which may be nothing but its head"),
    _time("llm.tpot", "time per output token of one answer: (last - first) / (tokens - tokens of the first chunk)"),
    _time("llm.chunk_gap", "from one chunk with tokens to the next"),
    _time("llm.token_gap", "from one token to the next; tokens that came with the one before them have 0 and the tag shared=yes"),
    _time("llm.longest_gap", "the longest wait between two chunks of one answer"),
    _time("llm.stall_time", "the length of one stall"),
    _time(
        "llm.reader_wait", "how long a reader at the plan's reading speed waits, in all of one answer, for tokens that are not there yet"
    ),
    _time("llm.e2e", "sent to the last byte of a whole answer"),
    _count("llm.requests", "answers of a language model that were asked for", better="higher"),
    _count("llm.good", "answers that kept an objective, which the tag `slo` names", better="higher", share_of="llm.requests"),
    _count("llm.errors", "answers that failed, whatever the reason", better="lower", share_of="llm.requests"),
    _count("llm.cancelled", "answers that the client left before their end", share_of="llm.requests"),
    _count("llm.truncated", "answers that ended without a finish reason or an end mark", better="lower", share_of="llm.requests"),
    _count("llm.faked_streams", "streams whose tokens came all at once", better="lower", share_of="llm.requests"),
    _count("llm.stalled", "answers with a stall or more", better="lower", share_of="llm.requests"),
    _count("llm.stalls", "gaps between chunks that are stalls", better="lower"),
    _count("llm.output_tokens", "tokens that came, reasoning included", better="higher"),
    _count("llm.input_tokens", "tokens of the questions, as the server counts them"),
    _count("llm.counted_by_server", "answers whose tokens the server counted (its `usage`)", share_of="llm.requests"),
    _count("llm.counted_by_tokenizer", "answers whose tokens the plan's tokenizer counted", share_of="llm.requests"),
    _count("llm.counted_by_chunks", "answers of which each chunk was taken for one token", share_of="llm.requests"),
    Metric(
        "llm.concurrency",
        "s",
        Kind.COUNT,
        "neither",
        "the time that answers were open, all together; per second of load it is how many were open at once",
        scale=1e9,
    ),
    Metric("llm.answer_tokens", "1", Kind.DISTRIBUTION, "neither", "tokens of one answer, reasoning included"),
    Metric("llm.output_rate", "1/s", Kind.DISTRIBUTION, "higher", "tokens of one answer per second from sent to its last byte", scale=1e6),
    Metric("llm.cost", "1", Kind.DISTRIBUTION, "lower", "price of one answer in the price list's currency", scale=1e9),
)


def _factor(name: str, meaning: str) -> Metric:
    return Metric(name, "1", Kind.DISTRIBUTION, "lower", f"{meaning}; below 1 is faster than real time", scale=1e6)


# Speech services over HTTP: one sound or one text, one answer.
SPEECH = (
    _count("voice.stt_requests", "sounds that a recogniser was given", better="higher"),
    _count("voice.stt_errors", "of them, those without a text, by cause in `kind`", better="lower", share_of="voice.stt_requests"),
    _time("voice.stt_time", "sound sent to last byte of its text by the kernel's clock"),
    _time("voice.stt_first_text", "sound sent to the first piece of its text by the kernel's clock; streamed answers only"),
    _factor("voice.stt_rtf", "real-time factor of recognition: `voice.stt_time` over the length of the sound"),
    Metric("voice.stt_audio", "s", Kind.COUNT, "higher", "length of the sounds that were recognised, all together", scale=1e9),
    _count("voice.tts_requests", "texts that a synthesiser was given", better="higher"),
    _count(
        "voice.tts_errors",
        "of them, those without sound that can be heard, by cause in `kind`",
        better="lower",
        share_of="voice.tts_requests",
    ),
    _time("voice.tts_first_byte", "text sent to the first byte of sound, past a WAV's head, by the kernel's clock"),
    _time("voice.tts_time", "text sent to the last byte of its sound by the kernel's clock"),
    _time("voice.tts_stall_time", "how long a listener who plays sound as it comes waits within one answer, all gaps together"),
    _factor("voice.tts_rtf", "real-time factor of synthesis: `voice.tts_time` over the length of the sound"),
    Metric("voice.tts_audio", "s", Kind.COUNT, "higher", "length of the sounds that were made, all together", scale=1e9),
    _count("voice.tts_faults", "what was wrong with the sounds, by kind in `kind`", better="lower", share_of="voice.tts_requests"),
    _count("voice.words", "words that were said and whose final text came"),
    _count("voice.wer", "of them, the words that the text has wrong: replaced, left out or put in", better="lower", share_of="voice.words"),
)


VOICE = (
    *(_time(each.name, each.meaning) for each in voice.TIMES),
    *(
        Metric(
            each.name,
            "ms" if each.in_ns else "1",
            Kind.COUNT,
            each.better,
            each.meaning,
            scale=1e6 if each.in_ns else 1.0,
            share_of=each.share_of,
        )
        for each in voice.TALLIES
    ),
    Metric(voice.CALIBRATION, "ms", Kind.GAUGE, "lower", voice.CALIBRATION_MEANING),
)


def _levels(rows: tuple[Row, ...]) -> tuple[Metric, ...]:
    return tuple(Metric(name, unit, Kind.GAUGE, better, meaning) for name, unit, better, meaning in rows)


BUILT_IN = (
    _time("http.response_time", "due to last byte of the response by the kernel's clock: what a user on schedule would have waited"),
    _time("http.service_time", "sent to last byte of the response by the kernel's clock: what the target took"),
    _time("http.time_to_first_byte", "sent to first byte of the response by the kernel's clock"),
    _time("http.dns_time", "name to addresses; only when a name was looked up"),
    _time("http.connect_time", "TCP or Unix-socket connect; only when a connection was opened"),
    _time("http.tls_time", "TLS handshake after connect; only when one was made"),
    _count("http.requests", "exchanges started", better="higher"),
    _count("http.errors", "exchanges that failed, whatever the reason", better="lower", share_of="http.requests"),
    _count(
        "http.reconnects",
        "requests sent once more because the server closed a kept-alive connection as they left",
        better="lower",
        share_of="http.requests",
    ),
    _count("http.bytes_in", "bytes received, headers included, before decompression", unit="B"),
    _count("http.bytes_out", "bytes sent, headers included", unit="B"),
    _time("sse.first_event", "sent to the first event of a stream by the kernel's clock"),
    _time("sse.event_gap", "from one event of a stream to the next by the kernel's clock"),
    _time("sse.longest_gap", "the longest wait between two events of one stream"),
    _count("sse.streams", "event streams asked for", better="higher"),
    _count("sse.events", "events received"),
    _count("sse.errors", "event streams that failed, whatever the reason", better="lower", share_of="sse.streams"),
    _count("sse.cancelled", "event streams that the client left before their end", share_of="sse.streams"),
    _time("call.response_time", "due to the end of a call of a Python callable"),
    _time("call.service_time", "called to the end: what the callable took"),
    _time("call.time_to_first_byte", "called to the first piece of an answer that comes piece by piece; to its end for one that does not"),
    _count("call.requests", "calls of Python callables", better="higher"),
    _count("call.errors", "calls that raised or took too long, by `kind`", better="lower", share_of="call.requests"),
    _count("call.bytes_in", "bytes that callables returned", unit="B"),
    _count("call.bytes_out", "bytes that callables were given", unit="B"),
    *LLM,
    *WEBSOCKET,
    *SPEECH,
    *VOICE,
    _time("iteration.duration", "one pass of a user through its task, think time included"),
    _count("iteration.count", "passes of users through a task that ended", better="higher"),
    _count("iteration.errors", "passes that ended because the user's own code raised", better="lower", share_of="iteration.count"),
    _count("iteration.interrupted", "passes still under way when the run ended"),
    _count("check.count", "checks evaluated"),
    _count("check.failures", "checks that did not hold", better="lower", share_of="check.count"),
    _count("load.arrivals", "arrivals that were due"),
    _count("load.dropped", "arrivals that found no free session within the patience", better="lower", share_of="load.arrivals"),
    Metric(
        "load.time",
        "ms",
        Kind.COUNT,
        "neither",
        "time in which a scenario's profile was at work; rates of a scenario are per second of it",
        scale=1e6,
    ),
    _time("load.send_lag", "due to sent, less the wait for a free session and for a connection: how late the generator itself was"),
    _time("load.pool_wait", "due to the moment a session was free for an arrival; the target's slowness shows here"),
    Metric("load.users", "1", Kind.GAUGE, "neither", "users or sessions that are active"),
    Metric("load.target_rate", "1/s", Kind.GAUGE, "neither", "arrivals per second that the profile asks for"),
    _time("generator.share", "kernel receive to seen by the application: time that is ours, not the target's"),
    _time("generator.loop_lag", "how late the generator's own timer fires"),
    Metric("generator.cpu", "%", Kind.GAUGE, "lower", "CPU of one worker process; 100 is one core"),
    Metric("generator.memory", "B", Kind.GAUGE, "lower", "resident memory of one process of the generator: a worker, or the parent"),
    Metric(
        "generator.descriptors",
        "1",
        Kind.GAUGE,
        "neither",
        "open file descriptors of one process of the generator: a worker, or the parent",
    ),
    _count("generator.reads", "reads from sockets that returned data"),
    _count(
        "generator.coalesced_reads",
        "reads whose single kernel stamp covers more than one segment",
        better="lower",
        share_of="generator.reads",
    ),
    _count(
        "generator.unstamped_reads",
        "reads without a usable kernel stamp; the application's clock was used",
        better="lower",
        share_of="generator.reads",
    ),
    Metric("target.requests_running", "1", Kind.GAUGE, "neither", "requests that the target says it is working on"),
    Metric("target.requests_waiting", "1", Kind.GAUGE, "lower", "requests that the target says wait in its queue"),
    Metric("target.kv_cache_usage", "%", Kind.GAUGE, "neither", "share of the key-value cache that is taken; 100 is full"),
    Metric("target.prompt_tokens", "1/s", Kind.GAUGE, "higher", "prompt tokens per second that the target says it read"),
    Metric("target.generation_tokens", "1/s", Kind.GAUGE, "higher", "tokens per second that the target says it generated"),
    Metric("target.ttft", "ms", Kind.GAUGE, "lower", "the target's own time to the first token: mean of what ended between two readings"),
    Metric("target.tpot", "ms", Kind.GAUGE, "lower", "the target's own time between two tokens: mean of what ended between two readings"),
    Metric(
        "target.request_time",
        "ms",
        Kind.GAUGE,
        "lower",
        "the target's own time for a whole request: mean of what ended between two readings",
    ),
    Metric("target.gc_pause", "ms", Kind.GAUGE, "lower", "the longest pause of a Python target's garbage collector between two readings"),
    Metric(
        "target.gc_share", "%", Kind.GAUGE, "lower", "share of the time that a Python target's garbage collector took between two readings"
    ),
    Metric("target.gc_collections", "1/s", Kind.GAUGE, "neither", "collections per second of a Python target's garbage collector"),
    Metric(
        "target.allocated_blocks", "1", Kind.GAUGE, "lower", "blocks of up to 512 bytes that a Python target's interpreter has handed out"
    ),
    Metric("target.heap", "B", Kind.GAUGE, "lower", "memory that the target's C library has handed out"),
    Metric("target.heap_free", "B", Kind.GAUGE, "neither", "memory that the target gave back to its C library, which kept it"),
    Metric("target.traced_memory", "B", Kind.GAUGE, "lower", "memory that Python itself took since its allocations are traced, and holds"),
    Metric("target.tracer_memory", "B", Kind.GAUGE, "neither", "memory that the tracing of allocations takes"),
    Metric("target.retained_blocks", "1", Kind.GAUGE, "lower", "blocks that a Python target's interpreter keeps once the load has ended"),
    Metric("target.retained_heap", "B", Kind.GAUGE, "lower", "memory of its C library that the target holds once the load has ended"),
    Metric("target.loop_lag", "ms", Kind.GAUGE, "lower", "the longest time that a target's event loop was late by between two readings"),
    Metric("target.tasks", "1", Kind.GAUGE, "lower", "tasks of a target's event loop that have not ended"),
    Metric("target.pool_size", "1", Kind.GAUGE, "neither", "what a pool of the target has room for"),
    Metric("target.pool_in_use", "1", Kind.GAUGE, "lower", "what is taken from a pool of the target"),
    Metric("target.objects", "1", Kind.GAUGE, "lower", "objects that a Python target's garbage collector tracks"),
    Metric("target.objects_more", "1", Kind.GAUGE, "lower", "how many more objects of a type there are than at the first checkpoint"),
    Metric("target.site_more", "B", Kind.GAUGE, "lower", "how much more of what a line allocated is there than at the first checkpoint"),
    _count("probe.readings", "readings of probes that were due"),
    _count(
        "probe.missed", "readings that brought nothing: no answer, an error, or no time for it", better="lower", share_of="probe.readings"
    ),
    _count(
        "probe.late", "readings that came after their second was told, and stand in a later one", better="lower", share_of="probe.readings"
    ),
    _count("probe.left_out", "series that a reading left out because there were too many", better="lower"),
    _time("probe.reading_time", "asked to read and understood: how long one reading took"),
    *_levels(OWN),
    *_levels(PROCESS),
    *_levels(MACHINE),
    *_levels(GPU),
    *_levels(REMOTE),
)


def brought(claim: str, found: object) -> tuple[Metric, ...]:
    """What a plug-in of kind metric declares: one metric of the claimed name, or a family whose names begin with it and a dot.

    raises: PluginError when it is neither, or when a name is one of the built-in ones
    """
    metrics = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise PluginError(f"the metric {claim!r} is a {type(metric).__name__}, not a loadstone.Metric", hint="reinstall the package")
        if metric.name != claim and not metric.name.startswith(f"{claim}."):
            raise PluginError(f"the metric {claim!r} declares {metric.name!r}, which does not begin with its name", hint=f"{claim}.…")
        if any(metric.name == known.name for known in BUILT_IN):
            raise PluginError(f"the metric {claim!r} declares {metric.name!r}, which is built in", hint="another name")
    return metrics


class Catalogue:
    """Metrics by name: the built-in ones, a suite's own, and those of plug-ins as soon as one of them is asked for."""

    def __init__(self, own: tuple[Metric, ...] = ()) -> None:
        self._by_name = {metric.name: metric for metric in (*BUILT_IN, *own)}

    def __getitem__(self, name: str) -> Metric:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str) -> Metric | None:
        """The metric of that name, or None; raises PluginError when a plug-in claims it and does not load."""
        found = self._by_name.get(name)
        return found if found is not None else self._of_plugin(name)

    def _of_plugin(self, name: str) -> Metric | None:
        for claim in installed().names("metric"):
            if name == claim or name.startswith(f"{claim}."):
                for metric in brought(claim, installed().get("metric", claim)):
                    self.add(metric)
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._by_name)

    def add(self, metric: Metric) -> None:
        """Declare a metric of the suite's own; the built-in names keep their meaning."""
        self._by_name.setdefault(metric.name, metric)
