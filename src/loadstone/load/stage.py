"""From a scenario's plan to the scene that its sessions share inside one process."""

from __future__ import annotations

from typing import Any

from loadstone.clients.connection import Limits
from loadstone.clients.ground import Clients, Ground
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.tls import TlsSettings
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND
from loadstone.errors import LoadstoneError, UsageError
from loadstone.load.behaviour import StepsBehaviour, UserBehaviour
from loadstone.load.scene import Scene
from loadstone.load.script_error import innermost, place_of
from loadstone.load.session import Session
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.recorder import Recorder
from loadstone.plan.code import UserCode, load_user_classes
from loadstone.plan.http import HttpSettings, from_environment
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.user import User
from loadstone.plugins import installed


def stage(
    plan: Plan, scenario: ScenarioPlan, wire: Wire, recorder: Recorder, catalogue: Catalogue, *, worker: int = 0, workers: int = 1
) -> Scene:
    """The scene of one scenario, with clients that speak over the wire and record into the recorder.

    raises: UsageError for user code that cannot be imported; LoadstoneError for a secret that the environment lacks
    """
    behaviour = UserBehaviour(_classes(scenario.code)) if scenario.code else StepsBehaviour(scenario.steps)
    scope = HttpScope(wire, recorder, scenario.name, http_options(plan.http, plan.target or ""))
    ground = Ground(plan, scenario.name, scope, wire.timers, worker, workers)
    kinds: dict[str, Clients] = {}

    def speak(kind: str, session: Session) -> Any:
        found = kinds.get(kind)
        if found is None:
            found = kinds[kind] = installed().get("client", kind)(ground)
        return found.client(session)

    # Before the start, so that the first user does not pay for it, and a mistake in it ends the run before there is load.
    for kind in {step.kind for step in scenario.steps} - {"http"}:
        kinds[kind] = installed().get("client", kind)(ground)

    return Scene(
        scenario,
        behaviour,
        recorder=recorder,
        timers=wire.timers,
        catalogue=catalogue,
        speak=speak,
        tags=plan.tags,
        seed=plan.seed,
        worker=worker,
        workers=workers,
    )


def _classes(code: UserCode) -> list[type[User]]:
    try:
        return load_user_classes(code)
    except LoadstoneError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  a suite may raise anything while it is imported
        cause = innermost(error)
        what = f"raises while it is imported: {type(cause).__name__}: {cause}"
        raise UsageError(what, where=place_of(cause, code.file) or code.file, hint=f"python {code.file}") from None


def http_options(settings: HttpSettings, target: str) -> HttpOptions:
    """What the plan says of HTTP, with secrets from the environment filled in, in the client's words."""
    basic: tuple[str, str] | None = None
    bearer = ""
    try:
        if settings.auth is not None and settings.auth.basic is not None:
            user, _, password = from_environment(settings.auth.basic.get_secret_value()).partition(":")
            basic = (user, password)
        if settings.auth is not None and settings.auth.bearer is not None:
            bearer = from_environment(settings.auth.bearer.get_secret_value())
        headers = settings.sent_headers()
    except KeyError as missing:
        raise LoadstoneError(f"the environment has no {missing.args[0]}", where="http", hint=f"export {missing.args[0]}=…") from None
    times = settings.timeouts
    return HttpOptions(
        target=target,
        headers=headers,
        tls=TlsSettings(
            settings.verify, settings.ca_file or "", settings.server_name or "", settings.client_cert or "", settings.client_key or ""
        ),
        limits=Limits(
            round(times.connect_s * SECOND),
            round(times.first_byte_s * SECOND),
            round(times.total_s * SECOND),
            settings.max_response_bytes,
            round(times.idle_s * SECOND),
        ),
        keep_alive=settings.keep_alive,
        redirects=settings.redirects,
        cookies=settings.cookies,
        gzip=settings.gzip,
        basic=basic,
        bearer=bearer,
        source_addresses=settings.source_addresses,
        unix_socket=settings.unix_socket or "",
        expect=settings.expected_statuses,
    )
