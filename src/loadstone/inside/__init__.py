"""What happens inside a Python process, for those who ask: pauses, blocks, heap, loop, pools, and what grew.

Importing this costs a served application next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadstone.inside.asgi import Inside as Inside
    from loadstone.inside.pools import register_pool as register_pool
    from loadstone.inside.report import Report as Report
    from loadstone.inside.report import watching as watching
    from loadstone.inside.watcher import Watcher as Watcher
    from loadstone.inside.wsgi import InsideWsgi as InsideWsgi

_HOMES = {
    "Inside": "asgi",
    "InsideWsgi": "wsgi",
    "Report": "report",
    "Watcher": "watcher",
    "register_pool": "pools",
    "watching": "report",
}
__all__ = [  # noqa: PLE0604  the names above, once
    *_HOMES
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
