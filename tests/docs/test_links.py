"""Links between the pages lead somewhere: to a file, and to a heading of it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings' names as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        place = (page.parent / file).resolve() if file else page
        if ":" not in file and (not place.exists() or (anchor and place.suffix == ".md" and anchor not in anchors(place))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert broken(page, prose(page)) == []


def test_a_missing_file_and_a_missing_heading_are_found() -> None:
    page = ROOT / "docs" / "inside.md"
    assert broken(page, "[a](nowhere.md) [b](probes.md#nowhere) [c](#pools) [d](https://host/x)") == ["nowhere.md", "probes.md#nowhere"]


def test_every_example_is_named_on_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    unnamed = [path.name for path in (ROOT / "examples").iterdir() if path.name not in {*re.findall(r"[\w.]+", pages), "__pycache__"}]
    assert unnamed == []
