"""Flags of every command that prints a page: as one JSON document, or without colour."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
no_color_option = click.option("--no-color", is_flag=True, help="Plain text, also on a terminal.")
