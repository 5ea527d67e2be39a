"""How long and how large an exchange may become, and who is told of its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from loadstone.clients.failure import Failed, Kind
from loadstone.clock import SECOND


@dataclass(frozen=True, slots=True)
class Limits:
    """Time-outs in ns and the largest body in bytes.

    connect_ns:    name look-up, connect and TLS handshake, each address anew
    first_byte_ns: sent to the first byte of the response; a long upload is part of it
    total_ns:      sent to the last byte
    idle_ns:       silence inside a response, from one read to the next
    """

    connect_ns: int = 5 * SECOND
    first_byte_ns: int = 30 * SECOND
    total_ns: int = 60 * SECOND
    body: int = 64_000_000
    idle_ns: int = 60 * SECOND

    @property
    def patience_ns(self) -> int:
        """Sent to whatever must come first."""
        return min(self.first_byte_ns, self.total_ns)

    @property
    def look_ns(self) -> int:
        """How soon a limit can pass that was not known when it was last looked for one."""
        return min(self.patience_ns, self.idle_ns)

    def silent(self) -> Failed:
        """The failure when nothing came for too long inside a response."""
        return Failed(Kind.TIMEOUT_IDLE, f"nothing came for {self.idle_ns / SECOND:g} s inside the response")

    def passed(self, *, opening: bool, shaking: bool, begun: bool) -> Failed:
        """The failure when a limit has passed while opening (in the handshake or before), or before or after the first byte."""
        if opening:
            what = "no TLS handshake" if shaking else "no connection"
            return Failed(Kind.TIMEOUT_CONNECT, f"{what} within {self.connect_ns / SECOND:g} s")
        if begun or self.total_ns <= self.first_byte_ns:
            return Failed(Kind.TIMEOUT_TOTAL, f"response not complete within {self.total_ns / SECOND:g} s")
        return Failed(Kind.TIMEOUT_FIRST_BYTE, f"no response within {self.first_byte_ns / SECOND:g} s")


class Waiter(Protocol):
    """Who is told of the end of an exchange: the part of a future that a connection uses."""

    def done(self) -> bool:
        """Does nobody wait any more?"""

    def set_result(self, result: None, /) -> None:
        """The response is complete; its marks stand on the connection."""

    def set_exception(self, exception: Failed, /) -> None:
        """It failed."""
