"""The report `html` in a real browser: from a file, with everything a reader does to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from loadstone.measure.snapshot import Failure
from loadstone.report.html.page import render_html
from loadstone.report.told import Told
from loadstone.testing.samples import make_snapshot
from tests.browser import OpenPage, url_of
from tests.report.html_runs import GATES, hostile, slowing, told_of

DRAWN = "#chart-latency .plot .main-svg"
ASK_P95 = "table[data-key=steps] tbody tr:nth-child(1) td:nth-of-type(6)"

Written = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The address of the page of a run."""

    def write(told: Told, *overlays: Told) -> str:
        path = tmp_path / "report.html"
        path.write_bytes(render_html(told, overlays))
        return url_of(path)

    return write


def number(text: str) -> float:
    return float(text.replace(",", "").lstrip("~>"))


def look(page: Page, begin: str, end: str) -> None:
    page.fill("#from", begin)
    page.fill("#to", end)
    page.press("#to", "Enter")


def test_charts_are_drawn_when_they_come_into_sight(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing(), gates=GATES)))
    last = page.locator("#charts > section > .charts figure").last
    assert last.locator(".main-svg").count() == 0
    page.locator("#chart-latency").scroll_into_view_if_needed()
    expect(page.locator(DRAWN).first).to_be_visible()
    last.scroll_into_view_if_needed()
    expect(last.locator(".main-svg").first).to_be_visible()


def test_a_window_computes_the_tables_anew_and_the_reset_brings_back_what_stood_there(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    cell, caption = page.locator(ASK_P95), page.locator("table[data-key=steps] caption")
    whole = cell.inner_text()
    look(page, "0:02", "0:20")
    expect(caption).to_have_text("of 00:02–00:20")
    before = number(cell.inner_text())
    look(page, "20", "40")
    expect(caption).to_have_text("of 00:20–00:40")
    after = number(cell.inner_text())
    assert 30 < before < 100
    assert after > 300
    page.click("#reset")
    expect(caption).to_be_hidden()
    assert cell.inner_text() == whole


def test_the_whole_run_computed_in_the_page_is_what_python_says(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    cells = page.locator("table.data td[data-stat]")
    expect(page.locator("#tools")).to_be_visible()
    exact = cells.all_inner_texts()
    look(page, "0:02", "0:40")
    expect(page.locator("table[data-key=steps] caption")).to_be_visible()
    stats = cells.evaluate_all("cells => cells.map((cell) => cell.dataset.stat)")
    for was, now, stat in zip(exact, cells.all_inner_texts(), stats, strict=True):
        if stat.startswith("p") and was not in ("—", "too few"):
            assert number(now) == pytest.approx(number(was), rel=0.012, abs=0.0011)  # three digits are shown
        elif stat != "mean":
            assert now == was, stat


def test_brushing_a_chart_sets_the_window(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    page.locator("#chart-latency").scroll_into_view_if_needed()
    area = page.locator("#chart-latency .nsewdrag").first
    expect(area).to_be_visible()
    box = area.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    page.mouse.up()
    expect(page.locator("#reset")).to_be_visible()
    expect(page.locator("#window-note")).to_contain_text("Tables show numbers of 00:")


def test_a_time_that_is_none_is_told_and_changes_nothing(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    look(page, "later", "0:20")
    expect(page.locator("#window-note")).to_contain_text("A time is like")
    expect(page.locator("#reset")).to_be_hidden()


def test_a_step_can_be_looked_at_alone(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    page.select_option("#step", "ask")
    rows = page.locator("table[data-key=steps] tbody tr:visible th")
    expect(rows).to_have_text(["ask", "all"])
    expect(page.locator("table[data-key=steps] caption")).to_have_text("of the whole run, step ask only")


def test_hostile_names_are_shown_as_text(page: Page, written: Written) -> None:
    page.goto(written(hostile()))
    page.locator("#chart-latency_steps").scroll_into_view_if_needed()
    expect(page.locator("#chart-latency_steps .main-svg").first).to_be_visible()
    look(page, "0", "10")
    expect(page.locator("table[data-key=steps] caption")).to_have_text("of 00:00–00:10")
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert "window.pwned = 1" in page.locator(".brand").inner_text()


def test_a_name_that_turns_direction_leaves_its_neighbours_as_they_are(page: Page, written: Written) -> None:
    name, long = "\u202eevil\u202c שלום", "a" * 300
    failures = {Failure("status", name, name): 3, Failure("protocol", long, f"http://h/?q={long}"): 2}
    seconds = [make_snapshot(at, steps={name: (30, 10.0), long: (10, 20.0)}, failures=failures) for at in range(5)]
    page.goto(written(told_of(seconds, plan_name=name, target=f"http://h/{name}")))
    expect(page.locator("#step option")).to_have_count(3)
    assert "\u202e" not in (page.locator("body").text_content() or "")
    isolated = page.locator(".about bdi").evaluate_all("all => all.map((one) => getComputedStyle(one).unicodeBidi)")
    assert isolated == ["isolate", "isolate"]
    table = page.locator("section#errors table").bounding_box()
    assert table is not None
    assert table["height"] < 700, "a long name squeezed the texts to a letter a line"
    page.locator("#chart-latency_steps").scroll_into_view_if_needed()
    expect(page.locator("#chart-latency_steps .main-svg").first).to_be_visible()
    assert "\u202e" not in (page.locator("#chart-latency_steps").text_content() or "")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_light_and_dark_follow_the_system_until_somebody_switches(pages: OpenPage, written: Written) -> None:
    page = pages(color_scheme="dark")
    page.goto(written(told_of(slowing())))
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_nothing_sticks_out_of_the_page(pages: OpenPage, written: Written, width: int) -> None:
    page = pages(viewport={"width": width, "height": 800})
    page.goto(written(told_of(slowing(), gates=GATES)))
    page.locator("#charts figure").first.scroll_into_view_if_needed()
    expect(page.locator(DRAWN).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_reads_without_a_script(pages: OpenPage, written: Written) -> None:
    page = pages(java_script_enabled=False)
    page.goto(written(told_of(slowing(), gates=GATES)))
    expect(page.locator("#verdict")).to_be_visible()
    assert "Charts need JavaScript" in page.locator("main").inner_text()
    assert page.locator(".needs-script:visible").count() == 0


def test_keys_alone_reach_the_report_the_theme_and_the_window(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing(), gates=GATES)))
    expect(page.locator("#tools")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"theme", "from", "to", "step"} <= reached


def test_other_runs_can_be_taken_out_of_the_charts(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing()), told_of(slowing(30), plan_name="before")))
    page.locator("#chart-latency_parts").scroll_into_view_if_needed()
    expect(page.locator("#chart-latency_parts .main-svg").first).to_be_visible()
    traces = "document.querySelector('#chart-latency_parts .plot').data.length"
    both = page.evaluate(traces)
    page.get_by_role("checkbox", name="before").uncheck()
    page.wait_for_function(f"{traces} < {both}")


def test_it_prints_with_its_charts(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing(), gates=GATES)))
    expect(page.locator("#charts figure").first).to_be_attached()
    page.locator("#chart-latency").scroll_into_view_if_needed()
    expect(page.locator(DRAWN).first).to_be_visible()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#charts > section > .charts figure").last.locator(".main-svg").first).to_be_visible()
    assert page.locator("#tools").is_hidden()
    assert len(page.pdf()) > 50_000


def test_another_run_has_one_colour_in_every_chart_and_in_the_legend(page: Page, written: Written) -> None:
    others = [told_of(slowing(), plan_name=f"other {number}") for number in range(3)]
    page.goto(written(told_of(slowing()), *others))
    page.locator("#chart-ecdf").scroll_into_view_if_needed()
    expect(page.locator("#chart-ecdf .main-svg").first).to_be_visible()
    dashed = "data.filter((one) => one.line && one.line.dash && one.line.dash !== 'solid')"
    looks = f"(name) => document.querySelector(`#chart-${{name}} .plot`).{dashed}.map((one) => [one.line.color, one.line.dash])"
    wanted = page.evaluate(looks, "ecdf")
    assert len({colour for colour, _ in wanted}) == 3
    page.locator("#chart-latency_steps").scroll_into_view_if_needed()
    expect(page.locator("#chart-latency_steps .main-svg").first).to_be_visible()
    assert page.evaluate(looks, "latency_steps") == wanted
    swatches = page.locator("#legend .swatch").evaluate_all("all => all.slice(1).map((one) => getComputedStyle(one).color)")
    as_rgb = "(all) => all.map(([colour]) => { const one = new Option(); one.style.color = colour; return one.style.color; })"
    assert swatches == page.evaluate(as_rgb, wanted)
    page.locator("#legend input").nth(1).uncheck()
    page.wait_for_function("document.querySelectorAll('#chart-ecdf .plot')[0].data.length === 3")
    assert page.evaluate(looks, "ecdf") == wanted[1:]


def test_a_leaks_slope_says_how_steep_it_is(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing(900), gates=("leak(target.memory) = none",))))
    page.locator("#chart-target_memory").scroll_into_view_if_needed()
    expect(page.locator("#chart-target_memory .annotation-text", has_text="slope:")).to_contain_text("an hour (leak gate: fail)")


def test_paper_gets_charts_of_its_own_width(page: Page, written: Written) -> None:
    page.goto(written(told_of(slowing())))
    page.locator("#chart-latency").scroll_into_view_if_needed()
    expect(page.locator(DRAWN).first).to_be_visible()
    width = "document.querySelector('#chart-latency .plot').layout.width"
    before = page.evaluate(width)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert 640 < page.evaluate(width) < 690, "not 180 mm"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(f"{width} === {before}")
