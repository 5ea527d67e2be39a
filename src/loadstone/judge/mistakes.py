"""Mistakes of gates and bands, told all at once and where they were written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadstone.errors import Mistake, PlanError, PluginError, StoreError, UsageError, in_order


class Mistakes:
    """Collects what is wrong, so that a reader fixes it in one go."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    @contextmanager
    def collected(self, at: str = "") -> Iterator[None]:
        """Keep what the block raises as a mistake in the plan, written `at` this place; trouble with a store is none."""
        try:
            yield
        except StoreError:
            raise
        except PlanError as error:
            self._found += error.mistakes
        except UsageError as error:
            where = f"{at} ({error.where})" if at and error.where and isinstance(error, PluginError) else at or error.where
            self._found.append(Mistake(error.what, where, error.hint))

    def raise_any(self) -> None:
        """Raises PlanError with all of them, by file and line, unless there are none."""
        if self._found:
            raise PlanError(in_order(self._found))
