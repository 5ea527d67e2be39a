"""Causes of growth, each from a process whose levels are made to measure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.judge.leak_cause import Cause, Readings, Settled, Sizes, Traced, Watched, leak_cause, rise

MB = 1e6
SECONDS = 300


def level(base: float, more: float = 0.0, wave: float = 0.0) -> list[tuple[float, float]]:
    """A straight line with a small wave on it."""
    return [(float(second), base + more * second / SECONDS + wave * (second % 7 - 3)) for second in range(SECONDS)]


def full_after(base: float, more: float, share: float) -> list[tuple[float, float]]:
    return [(float(second), base + more * min(1.0, second / SECONDS / share)) for second in range(SECONDS)]


FLAT_HEAP, FLAT_BLOCKS = level(20 * MB, wave=1000), level(50_000, wave=50)


def at(memory: float, blocks: float = 50_000) -> Sizes:
    return Sizes(memory, blocks)


NOTHING_BACK = Settled(at(90 * MB), at(90 * MB), at(89 * MB))


@pytest.mark.parametrize(
    ("watched", "settled", "cause"),
    [
        (Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=level(50_000, 300_000)), NOTHING_BACK, Cause.PYTHON_OBJECTS),
        (Watched(level(50 * MB, 40 * MB), level(20 * MB, 38 * MB), blocks=level(50_000, 4_000)), NOTHING_BACK, Cause.PYTHON_OBJECTS),
        (Watched(level(50 * MB, 40 * MB), level(20 * MB, 38 * MB), blocks=FLAT_BLOCKS), NOTHING_BACK, Cause.NATIVE),
        (Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=FLAT_BLOCKS), NOTHING_BACK, Cause.MAPPED),
        (
            Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=level(50_000, 300_000)),
            Settled(at(90 * MB, 350_000), at(88 * MB, 52_000), at(87 * MB, 52_000)),
            Cause.CYCLES,
        ),
        (Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=FLAT_BLOCKS), Settled(at(90 * MB), at(52 * MB)), Cause.CYCLES),
        (
            Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=FLAT_BLOCKS),
            Settled(at(90 * MB), at(90 * MB), at(55 * MB)),
            Cause.FRAGMENTATION,
        ),
        (Watched(full_after(50 * MB, 40 * MB, 0.5), FLAT_HEAP, blocks=level(50_000, 9_000)), NOTHING_BACK, Cause.CACHE),
        (Watched(level(50 * MB, 1 * MB), FLAT_HEAP, blocks=FLAT_BLOCKS), NOTHING_BACK, Cause.NOTHING),
        (Watched(level(50 * MB, 3 * MB), descriptors=level(20, 100)), None, Cause.DESCRIPTORS),
        (Watched(level(50 * MB), descriptors=level(20, 100), threads=level(4, 50)), None, Cause.THREADS),
        (Watched(level(50 * MB, 40 * MB), descriptors=level(20, wave=3)), None, Cause.UNKNOWN),
        (Watched([]), None, Cause.UNKNOWN),
        (Watched(level(50 * MB)[:20]), None, Cause.UNKNOWN),
    ],
)
def test_the_cause_is_what_rises_or_comes_back(watched: Watched, settled: Settled | None, cause: Cause) -> None:
    found = leak_cause(watched, settled)
    assert found.cause is cause, found
    assert found.evidence


def test_a_trace_tells_large_objects_from_native_code() -> None:
    watched = Watched(level(50 * MB, 40 * MB), level(20 * MB, 38 * MB), blocks=FLAT_BLOCKS)
    assert leak_cause(watched, traced=Traced(9 * MB, 10 * MB)).cause is Cause.PYTHON_OBJECTS
    native = leak_cause(watched, traced=Traced(0.1 * MB, 10 * MB))
    assert native.cause is Cause.NATIVE
    assert "until allocations are traced" not in str(native)
    assert "until allocations are traced" in str(leak_cause(watched))


def test_a_native_leak_that_leaves_a_few_objects_is_native_once_it_was_traced() -> None:
    watched = Watched(level(50 * MB, 40 * MB), level(20 * MB, 38 * MB), blocks=level(50_000, 4_000))
    assert leak_cause(watched, traced=Traced(0.2 * MB, 10 * MB)).cause is Cause.NATIVE


def test_what_was_free_from_the_start_is_no_fragmentation() -> None:
    settled = Settled(at(90 * MB), at(90 * MB), at(55 * MB))
    watched = Watched(level(50 * MB, 40 * MB), FLAT_HEAP, level(35 * MB), FLAT_BLOCKS)
    assert leak_cause(watched, settled).cause is Cause.MAPPED
    assert leak_cause(Watched(level(50 * MB, 40 * MB), FLAT_HEAP, level(1 * MB, 39 * MB)), settled).cause is Cause.FRAGMENTATION


def test_what_was_not_watched_is_named() -> None:
    assert "the heap and the interpreter's blocks was not watched" in str(leak_cause(Watched(level(50 * MB, 40 * MB))))


def test_the_first_three_types_and_lines_are_told() -> None:
    found = leak_cause(Watched(level(50 * MB, 40 * MB), FLAT_HEAP, blocks=level(50_000, 300_000)), types=list("abcd"), sites=list("wxyz"))
    assert (found.types, found.sites) == (("a", "b", "c"), ("w", "x", "y"))
    assert str(found).endswith("types: a, b, c. lines: w, x, y")


SERIES: st.SearchStrategy[Readings] = st.lists(st.floats(0, 1e12), max_size=80).map(lambda values: list(enumerate(values)))
SIZES = st.builds(Sizes, st.none() | st.floats(0, 1e12), st.none() | st.floats(0, 1e9))


@given(
    st.builds(Watched, SERIES, SERIES, SERIES, SERIES, SERIES, SERIES),
    st.none() | st.builds(Settled, SIZES, SIZES, st.none() | SIZES),
    st.none() | st.builds(Traced, st.floats(0, 1e12), st.floats(0, 1e12)),
)
def test_whatever_was_read_there_is_an_answer_with_evidence(watched: Watched, settled: Settled | None, traced: Traced | None) -> None:
    found = leak_cause(watched, settled, traced)
    assert found.evidence
    assert str(found)


@given(st.lists(st.integers(0, 10**9), min_size=24, max_size=80), st.integers(0, 10**9))
def test_what_is_always_there_changes_no_rise(values: list[int], more: int) -> None:
    first = rise(list(enumerate(map(float, values))))
    second = rise([(at, float(value + more)) for at, value in enumerate(values)])
    assert (first.grown, first.steady, first.late_share) == (second.grown, second.steady, second.late_share)
