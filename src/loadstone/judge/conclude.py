"""From what was learnt of a run to its result, and from the result to its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from loadstone.clients.failure import Kind
from loadstone.judge.bands import Grown, grade_all
from loadstone.judge.causes import find_causes
from loadstone.judge.failure_patterns import failure_patterns
from loadstone.judge.notices import find_notices
from loadstone.judge.recommend import recommend
from loadstone.judge.run_state import RunState
from loadstone.judge.score import decide, requirements, score, without_answers, without_comparisons, without_pressure
from loadstone.judge.story import Story
from loadstone.judge.trust import GeneratorFacts, assess
from loadstone.judge.unjudged import unjudged_failures
from loadstone.judge.verdict import Verdict
from loadstone.judge.voice import doubt, without_voice
from loadstone.load.control import Stop
from loadstone.load.frames import Ready
from loadstone.load.outlook import Outlook, asked_iterations
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Metric
from loadstone.measure.declared import catalogue_of
from loadstone.measure.event import Event
from loadstone.measure.exchanges import anything_measured, exchanges, failed_exchanges
from loadstone.measure.result import LoadSummary, Result
from loadstone.probes.provenance import collect
from loadstone.units import format_count

UNREACHED = frozenset({Kind.REFUSED, Kind.DNS, Kind.TIMEOUT_CONNECT})


class LoadMakers(Protocol):
    """What is known of the processes that made the load: a fleet's own word, or what a log says.

    ready:       what each said of itself, at least one
    lost:        a line for each that died before it was done
    clock_steps: steps of the wall clock that they saw
    metrics:     what the suite's scripts recorded under names of their own
    """

    @property
    def ready(self) -> Sequence[Ready]: ...  # noqa: D102  said above

    @property
    def lost(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def clock_steps(self) -> int: ...  # noqa: D102

    @property
    def metrics(self) -> Mapping[str, Metric]: ...  # noqa: D102


def conclude(
    state: RunState,
    makers: LoadMakers,
    recorded: Sequence[Metric],
    started_at: datetime,
    command: Sequence[str] = (),
    *,
    interrupted: bool = False,
) -> Story:
    """The story of a run as far as it came.

    recorded:    what probes measured
    command:     the command line, for the record
    interrupted: tell it as a run that was interrupted, whatever ended it
    """
    result = _result(state, makers, recorded, started_at, command, interrupted=interrupted or state.interrupts > 0)
    return _judged(result, state, _facts(result, state, makers))


def _result(
    state: RunState, makers: LoadMakers, recorded: Sequence[Metric], started_at: datetime, command: Sequence[str], *, interrupted: bool
) -> Result:
    plan, total = state.plan, state.total
    catalogue = catalogue_of(plan, (*makers.metrics.values(), *recorded))
    first = makers.ready[0]
    return Result(
        plan_name=plan.name,
        target=plan.target or "",
        started_at=started_at,
        seconds=total.seconds,
        warm_up_s=state.warm_up_s,
        total=total,
        catalogue=catalogue,
        load=_load(state),
        provenance=collect(
            seed=plan.seed,
            command=list(command),
            plan=plan.model_dump_json(exclude={"source", "probes"} | ({"target"} if plan.embedded else set())),
            event_loop=first.event_loop,
            kernel_clock=first.kernel_clock,
        ),
        workers=len(makers.ready),
        interrupted=interrupted,
        aborted_by=state.aborted_by,
        clock_steps=makers.clock_steps,
    )


def _load(state: RunState) -> LoadSummary:
    total = state.total
    outlook = Outlook.of(state.plan, state.warm_up_s + total.seconds, state.warm_up_s, state.changes)
    requests = exchanges(total)
    arrivals, dropped = total.count("load.arrivals") or 0, total.count("load.dropped") or 0
    users = total.gauge("load.users")
    begun = arrivals - dropped if outlook.is_open else requests
    return LoadSummary(
        target_rate=outlook.rate_per_s,
        achieved_rate=begun / total.seconds if total.seconds else 0.0,
        requests=requests,
        errors=failed_exchanges(total),
        dropped=dropped,
        arrivals=arrivals,
        asked_arrivals=outlook.arrivals if outlook.arrivals is not None else (arrivals if outlook.is_open else None),
        users=round(users.greatest) if users else 0,
    )


def _facts(result: Result, state: RunState, makers: LoadMakers) -> GeneratorFacts:
    total, plan, load = result.total, state.plan, result.load
    ready = makers.ready
    # What was sent too late does not count as sent: a schedule of 10 s that took 12 reached five sixths of its load.
    outlook = Outlook.of(plan, state.warm_up_s + total.seconds, state.warm_up_s, state.changes)
    in_time = min(1.0, outlook.seconds / total.seconds) if outlook.seconds and total.seconds else 1.0
    return GeneratorFacts(
        asked_arrivals=load.asked_arrivals,
        achieved_arrivals=round((load.arrivals - load.dropped) * in_time),
        clock_steps=result.clock_steps,
        kernel_clock=all(worker.kernel_clock for worker in ready),
        descriptor_limit=min(worker.descriptor_limit for worker in ready),
        workers=len(ready),
        lost=tuple(makers.lost),
        allow_unreached=plan.allow_unreached or bool(state.aborted_by) or result.interrupted,
        pressed=state.pressure.applied,
        unpressed=state.pressure.missed,
        gaps_s=state.gaps_s,
        changes=tuple(change.text for change in state.changes if not isinstance(change.control, Stop)),
        unmade=_unmade(result, state, makers),
    )


def _unmade(result: Result, state: RunState, makers: LoadMakers) -> tuple[str, ...]:
    """Iterations that were never begun in a run that nothing but its own plan has ended."""
    if result.interrupted or result.aborted_by or makers.lost or state.gaps_s:
        return ()
    lines = []
    for scenario in state.plan.scenarios:
        asked, tags = asked_iterations(scenario, state.changes), {"scenario": scenario.name}
        begun = sum(result.total.count(f"iteration.{name}", tags) or 0 for name in ("count", "interrupted"))
        if asked is not None and begun < asked:
            lines.append(f"{format_count(begun)} of {format_count(asked)} iterations of {scenario.name} were begun")
    return tuple(lines)


def _events(state: RunState, verdicts: Sequence[Verdict]) -> tuple[Event, ...]:
    found = state.events + [Event(verdict.at_s, "gate", verdict.reason) for verdict in verdicts if verdict.at_s is not None]
    found.sort(key=lambda event: event.at_s or 0.0)
    return (*found, *([Event(None, "ended early", state.aborted_by)] if state.aborted_by else []))


def _judged(result: Result, state: RunState, facts: GeneratorFacts) -> Story:
    total, plan = result.total, state.plan
    trust = assess(total, facts)
    verdicts = _verdicts(state, total, facts)
    unjudged = unjudged_failures(total, verdicts)
    measured = anything_measured(total)
    if not measured or (unjudged and unjudged.everything):
        verdicts = without_answers(verdicts, unjudged.text if unjudged else "nothing was measured")
    decision, code = decide(
        verdicts,
        trust,
        interrupted=result.interrupted,
        load_reached=trust.load_reached,
        any_samples=measured,
        unreachable=_unreachable(total),
        worker_lost=bool(facts.lost),
        as_asked=not facts.unpressed,
        answered=not (unjudged and unjudged.everything),
    )
    bands = grade_all(plan.bands, total, result.catalogue, allow_few=plan.allow_few, grown=Grown(state.by_load, verdicts))
    notices = find_notices(total, facts, state.gates.specs, state.own_memory)
    recoveries = tuple(state.spikes.finish())
    causes = find_causes(state.over_time, total, verdicts, trust, result.catalogue)
    return Story(
        result,
        decision,
        code,
        trust,
        tuple(verdicts),
        tuple(notices),
        requirements(verdicts),
        score(verdicts),
        bands,
        recoveries,
        tuple(state.instances.answers(recoveries)),
        causes,
        recommend(causes),
        failure_patterns(state.over_time, total),
        state.connection_memory.finding(),
        events=_events(state, verdicts),
        voice_targets=plan.voice.targets,
        tokenizer=plan.llm.tokenizer or "",
        because=f"the pressure was not there: {facts.unpressed}" if facts.unpressed else unjudged.text if unjudged else "",
    )


def _verdicts(state: RunState, total: Aggregate, facts: GeneratorFacts) -> list[Verdict]:
    """What the gates say, and no data from those whose ground was missing: pressure, a voice that was heard, a load as planned."""
    pressure, verdicts = state.plan.pressure, state.gates.verdicts(total)
    if facts.unpressed:
        verdicts = without_pressure(verdicts, facts.unpressed, pressure.scenario if pressure else "")
    if unheard := doubt(total):
        verdicts = without_voice(verdicts, unheard)
    return without_comparisons(verdicts, len(facts.changes)) if facts.changes else verdicts


def _unreachable(total: Aggregate) -> bool:
    """Did every single exchange fail for want of a connection?"""
    requests = exchanges(total)
    unreached = sum(failed_exchanges(total, {"kind": kind}) for kind in UNREACHED)
    return requests > 0 and unreached >= requests
