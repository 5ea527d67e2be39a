"""A user that opens a WebSocket and then keeps it without using it."""

import loadstone as ls


class IdleWebSocket(ls.User):
    """Connected, and silent."""

    @ls.task
    async def stay(self) -> None:
        """A connection, then an hour of silence."""
        async with self.client("websocket").connect("/"):
            await self.sleep("1h")
