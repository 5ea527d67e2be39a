"""Writes the values of answers into the recorder, and keeps count of how many are open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Protocol

from loadstone.clients.failure import TIMEOUTS, Kind
from loadstone.clients.llm.answer import Answer
from loadstone.clients.llm.timeline import Timeline
from loadstone.clients.llm.transcript import Fault
from loadstone.clock import MILLISECOND, SECOND, Timers
from loadstone.measure.recorder import Column, Recorder
from loadstone.measure.snapshot import Failure, Series, Tags

RATE_SCALE, MONEY_SCALE = 1_000_000, 1_000_000_000
OWN_FAULTS = frozenset(str(fault) for fault in Fault) - {Fault.RATE_LIMIT}
FLUSH_NS = 100 * MILLISECOND


Price = Callable[[Answer], float | None]


class Objective(Protocol):
    """What an answer keeps or does not; its text is the tag under which it is counted."""

    def met(self, values: Mapping[str, float | None], ok: bool, /) -> bool:
        """Is the answer a good one? `values` as `values_of` gives them."""


class StepColumns:
    """The series of one step's answers of one outcome."""

    __slots__ = ("_made", "_recorder", "_scenario", "_tags", "plain")

    def __init__(self, recorder: Recorder, scenario: str, tags: Tags, outcome: str) -> None:
        self._recorder, self._scenario = recorder, scenario
        self.plain = tags
        self._tags = tuple(sorted((*tags, ("outcome", outcome))))
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        column = self._made.get(name)
        if column is None:
            column = self._made[name] = self._recorder.column(self._scenario, Series(f"llm.{name}", self._tags))
        return column

    def shared_gaps(self) -> Column:
        """The gaps of tokens that came with the token before them: 0, each of them."""
        column = self._made.get("shared")
        if column is None:
            tags = tuple(sorted((*self._tags, ("shared", "yes"))))
            column = self._made["shared"] = self._recorder.column(self._scenario, Series("llm.token_gap", tags))
        return column

    def beyond(self, name: str) -> None:
        """A value known only to be longer than anything recorded."""
        self._recorder.beyond(self._scenario, Series(f"llm.{name}", self._tags))


class Ledger:
    """All answers of a scenario in this worker.

    slos:  objectives of single answers
    price: of an answer, in the price list's currency; None when a count is missing that has a price
    """

    def __init__(self, recorder: Recorder, scenario: str, *, slos: Sequence[Objective] = (), price: Price | None = None) -> None:
        self._recorder, self._scenario = recorder, scenario
        self._slos, self._price = slos, price
        self._columns: dict[tuple[Tags, str], StepColumns] = {}

    def enter(self, answer: Answer, tags: Tags, step: str) -> None:
        """Everything that one answer says.

        tags: of the step's series, bounded in number by the recorder
        """
        outcome, line = answer.outcome, answer.timeline
        columns = self._columns.get((tags, outcome))
        if columns is None:
            columns = self._columns[tags, outcome] = StepColumns(self._recorder, self._scenario, tags, outcome)
        self._count("requests", tags)
        if outcome == "cancelled":
            self._count("cancelled", tags)
        elif outcome == "failed":
            self._failed(answer, tags, step)
        self._times(columns, answer, line)
        self._tokens(columns, tags, line)
        for slo in self._slos:
            self._count("good", (*tags, ("slo", str(slo))), int(slo.met(values_of(line), answer.ok)))
        self._cost(columns, answer)

    def _count(self, name: str, tags: Tags, by: int = 1) -> None:
        self._recorder.count(self._scenario, Series(f"llm.{name}", tuple(sorted(tags))), by)

    def _failed(self, answer: Answer, tags: Tags, step: str) -> None:
        self._count("errors", (*tags, ("kind", answer.failure)))
        if answer.failure in OWN_FAULTS:  # the others stand in the list already, as HTTP's
            self._recorder.failure(self._scenario, Failure(answer.failure, step, answer.reason))
        if answer.failure == Fault.TRUNCATED or (answer.failure in {Kind.CLOSED_EARLY, Kind.RESET} and answer.timeline.tokens):
            self._count("truncated", tags)

    def _times(self, columns: StepColumns, answer: Answer, line: Timeline) -> None:
        given_up = answer.failure in TIMEOUTS
        for name, value in (
            ("first_byte", line.first_byte_ns),
            ("ttft", line.ttft_ns),
            ("ttft_any", line.ttft_any_ns),
            ("tpot", line.tpot_ns),
            ("longest_gap", line.longest_gap_ns),
            ("reader_wait", line.reader_wait_ns),
            ("e2e", line.e2e_ns),
        ):
            if value is not None:
                columns[name].add(value)
            elif given_up and name in {"ttft", "ttft_any", "e2e"}:
                columns.beyond(name)
        if line.gaps:
            _add_gaps(columns, line)
        if line.stalls:
            self._count("stalled", columns.plain)
            self._count("stalls", columns.plain, len(line.stalls))
            for stall in line.stalls:
                columns["stall_time"].add(stall)
        if line.faked:
            self._count("faked_streams", columns.plain)

    def _tokens(self, columns: StepColumns, tags: Tags, line: Timeline) -> None:
        if line.output_tokens is not None:
            self._count("output_tokens", tags, line.output_tokens)
            self._count(f"counted_by_{line.counted_by}", tags)
            columns["answer_tokens"].add(line.output_tokens)
        if line.input_tokens is not None:
            self._count("input_tokens", tags, line.input_tokens)
        if line.rate_per_s is not None:
            columns["output_rate"].add(round(line.rate_per_s * RATE_SCALE))

    def _cost(self, columns: StepColumns, answer: Answer) -> None:
        amount = self._price(answer) if self._price is not None else None
        if amount is not None:
            columns["cost"].add(round(amount * MONEY_SCALE))


def _add_gaps(columns: StepColumns, line: Timeline) -> None:
    columns["chunk_gap"].extend(line.gaps)
    columns["token_gap"].extend(filter(None, line.gaps))
    if line.shared > 0:
        columns.shared_gaps().extend(repeat(0, line.shared))


def values_of(line: Timeline) -> Mapping[str, float | None]:
    """An answer's values by the names of metrics: times in ns, everything else as it is shown."""
    gaps, apart = line.gaps, [gap for gap in line.gaps if gap]
    return {
        "llm.first_byte": line.first_byte_ns,
        "llm.ttft": line.ttft_ns,
        "llm.ttft_any": line.ttft_any_ns,
        "llm.tpot": line.tpot_ns,
        "llm.e2e": line.e2e_ns,
        "llm.longest_gap": line.longest_gap_ns,
        "llm.chunk_gap": sum(gaps) / len(gaps) if gaps else None,
        "llm.token_gap": sum(apart) / (len(apart) + line.shared) if apart else None,
        "llm.stalls": len(line.stalls),
        "llm.stall_time": sum(line.stalls),
        "llm.input_tokens": line.input_tokens,
        "llm.output_tokens": line.output_tokens,
        "llm.output_rate": line.rate_per_s,
        "llm.reader_wait": line.reader_wait_ns,
    }


class OpenTime:
    """How many answers are open, as the time that all of them together were: divided by the time of the load it is the concurrency.

    The time after the schedule's end, in which what is left runs out, does not count: no load is asked for then.

    lasts_ns: of the schedule, from the first answer; None when nobody knows
    open:     how many are at this moment
    """

    def __init__(self, recorder: Recorder, scenario: str, timers: Timers, lasts_ns: int | None) -> None:
        self._recorder, self._scenario, self._timers, self._lasts_ns = recorder, scenario, timers, lasts_ns
        self._series = Series("llm.concurrency", (("scenario", scenario),))
        self.open = self._since_ns = 0
        self._until_ns = 1 << 62
        self._ticking = False

    def begin(self, at_ns: int) -> None:
        """An answer was asked for."""
        if not self._since_ns:
            self._since_ns = at_ns
            if self._lasts_ns is not None:
                self._until_ns = at_ns + self._lasts_ns
        self.flush(at_ns)
        self.open += 1
        if not self._ticking:
            self._ticking = True
            self._timers.at(at_ns + FLUSH_NS, self._tick)

    def end(self, at_ns: int) -> None:
        """An answer was over."""
        self.flush(at_ns)
        self.open -= 1

    def flush(self, at_ns: int) -> None:
        """Count the time until now."""
        now = min(at_ns, self._until_ns)
        if now > self._since_ns:
            if self.open:
                self._recorder.count(self._scenario, self._series, self.open * (now - self._since_ns))
            self._since_ns = now

    def _tick(self) -> None:
        now = self._timers.now_ns()
        self.flush(now)
        self._ticking = self.open > 0
        if self._ticking:
            self._timers.at(now + FLUSH_NS, self._tick)


def schedule_ns(seconds: float) -> int | None:
    """The length of a schedule; None for one without an end."""
    return None if seconds == float("inf") else round(seconds * SECOND)
