"""What a reader should know before believing a number: a closed set, each computed from the run, each with one line of advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from loadstone.judge.limits import base_tags, trials_needed
from loadstone.judge.own_memory import OwnMemory, own_growth
from loadstone.judge.trust import CPU_BUSY_PERCENT, LOAD_DEGRADED, GeneratorFacts, Health, examine, how_often
from loadstone.judge.unjudged import ADVICE, FAILED_MANY
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.exchanges import ASKED, exchanges, failed_exchanges
from loadstone.measure.snapshot import View
from loadstone.plan.gate_text import GateSpec
from loadstone.stats.quantiles import enough, least_samples
from loadstone.units import format_count, format_duration, format_share

# A stamp belongs to the newest bytes of a read. Many coalesced reads make first bytes and chunks look later than they were.
COALESCED_MANY = 0.20
UNSTAMPED_MANY = 0.01
DESCRIPTORS_FULL = 0.80
CPU_IDLE_PERCENT = 50.0  # of a core: who is late with half of one to spare waits for others, or blocks without working
OTHERS_ADVICE = (
    "its workers had time to spare, so other programs held the cores: end them, or use a machine of its own; more workers help little"
)
SHORT_RUN_S = 10.0
CHANGES_SHOWN = 3
PROBE_MISSED_MANY = 0.10
GROWTH_ADVICE = "look for what the suite's own code keeps; a longer run needs more still"
UNMADE_ADVICE = (
    "allow a longer max_duration and enough data; with several workers each has its share, which nobody makes when its users are taken away"
)


class NoticeCode(StrEnum):
    """All notices there are; documents and scripts name them."""

    WORKER_LOST = "worker_lost"
    NOTHING_MEASURED = "nothing_measured"
    GENERATOR_LATE = "generator_late"
    LOAD_NOT_REACHED = "load_not_reached"
    ARRIVALS_DROPPED = "arrivals_dropped"
    TOO_FEW_SAMPLES = "too_few_samples"
    CLOCK_STEPPED = "clock_stepped"
    COALESCED_READS = "coalesced_reads"
    UNSTAMPED_READS = "unstamped_reads"
    NO_KERNEL_CLOCK = "no_kernel_clock"
    WORKER_BUSY = "worker_busy"
    LOOP_LATE = "loop_late"
    FEW_DESCRIPTORS = "few_descriptors"
    NO_PORTS = "no_ports"
    MANY_FAILURES = "many_failures"
    CHECKS_FAILED = "checks_failed"
    USER_CODE_FAILED = "user_code_failed"
    SHORT_RUN = "short_run"
    PROBE_SILENT = "probe_silent"
    PROBE_BLIND = "probe_blind"
    GENERATOR_GROWS = "generator_grows"
    PRESSED = "pressed"
    NOT_PRESSED = "not_pressed"
    RESUMED = "resumed"
    LOAD_CHANGED = "load_changed"
    ITERATIONS_UNMADE = "iterations_unmade"


@dataclass(frozen=True, slots=True)
class Notice:
    """A code, what was seen, and what to do about it."""

    code: NoticeCode
    text: str
    advice: str


def find_notices(view: View, facts: GeneratorFacts, gates: Iterable[GateSpec] = (), own_memory: OwnMemory | None = None) -> list[Notice]:
    """Every notice that applies to a stretch, the gravest first.

    own_memory: the course of the generator's memory through the run; without it only its ends are compared
    """
    if not any(view.count(metric) for metric in (*ASKED, "iteration.count", "load.arrivals")):
        text = "not one exchange was made in the judged part"
        return [*_lost_notices(facts), Notice(NoticeCode.NOTHING_MEASURED, text, "run longer, or look at the failures of the warm-up")]
    health = examine(view)
    return [
        *_lost_notices(facts),
        *_pressure_notices(facts),
        *_gap_notices(facts),
        *_change_notices(facts),
        *(Notice(NoticeCode.ITERATIONS_UNMADE, line, UNMADE_ADVICE) for line in facts.unmade),
        *_load_notices(view, facts),
        *_generator_notices(health, facts),
        *_clock_notices(health, facts),
        *_failure_notices(view),
        *_sample_notices(view, gates),
        *_probe_notices(view),
        *_blind_notices(view),
        *(Notice(NoticeCode.GENERATOR_GROWS, str(growth), GROWTH_ADVICE) for growth in own_growth(view, own_memory)),
    ]


def _lost_notices(facts: GeneratorFacts) -> list[Notice]:
    advice = "results up to there are kept; look into the system's log for what ended it (out of memory?), or at the suite's own code"
    return [Notice(NoticeCode.WORKER_LOST, line, advice) for line in facts.lost]


def _pressure_notices(facts: GeneratorFacts) -> list[Notice]:
    if facts.unpressed:
        text = f"the pressure that was asked for was not there: {facts.unpressed}"
        advice = "install stress-ng (package stress-ng), or leave `pressure` out; what was measured is the target without it"
        return [Notice(NoticeCode.NOT_PRESSED, text, advice)]
    if facts.pressed:
        text = f"pressure was put on this machine: {facts.pressed}"
        return [Notice(NoticeCode.PRESSED, text, "the generator runs here, too: read its own share beside the latencies")]
    return []


def _gap_notices(facts: GeneratorFacts) -> list[Notice]:
    if not facts.gaps_s:
        return []
    gaps = " and ".join(format_duration(gap_s) for gap_s in facts.gaps_s)
    text = f"the run was ended from outside and continued; no load was made for {gaps} between its parts"
    return [
        Notice(
            NoticeCode.RESUMED,
            text,
            "the target could rest meanwhile: what grows with time without a pause may be missed; feeds began anew",
        )
    ]


def _change_notices(facts: GeneratorFacts) -> list[Notice]:
    if not facts.changes:
        return []
    shown = ", then ".join(facts.changes[:CHANGES_SHOWN]) + (", …" if len(facts.changes) > CHANGES_SHOWN else "")
    text = f"the load was changed by hand {how_often(len(facts.changes))}: {shown}"
    advice = "the numbers are about that load, and this run is compared with no other; put into the plan what is to be repeated"
    return [Notice(NoticeCode.LOAD_CHANGED, text, advice)]


def _load_notices(view: View, facts: GeneratorFacts) -> list[Notice]:
    found = []
    share = facts.load_share
    if share is not None and share < LOAD_DEGRADED:
        text = f"{format_share(share)} of the asked load was sent"
        advice = "the numbers are about the smaller load; lower the rate, add workers, or search with `loadstone capacity`"
        found.append(Notice(NoticeCode.LOAD_NOT_REACHED, text, advice))
    dropped, due = view.count("load.dropped") or 0, view.count("load.arrivals") or 0
    if dropped:
        of = f" of {format_count(due)}" if due else ""
        text = f"{format_count(dropped)}{of} arrivals found no free session and were dropped; they count as longer than any response"
        found.append(Notice(NoticeCode.ARRIVALS_DROPPED, text, "allow more sessions or more patience if users would wait longer"))
    return found


def _generator_notices(health: Health, facts: GeneratorFacts) -> list[Notice]:
    found = []
    idle = health.cpu_percent is not None and health.cpu_percent < CPU_IDLE_PERCENT
    if health.lag_p99_ms is not None and health.lag_p99_ms > health.lag_limit_ms:
        text = f"sends were late: p99 {_ms(health.lag_p99_ms)}, visible above {_ms(health.lag_limit_ms)}"
        found.append(
            Notice(NoticeCode.GENERATOR_LATE, text, OTHERS_ADVICE if idle else "add workers, or give the generator a machine of its own")
        )
    if health.cpu_percent is not None and health.cpu_percent > CPU_BUSY_PERCENT:
        text = f"the busiest worker used {health.cpu_percent:.0f}% of a core"
        found.append(Notice(NoticeCode.WORKER_BUSY, text, f"use more than {facts.workers} worker{'s' if facts.workers != 1 else ''}"))
    if health.loop_lag_p99_ms is not None and health.loop_lag_p99_ms > health.lag_limit_ms:
        text = f"the generator's own timer fired late: p99 {_ms(health.loop_lag_p99_ms)}"
        advice = OTHERS_ADVICE if idle else "look for slow code in the scenario, or for other programs on this machine"
        found.append(Notice(NoticeCode.LOOP_LATE, text, advice))
    if facts.descriptor_limit and (health.descriptors or 0) > DESCRIPTORS_FULL * facts.descriptor_limit:
        text = f"a worker had {format_count(health.descriptors or 0)} of {format_count(facts.descriptor_limit)} allowed files open"
        found.append(Notice(NoticeCode.FEW_DESCRIPTORS, text, "raise the limit with `ulimit -n`"))
    return found


def _clock_notices(health: Health, facts: GeneratorFacts) -> list[Notice]:
    found = []
    if facts.clock_steps:
        text = f"the wall clock was set {facts.clock_steps} time{'s' if facts.clock_steps != 1 else ''} during the run"
        found.append(Notice(NoticeCode.CLOCK_STEPPED, text, "let the time service slew instead of step, and run again"))
    if not facts.kernel_clock:
        text = "receive times are the application's, so they include the generator's own queue"
        return [
            *found,
            Notice(NoticeCode.NO_KERNEL_CLOCK, text, "on Linux without TLS off-load the kernel's stamps are used by themselves"),
        ]
    if health.unstamped is not None and health.unstamped > UNSTAMPED_MANY:
        text = f"{format_share(health.unstamped)} of the reads had no kernel stamp; the application's clock was used for them"
        found.append(Notice(NoticeCode.UNSTAMPED_READS, text, "read generator.share beside the latencies: it bounds the error"))
    if health.coalesced is not None and health.coalesced > COALESCED_MANY:
        text = f"{format_share(health.coalesced)} of the reads held more than one segment, and only the newest has a stamp"
        found.append(Notice(NoticeCode.COALESCED_READS, text, "first bytes may look late, last bytes do not; use less load per worker"))
    return found


def _failure_notices(view: View) -> list[Notice]:
    found = []
    requests, errors = exchanges(view), failed_exchanges(view)
    if requests and errors > FAILED_MANY * requests:
        text = f"{format_share(errors / requests)} of the exchanges failed; latencies mix failures and answers"
        found.append(Notice(NoticeCode.MANY_FAILURES, text, f"read the failures first; {{outcome=ok}} shows the answers alone; {ADVICE}"))
    ports = failed_exchanges(view, {"kind": "no_ports"})
    if ports:
        text = f"{format_count(ports)} connections found no free local port"
        found.append(Notice(NoticeCode.NO_PORTS, text, "keep connections alive, or widen net.ipv4.ip_local_port_range"))
    checks = view.count("check.failures") or 0
    if checks:
        text = f"{format_count(checks)} of {format_count(view.count('check.count') or 0)} checks did not hold"
        found.append(Notice(NoticeCode.CHECKS_FAILED, text, "the failures name the checks; a fast wrong answer is not a fast answer"))
    raised = view.count("iteration.errors") or 0
    if raised:
        text = f"the scenario's own code raised in {format_count(raised)} of {format_count(view.count('iteration.count') or 0)} passes"
        found.append(Notice(NoticeCode.USER_CODE_FAILED, text, "the errors say what it raised, and in which line"))
    return found


def _sample_notices(view: View, gates: Iterable[GateSpec]) -> list[Notice]:
    found = []
    specs = list(gates)
    for gate in dict.fromkeys((gate.metric, gate.tags, gate.stat, gate.q) for gate in specs):
        metric, tags, stat, q = gate
        histogram = view.distribution(metric, dict(tags)) if q is not None else None
        samples = histogram.count + histogram.beyond if histogram is not None else 0
        if q is not None and samples and not enough(q, samples):
            text = f"{stat} of {metric} rests on {format_count(samples)} samples; it takes {format_count(least_samples(q))}"
            found.append(Notice(NoticeCode.TOO_FEW_SAMPLES, text, "run longer, or use a lower percentile"))
    for spec in dict.fromkeys(specs):
        trials, needed = _trials(view, spec), trials_needed(spec)
        if 0 < trials < needed:
            text = f"{spec.subject} rests on {format_count(trials)} trials; it takes {format_count(needed)} to be sure of {spec.limit_text}"
            found.append(Notice(NoticeCode.TOO_FEW_SAMPLES, text, "run longer: a few trials without a failure say little"))
    if view.seconds < SHORT_RUN_S:
        text = f"only {format_duration(view.seconds)} were judged"
        found.append(Notice(NoticeCode.SHORT_RUN, text, "30 s or more also show what happens once caches and pools are warm"))
    return found


def _trials(view: View, spec: GateSpec) -> int:
    """What a share of the catalogue is a share of; 0 for anything else."""
    metric = next((metric for metric in BUILT_IN if metric.name == spec.metric), None)
    if metric is None or metric.share_of is None:
        return 0
    return view.count(metric.share_of, base_tags(spec.tags)) or 0


def _ms(milliseconds: float) -> str:
    return format_duration(milliseconds / 1e3)


def _probe_notices(view: View) -> list[Notice]:
    found = []
    for series in view.series("probe.missed"):
        name, kind = (dict(series.tags).get(key, "") for key in ("probe", "kind"))
        missed, due = view.count("probe.missed", dict(series.tags)) or 0, view.count("probe.readings", {"probe": name}) or 0
        if missed > PROBE_MISSED_MANY * due:
            text = f"the probe of {name} brought nothing in {format_count(missed)} of {format_count(due)} readings: {kind}"
            found.append(Notice(NoticeCode.PROBE_SILENT, text, _PROBE_ADVICE.get(kind, "look at what the address answers")))
    return found


def _blind_notices(view: View) -> list[Notice]:
    found = []
    for series in view.series("probe.unreadable"):
        name, value = (dict(series.tags).get(key, "") for key in ("probe", "value"))
        hidden = view.gauge("probe.unreadable", dict(series.tags))
        if hidden and hidden.greatest:
            text = f"{value} of {name} is not told: {format_count(round(hidden.greatest))} of its processes may not be looked into"
            found.append(Notice(NoticeCode.PROBE_BLIND, text, "run Loadstone as the user that the target runs as, or as root"))
    return found


_PROBE_ADVICE = {
    "missing": "nothing to read on this machine: leave this probe out, or run where it is",
    "gone": "the process has ended or was never there: look at its log; a name or a port finds the one that takes its place",
    "permission": "run Loadstone as the user that the target runs as, or as root",
    "refused": "check host and port, and that the target serves metrics at all (--metrics, --enable-metrics)",
    "status": "check the path, which is often /metrics, and whether it needs headers",
    "timeout": "give the probe more time (timeout: 5s) or read more seldom (every: 5s)",
    "busy": "the endpoint is slower than the readings are apart: read more seldom (every: 5s)",
    "malformed": "the address answers something else than Prometheus text",
}
