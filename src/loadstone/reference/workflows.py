"""Agent-like workflows that really run: fetch, classify, branch, tools side by side, summarise."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections import Counter
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object, text_field
from loadstone.reference.database import Database
from loadstone.reference.delays import parse_delay
from loadstone.reference.graph import Node, Outputs, State, execute
from loadstone.reference.simulator import count_tokens
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.texts import TOPICS

FIRST_DOCUMENTS = 40
_URGENT = frozenset(("urgent", "now", "crash", "locked", "refund", "immediately", "down"))
_GOOD, _BAD = frozenset(("good", "great", "thanks", "love", "fast")), frozenset(("bad", "slow", "broken", "crash", "angry", "locked"))
_WORD = re.compile(r"\w+")


def fill_documents(database: Database) -> None:
    """Put the documents that workflows fetch into an empty table."""
    if database.row("SELECT 1 FROM documents LIMIT 1") is not None:
        return
    topics = list(TOPICS)
    with database.transaction():
        for index in range(FIRST_DOCUMENTS):
            topic = topics[index % len(topics)]
            words = ", ".join(TOPICS[topic])
            text = f"Note {index} about {topic}. It explains {words}. Step one: look. Step two: try again."
            database.write("INSERT INTO documents (id, topic, text) VALUES (?, ?, ?)", (index, topic, text))


class Steps:
    """The computations of the nodes, on one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def fetch(self, given: dict[str, Any], _: Outputs) -> dict[str, Any]:
        """Documents that share a word with the text."""
        words = sorted(set(_WORD.findall(given["text"].lower())))[:8]
        where = " OR ".join("text LIKE ?" for _ in words) or "0"
        rows = self._backend.database.rows(
            f"SELECT id, text FROM documents WHERE {where} ORDER BY id LIMIT 5",  # noqa: S608 - only question marks are put in
            [f"% {word}%" for word in words],
        )
        return {"documents": rows}

    async def classify(self, given: dict[str, Any], _: Outputs) -> dict[str, Any]:
        """The topic whose words occur most, and whether it is urgent."""
        words = Counter(_WORD.findall(given["text"].lower()))
        scores = {topic: sum(words[word] for word in known) for topic, known in TOPICS.items()}
        topic = max(scores, key=lambda name: scores[name])
        return {"topic": topic if scores[topic] else "other", "scores": scores, "urgent": not _URGENT.isdisjoint(words)}

    async def branch(self, _: dict[str, Any], outputs: Outputs) -> dict[str, Any]:
        """Which tools to call."""
        return {"take": ["keywords", "mood", "escalate" if outputs["classify"]["urgent"] else "estimate"]}

    async def keywords(self, given: dict[str, Any], _: Outputs) -> dict[str, Any]:
        """Tool: the five most frequent long words."""
        await self._call(given, "keywords")
        words = Counter(word for word in _WORD.findall(given["text"].lower()) if len(word) > 3)
        return {"keywords": [word for word, _ in sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))[:5]]}

    async def mood(self, given: dict[str, Any], _: Outputs) -> dict[str, Any]:
        """Tool: good words minus bad ones."""
        await self._call(given, "mood")
        words = _WORD.findall(given["text"].lower())
        return {"score": sum(word in _GOOD for word in words) - sum(word in _BAD for word in words)}

    async def estimate(self, given: dict[str, Any], outputs: Outputs) -> dict[str, Any]:
        """Tool: effort by the size of what has to be read."""
        await self._call(given, "estimate")
        return {"minutes": 5 + count_tokens(given["text"]) // 20 + 2 * len(outputs["fetch"]["documents"])}

    async def escalate(self, given: dict[str, Any], _: Outputs) -> dict[str, Any]:
        """Tool: a ticket number that depends on the text alone."""
        await self._call(given, "escalate")
        return {"ticket": hashlib.sha256(given["text"].encode()).hexdigest()[:12]}

    async def summarize(self, _: dict[str, Any], outputs: Outputs) -> dict[str, Any]:
        """One sentence from everything before."""
        ticket, minutes = outputs.get("escalate", {}).get("ticket"), outputs.get("estimate", {}).get("minutes")
        todo = f"escalated as {ticket}" if ticket else f"about {minutes} minutes"
        topic, found = outputs["classify"]["topic"], len(outputs["fetch"]["documents"])
        return {"summary": f"Simulated summary: {topic}, {found} documents, mood {outputs['mood']['score']}, {todo}."}

    async def _call(self, given: dict[str, Any], tool: str) -> None:
        """Wait as for a tool that is somewhere else, or fail as one that is asked to."""
        if given.get("fail_at") == tool:
            raise RuntimeError(f"tool {tool} was asked to fail")
        timer = self._backend.timer
        if given.get("tool_delay"):
            delay = parse_delay(given["tool_delay"]).draw(Random(f"{self._backend.settings.seed} {tool} {given['text']}"))
            await timer.until(timer.now() + delay)


def graphs(steps: Steps) -> dict[str, tuple[Node, ...]]:
    """The workflows by name."""
    tools = tuple(
        Node(work.__name__, work, ("fetch", "branch"), work.__name__)
        for work in (steps.keywords, steps.mood, steps.estimate, steps.escalate)
    )
    triage = (
        Node("fetch", steps.fetch),
        Node("classify", steps.classify, ("fetch",)),
        Node("branch", steps.branch, ("classify",)),
        *tools,
        Node("summarize", steps.summarize, tuple(tool.name for tool in tools)),
    )
    tagging = (Node("classify", steps.classify), Node("keywords", steps.keywords, ("classify",)))
    return {"triage": triage, "tagging": tagging}


class RunJournal:
    """Keeps a run's nodes in the database: each change is committed before the run goes on."""

    def __init__(self, database: Database, run: str) -> None:
        self._database, self._run = database, run

    def node(self, name: str, state: State, output: dict[str, Any] | None = None) -> None:
        """See Journal."""
        now = time.time()
        if state is State.RUNNING:
            self._database.write("UPDATE nodes SET state = ?, started = ? WHERE run = ? AND name = ?", (state, now, self._run, name))
            return
        shown = None if output is None else json.dumps(output)
        self._database.write(
            "UPDATE nodes SET state = ?, ended = ?, output = ? WHERE run = ? AND name = ?", (state, now, shown, self._run, name)
        )


async def list_workflows(request: Request) -> Response:
    """The workflows and their graphs."""
    shown = [
        {"name": name, "nodes": [{"name": node.name, "needs": list(node.needs), "when": node.when} for node in nodes]}
        for name, nodes in graphs(Steps(backend_of(request))).items()
    ]
    return JSONResponse({"workflows": shown})


async def create_run(request: Request) -> Response:
    """Run a workflow to its end; `{"text": …, "tool_delay": "5ms", "fail_at": "mood"}`."""
    backend = backend_of(request)
    name = request.path_params["name"]
    nodes = graphs(Steps(backend)).get(name)
    if nodes is None:
        raise Refusal(404, f"there is no workflow {name[:40]!r}; known: triage, tagging", code="not_found")
    given = _input(await read_object(request))
    run = secrets.token_hex(8)
    database = backend.database
    with database.transaction():
        database.write(
            "INSERT INTO runs (id, workflow, state, input, created) VALUES (?, ?, ?, ?, ?)",
            (run, name, State.RUNNING, json.dumps(given), time.time()),
        )
        for node in nodes:
            database.write("INSERT INTO nodes (run, name, state) VALUES (?, ?, ?)", (run, node.name, State.PENDING))
    state, outputs = await execute(nodes, given, RunJournal(database, run))
    output = outputs.get(nodes[-1].name)
    database.write("UPDATE runs SET state = ?, output = ? WHERE id = ?", (state, json.dumps(output), run))
    return JSONResponse(_shown(database, run), 201, headers={"location": f"/api/workflows/runs/{run}"})


async def get_run(request: Request) -> Response:
    """A run and its nodes, as kept."""
    return JSONResponse(_shown(backend_of(request).database, request.path_params["id"]))


def _input(body: dict[str, Any]) -> dict[str, Any]:
    given = {"text": text_field(body, "text")}
    if body.get("fail_at") is not None:
        given["fail_at"] = text_field(body, "fail_at")
    if body.get("tool_delay") is not None:
        try:
            given["tool_delay"] = str(parse_delay(body["tool_delay"]))
        except UsageError as error:
            raise Refusal(400, str(error), param="tool_delay") from None
    return given


def _shown(database: Database, run: str) -> dict[str, Any]:
    row = database.row("SELECT * FROM runs WHERE id = ?", (run,))
    if row is None:
        raise Refusal(404, f"there is no run {run[:40]!r}", code="not_found")
    nodes = database.rows("SELECT name, state, output, started, ended FROM nodes WHERE run = ? ORDER BY name", (run,))
    for node in (row, *nodes):
        node["output"] = json.loads(node["output"]) if node["output"] else None
    return {**row, "input": json.loads(row["input"]), "nodes": nodes}


ROUTES = [
    Route("/api/workflows", list_workflows, methods=["GET"]),
    Route("/api/workflows/{name}/runs", create_run, methods=["POST"]),
    Route("/api/workflows/runs/{id}", get_run, methods=["GET"]),
]
