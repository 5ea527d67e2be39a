"""TLS over bytes: the record layer between our own socket reads and the HTTP parser, so that kernel stamps stay usable."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from loadstone.errors import UsageError


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to trust and be trusted.

    ca_file:     PEM file of the authorities to trust instead of the system's
    server_name: name to send (SNI) and to check instead of the host's
    certificate: PEM file with the client's own certificate, and its key when `key` is empty
    """

    verify: bool = True
    ca_file: str = ""
    server_name: str = ""
    certificate: str = ""
    key: str = ""


class TlsContext:
    """One configuration, the sessions to resume by server name."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self.sessions: dict[tuple[str, int], ssl.SSLSession] = {}
        try:
            context = ssl.create_default_context(cafile=settings.ca_file or None)
            if settings.certificate:
                context.load_cert_chain(settings.certificate, settings.key or None)
        except (OSError, ssl.SSLError) as error:
            name = settings.ca_file or settings.certificate
            raise UsageError(f"TLS file cannot be used: {error}", where=name, hint="a PEM file that exists and is readable") from error
        if not settings.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        self._context = context

    def layer(self, host: str, port: int) -> TlsLayer:
        """A fresh connection's TLS state."""
        return TlsLayer(self._context, self, host, port)


class TlsLayer:
    """Turns ciphertext into plaintext and back; raises ssl.SSLError."""

    def __init__(self, context: ssl.SSLContext, owner: TlsContext, host: str, port: int) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._owner, self._origin = owner, (host, port)
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=owner.settings.server_name or host,
            session=owner.sessions.get(self._origin),
        )

    @property
    def reused(self) -> bool:
        """Was the session resumed?"""
        return bool(self._object.session_reused)

    def handshake(self, data: bytes) -> tuple[bool, bytes]:
        """Feed what came; answers (finished, bytes to send)."""
        if data:
            self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._outgoing.read()
        return True, self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Plaintext to bytes for the socket."""
        self._object.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """Bytes from the socket to (plaintext, has the peer said good-bye)."""
        if data:
            self._incoming.write(data)
        parts = []
        closed = False
        while True:
            try:
                part = self._object.read(65_536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                closed = True
                break
            if not part:
                closed = True
                break
            parts.append(part)
        return b"".join(parts), closed

    def pending_output(self) -> bytes:
        """What the protocol itself wants to send (key updates, alerts)."""
        return self._outgoing.read()

    def remember_session(self) -> None:
        """Keep the session for the next connection; TLS 1.3 sends it after the first response."""
        session = self._object.session
        if session is not None:
            self._owner.sessions[self._origin] = session
