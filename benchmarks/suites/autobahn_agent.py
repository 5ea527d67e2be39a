"""Our client in the Autobahn test suite: it sends every message of every case back, as an agent must."""

import loadstone as ls

AGENT = "loadstone"


class Agent(ls.User):
    """One user who goes through all cases and then has the report written."""

    done = False

    @ls.task
    async def all_cases(self) -> None:
        """One connection a case; how it must end is for the server to judge."""
        if self.done:
            await self.sleep("1s")
            return
        websockets = self.client("websocket")
        async with websockets.connect("/getCaseCount", name="count") as websocket:
            cases = int((await websocket.receive()).text)
        for case in range(1, cases + 1):
            async with websockets.connect(f"/runCase?case={case}&agent={AGENT}", name="case") as websocket:
                async for message in websocket:
                    await websocket.send(message.payload)
        async with websockets.connect(f"/updateReports?agent={AGENT}", name="report") as websocket:
            await websocket.receive()
        self.done = True
