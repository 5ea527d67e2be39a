"""A user that connects with one request and then keeps its connection without using it."""

import loadstone as ls


class IdleUser(ls.User):
    """Connected, and silent."""

    @ls.task
    async def stay(self) -> None:
        """One request, then an hour of silence."""
        await self.http.get("/")
        await self.sleep("1h")
