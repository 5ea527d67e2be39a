"""Processes whose memory does something known: `python -m benchmarks.leaking NAME SECONDS`.

They write a line of JSON a reading, then what came back and what a trace saw. Each turn is a small piece of work every 50 ms; over
the whole time a leak takes 3 to 54 MB, spread evenly.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import random
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from loadstone.inside import Watcher

EVERY_S = 0.05
READ_EVERY = 20
READ_AGAIN_S = 0.5  # two readings in one moment say no more than one
LEAK_BYTES = 24e6
WARM_UP_BYTES = 20_000_000

kept: list[Any] = []


class Small:
    """An object of a few dozen bytes with a dict of its own."""

    def __init__(self, number: int) -> None:
        self.number, self.parts = number, [number, str(number)]


class Circle:
    """Points to itself."""

    def __init__(self) -> None:
        self.me, self.text = self, "x" * 200


def small_objects(turns: int) -> Iterator[None]:
    """About 300 bytes each."""
    yield from leaking(turns, lambda size: kept.extend(Small(each) for each in range(size // 300)))


def large_objects(turns: int) -> Iterator[None]:
    """Buffers of 20 kB."""
    yield from leaking(turns, lambda size: kept.extend(b"x" * 20_000 for _ in range(max(1, size // 20_000))))


def native(turns: int) -> Iterator[None]:
    """`malloc` without `free`; nothing of it is known to Python."""
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)

    def leak(size: int) -> None:
        for _ in range(size // 4000):
            ctypes.memset(malloc(4000), 1, 4000)

    yield from leaking(turns, leak)


def mapped(turns: int) -> Iterator[None]:
    """Mappings that are never closed."""

    def leak(size: int) -> None:
        area = mmap.mmap(-1, size)
        area.write(b"x" * size)
        kept.append(area)

    yield from leaking(turns, leak)


def descriptors(turns: int) -> Iterator[None]:
    """Files that are never closed, 200 in all."""
    for turn in range(turns):
        if turn % max(1, turns // 200) == 0:
            kept.append(os.open(os.devnull, os.O_RDONLY))
        yield


def threads(turns: int) -> Iterator[None]:
    """Threads that wait for ever, 40 in all."""
    for turn in range(turns):
        if turn % max(1, turns // 40) == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        yield


def cycles(turns: int) -> Iterator[None]:
    """Cycles while the collector is switched off."""
    gc.disable()
    yield from leaking(turns, lambda size: [Circle() for _ in range(size // 150)])


def fragmentation(turns: int) -> Iterator[None]:
    """More and more is allocated and given back again below a piece that stays: the heap's end cannot move."""
    malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
    malloc.restype, malloc.argtypes, free.argtypes = ctypes.c_void_p, (ctypes.c_size_t,), (ctypes.c_void_p,)
    ctypes.CDLL(None).mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD: the heap's end is not given back by itself
    for turn in range(turns):
        size = round(LEAK_BYTES * (turn + 1) / turns)
        pieces = [malloc(8000) for _ in range(size // 8000)] if turn % 10 == 0 else []
        for each in pieces:
            ctypes.memset(each, 1, 8000)
        for each in pieces:
            free(each)
        yield


def lru(turns: int) -> Iterator[None]:
    """A cache that is full after a third of the time, and from then on evicts."""
    cache: OrderedDict[int, Small] = OrderedDict()
    most, each_turn, number = int(LEAK_BYTES / 400), int(LEAK_BYTES / 400 / (turns / 3)), 0
    for _ in range(turns):
        for _ in range(each_turn):
            number += 1
            cache[number] = Small(number)
            if len(cache) > most:
                cache.popitem(last=False)
        yield


def churn(turns: int) -> Iterator[None]:
    """Much is made, and let go."""
    window: list[list[Small]] = []
    for turn in range(turns):
        window.append([Small(each) for each in range(random.randrange(200, 2000))])
        window = window[-10:]
        yield
        if turn % 50 == 0:
            window.clear()


def flat(turns: int) -> Iterator[None]:
    """The same work each time."""
    for _ in range(turns):
        sum(range(20_000))
        yield


def leaking(turns: int, leak: Callable[[int], object]) -> Iterator[None]:
    """The bytes of all turns, evenly."""
    for _ in range(turns):
        leak(max(4000, round(LEAK_BYTES / turns)))
        yield


SHAPES: dict[str, Callable[[int], Iterator[None]]] = {
    each.__name__: each
    for each in (small_objects, large_objects, native, mapped, descriptors, threads, cycles, fragmentation, lru, churn, flat)
}


def main() -> None:
    """Readings once a second; at the end one with what came back, and one with a trace of a sixth more of the same."""
    name, seconds = sys.argv[1], float(sys.argv[2])
    warm = bytearray(WARM_UP_BYTES)
    watcher, turns = Watcher(), round(seconds / EVERY_S)
    shape = SHAPES[name](turns + turns // 5)
    watcher.start()
    begun = due = time.monotonic()
    read = -READ_AGAIN_S
    for turn in range(turns):
        next(shape)
        at_s = time.monotonic() - begun
        if turn % READ_EVERY == 0 and at_s - read >= READ_AGAIN_S:
            read = at_s
            say({"at_s": at_s, **watcher.levels()})
        due = max(due + EVERY_S, time.monotonic())  # where a busy machine let nobody run for a while, no work is made up for
        time.sleep(max(0.0, due - time.monotonic()))
        if due - begun >= seconds:
            break
    say({"trim": watcher.trim()})  # before the trace, which leaves free memory behind
    watcher.trace()
    first = watcher.checkpoint()
    ends = time.monotonic() + seconds / 6  # a trace makes turns many times as long
    for _ in range(turns // 6):
        next(shape)
        if time.monotonic() > ends:
            break
    say({"first": first, "then": watcher.checkpoint()})
    watcher.untrace()
    del warm


def say(document: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
