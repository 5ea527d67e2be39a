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


def _context(settings: TlsSettings) -> ssl.SSLContext:
    name = settings.ca_file
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.certificate:
            name = settings.certificate
            context.load_cert_chain(settings.certificate, settings.key or None, password=_no_password)
    except (OSError, ValueError) as error:
        what = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise UsageError(f"TLS file cannot be used: {what}", where=name, hint="a PEM file that exists and is readable") from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    # Without this OpenSSL would ask for one on the terminal, in a process that has none.
    raise ValueError("the key is encrypted")


class TlsContext:
    """One configuration, and the sessions to resume by host and port; raises UsageError for files that cannot be used."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self.sessions: dict[tuple[str, int], ssl.SSLSession] = {}
        # Reading the system's authorities takes longer than all the rest of a scenario's start; plain HTTP needs none of it.
        self._context = _context(settings) if settings.ca_file or settings.certificate else None

    def layer(self, host: str, port: int) -> TlsLayer:
        """A fresh connection's TLS state; raises ValueError for a name that cannot be one."""
        if self._context is None:
            self._context = _context(self.settings)
        return TlsLayer(self._context, self, host, port)


class TlsLayer:
    """Turns ciphertext into plaintext and back; raises ssl.SSLError."""

    def __init__(self, context: ssl.SSLContext, owner: TlsContext, host: str, port: int) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._owner, self._origin = owner, (host, port)
        self.closed = False
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=owner.settings.server_name or host,
            session=owner.sessions.get(self._origin),
        )

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

    def decrypt(self, data: bytes) -> bytes:
        """Bytes from the socket to plaintext; `closed` becomes True when the peer says good-bye (close_notify)."""
        self._incoming.write(data)
        parts = []
        while True:
            try:
                part = self._object.read(65_536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                self.closed = True
                break
            parts.append(part)
        return b"".join(parts)

    def pending_output(self) -> bytes:
        """What the protocol itself wants to send (key updates, alerts)."""
        return self._outgoing.read()

    def remember_session(self) -> None:
        """Keep the session for the next connection; TLS 1.3 sends it after the first response."""
        session = self._object.session
        if session is not None:
            self._owner.sessions[self._origin] = session
