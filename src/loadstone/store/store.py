"""What a store is: runs go in while they happen, and come out again to be told, compared and kept as baselines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

from loadstone.errors import StoreError
from loadstone.plugins import installed
from loadstone.store.location import scheme_of, shown
from loadstone.store.rows import Baseline, Packed, Policy, RunFilter, RunParts, RunRow, StoredRun


class Store(ABC):
    """Runs and baselines, kept.

    Every method raises StoreError, with what to try, when the store is locked, damaged, full or gone.
    """

    url: str

    @staticmethod
    def open(url: str, *, make: bool = True) -> Store:
        """The store at an address such as `sqlite:///runs.db`, upgraded to this version's layout.

        make:   begin an empty one where there is none
        raises: StoreError; one of a newer version is refused, never changed
        """
        scheme = scheme_of(url)
        if scheme not in installed().names("store"):
            known = ", ".join(installed().names("store"))
            raise StoreError(f"no store is known for {scheme}://", where=shown(url), hint=f"one of {known}, as sqlite:///runs.db")
        opened: Store = installed().make("store", scheme, url, make=make)
        return opened

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """How long a store that others write to is waited for from now on."""

    @abstractmethod
    def begin(self, row: RunRow, plan_json: str) -> RunRow:
        """Keep a run that begins now as unfinished; gives the row with the id that it got, when the row had none."""

    @abstractmethod
    def append(self, run_id: str, second: Packed) -> None:
        """Keep one second of a run."""

    @abstractmethod
    def finish(self, row: RunRow, parts: RunParts) -> None:
        """Everything of a run that was begun, at once: it is finished whole, or still unfinished.

        Seconds are kept as they came; those in `parts` are added.
        """

    @abstractmethod
    def add(self, row: RunRow, parts: RunParts) -> None:
        """A finished run from elsewhere; raises StoreError when its id is taken."""

    @abstractmethod
    def runs(self, wanted: RunFilter | None = None) -> list[RunRow]:
        """The runs that fit, oldest first."""

    def count(self, wanted: RunFilter | None = None) -> int:
        """How many runs fit."""
        return len(self.runs(wanted))

    @abstractmethod
    def run(self, name: str) -> RunRow:
        """The run of an id, of the beginning of one, `last`, or `last~2`: the second before the last.

        raises: StoreError when there is none, or more than one
        """

    @abstractmethod
    def load(self, run_id: str) -> StoredRun:
        """A run with what it measured."""

    @abstractmethod
    def parts(self, run_id: str, *, seconds: bool = True) -> RunParts:
        """A run's measurements as they lie in the store."""

    def readable(self, run_id: str, *, seconds: bool = True) -> tuple[RunParts, list[str]]:
        """What can be read of a run, and a line for each part that cannot; the same as `parts` of a store that knows no better."""
        return self.parts(run_id, seconds=seconds), []

    @abstractmethod
    def flag(self, run_id: str, reason: str) -> None:
        """Mark a run as suspicious; an empty reason takes the mark away."""

    @abstractmethod
    def delete(self, run_ids: Sequence[str]) -> None:
        """Forget runs; raises StoreError, and forgets none, when one belongs to a baseline."""

    @abstractmethod
    def drop_seconds(self, run_ids: Sequence[str]) -> int:
        """Forget the seconds of runs, not the runs; gives how many seconds went."""

    @abstractmethod
    def with_seconds(self) -> list[str]:
        """The runs of which seconds are kept, oldest first."""

    @abstractmethod
    def make_baseline(self, name: str, policy: Policy) -> Baseline:
        """A baseline of that name: a new one, or the one that is there with another policy."""

    @abstractmethod
    def baselines(self, *, retired: bool = False) -> list[Baseline]:
        """All of them with all their members, by name."""

    @abstractmethod
    def baseline(self, name: str, *, branch: str | None = None, machine: str | None = None) -> Baseline:
        """The members that count for a branch and a class of machine; None: the policy does not look at it.

        raises: StoreError when there is no such baseline
        """

    @abstractmethod
    def add_member(self, name: str, run_id: str | None, figures: Mapping[str, float], *, pinned: bool = False, source: str = "") -> None:
        """Put a run, or only figures, into a baseline; a run that is in it already is pinned or unpinned."""

    @abstractmethod
    def remove_member(self, name: str, run_id: str) -> None:
        """Take a run out of a baseline."""

    @abstractmethod
    def retire(self, name: str) -> None:
        """Keep a baseline, but compare with it no more; it can be made anew."""

    @abstractmethod
    def check(self) -> list[str]:
        """What is damaged, a line each; nothing when all is well."""

    @abstractmethod
    def close(self) -> None:
        """Finish; may be called more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
