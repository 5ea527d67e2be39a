"""One page over HTTP with a deadline for all of it and a limit of size: for endpoints that are read beside the load.

The clients that make the load are built to time exchanges; this one is built to never be in the way.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from loadstone.clock import SECOND, now_ns
from loadstone.probes.probe import NoReading

READ = 65_536
END_OF_HEAD = b"\r\n\r\n"


class _Received:
    """A socket that has already said everything; what HTTPResponse reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


class Page:
    """An address to get again and again; each time on a new connection, so that no idle one is left to the target."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_s: float,
        most_bytes: int,
        verify: bool = True,
        ca: str | None = None,
        clock: Callable[[], int] = now_ns,
        method: str = "GET",
    ) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._timeout_ns, self._most_bytes, self._clock = round(timeout_s * SECOND), most_bytes, clock
        self._context = _context(verify=verify, ca=ca) if self._tls else None
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        fields = {"Host": parts.netloc, "User-Agent": "loadstone", "Connection": "close", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        self._request = f"{method} {path} HTTP/1.1\r\n{head}{length}\r\n".encode()
        self._open: socket.socket | None = None

    def get(self) -> str:
        """The body of a 200; raises NoReading for everything else."""
        deadline_ns = self._clock() + self._timeout_ns
        try:
            with contextlib.closing(self._connect(deadline_ns)) as sock:
                sock.sendall(self._request)
                raw = self._receive(sock, deadline_ns)
        except TimeoutError:
            raise NoReading("timeout", f"no whole answer within {self._timeout_ns / SECOND:g} s") from None
        except ConnectionRefusedError:
            raise NoReading("refused", f"nothing listens on port {self._port}") from None
        except socket.gaierror:
            raise NoReading("dns", f"{self._host} has no address") from None
        except ssl.SSLError as error:
            raise NoReading("tls", error.reason or "TLS failed") from None
        except OSError as error:
            raise NoReading("reset", error.strerror or type(error).__name__) from None
        finally:
            self._open = None
        return _body(raw)

    def give_up(self) -> None:
        """End a `get` that another thread is in."""
        sock = self._open
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _connect(self, deadline_ns: int) -> socket.socket:
        sock = socket.create_connection((self._host, self._port), timeout=self._left_s(deadline_ns))
        if self._context is not None:
            try:
                sock.settimeout(self._left_s(deadline_ns))
                sock = self._context.wrap_socket(sock, server_hostname=self._host)
            except BaseException:
                sock.close()
                raise
        self._open = sock
        return sock

    def _receive(self, sock: socket.socket, deadline_ns: int) -> bytes:
        """Everything until the end of the connection, or of the body where its length is told."""
        data, whole = bytearray(), None
        while whole is None or len(data) < whole:
            sock.settimeout(self._left_s(deadline_ns))
            piece = sock.recv(READ)
            if not piece:
                break
            data += piece
            if len(data) > self._most_bytes:
                raise NoReading("too_large", f"more than {self._most_bytes} bytes")
            if whole is None and (end := data.find(END_OF_HEAD)) >= 0:
                length = _told_length(bytes(data[:end]))
                whole = end + len(END_OF_HEAD) + length if length is not None else 1 << 62
        return bytes(data)

    def _left_s(self, deadline_ns: int) -> float:
        left_ns = deadline_ns - self._clock()
        if left_ns <= 0:
            raise TimeoutError
        return left_ns / SECOND


def _context(*, verify: bool, ca: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise NoReading("tls", f"the certificate file cannot be used: {error}") from None
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _told_length(head: bytes) -> int | None:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _body(raw: bytes) -> str:
    response = HTTPResponse(_Received(raw))  # type: ignore[arg-type]  # all that it asks of a socket is makefile()
    try:
        response.begin()
        body = response.read()
    except (HTTPException, ValueError) as error:
        raise NoReading("malformed", f"not a whole HTTP response ({type(error).__name__})") from None
    if response.status != 200:
        raise NoReading("status", f"status {response.status}")
    return body.decode("utf-8", "replace")
