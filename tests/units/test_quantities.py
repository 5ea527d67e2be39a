from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UnitError
from loadstone.units import (
    format_count,
    format_duration,
    format_rate,
    format_rtf,
    format_share,
    format_size,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("90s", 90),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5s", 1.5),
        ("2 min", 120),
        ("800 µs", 0.0008),
        ("12", 12),
        (3, 3),
        (0.5, 0.5),
        ("0", 0),
        ("1e3ms", 1),
    ],
)
def test_a_duration_is_read_in_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "-3s", "nan", "inf", "5m5m", "30m1h", "1h30", "1m -3s", "5,0s", math.nan, math.inf, True, 10**400]
)
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    with pytest.raises(UnitError):
        parse_duration(text)


def test_an_unknown_unit_is_named_beside_the_known_ones() -> None:
    with pytest.raises(UnitError, match="unknown unit 'parsecs'; known: ns, us, µs, ms, s, m, h, d") as caught:
        parse_duration("5 parsecs")
    assert caught.value.exit_code == 2
    assert "250ms" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "rate"), [("150/s", 150), ("0.5/s", 0.5), ("30/m", 0.5), ("150/min", 2.5), ("36/h", 0.01), (7, 7), ("7", 7)]
)
def test_a_rate_is_read_per_second(text: str | float, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["3/fortnight", "-1/s", "150/", "/s", "s", "1/s/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("12 kB", 12_000), ("4MiB", 4 << 20), ("4Mi", 4 << 20), (17, 17), ("1.5k", 1500)]
)
def test_a_size_is_read_in_bytes(text: str | float, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["5 parsecs", "-1B", "MB", "", "4QB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_size(text)


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), (0.01, 0.01), ("0.5", 0.5), ("7%", 0.07), ("100 %", 1), (0, 0)])
def test_a_share_is_read_from_0_to_1(text: str | float, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["150%", 50, -0.1, "3 apples", "", "%"])
def test_what_is_no_share_is_refused(text: str | float) -> None:
    with pytest.raises(UnitError):
        parse_share(text)


def test_a_bare_percentage_is_answered_with_the_percent_sign() -> None:
    with pytest.raises(UnitError) as caught:
        parse_share(50)
    assert caught.value.hint == "50%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.25, "1.25 s"),
        (0.00083, "830 µs"),
        (0.0201, "20.1 ms"),
        (300, "5m 00s"),
        (59.96, "1m 00s"),
        (7500, "2h 05m"),
        (90_000, "1d 01h"),
        (0.00099999, "1 ms"),
        (5e-9, "5 ns"),
        (0, "0 s"),
        (-0.5, "-500 ms"),
        (math.inf, "∞"),
        (math.nan, "not a number"),
    ],
)
def test_a_duration_is_shown_with_three_digits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_other_quantities_are_shown_as_people_write_them() -> None:
    assert [format_rate(rate) for rate in (150, 0.5, 12345.6, 0.01, 0.001, 0)] == [
        "150/s",
        "0.5/s",
        "12,346/s",
        "0.6/m",
        "3.6/h",
        "0/s",
    ]
    assert [format_size(size) for size in (512, 12_300, 1.5e9, 999_999)] == ["512 B", "12.3 kB", "1.5 GB", "1 MB"]
    assert [format_share(share) for share in (0.01, 0.0002, 0.9995, 0.5, 0, 1)] == ["1%", "0.02%", "99.95%", "50%", "0%", "100%"]
    assert [format_count(count) for count in (1_234_567, 12, 1.5)] == ["1,234,567", "12", "1.5"]


@given(st.floats(min_value=1e-8, max_value=59))
def test_a_shown_duration_reads_back_within_half_a_percent(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=0.0051)


@given(st.text(max_size=12))
def test_any_text_is_either_a_finite_quantity_or_a_unit_error(text: str) -> None:
    for parse in (parse_duration, parse_rate, parse_size, parse_share):
        value, mistake = 0.0, None
        try:
            value = parse(text)
        except UnitError as error:
            mistake = error
        assert mistake is None or mistake.hint
        assert math.isfinite(value)
        assert value >= 0


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (0.032, "RTF 0.03 (31x real time)"),
        (2.0, "RTF 2.00 (0.5x real time)"),
        (0.0, "RTF 0.0000 (∞x real time)"),
        (math.nan, "RTF not a number"),
    ],
)
def test_a_real_time_factor_is_told_both_ways(factor: float, text: str) -> None:
    assert format_rtf(factor) == text
