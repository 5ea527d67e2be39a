"""Images of charts: what stands in them, that texts stay texts, and that the same run gives the same bytes."""

import importlib.util
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from loadstone.errors import UsageError
from loadstone.judge.story import Story
from loadstone.measure.snapshot import Failure
from loadstone.report.document import Event
from loadstone.report.file_names import file_name, plot_file_name
from loadstone.report.images import BEYOND, DPI, NOTHING, WIDTH, Kind, plots, plots_of, render_png, render_svg, sheet
from loadstone.report.told import Told
from loadstone.testing.conformance import ReportConformance
from loadstone.testing.samples import make_snapshot
from tests.report.html_runs import HOSTILE, hostile, slowing, told_of

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="no matplotlib: pip install 'loadstone[images]'"
)
SVG = "{http://www.w3.org/2000/svg}"
MATHS = "$x^2$ \\frac{1}{2} <b>late</b> 你好"


def with_events(told: Told, count: int = 1) -> Told:
    events = [Event(at_s=2.0 + at, kind="alert", text=MATHS) for at in range(count)]
    return replace(told, document=told.document.model_copy(update={"events": events}))


def drawn(told: Told, name: str, kind: Kind = "svg", **more: Any) -> bytes:
    return plots(told, [name], [kind], **more)[name, kind]


def texts(image: bytes) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(image).iter(f"{SVG}text")]  # noqa: S314  our own image


def parts(image: bytes, gid: str) -> int:
    return sum(each.get("id") == gid for each in ET.fromstring(image).iter(f"{SVG}g"))  # noqa: S314


def size(image: bytes) -> tuple[int, int]:
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", image[16:24])
    return width, height


@needs_matplotlib
@pytest.mark.parametrize("render", [render_png, render_svg], ids=["png", "svg"])
@pytest.mark.parametrize("check", [each for each in dir(ReportConformance) if each.startswith("test_")])
def test_a_sheet_conforms(render: Any, check: str) -> None:
    class Suite(ReportConformance):
        def render(self, told: Told) -> bytes:
            made: bytes = render(told)
            return made

        def stories(self) -> list[Story]:
            return super().stories()[:4]  # each takes a while to draw

    getattr(Suite(), check)()


@needs_matplotlib
def test_a_chart_has_its_title_its_lines_and_their_names() -> None:
    image = drawn(told_of(slowing(12)), "latency_parts")
    assert {"Where the time goes: p99 of response, service and our own share", "response", "service", "0:00"} <= set(texts(image))
    assert parts(image, "line") == 5
    latency = drawn(told_of(slowing(12)), "latency")
    assert (parts(latency, "line"), latency.count(b"<image")) == (3, 1)


@needs_matplotlib
def test_the_same_run_gives_the_same_bytes_without_a_date() -> None:
    for name in ("latency", "distribution"):
        one, other = (plots(told_of(slowing(12)), [name], ["png", "svg"]) for _ in range(2))
        assert one == other
        assert b"<dc:date>" not in one[name, "svg"]


@needs_matplotlib
def test_mathematics_and_markup_from_outside_stay_text() -> None:
    image = drawn(with_events(told_of(slowing(12))), "throughput")
    assert f"1  0:02  alert: {MATHS}" in texts(image)
    whole = sheet(hostile(), "svg")
    assert not list(ET.fromstring(whole).iter(f"{SVG}script"))  # noqa: S314
    assert any(text.startswith(HOSTILE[:10]) for text in texts(whole))


@needs_matplotlib
def test_more_events_than_can_be_numbered_are_counted() -> None:
    said = texts(drawn(with_events(told_of(slowing(30)), 20), "throughput"))
    assert "and 11 more events, marked without a number" in said


@needs_matplotlib
def test_phases_are_named_and_what_lies_beyond_is_explained() -> None:
    failures = {Failure("timeout_total", "ask", "nothing came"): 60}
    seconds = [make_snapshot(at, phase="warm-up" if at < 10 else "load", steps={"ask": (100, 5.0)}, failures=failures) for at in range(20)]
    image = drawn(told_of(seconds), "latency_parts")
    assert "warm-up" in texts(image)
    assert BEYOND in texts(image)
    assert BEYOND not in texts(drawn(told_of(slowing(8)), "latency_parts"))


@needs_matplotlib
def test_an_image_has_the_width_that_documents_want_and_grows_by_its_key() -> None:
    told = told_of(slowing(12))
    width, height = size(drawn(told, "throughput", "png"))
    assert width == WIDTH * DPI
    assert size(drawn(with_events(told), "throughput", "png"))[1] > height
    assert size(sheet(told, "png"))[0] == 2 * width


@needs_matplotlib
def test_dark_is_another_image() -> None:
    told = told_of(slowing(6))
    light, dark = (drawn(told, "users", theme=theme) for theme in ("light", "dark"))
    assert b"#171e27" in dark
    assert b"#171e27" not in light


@needs_matplotlib
def test_a_run_without_anything_over_time_says_so() -> None:
    told = replace(told_of(slowing(6)), timeline=())
    assert NOTHING in texts(sheet(told, "svg"))
    assert plots_of(told) == []
    with pytest.raises(UsageError, match="nothing was kept over time"):
        plots(told, ["latency"], ["svg"])


@needs_matplotlib
def test_a_readers_own_settings_of_matplotlib_change_nothing() -> None:
    import matplotlib as mpl

    told = told_of(slowing(6))
    usual = drawn(told, "users")
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "text.parse_math": True}):
        assert drawn(told, "users") == usual
        assert mpl.rcParams["font.size"] == 30


def test_without_matplotlib_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.report.images.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'loadstone\[images\]'"):
        render_png.ready()
    with pytest.raises(UsageError, match="matplotlib"):
        sheet(told_of(slowing(4)), "svg")


def test_names_of_files_are_those_of_the_charts(tmp_path: Path) -> None:
    assert file_name("png", "20260131_120000") == "charts_20260131_120000.png"
    assert plot_file_name("latency", "svg", "20260131_120000") == "latency_20260131_120000.svg"
    assert plot_file_name("metric:a/../b", "svg", "x", "nightly") == "nightly_metric_a_.._b.svg"
    assert (tmp_path / plot_file_name("metric:/etc", "png", "x")).parent == tmp_path
