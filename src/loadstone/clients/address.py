"""From a URL to the addresses behind it: origins, and a resolver that says how long each look-up took."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from loadstone.clients.failure import Failed, Kind, bounded, from_os_error
from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError

DEFAULT_PORTS = {"http": 80, "https": 443}
KEEP_ADDRESSES_NS = 60 * SECOND


class Origin(NamedTuple):
    """Scheme, host and port; `unix` is the path of a Unix socket that is used instead of them."""

    scheme: str
    host: str
    port: int
    unix: str = ""

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS[self.scheme] == self.port else f"{host}:{self.port}"


def split_url(url: str, *, unix: str = "") -> tuple[Origin, str]:
    """An absolute http or https URL as its origin and the rest (path and query, no fragment); raises UsageError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may hold a part of a password
        raise UsageError("not a URL", where=bounded(url), hint="http://127.0.0.1:8000/path") from None
    if port == 0:
        raise UsageError("port 0 is none to connect to", where=bounded(url), hint="the port the server listens on")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        hint = f"http://{url}" if "//" not in url else "a URL that begins with http:// or https://"
        raise UsageError("not an http or https URL", where=bounded(url), hint=hint)
    if any(letter <= " " or letter == "\x7f" for letter in url):
        raise UsageError("a URL cannot contain spaces or control characters", where=repr(bounded(url)), hint="%20 for a space")
    try:
        host = parts.hostname.encode("idna").decode("ascii") if not parts.hostname.isascii() else parts.hostname
    except UnicodeError:
        raise UsageError("not a host name", where=bounded(url), hint="the name's ASCII form (xn--…)") from None
    path = parts.path or "/"
    if not path.isascii():
        path = "".join(letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in path)
    query = parts.query if parts.query.isascii() else "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in parts.query.encode())
    rest = f"{path}?{query}" if query else path
    return Origin(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], unix), rest


def user_and_password(url: str) -> tuple[str, str] | None:
    """What stands before the @ of a URL, if anything does."""
    user, colon, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    return (unquote(user), unquote(password)) if user or colon else None


class Resolver:
    """Host names to socket addresses, kept for a minute; addresses written as numbers need no look-up.

    limit_ns: how long a look-up may take
    """

    def __init__(self, limit_ns: int = 5 * SECOND) -> None:
        self._limit_ns = limit_ns
        self._asking: dict[tuple[str, int], asyncio.Task[list[tuple[int, object]]]] = {}
        self._known: dict[tuple[str, int], tuple[int, list[tuple[int, object]]]] = {}

    async def resolve(self, origin: Origin) -> tuple[list[tuple[int, object]], int]:
        """All (family, address) of an origin, and the ns that the look-up took (0: none was made); raises Failed(dns)."""
        if origin.unix:
            return [(socket.AF_UNIX, origin.unix)], 0
        key = (origin.host, origin.port)
        known = self._known.get(key)
        began = now_ns()
        if known is not None and began - known[0] < KEEP_ADDRESSES_NS:
            return known[1], 0
        try:
            address = ipaddress.ip_address(origin.host)
        except ValueError:
            asking = self._asking.get(key)
            if asking is not None:  # a thousand users that begin together ask once
                return await asyncio.shield(asking), 0
            asking = self._asking[key] = asyncio.ensure_future(self._look_up(origin))
            asking.add_done_callback(lambda done: self._asked(key, done))
            addresses = await asyncio.shield(asking)
            took = now_ns() - began
        else:
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            addresses, took = [(int(family), (origin.host, origin.port))], 0
        self._known[key] = (began, addresses)
        return addresses, took

    def prefer(self, origin: Origin, address: tuple[int, object]) -> None:
        """Try this address first from now on: it answered, an earlier one did not."""
        known = self._known.get((origin.host, origin.port))
        if known is not None and known[1][0] != address and address in known[1]:
            known[1].remove(address)
            known[1].insert(0, address)

    def _asked(self, key: tuple[str, int], done: asyncio.Task[list[tuple[int, object]]]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen here too, in case everybody who asked was cancelled meanwhile

    async def _look_up(self, origin: Origin) -> list[tuple[int, object]]:
        asking = asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(asking, self._limit_ns / SECOND)
        except TimeoutError:
            raise Failed(Kind.TIMEOUT_CONNECT, f"{origin.host}: name not resolved within {self._limit_ns / SECOND:g} s") from None
        except UnicodeError:  # a label that is empty or longer than 63 bytes
            raise Failed(Kind.DNS, f"{origin.host}: not a host name") from None
        except OSError as error:
            raise Failed(Kind.DNS, f"{origin.host}: {from_os_error(error).text}") from None
        addresses: list[tuple[int, object]] = []
        for family, _, _, _, address in found:
            if (int(family), address) not in addresses:
                addresses.append((int(family), address))
        return addresses
