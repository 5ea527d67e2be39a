"""The parent of a run tells of itself, too, and growth of the generator is noticed."""

import pytest

from loadstone.judge.notices import NoticeCode, find_notices
from loadstone.judge.trust import GeneratorFacts
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.probes.own import ParentHealth

PARENT = Series("generator.memory", (("worker", "parent"),))
FACTS = GeneratorFacts(asked_arrivals=None, achieved_arrivals=10)


def test_every_snapshot_has_the_parents_memory_descriptors_and_cpu() -> None:
    walls, cpus = iter([0, 1_000_000_000]), iter([0, 250_000_000])
    health = ParentHealth(lambda: next(walls), lambda: next(cpus))
    bare = Snapshot(1, 0.0, 1.0, gauges={Series("load.users"): Gauge.of(3)})
    gauges = health.complete(bare).gauges
    assert gauges[Series("generator.parent_cpu")].last == 25
    assert gauges[PARENT].last > 1e6
    assert gauges[Series("generator.descriptors", (("worker", "parent"),))].last >= 3
    assert gauges[Series("load.users")].last == 3


def test_the_last_milliseconds_of_a_run_say_nothing_of_the_processor() -> None:
    walls, cpus = iter([0, 2_000_000, 500_000_000]), iter([0, 2_000_000, 52_000_000])
    health = ParentHealth(lambda: next(walls), lambda: next(cpus))
    short, whole = (health.complete(Snapshot(1, 0.0, 1.0)).gauges for _ in range(2))
    assert Series("generator.parent_cpu") not in short
    assert whole[Series("generator.parent_cpu")].last == pytest.approx(10.4)


@pytest.mark.parametrize(
    ("sizes", "users", "noticed"),
    [((50e6, 60e6, 200e6), (5, 5, 5), True), ((50e6, 60e6, 70e6), (5, 5, 5), False), ((50e6, 90e6, 200e6), (1, 5, 9), False)],
)
def test_memory_of_the_generator_should_be_flat_while_the_users_are(
    sizes: tuple[float, ...], users: tuple[int, ...], noticed: bool
) -> None:
    total = Aggregate()
    for number, (size, count) in enumerate(zip(sizes, users, strict=True)):
        gauges = {PARENT: Gauge.of(size), Series("load.users"): Gauge.of(count)}
        total.add(Snapshot(number, number, number + 1.0, counts={Series("http.requests"): 5}, gauges=gauges))
    texts = [notice.text for notice in find_notices(total, FACTS) if notice.code is NoticeCode.GENERATOR_GROWS]
    assert texts == (["memory of the generator's parent process grew from 50 MB to 200 MB"] if noticed else [])


def test_what_a_probe_may_not_look_into_is_a_notice() -> None:
    total = Aggregate()
    hidden = Series("probe.unreadable", (("probe", "pid 7"), ("value", "disk")))
    total.add(Snapshot(1, 0.0, 1.0, counts={Series("http.requests"): 5}, gauges={hidden: Gauge.of(2)}))
    texts = [notice.text for notice in find_notices(total, FACTS) if notice.code is NoticeCode.PROBE_BLIND]
    assert texts == ["disk of pid 7 is not told: 2 of its processes may not be looked into"]
