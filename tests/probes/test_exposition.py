"""The text of Prometheus endpoints."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.probes.exposition import Exposition, Labels, Point, parse

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
KEYS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=20)
LABELS = st.dictionaries(KEYS, VALUES, max_size=4).map(lambda pairs: tuple(sorted(pairs.items())))
POINTS = st.builds(Point, NAMES, LABELS, st.floats(allow_nan=False))


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def written(point: Point, *, quoted: bool = False, tail: str = "") -> str:
    labels = ",".join(f'{key}="{escaped(value)}"' for key, value in point.labels)
    value = "+Inf" if point.value == math.inf else "-Inf" if point.value == -math.inf else repr(point.value)
    if quoted:
        return f'{{"{escaped(point.name)}"{"," if labels else ""}{labels}}} {value}{tail}'
    return f"{point.name}{f'{{{labels}}}' if labels else ''} {value}{tail}"


@given(st.lists(POINTS, max_size=10), st.sampled_from(["", " 1700000000000", ' # {trace_id="a b"} 0.5 1700000000.1']))
def test_what_is_written_is_read(points: list[Point], tail: str) -> None:
    text = "\n".join(written(point, tail=tail) for point in points) + "\n# EOF\n"
    assert parse(text) == Exposition(points, {}, 0)


@given(POINTS)
def test_a_quoted_name_is_a_name(point: Point) -> None:
    assert parse(written(point, quoted=True)).points == [point]


@given(st.text(max_size=200))
def test_no_text_makes_it_raise(text: str) -> None:
    page = parse(text)
    assert all(point.name for point in page.points)


@given(st.lists(POINTS, max_size=10), st.sets(NAMES))
def test_only_what_is_wanted_is_read(points: list[Point], wanted: set[str]) -> None:
    wanted |= {point.name for point in points[::2]}
    page = parse("\n".join(map(written, points)), wanted.__contains__)
    assert page.points == [point for point in points if point.name in wanted]


def test_types_are_told_in_both_formats() -> None:
    text = '# HELP a Help.\n# TYPE a counter\na_total 1\n# TYPE "b.c" gauge\n# UNIT a seconds\n# just a remark\n# EOF\n'
    assert parse(text).types == {"a": "counter", "b.c": "gauge"}


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        ("a 1", (), 1.0),
        ("a\t 1e3 ", (), 1000.0),
        ("a{} 1", (), 1.0),
        ('a{b="c",} 1', (("b", "c"),), 1.0),
        ('a { b = "}" , c="," } 2', (("b", "}"), ("c", ",")), 2.0),
        (r'a{b="x\\y\"z\nw"} 3', (("b", 'x\\y"z\nw'),), 3.0),
        ("a +Inf", (), math.inf),
    ],
)
def test_a_line_is_read_as_the_formats_say(line: str, labels: Labels, value: float) -> None:
    assert parse(line).points == [Point("a", labels, value)]


@pytest.mark.parametrize("line", ["a", "a b", 'a{b="c" 1', "a{b=c} 1", "a{ 1", "1 2", "<html>", "a 1_000", '{b="c"} 1'])
def test_a_damaged_line_is_counted_and_the_rest_is_read(line: str) -> None:
    page = parse(f"{line}\nok 1\n")
    assert page.points == [Point("ok", (), 1.0)]
    assert page.damaged == 1


def test_a_value_that_is_no_number_is_kept_as_one() -> None:
    (point,) = parse("a NaN").points
    assert math.isnan(point.value)
