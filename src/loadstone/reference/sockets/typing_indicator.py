"""The sign that somebody is writing: shown after a delay, kept alive, cleared, or expired when nobody keeps it alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadstone.reference.sockets.counts import SocketCounts
from loadstone.reference.sockets.switches import SocketSwitches
from loadstone.reference.timer import Timer


class TypingIndicator:
    """One user's in one room.

    tell:       called with ("on", why) and ("off", why); why is shown, kept_alive, message, error, stopped, left or expired
    self_alive: it keeps itself alive while it lasts, as an assistant's does; otherwise `begin` has to be called again
    """

    def __init__(
        self, timer: Timer, switches: SocketSwitches, tell: Callable[[str, str], None], counts: SocketCounts, *, self_alive: bool
    ) -> None:
        self._timer, self._switches, self._tell, self._counts, self._self_alive = timer, switches, tell, counts, self_alive
        self._alive_at = 0.0
        self._shown = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """It begins, or is kept alive by whoever writes."""
        self._alive_at = self._timer.now()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._last())
        elif self._shown and not self._self_alive:
            self._counts.typing_kept_alive += 1
            self._tell("on", "kept_alive")

    def clear(self, why: str) -> None:
        """It is over; one that was not shown yet never will be."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._shown:
            self._shown = False
            self._counts.typing_cleared += 1
            self._tell("off", why)

    async def _last(self) -> None:
        timer, switches = self._timer, self._switches
        begun = self._alive_at
        await timer.until(begun + switches.typing_delay)
        self._shown = True
        self._counts.typing_shown += 1
        self._tell("on", "shown")
        shown_at = self._alive_at = max(self._alive_at, begun + switches.typing_delay)
        beat = 1
        while True:
            dies_at = self._alive_at + switches.typing_expires
            next_at = shown_at + beat * switches.typing_keep_alive
            if self._self_alive and not switches.typing_stuck and next_at < dies_at:
                await timer.until(next_at)
                self._alive_at = next_at
                beat += 1
                self._counts.typing_kept_alive += 1
                self._tell("on", "kept_alive")
                continue
            await timer.until(dies_at)
            if self._alive_at + switches.typing_expires <= dies_at:
                break
        self._shown = False
        self._task = None
        self._counts.typing_expired += 1
        self._tell("off", "expired")
