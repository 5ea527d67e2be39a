"""Does anything answer where the load should go? Asked once, before the first request."""

from __future__ import annotations

import socket

from loadstone.clients.address import Origin
from loadstone.errors import TargetUnreachable

CONNECT_S = 5.0


def check_reachable(origin: Origin, *, timeout_s: float = CONNECT_S) -> None:
    """Connect once and hang up; raises TargetUnreachable with what was tried."""
    where = f"{origin.scheme}://{origin.authority}" if not origin.unix else origin.unix
    try:
        if origin.unix:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(timeout_s)
                sock.connect(origin.unix)
        else:
            socket.create_connection((origin.host, origin.port), timeout_s).close()
    except socket.gaierror as error:
        what = f"the name {origin.host} does not resolve ({error.strerror})"
        raise TargetUnreachable(what, where=where, hint="check the spelling, or use an address") from None
    except TimeoutError:
        what = f"no connection within {timeout_s:g} s"
        raise TargetUnreachable(what, where=where, hint="is a firewall in between? does the host exist?") from None
    except ConnectionRefusedError:
        hint = "start the server; `loadstone serve` starts a reference backend"
        what = "nothing listens on the socket" if origin.unix else f"nothing listens on port {origin.port}"
        raise TargetUnreachable(what, where=where, hint=hint) from None
    except FileNotFoundError:
        raise TargetUnreachable("there is no such socket", where=where, hint="start the server; check the path") from None
    except UnicodeError:  # a label that is empty or longer than 63 bytes
        raise TargetUnreachable(f"{origin.host} is not a host name", where=where, hint="check the spelling, or use an address") from None
    except OSError as error:
        raise TargetUnreachable(error.strerror or str(error), where=where, hint="can you reach it with curl?") from None
