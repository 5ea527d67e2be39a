"""Buttons of a dashboard as controls of a run."""

from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.live.dashboard.steering import read_control
from loadstone.load.control import Pause, Scale, SetRate, SetUsers, Spike, Stop


@pytest.mark.parametrize(
    ("asked", "control"),
    [
        ({"do": "pause"}, Pause()),
        ({"do": "stop"}, Stop()),
        ({"do": "scale", "factor": 2}, Scale(2.0)),
        ({"do": "rate", "per_s": 12.5}, SetRate(12.5)),
        ({"do": "users", "users": 7, "scenario": "shop"}, SetUsers(7, "shop")),
        ({"do": "spike", "factor": 3, "seconds": 10}, Spike(3.0, 10.0)),
    ],
)
def test_a_button_is_a_control(asked: dict[str, Any], control: object) -> None:
    assert read_control(asked) == control


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"do": "fly"},
        {"do": ["pause"]},
        {"do": "scale"},
        {"do": "scale", "factor": "2"},
        {"do": "scale", "factor": True},
        {"do": "scale", "factor": -1},
        {"do": "rate", "per_s": 1e400},
        {"do": "rate", "per_s": 10**400},
        {"do": "users", "users": 1.5},
        {"do": "pause", "scenario": 7},
    ],
)
def test_what_is_no_control_is_refused_in_words(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        read_control(asked)
