"""The environment is pinned: same clone, same libraries."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!]+)(?P<marker> ?; ?[^;]+)?")
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(name: str) -> str:
    """Package names are equal in any case and with any of `-_.`."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_constraints_is_a_name_and_a_version(line: str) -> None:
    assert PIN.fullmatch(line)


def test_each_direct_dependency_is_pinned() -> None:
    asked = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
    ]
    names = {normal(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in asked}
    pinned = {normal(found["name"]) for line in LINES if (found := PIN.fullmatch(line))}
    assert names <= pinned


def test_no_name_is_pinned_twice_for_the_same_python() -> None:
    keys = [(normal(found["name"]), found["marker"]) for line in LINES if (found := PIN.fullmatch(line))]
    assert len(keys) == len(set(keys))
