"""How much memory a service has: as it says itself, or as the system says of its process."""

from typing import Any

import psutil

import loadstone as ls


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process of this machine and its children, in MB; None when it is gone, or is not ours to read."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return float(sum(each.memory_info().rss for each in family)) / 1e6
    except psutil.Error:
        return None


async def told_mb(user: ls.User, url: str) -> float | None:
    """Resident memory as the service tells it at `/stats`, in MB; None when it does not."""
    reply: Any = await user.http.get(f"{url}/stats", name="stats")
    return reply.json()["rss_bytes"] / 1e6 if reply.ok else None


class Watcher(ls.User):
    """Reads the memory of the service: of its process where that is named, else of the reference backend's own words."""

    @ls.task
    async def read_memory(self) -> None:
        pid = self.settings.get("pid")
        used = resident_mb(pid) if pid else await told_mb(self, "")
        if used is not None:
            self.record("service.memory", used)
