"""The chat suite's result files as types: what `schema/chat-1.json` is made from."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt

from loadstone.report.file_figures import RunInfo
from loadstone.report.result_files import FilePart

Status = Literal["pass", "fail", "no_data"]
UNITS: Final = {
    "avg_response_time": "s",
    "p95_response_time": "s",
    "p99_response_time": "s",
    "max_response_time": "s",
    "requests_per_second": "1/s",
    "successful_requests": "number",
    "error_rate": "share from 0 to 1",
    "memory_usage_mb": "MB, of a million bytes",
    "cpu_usage_percent": "%, 100 is one core",
    "websocket_connections": "number",
}


class Metrics(FilePart):
    """The metrics of a run, or of a part of it."""

    avg_response_time: FiniteFloat | None = Field(description="mean from due to the last byte, of those that came back")
    p95_response_time: FiniteFloat | None = Field(
        description="95 % took no longer; null when the rank falls among those that never came back"
    )
    p99_response_time: FiniteFloat | None = Field(description="99 % took no longer")
    max_response_time: FiniteFloat | None = Field(description="the longest of those that came back")
    requests_per_second: FiniteFloat | None = Field(description="per second under load")
    successful_requests: NonNegativeInt | None = Field(description="those that did not fail")
    error_rate: FiniteFloat | None = Field(description="those that failed, of all")
    memory_usage_mb: FiniteFloat | None = Field(
        description="most memory of the target in the run; null where nobody read it, and for a step or pattern"
    )
    cpu_usage_percent: FiniteFloat | None = Field(
        description="mean CPU of the target in the run; null where nobody read it, and for a step or pattern"
    )
    websocket_connections: NonNegativeInt | None = Field(description="WebSocket connections that were opened")


class ConcurrentUsers(FilePart):
    """Users who stay: light, mixed and heavy."""

    status: Status = Field(description="of the requirements response_time_under_5s and concurrent_user_handling")
    users: NonNegativeInt | None = Field(description="most of them at one time")
    metrics: Metrics = Field(description="of all of them")
    patterns: dict[str, Metrics] = Field(description="by pattern of behaviour")
    steps: dict[str, Metrics] = Field(description="by step")


class LoadTest(FilePart):
    """Visitors who come by chance."""

    status: Status = Field(description="of the requirement response_time_under_5s")
    arrivals: NonNegativeInt | None = Field(description="visitors that were due")
    dropped: NonNegativeInt | None = Field(description="of these, those for whom there was no room in time")
    metrics: Metrics = Field(description="of all of them")
    steps: dict[str, Metrics] = Field(description="by step")


class WebSockets(FilePart):
    """Connections, and messages with their answers; a response time here is from a message to its answer."""

    status: Status = Field(description="of the requirement websocket_stability")
    metrics: Metrics = Field(description="of the members of rooms; the search for the most connections is apart")
    connections_attempted: NonNegativeInt | None = Field(description="by the members of rooms")
    connection_success_rate: FiniteFloat | None = Field(description="of these attempts, 0 to 1")
    connections_lost: NonNegativeInt | None = Field(description="that ended although nobody here had closed them")
    connection_limit: FiniteFloat | None = Field(description="open at one time when the next was refused, or all that were tried")
    messages_sent: NonNegativeInt | None
    messages_received: NonNegativeInt | None
    typing_shown_max: FiniteFloat | None = Field(description="the longest until a typing indicator was seen, in s")
    memory_per_connection_bytes: FiniteFloat | None = Field(description="of the target, for each more open connection")


class Leak(FilePart):
    """Does something that is held leak?"""

    status: Status
    reason: str = Field(description="what was found, or why nobody can tell")
    cause: str | None = Field(description="of a leak, where something tells it")
    evidence: list[str] = Field(description="what speaks for that cause")


class Reading(FilePart):
    """The target at one moment, or over a few seconds of a long run."""

    at_seconds: FiniteFloat = Field(description="since the run's start")
    memory_mb: FiniteFloat | None
    cpu_percent: FiniteFloat | None


class Memory(FilePart):
    """Memory of the target, from outside and from within."""

    status: Status = Field(description="of the requirement memory_efficiency")
    first_mb: FiniteFloat | None = Field(description="first reading of the judged part")
    last_mb: FiniteFloat | None
    peak_mb: FiniteFloat | None
    average_mb: FiniteFloat | None
    increase_mb: FiniteFloat | None = Field(description="last less first")
    gc_pause_ms: FiniteFloat | None = Field(description="longest pause of the garbage collector that was seen")
    objects_more: FiniteFloat | None = Field(description="most objects of one type that came on top between two looks")
    leaks: dict[str, Leak] = Field(description="by what is held")
    samples: list[Reading] = Field(description="in order of time, warm-up and rest included")


class TestResults(FilePart):
    """One entry for each part of the suite; null where it is not in the run, or not in this file."""

    __test__ = False  # the name is that of a key

    concurrent_user_test: ConcurrentUsers | None
    load_test: LoadTest | None
    websocket_performance: WebSockets | None
    memory_monitoring: Memory | None


class Summary(FilePart):
    """What the run, or the part that the file is about, came to."""

    overall_metrics: Metrics
    performance_highlights: list[str] = Field(description="what is good by its band")
    performance_concerns: list[str] = Field(description="bands of concern and issue, and gates that failed")


class Validation(FilePart):
    """What the gates of a requirement say."""

    status: Status
    details: list[str] = Field(description="one line for each gate")


class ChatResults(FilePart):
    """One file of the chat suite."""

    suite_info: RunInfo
    test_results: TestResults
    performance_summary: Summary
    requirement_validation: dict[str, Validation] = Field(description="by name")
    recommendations: list[str] = Field(description="what to do, each with the measurement that asks for it")
