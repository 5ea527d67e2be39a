"""How much memory a service has: as it says itself, or as the system says of its process."""

from collections.abc import Iterable
from typing import Any

import psutil

import loadstone as ls

LEAK_FROM_S = 50  # 48 seconds with a reading, and some to begin with


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
    """Reads the memory of the service: of its process where that is named, else of the reference backend's own words.

    One that watches a `part` also tells what the service has grown by since its first look.
    """

    @ls.task
    async def read_memory(self) -> None:
        pid = self.settings.get("pid")
        used = resident_mb(pid) if pid else await told_mb(self, "")
        if used is None:
            return
        if not (part := self.settings.get("part")):
            self.record("service.memory", used)
            return
        self.record("service.memory", used, {"part": part})
        self.record("service.growth", max(0.0, used - self.vars.setdefault("first", used)), {"part": part})


def watched(plan: list[ls.Scenario], part: ls.Scenario, duration: float, pid: int | None) -> None:
    """One more scenario beside a part, which looks at the memory twice a second while that goes on."""
    settings, users = {"pid": pid, "part": part.name}, ls.constant_users(1, duration)
    beside = ls.Scenario(f"memory of {part.name}", Watcher, users, after=part.tree.get("after"), settings=settings, think="500ms")
    plan.insert(plan.index(part), beside)


def leaks(parts: Iterable[str], duration: float, growth_mb: float) -> list[dict[str, str]]:
    """What a part may grow by, and from 50 s on whether it leaks."""
    found = []
    for part in parts:
        found.append({"gate": f"max(service.growth{{part={part}}}) < {growth_mb:g}MB", "requirement": "memory_stability"})
        if duration >= LEAK_FROM_S:
            found.append({"gate": f"leak(service.memory{{part={part}}}) = none", "requirement": "memory_stability"})
    return found
