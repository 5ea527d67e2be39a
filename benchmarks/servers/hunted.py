"""A small service on aiohttp with one middleware, as services have: `hunted.py PORT`. Whether it leaks depends on aiohttp's version."""

import os
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

from loadstone.inside.page import InsidePage

PAGE = InsidePage(os.environ["LOADSTONE_INSIDE_TOKEN"], "/_inside")
counted = {"requests": 0}


@web.middleware
async def count(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Count requests, those for pages that are not there, too."""
    counted["requests"] += 1
    return await handler(request)


async def hello(_request: web.Request) -> web.Response:
    """The one page."""
    return web.json_response({"hello": "world"})


async def inside(request: web.Request) -> web.Response:
    """What happens inside this process."""
    answer = PAGE.answer(request.method, request.path, request.headers.get("Authorization", "").encode(), request.query_string)
    return web.Response(body=answer.body, status=answer.status, content_type="application/json", headers=dict(answer.headers))


def main() -> None:
    """Serve on loopback until a signal."""
    app = web.Application(middlewares=[count])
    app.router.add_get("/", hello)
    app.router.add_route("*", "/_inside", inside)
    app.router.add_route("*", "/_inside/{action}", inside)
    PAGE.watcher.start()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
