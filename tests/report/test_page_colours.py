"""Colours of pages: words can be read by who sees little contrast."""

import re
from itertools import pairwise

import pytest

from loadstone.live.dashboard import files
from loadstone.report.html.embedded import own

LEAST = 4.5  # WCAG 2.2, 1.4.3, words of usual size
INKS = ("ink", "soft", "faint", "accent", "good", "bad", "warn")
GROUNDS = {"report.css": ("ground", "sheet", "shade"), "dashboard.css": ("ground", "paper")}


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def schemes(style: str) -> list[dict[str, str]]:
    """Colours by name of each block of variables: light, then dark twice."""
    found = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r"\{([^{}]*--ground:[^{}]*)\}", style)]
    return [colours for colours in found if "ink" in colours]


@pytest.mark.parametrize("name", GROUNDS)
def test_words_stand_out_from_every_ground(name: str) -> None:
    found = schemes(own(name) if name == "report.css" else (files.PAGES.joinpath(name)).read_text())
    assert len(found) == 3
    for colours in found:
        for ink in INKS:
            for ground in GROUNDS[name]:
                assert ink not in colours or contrast(colours[ink], colours[ground]) >= LEAST, (ink, ground)


@pytest.mark.parametrize("name", GROUNDS)
def test_dark_is_one_scheme_whoever_chose_it(name: str) -> None:
    _, *dark = schemes(own(name) if name == "report.css" else (files.PAGES.joinpath(name)).read_text())
    assert all(one == other for one, other in pairwise(dark))
