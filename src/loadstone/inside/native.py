"""Allocations by line with memray (extra `[memray]`): those of native code, too, which tracemalloc does not see."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loadstone.errors import UsageError
from loadstone.inside.growth import SiteGrowth, growth_by_site
from loadstone.inside.sites import Line, named

MOST, MOST_FRAMES = 10, 16


@contextlib.contextmanager
def tracing_native() -> Iterator[list[SiteGrowth]]:
    """The lines whose allocations are still there when the block ends, most first, put into the list that the block gets.

    Only one such block may be open in a process. Each allocation is written to a temporary file meanwhile.
    raises: UsageError without memray
    """
    try:
        import memray
    except ImportError:
        raise UsageError(
            "allocations of native code are traced with memray, which is not installed", hint="pip install 'loadstone[memray]'"
        ) from None
    found: list[SiteGrowth] = []
    with tempfile.TemporaryDirectory(prefix="loadstone-") as folder:
        path = Path(folder) / "allocations"
        with memray.Tracker(path):
            yield found
        sites: dict[tuple[str, str], tuple[int, int]] = {}
        for record in memray.FileReader(path).get_leaked_allocation_records(merge_threads=True):
            frames = [Line(file, line) for _, file, line in record.stack_trace(max_stacks=MOST_FRAMES)]
            if frames and frames[0].filename != __file__:
                size, pieces = sites.get(key := named(frames), (0, 0))
                sites[key] = size + record.size, pieces + record.n_allocations
    found += growth_by_site({}, sites, MOST)
