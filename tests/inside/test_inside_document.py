"""The examples of the page about the inside run as they stand there."""

import re
from pathlib import Path

import pytest

from loadstone.inside.page import ACTIONS
from loadstone.probes.inside import METRICS, SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "inside.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=lambda code: code.splitlines()[0])
def test_an_example_runs_as_it_stands(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADSTONE_INSIDE_TOKEN", "a-token-for-tests")
    exec(code, {"__name__": "example"})  # noqa: S102  our own page


def test_every_action_setting_and_metric_is_on_the_page() -> None:
    missing = [action for action in ACTIONS if f"`POST …/{action}" not in PAGE]
    missing += [setting for setting in SETTINGS if f"`{setting}`" not in PAGE]
    missing += [name for name in METRICS if not re.search(rf"`{name}[`{{]", PAGE)]
    assert missing == []
