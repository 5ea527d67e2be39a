"""Users who keep what was said: sessions that are made, filled, read and forgotten; and a process that is killed in the midst of it."""

import asyncio
import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.suites.voice.restarts import mortal, store_killed_in_the_midst

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
    """Writes, kills the backend while it writes, starts it again on the same data, and looks for everything that was acknowledged."""

    @ls.task
    async def restart(self) -> None:
        seconds, store = self.settings["seconds"], self.settings["store"]
        if store:
            acknowledged, lost = await asyncio.to_thread(store_killed_in_the_midst, store, seconds)
        else:
            settings = {key: self.settings[key] for key in ("forget", "command", "url")}
            acknowledged, lost = await asyncio.to_thread(killed_in_the_midst, seconds, **settings)
        self.check(acknowledged, "something was acknowledged before the kill")
        self.record("sessions.acknowledged", acknowledged)
        self.record("sessions.lost", lost)


def killed_in_the_midst(seconds: float, *, forget: bool = False, command: str = "", url: str = "") -> tuple[int, int]:
    """Messages acknowledged by a backend that dies while it is written to, and how many of them its successor does not have.

    forget:  a fault with known truth: the reference backend begins again with an empty file
    command: starts somebody else's backend, which then listens at `url`; the reference backend without it
    """
    ledger: dict[str, set[int]] = {}
    first = threading.Event()
    with mortal(forget=forget, command=command, url=url) as backend:
        backend.start()
        writers = [threading.Thread(target=write, args=(backend.url, ledger, first), daemon=True) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        while not first.wait(0.05) and any(writer.is_alive() for writer in writers):
            pass  # a slow backend is not killed before there is something that it may lose
        writers[0].join(seconds)  # nobody ends before the kill
        backend.kill()
        for writer in writers:
            writer.join(10)
        backend.stop()
        backend.start()
        return sum(map(len, ledger.values())), missing(backend.url, ledger)


def write(url: str, ledger: dict[str, set[int]], first: threading.Event) -> None:
    """Insert messages until the backend is gone; what it acknowledged goes into the ledger as it comes, and `first` tells of the first."""
    try:
        session = ask(url, "POST", SESSIONS, {})["id"]
        kept = ledger.setdefault(session, set())
        while True:
            reply = ask(url, "POST", f"{SESSIONS}/{session}/messages", {"text": TEXT})
            kept.update(reply[key] for key in ("in_reply_to", "id") if reply.get(key) is not None)
            if kept:
                first.set()
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
