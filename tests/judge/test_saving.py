"""Savings between two variants whose truth is known."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.judge.panel import Panel
from loadstone.judge.saving import effect_of
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.snapshot import Gauge, Snapshot
from loadstone.plan.model import GateLine
from loadstone.stats.sign_interval import FEWEST, median_interval
from loadstone.testing.samples import make_series

GATE = "saving(service.memory{variant=before} to {variant=after}) > 30% each 10s"
CATALOGUE = Catalogue((Metric("service.memory", "MB", Kind.GAUGE, "lower", "resident memory"),))


def verdict_of(saving: float, *, phases: int = 8, noise: float = 0.02, seed: int = 1, gate: str = GATE) -> Verdict:
    """Phases of 10 s in which the variants take turns of 5 s; the after-variant is smaller by `saving`."""
    rng = random.Random(seed)
    panel = Panel([GateLine.model_validate(gate)], CATALOGUE)
    snapshots = []
    for at in range(10 * phases):
        variant = "before" if at % 10 < 5 else "after"
        level = 100.0 * (1.0 if variant == "before" else 1.0 - saving) * math.exp(rng.gauss(0.0, noise))
        gauges = {make_series("service.memory", variant=variant): Gauge.of(level)}
        snapshots.append(Snapshot(at, float(at), at + 1.0, gauges=gauges))
        panel.see(snapshots[-1])
    (verdict,) = panel.verdicts(Aggregate(snapshots))
    return verdict


@pytest.mark.parametrize(("saving", "status"), [(0.40, Status.PASS), (0.20, Status.FAIL), (0.0, Status.FAIL), (-0.5, Status.FAIL)])
def test_a_clear_saving_is_proven_and_a_clear_lack_of_one_fails(saving: float, status: Status) -> None:
    verdict = verdict_of(saving)
    assert verdict.status is status
    assert verdict.value == pytest.approx(saving * 100, abs=4)
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low <= saving * 100 <= verdict.high


def test_a_saving_at_the_limit_is_not_proven() -> None:
    found = [verdict_of(0.30, seed=seed).status for seed in range(200)]
    assert found.count(Status.PASS) <= 0.05 * 200
    assert found.count(Status.NO_DATA) >= 0.85 * 200


def test_too_few_phases_are_no_data() -> None:
    verdict = verdict_of(0.6, phases=5)
    assert verdict.status is Status.NO_DATA
    assert "5 phases" in verdict.reason


def test_a_variant_that_was_never_measured_is_no_data() -> None:
    assert verdict_of(0.6, gate=GATE.replace("=after", "=other")).status is Status.NO_DATA


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=FEWEST, max_size=40))
def test_exchanging_the_variants_turns_the_effect_around(pairs: list[tuple[float, float]]) -> None:
    there, back = effect_of(pairs), effect_of([(after, before) for before, after in pairs])
    assert there is not None
    assert back is not None
    assert there.ratio * back.ratio == pytest.approx(1.0)
    assert there.low * back.high == pytest.approx(1.0)
    assert there.low <= there.ratio <= there.high


@pytest.mark.parametrize(("n", "places"), [(6, (0, 5)), (8, (0, 7)), (9, (1, 7)), (20, (5, 14))])
def test_the_interval_has_the_ranks_of_the_books(n: int, places: tuple[int, int]) -> None:
    assert median_interval([float(at) for at in range(n)])[1:] == places


def test_five_values_have_no_interval() -> None:
    with pytest.raises(NoSamples, match="needs 6"):
        median_interval([1.0] * 5)


@pytest.mark.parametrize("text", ["saving(target.memory) > 30%", GATE.replace("30%", "30MB"), GATE.replace("10s", "0.1s")])
def test_a_text_that_cannot_be_meant_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match=r"saving|share|1 s or more"):
        GateLine.model_validate(text)
