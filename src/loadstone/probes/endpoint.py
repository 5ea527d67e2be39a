"""Where a probe asks over HTTP, and with what: URL, headers and time-out as a plan gives them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from loadstone.errors import UsageError
from loadstone.units import parse_duration

TIMEOUT_S = 2.0


def url_of(watches: str, target: str) -> str:
    """The URL that a probe was given; a path alone is one of the target; raises UsageError."""
    url = f"{target.rstrip('/')}{watches}" if watches.startswith("/") else watches
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and url.isascii() and url.isprintable()
    except ValueError:
        fine = False
    if not fine or " " in url:
        raise UsageError(
            "the address of a probe is not an http or https URL", hint="http://127.0.0.1:8000/metrics, or /metrics for a path of the target"
        )
    if "@" in parts.netloc:
        raise UsageError("the address of a probe holds a password", hint="headers: {Authorization: 'Bearer ${env:TOKEN}'}")
    return url


def headers_of(given: Any) -> dict[str, str]:
    """The headers that a probe was given, `${env:NAME}` still in them; raises UsageError."""
    if not isinstance(given, dict) or any("\n" in str(each) or "\r" in str(each) for pair in given.items() for each in pair):
        raise UsageError("headers of a probe must be a mapping", hint="headers: {Authorization: 'Bearer ${env:TOKEN}'}")
    return {str(name): str(value) for name, value in given.items()}


def timeout_of(given: Any) -> float:
    """Seconds for a whole reading; raises UsageError."""
    if given is None:
        return TIMEOUT_S
    timeout_s = parse_duration(given)
    if timeout_s <= 0:
        raise UsageError("the time-out of a probe must be more than 0 s", hint="timeout: 2s")
    return timeout_s
