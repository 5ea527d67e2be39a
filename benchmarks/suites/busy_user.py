"""A user whose own code keeps the generator's core busy: the service time must not show it."""

import time

import loadstone as ls

BURN_S = 0.0002


class BusyUser(ls.User):
    """One GET, then a fifth of a millisecond of computing."""

    @ls.task
    async def get(self) -> None:
        """One request and some work on the answer."""
        await self.http.get("/")
        until = time.perf_counter() + BURN_S
        while time.perf_counter() < until:
            pass
