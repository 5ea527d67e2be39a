"""A run is repeated in another checkout: the files of its plan are found again, or it is said which one is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadstone.cli.moved_files import find_again
from loadstone.cli.rerun import plan_of
from loadstone.errors import StoreError
from loadstone.testing.kept_runs import make_row

SUITE = """
import loadstone as ls

class Shopper(ls.User):
    @ls.task
    async def look(self):
        await self.get("/")
"""


def tree_of(file: str, module: str = "") -> dict[str, Any]:
    scenario = {"name": "look", "profile": {"users": 1, "duration": "1s"}, "code": {"file": file, "module": module, "classes": ["Shopper"]}}
    return {"name": "shop", "target": "http://127.0.0.1:9", "scenarios": [scenario]}


def place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SUITE)
    return path


@pytest.mark.parametrize("where", ["load/shop.py", "shop.py"])
def test_a_suite_is_found_in_another_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    here = place(tmp_path / where)
    monkeypatch.chdir(tmp_path)
    plan = plan_of(make_row(), json.dumps(tree_of("/builds/17/load/shop.py")), None, (), ())
    code = plan.scenarios[0].code
    assert code is not None
    assert code.file == str(here)
    assert f"not the same: file: then /builds/17/load/shop.py, now {here}" in capsys.readouterr().err


def test_the_longest_part_of_the_old_place_that_fits_is_taken(tmp_path: Path) -> None:
    place(tmp_path / "shop.py")
    longest = place(tmp_path / "load" / "shop.py")
    tree = tree_of("/builds/17/load/shop.py")
    find_again(tree, make_row(), tmp_path)
    assert tree["scenarios"][0]["code"]["file"] == str(longest)


def test_a_file_that_is_where_it_was_is_left_there(tmp_path: Path) -> None:
    tree = tree_of(str(place(tmp_path / "a" / "shop.py")))
    before = json.dumps(tree)
    assert find_again(tree, make_row(), tmp_path) == []
    assert json.dumps(tree) == before


def test_a_ready_suite_is_found_wherever_this_version_is_installed(tmp_path: Path) -> None:
    name = "loadstone.suites.voice.sessions"
    tree = tree_of("/elsewhere/loadstone/suites/voice/sessions.py", name)
    (told,) = find_again(tree, make_row(), tmp_path)
    assert Path(tree["scenarios"][0]["code"]["file"]).is_file()
    assert "suites/voice/sessions.py" in told


def test_a_file_that_is_nowhere_is_named_with_the_commit_that_has_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"needs the file /builds/17/shop\.py") as told:
        find_again(tree_of("/builds/17/shop.py"), make_row(git_commit="a" * 40), tmp_path)
    assert "checkout of commit aaaaaaaaaaaa" in str(told.value.hint)
