"""Times to first token and between tokens against a server whose truth is known, at 1 to 256 concurrent streams, beside other clients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks import llm_peers, ours
from benchmarks.figures import Bound, Figure
from benchmarks.llm_peers import Client, Seen
from benchmarks.processes import Failed
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.servers.streams import Schedule, Truth, tokens
from benchmarks.stream_modes import modes

SCHEDULE = Schedule()
UNCOUNTED = Schedule(usage=False)  # an event of counts, which has no choice, is an error to SGLang's client
STREAMS = (1, 16, 64, 256)
BESIDE_PEERS = (64, 256)
MOST = max(STREAMS)
ENOUGH_FOR_P99 = 662  # MLPerf LoadGen: fewer answers have no 99th percentile worth the name
LEAST_ANSWERS_EACH = 3


@dataclass(frozen=True, slots=True)
class Read:
    """One run of one client: what it saw and what was there."""

    seen: Seen
    truth: Truth

    @property
    def off_p50(self) -> float:
        """The larger error of the two medians, in ms."""
        return max(abs(self.seen.ttft_p50 - self.truth.ttft_p50), abs(self.seen.gap_p50 - self.truth.gap_p50))

    @property
    def off_p99(self) -> float:
        """The larger error of the two 99th percentiles; of the gap alone where the answers are too few for the other."""
        gap = abs(self.seen.gap_p99 - self.truth.gap_p99)
        return gap if self.seen.ttft_p99 is None else max(gap, abs(self.seen.ttft_p99 - self.truth.ttft_p99))

    @property
    def off_schedule_p99(self) -> float:
        """The same against what the schedule says, the server's own lateness included."""
        gap = abs(self.seen.gap_p99 - SCHEDULE.gap_ms)
        return gap if self.seen.ttft_p99 is None else max(gap, abs(self.seen.ttft_p99 - SCHEDULE.ttft_ms))


def loadstone(url: str, streams: int, answers: int, _tokens: int) -> Seen:
    """`loadstone llm` as a user types it."""
    result = ours.llm(url, "-c", str(streams), "-n", str(answers), seconds=answers / SCHEDULE.possible_per_s(streams))
    return seen_by_us(result, answers)


def seen_by_us(result: ours.Result, answers: int) -> Seen:
    """From the JSON document; a run in which a stream failed is no measurement of time."""
    if errors := result.number("load.errors"):
        raise Failed(f"{errors:.0f} of {answers} streams failed")
    return Seen(
        answers=result.number("load.requests"),
        per_s=result.number("load.achieved_rate"),
        cpu_s=result.done.cpu_s,
        ttft_p50=result.number("metrics/llm.ttft/p50"),
        ttft_p99=result.number("metrics/llm.ttft/p99") if answers >= ENOUGH_FOR_P99 else None,
        gap_p50=result.number("metrics/llm.token_gap/p50"),
        gap_p99=result.number("metrics/llm.token_gap/p99"),
        coalesced=result.number("generator.coalesced_share"),
    )


def answers_for(streams: int, seconds: float) -> int:
    """Whole answers for each stream, about as many as the time holds; enough for a 99th percentile where that is a matter of seconds."""
    each = max(LEAST_ANSWERS_EACH, math.ceil(seconds * 1000 / SCHEDULE.last_token_ms))
    if streams in BESIDE_PEERS:
        each = max(each, math.ceil(ENOUGH_FOR_P99 / streams))
    return each * streams


def read_streams(client: Client, streams: int, answers: int, schedule: Schedule = SCHEDULE) -> Read:
    """One client against a fresh server; the client must have counted what the server sent."""
    with tokens(schedule) as server:
        seen = client(server.url, streams, answers, schedule.tokens)
    truth = server.truth
    if not answers * 0.99 <= seen.answers <= truth.answers:
        raise Failed(f"the client says {seen.answers:.0f} answers of {answers}, the server gave {truth.answers}")
    return Read(seen, truth)


def cpu_per_event(long: Read, short: Read) -> float:
    """CPU time in µs of one more token event, from two runs of different length: what a start costs is in both."""
    events = long.truth.events - short.truth.events
    if events <= 0:
        raise Failed("the longer run had no more events than the shorter one")
    return (long.seen.cpu_s - short.seen.cpu_s) / events * 1e6


def marginal_cpu(client: Client, long: Outcome[Read], schedule: Schedule = SCHEDULE) -> Outcome[float]:
    """The second, shorter run, when the first one worked."""
    return long.map(lambda read: cpu_per_event(read, read_streams(client, MOST, MOST * 2, schedule)))


def measure(options: Options) -> Iterator[Figure]:
    """Ours in every round; the peers, which take much longer to start, in the first."""
    p50 = {n: Figure(f"TTFT and token gap, p50, {n} streams: off by", "ms", Bound(most=1)) for n in STREAMS}
    p99 = {n: Figure(f"TTFT and token gap, p99, {n} streams: off by", "ms", Bound(most=3)) for n in STREAMS}
    rate = Figure(f"answers/s at {MOST} streams ÷ possible", "", Bound(least=0.98))
    cpu = Figure(f"CPU per token event at {MOST} streams", "µs", Bound(most=20))
    late = Figure(f"how late the server's own writes were, p99, {MOST} streams", "ms")
    off_schedule = Figure(f"the same p99 at {MOST} streams against the schedule, server's lateness included: off by", "ms")
    coalesced = Figure(f"reads at {MOST} streams with more than one event (a core that others use, too)", "%")
    for _ in range(options.rounds):
        for streams in STREAMS:
            read = attempt(partial(read_streams, loadstone, streams, answers_for(streams, options.seconds)))
            p50[streams].add(read.map(lambda one: one.off_p50))
            p99[streams].add(read.map(lambda one: one.off_p99))
        rate.add(read.map(partial(share_of, SCHEDULE.possible_per_s(MOST))))
        coalesced.add(read.map(coalesced_percent))
        late.add(read.map(lambda one: one.truth.late_p99))
        off_schedule.add(read.map(lambda one: one.off_schedule_p99))
        cpu.add(marginal_cpu(loadstone, read))
    yield from p50.values()
    yield from p99.values()
    yield from (rate, cpu, late, off_schedule, coalesced)
    yield from modes(options)
    yield from beside("AIPerf", llm_peers.aiperf, options.seconds)
    yield from beside("SGLang's client", llm_peers.sglang, options.seconds, UNCOUNTED)
    if llm_peers.guidellm_is_installed():
        yield from beside("GuideLLM", llm_peers.guidellm, options.seconds)


def beside(name: str, client: Client, seconds: float, schedule: Schedule = SCHEDULE) -> Iterator[Figure]:
    """What a peer says of the same streams: rows to compare with, one round."""
    for streams in BESIDE_PEERS:
        read = attempt(partial(read_streams, client, streams, answers_for(streams, seconds), schedule))
        possible = SCHEDULE.possible_per_s(streams)
        yield shown(f"{name}: TTFT p50, {streams} streams: off by", "ms", read.map(lambda one: abs(one.seen.ttft_p50 - one.truth.ttft_p50)))
        yield shown(f"{name}: TTFT p99, {streams} streams: off by", "ms", read.map(off_ttft_p99))
        yield shown(f"{name}: gap p99, {streams} streams: off by", "ms", read.map(lambda one: abs(one.seen.gap_p99 - one.truth.gap_p99)))
        yield shown(f"{name}: answers/s at {streams} streams ÷ possible", "", read.map(partial(share_of, possible)))
        if streams == MOST:
            yield shown(f"{name}: CPU per token event at {streams} streams", "µs", marginal_cpu(client, read, schedule))


def off_ttft_p99(read: Read) -> float:
    """Error in ms; a client that did not say it is no zero."""
    if read.seen.ttft_p99 is None:
        raise Failed("the client gave no p99")
    return abs(read.seen.ttft_p99 - read.truth.ttft_p99)


def coalesced_percent(read: Read) -> float:
    """Of the client's reads; one that did not say it is no zero."""
    if read.seen.coalesced is None:
        raise Failed("the client does not count coalesced reads")
    return read.seen.coalesced * 100


def share_of(possible_per_s: float, read: Read) -> float:
    """Answers per second as the client says, divided by what the schedule allows."""
    return read.seen.per_s / possible_per_s


def shown(name: str, unit: str, outcome: Outcome[float]) -> Figure:
    """A row to compare with: nothing to reach, one round."""
    figure = Figure(name, unit)
    figure.add(outcome)
    return figure
