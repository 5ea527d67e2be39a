"""What grew between two checkpoints, most first."""

from __future__ import annotations

import builtins
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

    Every leak of objects is a larger leak of dicts, lists and tuples; so a type of the application's own goes before them when it
    grew by at least a tenth as much as the type that grew most.
    """
    grown = [TypeGrowth(name, count - before.get(name, 0), count) for name, count in now.items()]
    grown = [each for each in grown if each.more >= FEWEST]
    top = max((each.more for each in grown), default=0)

    def place(each: TypeGrowth) -> tuple[bool, int, str]:
        own = each.name not in _EVERYDAY and each.more >= OWN_SHARE * top
        return not own, -each.more, each.name

    return sorted(grown, key=place)[:most]


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
