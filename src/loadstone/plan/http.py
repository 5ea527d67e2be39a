"""How a plan wants HTTP to be spoken: connections, limits, identity. Secrets in it never print."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    SecretStr,
    WithJsonSchema,
    field_serializer,
    model_validator,
)

from loadstone.plan.quantities import Duration, Size
from loadstone.plan.wrong import Wrong

REVEAL = {"reveal": True}  # pydantic serialisation context under which secrets are written out, for workers only
MASK = "**********"
# A header whose name says that its value is a secret.
# `max_tokens` and `tokenizer` of a model's settings are none.
_SECRET_NAME = re.compile(r"authorization|cookie|token(?!s|i[sz])|secret|passw(or)?d|api[-_]?key|credential", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def is_secret_name(name: str) -> bool:
    """Does this header's or variable's name say that its value must not be shown?"""
    return _SECRET_NAME.search(name) is not None


def from_environment(text: str) -> str:
    """The text with each `${env:NAME}` replaced; raises KeyError with the name that is not set."""
    return _ENVIRONMENT.sub(lambda match: os.environ[match[1]], text)


def environment_names(text: str) -> list[str]:
    """The names that a text takes from the environment."""
    return _ENVIRONMENT.findall(text)


def _status_ranges(value: Any) -> str:
    parts = value if isinstance(value, (list, tuple)) else [value]
    texts = [part.strip().lower() for each in parts for part in str(each).split(",")]
    for text in texts:
        if not re.fullmatch(r"[1-5]xx|[1-5]\d\d|any", text):
            raise Wrong("must be a status such as 200, 2xx, any, or a list of them", example="2xx")
    return ",".join(texts)


Expected = Annotated[
    str,
    BeforeValidator(_status_ranges),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "array", "items": {"type": ["integer", "string"]}}]}),
]


def status_set(expected: str) -> frozenset[int]:
    """Every status that a canonical text such as `2xx,304` accepts."""
    found: set[int] = set()
    for part in expected.split(","):
        if part == "any":
            found.update(range(100, 600))
        elif part.endswith("xx"):
            found.update(range(int(part[0]) * 100, int(part[0]) * 100 + 100))
        else:
            found.add(int(part))
    return frozenset(found)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Timeouts(_Settings):
    """Each ends an exchange as a typed failure."""

    connect_s: Duration = Field(default=5.0, alias="connect")
    first_byte_s: Duration = Field(default=30.0, alias="first_byte")
    total_s: Duration = Field(default=60.0, alias="total")
    idle_s: Duration = Field(default=60.0, alias="idle")


class Auth(_Settings):
    """One of `basic: user:password` or `bearer: token`; `${env:NAME}` in either is read when the run starts."""

    basic: SecretStr | None = None
    bearer: SecretStr | None = None

    @model_validator(mode="after")
    def _one(self) -> Auth:
        if (self.basic is None) == (self.bearer is None):
            raise Wrong("needs one of basic and bearer", hint="bearer: ${env:API_TOKEN}")
        if self.basic is not None and ":" not in self.basic.get_secret_value() and "${env:" not in self.basic.get_secret_value():
            raise Wrong("basic is user:password", hint="basic: user:${env:PASSWORD}")
        return self

    @field_serializer("basic", "bearer", when_used="json-unless-none")
    def _masked(self, value: SecretStr, info: FieldSerializationInfo) -> str:
        return _shown(value.get_secret_value(), secret=True, reveal=bool((info.context or {}).get("reveal")))


class HttpSettings(_Settings):
    """Everything about the exchanges of a scenario that is not in its steps."""

    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    verify: bool = True
    ca_file: str | None = None
    server_name: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    keep_alive: bool = True
    connections_per_user: Annotated[int, Field(gt=0)] = 1
    timeouts: Timeouts = Timeouts()
    max_response_bytes: Size = Field(default=64_000_000, alias="max_response")
    redirects: Annotated[int, Field(ge=0, le=50)] = 10
    cookies: bool = True
    auth: Auth | None = None
    gzip: bool = False
    source_addresses: tuple[str, ...] = ()
    unix_socket: str | None = None
    expect: Expected = "2xx,3xx"

    @field_serializer("headers", when_used="json")
    def _masked(self, headers: dict[str, str], info: FieldSerializationInfo) -> dict[str, str]:
        shown: dict[str, str] = masked(headers, info)
        return shown

    @cached_property
    def expected_statuses(self) -> frozenset[int]:
        """The statuses that are not failures, unless a step says otherwise."""
        return status_set(self.expect)

    def sent_headers(self) -> dict[str, str]:
        """Headers with the environment's values filled in: for the client only, never for a report."""
        return {name: from_environment(value) for name, value in self.headers.items()}


def masked(value: Any, info: FieldSerializationInfo) -> Any:
    """The value with each text masked that its key says is a secret; as it is when the context asks to reveal."""
    return value if (info.context or {}).get("reveal") else _masked(value)


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _masked(each, str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(each, name) for each in value]
    return MASK if isinstance(value, str) and "${" not in value and is_secret_name(name) else value


def _shown(value: str, *, secret: bool, reveal: bool) -> str:
    """A secret that names an environment variable gives nothing away and stays readable."""
    return value if reveal or not secret or _ENVIRONMENT.search(value) else MASK
