"""Tests that run at once: who shares a worker with whom, and who begins."""

from pathlib import Path

import pytest

from tests.lanes import COMPUTING, FIRST, TOGETHER, lane, longest_first, niceness

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [*FIRST, *TOGETHER, *COMPUTING])
def test_each_folder_and_module_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_a_module_stays_whole_and_so_does_a_folder_that_shares_its_runs() -> None:
    assert lane("tests/cli/test_a.py::test_one") == lane("tests/cli/test_a.py::test_two[x::y]") == "tests/cli/test_a.py"
    assert lane("tests/cli/test_a.py::test_one") != lane("tests/cli/test_b.py::test_one")
    assert {lane(f"{folder}test_a.py::test_one") for folder in TOGETHER} == set(TOGETHER)


def test_the_longest_begin_and_the_others_keep_their_order() -> None:
    assert longest_first(["tests/b.py", FIRST[1], "tests/a.py", FIRST[0]]) == [FIRST[0], FIRST[1], "tests/b.py", "tests/a.py"]


def test_only_tests_that_compute_step_back() -> None:
    assert niceness("tests/stats/test_a.py::test_one") > 0
    assert niceness("tests/cli/test_a.py::test_one") == 0
