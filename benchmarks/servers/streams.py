"""The two servers of the streams: tokens on an exact schedule, and WebSocket messages sent back."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.processes import Failed, Server, free_port, server
from benchmarks.servers import compiled


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an answer's tokens come.

    per_chunk: tokens that share one event
    role:      a first event without a token, at once
    reasoning: tokens of reasoning before the visible ones
    freeze_ms: a silence before the token `freeze_at`, counted from 0
    errors:    share of answers with status 500, 0 to 1
    usage:     an event without a choice at the end, which counts the tokens
    """

    ttft_ms: float = 50.0
    gap_ms: float = 10.0
    tokens: int = 64
    per_chunk: int = 1
    role: bool = False
    reasoning: int = 0
    freeze_ms: float = 0.0
    freeze_at: int = 32
    errors: float = 0.0
    usage: bool = True

    @property
    def arguments(self) -> list[str]:
        """As the server reads them."""
        return [
            f"ttft_us={self.ttft_ms * 1000:.0f}",
            f"gap_us={self.gap_ms * 1000:.0f}",
            f"tokens={self.tokens}",
            f"per_chunk={self.per_chunk}",
            f"role={int(self.role)}",
            f"reasoning={self.reasoning}",
            f"freeze_us={self.freeze_ms * 1000:.0f}",
            f"freeze_at={self.freeze_at}",
            f"errors={self.errors * 1000:.0f}",
            f"usage={int(self.usage)}",
        ]

    @property
    def last_token_ms(self) -> float:
        """From the request to the last event, which is the end of the answer."""
        all_tokens = self.reasoning + self.tokens
        in_last = (self.tokens - 1) % self.per_chunk + 1
        return self.ttft_ms + (all_tokens - in_last) * self.gap_ms + self.freeze_ms

    def possible_per_s(self, streams: int) -> float:
        """Answers per second when each stream asks again at the very moment its answer ends."""
        return streams / (self.last_token_ms / 1000)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the server really did, by its own clock; times in milliseconds."""

    answers: int
    failures: int
    events: int
    cpu_s: float
    span_s: float
    late_p50: float
    late_p99: float
    ttft_p50: float
    ttft_p99: float
    gap_p50: float
    gap_p99: float


def truth_of(said: str) -> Truth:
    """Read the server's line of JSON."""
    try:
        values = json.loads(said.strip().splitlines()[-1])
        times = {name: values[f"{name}_us"] / 1000 for name in ("late_p50", "late_p99", "ttft_p50", "ttft_p99", "gap_p50", "gap_p99")}
        return Truth(values["answers"], values["failures"], values["events"], values["cpu_s"], values["span_s"], **times)
    except (ValueError, KeyError, IndexError):
        raise Failed(f"the server of tokens did not say what it did: {said[-200:]!r}") from None


@dataclass(slots=True)
class Tokens:
    """A server of tokens; after its end, what it really did."""

    url: str
    running: Server

    @property
    def truth(self) -> Truth:
        """Only after the block: the server says it with its last breath."""
        return truth_of(self.running.said)

    def truth_so_far(self) -> Truth:
        """While it runs."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as answer:  # noqa: S310  our own server
            return truth_of(answer.read().decode())


@contextlib.contextmanager
def tokens(schedule: Schedule) -> Iterator[Tokens]:
    """A server whose tokens come on that schedule; its URL has no path."""
    program, port = compiled("tokens"), free_port()
    with server([str(program), str(port), *schedule.arguments], port) as running:
        yield Tokens(f"http://127.0.0.1:{port}", running)


@dataclass(slots=True)
class Echo:
    """A WebSocket server that sends every message back; after its end, how many."""

    url: str
    running: Server

    @property
    def messages(self) -> int:
        """Only after the block."""
        try:
            return int(json.loads(self.running.said.strip().splitlines()[-1])["messages"])
        except (ValueError, KeyError, IndexError):
            raise Failed(f"the echo server did not say what it did: {self.running.said[-200:]!r}") from None


@contextlib.contextmanager
def echo() -> Iterator[Echo]:
    """An echo server with a `ws://` URL."""
    program, port = compiled("ws_echo"), free_port()
    with server([str(program), str(port)], port) as running:
        yield Echo(f"ws://127.0.0.1:{port}/", running)
