"""A server that does exactly what it is told, byte by byte, over real sockets: for tests of clients.

    with ScriptedServer([answer(response(b"hello"))]) as server:
        ...  # speak to server.url

Each connection follows a script of steps, and its end closes the connection. The n-th connection follows the n-th script,
all later ones the last. Everything runs in threads, so that a test may block its own event loop.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

ENDS_WITHIN_S = 10.0
END_OF_HEAD = b"\r\n\r\n"


class HungUp(Exception):
    """The client closed the connection; ends its script."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: ScriptedServer, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self._rest = b""

    def read(self, size: int) -> bytes:
        """That many bytes; raises HungUp."""
        while len(self._rest) < size:
            self._more()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def read_request(self) -> bytes:
        """Head and body (by content-length) of the next request; raises HungUp."""
        while END_OF_HEAD not in self._rest:
            self._more()
        head = self._rest[: self._rest.index(END_OF_HEAD) + len(END_OF_HEAD)]
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = len(head) + (int(lengths[0].partition(b":")[2]) if lengths else 0)
        request = self.read(size)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        """All of it; raises HungUp."""
        try:
            self.sock.sendall(data)
        except OSError:
            raise HungUp from None

    def _more(self) -> None:
        try:
            data = self.sock.recv(65_536)
        except OSError:
            data = b""
        if not data:
            raise HungUp
        self._rest += data


Step = Callable[[Peer], None]
Script = Sequence[Step]


class ScriptedServer:
    """Listens on a free loopback port, or on a Unix socket, for as long as the `with` lasts.

    tls:         speaks TLS with this context
    unix:        path of the Unix socket
    backlog:     connections that may wait to be accepted
    accepting:   False lets all of them wait for ever
    requests:    every request that was read, in order
    connections: how many were accepted
    mistakes:    what went wrong inside scripts and handshakes, hang-ups of clients apart
    """

    def __init__(
        self,
        *scripts: Script,
        tls: ssl.SSLContext | None = None,
        unix: str = "",
        host: str = "127.0.0.1",
        backlog: int = 1_024,
        accepting: bool = True,
    ) -> None:
        self._scripts, self._tls, self._unix, self._host = scripts or ((),), tls, unix, host
        self._backlog, self._accepting = backlog, accepting
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self.requests: list[bytes] = []
        self.clients: list[object] = []
        self.mistakes: list[BaseException] = []
        self.connections = self.port = 0

    @property
    def url(self) -> str:
        """Where it listens; for a Unix socket any host will do."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port or 80}"

    def __enter__(self) -> Self:
        family = socket.AF_UNIX if self._unix else socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = self._listener = socket.socket(family)
        listener.bind(self._unix or (self._host, 0))
        listener.listen(self._backlog)
        if not self._unix:
            self.port = listener.getsockname()[1]
        if self._accepting:
            self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(ENDS_WITHIN_S)
        self._listener.close()

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            self.clients.append(address)
            with self._lock:
                self._open.add(sock)
            self._start(lambda sock=sock, number=number: self._serve(sock, number))  # type: ignore[misc]

    def _serve(self, sock: socket.socket, number: int) -> None:
        plain = sock
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(plain)
                    self._open.add(sock)
            peer = Peer(self, sock, number)
            for step in self._scripts[min(number, len(self._scripts) - 1)]:
                step(peer)
        except HungUp:
            pass
        except Exception as error:  # noqa: BLE001  a test looks at it; a thread has nobody to raise to
            self.mistakes.append(error)
        finally:
            with self._lock:
                self._open -= {plain, sock}
            sock.close()
            plain.close()


# -- steps ----------------------------------------------------------------------------------------------------------------


def read(size: int = 0) -> Step:
    """Read a whole request, or just so many bytes."""

    def step(peer: Peer) -> None:
        peer.read(size) if size else peer.read_request()

    return step


def send(data: bytes) -> Step:
    """Send these bytes at once."""
    return lambda peer: peer.send(data)


def trickle(data: bytes, size: int = 1) -> Step:
    """Send these bytes in pieces, each in a segment of its own."""

    def step(peer: Peer) -> None:
        if peer.sock.family != socket.AF_UNIX:
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            peer.send(data[at : at + size])

    return step


def answer(*data: bytes) -> Step:
    """Read a request and send the response: again and again until the client hangs up, when there are several one after another."""

    def step(peer: Peer) -> None:
        for each in data:
            peer.read_request()
            peer.send(each)

    return step


def always(*steps: Step) -> Step:
    """Do these steps until the client hangs up."""

    def step(peer: Peer) -> None:
        while True:
            for each in steps:
                each(peer)

    return step


def wait(event: threading.Event) -> Step:
    """Go on when the test says so."""

    def step(peer: Peer) -> None:
        while not event.wait(0.01):
            if peer.server.stopping.is_set():
                raise HungUp

    return step


def tell(event: threading.Event) -> Step:
    """Say to the test that the script has come to here."""
    return lambda _peer: event.set()


def hold() -> Step:
    """Never answer: keep the connection until the client or the test gives up."""

    def step(peer: Peer) -> None:
        while True:
            peer.read(1)

    return step


def reset() -> Step:
    """End the connection with a reset (SO_LINGER of 0)."""

    def step(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()

    return step


def good_bye() -> Step:
    """Say close_notify, as TLS wants it before a close."""

    def step(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket), "only a TLS server says good-bye"
        with contextlib.suppress(OSError):
            peer.sock.unwrap()

    return step


# -- bytes ----------------------------------------------------------------------------------------------------------------


def response(body: bytes = b"", *headers: str, status: int = 200, reason: str = "OK") -> bytes:
    """A response with a content-length."""
    lines = [f"HTTP/1.1 {status} {reason}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + END_OF_HEAD + body


def chunked(*chunks: bytes, headers: Sequence[str] = (), status: int = 200) -> bytes:
    """A response in chunks."""
    lines = [f"HTTP/1.1 {status} OK", *headers, "Transfer-Encoding: chunked"]
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return "\r\n".join(lines).encode("latin-1") + END_OF_HEAD + b"".join(parts) + b"0\r\n\r\n"
