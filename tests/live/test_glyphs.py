"""Bars in characters, and lines measured in cells."""

import math

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from loadstone.live.cells import ELLIPSIS, Piece, across, as_many, cut, fit, padded, text_of, width_of
from loadstone.live.glyphs import ASCII, BLOCKS, columns, sparkline
from loadstone.live.latency_columns import latency_columns
from loadstone.testing.samples import make_histogram, spread_ms

TEXTS = st.text(st.characters(categories=("L", "N", "P", "Zs", "So", "Mn")), max_size=30)
LINES = st.lists(st.builds(Piece, TEXTS, st.sampled_from(["", "bold"])), max_size=4).map(tuple)


def test_no_value_zero_and_little_look_different() -> None:
    assert sparkline([None, 0.0, 0.001, 50.0, 100.0, math.inf], BLOCKS) == " ▁▂▅██"
    assert sparkline([None, 0.0, 0.001, 100.0], ASCII) == " _.#"


def test_values_that_are_all_nothing_draw_nothing_high() -> None:
    assert sparkline([0.0, 0.0], BLOCKS) == "▁▁"
    assert sparkline([], BLOCKS) == ""


@given(st.lists(st.integers(0, 10**9), max_size=40), st.integers(1, 9))
def test_bars_have_one_cell_each_and_every_count_is_seen(heights: list[int], rows: int) -> None:
    lines = columns(heights, rows, BLOCKS)
    assert len(lines) == rows
    assert all(len(line) == len(heights) for line in lines)
    assert [character != " " for character in lines[-1]] == [height > 0 for height in heights]


@given(LINES, st.integers(0, 40))
def test_a_line_is_never_wider_than_its_room(pieces: tuple[Piece, ...], cells: int) -> None:
    assert width_of(fit(pieces, cells)) <= cells
    assert width_of(padded(pieces, cells)) == cells
    assert width_of(across(pieces, pieces, cells)) <= cells


@given(LINES, st.integers(0, 40))
def test_a_line_that_fits_is_left_alone_and_one_that_does_not_says_so(pieces: tuple[Piece, ...], cells: int) -> None:
    found = fit(pieces, cells)
    assert (found == pieces) if width_of(pieces) <= cells else cells == 0 or ELLIPSIS in text_of(found)


@given(TEXTS, st.integers(1, 40))
def test_a_cut_text_is_a_beginning_of_it(text: str, cells: int) -> None:
    found = cut(text, cells)
    assert cell_len(found) <= cells
    assert text.startswith(found.removesuffix(ELLIPSIS))


def test_parts_are_left_out_whole() -> None:
    assert as_many(["12 users", "345 sent"], 17) == "12 users"
    assert as_many(["12 users", "345 sent"], 18) == "12 users  345 sent"
    assert as_many(["12 users"], 7) == ""


@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=200), st.integers(10, 200), st.integers(1, 12))
def test_a_latency_histogram_keeps_to_its_room(values_ms: list[float], cells: int, rows: int) -> None:
    lines = latency_columns(make_histogram(values_ms), cells, rows, BLOCKS)
    assert len(lines) == rows + 1
    assert max(map(len, lines)) <= cells
    assert lines[-2].strip()


def test_labels_stand_where_their_values_are() -> None:
    *bars, axis = latency_columns(make_histogram([1.0] * 50 + [10.0] * 1000 + [100.0] * 50), 60, 4, BLOCKS)
    peak = bars[0].index("█")
    assert abs(axis.index("╵10 ms") - peak) <= 2
    assert axis.startswith("╵1 ms")


def test_few_values_have_wide_bars_because_narrow_ones_would_show_chance() -> None:
    few, many = (latency_columns(make_histogram(spread_ms(count, 50.0)), 60, 1, BLOCKS)[0] for count in (9, 100_000))
    assert max(map(len, few.split())) >= 4
    assert len(set(many)) > 4


def test_nothing_recorded_draws_nothing() -> None:
    assert latency_columns(make_histogram([], beyond=5), 60, 4, BLOCKS) == []
