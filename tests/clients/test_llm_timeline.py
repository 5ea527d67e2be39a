"""The times of an answer, from stamps that are known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.llm.timeline import Marks, Rules, Timeline, measure, reader_wait, stalls_of
from loadstone.clients.llm.tokens import shared_out
from loadstone.clients.llm.transcript import Token, Transcript, Usage
from loadstone.clock import MILLISECOND as MS

SENT = 1_000 * MS
KINDS = {"c": Token.CONTENT, "r": Token.REASONING, "t": Token.TOOL}


def line_of(
    *chunks: tuple[str, float], usage: int | None = None, hidden: int | None = None, complete: bool = True, **rules: Any
) -> Timeline:
    """The times of an answer whose chunks are (kind, ms after sent)."""
    transcript = Transcript()
    for kind, at_ms in chunks:
        transcript.events += 1
        transcript.at_ns = SENT + round(at_ms * MS)
        transcript.token(KINDS[kind], "word")
    if usage is not None:
        transcript.count(Usage(output=usage, input=5, reasoning=hidden))
    end = transcript.at_ns + 2 * MS if chunks else SENT + 100 * MS
    return measure(transcript, Marks(SENT, SENT, SENT + MS, end), Rules(**rules), streamed=True, complete=complete)


def steady(count: int, ttft_ms: float = 50, gap_ms: float = 10, kind: str = "c") -> list[tuple[str, float]]:
    return [(kind, ttft_ms + gap_ms * index) for index in range(count)]


def test_a_steady_stream_reads_as_its_schedule() -> None:
    line = line_of(*steady(64), usage=64)
    assert (line.first_byte_ns, line.ttft_ns, line.ttft_any_ns) == (MS, 50 * MS, 50 * MS)
    assert (line.tpot_ns, line.longest_gap_ns, line.e2e_ns) == (10 * MS, 10 * MS, 682 * MS)
    assert (line.output_tokens, line.input_tokens, line.counted_by) == (64, 5, "server")
    assert (line.shared, line.stalls, line.faked) == (0, [], False)
    assert line.rate_per_s == pytest.approx(64 / 0.682)


def test_four_tokens_in_each_chunk_are_a_chunk_gap_of_forty_and_ten_per_token() -> None:
    line = line_of(*steady(16, gap_ms=40), usage=64)
    assert line.gaps == [40 * MS] * 15
    assert line.tpot_ns == 10 * MS
    assert line.shared == 48


def test_reasoning_counts_for_any_token_and_not_for_a_visible_one() -> None:
    line = line_of(*steady(10, kind="r"), *steady(5, ttft_ms=150), usage=15)
    assert (line.ttft_any_ns, line.ttft_ns) == (50 * MS, 150 * MS)
    assert line_of(*steady(10, kind="r")).ttft_ns is None
    assert line_of(("r", 50), ("t", 70)).ttft_ns == 70 * MS


def test_reasoning_that_a_server_keeps_to_itself_has_no_part_in_the_times_of_what_it_sends() -> None:
    shown, hidden = line_of(*steady(64), usage=64), line_of(*steady(64), usage=1064, hidden=1000)
    assert (hidden.tpot_ns, hidden.shared, hidden.tokens) == (shown.tpot_ns, shown.shared, shown.tokens)
    assert (hidden.output_tokens, shown.output_tokens) == (1064, 64)
    assert hidden.faked is False
    sent = line_of(*steady(10, kind="r"), *steady(5, ttft_ms=150), usage=15, hidden=10)
    assert sent.tokens == [1] * 15
    assert line_of(*steady(4), usage=4, hidden=9).tokens == [1] * 4  # counts that do not fit each other


def test_a_freeze_of_half_a_second_is_a_stall_and_the_longest_gap() -> None:
    late = [(kind, at + (500 if index >= 32 else 0)) for index, (kind, at) in enumerate(steady(64))]
    line = line_of(*late, usage=64)
    assert line.stalls == [510 * MS]
    assert line.longest_gap_ns == 510 * MS


def test_a_slow_model_does_not_stall_at_its_usual_speed_and_a_plan_may_name_the_length() -> None:
    gaps = [300 * MS] * 20
    assert stalls_of([*gaps, 2_900 * MS], None) == []
    assert stalls_of([*gaps, 3_100 * MS], None) == [3_100 * MS]
    assert stalls_of([*gaps, 310 * MS], 305 * MS) == [310 * MS]
    assert stalls_of([0, 0, 250 * MS], None) == []
    assert stalls_of([10 * MS, 10 * MS, 199 * MS], None) == []


def test_without_a_count_by_the_server_chunks_are_counted_or_a_tokenizer_counts() -> None:
    line = line_of(*steady(8))
    assert (line.output_tokens, line.counted_by) == (8, "chunks")
    line = line_of(*steady(8), tokenizer=len)
    assert (line.output_tokens, line.counted_by, line.tokens[0]) == (32, "tokenizer", 4)
    assert line.tpot_ns == round(70 * MS / 28)


def test_chunks_of_one_read_share_its_time() -> None:
    line = line_of(("c", 50), ("c", 50), ("c", 60), ("c", 60), ("c", 70))
    assert line.gaps == [0, 10 * MS, 0, 10 * MS]
    assert line.shared == 2
    assert line.tpot_ns == round(20 * MS / 3)  # two tokens came first


def test_a_stream_that_comes_all_at_once_is_faked_and_a_short_or_slow_one_is_not() -> None:
    assert line_of(*steady(64, gap_ms=0.01)).faked
    assert line_of(("c", 500), usage=64).faked
    assert not line_of(*steady(15, gap_ms=0.01)).faked
    assert not line_of(*steady(64, gap_ms=1)).faked


def test_a_stream_that_breaks_keeps_its_tokens_and_has_no_end() -> None:
    line = line_of(*steady(5), complete=False)
    assert (line.ttft_ns, line.tpot_ns, line.e2e_ns, line.rate_per_s) == (50 * MS, 10 * MS, None, None)


def test_one_token_has_no_time_per_token_and_no_token_has_no_times() -> None:
    assert line_of(("c", 50)).tpot_ns is None
    nothing = line_of()
    assert (nothing.ttft_ns, nothing.output_tokens, nothing.longest_gap_ns) == (None, None, None)


def test_a_reader_waits_only_for_what_comes_later_than_it_is_read() -> None:
    assert reader_wait([0, 100 * MS, 200 * MS], [1, 1, 1], 10.0) == 0
    assert reader_wait([0, 150 * MS, 200 * MS], [1, 1, 1], 10.0) == 50 * MS
    assert reader_wait([0, 300 * MS], [4, 4], 10.0) == 0
    assert reader_wait([0, 500 * MS, 1_000 * MS], [4, 4, 4], 10.0) == 200 * MS


@given(st.integers(0, 10_000), st.integers(1, 500))
def test_a_count_that_is_shared_out_stays_the_count_and_is_even(total: int, chunks: int) -> None:
    each = shared_out(total, chunks)
    assert sum(each) == total
    assert max(each) - min(each) <= 1


@given(st.lists(st.integers(0, 400), min_size=2, max_size=60), st.integers(1, 200))
def test_times_agree_with_each_other(gaps_ms: list[int], usage: int) -> None:
    at = 50.0
    chunks = [("c", at)]
    for gap in gaps_ms:
        at += gap
        chunks.append(("c", at))
    line = line_of(*chunks, usage=usage)
    assert sum(line.gaps) == round((at - 50) * MS)
    assert line.longest_gap_ns == max(line.gaps)
    assert sum(line.tokens) == usage
    assert all(stall in line.gaps for stall in line.stalls)
    assert line.reader_wait_ns is not None
    assert 0 <= line.reader_wait_ns <= sum(line.gaps)
