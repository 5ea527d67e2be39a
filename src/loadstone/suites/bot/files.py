"""The bot suite's result files, in the folders that scripts around such bots look into: baselines, reports, cicd_results and data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from loadstone.judge.figures import main_figures
from loadstone.judge.history import judge_histories
from loadstone.measure.snapshot import View
from loadstone.report.baseline_file import baseline_file
from loadstone.report.document import Document, Gate
from loadstone.report.file_figures import MB, count_of, level_of, run_info, scaled, share, times_in, times_of
from loadstone.report.resources import COLUMNS, record_of
from loadstone.report.result_files import Evidence, ResultFile
from loadstone.report.trend import Trend, trend_document_of
from loadstone.store.baseline_files import AGENT
from loadstone.store.past import catalogue_of_run
from loadstone.suites.bot import results as to
from loadstone.suites.bot.scenarios import BETWEEN
from loadstone.suites.bot.targets import MONITORED, PATHS, SHAPES, STRESS

LOADS: Final = (*(f"stress {kind}" for kind in STRESS), *(f"shape {shape}" for shape in SHAPES))
SCENARIOS: Final = ("critical", "queries", "parallel", "synthetic", *LOADS)
OUTCOMES: Final = ("answered", "refused", "failed", "leaked")


def build_performance(evidence: Evidence) -> to.PerformanceReport:
    """The performance report, of a run that is over or still goes on."""
    document = evidence.told.document
    load = document.load
    critical = evidence.part("critical")
    whole = times_of(evidence, f"{_means(evidence)}.response_time")
    return to.PerformanceReport(
        report_info=run_info(evidence, to.UNITS),
        response_time=to.Response(
            queries=load.requests,
            success_rate=share(load.requests - load.errors, load.requests),
            **(whole.model_dump(include=_TIMES) if whole else dict.fromkeys(_TIMES)),
        ),
        critical_paths={path: _response(evidence, critical.view, {"path": path}) for path in PATHS} if critical else {},
        parts={name: _response(evidence, part.view) for name in SCENARIOS if (part := evidence.part(name)) is not None},
        agent_usage=_agents(evidence),
        parallel_execution=_parallel(evidence),
        edge_cases=_edge_cases(evidence),
        scenarios=_own(evidence),
        attempts=_attempts(evidence),
        resources=_resources(document),
        failure_patterns=_patterns(document),
        likely_causes=[to.LikelyCause(kind=one.kind, text=one.text, evidence=one.evidence, gates=one.gates) for one in document.causes],
        recommendations=[f"{each.text} (measured: {each.trigger}; from {each.threshold})" for each in document.recommendations],
    )


def build_regression(evidence: Evidence) -> to.RegressionReport:
    """What the gates that compare say."""
    gates = [gate for gate in evidence.told.document.gates if gate.compares]
    failed = [gate for gate in gates if gate.status == "fail"]
    passed = gates and all(gate.status == "pass" for gate in gates)
    return to.RegressionReport(
        report_info=run_info(evidence, to.UNITS),
        status="fail" if failed else "pass" if passed else "no_data",
        compared=len(gates),
        regressions=[_line(gate) for gate in failed],
        others=[_line(gate) for gate in gates if gate.status != "fail"],
    )


def build_decision(evidence: Evidence) -> to.CiDecision | None:
    """May it go out."""
    document = evidence.told.document
    if document.decision is None:
        return None
    return to.CiDecision(
        report_info=run_info(evidence, to.UNITS),
        decision=document.decision.answer,
        exit_code=document.exit_code,
        blocking=document.decision.blocking,
        because=document.decision.because,
        gates={name: found.status for name, found in document.requirements.items()},
    )


def build_trend(evidence: Evidence) -> to.TrendReport:
    """What became of the main figures over the runs of this work."""
    runs = evidence.kept.history() if evidence.kept else ()
    documents = []
    if runs:
        newest = runs[-1]
        asked = main_figures(newest.total, catalogue_of_run(newest))
        figures = [run.figures(asked) for run in runs]
        documents = [trend_document_of(each.figure.name, each.figure.unit, Trend(judge_histories(figures, each.figure))) for each in asked]
    return to.TrendReport(report_info=run_info(evidence, to.UNITS), runs=len(runs), trends=documents)


_TIMES: Final = {"p50", "p95", "p99", "mean", "max"}


def _response(evidence: Evidence, view: View, tags: Mapping[str, str] | None = None) -> to.Response:
    means = _means(evidence)
    times, sent = times_in(evidence, view, f"{means}.response_time", tags), view.count(f"{means}.requests", tags)
    failed = view.count(f"{means}.errors", tags) or 0
    return to.Response(
        queries=sent,
        success_rate=share(sent - failed, sent) if sent else None,
        **(times.model_dump(include=_TIMES) if times else dict.fromkeys(_TIMES)),
    )


def _means(evidence: Evidence) -> str:
    """How the bot was asked: over HTTP, or as a callable."""
    return "call" if count_of(evidence.told.document, "call.requests") else "http"


def _outcomes(view: View) -> dict[str, int]:
    return {name: view.count("bot.hard_cases", {"outcome": name}) or 0 for name in OUTCOMES}


def _own(evidence: Evidence) -> dict[str, to.OwnScenario]:
    """Scenarios beside the suite's own that sent hard cases."""
    found: dict[str, dict[str, str]] = {}
    for stretch in evidence.stretches:
        for series in stretch.counts:
            tags = dict(series.tags)
            if series.metric == "bot.hard_cases" and "stress_level" in tags:
                found[tags["scenario"]] = tags
    told = {}
    for name, tags in sorted(found.items()):
        if (part := evidence.part(name)) is not None:
            told[name] = to.OwnScenario(
                expected_challenges=[each for each in tags.get("challenges", "").split(BETWEEN) if each],
                stress_level=tags["stress_level"],
                response=_response(evidence, part.view, {"step": name}),  # without what users cleaned up
                outcomes=_outcomes(part.view),
            )
    return told


def _attempts(evidence: Evidence) -> to.Attempts | None:
    document, part = evidence.told.document, evidence.part(*SCENARIOS)
    if part is None or not count_of(document, "bot.questions"):
        return None
    numbers = ("retries", "retries_failed", "fallbacks", "fallbacks_failed", "unanswered")
    return to.Attempts(
        first=_response(evidence, part.view, {"attempt": "first"}),
        retry_time=_response(evidence, part.view, {"attempt": "retry"}),
        **{name: count_of(document, f"bot.{name}") or 0 for name in numbers},
    )


def _agents(evidence: Evidence) -> dict[str, to.Agent]:
    part = evidence.part(*SCENARIOS)
    if part is None:
        return {}
    view = part.view
    calls: dict[str, int] = {}
    for agent in sorted({name for series in view.series("bot.agent_calls") if (name := dict(series.tags).get("agent"))}):
        calls[agent] = view.count("bot.agent_calls", {"agent": agent}) or 0
    whole = sum(calls.values())
    found = {}
    for agent, count in calls.items():
        work = times_in(evidence, view, "bot.compute_time", {"agent": agent})
        found[agent] = to.Agent(
            calls=count,
            share=share(count, whole) or 0.0,
            compute_time_p50=work.p50 if work else None,
            compute_time_p95=work.p95 if work else None,
        )
    return found


def _parallel(evidence: Evidence) -> to.Parallel | None:
    if evidence.part("parallel") is None:
        return None
    one, many, saved = (times_of(evidence, f"bot.{name}") for name in ("sequential_time", "parallel_time", "time_saved"))
    return to.Parallel(
        sequential_time=one.min if one else None,
        parallel_time=many.min if many else None,
        time_saved_percent=saved.max if saved else None,
    )


def _edge_cases(evidence: Evidence) -> dict[str, int] | None:
    part = evidence.part("synthetic")
    return _outcomes(part.view) if part is not None else None


def build_baseline(evidence: Evidence) -> bytes | None:
    """The run's figures, and the use of each agent as `agent.NAME`, a share of all calls; None where it may not enter a baseline."""
    made = baseline_file(evidence)
    if made is None:
        return None
    document = json.loads(made)
    usage = {f"{AGENT}{name}": agent.share for name, agent in _agents(evidence).items()}
    for figures in (document["figures"], *(member["figures"] for member in document["members"])):
        figures |= usage
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def build_resource_usage(evidence: Evidence) -> bytes | None:
    """What the bot took over time, one record for each stretch of the run; None where nothing was read."""
    began = evidence.told.document.provenance.started_at
    rows = [(stretch.end_s, record_of(stretch.snapshot())) for stretch in evidence.told.timeline]
    lines = [",".join([(began + timedelta(seconds=end_s)).isoformat(timespec="milliseconds"), *row]) for end_s, row in rows if any(row)]
    return ("\n".join([",".join(["timestamp", *COLUMNS]), *lines]) + "\n").encode() if lines else None


def _resources(document: Document) -> to.Resources:
    memory, cpu = level_of(document, "target.memory"), level_of(document, "target.cpu")
    return to.Resources(
        peak_memory_mb=scaled(memory.max, MB) if memory else None,
        average_memory_mb=scaled(memory.mean, MB) if memory else None,
        cpu_percent=cpu.mean if cpu else None,
        peak_cpu_percent=cpu.max if cpu else None,
    )


def _patterns(document: Document) -> list[to.Pattern]:
    return [
        to.Pattern(
            kind=one.kind,
            step=one.step,
            text=one.text,
            count=one.count,
            share=one.share,
            timing=one.timing,
            comes_with=[f"{lift.tag}={lift.value}" for lift in one.tags],
        )
        for one in document.failure_patterns
    ]


def _line(gate: Gate) -> to.GateLine:
    return to.GateLine(
        name=gate.name or gate.gate,
        status=gate.status,
        value=gate.value,
        low=gate.low,
        high=gate.high,
        limit=gate.limit,
        unit=gate.unit,
        reason=gate.reason,
    )


FILES: Final = (
    ResultFile("reports/performance_report_{stamp}.json", build_performance, schema="bot-performance", model=to.PerformanceReport),
    ResultFile("reports/regression_report_{stamp}.json", build_regression, schema="bot-regression", model=to.RegressionReport),
    ResultFile("reports/trend_report_{stamp}.json", build_trend, schema="bot-trend", model=to.TrendReport),
    ResultFile("cicd_results/ci_decision_{stamp}.json", build_decision, schema="bot-decision", model=to.CiDecision),
    ResultFile("baselines/baseline_{stamp}.json", build_baseline),
    ResultFile("data/resource_usage_{stamp}.csv", build_resource_usage, about=frozenset({MONITORED})),
    ResultFile(
        "data/intermediate_results_{stamp}.json",
        build_performance,
        schema="bot-performance",
        model=to.PerformanceReport,
        during=True,
    ),
)
