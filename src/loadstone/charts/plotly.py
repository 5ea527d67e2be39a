"""Plotly's script from the installed package: what charts are drawn by, in pages that ask no other address."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from importlib.resources import files


@cache
def script() -> str:
    """The whole script, 5 MB, without `</script` in it."""
    # The package, not its Python interface: importing that takes a second, and only the file is wanted.
    plain = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return plain.replace("</script", "<\\/script")


@cache
def packed_script() -> str:
    """The script deflated and in base64, 2 MB; run by `Loadstone.load`."""
    return base64.b64encode(zlib.compress(script().encode(), 9)).decode("ascii")
