"""The colours of the charts, out of the same style sheet that pages have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal

from loadstone.charts import assets

Theme = Literal["light", "dark"]
Colour = tuple[float, float, float, float]  # red, green, blue, alpha, each 0 to 1

_VARIABLE = re.compile(r"--ls-([a-z0-9-]+):\s*([^;]+);")
_HEX = 7


@cache
def palette(theme: Theme) -> Mapping[str, Colour]:
    """Colours by name: ink, soft, grid, 1 … 6, bad, …"""
    block = assets.text("charts.css").split(f'[data-theme="{theme}"] {{')[1].split("}")[0]
    return {name: _colour(text.strip()) for name, text in _VARIABLE.findall(block)}


def _colour(text: str) -> Colour:
    if text.startswith("#") and len(text) == _HEX:
        red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue, 1.0
    red, green, blue, alpha = (float(part) for part in text.removeprefix("rgba(").removesuffix(")").split(","))
    return red / 255, green / 255, blue / 255, alpha
