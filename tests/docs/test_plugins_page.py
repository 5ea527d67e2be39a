"""The page about plug-ins: each kind has its heading, and its code does what the page says."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from loadstone.measure.snapshot import Snapshot
from loadstone.plugins import BUILT_IN
from loadstone.testing import talk
from loadstone.testing.conformance import GateConformance, MetricConformance, ReportConformance, SinkConformance
from loadstone.testing.samples import make_snapshot

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
CODE = {kind: "".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)) for kind, text in SECTIONS.items()}


class Named:
    """Every name stands for the same."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def get(self, _kind: str, _name: str) -> Any:
        return self.found


def code_of(kind: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(CODE[kind], names)  # noqa: S102  our own page
    return names


class PageGate(GateConformance):
    def make(self, asked: Any) -> Any:
        return code_of("gate")["Steady"](asked)

    def bad(self) -> list[Snapshot]:
        return [make_snapshot(n, steps={"home": (100, 12.0 * (1 + n))}) for n in range(12)]


class PageSink(SinkConformance):
    def make(self, watched: Any) -> Any:
        return code_of("sink")["UdpSink"](watched)


class PageReport(ReportConformance):
    def render(self, told: Any) -> bytes:
        return code_of("report")["verdict_line"](told)  # type: ignore[no-any-return]


class PageMetric(MetricConformance):
    name, declared = "acme", code_of("metric")["acme"]


CHECKS = [
    (suite, name) for suite in (PageGate(), PageSink(), PageReport(), PageMetric()) for name in dir(suite) if name.startswith("test_")
]


@pytest.mark.parametrize(("suite", "name"), CHECKS, ids=lambda each: each if isinstance(each, str) else type(each).__name__)
def test_the_code_of_the_page_conforms(suite: Any, name: str) -> None:
    getattr(suite, name)()


def test_the_client_of_the_page_records_answers_and_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = code_of("client")["LineClients"]
    monkeypatch.setattr(talk, "installed", lambda: Named(clients))

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readuntil()).upper())
        await reader.read()
        writer.close()

    async def conversation(client: Any) -> list[str | None]:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        answers = [await client.ask("127.0.0.1", port, "hello")]
        client.close()
        server.close()
        await server.wait_closed()
        return [*answers, await client.ask("127.0.0.1", port, "hello")]

    user = talk.OneUser()
    assert user.speak("line", conversation) == ["HELLO", None]
    measured = user.measured
    assert (measured.count("line.requests"), measured.count("line.errors")) == (2, 1)


def test_each_kind_that_can_be_chosen_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(BUILT_IN)
