"""Arrivals as real servers see them: gamma gaps and recorded traces."""

from __future__ import annotations

import math
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import loadstone as ls
from loadstone.errors import PlanError, UsageError
from loadstone.plan.any_profile import read_profile
from loadstone.plan.describe import describe
from loadstone.plan.profile import OpenProfile, generator, share
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.plan.trace import read_trace
from loadstone.plan.traffic import TraceArrivals

S = 10**9
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:05.9799600,110,27
2023-11-16 18:17:07.9799600,7433,14
"""
AZURE_2024 = AZURE.replace("9600,", "960+00:00,")
BURST_GPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
118,GPT-4,417,0,417,API log
"""
MOONCAKE = """{"timestamp": 0, "input_length": 6755, "output_length": 500, "hash_ids": [0, 1, 2]}
{"timestamp": 3052, "input_length": 7319, "output_length": 490, "hash_ids": [0, 14]}

{"timestamp": 3000, "input_length": 12, "output_length": 1}
"""


def due(profile: OpenProfile, seed: int = 1) -> NDArray[np.int64]:
    chunks = list(profile.arrivals(np.random.default_rng(seed)))
    assert all(0 < len(chunk) <= 4096 for chunk in chunks)
    return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int64)


@pytest.fixture
def azure(tmp_path: Path) -> str:
    path = tmp_path / "azure.csv"
    path.write_text(AZURE)
    return str(path)


@pytest.mark.parametrize("burstiness", [0.1, 0.25, 1.0, 4.0, 25.0])
def test_gamma_gaps_have_the_mean_and_the_variation_of_their_burstiness(burstiness: float) -> None:
    gaps = np.diff(due(ls.gamma_rate("1000/s", "100s", burstiness=burstiness), seed=3)) / S
    spread = math.sqrt(1 / burstiness)
    # Standard errors: of the mean cv / sqrt(n); of the cv at most about cv * sqrt((1 + 2.5 cv²) / n) for these shapes.
    assert gaps.mean() == pytest.approx(1e-3, rel=4 * spread / math.sqrt(len(gaps)))
    assert gaps.std() / gaps.mean() == pytest.approx(spread, rel=4 * math.sqrt((1 + 2.5 / burstiness) / len(gaps)))


def test_gamma_gaps_of_burstiness_one_are_exponential() -> None:
    gaps = np.sort(np.diff(due(ls.gamma_rate("1000/s", "100s"), seed=5)) / S)
    ranks = np.arange(1, len(gaps) + 1) / len(gaps)
    assert float(np.max(np.abs(1 - np.exp(-1000 * gaps) - ranks))) < 1.95 / math.sqrt(len(gaps))


@given(st.floats(0.05, 20), st.integers(1, 50), st.integers(0, 2**32))
def test_any_number_of_workers_makes_the_same_gamma_schedule(burstiness: float, workers: int, seed: int) -> None:
    profile = ls.gamma_rate("300/s", "3s", burstiness=burstiness)
    whole = due(profile, seed)
    found: dict[int, int] = {}
    for worker in range(workers):
        for first, chunk in share(profile.arrivals(np.random.default_rng(seed)), worker, workers):
            found |= {first + workers * position: int(time) for position, time in enumerate(chunk)}
    assert [found[index] for index in sorted(found)] == whole.tolist()
    assert np.all(np.diff(whole) >= 0)
    assert len(whole) == 0 or whole[-1] <= 3 * S


def test_gamma_without_a_duration_is_endless_and_its_count_is_only_known_on_average() -> None:
    assert len(list(islice(chain.from_iterable(ls.gamma_rate("10/s").arrivals(generator(1, "a"))), 9000))) == 9000
    assert ls.gamma_rate("10/s", "9s").by_chance
    assert ls.gamma_rate("10/s", "9s").expected_arrivals == pytest.approx(90)


@pytest.mark.parametrize(
    ("text", "seconds", "tokens"),
    [
        (AZURE, [0, 0.052, 2, 4], [(4808, 10), (3180, 8), (110, 27), (7433, 14)]),
        (AZURE_2024, [0, 0.052, 2, 4], [(4808, 10), (3180, 8), (110, 27), (7433, 14)]),
        ("\ufeff" + BURST_GPT, [0, 40, 113], [(472, 18), (1087, 230), (417, 0)]),
        (MOONCAKE, [0, 3, 3.052], [(6755, 500), (12, 1), (7319, 490)]),
    ],
)
def test_the_columns_of_public_traces_are_read_in_order_of_time(
    tmp_path: Path, text: str, seconds: list[float], tokens: list[tuple[int, int]]
) -> None:
    path = tmp_path / "trace"
    path.write_text(text)
    trace = read_trace(str(path))
    assert (trace.due_ns / S).tolist() == pytest.approx(seconds)
    assert list(zip(trace.input_tokens.tolist(), trace.output_tokens.tolist(), strict=True)) == tokens


def test_prefix_blocks_are_read_for_their_row(tmp_path: Path) -> None:
    path = tmp_path / "mooncake.jsonl"
    path.write_text(MOONCAKE)
    trace = read_trace(str(path))
    assert [trace.blocks(row) for row in range(3)] == [(0, 1, 2), (), (0, 14)]


def test_a_trace_is_replayed_at_any_speed_and_again(azure: str) -> None:
    profile = ls.trace_arrivals(azure, "2x", repeat=2)
    # The span is 2 s at this speed, and the mean gap of four rows a third of it.
    period = 2 * S + 2 * S // 3
    assert due(profile).tolist() == [0, 26_000_000, S, 2 * S, period, period + 26_000_000, period + S, period + 2 * S]
    assert profile.duration_s == pytest.approx(2 * period / S)
    assert profile.expected_arrivals == 8


def test_a_trace_can_be_cut_by_rows_and_by_time(azure: str) -> None:
    assert due(ls.trace_arrivals(azure, limit=2)).tolist() == [0, 52_000_000]
    assert due(ls.trace_arrivals(azure, duration="2s")).tolist() == [0, 52_000_000]
    assert due(ls.trace_arrivals(azure, limit=1)).tolist() == [0]


@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=60),
    st.floats(0.1, 50),
    st.integers(1, 4),
    st.one_of(st.none(), st.floats(0.01, 1e4)),
    st.floats(0, 1),
)
def test_what_is_expected_of_a_trace_is_what_comes(
    tmp_path_factory: pytest.TempPathFactory, times: list[float], speed: float, repeat: int, duration: float | None, part: float
) -> None:
    path = tmp_path_factory.mktemp("trace") / "t.csv"
    path.write_text("timestamp,input tokens,output tokens\n" + "".join(f"{time},1,1\n" for time in times))
    profile = TraceArrivals(file=str(path), speed=speed, repeat=repeat, duration=duration)
    made = due(profile)
    assert len(made) == profile.expected_arrivals
    assert np.all(np.diff(made) >= 0)
    until_s = profile.duration_s * part
    assert profile.expected_until(until_s) == np.searchsorted(made, round(until_s * S), side="left")
    assert profile.shape.area == pytest.approx(len(made), rel=1e-6)
    assert 1 <= len(profile.shape.pieces) <= max(1, len(made) // 10)


def test_a_trace_travels_to_another_process_without_its_rows(azure: str) -> None:
    profile = ls.trace_arrivals(azure)
    before = due(profile)
    assert "_once_ns" not in profile.__getstate__()["__dict__"]  # type: ignore[operator]
    assert np.array_equal(due(TraceArrivals.model_validate(profile.model_dump())), before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column of times"),
        ("a,b\n1,2\n", ":1: has no column of times; it has a, b"),
        ("timestamp,input tokens\n1,2\n", ":1: has no column of output tokens"),
        ("timestamp,input tokens,output tokens\n", "has no rows"),
        ("timestamp,input tokens,output tokens\nsoon,1,1\n", ":2: 'soon' is not a time"),
        ("timestamp,input tokens,output tokens\n1,many,1\n", ":2: the number of tokens 'many' is not a number"),
        ("timestamp,input tokens,output tokens\n1,-1,1\n", ":2: '-1' is not a number of tokens"),
        ("timestamp,input tokens,output tokens\n1,1\n", ":2: has 2 cells, the header has 3"),
        ('{"timestamp": 1}\n', ":1: is no row of a trace"),
        ('{"timestamp": 1, "input_length": 1, "output_length": 1}\nno\n', ":2: is not JSON"),
        ('{"timestamp": null, "input_length": 1, "output_length": 1}\n', ":1: timestamp None is not a number"),
    ],
)
def test_a_broken_trace_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "trace"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_trace(str(path))
    assert said in str(raised.value)


SUITE = "target: http://127.0.0.1:1\nscenarios:\n  a:\n    profile: {profile}\n    steps: [{{get: /}}]\n"


def lines(tmp_path: Path, profile: str) -> str:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE.replace("{profile}", profile).replace("{{", "{").replace("}}", "}"))
    return "\n".join(describe(load([str(path)], Overrides())[0]))


def test_a_plan_finds_its_trace_beside_it_and_shows_its_rate(tmp_path: Path, azure: str) -> None:
    shown = lines(tmp_path, f"{{kind: trace, file: {Path(azure).name}, speed: 2x}}")
    assert "trace, for 2.67 s" in shown
    assert "arrivals  4, " in shown
    assert "first     0 s, 26 ms, 1 s, 2 s" in shown


def test_a_plan_shows_gamma_arrivals_as_a_matter_of_chance(tmp_path: Path) -> None:
    assert "arrivals  about 90" in lines(tmp_path, "{kind: gamma, rate: 10/s, burstiness: 0.5, duration: 9s}")


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("{kind: trace, file: azure.cvs}", "no such file; near: azure.csv"),
        ("{kind: trace, file: suite.yaml}", "has no column of times"),
        ("{kind: trace, file: azure.csv, speed: fast}", "'fast' is not a factor"),
        ("{kind: trace, file: azure.csv, speed: -1}", "must be more than 0 times as fast"),
        ("{kind: gamma, rate: 1/s, burstiness: 0}", "must be more than 0"),
        ("{kind: gamma, rate: 1/s, burstyness: 1}", "burstiness"),
    ],
)
@pytest.mark.usefixtures("azure")
def test_a_wrong_profile_of_traffic_is_told(tmp_path: Path, profile: str, said: str) -> None:
    with pytest.raises(PlanError) as raised:
        lines(tmp_path, profile)
    assert said in str(raised.value)


def test_profiles_of_traffic_are_known_by_name() -> None:
    assert read_profile({"kind": "gamma", "rate": 5, "duration": 1}).kind == "gamma"
    assert isinstance(read_profile({"kind": "trace", "file": "x.csv"}), TraceArrivals)
