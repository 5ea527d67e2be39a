from __future__ import annotations

from dataclasses import replace

import pytest

from loadstone.judge.notices import NoticeCode, find_notices
from loadstone.judge.trust import GeneratorFacts
from loadstone.measure.aggregate import Aggregate
from loadstone.testing.samples import make_histogram, make_series, make_snapshot


@pytest.mark.parametrize(("cpu_percent", "advice"), [(9.0, "other programs held the cores"), (85.0, "add workers")])
def test_who_is_late_with_time_to_spare_is_not_told_to_add_workers(cpu_percent: float, advice: str) -> None:
    second = make_snapshot(0, cpu_percent=cpu_percent)
    late = {make_series("load.send_lag", scenario="late"): make_histogram([200.0] * 1000)}
    total = Aggregate([replace(second, distributions={**second.distributions, **late})])
    (notice,) = (each for each in find_notices(total, GeneratorFacts(None, 0)) if each.code is NoticeCode.GENERATOR_LATE)
    assert advice in notice.advice
