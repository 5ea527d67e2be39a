"""The flags that name what is watched beside the load: --probe, --pid, --process and --port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

FLAGS = ("probe", "pid", "process", "port")


def probe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Each of them may be given again; the command receives tuples of texts under the flags' names."""
    options = [
        click.option(
            "--probe",
            multiple=True,
            metavar="URL|KIND",
            help="A Prometheus endpoint, or machine, or gpu, read beside the load; again for more.",
        ),
        click.option("--pid", multiple=True, metavar="PID", help="A process of this machine, with its children, watched beside the load."),
        click.option("--process", multiple=True, metavar="NAME", help="The same by name: of the program, the script or the module."),
        click.option("--port", multiple=True, metavar="PORT", help="The same by the port that it listens on."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def add_probes(layers: Any, given: dict[str, Any]) -> None:
    """Put what the flags name into the layers of a plan."""
    from loadstone.plan.settings import LISTED

    for flag in FLAGS:
        for text in given.get(flag) or ():
            LISTED[flag](layers, text, f"flag --{flag}")
