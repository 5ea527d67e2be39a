"""The report `html` as a text: what is in it, in which order, and what is not."""

import re
from dataclasses import replace

import pytest

from loadstone.errors import UsageError
from loadstone.plugins import installed
from loadstone.report.html.gate_bar import gate_bar
from loadstone.report.html.headline import clock
from loadstone.report.html.page import render_html
from loadstone.report.told import Told
from loadstone.testing.samples import make_story
from tests.report.html_runs import GATES, HOSTILE, hostile, slowing, told_of

SCRIPT = re.compile(r"<script[^>]*>.*?</script>", re.DOTALL)


def page_of(told: Told, *overlays: Told) -> str:
    return render_html(told, overlays).decode()


def without_scripts(page: str) -> str:
    return SCRIPT.sub("", page)


def test_the_report_is_a_plugin_like_any_other() -> None:
    render = installed().get("report", "html")
    assert render(Told.of(make_story())).startswith(b"<!doctype html>")


def test_the_verdict_comes_before_gates_charts_tables_and_provenance() -> None:
    page = page_of(told_of(slowing(), gates=GATES))
    places = [page.index(f'id="{name}"') for name in ("verdict", "gates", "tools", "charts", "tables", "steps", "generator", "run")]
    assert places == sorted(places)


def test_damage_is_told_above_everything_else() -> None:
    page = page_of(told_of(slowing(), damage=("second 12 of the log is no JSON",)))
    assert page.index("second 12 of the log is no JSON") < page.index('id="verdict"')


def test_a_gate_without_data_says_so_and_has_no_drawing() -> None:
    told = told_of(slowing(), gates=GATES)
    lacking = next(gate for gate in told.document.gates if gate.status == "no_data")
    page = page_of(told)
    assert lacking.reason
    assert lacking.reason.replace("'", "&#39;") in page
    assert gate_bar(lacking) is None


def test_the_page_may_load_nothing_from_anywhere() -> None:
    page = without_scripts(page_of(told_of(slowing())))
    assert "default-src 'none'" in page
    places = re.findall(r"""\b(?:src|href|action|poster)=["']?([^"'\s>]+)""", page)
    assert places
    assert all(place.startswith(("#", "data:,")) for place in places)
    assert "url(" not in page


def test_hostile_names_are_text_wherever_they_stand() -> None:
    page = page_of(hostile())
    assert "window.pwned" in page
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert "49" not in re.findall(r"\{\{.*?\}\}|&lt;b&gt; (\d+)", page)


def test_every_number_of_the_tables_stands_there_without_a_script() -> None:
    page = without_scripts(page_of(told_of(slowing())))
    row = re.search(r"<tr data-tags=\"[^\"]*ask[^\"]*\"><th[^>]*>ask</th>(.*?)</tr>", page)
    assert row is not None
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row[1])
    assert cells[0] == "760"
    assert all(cell and cell != "—" for cell in cells)


def test_a_run_without_a_timeline_has_no_charts_and_none_of_their_scripts() -> None:
    bare = replace(told_of(slowing()), timeline=())
    assert len(render_html(bare)) < 150_000
    assert len(render_html(told_of(slowing()))) > 2_000_000


def test_an_empty_run_has_a_page() -> None:
    page = page_of(told_of([]))
    assert "No data" in page
    assert "Nothing was measured" in page


def test_overlays_stand_beside_each_other_and_are_packed_one_by_one() -> None:
    page = page_of(told_of(slowing()), told_of(slowing(20)), told_of(slowing(30)))
    assert page.count('class="run-data"') == 3
    assert "Runs beside each other" in page


def test_six_runs_in_one_page_are_refused() -> None:
    with pytest.raises(UsageError, match="6 runs in one page"):
        render_html(told_of(slowing()), [told_of(slowing(5))] * 5)


def test_the_same_run_gives_the_same_bytes() -> None:
    told = told_of(slowing(), plan_name=HOSTILE)
    assert render_html(told) == render_html(told)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "00:00"), (80.0, "01:20"), (3723.0, "1:02:03"), (59.96, "01:00"), (1.25, "00:01.2"), (None, "whole run")]
)
def test_a_moment_is_told_like_a_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


def test_a_bar_puts_the_value_on_its_side_of_the_limit() -> None:
    gates = told_of(slowing(), gates=("p95(http.response_time) < 2s", "p95(http.response_time) < 20ms", "throughput(http.requests) > 1/s"))
    under, over, above = (gate_bar(gate) for gate in gates.document.gates)
    assert under is not None
    assert over is not None
    assert above is not None
    assert under.value < under.limit == under.allowed[1]
    assert over.value > over.limit == over.allowed[1]
    assert above.allowed == (above.limit, 100.0)


def test_a_bar_says_that_its_interval_goes_on_beyond_it() -> None:
    gate = told_of(slowing(), gates=("p95(http.response_time) < 2s",)).document.gates[0]
    ends = {high: gate_bar(gate.model_copy(update={"value": 30.0, "low": 20.0, "high": high, "limit": 10.0})) for high in (40.0, 4000.0)}
    assert [bar is not None and bar.cut for bar in ends.values()] == [False, True]
