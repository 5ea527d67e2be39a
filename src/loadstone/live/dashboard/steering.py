"""What a viewer's buttons ask, as controls of a run: read with care, for it comes from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadstone.errors import UsageError
from loadstone.live.dashboard.sink import Steering
from loadstone.load.control import Control, Pause, Resume, Scale, SetRate, SetUsers, Spike, Stop
from loadstone.load.control_desk import ControlDesk

BY = "dashboard"


def steering_by(desk: ControlDesk) -> Steering:
    """What hands buttons on to a desk."""
    return lambda asked: desk.ask(read_control(asked), BY)


def read_control(asked: Mapping[str, Any]) -> Control:
    """The control of `{"do": "spike", "factor": 3, "seconds": 10}`; raises UsageError for what is none, or not possible."""
    what, scenario = asked.get("do"), asked.get("scenario", "")
    if not isinstance(scenario, str):
        raise UsageError("a scenario is named by a text", where="control")
    plain: dict[object, Control] = {"pause": Pause(), "resume": Resume(), "stop": Stop()}
    if isinstance(what, str) and what in plain:
        return plain[what]
    if what == "scale":
        return Scale(_number(asked, "factor"), scenario)
    if what == "rate":
        return SetRate(_number(asked, "per_s"), scenario)
    if what == "users":
        users = _number(asked, "users")
        return SetUsers(int(users) if users.is_integer() else users, scenario)  # type: ignore[arg-type]  # which refuses a half user
    if what == "spike":
        return Spike(_number(asked, "factor"), _number(asked, "seconds"), scenario)
    raise UsageError("no such control", where="control", hint="pause, resume, scale, rate, users, spike or stop")


def _number(asked: Mapping[str, Any], name: str) -> float:
    found = asked.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UsageError(f"{name} is no number", where="control")
    return float(found) if abs(found) < 1e18 else float("inf")
