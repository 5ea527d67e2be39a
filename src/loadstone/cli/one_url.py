"""The flags that commands for one URL share: load, headers, warm-up, workers, seed and probes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loadstone.cli.probe_options import add_probes
from loadstone.errors import Mistake, PlanError, UsageError

WEBSOCKETS = {"ws": "http", "wss": "https"}


def over_http(url: str, schemes: Mapping[str, str] = WEBSOCKETS) -> str:
    """The same URL by the scheme that plans name targets by; without a scheme it is one of http."""
    scheme, mark, rest = url.partition("://")
    return f"{schemes.get(scheme.lower(), scheme)}://{rest}" if mark else f"http://{url}"


def profile_of(
    given: dict[str, Any], *, users_flag: str, users: str, duration: str, example: tuple[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The profile that the flags ask for, and the flag behind each of its keys.

    users_flag, users, duration: name of the flag for users, and what counts without flags
    example: a duration and a rate to show in hints
    """
    asked, rate, requests, lasts = given[users_flag.removeprefix("--")], given["rate"], given["requests"], given["duration"]
    if rate is not None:
        if requests is not None:
            raise UsageError("--rate takes --duration, not --requests", where="flag --requests", hint=f"-d {example[0]}")
        if asked is not None:
            raise UsageError("a load is either users or a rate", where=f"flags {users_flag} and --rate", hint="keep one of them")
        profile = {"kind": "poisson-rate" if given["poisson"] else "constant-rate", "rate": rate, "duration": lasts or duration}
        return profile, {"rate": "flag --rate", "duration": "flag --duration"}
    if given["poisson"]:
        raise UsageError("--poisson is about a rate", where="flag --poisson", hint=f"-r {example[1]} --poisson")
    count = whole_number(asked or users, users_flag)
    flags = {
        "users": f"flag {users_flag}",
        "duration": "flag --duration",
        "max_duration": "flag --duration",
        "iterations": "flag --requests",
    }
    if requests is not None:
        limit = {"max_duration": lasts} if lasts else {}
        return {"kind": "shared-iterations", "users": count, "iterations": whole_number(requests, "--requests"), **limit}, flags
    return {"kind": "constant-users", "users": count, "duration": lasts or duration}, flags


def whole_number(text: str, flag: str) -> int:
    """The number that a flag gives; raises UsageError."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a whole number", where=f"flag {flag}", hint=f"{flag} 10") from None


def headers_of(texts: Iterable[str], *, example: str) -> dict[str, str]:
    """The headers of `NAME: VALUE`, as -H gives them; raises PlanError with all mistakes.

    example: a flag with a header, to show in hints
    """
    headers, mistakes = {}, []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            mistakes.append(Mistake(f"{text!r} is not a header", f"flag {example.partition(' ')[0]}", example))
        headers[name.strip()] = value.strip()
    if mistakes:
        raise PlanError(mistakes)
    return headers


def resolved(tree: dict[str, Any], origins: dict[Any, str], given: dict[str, Any]) -> Any:
    """The plan of a command's tree, with the flags that all have; raises PlanError, which names flags.

    tree: named as the command is, and so is its one scenario
    """
    from loadstone.plan.resolve import resolve
    from loadstone.plan.settings import Layers

    name = tree["name"]
    if given.get("warm_up"):
        tree["scenarios"][name]["warm_up"] = given["warm_up"]
        origins["scenarios", name, "warm_up"] = "flag --warm-up"
    for key in ("workers", "seed"):
        if given[key] is not None:
            tree[key] = whole_number(given[key], f"--{key}")
            origins[key,] = f"flag --{key}"
    layers = Layers(tree, origins)
    add_probes(layers, given)
    plan, _ = resolve(layers, source=f"loadstone {name}")
    return plan
