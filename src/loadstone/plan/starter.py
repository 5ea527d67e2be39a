"""The files that `loadstone init` and `loadstone config write` start a user with: complete, commented, and running."""

from __future__ import annotations

YAML = """\
# A Loadstone suite. Start a backend in one terminal:   loadstone serve --port 8000
# then, in another:                                      loadstone check {file}   (prints the plan, sends nothing)
#                                                        loadstone run {file}
name: {name}
target: http://127.0.0.1:8000      # or: loadstone run {file} --target http://...

http:
  timeouts: {{connect: 5s, first_byte: 10s, total: 30s}}
  # headers: {{X-Client: loadstone}}
  # auth: {{bearer: "${{env:API_TOKEN}}"}}   # read when the run starts; never printed or stored

scenarios:
  browse:
    # Users that come one after another, whatever the target does (an open model).
    # Others: constant-users, ramping-users, ramping-rate, poisson-rate, stages, spike, burst, soak, shared-iterations.
    profile: {{kind: poisson-rate, rate: 20/s, duration: 10s}}
    warm_up: 2s                     # measured and shown, but not judged
    steps:
      - get: /health
        name: health
      - get: /api/items
        name: items
        checks: [status == 200, header content-type ~ json]
      - post: /api/items
        name: add
        json: {{name: "item ${{uuid}}", price: 5}}
        expect: 2xx
        extract: {{item: json.id}}    # later steps write ${{vars.item}}
      - get: /api/items/${{vars.item}}
        name: read
        checks: [json.id exists, response_time < 1s]

  ask:
    # A fixed number of users, each of which goes on when its answer has come (a closed model).
    profile: {{kind: constant-users, users: 5, duration: 10s}}
    think: 200ms..600ms             # between two passes through the steps
    steps:
      - post: /api/ask
        name: ask
        json: {{question: "What is ${{randint 1 10}} and ${{randint 1 10}}?"}}

gates:                              # each passes, fails, or has no data; no data is never a pass
  - p95(http.response_time) < 2s
  - rate(http.errors) < 1%
  - gate: p90(http.response_time{{step=ask}}) < 5s
    name: answers come in time
"""

PYTHON = '''\
"""A Loadstone suite. Start a backend with `loadstone serve --port 8000`, then `loadstone run {file}`."""

import loadstone as ls


class Visitor(ls.User):
    """Reads the items, sometimes adds one."""

    weight = 3  # three visitors for each asker
    think = ls.between("200ms", "600ms")  # between two tasks

    @ls.task(weight=4)
    async def browse(self):
        reply = await self.http.get("/api/items", name="items")
        self.check(reply.status == 200, "items answered")

    @ls.task(tags={{"kind": "write"}})
    async def add(self):
        async with self.group("basket"):
            reply = await self.http.post("/api/items", json={{"name": f"item {{self.index}}", "price": 5}}, name="add")
            self.check(reply.status < 300, "item added")


class Asker(ls.User):
    """Asks a question each second."""

    pacing = ls.pacing("1s")

    @ls.task
    async def ask(self):
        question = f"What is {{self.rng.randint(1, 10)}} and {{self.rng.randint(1, 10)}}?"
        await self.http.post("/api/ask", json={{"question": question}}, name="ask")


suite = ls.Suite(
    "{name}",
    target="http://127.0.0.1:8000",
    scenarios=[ls.Scenario("visitors", [Visitor, Asker], ls.constant_users(8, "10s"), warm_up="2s")],
    gates=["p95(http.response_time) < 2s", "rate(http.errors) < 1%"],
)
'''


def starter(file: str, name: str, *, python: bool) -> str:
    """The text of a first suite."""
    return (PYTHON if python else YAML).format(file=file, name=name)
