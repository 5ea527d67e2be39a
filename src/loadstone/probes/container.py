"""The limits of the container that a process lives in: memory, CPU, and how often it was held back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loadstone.probes import procfs

NO_LIMIT = 1 << 60  # version 1 says "none" as a very large number


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cgroup allows and takes; None where there is no limit, or no word of it.

    cpu_percent:   100 is one core
    memory_bytes:  the tightest limit on the way up
    used_bytes:    what the cgroup with that limit has taken, page cache included: that is what the limit is about
    periods:       scheduling periods since its start, and in how many of them it was held back
    """

    memory_bytes: int | None = None
    used_bytes: int | None = None
    cpu_percent: float | None = None
    periods: tuple[int, int] | None = None


def limits_of(pid: int, proc: str, cgroups: str) -> Limits:
    """The limits on a process, of version 2 or version 1; raises OSError when it has ended."""
    paths = dict(_path(line) for line in procfs.read(f"{proc}/{pid}/cgroup").decode().splitlines() if line.count(":") >= 2)
    memory = _folders(cgroups, "memory", paths)
    cpu = _folders(cgroups, "cpu", paths)
    tightest = min(((limit, folder) for folder in memory if (limit := _memory(folder)) is not None), default=None, key=lambda pair: pair[0])
    quotas = [(quota, folder) for folder in cpu if (quota := _quota(folder)) is not None]
    least = min(quotas, default=None, key=lambda pair: pair[0])
    return Limits(
        memory_bytes=tightest[0] if tightest else None,
        used_bytes=_number(tightest[1], "memory.current", "memory.usage_in_bytes") if tightest else None,
        cpu_percent=least[0] if least else None,
        periods=_periods(least[1]) if least else None,
    )


def _path(line: str) -> tuple[str, str]:
    _, controllers, path = line.split(":", 2)
    return controllers, path


def _folders(cgroups: str, controller: str, paths: dict[str, str]) -> list[Path]:
    """From the cgroup of the process up to the root of what we can see: a limit of any of them holds."""
    found = []
    for controllers, path in paths.items():
        if not controllers:
            roots = [Path(cgroups), Path(cgroups, "unified")]
        elif controller in controllers.split(","):
            roots = [Path(cgroups, controller), Path(cgroups, controllers)]
        else:
            continue
        for root in roots:
            below = root / path.strip("/")
            found += [folder for folder in (below, *below.parents) if folder.is_relative_to(root) and folder.is_dir()]
    return found


def _memory(folder: Path) -> int | None:
    limit = _number(folder, "memory.max", "memory.limit_in_bytes")
    return limit if limit is not None and limit < NO_LIMIT else None


def _quota(folder: Path) -> float | None:
    """Percent of a core."""
    both = _text(folder, "cpu.max").split()
    if len(both) == 2 and both[0].isdigit():
        return 100 * int(both[0]) / int(both[1])
    quota, period = _text(folder, "cpu.cfs_quota_us"), _text(folder, "cpu.cfs_period_us")
    return 100 * int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(quota) and int(period) else None


def _periods(folder: Path) -> tuple[int, int] | None:
    fields = procfs.pairs(_text(folder, "cpu.stat").encode())
    return (fields["nr_periods"], fields.get("nr_throttled", 0)) if "nr_periods" in fields else None


def _number(folder: Path, *names: str) -> int | None:
    return next((int(text) for name in names if (text := _text(folder, name)).isdigit()), None)


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text().strip()
    except OSError:
        return ""
