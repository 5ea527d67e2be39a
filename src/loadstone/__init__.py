"""Performance testing for AI backends.

The names below are the whole vocabulary of a Python suite; each is loaded when it is first used, so that `import loadstone`
and `loadstone --help` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadstone.errors import UsageError as UsageError
    from loadstone.measure.catalogue import Metric as Metric
    from loadstone.plan.curve import Curve as Curve
    from loadstone.plan.curve import Piece as Piece
    from loadstone.plan.options import Option as Option
    from loadstone.plan.options import Options as Options
    from loadstone.plan.parts import audio as audio
    from loadstone.plan.parts import image as image
    from loadstone.plan.profile import ClosedProfile as ClosedProfile
    from loadstone.plan.profile import OpenProfile as OpenProfile
    from loadstone.plan.suite import Scenario as Scenario
    from loadstone.plan.suite import Suite as Suite
    from loadstone.plan.suite import burst as burst
    from loadstone.plan.suite import constant_rate as constant_rate
    from loadstone.plan.suite import constant_users as constant_users
    from loadstone.plan.suite import csv as csv
    from loadstone.plan.suite import gamma_rate as gamma_rate
    from loadstone.plan.suite import jsonl as jsonl
    from loadstone.plan.suite import per_user_iterations as per_user_iterations
    from loadstone.plan.suite import poisson_rate as poisson_rate
    from loadstone.plan.suite import ramping_rate as ramping_rate
    from loadstone.plan.suite import ramping_users as ramping_users
    from loadstone.plan.suite import shared_iterations as shared_iterations
    from loadstone.plan.suite import soak as soak
    from loadstone.plan.suite import spike as spike
    from loadstone.plan.suite import stages as stages
    from loadstone.plan.suite import trace_arrivals as trace_arrivals
    from loadstone.plan.think import between as between
    from loadstone.plan.think import constant as constant
    from loadstone.plan.think import exponential as exponential
    from loadstone.plan.think import pacing as pacing
    from loadstone.plan.user import User as User
    from loadstone.plan.user import task as task

_HOME = {
    **dict.fromkeys(
        (
            "Scenario",
            "Suite",
            "burst",
            "constant_rate",
            "constant_users",
            "csv",
            "gamma_rate",
            "jsonl",
            "per_user_iterations",
            "poisson_rate",
            "ramping_rate",
            "ramping_users",
            "shared_iterations",
            "soak",
            "spike",
            "stages",
            "trace_arrivals",
        ),
        "loadstone.plan.suite",
    ),
    **dict.fromkeys(("between", "constant", "exponential", "pacing"), "loadstone.plan.think"),
    **dict.fromkeys(("Curve", "Piece"), "loadstone.plan.curve"),
    **dict.fromkeys(("ClosedProfile", "OpenProfile"), "loadstone.plan.profile"),
    "UsageError": "loadstone.errors",
    "Metric": "loadstone.measure.catalogue",
    **dict.fromkeys(("audio", "image"), "loadstone.plan.parts"),
    **dict.fromkeys(("Option", "Options"), "loadstone.plan.options"),
    **dict.fromkeys(("User", "task"), "loadstone.plan.user"),
}
__all__ = sorted(_HOME)  # noqa: PLE0605  a list of names, computed


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'loadstone' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
