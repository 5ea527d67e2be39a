"""`loadstone init [FILE]`: a commented suite that runs against `loadstone serve`."""

from __future__ import annotations

from pathlib import Path

import click

from loadstone.cli.new_file import write_new


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--python", is_flag=True, help="A Python suite (suite.py) instead of suite.yaml.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(file: Path | None, python: bool, force: bool) -> None:
    """Write a first suite to FILE (suite.yaml, or suite.py with --python)."""
    from loadstone.plan.starter import starter

    path = file or Path("suite.py" if python else "suite.yaml")
    write_new(path, starter(str(path), path.stem, python=python or path.suffix == ".py"), force=force)
    click.echo(f"wrote {path}\n\n  loadstone serve --port 8000     a backend to try it on, in another terminal\n  loadstone run {path}")
