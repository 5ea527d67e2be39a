"""The bot suite from Python: queries run side by side, baselines made of their responses, tests against them, scenarios of one's own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadstone.suites.bot.response_baselines import RegressionTest as RegressionTest
    from loadstone.suites.bot.response_baselines import ResponseBaseline as ResponseBaseline
    from loadstone.suites.bot.response_baselines import create_baseline as create_baseline
    from loadstone.suites.bot.response_baselines import read_baseline as read_baseline
    from loadstone.suites.bot.response_baselines import run_regression_tests as run_regression_tests
    from loadstone.suites.bot.responses import Response as Response
    from loadstone.suites.bot.responses import Responses as Responses
    from loadstone.suites.bot.responses import gather_responses as gather_responses
    from loadstone.suites.bot.responses import queries_of as queries_of
    from loadstone.suites.bot.responses import run_queries as run_queries
    from loadstone.suites.bot.scenarios import SyntheticScenario as SyntheticScenario

_BASELINES = ("RegressionTest", "ResponseBaseline", "create_baseline", "read_baseline", "run_regression_tests")
_RESPONSES = ("Response", "Responses", "gather_responses", "queries_of", "run_queries")
_HOME = {
    **dict.fromkeys(_BASELINES, "loadstone.suites.bot.response_baselines"),
    **dict.fromkeys(_RESPONSES, "loadstone.suites.bot.responses"),
    "SyntheticScenario": "loadstone.suites.bot.scenarios",
}
__all__ = sorted(_HOME)  # noqa: PLE0605  a list of names, computed


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'loadstone.suites.bot' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
