"""From a judged run to the typed document that every report is rendered from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import zip_longest
from typing import Any

from loadstone.judge.bands import Graded
from loadstone.judge.cause import Cause
from loadstone.judge.failure_patterns import FailurePattern
from loadstone.judge.leak_cause import LeakCause
from loadstone.judge.recovery import Recovery
from loadstone.judge.scaling import Scaling
from loadstone.judge.score import Requirement, release
from loadstone.judge.story import Story
from loadstone.judge.verdict import Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.result import Result
from loadstone.measure.snapshot import Snapshot, View
from loadstone.measure.under_load import LOAD_TIME, seconds_under_load
from loadstone.report import document as doc
from loadstone.stats.quantiles import enough, least_samples

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
# A picosecond, or the sixth decimal of any other unit: below it there is only the noise of binary fractions.
DECIMALS = 6


def document_of(story: Story) -> doc.Document:
    """Everything the story tells, in displayed units, finite and typed."""
    result = story.result
    return doc.Document(
        schema=doc.SCHEMA,
        verdict=story.verdict.value,
        exit_code=int(story.exit_code),
        load=_load(result),
        metrics={name: figures(result.total, result.catalogue[name]) for name in result.catalogue.names()},
        steps=_steps(result),
        errors=_errors(result),
        checks=_checks(result),
        gates=[_gate(verdict) for verdict in story.verdicts],
        requirements={name: _requirement(check) for name, check in story.requirements.items()},
        score=finite(story.score),
        decision=_release(story),
        bands=[_band(graded) for graded in story.bands],
        recovery=[_recovery(*each) for each in zip_longest(story.recoveries, story.scalings)],
        **_explained(story),
        connection_memory=_connection_memory(story),
        voice_targets=_voice_targets(story),
        token_counting=_token_counting(story),
        events=[doc.Event(at_s=finite(each.at_s), kind=sound(each.kind), text=sound(each.text)) for each in story.events],
        generator=_generator(story),
        notices=[doc.Notice(code=sound(str(n.code)), text=sound(n.text), advice=sound(n.advice)) for n in story.notices],
        provenance=_origin(result),
    )


def _voice_targets(story: Story) -> doc.VoiceTargets | None:
    targets = story.voice_targets
    if targets is None:
        return None
    return doc.VoiceTargets(response_gap_ms=1e3 * targets.response_gap_s, barge_stop_ms=1e3 * targets.barge_stop_s)


def _token_counting(story: Story) -> doc.TokenCounting | None:
    total = story.result.total
    answers = {who: count for who in ("server", "tokenizer", "chunks") if (count := total.count(f"llm.counted_by_{who}"))}
    if not answers:
        return None
    who: Any = next(iter(answers)) if len(answers) == 1 else "several"
    return doc.TokenCounting(counted_by=who, tokenizer=sound(story.tokenizer) if "tokenizer" in answers else None, answers=answers)


def figures(view: View, metric: Metric, tags: Mapping[str, str] | None = None) -> doc.Figures:
    """The metric over a stretch of a run; null wherever there is no value."""
    if metric.kind is Kind.DISTRIBUTION:
        return distribution(view, metric, tags)
    if metric.kind is Kind.COUNT:
        count = _count(view, metric, tags)
        seconds = seconds_under_load(view, metric.name, tags)
        shown = None if count is None else count / metric.scale
        rate = shown / seconds if shown is not None and seconds > 0 else None
        return doc.Count(unit=metric.unit, count=None if shown is None else round(shown), rate=finite(rate))
    level = view.gauge(metric.name, tags)
    if level is None:
        return doc.Level(unit=metric.unit, last=None, mean=None, min=None, max=None)
    last, mean, least, greatest = (finite(value / metric.scale) for value in (level.last, level.mean, level.least, level.greatest))
    return doc.Level(unit=metric.unit, last=last, mean=mean, min=least, max=greatest)


def distribution(view: View, metric: Metric, tags: Mapping[str, str] | None = None) -> doc.Distribution:
    """The values of a metric; a quantile among those beyond everything recorded is null."""
    values = view.distribution(metric.name, tags)
    beyond, recorded = (values.beyond, values.count) if values else (0, 0)
    quantiles: dict[str, float | None] = dict.fromkeys(QUANTILES)
    least = mean = greatest = None
    if values and recorded + beyond:
        quantiles = {name: finite(values.quantile(q) / metric.scale) for name, q in QUANTILES.items()}
    if values and recorded:
        least, mean, greatest = (finite(value / metric.scale) for value in (values.min, values.mean, values.max))
    samples = recorded + beyond
    few = {name: least_samples(q) for name, q in QUANTILES.items() if samples and not enough(q, samples)}
    return doc.Distribution(unit=metric.unit, count=recorded, beyond=beyond, mean=mean, min=least, max=greatest, too_few=few, **quantiles)


def finite(value: float | None) -> float | None:
    """The value, rounded where only noise is left; None for what JSON has no number for."""
    return None if value is None or not math.isfinite(value) else round(float(value), DECIMALS)


def sound(text: str) -> str:
    """The text with lone surrogates written out, because UTF-8 has no bytes for them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _count(view: View, metric: Metric, tags: Mapping[str, str] | None) -> int | None:
    count = view.count(metric.name, tags)
    if count is None and metric.share_of is not None and view.count(metric.share_of, tags) is not None:
        return 0  # what it is a share of was counted, so none of those were found is knowledge
    return count


def _connection_memory(story: Story) -> doc.ConnectionMemory | None:
    found = story.connection_memory
    if found is None or not math.isfinite(found.low + found.high):
        return None
    each, low, high = (round(value, DECIMALS) for value in (found.each, found.low, found.high))
    return doc.ConnectionMemory(each=each, low=low, high=high, least=found.least, most=found.most, counted=found.counted)


def _explained(story: Story) -> dict[str, Any]:
    return {
        "causes": [_cause(cause) for cause in story.causes],
        "recommendations": [
            doc.Recommendation(text=sound(one.text), trigger=sound(one.trigger), threshold=one.threshold, cause=str(one.cause))
            for one in story.recommendations
        ],
        "failure_patterns": [_pattern(pattern) for pattern in story.failure_patterns],
    }


def _cause(cause: Cause) -> doc.Cause:
    return doc.Cause(
        kind=str(cause.kind),
        subject=sound(cause.subject),
        text=sound(cause.text),
        evidence=cause.evidence,
        gates=[sound(gate) for gate in cause.gates],
        from_s=finite(cause.from_s),
        to_s=finite(cause.to_s),
        figures={name: finite(value) for name, value in cause.figures.items()},
    )


def _pattern(pattern: FailurePattern) -> doc.FailurePattern:
    return doc.FailurePattern(
        kind=sound(pattern.kind),
        step=sound(pattern.step),
        text=sound(pattern.text),
        texts=pattern.texts,
        count=pattern.count,
        share=finite(pattern.share) or 0.0,
        timing=pattern.timing.value,
        from_s=finite(pattern.from_s),
        to_s=finite(pattern.to_s),
        period_s=finite(pattern.period_s),
        tags=[
            doc.TagLift(
                tag=sound(one.tag),
                value=sound(one.value),
                failures=one.failures,
                ratio=finite(one.ratio),
                low=finite(one.low),
                high=finite(one.high),
            )
            for one in pattern.tags
        ],
    )


def _load(result: Result) -> doc.Load:
    load = result.load
    return doc.Load(
        target_rate=finite(load.target_rate),
        achieved_rate=finite(load.achieved_rate) or 0.0,
        requests=load.requests,
        errors=load.errors,
        dropped=load.dropped,
        arrivals=load.arrivals,
        asked_arrivals=load.asked_arrivals,
        users=load.users,
        seconds=finite(result.seconds) or 0.0,
        warm_up_s=finite(result.warm_up_s) or 0.0,
        interrupted=result.interrupted,
        aborted_by=sound(result.aborted_by) or None,
    )


def _steps(result: Result) -> list[doc.Step]:
    """One entry per scenario and step, in the order of their names; only metrics that the step recorded."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in result.catalogue.names():
        for series in result.total.series(name):
            tags = dict(series.tags)
            if "step" in tags:
                found.setdefault((tags.get("scenario", ""), tags["step"]), set()).add(name)
    steps, by_step = [], _by_step(result.total)
    for (scenario, step), recorded in sorted(found.items()):
        tags = {"scenario": scenario, "step": step} if scenario else {"step": step}
        names = recorded | {name for name in ("http.errors",) if "http.requests" in recorded}
        metrics = {sound(name): figures(by_step[step], result.catalogue[name], tags) for name in sorted(names)}
        steps.append(doc.Step(scenario=sound(scenario), step=sound(step), metrics=metrics))
    return steps


def _by_step(total: Aggregate) -> dict[str, Aggregate]:
    """What each step recorded, with the time under load: of a thousand steps, each would look through the series of all."""
    whole = total.as_snapshot()
    times = {series: count for series, count in whole.counts.items() if series.metric == LOAD_TIME}
    parts: dict[str, Snapshot] = {}
    tables = ((series, name) for name in ("distributions", "counts", "gauges") for series in getattr(whole, name))
    for series, table in tables:
        step = dict(series.tags).get("step")
        if step is not None:
            part = parts.setdefault(step, replace(whole, distributions={}, counts=dict(times), gauges={}))
            getattr(part, table)[series] = getattr(whole, table)[series]
    return {step: Aggregate.of(part) for step, part in parts.items()}


def _errors(result: Result) -> list[doc.Error]:
    ordered = sorted(result.failures.items(), key=lambda entry: (-entry[1], entry[0]))
    return [doc.Error(kind=sound(f.kind), step=sound(f.step), text=sound(f.text), count=count) for f, count in ordered]


def _checks(result: Result) -> list[doc.Check]:
    """Checks by name, those that failed most often first."""
    total = result.total
    names = {name for series in total.series("check.count") if (name := dict(series.tags).get("check")) is not None}
    found = [
        doc.Check(check=sound(name), count=total.count("check.count", tags) or 0, failures=total.count("check.failures", tags) or 0)
        for name in names
        for tags in [{"check": name}]
    ]
    return sorted(found, key=lambda check: (-check.failures, check.check))


def _gate(verdict: Verdict) -> doc.Gate:
    gate = verdict.gate
    return doc.Gate(
        gate=sound(str(gate)),
        name=sound(gate.name),
        requirement=sound(gate.requirement),
        status=verdict.status.value,
        value=finite(verdict.value),
        beyond=verdict.value is not None and math.isinf(verdict.value),
        limit=finite(verdict.limit),
        low=finite(verdict.low),
        high=finite(verdict.high),
        unit=verdict.unit,
        samples=verdict.samples,
        reason=sound(verdict.reason),
        at_s=finite(verdict.at_s),
        cause=_leak_cause(verdict.cause) if verdict.cause is not None else None,
        compares=verdict.compares,
        collecting=verdict.collecting,
    )


def _leak_cause(cause: LeakCause) -> doc.LeakCause:
    evidence, types, sites = ([sound(text) for text in texts] for texts in (cause.evidence, cause.types, cause.sites))
    return doc.LeakCause(cause=cause.cause.value, evidence=evidence, process=sound(cause.process), types=types, sites=sites)


def _requirement(check: Requirement) -> doc.Requirement:
    return doc.Requirement(status=check.status.value, details=[sound(line) for line in check.details])


def _release(story: Story) -> doc.Release:
    found = release(story.verdict, story.verdicts, story.because)
    blocking = [sound(verdict.gate.name or str(verdict.gate)) for verdict in found.blocking]
    return doc.Release(answer=found.answer, blocking=blocking, because=found.because)


def _band(graded: Graded) -> doc.Band:
    return doc.Band(
        name=sound(graded.name),
        value_of=sound(graded.subject),
        grade=graded.grade.value,
        value=finite(graded.value),
        unit=graded.unit,
        edges=[sound(edge) for edge in graded.edges],
        reason=sound(graded.reason),
    )


def _recovery(spike: Recovery, scaled: Scaling | None) -> doc.Recovery:
    return doc.Recovery(
        began_s=spike.began_s,
        ended_s=spike.ended_s,
        peak=finite(spike.peak) or 0.0,
        recovery_s=finite(spike.seconds),
        instances_before=scaled.before if scaled else None,
        instances_most=scaled.most if scaled else None,
        instances_enough=scaled.enough if scaled else None,
        reacted_s=scaled.reacted_s if scaled else None,
        scaled_s=scaled.scaled_s if scaled else None,
        overshoot=scaled.overshoot if scaled else None,
        undershoot=scaled.undershoot if scaled else None,
    )


def _generator(story: Story) -> doc.Generator:
    result = story.result
    catalogue, total = result.catalogue, result.total
    cpu = figures(total, catalogue["generator.cpu"])
    reads, coalesced = total.count("generator.reads"), total.count("generator.coalesced_reads")
    return doc.Generator(
        trust=story.trust.level.value,
        reasons=[sound(reason) for reason in story.trust.reasons],
        cpu_percent=cpu.mean if isinstance(cpu, doc.Level) else None,
        send_lag_p99_ms=distribution(total, catalogue["load.send_lag"]).p99,
        share_p99_ms=distribution(total, catalogue["generator.share"]).p99,
        loop_lag_p99_ms=distribution(total, catalogue["generator.loop_lag"]).p99,
        coalesced_share=finite((coalesced or 0) / reads) if reads else None,
        kernel_clock=result.provenance.kernel_clock,
        workers=result.workers,
    )


def _origin(result: Result) -> doc.Origin:
    facts: dict[str, Any] = {key: sound(value) if isinstance(value, str) else value for key, value in asdict(result.provenance).items()}
    return doc.Origin(
        plan=sound(result.plan_name), target=sound(result.target), started_at=result.started_at, clock_steps=result.clock_steps, **facts
    )
