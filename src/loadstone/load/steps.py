"""Written steps in the form that sessions run: what every exchange has, and an HTTP request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loadstone.errors import UsageError
from loadstone.load.session import Session
from loadstone.plan.check_text import parse_check
from loadstone.plan.extract import compile_extract
from loadstone.plan.http import status_set
from loadstone.plan.reply import MISSING
from loadstone.plan.steps import Step
from loadstone.plan.template import MissingValue, compile_template, compile_value, templates_in


class CompiledStep(ABC):
    """One written exchange: its checks, extracts, tags and think time; what is exchanged is the kind's own business.

    is_bare:  a request that is always the same, of whose reply only the status matters
    is_rally: one message over a WebSocket, and its answer
    """

    is_bare = is_rally = False

    def __init__(self, step: Step) -> None:
        self.name = step.name
        self._checks = [parse_check(text) for text in step.checks]
        self._extracts = [(name, compile_extract(text)) for name, text in step.extract.items()]
        self._think = step.think
        self._tags: Mapping[str, str] = {**step.tags, **({"group": step.group} if step.group else {})}
        self._tagged: dict[int, Mapping[str, str]] = {}

    @abstractmethod
    async def exchange(self, session: Session) -> Any:
        """One exchange, recorded by its client; its reply (plan.reply.Reply, with `ok`). Raises MissingValue."""

    async def run(self, session: Session) -> bool:
        """One exchange and what belongs to it; False when the steps after it make no sense."""
        before = session.tags
        if self._tags:
            session.tags = self._with_tags(before)
        try:
            reply = await self.exchange(session)
            good = bool(reply.ok)
            for check in self._checks:
                session.check(check.evaluate(reply), check.text)
            for name, extract in self._extracts:
                value = extract(reply)
                if value is MISSING:
                    session.check(False, f"extract {name}")
                    session.vars.pop(name, None)
                    good = False
                else:
                    session.vars[name] = value
        except MissingValue as missing:
            session.check(False, f"{self.name}: {missing}")
            return False
        finally:
            session.tags = before
        if self._think is not None:
            await session.sleep(session.draw_s(self._think))
        return good

    def _with_tags(self, before: Mapping[str, str]) -> Mapping[str, str]:
        found = self._tagged.get(id(before))
        if found is None:
            found = self._tagged[id(before)] = {**before, **self._tags}
        return found


class HttpStep(CompiledStep):
    """An HTTP request: one that is always the same is prepared once."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self._method = step.method
        self._path = compile_template(step.path)
        self._options = self._compile_options(step)
        # Nothing in it changes from one time to the next: then the request is made once.
        varying = (step.path, step.params, step.headers, step.json_body, step.form, step.multipart, step.body)
        self._constant = all(template.is_constant for part in varying if part is not None for template in templates_in(part))
        self._prepared: Any = None
        self._needs_body = bool(self._checks or self._extracts)
        self.is_bare = self._constant and not (self._checks or self._extracts or self._think or self._tags)

    def _compile_options(self, step: Step) -> list[tuple[str, Callable[[Session], Any]]]:
        options: list[tuple[str, Callable[[Session], Any]]] = []
        for name, value in (
            ("params", step.params),
            ("headers", step.headers),
            ("json", step.json_body),
            ("form", step.form),
            ("body", step.body),
        ):
            if value not in (None, {}):
                options.append((name, compile_value(value)))
        if step.multipart is not None:
            plain, files = _split_files(step.multipart)
            options.append(("form", compile_value(plain)))
            options.append(("files", lambda _session: files))
        if step.file is not None:
            content = _read(step.file)
            options.append(("body", lambda _session: content))
        if step.expect is not None:
            expect = status_set(step.expect)
            options.append(("expect", lambda _session: expect))
        return options

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        return await session.client.exchange(self._prepared or self.prepare(session))

    def prepare(self, session: Session) -> Any:
        """The request as bytes, filled in for this session."""
        if self._prepared is not None:
            return self._prepared
        options = {name: fill(session) for name, fill in self._options}
        prepared = session.client.prepare(self._method, self._path.render(session), name=self.name, keep_body=self._needs_body, **options)
        if self._constant:
            self._prepared = prepared
        return prepared


def _split_files(parts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    plain, files = {}, {}
    for name, value in parts.items():
        if isinstance(value, Mapping) and "file" in value:
            files[name] = (Path(value["file"]).name, _read(value["file"]))
        else:
            plain[name] = value
    return plain, files


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the file: {error.strerror}", where=file) from None
