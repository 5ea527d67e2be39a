"""Addresses of stores in PostgreSQL: `postgresql://user@host:5432/database?schema=loadstone`, and everything else that libpq takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from loadstone.errors import StoreError
from loadstone.store.location import shown

SCHEMA = "loadstone"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_HINT = "postgresql://user@host:5432/database; in a password, @ is written %40, / %2F and % %25"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store lies.

    options: for libpq, the password among them: never print them
    schema:  the namespace of its tables
    where:   the address without its password
    """

    options: dict[str, Any]
    schema: str
    where: str


def address_of(url: str) -> Address:
    """What an address says; raises StoreError, which holds no password."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    where = shown(url)
    base, _, query = url.partition("?")
    _, _, rest = base.partition("://")
    pairs = parse_qsl(query, keep_blank_values=True)
    schema = next((value for key, value in pairs if key == "schema"), SCHEMA)
    if not _NAME.fullmatch(schema):
        raise StoreError(f"{schema[:80]!r} is no name of a schema", where=where, hint="letters a-z, digits and _, as ?schema=loadstone")
    others = urlencode([(key, value) for key, value in pairs if key != "schema"], quote_via=quote)
    try:
        options = conninfo_to_dict(f"postgresql://{rest}{f'?{others}' if others else ''}")
    except ProgrammingError:  # its text quotes the address
        raise StoreError("is no address of PostgreSQL", where=where, hint=_HINT) from None
    return Address(options, schema, where)
