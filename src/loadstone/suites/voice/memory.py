"""What the target of sessions and calls holds while they go on: the memory of its process and of its children, twice a second."""

from urllib.parse import urlsplit

import psutil

import loadstone as ls
from loadstone.probes.probe import NoReading
from loadstone.probes.process_choice import CGROUPS, Choice

METRICS = {
    "service.memory": {
        "unit": "MB",
        "kind": "gauge",
        "better": "lower",
        "meaning": "resident memory of the target's process and its children; tag part: what went on",
    }
}
EVERY = "500ms"
GROWTH_FROM_S, LEAK_FROM_S = 22, 50  # of a part: growth is told from 20 seconds on that have a reading, a leak from 48 on
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def unreadable(url: str | None) -> str:
    """Why the memory behind a URL cannot be read from here; empty when it can. No URL is the reference backend."""
    if url is None:
        return ""
    address = urlsplit(url)
    return "" if address.hostname in LOCAL and address.port else f"the memory of {address.hostname} cannot be read from this machine"


class Watcher(ls.User):
    """Reads it; of the reference backend, which names its process itself, and of whoever listens at a port of this machine."""

    @ls.task
    async def look(self) -> None:
        if not (pids := self.vars.get("pids")):
            pids = self.vars["pids"] = await self.found()
        used = resident_mb(pids)
        if used is not None:
            self.record("service.memory", used, {"part": self.settings["part"]})

    async def found(self) -> set[int]:
        """The processes with which the target begins."""
        port = self.settings["port"]
        if not port:
            reply = await self.http.get("/stats", name="stats")
            return {reply.json()["pid"]} if reply.ok else set()
        try:
            return Choice.read(f"port:{port}").find("/proc", CGROUPS)
        except NoReading:
            return set()


def resident_mb(pids: set[int]) -> float | None:
    """In MB; None when one of them is gone or not ours to read: less is not what it holds."""
    total = 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            total += process.memory_info().rss
            children = process.children(recursive=True)
        except psutil.Error:
            return None
        for child in children:
            try:
                total += child.memory_info().rss
            except psutil.Error:
                continue  # it ended while the others were read
    return total / 1e6 if total else None
