"""The system that executes workflows: where it is, how a workflow is started and read back, and which process it is."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls

TEXTS = (
    "My invoice is wrong and I want a refund now. The charge is double.",
    "The login page is slow today, and the password mail never comes.",
    "Great product, thanks! Can the report export be scheduled every Monday?",
    "The app crashes with a timeout when we upload more than 200 files.",
)
TEXT = "{text}"  # in the body: one of them
OWN_PATH, OWN_RUN, OWN_DONE = "/api/workflows/triage/runs", "/api/workflows/runs/{id}", "state=done"
HERE = {"localhost", "127.0.0.1", "::1"}
Steps = list[dict[str, object]]

OPTIONS = (
    ls.Option(
        "url",
        None,
        "The system; without a value http://localhost:8000, without the flag the reference backend.",
        bare="http://localhost:8000",
    ),
    ls.Option("workflow-path", OWN_PATH, "Where a workflow is started (POST)."),
    ls.Option("workflow-body", '{"text": "{text}"}', "JSON that starts it; {text} in it becomes one of four texts."),
    ls.Option("id-field", "id", "The field of the answer that has the run's id; dots go deeper."),
    ls.Option("run-path", None, "Where a run is read, with {id} in it; the reference backend's is known."),
    ls.Option("done", None, "FIELD=VALUE of a run that came to its end, FIELD=A|B for several; the reference backend's is known."),
    ls.Option("workflow-timeout", "30s", "How long a run may take that is asked for until it is done.", kind="duration", least=0.1),
    ls.Option("health-path", "/health", "The health check."),
    ls.Option("api-path", "/api/items?limit=20", "An endpoint that needs the database."),
)


@dataclass(frozen=True)
class System:
    """What the options say of it.

    done: field and the values of it that mean the end of a run; empty where nobody can tell
    """

    path: str
    body: Any
    id_field: str
    run_path: str
    done: tuple[str, tuple[str, ...]] | tuple[()]
    timeout_s: float
    health: str
    api: str

    @classmethod
    def of(cls, options: ls.Options) -> "System":
        """Read and check them."""
        own = options.workflow_path == OWN_PATH
        done = options.done if options.done is not None else OWN_DONE if own else ""
        return cls(
            path=rooted(options.workflow_path, "workflow-path"),
            body=body_of(options.workflow_body),
            id_field=options.id_field,
            run_path=rooted(options.run_path, "run-path") if options.run_path else OWN_RUN if own else "",
            done=done_of(done) if done else (),
            timeout_s=options.workflow_timeout,
            health=rooted(options.health_path, "health-path"),
            api=rooted(options.api_path, "api-path"),
        )

    @property
    def settings(self) -> dict[str, Any]:
        """For the users, who read them as `self.settings`."""
        return {
            "path": self.path,
            "body": self.body,
            "id_field": self.id_field,
            "run_path": self.run_path,
            "done": list(self.done),
            "timeout_s": self.timeout_s,
            "own": self.path == OWN_PATH,
        }

    @property
    def workflow_steps(self) -> Steps:
        """One start of a workflow, as a step; its end is looked for only where the answer tells it."""
        step: dict[str, object] = {"name": "workflow", "post": self.path, "json": filled(self.body, TEXTS[0])}
        if self.path == OWN_PATH:
            step["expect"] = 201
        if self.done and not self.asks_again and len(self.done[1]) == 1:
            step["checks"] = [f"json.{self.done[0]} == {self.done[1][0]}"]
        return [step]

    @property
    def asks_again(self) -> bool:
        """Somebody else's runs may go on after their start was answered, and are then asked for until they are done."""
        return bool(self.run_path and self.done) and self.path != OWN_PATH

    @property
    def health_steps(self) -> Steps:
        """The health check, as a step."""
        return [{"name": "health", "get": self.health}]

    @property
    def api_steps(self) -> Steps:
        """What needs the database, as a step."""
        return [{"name": "api", "get": self.api}]


def port_here(options: ls.Options) -> int | None:
    """The port of a system of somebody else's that runs on this machine."""
    address = urlsplit(options.url or "")
    return address.port if address.hostname in HERE else None


def is_watched(options: ls.Options) -> bool:
    """Is its process known: the reference backend's, or whoever listens at a URL of this machine?"""
    return options.url is None or port_here(options) is not None


def filled(body: Any, text: str) -> Any:
    """The body with a text in place of each `{text}`."""
    if isinstance(body, str):
        return body.replace(TEXT, text)
    if isinstance(body, dict):
        return {key: filled(value, text) for key, value in body.items()}
    return [filled(each, text) for each in body] if isinstance(body, list) else body


def field_of(document: Any, path: str) -> Any:
    """What stands at `a.b.0.c`; None where it is not there."""
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def rooted(path: str, option: str) -> str:
    """A path of the system's URL."""
    if not path.startswith("/") or (option == "run-path" and "{id}" not in path):
        hint = "/runs/{id}" if option == "run-path" else "/runs"
        raise ls.UsageError(
            f"{path!r} is no path{' with {id}' if option == 'run-path' else ''}", where=f"option {option}", hint=f"--{option} {hint}"
        )
    return path


def body_of(text: str) -> Any:
    """The JSON of a body."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ls.UsageError(f"no JSON: {error}", where="option workflow-body", hint='--workflow-body \'{"text": "{text}"}\'') from None


def done_of(text: str) -> tuple[str, tuple[str, ...]]:
    """`state=done|finished` as field and values."""
    name, equals, values = text.partition("=")
    if not (name.strip() and equals and values.strip()):
        raise ls.UsageError(f"{text!r} is not FIELD=VALUE", where="option done", hint="--done state=done")
    return name.strip(), tuple(value.strip() for value in values.split("|"))
