"""Users who call components in process: detectors, turn detectors, a recogniser, a synthesiser."""

from typing import Any

from psutil import Process

import loadstone as ls
from loadstone.stats.turn_taking import Balance, balance
from loadstone.voice_parts.cost import Cost
from loadstone.voice_parts.edges import edges
from loadstone.voice_parts.named import factory_of
from loadstone.voice_parts.sound import Sound, sentences
from loadstone.voice_parts.turns import silences, turn

SENTENCE = "Good morning, how can I help you today?"
EDGES_EVERY = 8  # passes
TURNS = 60  # with two pauses each: enough to show that at most one in twenty is cut off
PATIENCES_MS = (0, 100, 200, 400, 800)  # added to a turn detector's own wait
METRICS = {
    "parts.time": {"unit": "ms", "better": "lower", "meaning": "processing for each second of audio; tag part"},
    "parts.rtf": {"unit": "1", "better": "lower", "meaning": "real-time factor: processing / audio; below 1 it keeps up"},
    "parts.speed": {"unit": "1", "better": "higher", "meaning": "the same the other way round: audio / processing"},
    "parts.memory": {"unit": "B", "kind": "gauge", "better": "lower", "meaning": "resident memory of the process in which a part lives"},
    "parts.growth": {"unit": "B", "better": "lower", "meaning": "that memory less what it was after the first pass"},
    "parts.onset_delay": {"unit": "ms", "better": "lower", "meaning": "first audible sample to the end of the first frame called speech"},
    "parts.tail_delay": {"unit": "ms", "better": "lower", "meaning": "last audible sample to the end of the last frame called speech"},
    "parts.stretches": {"kind": "count", "meaning": "audible stretches that a detector was given"},
    "parts.missed": {"kind": "count", "better": "lower", "share_of": "parts.stretches", "meaning": "stretches it did not hear"},
    "parts.cut": {"kind": "count", "better": "lower", "share_of": "parts.stretches", "meaning": "stretches whose end it did not hear"},
    "parts.pauses": {
        "kind": "count",
        "meaning": "pauses within turns that a turn detector was given; tag patience: so much longer it would wait",
    },
    "parts.cut_offs": {"kind": "count", "better": "lower", "share_of": "parts.pauses", "meaning": "pauses in which it took the turn"},
    "parts.turn_delay": {"unit": "ms", "better": "lower", "meaning": "last audible sample of a turn to the end of the frame that ended it"},
    "parts.turn_ends": {"kind": "count", "meaning": "true ends of turns that a turn detector was given"},
    "parts.not_taken": {
        "kind": "count",
        "better": "lower",
        "share_of": "parts.turn_ends",
        "meaning": "ends that it did not hear within 3 s",
    },
}


class Component(ls.User):
    """Gives a component audio again and again, as one call after another would."""

    process = Process()

    def told(self, cost: Cost) -> None:
        """What one call came to."""
        part = {"part": self.settings["part"]}
        self.record("parts.time", cost.ms_per_s, part)
        self.record("parts.rtf", cost.rtf, part)
        if cost.processing_s > 0:
            self.record("parts.speed", cost.speed, part)
        memory = self.process.memory_info().rss
        self.record("parts.memory", memory, part)
        self.record("parts.growth", max(0, memory - self.vars.setdefault("memory", memory)), part)

    @property
    def sound(self) -> Sound:
        return sentences(self.settings["seconds"], self.settings["rate_hz"])


class Detecting(Component):
    """Feeds a detector frame by frame; now and then a new one, whose onsets and tails are compared with what is known."""

    async def on_start(self) -> None:
        self.make = factory_of(self.settings["part"], "vad")
        self.detector = self.make(self.settings["rate_hz"])
        self.frames = self.sound.frames()
        self.passes = 0

    @ls.task
    async def detect(self) -> None:
        fresh = self.passes % EDGES_EVERY == 0
        detector = self.make(self.settings["rate_hz"]) if fresh else self.detector
        self.passes += 1
        reply = await self.call(listen, detector, self.frames, name=f"vad {self.settings['part']}")
        if reply.ok:
            self.told(Cost(reply.service_time_s, self.sound.seconds))
            if fresh:
                self.compare(reply.value)

    def compare(self, said: list[bool]) -> None:
        """Delays at the edges, and what was not heard at all."""
        part, sound = {"part": self.settings["part"]}, self.sound
        found = edges(said, sound.voiced, sound.rate_hz)
        self.record("parts.stretches", len(sound.voiced), part)
        self.record("parts.missed", found.missed, part)
        self.record("parts.cut", sum(delay < 0 for delay in found.tail_ms), part)
        for onset in found.onset_ms:
            self.record("parts.onset_delay", max(0.0, onset), part)
        for tail in found.tail_ms:
            if tail >= 0:
                self.record("parts.tail_delay", tail, part)


class Turning(Component):
    """Feeds a turn detector one turn after another, each with pauses of other lengths, and adds up what more patience would have done.

    Each turn is judged once: the same one again would say nothing new, and make the figure look surer than it is.
    """

    async def on_start(self) -> None:
        self.make = factory_of(self.settings["part"], "turn_detector")
        self.turns = [turn(number, self.settings["rate_hz"]) for number in range(TURNS)]
        self.heard = 0

    @ls.task
    async def listen(self) -> None:
        said = self.turns[self.heard % TURNS]
        self.heard += 1
        reply = await self.call(listen, self.make(said.rate_hz), said.frames(), name=f"turn detector {self.settings['part']}")
        if reply.ok:
            self.told(Cost(reply.service_time_s, said.seconds))
            for patience_ms in PATIENCES_MS if self.heard <= TURNS else ():
                self.judge(balance(silences(reply.value, said), patience_ms * 1_000_000), patience_ms)

    def judge(self, found: Balance, patience_ms: int) -> None:
        """One point of the curve of cut-offs against delay."""
        tags = {"part": self.settings["part"], "patience": f"+{patience_ms} ms"}
        self.record("parts.pauses", found.pauses, tags)
        self.record("parts.cut_offs", found.cut, tags)
        self.record("parts.turn_ends", found.ends, tags)
        self.record("parts.not_taken", found.unanswered, tags)
        if not found.unanswered:
            self.record("parts.turn_delay", found.median_ns / 1e6, tags)


class Synthesising(Component):
    """Has a sentence spoken."""

    async def on_start(self) -> None:
        self.synthesiser = factory_of(self.settings["part"], "synthesiser")()

    @ls.task
    async def speak(self) -> None:
        reply = await self.call(self.synthesiser, SENTENCE, name=f"synthesis {self.settings['part']}")
        pcm = whole(reply.value)
        if self.check(reply.ok and pcm, "there is audio"):
            self.told(Cost(reply.service_time_s, len(pcm) / 2 / getattr(self.synthesiser, "rate_hz", 16_000)))


class Recognising(Component):
    """Has audio written down: all of it at once, then frame by frame where the recogniser has a method `stream`."""

    async def on_start(self) -> None:
        self.recogniser = factory_of(self.settings["part"], "recogniser")(self.settings["rate_hz"])

    @ls.task
    async def recognise(self) -> None:
        part, sound = self.settings["part"], self.sound
        reply = await self.call(self.recogniser, sound.pcm, name=f"recognition {part}")
        if reply.ok:
            self.told(Cost(reply.service_time_s, sound.seconds))
        if hasattr(self.recogniser, "stream"):
            await self.call(self.recogniser.stream, sound.frames(), name=f"recognition {part}, streamed")


def listen(detector: Any, frames: list[bytes]) -> list[bool]:
    """What a detector says of each frame."""
    return [bool(detector(frame)) for frame in frames]


def whole(value: Any) -> bytes:
    """The audio that a synthesiser gave, in one piece or in several."""
    return value if isinstance(value, bytes) else b"".join(value) if isinstance(value, list) else b""
