"""Failures of exchanges: typed, with a short text that carries no secret. They are data, not exceptions."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from enum import StrEnum

LONGEST_TEXT = 120


class Kind(StrEnum):
    """Why an exchange failed."""

    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_TOTAL = "timeout_total"
    TIMEOUT_IDLE = "timeout_idle"
    TLS = "tls"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    STATUS = "status"
    CHECK = "check"
    CLOSED_EARLY = "closed_early"
    PROTOCOL = "protocol"
    NO_DESCRIPTORS = "no_descriptors"
    NO_PORTS = "no_ports"
    CANCELLED = "cancelled"  # the client left of its own will: an outcome, and no error
    OTHER = "other"


TIMEOUTS = frozenset({Kind.TIMEOUT_CONNECT, Kind.TIMEOUT_FIRST_BYTE, Kind.TIMEOUT_TOTAL, Kind.TIMEOUT_IDLE})

_BY_ERRNO = {
    errno.ECONNREFUSED: Kind.REFUSED,
    errno.ENOENT: Kind.REFUSED,  # a Unix socket that is not there
    errno.ECONNRESET: Kind.RESET,
    errno.EPIPE: Kind.RESET,
    errno.ECONNABORTED: Kind.RESET,
    errno.ETIMEDOUT: Kind.TIMEOUT_CONNECT,
    errno.EMFILE: Kind.NO_DESCRIPTORS,
    errno.ENFILE: Kind.NO_DESCRIPTORS,
    errno.EADDRNOTAVAIL: Kind.NO_PORTS,
}


class Failed(Exception):
    """Ends an exchange inside a client; never leaves it."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = bounded(text)


def from_os_error(error: OSError | ValueError) -> Failed:
    """The typed form of what a socket call raised; a ValueError is an address or a name that cannot be one."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return Failed(Kind.OTHER, f"not an address: {error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed(Kind.TLS, f"certificate not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return Failed(Kind.TLS, error.reason or str(error))
    if isinstance(error, socket.gaierror):
        return Failed(Kind.DNS, error.strerror or str(error))
    kind = _BY_ERRNO.get(error.errno or 0, Kind.OTHER)
    return Failed(kind, error.strerror or str(error) or type(error).__name__)


def bounded(text: str) -> str:
    """A text short enough to count by, on one line, printable, without credentials that a URL in it may carry."""
    text = re.sub(r"//[^/@\s]+@", "//***@", text[: 4 * LONGEST_TEXT])
    line = " ".join(text.split())
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
