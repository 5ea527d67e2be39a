"""A gate on failures of one kind must name a kind that exists for its metric."""

import pytest

from loadstone.errors import UsageError
from loadstone.judge.gates import GateWatch
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.gate_text import parse_gate


@pytest.mark.parametrize(
    "named", ["llm.errors{kind=rate_limit}", "llm.errors{kind=timeout_idle}", "sse.errors{kind=content_type}", "http.errors{kind=reset}"]
)
def test_a_kind_that_its_metric_has_is_accepted(named: str) -> None:
    assert GateWatch([parse_gate(f"rate({named}) < 1%")], Catalogue()).gates


@pytest.mark.parametrize(
    ("named", "near"),
    [
        ("llm.errors{kind=stream_eror}", "stream_error"),
        ("sse.errors{kind=content_typ}", "content_type"),
        ("http.errors{kind=rest}", "reset"),
    ],
)
def test_a_kind_that_nobody_counts_is_told_with_the_nearest(named: str, near: str) -> None:
    with pytest.raises(UsageError) as mistake:
        GateWatch([parse_gate(f"rate({named}) < 1%")], Catalogue())
    assert near in str(mistake.value)
