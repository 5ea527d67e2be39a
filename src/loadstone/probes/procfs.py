"""What Linux tells of a process: the files of /proc/PID, read with as few steps as it takes, because they are read again and again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

PROC = "/proc"
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
ENDED = frozenset({b"Z", b"X", b"x"})  # a zombie has given everything back but its exit code
_READ = 1 << 16


class Stat(NamedTuple):
    """One line of /proc/PID/stat.

    start:  ticks since the machine's start; together with the PID it names one process for ever
    own:    CPU of the process itself, in ticks
    waited: CPU of its children that ended and that it waited for, in ticks
    rss:    bytes; the kernel adds up per CPU and may be off by some hundred kB
    """

    pid: int
    name: str
    ended: bool
    parent: int
    start: int
    own: int
    waited: int
    minor_faults: int
    major_faults: int
    threads: int
    rss: int


def read(path: str) -> bytes:
    """A whole small file; raises FileNotFoundError or ProcessLookupError when its process has ended, PermissionError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _READ)
        if len(data) < 4096:  # a file of /proc is cut at pages, never in the middle of one
            return data
        while piece := os.read(descriptor, _READ):
            data += piece
        return data
    finally:
        os.close(descriptor)


def stat(root: str, pid: int) -> Stat | None:
    """The process, or None when it has ended."""
    try:
        data = read(f"{root}/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, rest = data.rpartition(b")")  # a name may hold blanks and brackets
    field = rest.split()
    if len(field) < 22:
        return None
    name = head.partition(b"(")[2].decode("utf-8", "replace")
    number = int
    return Stat(
        pid,
        name,
        field[0] in ENDED,
        number(field[1]),
        number(field[19]),
        number(field[11]) + number(field[12]),
        number(field[13]) + number(field[14]),
        number(field[7]),
        number(field[9]),
        number(field[17]),
        number(field[21]) * PAGE,
    )


def pids(root: str) -> list[int]:
    """Every process of the machine, or of the container that we are in."""
    return [int(name) for name in os.listdir(root) if name.isdigit()]  # noqa: PTH208  a Path for each of them costs ten times this


def descriptors(root: str, pid: int | str) -> int:
    """How many descriptors are open; since Linux 6.2 the folder's size says so, and nothing need be listed."""
    folder = f"{root}/{pid}/fd"
    return os.stat(folder).st_size if _SIZED and root == PROC else len(os.listdir(folder))  # noqa: PTH116, PTH208  as above


def descriptor_limit(root: str, pid: int) -> int | None:
    """How many descriptors the process may have open; None where there is no limit, or it cannot be read."""
    for line in read(f"{root}/{pid}/limits").splitlines():
        if line.startswith(b"Max open files"):
            word = line.split()[3]
            return int(word) if word.isdigit() else None
    return None


def disk_bytes(root: str, pid: int) -> tuple[int, int]:
    """Bytes that the process made the disks read and write since its start."""
    fields = pairs(read(f"{root}/{pid}/io"))
    return fields.get("read_bytes", 0), fields.get("write_bytes", 0)


def pairs(data: bytes) -> dict[str, int]:
    """Lines of `name: number unit` or `name number`; other lines are left out."""
    found = {}
    for line in data.decode("ascii", "replace").splitlines():
        name, _, rest = line.replace(":", " ", 1).partition(" ")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found


def words_of(root: str, pid: int) -> list[str]:
    """The command line; empty for kernel threads and processes that have ended."""
    try:
        return [word.decode("utf-8", "replace") for word in read(f"{root}/{pid}/cmdline").split(b"\0") if word]
    except OSError:
        return []


def socket_inodes(root: str, pid: int) -> Iterator[int]:
    """The sockets that a process holds; raises PermissionError, FileNotFoundError."""
    folder = f"{root}/{pid}/fd"
    for name in os.listdir(folder):  # noqa: PTH208  as above
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            target = os.readlink(f"{folder}/{name}")  # noqa: PTH115  as above
            if target.startswith("socket:["):
                yield int(target[8:-1])


def _sized() -> bool:
    """Does this kernel tell the number of descriptors as the folder's size? (fs/proc/fd.c, proc_readfd_count, Linux 6.2)"""
    try:
        return os.stat(f"{PROC}/self/fd").st_size > 0  # noqa: PTH116  as above
    except OSError:
        return False


_SIZED = _sized()
