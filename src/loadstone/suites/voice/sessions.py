"""Users who keep what was said: sessions that are made, filled, read and forgotten; and a process that is killed in the midst of it."""

import asyncio
import http.client
import json
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.reference.process import ReferenceProcess

TEXT = "The caller said this, and wants it to be there after the next restart."
METRICS = {
    "sessions.acknowledged": {
        "kind": "count",
        "better": "higher",
        "meaning": "messages that the backend said it keeps before it was killed",
    },
    "sessions.lost": {
        "kind": "count",
        "better": "lower",
        "share_of": "sessions.acknowledged",
        "meaning": "those that were not there after the restart",
    },
}
SESSIONS, WRITERS = "/api/chat/sessions", 4


class Keeper(ls.User):
    """Makes a session, says a few things, reads them back, and forgets it."""

    @ls.task
    async def converse(self) -> None:
        reply = await self.http.post(SESSIONS, json={"user": f"caller {self.index}"}, name="create session")
        if not reply.ok:
            return
        place = f"{SESSIONS}/{reply.json()['id']}"
        sent = 0
        for _ in range(self.settings["messages"]):
            said = await self.http.post(f"{place}/messages", json={"text": TEXT}, name="insert message")
            sent += said.ok
        found = await self.http.get(f"{place}/messages?limit=10000", name="query session")
        if found.ok:
            self.check(len(found.json()["messages"]) >= 2 * sent, "every message is there")
        await self.http.delete(place, name="delete session")


class Restarting(ls.User):
    """Writes, kills the backend while it writes, starts it again on the same file, and looks for everything that was acknowledged."""

    @ls.task
    async def restart(self) -> None:
        acknowledged, lost = await asyncio.to_thread(killed_in_the_midst, self.settings["seconds"], forget=self.settings["forget"])
        self.check(acknowledged, "something was acknowledged before the kill")
        self.record("sessions.acknowledged", acknowledged)
        self.record("sessions.lost", lost)


def killed_in_the_midst(seconds: float, *, forget: bool = False) -> tuple[int, int]:
    """Messages acknowledged by a backend that dies while it is written to, and how many of them its successor does not have.

    forget: a fault with known truth: the successor begins with an empty file
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "sessions.db")
        ledger: dict[str, set[int]] = {}
        first = ReferenceProcess("--database", database)
        try:
            first.start()
            writers = [threading.Thread(target=write, args=(first.url, ledger), daemon=True) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            writers[0].join(seconds)  # nobody ends before the kill
            os.kill(first.pid, signal.SIGKILL)
            for writer in writers:
                writer.join(10)
        finally:
            first.stop()
        with ReferenceProcess("--database", Path(folder, "empty.db") if forget else database) as second:
            return sum(map(len, ledger.values())), missing(second.url, ledger)


def write(url: str, ledger: dict[str, set[int]]) -> None:
    """Insert messages until the backend is gone; what it acknowledged goes into the ledger as it comes."""
    try:
        session = ask(url, "POST", SESSIONS, {})["id"]
        kept = ledger.setdefault(session, set())
        while True:
            reply = ask(url, "POST", f"{SESSIONS}/{session}/messages", {"text": TEXT})
            kept.update((reply["in_reply_to"], reply["id"]))
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return


def missing(url: str, ledger: dict[str, set[int]]) -> int:
    """How many of the ledger's messages a backend does not have."""
    lost = 0
    for session, kept in ledger.items():
        found: set[int] = set()
        after: int | None = 0
        while after is not None:
            page = ask(url, "GET", f"{SESSIONS}/{session}/messages?limit=10000&after={after}")
            found |= {message["id"] for message in page.get("messages", ())}
            after = page.get("next")
        lost += len(kept - found)
    return lost


def ask(url: str, method: str, path: str, body: object = None) -> Any:
    """One request on a connection of its own, and the JSON of its answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
