"""How much an installation without extras takes on the disk."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.processes import Failed


def size(name: str) -> int:
    """Bytes of a distribution and of all that it needs, extras left out, compiled files included."""
    return sum(size_of(found) for found in needed(name).values())


def needed(name: str) -> dict[str, Distribution]:
    """The distribution and everything below it, by normal name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(normal(name), "")]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            found[one[0]] = distribution(one[0])
        except PackageNotFoundError:
            raise Failed(f"{one[0]} is not installed here. Try: pip install -e .") from None
        for requirement in map(Requirement, found[one[0]].requires or []):
            if applies(requirement, one[1]):
                waiting += [(normal(requirement.name), extra) for extra in ("", *requirement.extras)]
    return found


def applies(requirement: Requirement, extra: str) -> bool:
    """Is it needed on this machine with that extra, or without any when it is empty."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def normal(name: str) -> str:
    """The name as the index spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def size_of(found: Distribution) -> int:
    """Bytes of its files; of an editable installation those of the source folder."""
    files = {Path(str(found.locate_file(file))) for file in found.files or []}
    listed = sum(file.stat().st_size for file in files if file.is_file())
    spec = find_spec(found.metadata["Name"]) if not any(file.suffix == ".py" for file in files) else None
    sources = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return listed + sum(file.stat().st_size for folder in sources for file in Path(folder).rglob("*") if file.is_file())
