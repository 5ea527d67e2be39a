"""A user's cookies: the part of RFC 6265 that a load test needs (host, path, expiry), small enough for ten thousand users."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from loadstone.clients.address import Origin
from loadstone.errors import UsageError

MOST_COOKIES = 100
LONGEST_AGE = 12  # digits; 30,000 years
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


class Cookie(NamedTuple):
    """One cookie; `domain` begins with a dot when sub-domains get it too."""

    name: str
    value: str
    domain: str
    path: str
    secure: bool
    expires: float  # Unix time; infinite for the session

    def __repr__(self) -> str:
        return f"<Cookie {self.name} for {self.domain}{self.path}>"  # its value is a secret


class CookieJar:
    """The cookies of one user."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def set(self, name: str, value: str, origin: Origin) -> None:
        """Add a cookie by hand; raises UsageError for what would break out of the header."""
        if any(letter in ";\r\n\0" for letter in name + value) or "=" in name or not name:
            raise UsageError(f"not a cookie: {name!r}", hint="a name without = and a value without ; and line breaks")
        self._keep(Cookie(name, value, origin.host, "/", secure=False, expires=float("inf")))

    def take(self, headers: list[tuple[str, str]], origin: Origin, target: str) -> None:
        """Keep what Set-Cookie headers of a response say; what cannot be read or is for another host is left."""
        for name, value in headers:
            if name == "set-cookie":
                cookie = _parse(value, origin, target)
                if cookie is not None:
                    self._keep(cookie)

    def header(self, origin: Origin, target: str) -> str:
        """The Cookie header for a request; empty when there is nothing to send."""
        now, path = time.time(), target.partition("?")[0]
        fitting = [cookie for cookie in self._cookies.values() if _fits(cookie, origin, path, now)]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sorted(fitting, key=lambda cookie: -len(cookie.path)))

    def get(self, name: str) -> str | None:
        """The value of a cookie by name, whatever its host."""
        return next((cookie.value for cookie in self._cookies.values() if cookie.name == name), None)

    def clear(self) -> None:
        """Forget all."""
        self._cookies.clear()

    def _keep(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        if cookie.expires <= time.time():
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < MOST_COOKIES:
            self._cookies[key] = cookie


def _parse(text: str, origin: Origin, target: str) -> Cookie | None:
    pair, *attributes = text.split(";")
    name, equals, value = pair.strip().partition("=")
    if not equals or not name.strip():
        return None
    domain, path, secure, expires = origin.host, "", False, float("inf")
    max_age_seen = False
    for attribute in attributes:
        key, _, given = attribute.strip().partition("=")
        key, given = key.lower(), given.strip()
        if key == "domain" and given:
            wanted = given.lstrip(".").lower()
            if origin.host != wanted and not ("." in wanted and origin.host.endswith(f".{wanted}")):
                return None
            domain = f".{wanted}"
        elif key == "path" and given.startswith("/"):
            path = given
        elif key == "secure":
            secure = True
        elif key == "max-age" and _WHOLE_NUMBER.fullmatch(given):
            expires, max_age_seen = time.time() + int(given[:LONGEST_AGE]), True
        elif key == "expires" and not max_age_seen:
            expires = _date(given)
    default = target.partition("?")[0].rpartition("/")[0] or "/"
    return Cookie(name.strip(), value.strip(), domain, path or default, secure, expires)


def _date(text: str) -> float:
    try:
        return parsedate_to_datetime(text.replace("-", " ")).timestamp()
    except (ValueError, TypeError, OverflowError):  # dates come from outside
        return float("inf")


def _fits(cookie: Cookie, origin: Origin, path: str, now: float) -> bool:
    host_fits = origin.host == cookie.domain or (cookie.domain.startswith(".") and f".{origin.host}".endswith(cookie.domain))
    path_fits = path == cookie.path or path.startswith(cookie.path if cookie.path.endswith("/") else cookie.path + "/")
    return host_fits and path_fits and cookie.expires > now and (origin.scheme == "https" or not cookie.secure)
