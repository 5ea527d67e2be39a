"""Our side of the scripted benchmark: one GET per task, no waiting."""

import loadstone as ls


class OneGet(ls.User):
    """A user that asks again as soon as it is answered."""

    @ls.task
    async def get(self) -> None:
        """One request."""
        await self.http.get("/")
