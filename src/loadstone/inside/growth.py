"""What grew between two checkpoints, most first."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass

FEWEST = 10  # objects: fewer come and go by themselves
OWN_SHARE = 0.1
_EVERYDAY = {each.__name__ for each in vars(builtins).values() if isinstance(each, type) and not issubclass(each, BaseException)}
_EVERYDAY |= {each.__name__ for each in vars(types).values() if isinstance(each, type)}


@dataclass(frozen=True, slots=True)
class TypeGrowth:
    """A type, how many more of it there are, and how many there are now."""

    name: str
    more: int
    now: int

    def __str__(self) -> str:
        return f"{self.name}: +{self.more:,} to {self.now:,}"


@dataclass(frozen=True, slots=True)
class SiteGrowth:
    """A line that allocates, how much more of what it allocated is still there, in how many pieces.

    via: the line in a library where the memory was taken, when that is another one
    """

    site: str
    more_bytes: int
    more: int
    via: str = ""

    def __str__(self) -> str:
        return f"{self.site}: {self.more_bytes:+,} B in {self.more:+,} pieces" + (f" (in {self.via})" if self.via else "")


def growth_by_type(before: Mapping[str, int], now: Mapping[str, int], most: int = 10) -> list[TypeGrowth]:
    """The types of which there are more, in order.

    Every leak of objects is a larger leak of dicts, lists and tuples, and one of tasks is a larger one of contexts and futures; so
    what the application defines goes first, then the standard library, then everyday types. What grew by less than a tenth as much
    as the type that grew most comes last.
    """
    grown = [TypeGrowth(name, count - before.get(name, 0), count) for name, count in now.items()]
    grown = [each for each in grown if each.more >= FEWEST]
    top = max((each.more for each in grown), default=0)

    def place(each: TypeGrowth) -> tuple[int, int, str]:
        return 3 if each.more < OWN_SHARE * top else _strangeness(each.name), -each.more, each.name

    return sorted(grown, key=place)[:most]


def _strangeness(name: str) -> int:
    """0: of the application; 1: of the standard library; 2: an everyday type."""
    if name in _EVERYDAY:
        return 2
    module = name.rpartition(" ")[2].partition(".")[0]  # "coroutine app.jobs.run" is of the module app
    return 1 if module in sys.stdlib_module_names or "." not in name else 0


def growth_by_site(
    before: Mapping[tuple[str, str], tuple[int, int]], now: Mapping[tuple[str, str], tuple[int, int]], most: int = 10
) -> list[SiteGrowth]:
    """The lines that hold more, by bytes.

    before, now: (site, via) -> (bytes, pieces)
    """
    grown = []
    for (site, via), (size, pieces) in now.items():
        size_before, pieces_before = before.get((site, via), (0, 0))
        if size > size_before:
            grown.append(SiteGrowth(site, size - size_before, pieces - pieces_before, via))
    return sorted(grown, key=lambda each: (-each.more_bytes, each.site))[:most]
