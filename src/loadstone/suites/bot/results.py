"""The bot suite's result files as types: what `schema/bot-*-1.json` are made from."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt

from loadstone.report.file_figures import RunInfo
from loadstone.report.result_files import FilePart
from loadstone.report.trend import TrendDocument

Status = Literal["pass", "fail", "no_data"]
UNITS: Final = {
    "response_time": "ms",
    "success_rate": "share from 0 to 1",
    "memory": "MB, of a million bytes",
    "cpu": "%, 100 is one core",
    "compute_time": "ms",
    "parallel": "s",
}


class Response(FilePart):
    """Queries of one kind: their times and how many succeeded."""

    queries: NonNegativeInt | None
    p50: FiniteFloat | None = Field(description="null when the rank falls among those that never came back")
    p95: FiniteFloat | None
    p99: FiniteFloat | None
    mean: FiniteFloat | None
    max: FiniteFloat | None
    success_rate: FiniteFloat | None = Field(description="of the queries")


class Agent(FilePart):
    """What one agent had to do, as answers tell it."""

    calls: NonNegativeInt
    share: FiniteFloat = Field(description="of all calls, 0 to 1")
    compute_time_p50: FiniteFloat | None
    compute_time_p95: FiniteFloat | None


class Resources(FilePart):
    """What the bot took; null where nobody read it."""

    peak_memory_mb: FiniteFloat | None
    average_memory_mb: FiniteFloat | None
    cpu_percent: FiniteFloat | None = Field(description="mean")
    peak_cpu_percent: FiniteFloat | None


class Parallel(FilePart):
    """The same queries one after another and side by side; the least disturbed round counts."""

    sequential_time: FiniteFloat | None
    parallel_time: FiniteFloat | None
    time_saved_percent: FiniteFloat | None


class Attempts(FilePart):
    """First attempts, and apart from them what was tried when they failed."""

    first: Response
    retries: NonNegativeInt
    retries_failed: NonNegativeInt
    retry_time: Response = Field(description="of the retries alone")
    fallbacks: NonNegativeInt
    fallbacks_failed: NonNegativeInt
    unanswered: NonNegativeInt = Field(description="queries without an answer after all of that")


class OwnScenario(FilePart):
    """A scenario of the user's, and what became of its queries."""

    expected_challenges: list[str]
    stress_level: str
    response: Response
    outcomes: dict[str, NonNegativeInt] = Field(description="answered, refused, failed, leaked")


class Pattern(FilePart):
    """Failures of one type in one step, and what they may come from."""

    kind: str
    step: str
    text: str = Field(description="the most frequent one")
    count: NonNegativeInt
    share: FiniteFloat = Field(description="of all failures")
    timing: str = Field(description="steady, burst, at first, from then on, periodic or unknown")
    comes_with: list[str] = Field(description="tags with which they come more often, as kind=unicode")


class LikelyCause(FilePart):
    """A finding that explains why gates failed."""

    kind: str
    text: str
    evidence: FiniteFloat = Field(description="0 to 1")
    gates: list[str] = Field(description="that it explains")


class PerformanceReport(FilePart):
    """`reports/performance_report_TIME.json`; `data/intermediate_results_TIME.json` is the same while the run goes on."""

    report_info: RunInfo
    response_time: Response
    critical_paths: dict[str, Response] = Field(description="by path")
    parts: dict[str, Response] = Field(description="by scenario")
    agent_usage: dict[str, Agent] = Field(description="by agent; empty where answers tell of none")
    parallel_execution: Parallel | None
    edge_cases: dict[str, NonNegativeInt] | None = Field(description="what became of the hard cases: answered, refused, failed, leaked")
    scenarios: dict[str, OwnScenario] = Field(description="the user's own, by name")
    attempts: Attempts | None = Field(description="null where neither retries nor a fallback were asked for")
    resources: Resources
    failure_patterns: list[Pattern]
    likely_causes: list[LikelyCause] = Field(description="the most likely first")
    recommendations: list[str]


class GateLine(FilePart):
    """One gate."""

    name: str = Field(description="its name, or the gate itself")
    status: Status
    value: FiniteFloat | None
    low: FiniteFloat | None = Field(description="lower end of the 95 % interval of the value")
    high: FiniteFloat | None
    limit: FiniteFloat | None
    unit: str
    reason: str


class RegressionReport(FilePart):
    """`reports/regression_report_TIME.json`: what gates that compare with a baseline say."""

    report_info: RunInfo
    status: Status = Field(description="fail when one gate failed; no data without any, too")
    compared: NonNegativeInt = Field(description="gates that compare")
    regressions: list[GateLine] = Field(description="those that failed")
    others: list[GateLine] = Field(description="those that hold, or lack data")


class CiDecision(FilePart):
    """`cicd_results/ci_decision_TIME.json`."""

    report_info: RunInfo
    decision: Literal["deploy", "hold", "blocked"]
    exit_code: int
    blocking: list[str] = Field(description="gates in the way, failed ones first")
    because: str = Field(description="what else is in the way; else empty")
    gates: dict[str, Status] = Field(description="by requirement: critical paths, baseline, resources, edge cases")


class TrendReport(FilePart):
    """`reports/trend_report_TIME.json`: what became of the main figures over the runs that the store has of this work."""

    report_info: RunInfo
    runs: NonNegativeInt = Field(description="that were compared, this one among them; 0 where the run is not kept")
    trends: list[TrendDocument] = Field(description="one for each figure, as `loadstone trend --json` has it")
