"""Which processes hold a lock on a file: what a person needs to know when a store is locked."""

from __future__ import annotations

from pathlib import Path

LOCKS = Path("/proc/locks")


def lock_holders(paths: list[Path], locks: Path = LOCKS) -> list[str]:
    """`4711 (python)` for each process with a write lock on one of the files; nothing where the system does not say."""
    try:
        inodes = {str(path.stat().st_ino) for path in paths if path.exists()}
        lines = locks.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split()
        if len(words) < 6 or words[3] != "WRITE" or words[5].rpartition(":")[2] not in inodes:
            continue
        found.append(_named(words[4]))
    return list(dict.fromkeys(found))


def _named(pid: str) -> str:
    try:
        return f"{pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    except OSError:
        return pid
