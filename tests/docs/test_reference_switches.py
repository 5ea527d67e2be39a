"""Undocumented is a failing test: each switch of the reference backend is in a row of its page."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from loadstone.reference.faults import KNOWN
from loadstone.reference.sockets.connection import PATHS
from loadstone.reference.sockets.switches import SocketSwitches
from loadstone.reference.switches import Switches
from loadstone.reference.voice.switches import VoiceSwitches

PAGE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()
ROWS = {name for first in re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", first)}


@pytest.mark.parametrize("kind", [Switches, SocketSwitches, VoiceSwitches])
def test_each_switch_has_its_row(kind: type[Switches] | type[SocketSwitches] | type[VoiceSwitches]) -> None:
    assert {switch.name for switch in fields(kind)} <= ROWS


def test_each_fault_is_on_the_page() -> None:
    assert [name for name in KNOWN if name not in PAGE] == []


@pytest.mark.parametrize("path", PATHS)
def test_each_websocket_is_on_the_page(path: str) -> None:
    assert f"`{path}" in PAGE
