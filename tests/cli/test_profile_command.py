"""`loadstone profile`: whom it looks at, and that nothing of such a run is judged."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from loadstone.cli.profile import _asked, _plan, command
from loadstone.errors import UsageError


def test_a_plan_under_the_profiler_has_no_gates_and_keeps_its_scenarios() -> None:
    given = {"sets": (), "tags": (), "only": "tools", "duration": "2s"}
    plan = _plan(("voice",), given)
    assert plan.gates == ()
    assert [each.name for each in plan.scenarios] == ["tools one at a time", "tools at once"]


@pytest.mark.parametrize("whom", ["0", "-1", "backend", "999999999"])
def test_a_process_that_is_not_there_is_refused(whom: str) -> None:
    with pytest.raises(UsageError, match="there is no process"):
        _asked(whom)


def test_without_the_profiler_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise UsageError("needs py-spy, which is not installed")

    monkeypatch.setattr("loadstone.probes.flame.program", absent)
    monkeypatch.setattr("loadstone.cli.profile.ahead", lambda: pytest.fail("no worker is wanted"))
    found = CliRunner().invoke(command, ["voice", "--only", "tools"])
    assert isinstance(found.exception, UsageError)
