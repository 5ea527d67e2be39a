"""Where a redirect leads: the request that follows it (RFC 9110 section 15.4)."""

from __future__ import annotations

from urllib.parse import urljoin

from loadstone.clients.failure import Kind
from loadstone.clients.http_scope import HttpScope, prepare
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared
from loadstone.errors import UsageError

# What belongs to one host and is not carried to another.
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def redirected(shared: HttpScope, prepared: Prepared, reply: Reply) -> Prepared | None:
    """The next request; None, with the reason in the reply, when it leads to a place that is none, or further than is allowed.

    To be asked before the answer is recorded, which is as one that failed then.
    """
    if not prepared.redirects:
        if prepared.followed:
            reply.failure, reply.reason = Kind.STATUS, f"more than {prepared.followed} redirects"
        return None
    # RFC 9110 section 15.4: 303 always, and in practice 301 and 302 after POST, become GET without a body.
    keep_method = reply.status in {307, 308} or prepared.method in {"GET", "HEAD"}
    here = f"{prepared.origin.scheme}://{prepared.origin.authority}{prepared.target}"
    name = dict(prepared.step.tags)["step"]
    name = name if name.endswith(" (redirected)") else f"{name} (redirected)"
    lines = [line.partition(b":") for line in prepared.head.split(b"\r\n")[1:-1]]
    headers = {key.decode("latin-1"): value.strip().decode("latin-1") for key, _, value in lines}
    left_out = {"content-length"} | (set() if keep_method else {"content-type"})
    try:
        # Browsers forgive spaces, and take other bytes for UTF-8.
        place = reply.headers["location"].replace(" ", "%20").encode("latin-1").decode("utf-8", "replace")
        url = urljoin(here, place)
        origin = shared.resolve_url(url)[0]
        if origin != prepared.origin:
            left_out |= CREDENTIALS
            # Without one the answer is 400 (RFC 9112, section 3.2); where the user gave a name of its own, this takes its place.
            headers["Host"] = origin.authority
        following = prepare(
            shared,
            {key: value for key, value in prepared.step.tags if key not in {"scenario", "step"}},
            prepared.method if keep_method else "GET",
            url,
            name=name,
            headers={key: (None if key.lower() in left_out else value) for key, value in headers.items()},
            body=prepared.body if keep_method and prepared.body else None,
            expect=prepared.expect,
            redirects=prepared.redirects - 1,
            keep_body=prepared.keep_body,
        )
    except (UsageError, ValueError):
        reply.failure, reply.reason = Kind.MALFORMED, "redirect to a place that is none"
        return None
    following.followed = prepared.followed + 1
    return following
