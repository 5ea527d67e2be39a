"""Processes for work that would hold the loop."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from multiprocessing import get_context
from typing import Any

from loadstone.reference.texts import end_with_parent, transform


class Workshop:
    """Worker processes, one for each core this process may use; none before they are needed."""

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return ProcessPoolExecutor(max_workers=cores, mp_context=get_context("spawn"), initializer=end_with_parent)

    async def run(self, task: str, text: str, passes: int) -> dict[str, Any]:
        """One text, in one of the processes."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, transform, task, text, passes)

    def close(self) -> None:
        """End the processes."""
        if "_pool" in self.__dict__:
            self._pool.shutdown(wait=False, cancel_futures=True)
