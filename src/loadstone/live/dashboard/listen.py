"""Where a dashboard listens, and whom it lets in: an address as people write it, its socket, its token."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field

from loadstone.errors import UsageError

HOST = "127.0.0.1"
BACKLOG = 128
TOKEN_BYTES = 16
LEAST_TOKEN = 12  # characters; what somebody chooses must not be guessed in an afternoon


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port; port 0 is a free one."""

    host: str = HOST
    port: int = 0

    @property
    def loopback(self) -> bool:
        """Can only this machine reach it?"""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens. The token, when there is one, is what a viewer has to know; `repr` keeps it to itself."""

    socket: socket.socket
    host: str
    port: int
    token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Where people look; the token stands behind the `#`, which browsers send to nobody."""
        host = self.host if self.host not in ("0.0.0.0", "::") else socket.gethostname()  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"#token={self.token}" if self.token else "")


def is_loopback(host: str) -> bool:
    """Is it a name or number of this machine alone?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_address(text: str, *, where: str = "flag --dashboard") -> Address:
    """`8089`, `:0`, `HOST:PORT` or `[::1]:8089`; empty is a free port of this machine."""
    text = text.strip()
    if not text:
        return Address()
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = ("", text) if text.isdigit() else (text, "0")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isdecimal() or int(port) > 65535 or "/" in host or " " in host:
        raise UsageError(f"{text!r} is no address", where=where, hint="--dashboard=127.0.0.1:8089, or --dashboard as the last word")
    return Address(host or HOST, int(port))


def listen(address: Address, token: str = "", *, where: str = "flag --dashboard") -> Listening:
    """Take the port now, so that what is wrong with it is told before any load is made.

    token:  what viewers have to know; one is made up where others could reach the address and none was given
    raises: UsageError when the port is taken or the address is not of this machine
    """
    if token and len(token) < LEAST_TOKEN:
        raise UsageError(f"a token has {LEAST_TOKEN} characters or more", where="flag --token", hint="leave it out, and one is made")
    if not address.loopback and not token:
        token = secrets.token_urlsafe(TOKEN_BYTES)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address.host, address.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise _refusal(address, error, where) from None
    return Listening(made, address.host, made.getsockname()[1], token)


def _refusal(address: Address, error: OSError, where: str) -> UsageError:
    at = f"{where} {address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"the port is in use{_holder(address.port)}", where=at, hint=f"another port, or {address.host}:0 for a free one")
    if error.errno == errno.EACCES:
        return UsageError("this port needs rights that you do not have", where=at, hint=f"{address.host}:0 for a free one")
    return UsageError(f"cannot listen there: {error.strerror or error}", where=at, hint=f"{HOST}:0, or an address of this machine")


def _holder(port: int) -> str:
    """Who listens there, as far as the system tells; empty where it does not."""
    import psutil

    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                return f" by process {each.pid} ({psutil.Process(each.pid).name()})"
    except psutil.Error:
        pass
    return ""
