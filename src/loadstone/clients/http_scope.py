"""What all users of a scenario share when they speak HTTP: settings, addresses, TLS, and requests prepared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from loadstone.clients.address import Origin, Resolver, split_url, user_and_password
from loadstone.clients.connection import Connection
from loadstone.clients.failure import Failed, Kind, bounded
from loadstone.clients.http1 import HeadMemory
from loadstone.clients.limits import Limits
from loadstone.clients.request import FileField, Prepared, basic_auth, build_head, encode_body, with_params
from loadstone.clients.tls import TlsContext, TlsSettings
from loadstone.clients.wire import Wire
from loadstone.errors import UsageError
from loadstone.measure.recorder import Exchanges, Recorder
from loadstone.measure.snapshot import Series

Connected = TypeVar("Connected", bound=Connection)

MOST_DERIVED_STEPS = 500  # steps named after method and path; give a name to requests with ids in their paths
MOST_TAGGINGS = 500  # a script that tags each request with an id of its own must not grow our memory


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What all requests of a scenario share."""

    target: str = field(default="", repr=False)  # it may carry a password
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: TlsSettings = field(default_factory=TlsSettings)
    limits: Limits = field(default_factory=Limits)
    keep_alive: bool = True
    redirects: int = 10
    cookies: bool = True
    gzip: bool = True
    keep_body: bool = True
    basic: tuple[str, str] | None = field(default=None, repr=False)
    bearer: str = field(default="", repr=False)
    source_addresses: tuple[str, ...] = ()
    unix_socket: str = ""
    expect: frozenset[int] = frozenset(range(200, 400))


class HttpScope:
    """What all users of a scenario in a worker share: addresses, TLS, prepared requests, columns."""

    def __init__(self, wire: Wire, recorder: Recorder, scenario: str, settings: HttpOptions) -> None:
        self.wire, self.recorder, self.scenario, self.settings = wire, recorder, scenario, settings
        self.keep_alive = settings.keep_alive
        self.memory = HeadMemory()
        self.resolver = Resolver(settings.limits.connect_ns)
        self.tls = TlsContext(settings.tls)
        self._known: dict[tuple[tuple[str, str], ...], dict[tuple[str, ...], Prepared]] = {}
        self.base = split_url(settings.target, unix=settings.unix_socket) if settings.target else None
        self._connections = 0
        self._derived_steps: set[str] = set()
        tags = (("scenario", scenario),)
        self.dns_time, self.connect_time, self.tls_time = (Series(f"http.{name}_time", tags) for name in ("dns", "connect", "tls"))

    def known(self, tags: Mapping[str, str]) -> dict[tuple[str, ...], Prepared]:
        """Requests under these tags that were prepared before, by method, URL and name."""
        key = tuple(sorted(tags.items()))
        if key not in self._known and len(self._known) >= MOST_TAGGINGS:
            self._known.clear()
        return self._known.setdefault(key, {})

    def source(self) -> str:
        """The local address of the next connection; "" leaves it to the kernel."""
        addresses = self.settings.source_addresses
        self._connections += 1
        return addresses[self._connections % len(addresses)] if addresses else ""

    async def connect(self, kind: type[Connected], origin: Origin, looked_up: Callable[[int], None]) -> Connected:
        """A connection to the first of the origin's addresses that takes one; raises Failed.

        looked_up: told how many ns the name took, when it was looked up
        """
        addresses, took = await self.resolver.resolve(origin)
        if took:
            looked_up(took)
        tls = self.tls if origin.scheme == "https" else None
        failed: Failed | None = None
        for address in tuple(addresses):
            connection = kind(self.wire, self.memory, self.settings.limits)
            try:
                await connection.open(*address, tls=tls, host=origin.host, port=origin.port, source=self.source())
            except Failed as reason:
                failed = reason
                continue
            if failed is not None:
                self.resolver.prefer(origin, address)
            return connection
        raise failed or Failed(Kind.DNS, f"{origin.host}: no address")

    def resolve_url(self, url: str) -> tuple[Origin, str]:
        """An absolute URL, or a path below the target."""
        if is_absolute(url):
            return split_url(url, unix=self.settings.unix_socket)
        if self.base is None or not self.settings.target:
            raise UsageError("a path without a target", where=bounded(url), hint="target: http://127.0.0.1:8000 in the plan, or --target")
        origin, base_path = self.base
        return split_url(
            f"{origin.scheme}://{origin.authority}{base_path.partition('?')[0].rstrip('/')}/{url.lstrip('/')}", unix=origin.unix
        )

    def login(self, url: str) -> tuple[str, str] | None:
        """User and password for a request: the plan's, or those that the URL (the target's for a path) carries."""
        settings = self.settings
        if settings.basic or settings.bearer:
            return settings.basic
        return user_and_password(url if is_absolute(url) else settings.target)

    def step_name(self, method: str, target: str) -> str:
        """The name of a request that was given none; past a limit all are one, so that ids in paths cannot fill the memory."""
        name = f"{method} {target.partition('?')[0]}"
        if name not in self._derived_steps:
            if len(self._derived_steps) >= MOST_DERIVED_STEPS:
                return f"{method} (other paths)"
            self._derived_steps.add(name)
        return name

    def columns(self, name: str, tags: Mapping[str, str]) -> Exchanges:
        """The columns of a step."""
        return self.recorder.exchanges(self.scenario, name, tags)


def is_absolute(url: str) -> bool:
    """Does it begin with a scheme? `/go?to=http://…` does not."""
    scheme, mark, _ = url.partition("://")
    return bool(mark) and scheme.isalpha()


def prepare(
    shared: HttpScope,
    tags: Mapping[str, str],
    method: str,
    url: str,
    *,
    name: str = "",
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, str | None] | None = None,
    json: object = None,
    form: Mapping[str, object] | None = None,
    files: Mapping[str, FileField] | None = None,
    body: bytes | str | None = None,
    expect: int | frozenset[int] | set[int] | tuple[int, ...] | list[int] | None = None,
    auth: tuple[str, str] | str | None = None,
    redirects: int | None = None,
    keep_body: bool | None = None,
) -> Prepared:
    """See HttpClient.request; raises UsageError for what cannot be a request."""
    settings = shared.settings
    method = method.upper()
    origin, target = shared.resolve_url(url)
    target = with_params(target, params)
    content, kind = encode_body(json=json, form=form, files=files, body=body)
    fields: dict[str, str] = {"Host": origin.authority, "User-Agent": "loadstone", "Accept": "*/*"}
    if settings.gzip:
        fields["Accept-Encoding"] = "gzip, deflate"
    if kind:
        fields["Content-Type"] = kind
    if not settings.keep_alive:
        fields["Connection"] = "close"
    token = auth if isinstance(auth, str) else settings.bearer
    pair = auth if isinstance(auth, tuple) else (shared.login(url) if auth is None else None)
    if pair or token:
        fields["Authorization"] = basic_auth(*pair) if pair else f"Bearer {token}"
    _merge(fields, settings.headers)
    _merge(fields, headers or {})
    accepted = settings.expect if expect is None else frozenset((expect,) if isinstance(expect, int) else expect)
    return Prepared(
        origin=origin,
        method=method,
        target=target,
        head=build_head(method, target, fields, len(content)),
        body=content,
        step=shared.columns(name or shared.step_name(method, target), tags),
        expect=accepted,
        keep_body=settings.keep_body if keep_body is None else keep_body,
        redirects=settings.redirects if redirects is None else redirects,
    )


def _merge(fields: dict[str, str], more: Mapping[str, str | None]) -> None:
    for name, value in more.items():
        for known in [known for known in fields if known.lower() == name.lower()]:
            del fields[known]
        if value is not None:
            fields[name] = value
