"""A store of sessions filled by a process that will be killed, and read by the next one: `python -m … write|read WHERE`."""

import asyncio
import inspect
import json
import sys
from typing import Any

from loadstone.suites.voice.own_sessions import opened

EACH = 20  # messages of a session, then a new one


def main(what: str, where: str) -> None:
    """Write: a line `[session, text]` for each message, after the store has taken it. Read: how many of the lines' messages are lost."""
    sys.path.insert(0, "")  # a store of the user's own lies in the folder where the command was started
    asyncio.run(write(where) if what == "write" else read(where))


async def write(where: str) -> None:
    """Until it is killed."""
    store = opened(where)
    while True:
        session = await ended(store.create("caller"))
        for number in range(EACH):
            text = f"message {number} of session {session}."
            await ended(store.insert(session, text))
            sys.stdout.write(json.dumps([session, text], default=str) + "\n")
            sys.stdout.flush()


async def read(where: str) -> None:
    """A message is there when its text stands in one of those that the store gives."""
    store, lost = opened(where), 0
    wanted: dict[str, list[str]] = {}
    for line in sys.stdin:
        session, text = json.loads(line)
        wanted.setdefault(json.dumps(session), []).append(text)
    for session, texts in wanted.items():
        found = [str(each) for each in await ended(store.query(json.loads(session)))]
        lost += sum(not any(text in each for each in found) for text in texts)
        await ended(store.delete(json.loads(session)))
    sys.stdout.write(str(lost))


async def ended(value: Any) -> Any:
    """What a method gave, awaited where it is `async`."""
    return await value if inspect.isawaitable(value) else value


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
