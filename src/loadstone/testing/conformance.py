"""What every plug-in of a kind must do, as test classes: subclass one, say how to make yours, and pytest runs the rest.

class TestMySink(SinkConformance):
    def make(self, watched):
        return my_sink(watched)

Nothing here needs pytest: each method that begins with `test_` raises AssertionError, with what is wrong.
"""

from __future__ import annotations

import io
import itertools
import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from loadstone.judge.panel import Asked, Gate
from loadstone.judge.story import Story
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Metric, brought
from loadstone.measure.sink import Sink, Watched
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.plan.gate_text import GateSpec
from loadstone.plan.model import Plan
from loadstone.report.told import Told
from loadstone.testing.samples import make_snapshot, make_story

TREE: dict[str, Any] = {
    "target": "http://127.0.0.1:9",
    "scenarios": {"shop": {"profile": {"users": 1, "duration": 5}, "steps": [{"get": "/"}]}},
}
TIMED_OUT = Failure("timeout_total", "home", "no answer in 60 s")


def odd_seconds() -> list[Snapshot]:
    """Seconds as runs have them: plain, empty, warm-up, all failed, names that are hard to print, many at once."""
    odd = make_snapshot(5, steps={'a "b", {c}\n\x1b[31m\u202e': (3, 1e-6)}, scenario="\u4f60" * 80)
    return [
        make_snapshot(0, judged=False, phase="warm-up"),
        make_snapshot(1),
        Snapshot(2, 2.0, 3.0),
        make_snapshot(3, steps={"home": (4, 10.0)}, failures={TIMED_OUT: 4}, dropped=7, target_rate=0.3),
        make_snapshot(4, steps={f"step{n}": (1, 1e7) for n in range(60)}),
        odd,
        Snapshot(6, 6.0, 6.0, phase="wind-down"),
    ]


class SinkConformance:
    """A sink takes any second, is closed at any time and more than once, and changes nothing that it is shown."""

    @abstractmethod
    def make(self, watched: Watched) -> Sink:
        """A sink for this run."""

    def watched(self, folder: Path, **changed: Any) -> Watched:
        """The run that the sink is made for."""
        return Watched(
            plan=Plan.model_validate(TREE), duration_s=5.0, stream=io.StringIO(), folder=folder, stamp="20260102_030405", **changed
        )

    def test_it_takes_any_second_that_a_run_can_have(self) -> None:
        """Empty ones, failures only, names from outside."""
        for sink in self._sinks():
            for snapshot in odd_seconds():
                sink.snapshot(snapshot)
            sink.close()

    def test_it_can_be_closed_without_a_second_and_twice(self) -> None:
        """A run may be refused before it began."""
        for sink in self._sinks():
            sink.close()
            sink.close()

    def test_it_leaves_the_seconds_as_they_are(self) -> None:
        """Other sinks and the judgement see the same objects."""
        for sink in self._sinks():
            mine, untouched = odd_seconds(), odd_seconds()
            for snapshot in mine:
                sink.snapshot(snapshot)
            sink.close()
            for seen, before in zip(mine, untouched, strict=True):
                for name in ("distributions", "counts", "gauges", "failures"):
                    assert getattr(seen, name) == getattr(before, name), f"the sink changed {name} of second {before.seq}"

    def _sinks(self) -> Iterator[Sink]:
        with tempfile.TemporaryDirectory() as folder:
            yield self.make(self.watched(Path(folder)))


class ReportConformance:
    """A report turns any story into bytes, the same each time, and without secrets or control characters of others."""

    @abstractmethod
    def render(self, told: Told) -> bytes:
        """The report."""

    def stories(self) -> list[Story]:
        """Runs that passed, failed, lack data, were interrupted, never reached anybody, or measured nothing."""
        failing = [make_snapshot(n, failures={TIMED_OUT: 90}) for n in range(3)]
        return [
            make_story(),
            make_story(failing),
            make_story([]),
            make_story(odd_seconds(), gates=('p95(http.response_time{step="a, b"}) < 2s',), plan_name="\x1b[31m\u4f60"),
            make_story([make_snapshot(0)], gates=(), interrupted=True),
            make_story(failing, unreachable=True, requirement_of={"rate(http.errors) < 1%": "few_errors"}),
        ]

    def test_it_tells_any_story(self) -> None:
        """In bytes, and some of them."""
        for story in self.stories():
            page = self.render(Told.of(story))
            assert isinstance(page, bytes), f"a report is bytes, not {type(page).__name__}"
            assert page, f"nothing was told of a run that was {story.verdict}"

    def test_it_tells_the_same_story_in_the_same_bytes(self) -> None:
        """Times and orders come from the story, not from the moment."""
        for one, other in zip(self.stories(), self.stories(), strict=True):
            assert self.render(Told.of(one)) == self.render(Told.of(other)), f"two reports of one run that was {one.verdict} differ"

    def test_names_from_outside_bring_no_control_characters(self) -> None:
        """A step's name must not clear the reader's terminal."""
        for story in self.stories():
            assert b"\x1b[31m" not in self.render(Told.of(story)), "an escape sequence from a step's name came through"


class GateConformance:
    """A gate answers every view with a verdict that carries its spec, and never passes on nothing."""

    settings: dict[str, Any] = {}  # noqa: RUF012  each subclass has its own

    @abstractmethod
    def make(self, asked: Asked) -> Gate:
        """A gate with the class's `settings`."""

    def spec(self) -> GateSpec:
        """How the plan names it."""
        return GateSpec.in_code("mine", "mine")

    def good(self) -> list[Snapshot]:
        """Seconds of a run that must pass."""
        return [make_snapshot(n) for n in range(12)]

    def bad(self) -> list[Snapshot]:
        """Seconds of a run that must fail."""
        return [make_snapshot(n, steps={"home": (100, 9000.0)}, failures={TIMED_OUT: 60}) for n in range(12)]

    def test_it_passes_a_good_run_and_fails_a_bad_one(self) -> None:
        """A gate that cannot fail judges nothing."""
        for seconds, status in ((self.good(), Status.PASS), (self.bad(), Status.FAIL)):
            verdict = self._judge(seconds)
            assert verdict.status is status, f"{verdict.status} ({verdict.reason}) of a run that must {status}"

    def test_nothing_measured_is_no_data(self) -> None:
        """Never a pass, and no failure of the target either."""
        warm_up = [make_snapshot(n, judged=False, phase="warm-up") for n in range(3)]
        for seconds in ([], [Snapshot(0, 0.0, 1.0)], warm_up):
            verdict = self._judge(seconds)
            assert verdict.status is Status.NO_DATA, f"{verdict.status} ({verdict.reason}) of a run without a judged value"

    def test_a_verdict_carries_its_gate_and_a_reason_of_one_line(self) -> None:
        """Reports print both."""
        for seconds in (self.good(), self.bad(), []):
            verdict = self._judge(seconds)
            assert verdict.gate == self.spec(), "the verdict names another gate"
            assert verdict.reason, "no reason is given"
            assert "\n" not in verdict.reason, "the reason has more than one line"

    def test_the_same_seconds_give_the_same_answer(self) -> None:
        """Judging again, from what was stored, must not change the verdict."""
        assert self._judge(self.good()) == self._judge(self.good())

    def _judge(self, seconds: list[Snapshot]) -> Verdict:
        gate = self.make(Asked(self.spec(), self.settings, Catalogue()))
        fired = [verdict for snapshot in seconds if (verdict := gate.see(snapshot)) is not None]
        return fired[0] if fired else gate.check(Aggregate(snapshot for snapshot in seconds if snapshot.judged))


class MetricConformance:
    """A plug-in of kind metric declares metrics of its own name that gates can spell and reports can show."""

    name: str
    declared: Metric | tuple[Metric, ...]

    def test_its_names_are_its_own(self) -> None:
        """One of the claimed name, or a family that begins with it; none that is built in."""
        assert brought(self.name, self.declared), "it declares nothing"

    def test_a_suite_could_declare_the_same(self) -> None:
        """Units, scales and directions that gates and reports know."""
        metrics = brought(self.name, self.declared)
        known = Catalogue(metrics)
        for metric in metrics:
            line = {"unit": metric.unit, "kind": metric.kind, "better": metric.better, "meaning": metric.meaning}
            Plan.model_validate({**TREE, "metrics": {metric.name: line}})
            assert metric.scale >= 1, f"{metric.name} keeps less than one step per unit"
            assert metric.meaning, f"{metric.name} does not say what it means"
            assert not metric.share_of or known.get(metric.share_of), (
                f"{metric.name} is a share of {metric.share_of}, which nobody declares"
            )


class ProfileConformance:
    """A profile's arrivals or users follow from its settings and seed alone, and travel to other processes."""

    @abstractmethod
    def make(self) -> Any:
        """A finite profile: an OpenProfile or a ClosedProfile."""

    def test_it_comes_out_of_its_own_settings_again(self) -> None:
        """Workers get the plan as JSON."""
        profile = self.make()
        assert type(profile).model_validate_json(profile.model_dump_json(by_alias=True)) == profile, (
            "its settings do not make the same profile"
        )

    def test_arrivals_never_fall_stay_inside_and_follow_from_the_seed(self) -> None:
        """Of open profiles."""
        profile = self.make()
        if not profile.is_open:
            return
        one, again = (np.concatenate([np.zeros(0, np.int64), *profile.arrivals(np.random.default_rng(7))]) for _ in range(2))
        assert np.array_equal(one, again), "the same seed gave other arrivals"
        assert np.all(np.diff(one) >= 0), "an arrival is due before the one before it"
        assert not one.size or (one[0] >= 0 and one[-1] <= profile.duration_s * 1e9), "an arrival is due outside the profile"
        if not profile.by_chance:
            assert one.size == profile.expected_arrivals, f"{one.size} arrivals, and expected_arrivals says {profile.expected_arrivals}"
        assert profile.rate_at(profile.duration_s / 2) <= profile.peak_rate_per_s * (1 + 1e-9), "a rate lies above the peak"

    def test_users_never_fall_below_none_and_all_stop_at_the_end(self) -> None:
        """Of closed profiles."""
        profile = self.make()
        if profile.is_open:
            return
        changes = list(itertools.islice(profile.changes(), 1_000_000))
        active = np.cumsum([step for _, step in changes])
        assert all(abs(step) == 1 for _, step in changes), "users start and stop one at a time"
        assert all(one[0] <= other[0] for one, other in itertools.pairwise(changes)), "a change comes before the one before it"
        assert active.size == 0 or (active.min() >= 0 and active[-1] == 0), "users are left at the end, or fewer than none"
        assert active.size == 0 or active.max() == profile.max_users, "max_users is not the most there are"
