from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UnitError, UsageError
from loadstone.plan.gate_text import Dimension, parse_gate, read_limit

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}(\.[a-z_]{1,8}){0,2}", fullmatch=True)
GATES = st.builds(
    lambda stat, metric, tags, op, limit, window, abort: (
        f"{stat}({metric}"
        + ("{" + ",".join(f"{key}={_quote(value)}" for key, value in tags.items()) + "}" if tags else "")
        + f") {op} {limit}"
        + (f" over {window}" if window else "")
        + (" abort" if abort else "")
    ),
    st.sampled_from(["p50", "p95", "p99.90", "p0.1", "median", "min", "max", "mean", "count", "sum", "rate", "throughput", "last"]),
    NAMES,
    st.dictionaries(NAMES, st.text(max_size=8), max_size=3),
    st.sampled_from(["<", "<=", ">", ">=", "=="]),
    st.sampled_from(["2s", "1h30m", "250 ms", "1%", "0.5 %", "150/s", "30/m", "500MB", "4 MiB", "5MB/s", "12", "-3.5", "1e3"]),
    st.sampled_from(["", "1s", "10s", "1m30s", "2.5s"]),
    st.booleans(),
)


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(GATES)
def test_the_one_spelling_of_a_gate_reads_back_as_the_same_gate(text: str) -> None:
    gate = parse_gate(text, requirement="r", name="n")
    assert parse_gate(str(gate), requirement="r", name="n") == gate
    assert str(parse_gate(str(gate))) == str(gate)


@given(st.text(alphabet='p95m(a.b{c="d",})<=> 1s%over abort', max_size=40))
def test_any_text_is_a_gate_or_a_usage_error(text: str) -> None:
    mistake = None
    try:
        parse_gate(text)
    except UsageError as error:
        mistake = error
    assert mistake is None or (mistake.where and mistake.hint)


def test_every_part_of_a_gate_is_read() -> None:
    gate = parse_gate(' p99.90 ( a.b { step = "x, y" , k=two words } )<=1h30m over 1m30s abort ', requirement="r", name="n")
    assert (gate.stat, gate.q, gate.metric, gate.op) == ("p99.9", 0.999, "a.b", "<=")
    assert gate.tags == (("k", "two words"), ("step", "x, y"))
    assert (gate.limit, gate.dimension, gate.limit_text, gate.window_s, gate.abort) == (5400.0, Dimension.TIME, "1h30m", 90.0, True)
    assert (gate.requirement, gate.name) == ("r", "n")
    assert str(gate) == 'p99.9(a.b{k=two words,step="x, y"}) <= 1h30m over 90s abort'


def test_spaces_and_zeros_make_no_other_gate() -> None:
    assert parse_gate("p95.0( x )<  2s") == parse_gate("p95(x) < 2s")
    assert parse_gate("median(x) < 2s").q == 0.5
    assert parse_gate("mean(x) < 2s").q is None


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("2s", 2, Dimension.TIME),
        ("1h30m", 5400, Dimension.TIME),
        ("1%", 0.01, Dimension.SHARE),
        ("150%", 1.5, Dimension.SHARE),
        ("150/s", 150, Dimension.RATE),
        ("30/m", 0.5, Dimension.RATE),
        ("500MB", 500e6, Dimension.SIZE),
        ("5MB/s", 5e6, Dimension.SIZE_RATE),
        ("-3", -3, Dimension.NUMBER),
    ],
)
def test_the_unit_says_what_kind_of_limit_it_is(text: str, value: float, dimension: Dimension) -> None:
    limit, found = read_limit(text)
    assert limit == pytest.approx(value)
    assert found is dimension


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "character 1: expected a statistic", ""),
        ("p95 x", "character 5: expected '(' after the statistic, found 'x'", ""),
        ("p95(x<1s", "character 6: expected ')' after the metric, found '<1s'", ""),
        ("avg(x)<1", "unknown statistic 'avg'.*did you mean 'mean'", ""),
        ("p100(x)<1s", "unknown statistic 'p100'.*did you mean 'max'", ""),
        ("trhoughput(x)<1", "did you mean 'throughput'", ""),
        ("p95(x) = 3", "character 8: unknown comparison '='.*did you mean '=='", ""),
        ("p95(x) =< 3", "did you mean '<='", ""),
        ("p95(x) <", "character 9: expected a limit such as", ""),
        ("p95(x) < over 3s", "expected a limit such as", ""),
        ("p95(x) < 5 parsecs", "character 10: unknown unit 'parsecs'; known: ns", "2s, 1%, 150/s or 500MB"),
        ("p95(x) < 2s over 0.1s", "shorter than the 1 s", "over 10s"),
        ("p95(x) < 2s over parsecs", "character 18: 'parsecs' is not a duration", "over 10s"),
        ("p95(x) < 2s abort over 3s", "'abort' comes last", "over 3s abort"),
        ("p95(x) < 2s abort now", "nothing was expected after the gate", ""),
        ("p95(x{a=1,a=2})<1", "the tag 'a' is given twice", "a gate per value"),
        ("p95(x{a})<1", "expected '=' after the tag 'a'", ""),
        ("p95(x{a=1)<1", "expected ',' or '}' after a tag", ""),
        ("p95(x) < 1e400", "too large", ""),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_word(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_gate(text)
    assert all(part in str(caught.value) for part in ("gate ", *message.split(".*")))
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_limit_that_is_none_is_a_unit_error() -> None:
    with pytest.raises(UnitError):
        read_limit("fast")
