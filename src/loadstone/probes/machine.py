"""What this machine allows and is: descriptors, ports, processor, kernel."""

from __future__ import annotations

import platform
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

UNLIMITED = 1 << 20


def descriptor_limit() -> int:
    """How many descriptors this process may have, after asking for as many as the system gives."""
    if resource is None:
        return UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
        soft = hard
    return soft if soft != resource.RLIM_INFINITY else UNLIMITED


def local_ports() -> int | None:
    """How many local ports one source address has for connections to one target; None where the system does not say."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except (OSError, ValueError):
        return None
    return int(high) - int(low) + 1


def processor() -> str:
    """The name of the processor, as well as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
