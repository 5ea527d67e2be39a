"""What `loadstone ws` does with its connections: talk, keep still, spread messages, break and come back, count how many fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import loadstone
from loadstone.cli.one_url import whole_number
from loadstone.errors import UsageError

CONNECTIONS, DURATION, MESSAGE = "10", "10s", "hello"
CONNECTED, ANSWERED, NO_DROPS = "rate(ws.connect_failures) < 1%", "rate(ws.errors) < 1%", "rate(ws.drops) < 1%"
ENOUGH_FOR_P95 = 150  # connections
CHECKS = "rate(check.failures) < 1%"
USERS = Path(loadstone.__file__).parent / "suites" / "ws" / "users.py"
MODES = {"--hold": "hold", "--fan-out": "fan_out", "--storm": "storm", "--find-limit": "find_limit"}
ONLY_WITH = {"senders": "fan_out", "slow_readers": "fan_out", "server_pid": "hold"}

Origins = dict[tuple[str | int, ...], str]
Scenario = tuple[dict[str, Any], Origins, list[str]]


def scenario_of(path: str, given: dict[str, Any]) -> Scenario:
    """The scenario behind the flags, where each of its values came from, and the gates it has when none are given."""
    modes = [flag for flag, key in MODES.items() if given[key]]
    if len(modes) > 1:
        raise UsageError("a run does one of these", where=f"flags {' and '.join(modes)}", hint=f"keep {modes[0]}")
    for key, mode in ONLY_WITH.items():
        if given[key] and not given[mode]:
            flag, other = (f"--{each.replace('_', '-')}" for each in (key, mode))
            raise UsageError(f"belongs to {other}", where=f"flag {flag}", hint=f"{other} {flag} {given[key]}")
    if modes and given["messages"] is not None:
        raise UsageError(f"{modes[0]} takes --duration, not --messages", where="flag --messages", hint="-d 10s")
    if given["workers"] not in {None, "1"} and modes and modes[0] != "--hold":
        raise UsageError("keeps its books in one worker", where=f"flags {modes[0]} and --workers", hint="leave --workers out")
    if given["ramp"] and (given["messages"] is not None or given["server_pid"] or given["find_limit"]):
        raise UsageError("goes with a duration of messages or of --hold", where="flag --ramp", hint="--hold --ramp 30s -d 10s")
    if not modes:
        return _talk(path, given)
    make = {"--hold": _hold, "--fan-out": _fan_out, "--storm": _storm, "--find-limit": _find_limit}[modes[0]]
    return make(path, given)


def _talk(path: str, given: dict[str, Any]) -> Scenario:
    connections = _number(given["connections"] or CONNECTIONS, "--connections")
    profile, origins = _steady(connections, given)
    dialogue: dict[str, Any] = {
        "path": path.replace("${", "$${"),
        "dialogue": [{"send": _text(given["message"] or MESSAGE), "match": given["match"] or "order"}],
    }
    if given["messages"] is not None:
        if given["rate"]:
            raise UsageError("--rate takes --duration, not --messages", where="flag --messages", hint="-d 10s")
        limit = {"max_duration": given["duration"]} if given["duration"] else {}
        profile = {"kind": "shared-iterations", "users": connections, "iterations": _number(given["messages"], "--messages"), **limit}
        origins["profile", "iterations"] = "-n"
    if given["rate"]:
        dialogue["rate"] = _rate(given["rate"]) / connections
    for key in ("send", "match"):
        origins["steps", 0, "websocket", "dialogue", 0, key] = "-m" if key == "send" else "--match"
    step = {"name": _name(path), "websocket": dialogue}
    return {"profile": profile, "steps": [step]}, origins, [CONNECTED, ANSWERED]


def _hold(path: str, given: dict[str, Any]) -> Scenario:
    connections = _number(given["connections"] or CONNECTIONS, "--connections")
    if given["server_pid"]:
        pid = _number(given["server_pid"], "--server-pid")
        scenario = _coded("MemorySteps", path, given, users=connections, server_pid=pid, match=given["match"] or "order")
        scenario["profile"] = {"kind": "per-user-iterations", "users": 1, "iterations": 1, "max_duration": given["duration"] or "10m"}
        return scenario, {}, [CONNECTED, CHECKS, "last(ws.server_memory_closed) >= 0"]  # without a reading: no data
    profile, origins = _steady(connections, given)
    return {"profile": profile, **_coded("Holder", path, given)}, origins, [CONNECTED, NO_DROPS]


def _fan_out(path: str, given: dict[str, Any]) -> Scenario:
    connections = _number(given["connections"] or CONNECTIONS, "--connections")
    senders, slow = _number(given["senders"] or "1", "--senders"), _number(given["slow_readers"] or "0", "--slow-readers", least=0)
    if senders + slow > connections:
        raise UsageError("more senders and slow readers than connections", where="flag --connections", hint=f"-c {senders + slow}")
    if connections < 2:
        raise UsageError("a fan-out needs somebody else", where="flag --connections", hint="-c 10")
    message = _text(given["message"] or "${mark}")
    if "${mark}" not in message:
        raise UsageError(
            "has no place for the sender's mark", where="flag --message", hint="""-m '{"type": "message", "text": "${mark}"}'"""
        )
    profile, origins = _steady(connections, given)
    settings = {"users": connections, "senders": senders, "slow": slow, "join": list(given["joins"])}
    scenario = _coded("Crowd", path, given, **{**settings, "message": message})
    scenario["pacing"] = senders / _rate(given["rate"] or "10/s")
    origins["pacing",] = "-r"
    gates = [CONNECTED, NO_DROPS, "rate(ws.missing) < 0.01%", "rate(ws.duplicates) < 0.01%", "rate(ws.out_of_order) < 0.01%"]
    return {"profile": profile, **scenario}, origins, gates


def _storm(path: str, given: dict[str, Any]) -> Scenario:
    from loadstone.units import parse_duration

    connections = _number(given["connections"] or CONNECTIONS, "--connections")
    profile, origins = _steady(connections, given)
    break_at = parse_duration(given["duration"] or DURATION) / 3
    scenario = _coded("Comeback", path, given, break_at=break_at, match=given["match"] or "order")
    scenario["pacing"] = connections / _rate(given["rate"] or f"{connections}/s")
    origins["pacing",] = "-r"
    slowest = "p95" if connections >= ENOUGH_FOR_P95 else "max"
    return {"profile": profile, **scenario}, origins, [CONNECTED, "rate(ws.not_reconnected) < 1%", f"{slowest}(ws.reconnect_time) < 5s"]


def _find_limit(path: str, given: dict[str, Any]) -> Scenario:
    most = _number(given["find_limit"], "--find-limit")
    scenario = _coded("LimitSearch", path, given, most=most)
    scenario["profile"] = {"kind": "per-user-iterations", "users": 1, "iterations": 1, "max_duration": given["duration"] or "10m"}
    return scenario, {}, ["last(ws.connection_limit) > 0", CHECKS]


def _coded(name: str, path: str, given: dict[str, Any], **settings: Any) -> dict[str, Any]:
    own = {"path": path, "name": _name(path), "message": _text(given["message"] or MESSAGE), **settings}
    return {"code": {"file": str(USERS), "module": "loadstone.suites.ws.users", "classes": [name]}, "settings": own}


def _steady(connections: int, given: dict[str, Any]) -> tuple[dict[str, Any], Origins]:
    origins: Origins = {("profile", "users"): "-c", ("profile", "duration"): "-d", ("profile", "max_duration"): "-d"}
    duration = given["duration"] or DURATION
    if given["ramp"]:
        origins["profile", "hold"] = "-d"
        origins["profile", "duration"] = "--ramp"
        return {"kind": "ramping-users", "from_users": 1, "to_users": connections, "duration": given["ramp"], "hold": duration}, origins
    return {"kind": "constant-users", "users": connections, "duration": duration}, origins


def _name(path: str) -> str:
    return f"WS {path.partition('?')[0]}"


def _rate(text: str) -> float:
    from loadstone.errors import UnitError
    from loadstone.units import parse_rate

    try:
        rate = parse_rate(text)
    except UnitError as error:
        raise UsageError(error.what, where=f"flag --rate {text}", hint=error.hint or "-r 200/s") from None
    if rate <= 0:
        raise UsageError("must be more than 0 messages/s", where=f"flag --rate {text}", hint="-r 200/s")
    return rate


def _number(text: str, flag: str, *, least: int = 1) -> int:
    """A flag's whole number of at least 1; raises UsageError."""
    value = whole_number(text, flag)
    if value < least:
        raise UsageError(f"must be at least {least}", where=f"flag {flag} {text}", hint=f"{flag} 10")
    return value


def _text(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the message: {error}", where=f"--message {text}", hint="-m @file.json") from None
