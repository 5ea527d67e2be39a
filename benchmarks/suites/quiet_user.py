"""A user who thinks for 180 ms between requests: 400 of them ask a 20 ms server 2,000 times a second."""

import loadstone as ls


class QuietUser(ls.User):
    """One GET, then a pause."""

    think = ls.constant("180ms")

    @ls.task
    async def get(self) -> None:
        """One request."""
        await self.http.get("/")
