"""What pytest learns when Loadstone is installed: the marks that performance tests carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

MARKS = {
    "performance": "measures how fast something is",
    "stress": "asks for more than is usual",
    "regression": "compares with an earlier run",
    "slow": "takes long",
    "integration": "needs several parts at work together",
    "load_test": "puts many users on a target",
    "websocket_test": "speaks over WebSockets",
    "memory_test": "watches memory",
}


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, so that `--strict-markers` knows them and `-m performance` chooses by them."""
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
