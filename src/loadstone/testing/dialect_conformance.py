"""What every dialect of a voice protocol must do, as test classes: subclass one, say how an agent words sound, and pytest runs the rest.

class TestMyDialect(DialectConformance):
    def make(self):
        return MyDialect(16_000)

    def agent_audio(self, dialect, pcm):
        return pcm
"""

from __future__ import annotations

import json
import random
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, get_args

from loadstone.clients.voice.dialect import FRAME_MS, MESSAGE_MOST_BYTES, RATES_HZ, Audio, Dialect, Heard, Payload, StreamDialect, Wrong

KINDS: tuple[type, ...] = get_args(Heard)
ODD_VALUES: tuple[Any, ...] = (None, True, -1, 1e300, "", "x", "\ud800", [], {}, [[]], {"type": {}}, "A" * 9)


def frame(rate_hz: int, level: int = 8_000) -> bytes:
    """Twenty milliseconds of a square wave, whose samples any encoding keeps nearly as they are."""
    half = [level, -level] * (rate_hz * FRAME_MS // 2_000)
    return b"".join(each.to_bytes(2, "little", signed=True) for each in half)


class _Conformance:
    """What both kinds share.

    error: how far a sample may be from what the agent said, as a share of it
    """

    error = 0.0

    def check_said(self, dialect: Dialect | StreamDialect) -> None:
        """Everything that a caller may say."""
        assert dialect.rate_hz in RATES_HZ, f"{dialect.rate_hz} Hz is no rate of a call"
        sound = frame(dialect.rate_hz)
        for said in (dialect.hello(), *(dialect.speak(sound) for _ in range(3)), dialect.speak(b"\0\0"), dialect.speak(b"")):
            assert all(isinstance(each, str | bytes) for each in said), "a payload is a text or bytes"
        for said in (dialect.played("m"), dialect.interrupted(0), dialect.interrupted(1_000), dialect.bye()):
            assert all(isinstance(each, str | bytes) for each in said), "a payload is a text or bytes"
        assert dialect.speak(sound), "a frame must be sent"

    def check_heard(self, heard: list[Heard], pcm: bytes) -> None:
        """The agent's sound, sample by sample."""
        came = b"".join(each.pcm for each in heard if isinstance(each, Audio))
        assert len(came) == len(pcm), f"{len(came)} bytes came of {len(pcm)}"
        for at in range(0, len(pcm), 2):
            sent, got = (int.from_bytes(each[at : at + 2], "little", signed=True) for each in (pcm, came))
            assert abs(got - sent) <= self.error * abs(sent) + (4 if self.error else 0), f"sample {at // 2} is {got}, not {sent}"
        assert not [each for each in heard if isinstance(each, Wrong)], "sound as it should be is nothing wrong"


class DialectConformance(_Conformance):
    """A dialect over messages: says what a caller must say, hears the agent's sound as it was, and never raises."""

    @abstractmethod
    def make(self) -> Dialect:
        """A dialect for one call."""

    @abstractmethod
    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:
        """The message in which an agent sends this sound to that call."""

    def test_everything_a_caller_says_is_text_or_bytes(self) -> None:
        """Also before the connection's first message, and for frames of no or odd length."""
        self.check_said(self.make())

    def test_the_agents_sound_is_heard_as_it_was(self) -> None:
        """Exactly, or within the error of the encoding."""
        dialect = self.make()
        for level in (0, 100, 8_000, 32_000):
            pcm = frame(dialect.rate_hz, level)
            self.check_heard(dialect.read(self.agent_audio(dialect, pcm)), pcm)

    def test_garbage_is_told_and_never_raised(self) -> None:
        """Bytes and texts of all kinds, and real messages with a part broken; and the next good one is heard."""
        dialect = self.make()
        pcm = frame(dialect.rate_hz)
        good = self.agent_audio(dialect, pcm)
        for payload in garbage(good):
            heard = dialect.read(payload)
            assert all(isinstance(each, KINDS) for each in heard), f"{payload[:80]!r} was heard as {heard!r}"
        self.check_heard(dialect.read(good), pcm)

    def test_a_message_that_is_too_large_is_not_looked_at(self) -> None:
        """Memory is bounded, whatever an agent sends."""
        for payload in ("[" * (MESSAGE_MOST_BYTES + 1), bytes(MESSAGE_MOST_BYTES + 1)):
            heard = self.make().read(payload)
            assert [each.kind for each in heard if isinstance(each, Wrong)] == ["too_large"], "one Wrong of kind too_large is due"


class StreamDialectConformance(_Conformance):
    """A dialect over a stream of bytes: the same, however the stream is cut into pieces."""

    @abstractmethod
    def make(self) -> StreamDialect:
        """A dialect for one call."""

    @abstractmethod
    def agent_audio(self, dialect: StreamDialect, pcm: bytes) -> bytes:
        """The bytes in which an agent sends this sound to that call."""

    def test_everything_a_caller_says_is_bytes(self) -> None:
        """See DialectConformance."""
        self.check_said(self.make())

    def test_the_agents_sound_is_heard_as_it_was_however_it_is_cut(self) -> None:
        """Byte by byte, in odd pieces, and all at once."""
        for step in (1, 7, 100, 1 << 20):
            dialect = self.make()
            pcm = frame(dialect.rate_hz) * 3
            sent = self.agent_audio(dialect, pcm)
            heard = [each for at in range(0, len(sent), step) for each in dialect.feed(sent[at : at + step])]
            self.check_heard(heard, pcm)

    def test_garbage_is_told_and_never_raised(self) -> None:
        """See DialectConformance; each kind on a connection of its own, since borders may be lost."""
        good = self.agent_audio(self.make(), frame(self.make().rate_hz))
        for payload in garbage(good):
            dialect = self.make()
            data = payload if isinstance(payload, bytes) else payload.encode("utf-8", "replace")
            heard = [*dialect.feed(data), *dialect.feed(b"\n"), *dialect.feed(data)]
            assert all(isinstance(each, KINDS) for each in heard), f"{data[:80]!r} was heard as {heard!r}"

    def test_a_line_without_an_end_is_not_kept(self) -> None:
        """Memory is bounded, whatever an agent sends."""
        dialect = self.make()
        heard = [each for _ in range(100) for each in dialect.feed(bytes([120]) * (1 << 20))]
        assert [each.kind for each in heard if isinstance(each, Wrong)] == ["too_large"], "one Wrong of kind too_large is due"


def garbage(good: Payload, seed: int = 1) -> Iterator[Payload]:
    """What no agent should send: noise, half and broken messages, JSON of other shapes."""
    rng = random.Random(seed)
    yield from ("", b"", "\0", "null", "[]", '"text"', "1", "{", "[" * 50_000, '{"type":' * 20_000, "\ud800", "1" * 5_000, b"\xff" * 3)
    for size in (1, 3, 7, 639, 641):
        yield rng.randbytes(size)
        yield rng.randbytes(size).decode("latin-1")
    for cut in range(1, min(len(good), 200)):
        yield good[:cut]
    if isinstance(good, str):
        yield from broken(json.loads(good))


def broken(event: Any) -> Iterator[str]:
    """An event in which one value is another."""
    for key, value in event.items() if isinstance(event, dict) else ():
        for odd in ODD_VALUES:
            yield json.dumps({**event, key: odd})
        yield json.dumps({other: each for other, each in event.items() if other != key})
        for inner in broken(value):
            yield json.dumps({**event, key: json.loads(inner)})
