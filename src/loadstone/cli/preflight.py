"""What would spoil a run on this machine, found before it: room for its files, descriptors and ports for its users.

Whether the target answers is asked by `loadstone.run`, and suites and plug-ins that lack a package are told as they are loaded.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from loadstone.errors import UsageError
from loadstone.units import format_count, format_rate, format_size

if TYPE_CHECKING:
    from loadstone.plan.model import Plan

LEAST_FREE_BYTES = 10_000_000  # an hour of a suite with a few steps
SPARE_DESCRIPTORS = 64
MOST_RATE_PER_S = 200_000  # twice what a worker can send at best, at 10 us of processor time a request


def check_room(folder: Path | None) -> None:
    """Raises UsageError when the folder of --out can take next to nothing, or nothing at all."""
    if folder is None:
        return
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        what = f"only {format_size(free)} are free there, and a run keeps a few kB for each second"
        raise UsageError(what, where=f"--out {folder}", hint="another folder, or leave --out away")
    _check_writable(folder, f"--out {folder}")


def check_place(file: Path, where: str) -> None:
    """Raises UsageError when a report could not be put there after the run; a pipe or a device is nobody's place."""
    if file.is_dir():
        raise UsageError("is a folder", where=where, hint=f"{where.removeprefix('--report ')}/report.html")
    if file.is_file() or not file.exists():
        _check_writable(file.resolve().parent, where)


def _check_writable(folder: Path, where: str) -> None:
    probe = folder / ".loadstone-can-write"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UsageError(f"cannot be written to: {error.strerror}", where=where, hint="a folder that you may write to") from None


def most_users(plan: Plan) -> tuple[int, str]:
    """The most users who stay, of one scenario, and where the plan says so: other scenarios may follow instead of running beside it."""
    from loadstone.plan.profile import ClosedProfile

    closed = [(each.name, each.profile.max_users) for each in plan.scenarios if isinstance(each.profile, ClosedProfile)]
    users = max((count for _, count in closed), default=0)
    return users, next((f"scenarios.{name}" for name, count in closed if count == users), "")


def check_machine(plan: Plan) -> None:
    """Raises UsageError when the users that a plan surely needs cannot all have a connection, or nobody could bring about its rate."""
    from loadstone.probes.machine import descriptor_limit, local_ports

    _check_rates(plan)
    users, where = most_users(plan)
    each = descriptor_limit() - SPARE_DESCRIPTORS
    limit = each * plan.workers
    if each < 0:
        what = f"a process may open {format_count(descriptor_limit())} files, and needs {SPARE_DESCRIPTORS} for itself"
        raise UsageError(what, hint=f"ulimit -n {users // plan.workers + 2 * SPARE_DESCRIPTORS}")
    if users > limit:
        what = f"{format_count(users)} users need a file descriptor each, and {format_count(limit)} are to be had"
        raise UsageError(what, where=where, hint=f"ulimit -n {users // plan.workers + 2 * SPARE_DESCRIPTORS}, or more workers")
    ports = local_ports()
    sources = max(1, len(plan.http.source_addresses))
    if ports is not None and not plan.http.unix_socket and users > ports * sources:
        what = f"{format_count(users)} users need a local port each, and {format_count(ports * sources)} are to be had for one target"
        raise UsageError(what, where=where, hint="http: {source_addresses: [127.0.0.1, 127.0.0.2]}, addresses of this machine")


def _check_rates(plan: Plan) -> None:
    from loadstone.plan.profile import OpenProfile

    most = MOST_RATE_PER_S * plan.workers
    for each in plan.scenarios:
        peak = each.profile.peak_rate_per_s if isinstance(each.profile, OpenProfile) else 0.0
        if most < peak < math.inf:
            crew = f"{plan.workers} workers" if plan.workers > 1 else "1 worker"
            what = f"{format_rate(peak)} are asked for at the peak, and {crew} can bring about {format_rate(most)} at most"
            raise UsageError(what, where=f"scenarios.{each.name}.profile", hint="a lower rate, or more workers")
