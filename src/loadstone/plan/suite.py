"""The words of a Python suite: Suite, Scenario, profiles and data, all checked when they are written."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from loadstone.errors import Mistake, PlanError, UsageError
from loadstone.plan import profiles, traffic
from loadstone.plan.any_profile import kind_of
from loadstone.plan.feed import FeedPlan
from loadstone.plan.profile import ClosedProfile, OpenProfile
from loadstone.plan.user import User

Quantity = str | float
AnyProfile = OpenProfile | ClosedProfile
Model = TypeVar("Model", bound=BaseModel)


class Scenario:
    """What one kind of user does (User classes, or steps as in a file) and its profile."""

    def __init__(
        self,
        name: str,
        users: type[User] | Sequence[type[User]] = (),
        profile: AnyProfile | Mapping[str, Any] | None = None,
        *,
        steps: Sequence[Mapping[str, Any]] = (),
        data: FeedPlan | str | Sequence[FeedPlan | str] | None = None,
        **settings: Any,
    ) -> None:
        self.name = name
        self.line = _line_of_caller()
        classes = [users] if isinstance(users, type) else list(users)
        values: dict[str, Any] = {"profile": profile, "steps": list(steps) or None, "data": data, **settings}
        if classes:
            values["code"] = code_of(classes, where=f"scenario {name}")
        self.tree = {key: plain(value) for key, value in values.items() if value is not None}


class Suite:
    """What is tested, under which loads, with which gates; every setting of a plan file is a keyword."""

    def __init__(
        self,
        name: str = "suite",
        *,
        target: str | None = None,
        scenarios: Sequence[Scenario],
        gates: Sequence[str | Mapping[str, str]] = (),
        **settings: Any,
    ) -> None:
        names = [scenario.name for scenario in scenarios]
        if twice := {each for each in names if names.count(each) > 1}:
            raise UsageError(f"two scenarios are called {twice.pop()!r}", where=f"Suite {name!r}", hint="give each its own name")
        self.scenarios = tuple(scenarios)
        values = {"name": name, "target": target, "gates": list(gates), **settings}
        self.tree: dict[str, Any] = {key: plain(value) for key, value in values.items() if value is not None}
        self.tree["scenarios"] = {scenario.name: scenario.tree for scenario in scenarios}


def code_of(classes: Sequence[type[User]], *, where: str) -> dict[str, Any]:
    """Where the classes can be imported from again; raises UsageError when they cannot."""
    files = set()
    for cls in classes:
        if not _is_user(cls):
            raise UsageError(f"{cls!r} is not a User class", where=where, hint="class Shopper(loadstone.User): ...")
        if not cls.tasks:
            raise UsageError(f"{cls.__name__} has no tasks", where=where, hint="mark an async method with @loadstone.task")
        if "<locals>" in cls.__qualname__:
            raise UsageError(f"{cls.__name__} is defined inside a function", where=where, hint="move it to the top level of its file")
        files.add((getattr(sys.modules.get(cls.__module__), "__file__", None), cls.__module__))
    if len(files) != 1:
        raise UsageError("its user classes come from different files", where=where, hint="one scenario for each file")
    file, module = files.pop()
    if file is None:
        raise UsageError("its user classes are not in a file", where=where, hint="save them in a .py file")
    return {"file": str(Path(file).resolve()), "module": module if "." in module else "", "classes": [cls.__qualname__ for cls in classes]}


def _is_user(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, User)


def constant_users(users: int, duration: Quantity | None = None) -> profiles.ConstantUsers:
    """The same number of users all the time."""
    return _built(profiles.ConstantUsers, users=users, duration=duration)


def ramping_users(from_users: int, to_users: int, duration: Quantity, *, hold: Quantity = 0) -> profiles.RampingUsers:
    """From one number of users to another, then `hold`."""
    return _built(profiles.RampingUsers, from_users=from_users, to_users=to_users, duration=duration, hold=hold)


def shared_iterations(iterations: int, users: int = 1, max_duration: Quantity = "10m") -> profiles.SharedIterations:
    """Users share a number of iterations."""
    return _built(profiles.SharedIterations, iterations=iterations, users=users, max_duration=max_duration)


def per_user_iterations(iterations: int, users: int = 1, max_duration: Quantity = "10m") -> profiles.PerUserIterations:
    """Every user makes the same number of iterations."""
    return _built(profiles.PerUserIterations, iterations=iterations, users=users, max_duration=max_duration)


def constant_rate(rate: Quantity, duration: Quantity | None = None, *, poisson: bool = False) -> profiles.ConstantRate:
    """Arrivals at an even rate."""
    return _built(profiles.ConstantRate, rate=rate, duration=duration, poisson=poisson)


def poisson_rate(rate: Quantity, duration: Quantity | None = None) -> profiles.PoissonRate:
    """Arrivals of independent visitors."""
    return _built(profiles.PoissonRate, rate=rate, duration=duration)


def ramping_rate(
    from_rate: Quantity, to_rate: Quantity, duration: Quantity, *, hold: Quantity = 0, poisson: bool = False
) -> profiles.RampingRate:
    """From one rate to another, then `hold`."""
    return _built(profiles.RampingRate, from_rate=from_rate, to_rate=to_rate, duration=duration, hold=hold, poisson=poisson)


def stages(*parts: Mapping[str, Any], **settings: Any) -> profiles.UserStages | profiles.RateStages:
    """`stages({"duration": "30s", "users": 10}, …)`, or with `rate`."""
    values = {"stages": parts, **settings}
    return _built(profiles.stages(values), **values)


def spike(**settings: Any) -> profiles.UserSpike | profiles.RateSpike:
    """`spike(rate="5/s", peak=10, at="30s", hold="10s", repeat=2)`, or with `users`."""
    return _built(profiles.spike(settings), **settings)


def burst(size: int, every: Quantity, duration: Quantity | None = None) -> profiles.Burst:
    """`size` arrivals at once, each `every`."""
    return _built(profiles.Burst, size=size, every=every, duration=duration)


def gamma_rate(rate: Quantity, duration: Quantity | None = None, *, burstiness: float = 1.0) -> traffic.GammaRate:
    """Arrivals with gamma distributed gaps: burstiness 1 is Poisson, less is more bursty."""
    return _built(traffic.GammaRate, rate=rate, duration=duration, burstiness=burstiness)


def trace_arrivals(file: str, speed: Quantity = 1, **settings: Any) -> traffic.TraceArrivals:
    """Arrivals as a recorded trace has them: `limit`, `repeat` and `duration` as in TraceArrivals."""
    return _built(traffic.TraceArrivals, file=file, speed=speed, **settings)


def soak(duration: Quantity, *, ramp_up: Quantity = 0, **level: Any) -> profiles.UserSoak | profiles.RateSoak:
    """`soak("12h", users=50, ramp_up="1m")`, or with `rate`."""
    return _built(profiles.soak(level), duration=duration, ramp_up=ramp_up, **level)


def csv(file: str, **settings: Any) -> FeedPlan:
    """Rows of a CSV file with a header: `order`, `take` and `exhausted` as in FeedPlan."""
    return _built(FeedPlan, file=file, format="csv", **settings)


def jsonl(file: str, **settings: Any) -> FeedPlan:
    """Rows of a file with one JSON object on each line."""
    return _built(FeedPlan, file=file, format="jsonl", **settings)


def _built(model: type[Model], **values: Any) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise PlanError([_said(each, model) for each in error.errors(include_url=False)]) from None


def _said(details: Any, model: type[BaseModel]) -> Mistake:
    cause = details.get("ctx", {}).get("error")
    what = getattr(cause, "what", details["msg"])
    field = ".".join(str(part) for part in details["loc"])
    example = getattr(cause, "example", "")
    return Mistake(what, f"{model.__name__} {field} = {details['input']!r}".replace(" = {}", ""), f"{field}={example!r}" if example else "")


def plain(value: Any) -> Any:
    """The form that a file has, so that Python and files take the same way from here on."""
    if isinstance(value, BaseModel):
        kind = {"kind": kind_of(value)} if isinstance(value, AnyProfile) else {}
        return kind | {key: each for key, each in value.model_dump(by_alias=True, exclude_unset=True).items() if each is not None}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):  # a Metric
        return {key: each for key, each in dataclasses.asdict(value).items() if each is not None}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _line_of_caller() -> int:
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame and frame.f_back else None
    return caller.f_lineno if caller else 0
