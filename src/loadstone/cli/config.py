"""`loadstone config show|schema|write`: each setting with its origin, the schema of plan files, a file to start from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from loadstone.cli.new_file import write_new
from loadstone.cli.plan_options import plan_options
from loadstone.cli.suite_options import SuiteCommand

CONFIGURED = "llm"  # whose targets and gates a JSON file is for, when no suite is named


@click.group("config")
def command() -> None:
    """Show settings and where they come from."""


@command.command("show", cls=SuiteCommand)
@plan_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def show(suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], as_json: bool, **flags: str | None) -> None:
    """Print every setting of SUITES, its value, and whether a file, the environment or a flag gave it; secrets are masked."""
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    _, settings = load(suites, Overrides(flags, sets, tags, os.environ))
    if as_json:
        click.echo(json.dumps([{"name": each.name, "value": each.value, "origin": each.origin} for each in settings], indent=2))
        return
    rows = [(each.name, _shown(each.value), each.origin) for each in settings]
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, value, origin in rows:
        click.echo(f"{name:<{names}}  {value:<{min(values, 40)}}  {origin}")


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of plan files, for editors and checkers."""
    from loadstone.plan.schema import plan_schema

    click.echo(json.dumps(plan_schema(), indent=2))


@command.command("write")
@click.argument("suite", required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def write(suite: str | None, output: Path, force: bool) -> None:
    r"""Write a file to start from: a plan, or, as JSON, the targets and gates of SUITE for its --config.

    \b
    loadstone config write --output suite.yaml              a commented plan
    loadstone config write --output performance.json        targets and gates of llm
    loadstone config write llm --output limits.yaml         the same in YAML
    """
    if suite is None and output.suffix != ".json":
        from loadstone.plan.starter import starter

        write_new(output, starter(str(output), output.stem, python=False), force=force)
        click.echo(f"wrote {output}")
        return
    suite = suite or CONFIGURED
    write_new(output, _options_of(suite, output), force=force)
    click.echo(f"wrote {output}\n\n  loadstone run {suite} --config {output}")


def _options_of(suite: str, output: Path) -> str:
    """The suite's options that a file may set, with their defaults; null is what nobody asked for."""
    import yaml

    from loadstone.errors import UsageError
    from loadstone.plan.options import declared_by
    from loadstone.plugins import installed

    declared = declared_by(installed().get("suite", suite), suite)
    if declared is None or not declared.places:
        what = f"{suite} takes no file of targets and gates"
        raise UsageError(what, where="config write", hint=f"loadstone config write {CONFIGURED} --output performance.json")
    tree: dict[str, Any] = {}
    for place, option in declared.places.items():
        section, dot, key = place.partition(".")
        (tree.setdefault(section, {}) if dot else tree)[key or section] = option.written
    if output.suffix in {".yaml", ".yml"}:
        return yaml.safe_dump(tree, sort_keys=False)
    return json.dumps(tree, indent=2) + "\n"


def _shown(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
