"""Undocumented is a failing test: each metric and each exit code has its heading."""

import re
from pathlib import Path

from loadstone.errors import ExitCode
from loadstone.measure.catalogue import BUILT_IN

DOCS = Path(__file__).parents[2] / "docs"


def sections(page: str) -> dict[str, str]:
    """Heading, without its marks, to the text below it."""
    parts = re.split(r"^#+ +(.+)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return {heading.strip().strip("`"): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_each_built_in_metric_has_a_heading_and_no_other_does() -> None:
    headings = {heading for heading in sections("metrics.md") if re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*", heading)}
    assert headings == {metric.name for metric in BUILT_IN}


def test_the_page_of_metrics_says_each_meaning_unit_direction_and_whole() -> None:
    text = sections("metrics.md")
    for metric in BUILT_IN:
        unit = "number" if metric.unit == "1" else metric.unit
        assert metric.meaning[1:] in text[metric.name], metric.name
        assert f"Unit: {unit}; {metric.kind}" in text[metric.name], metric.name
        assert f"{metric.better} " in text[metric.name], metric.name
        if metric.share_of:
            assert f"share of `{metric.share_of}`" in text[metric.name], metric.name


def test_each_exit_code_has_a_heading_and_no_other_number_does() -> None:
    numbers = {int(heading) for heading in sections("exit-codes.md") if heading.isdigit()}
    assert numbers == {int(code) for code in ExitCode}


def test_links_between_the_pages_lead_somewhere() -> None:
    root = DOCS.parent
    dead = [
        f"{page.relative_to(root)}: {target}"
        for page in [root / "README.md", root / "benchmarks" / "README.md", *DOCS.rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not dead
