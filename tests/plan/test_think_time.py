"""Waits between tasks."""

from __future__ import annotations

import random
import statistics

import pytest
from pydantic import ValidationError

import loadstone as ls
from loadstone.plan.think import ThinkTime


def test_waits_stay_between_their_ends() -> None:
    rng = random.Random(1)
    waits = [ls.between("1s", "3s").draw_s(rng) for _ in range(2000)]
    assert 1 <= min(waits) < 1.1
    assert 2.9 < max(waits) <= 3
    assert statistics.fmean(waits) == pytest.approx(2, abs=0.05)


def test_exponential_waits_have_the_mean_that_is_asked_for() -> None:
    rng = random.Random(1)
    waits = [ls.exponential("2s").draw_s(rng) for _ in range(20_000)]
    assert statistics.fmean(waits) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("text", ["2s", "1s..3s", "exponential 2s", 2, 0, 0.5])
def test_a_text_and_its_printed_form_mean_the_same(text: str | float) -> None:
    think = ThinkTime.model_validate(text)
    assert ThinkTime.model_validate(str(think)) == think
    assert ThinkTime.model_validate(think.model_dump()) == think


@pytest.mark.parametrize("text", ["", "soon", "1..", "3s..1s", "-1s", "1s..2s..3s", [1], None])
def test_what_is_no_wait_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        ThinkTime.model_validate(text)
