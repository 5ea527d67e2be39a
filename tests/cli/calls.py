"""Commands of the command line, called within this process."""

from collections.abc import Sequence
from importlib import import_module

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.main import main


def call(name: str, *arguments: str) -> Result:
    """What became of a command, by its name as `config show`, without what `main` adds."""
    module, _, attribute = name.partition(" ")
    command = import_module(f"loadstone.cli.{module}").command
    return CliRunner().invoke(command, [attribute, *arguments] if attribute else arguments, env={"COLUMNS": "200"})


def output(name: str, *arguments: str) -> str:
    """What a command writes that goes well."""
    result = call(name, *arguments)
    assert result.exception is None, result.exception
    return result.output


def called(words: Sequence[str]) -> int:
    """The exit code of `loadstone` with these words."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)
