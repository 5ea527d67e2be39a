"""The times of one answer: docs/llm.md has each definition beside the words that other tools use."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from loadstone.clients.llm.tokens import SERVER, Count, tokens_of
from loadstone.clients.llm.transcript import Token, Transcript
from loadstone.clock import MILLISECOND, SECOND

# A gap is a stall when it is longer than this and than ten of the answer's own usual gaps, unless the plan names a length.
LEAST_STALL_NS = 200 * MILLISECOND
STALL_GAPS = 10
# A stream is faked when that many tokens came within this time, or faster than any model writes.
FAKED_TOKENS = 16
FAKED_NS = 5 * MILLISECOND
FAKED_PER_TOKEN_NS = 100_000


@dataclass(frozen=True, slots=True)
class Marks:
    """When an exchange was due, sent, first answered and over, in monotonic ns; 0 means that it did not happen."""

    due_ns: int
    sent_ns: int
    first_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What the plan says about how answers are measured.

    stall_ns:    a gap longer than this is a stall; None: see LEAST_STALL_NS
    reader_rate: tokens per second of the reader of `reader_wait_ns`
    """

    stall_ns: int | None = None
    reader_rate: float = 10.0
    tokenizer: Count | None = None


@dataclass(slots=True)
class Timeline:
    """Times in ns from sent; None where the answer has no such time.

    gaps:     between chunks that carry tokens
    tokens:   of each such chunk
    shared:   tokens that came in the same read as the token before them
    """

    first_byte_ns: int | None = None
    ttft_ns: int | None = None
    ttft_any_ns: int | None = None
    e2e_ns: int | None = None
    tpot_ns: int | None = None
    longest_gap_ns: int | None = None
    reader_wait_ns: int | None = None
    gaps: list[int] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    shared: int = 0
    output_tokens: int | None = None
    input_tokens: int | None = None
    counted_by: str = ""
    rate_per_s: float | None = None
    faked: bool = False


def measure(transcript: Transcript, marks: Marks, rules: Rules, *, streamed: bool, complete: bool) -> Timeline:
    """Everything that an answer's stamps say.

    streamed: an answer that came whole has no times of tokens
    complete: one that was broken off has no end-to-end time
    """
    line = Timeline()
    sent = marks.sent_ns
    if not sent:
        return line
    line.first_byte_ns = marks.first_ns - sent if marks.first_ns else None
    line.e2e_ns = marks.end_ns - sent if complete else None
    usage = transcript.usage
    line.input_tokens = usage.input if usage else None
    counted = usage.output if usage else None
    if not counted and transcript.texts:
        counted = None  # a server that counts no token of a text that came does not count
    if transcript.texts or counted is not None:
        line.tokens, total, line.counted_by = tokens_of(transcript.texts, _that_came(transcript, counted), rules.tokenizer)
        line.output_tokens = total if counted is None else counted
    if line.output_tokens and line.e2e_ns:
        line.rate_per_s = line.output_tokens * SECOND / line.e2e_ns
    if streamed and transcript.stamps:
        _stream(line, transcript, sent, rules)
    return line


def _that_came(transcript: Transcript, counted: int | None) -> int | None:
    """Of the tokens that the server counted those of its chunks: reasoning that it keeps to itself has no part in their times."""
    hidden = transcript.usage.reasoning if transcript.usage and Token.REASONING not in transcript.kinds else None
    return counted - hidden if counted and hidden and hidden < counted and transcript.texts else counted


def _stream(line: Timeline, transcript: Transcript, sent: int, rules: Rules) -> None:
    stamps, tokens = transcript.stamps, line.tokens
    first, last, total = stamps[0], stamps[-1], sum(tokens)
    line.ttft_any_ns = first - sent
    visible = next((at for at, kind in enumerate(transcript.kinds) if kind != Token.REASONING), None)
    line.ttft_ns = stamps[visible] - sent if visible is not None else None
    gaps = line.gaps = [max(later - earlier, 0) for earlier, later in pairwise(stamps)]
    line.shared = sum(tokens) - len({stamp for stamp, count in zip(stamps, tokens, strict=True) if count})
    if gaps:
        line.longest_gap_ns = max(gaps)
        line.stalls = stalls_of(gaps, rules.stall_ns)
    # The server's count is an average over the chunks, so that the first chunk's share may be a fraction.
    at_first = sum(1 for stamp in stamps if stamp == first)
    in_first = total * at_first / len(stamps) if line.counted_by == SERVER else sum(tokens[:at_first])
    if total > in_first and last > first:
        line.tpot_ns = round((last - first) / (total - in_first))
    line.reader_wait_ns = reader_wait(stamps, tokens, rules.reader_rate)
    line.faked = total >= FAKED_TOKENS and last - first <= max(FAKED_NS, FAKED_PER_TOKEN_NS * total)


def stalls_of(gaps: Sequence[int], limit_ns: int | None) -> list[int]:
    """The gaps that are stalls."""
    if limit_ns is None:
        longest = max(gaps)
        if longest <= LEAST_STALL_NS:
            return []
        usual = statistics.median_low([gap for gap in gaps if gap] or [0])
        limit_ns = max(LEAST_STALL_NS, STALL_GAPS * usual)
    return [gap for gap in gaps if gap > limit_ns]


def reader_wait(stamps: Sequence[int], tokens: Sequence[int], rate_per_s: float) -> int:
    """How long a reader of so many tokens per second, who begins with the first, waits in all for tokens that are not there yet."""
    reading = SECOND / rate_per_s
    ready = float(stamps[0])
    waited = 0.0
    for stamp, count in zip(stamps, tokens, strict=True):
        if stamp > ready:
            waited += stamp - ready
            ready = float(stamp)
        ready += count * reading
    return round(waited)
