"""The pool of processes in which the real agent recognises and synthesizes; jobs wait in order when all are at work."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from loadstone.reference.voice.parts import ESPEAK, SPHINX, synthesizer
from loadstone.reference.voice.script import GRAMMAR
from loadstone.reference.voice.worker import DONE, HEAD, RECOGNISE, SYNTHESIZE, WHISPER
from loadstone.reference.voice.worker import ESPEAK as BY_ESPEAK


class PartFailed(Exception):
    """A part could not do its job; the text says why."""


class Workers:
    """Started with the first job, `count` at once; they end when the backend does, also when it is killed: their input ends."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._jobs: asyncio.Queue[tuple[bytes, bytes, asyncio.Future[bytes]]] = asyncio.Queue()
        self._serving: list[asyncio.Task[None]] = []
        self.waiting_max = 0

    async def recognise(self, pcm: bytes, by: str = SPHINX) -> str:
        """The words in PCM16 at 16 kHz; empty when there are none. Raises PartFailed."""
        return (await self._result(RECOGNISE if by == SPHINX else WHISPER, pcm)).decode()

    async def synthesize(self, text: str, by: str = "") -> bytes:
        """PCM16 at 16 kHz, by the synthesizer that is installed unless one is named. Raises PartFailed."""
        return await self._result(BY_ESPEAK if by == ESPEAK else SYNTHESIZE, text.encode())

    def start(self) -> None:
        """Begin to start the processes; twice does no harm."""
        if not self._serving:
            self._serving = [asyncio.ensure_future(self._serve()) for _ in range(self._count)]

    def close(self) -> None:
        """End them."""
        for task in self._serving:
            task.cancel()

    async def _result(self, kind: bytes, body: bytes) -> bytes:
        self.start()
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait((kind, body, result))
        self.waiting_max = max(self.waiting_max, self._jobs.qsize())
        return await result

    async def _serve(self) -> None:
        """One process and its jobs; a process that dies is replaced, and its job fails."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "loadstone.reference.voice.worker", GRAMMAR, synthesizer() or ""),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            try:
                await self._work(process)
            finally:
                if process.returncode is None:
                    process.kill()
            await process.wait()

    async def _work(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        while True:
            kind, body, result = await self._jobs.get()
            if result.cancelled():  # the caller went on speaking, or hung up
                continue
            try:
                process.stdin.write(HEAD.pack(kind, len(body)) + body)
                outcome, size = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
                answer = await process.stdout.readexactly(size)
            except (OSError, asyncio.IncompleteReadError):
                if not result.done():
                    result.set_exception(PartFailed("the worker process ended"))
                return
            except BaseException:
                result.cancel()
                raise
            if result.done():
                continue
            if outcome == DONE:
                result.set_result(answer)
            else:
                result.set_exception(PartFailed(answer.decode("utf-8", "replace")))
