"""docs/requirements.md tells the truth about what is there."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "requirements.md"
IDS = Path(__file__).with_name("requirement_ids.txt").read_text().split()
CATALOGUE = ROOT.parent / "shared" / "requirements.md"
STATES = ("planned", "partly", "done")


class Row(NamedTuple):
    """One line of the table."""

    id: str
    what: str
    state: str
    command: str
    test: str
    document: str


def read_rows(text: str) -> list[Row]:
    """All rows of all tables."""
    lines = (line for line in text.splitlines() if re.match(r"\| *[A-Z]\d+ *\|", line))
    return [Row(*(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])) for line in lines]


def named_files(cell: str) -> list[Path]:
    """Files that a cell names, as `code` or as a link."""
    names = re.findall(r"[\w./-]+\.(?:py|md|yaml|json)", cell)
    # Code is named from the root, links from docs/.
    return [ROOT / name if (ROOT / name).exists() else ROOT / "docs" / name for name in names]


ROWS = read_rows(PAGE.read_text())


def what_is_wrong(row: Row) -> list[str]:
    """What the row claims and cannot show."""
    wrong = [] if row.state in STATES else [f"state {row.state!r} is none of {', '.join(STATES)}"]
    if row.state in ("partly", "done") and not named_files(row.test):
        wrong.append("names no test")
    if row.state == "done":
        wrong += ["names no command"] * (not row.command) + ["names no document"] * (not named_files(row.document))
    return wrong + [f"{path} does not exist" for path in named_files(row.test) + named_files(row.document) if not path.exists()]


def test_each_requirement_has_one_row_and_nothing_else_does() -> None:
    assert [row.id for row in ROWS] == IDS


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_row_claims_only_what_it_shows(row: Row) -> None:
    assert what_is_wrong(row) == []


def test_the_shipped_list_of_ids_is_that_of_the_catalogue_when_that_is_here() -> None:
    ids = re.findall(r"^\| *([A-Z]\d+) *\|", CATALOGUE.read_text(), flags=re.MULTILINE) if CATALOGUE.exists() else IDS
    assert ids == IDS


@pytest.mark.parametrize(
    "line",
    [
        "| C1 | users | finished | | | |",
        "| C1 | users | partly | `loadstone run chat` | | |",
        "| C1 | users | done | `loadstone run chat` | `tests/docs/test_requirements.py` | |",
        "| C1 | users | done | | `tests/docs/test_requirements.py` | [metrics](metrics.md) |",
        "| C1 | users | done | `loadstone run chat` | `tests/nowhere.py` | `docs/requirements.md` |",
    ],
)
def test_a_row_that_claims_too_much_is_found(line: str) -> None:
    (row,) = read_rows(line)
    assert what_is_wrong(row)


def test_a_row_that_shows_everything_is_accepted() -> None:
    (row,) = read_rows("| C1 | users | done | `loadstone run chat` | `tests/docs/test_requirements.py` | `docs/requirements.md` |")
    assert what_is_wrong(row) == []
