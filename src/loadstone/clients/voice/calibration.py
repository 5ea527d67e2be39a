"""How exact the caller is, here and now: three turns with an oracle that knows when it answered.

The oracle is a thread with a blocking socket of its own; neither the wire nor the timers of the worker are in it. It answers
a known time after the last voiced frame, and writes down how long that truly took: what the caller reads beside that is its error.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import socket
import statistics
import struct
import threading
from array import array
from types import TracebackType
from typing import NamedTuple, Self

from loadstone.clock import MILLISECOND, SECOND, now_ns

TURNS = 3
DELAY_NS = 150 * MILLISECOND
FRAME_S = 0.02
LOUD = 500
TONE_HZ, TONE_LEVEL = 440, 8_000
PATIENCE_S = 5.0
SPOKEN_S, ANSWERED_S = 0.12, 0.06
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Beep(NamedTuple):
    """A tone as an utterance; see mouth.Utterance."""

    pcm: bytes
    voiced: tuple[tuple[int, int], ...]
    text: str = ""


def beep(rate_hz: int, seconds: float = SPOKEN_S) -> Beep:
    """A tone that begins and ends sharply."""
    samples = round(rate_hz * seconds)
    sound = array("h", (round(TONE_LEVEL * math.cos(2 * math.pi * TONE_HZ * at / rate_hz)) for at in range(samples)))
    return Beep(sound.tobytes(), ((0, samples),))


def error_ms(gaps_ns: list[int], truths_ns: list[int]) -> float | None:
    """The middle one of the errors; None unless every turn was answered. One turn in three may be the scheduler's."""
    if len(gaps_ns) < TURNS or len(truths_ns) < TURNS:
        return None
    return statistics.median(abs(gap - truth) for gap, truth in zip(gaps_ns, truths_ns, strict=False)) / MILLISECOND


class CalibrationOracle:
    """Answers one call of raw PCM; in a `with` block it listens at `url`.

    truths_ns: last voiced frame received to first frame of the answer sent, for each turn
    """

    def __init__(self, rate_hz: int) -> None:
        self.truths_ns: list[int] = []
        self._frame = 2 * round(rate_hz * FRAME_S)
        self._answer = _frame(beep(rate_hz, ANSWERED_S).pcm)
        self._listening = socket.socket()
        self._thread = threading.Thread(target=self._serve, name="voice calibration", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(1)
        self._listening.settimeout(PATIENCE_S)
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            peer, _ = self._listening.accept()
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.settimeout(PATIENCE_S)
                self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        data = _shake_hands(peer)
        voiced = 0
        while True:
            data, loud = _take(data)
            now = now_ns()
            if loud:
                voiced = now
            if voiced and now >= voiced + DELAY_NS:
                sent = now_ns()
                peer.sendall(self._answer)
                self.truths_ns.append(sent - voiced)
                voiced = 0
            left = (voiced + DELAY_NS - now_ns()) / SECOND if voiced else PATIENCE_S
            peer.settimeout(max(left, 1e-4))
            try:
                more = peer.recv(65_536)
            except TimeoutError:
                if not voiced:
                    return
                continue
            if not more:
                return
            data += more


def _shake_hands(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(4_096)
        if not more:
            raise ConnectionError
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return rest


def _take(data: bytes) -> tuple[bytes, bool]:
    """What is left after the whole frames at its beginning, and whether any of them was loud. Our own frames: masked, binary, short."""
    loud = False
    while len(data) >= 8:
        size, start = data[1] & 0x7F, 6
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 8
        if len(data) < start + size:
            break
        if data[0] & 0x0F == 2:
            key = data[start - 4 : start] * (size // 4 + 1)
            sound = array(
                "h", (int.from_bytes(data[start : start + size], "big") ^ int.from_bytes(key[:size], "big")).to_bytes(size, "big")
            )
            loud = loud or (len(sound) > 0 and (max(sound) >= LOUD or min(sound) <= -LOUD))
        data = data[start + size :]
    return data, loud


def _frame(payload: bytes) -> bytes:
    return struct.pack(">BBH", 0x82, 126, len(payload)) + payload
