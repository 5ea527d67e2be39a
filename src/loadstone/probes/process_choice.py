"""Which processes are meant: by PID, by name, by the port they listen on, or by their cgroup."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from loadstone.errors import UsageError
from loadstone.probes import procfs
from loadstone.probes.probe import NoReading

LISTENS = "0A"
SO_ACCEPTCON = 1 << 16
CGROUPS = "/sys/fs/cgroup"
EXAMPLE = "process: 4711, process: uvicorn, process: ':8000', or process: cgroup:system.slice/api.service"
WORDS = 3  # of a command line: program, script, and what follows -m


@dataclass(frozen=True, slots=True)
class Choice:
    """How the processes are named.

    by:   pid, name, port or cgroup
    what: the rest of the text
    """

    by: str
    what: str

    @classmethod
    def read(cls, text: str) -> Choice:
        """`4711`, `uvicorn`, `:8000`, or with the way before it: `pid:4711`, `name:42`, `port:8000`, `cgroup:PATH`; raises UsageError."""
        text = text.strip()
        by, colon, what = text.partition(":")
        if colon and by in {"pid", "name", "port", "cgroup"}:
            choice = cls(by, what.strip())
        elif colon and not by:
            choice = cls("port", what)
        else:
            choice = cls("pid" if text.isdigit() else "name", text)
        if not choice.what:
            raise UsageError("names no process", where=f"probe process {text}", hint=EXAMPLE)
        if choice.by in {"pid", "port"} and not (choice.what.isascii() and choice.what.isdigit() and int(choice.what)):
            raise UsageError(f"{choice.what!r} is no {choice.by}", where=f"probe process {text}", hint=EXAMPLE)
        if choice.by == "port" and int(choice.what) > 65_535:
            raise UsageError(f"there is no port {choice.what}", where=f"probe process {text}", hint=EXAMPLE)
        return choice

    def __str__(self) -> str:
        return f"{self.by} {self.what}"

    def find(self, proc: str, cgroups: str) -> set[int]:
        """The processes with which the tree begins; empty when there are none; raises NoReading when that cannot be known."""
        if self.by == "pid":
            return {int(self.what)}
        if self.by == "cgroup":
            return in_cgroup(self.what, cgroups)
        return _named(self.what, proc) if self.by == "name" else _listening(int(self.what), proc)


def _named(name: str, proc: str) -> set[int]:
    """Those whose name, program, script or module it is; never we ourselves and what we started."""
    parents = {
        pid: stat.parent for pid in procfs.pids(proc) if (stat := procfs.stat(proc, pid)) and not stat.ended and _is(name, stat, proc)
    }
    return {pid for pid in parents if not _ours(pid, proc)}


def _is(name: str, stat: procfs.Stat, proc: str) -> bool:
    if stat.name == name:
        return True
    words = procfs.words_of(proc, stat.pid)[:WORDS]
    return any(name in {PurePath(word).name, PurePath(word).stem} for word in words if not word.startswith("-"))


def _ours(pid: int, proc: str) -> bool:
    me = os.getpid()
    for _ in range(64):  # a chain of parents is short; what changes under us must not keep us here
        if pid == me:
            return True
        stat = procfs.stat(proc, pid)
        if stat is None or pid <= 1:
            return False
        pid = stat.parent
    return False


def _listening(port: int, proc: str) -> set[int]:
    inodes = {
        inode
        for line in tcp_lines(f"{proc}/net")
        if line[3] == LISTENS and int(line[1].rpartition(":")[2], 16) == port
        for inode in (int(line[9]),)
    }
    if not inodes:
        return set()
    found, hidden = set(), 0
    for pid in procfs.pids(proc):
        try:
            if any(inode in inodes for inode in procfs.socket_inodes(proc, pid)):
                found.add(pid)
        except PermissionError:
            hidden += 1
        except OSError:
            continue
    if not found and hidden:
        raise NoReading("permission", f"somebody listens on port {port}, and {hidden} processes may not be looked into")
    return found


def tcp_lines(folder: str) -> list[list[str]]:
    """The connections of a network namespace, TCP over IPv4 and IPv6, in the kernel's columns."""
    lines = []
    for name in ("tcp", "tcp6"):
        try:
            lines += [line.split() for line in Path(folder, name).read_text().splitlines()[1:]]
        except OSError:  # a kernel without IPv6
            continue
    return [line for line in lines if len(line) > 9]


def listening_inodes(folder: str) -> set[int]:
    """The sockets of a network namespace that others connect to, TCP and Unix."""
    try:
        unix = [line.split() for line in Path(folder, "unix").read_text().splitlines()[1:]]
    except OSError:
        unix = []
    accepting = {int(line[6]) for line in unix if len(line) > 6 and int(line[3], 16) & SO_ACCEPTCON}
    return accepting | {int(line[9]) for line in tcp_lines(folder) if line[3] == LISTENS}


def cgroup_folders(path: str, cgroups: str) -> list[Path]:
    """Where the kernel shows a cgroup: version 2, the unified part of a mixed system, or version 1's memory controller.

    On a mixed system a cgroup may stand in several of them, and its processes in one alone.
    """
    inside = path.removeprefix(CGROUPS).strip("/")
    folders = (Path(cgroups, part, inside) for part in ("", "unified", "memory"))
    return [folder for folder in folders if folder.joinpath("cgroup.procs").exists()]


def in_cgroup(path: str, cgroups: str) -> set[int]:
    """Every process of a cgroup and of those below it."""
    folders = cgroup_folders(path, cgroups)
    if not folders:
        raise NoReading("gone", f"there is no cgroup {path}")
    found: set[int] = set()
    try:
        for folder in folders:
            for file in (folder / "cgroup.procs", *folder.glob("*/**/cgroup.procs")):
                found.update(int(line) for line in file.read_text().split())
    except PermissionError:
        raise NoReading("permission", f"cgroup {path} may not be read") from None
    except OSError:
        return found  # a cgroup below ended while it was read
    return found
