"""What peers and servers print is read as they mean it, and a client that saw other answers than the server gave is no measurement."""

import json
from dataclasses import replace
from typing import Any, Self

import pytest

from benchmarks import streams
from benchmarks.llm_peers import Seen, seen_by_aiperf, seen_by_guidellm, seen_by_sglang
from benchmarks.ours import Result
from benchmarks.processes import Failed, Finished
from benchmarks.servers.streams import Schedule, Truth, truth_of
from benchmarks.stream_modes import MODES, Mode, judged
from benchmarks.streams import Read, answers_for, cpu_per_event, off_ttft_p99, seen_by_us

SAID = {
    "requests": 11,
    "answers": 10,
    "failures": 2,
    "events": 512,
    "cpu_s": 0.5,
    "span_s": 1.25,
    "late_p50_us": 16,
    "late_p99_us": 121,
    "ttft_p50_us": 50017,
    "ttft_p99_us": 50130,
    "gap_p50_us": 9999,
    "gap_p99_us": 10028,
}
TRUTH = Truth(10, 2, 512, 0.5, 1.25, 0.016, 0.121, 50.017, 50.13, 9.999, 10.028)
SEEN = Seen(answers=10, per_s=8.0, cpu_s=1.0, ttft_p50=50.5, ttft_p99=52.13, gap_p50=9.9, gap_p99=13.028)


def result(document: dict[str, Any]) -> Result:
    return Result(document, Finished("", "", 0, 1.0, 2.0))


def test_the_servers_last_line_is_the_truth_in_milliseconds() -> None:
    assert truth_of(f"some warning\n{json.dumps(SAID)}\n") == TRUTH


@pytest.mark.parametrize("said", ["", "Killed\n", '{"answers": 3}\n'])
def test_a_server_that_did_not_say_what_it_did_is_a_failure(said: str) -> None:
    with pytest.raises(Failed, match="did not say"):
        truth_of(said)


def test_the_error_is_the_larger_of_first_token_and_gap() -> None:
    read = Read(SEEN, TRUTH)
    assert read.off_p50 == pytest.approx(0.483)
    assert read.off_p99 == pytest.approx(3.0)
    assert read.off_schedule_p99 == pytest.approx(3.028)


def test_without_enough_answers_the_p99_of_the_first_token_is_left_out_and_never_zero() -> None:
    read = Read(replace(SEEN, ttft_p99=None, gap_p99=10.5), TRUTH)
    assert read.off_p99 == pytest.approx(0.472)
    with pytest.raises(Failed, match="no p99"):
        off_ttft_p99(read)


def test_the_cpu_of_a_token_event_is_the_difference_of_two_runs() -> None:
    long, short = Read(replace(SEEN, cpu_s=3.0), replace(TRUTH, events=110_000)), Read(SEEN, replace(TRUTH, events=10_000))
    assert cpu_per_event(long, short) == pytest.approx(20)
    with pytest.raises(Failed, match="no more events"):
        cpu_per_event(short, short)


def test_a_stream_waits_for_its_last_event_and_that_says_what_is_possible() -> None:
    assert Schedule().last_token_ms == 680
    assert Schedule().possible_per_s(256) == pytest.approx(376.47, abs=0.01)
    assert Schedule(per_chunk=4).last_token_ms == 650
    assert Schedule(reasoning=16, freeze_ms=500).last_token_ms == 1340


def test_every_stream_gets_whole_answers_and_many_streams_enough_for_a_p99() -> None:
    assert answers_for(1, 5) == 8
    assert answers_for(64, 1) == 704
    assert all(answers_for(streams_, 3) % streams_ == 0 for streams_ in (1, 16, 64, 256))


def test_a_client_that_counted_other_answers_than_the_server_gave_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        url = "http://127.0.0.1:1"
        truth = TRUTH

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(streams, "tokens", lambda _: Server())
    assert streams.read_streams(lambda *_: SEEN, 1, 10) == Read(SEEN, TRUTH)
    for wrong in (9.0, 11.0):
        with pytest.raises(Failed, match="the server gave 10"):
            streams.read_streams(lambda *_, wrong=wrong: replace(SEEN, answers=wrong), 1, 10)


def test_our_own_document_is_read_and_a_failed_stream_is_no_time() -> None:
    times = {"llm.ttft": {"p50": 50.1, "p99": 50.9}, "llm.token_gap": {"p50": 10.0, "p99": 10.4}}
    load = {"requests": 700, "errors": 0, "achieved_rate": 94.0}
    document: dict[str, Any] = {"load": load, "metrics": times, "generator": {"coalesced_share": 0.02}}
    assert seen_by_us(result(document), 700) == Seen(700, 94, 2.0, 50.1, 50.9, 10.0, 10.4, 0.02)
    assert seen_by_us(result(document), 661).ttft_p99 is None
    document["load"] = {"requests": 700, "errors": 1, "achieved_rate": 94.0}
    with pytest.raises(Failed, match="1 of 700"):
        seen_by_us(result(document), 700)


def test_aiperf_is_read_by_event_and_not_by_answer() -> None:
    document = {
        "request_count": {"avg": 640.0},
        "request_throughput": {"avg": 79.2},
        "time_to_first_token": {"p50": 64.6, "p99": 143.5},
        "inter_token_latency": {"p50": 10.2, "p99": 11.4},
        "inter_chunk_latency": {"p50": 10.0, "p99": 44.9},
    }
    assert seen_by_aiperf(document, 10.4) == Seen(640, 79.2, 10.4, 64.6, 143.5, 10.0, 44.9)
    with pytest.raises(Failed, match="time_to_first_token"):
        seen_by_aiperf({}, 1.0)


def test_guidellm_is_read_from_its_successful_requests() -> None:
    times = {
        "time_to_first_token_ms": {"successful": {"median": 65.7, "percentiles": {"p99": 130.0}}},
        "inter_token_latency_ms": {"successful": {"median": 9.9, "percentiles": {"p99": 10.6}}},
    }
    counts = {"request_totals": {"successful": 320}, "requests_per_second": {"successful": {"mean": 71.8}}}
    assert seen_by_guidellm({"benchmarks": [{"metrics": times | counts}]}, 16.5) == Seen(320, 71.8, 16.5, 65.7, 130.0, 9.9, 10.6)
    with pytest.raises(Failed, match="lacks"):
        seen_by_guidellm({"benchmarks": []}, 1.0)


def test_sglangs_client_is_read_from_its_line() -> None:
    line = {"completed": 704, "request_throughput": 85.7, "median_ttft_ms": 72.6, "p99_ttft_ms": 170.0, "median_itl_ms": 10.0}
    assert seen_by_sglang({**line, "p99_itl_ms": 18.3}, 3.2) == Seen(704, 85.7, 3.2, 72.6, 170.0, 10.0, 18.3)
    with pytest.raises(Failed, match="p99_itl_ms"):
        seen_by_sglang(line, 3.2)


def said_by_us(mode: Mode, *, stalls: int = 80, **medians: float) -> Result:
    told = {name: {"p50": medians.get(name.removeprefix("llm."), true)} for name, true in mode.medians.items()}
    load = {"requests": 80, "errors": mode.errors}
    return result({"load": load, "metrics": {**told, "llm.stalls": {"count": stalls}}})


def test_a_mode_is_judged_by_its_worst_median() -> None:
    (chunks,) = (mode for mode in MODES if mode.name == "4 tokens per chunk")
    assert judged(chunks, said_by_us(chunks)) == 0
    assert judged(chunks, said_by_us(chunks, tpot=9.5, chunk_gap=40.2)) == pytest.approx(0.5)


def test_a_freeze_that_was_not_counted_is_not_shown_as_what_it_is() -> None:
    freeze = MODES[0]
    assert judged(freeze, said_by_us(freeze)) == 0
    with pytest.raises(Failed, match=r"llm\.stalls/count is 0, the truth is 80"):
        judged(freeze, said_by_us(freeze, stalls=0))
