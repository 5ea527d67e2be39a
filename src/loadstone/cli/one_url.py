"""The flags that commands for one URL share: load, headers, workers and seed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loadstone.errors import Mistake, PlanError, UsageError


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
