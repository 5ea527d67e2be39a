"""Calls of one user: dial, hold the conversation, hang up. A call that goes wrong is recorded, never raised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.ground import Ground
from loadstone.clients.http import Place
from loadstone.clients.message import Message
from loadstone.clients.voice.calibration import TURNS, CalibrationOracle, beep, error_ms
from loadstone.clients.voice.carrier import CallConnection, StreamConnection
from loadstone.clients.voice.conversation import Conversation, Words
from loadstone.clients.voice.dialect import Dialect, StreamDialect
from loadstone.clients.voice.dialects import dialect as dialect_of
from loadstone.clients.voice.ledger import MUCH_AHEAD_NS, Ledger
from loadstone.clients.voice.line import Line
from loadstone.clients.voice.mouth import Speech
from loadstone.clients.voice.pcm import PcmDialect
from loadstone.clients.voice.utterances import Utterances
from loadstone.clients.websocket_client import WebSocketClients
from loadstone.clock import MILLISECOND, SECOND, Timers, now_ns
from loadstone.measure.recorder import MOST_STEPS, OTHER_STEP, Recorder
from loadstone.measure.snapshot import Series, Tags
from loadstone.measure.voice import MOST_ERROR_MS
from loadstone.plan.voice import Act, VoiceSettings, Waiting

READY_S = 10.0
MID_WORD_NS = 100 * MILLISECOND  # between the last audible sample of an answer and the end of the call
CALIBRATING = (Act(speak=""), Act(wait_answer=Waiting(within=2.0))) * TURNS

# Of each worker, whose timers they are, by rate: what was exact enough is not measured again by its next scenario.
_CALIBRATIONS: WeakKeyDictionary[Timers, dict[int, float]] = WeakKeyDictionary()


class VoiceClients:
    """Callers of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self.http, self.timers, self.scenario = ground.http, ground.timers, ground.scenario
        self.settings: VoiceSettings = ground.plan.voice
        self.sockets = WebSocketClients(ground)
        self.sockets.settings = ground.plan.websocket.model_copy(update={"deflate": False})  # sound does not deflate
        self.utterances = Utterances(self.settings.rate_hz)
        self.calibration_ms: float | None = _CALIBRATIONS.get(self.timers, {}).get(self.settings.rate_hz)
        self._calibrating: asyncio.Task[None] | None = None
        self._ledgers: dict[Tags, Ledger] = {}
        self.new_dialect()  # a rate or an option that cannot be ends the run before there is load

    def client(self, place: Place) -> VoiceClient:
        """One user's."""
        return VoiceClient(self, place)

    def ledger(self, step: str, tags: Mapping[str, str]) -> Ledger:
        """The columns of a step; past a limit all further steps are one."""
        key = tuple(sorted({**tags, "scenario": self.scenario, "step": step}.items()))
        found = self._ledgers.get(key)
        if found is None:
            if len(self._ledgers) >= MOST_STEPS:
                step, key = OTHER_STEP, (("scenario", self.scenario), ("step", OTHER_STEP))
                if key in self._ledgers:
                    return self._ledgers[key]
            found = self._ledgers[key] = Ledger(self.http.recorder, self.scenario, step, key)
        return found

    def new_dialect(self) -> Dialect | StreamDialect:
        """A call's own; raises UsageError."""
        settings = self.settings
        options = dict(settings.options)
        if settings.encoding != "pcm16" and settings.protocol == "pcm":
            options["encoding"] = settings.encoding
        return dialect_of(settings.protocol, settings.rate_hz, **options)

    async def calibrated(self) -> None:
        """Wait until it is known how exact this worker is; the first caller measures it for all, and for the scenarios that follow."""
        if not self.settings.calibrate or self.calibration_ms is not None:
            return
        if self._calibrating is None:
            self._calibrating = asyncio.ensure_future(self._calibrate())
        await asyncio.shield(self._calibrating)

    async def _calibrate(self) -> None:
        rate_hz = self.settings.rate_hz
        settings = VoiceSettings(rate=rate_hz, pause=0.1)
        recorder = Recorder()
        ledger = Ledger(recorder, "", "calibration", ())
        tone = Speech(beep(rate_hz), rate_hz)
        with CalibrationOracle(rate_hz) as oracle:
            call = Call(self, ledger, settings, PcmDialect(rate_hz), lambda _what, _snr: tone)
            try:
                await call.hold(oracle.url, {}, CALIBRATING)
            except Failed:
                return
            gaps = list(recorder.column("", Series("voice.response_gap", ()))._values)  # noqa: SLF001  in order, before they are folded
            self.calibration_ms = error_ms(gaps, oracle.truths_ns)
        if self.calibration_ms is not None and self.calibration_ms < MOST_ERROR_MS:
            _CALIBRATIONS.setdefault(self.timers, {})[rate_hz] = self.calibration_ms


class Call:
    """One call, from dialling to hanging up."""

    def __init__(
        self, shared: VoiceClients, ledger: Ledger, settings: VoiceSettings, dialect: Dialect | StreamDialect, words: Words
    ) -> None:
        self._shared, self._ledger, self._settings, self._dialect, self._words = shared, ledger, settings, dialect, words
        self._carrier: CallConnection | None = None
        self.line: Line | None = None

    async def hold(self, url: str, headers: Mapping[str, str], script: Sequence[Act]) -> None:
        """The whole call; raises Failed when it could not be set up, or was lost before its script ended."""
        asked = now_ns()
        line = await self._dial(url, headers)
        try:
            line.send(self._dialect.hello())
            limit = now_ns() + round(READY_S * SECOND)
            while not line.ready and line.lost is None and now_ns() < limit:
                await line.until(limit)
            if not line.ready:
                raise line.lost or Failed(Kind.TIMEOUT_FIRST_BYTE, f"the agent was not ready within {READY_S:g} s")
            begun = now_ns()
            self._ledger.column("call_setup").add(begun - asked)
            line.mouth.begin(begun)
            conversation = Conversation(line, self._settings, self._words)
            try:
                await conversation.play(script)
            finally:
                self._ledger.count("call_time", now_ns() - begun)
            if line.lost is not None:
                raise self._lost(line, line.lost)
            if line.ear.most_ahead_ns > MUCH_AHEAD_NS:
                self._ledger.count("bursts")
        finally:
            self._hang_up(line)

    async def _dial(self, url: str, headers: Mapping[str, str]) -> Line:
        shared = self._shared
        wanted = shared.sockets.upgrade(url, None, headers)
        stream = not hasattr(self._dialect, "read")
        carrier = await shared.http.connect(StreamConnection if stream else CallConnection, wanted.origin, lambda _took: None)
        self._carrier = carrier
        try:
            if not isinstance(carrier, StreamConnection):
                await carrier.upgrade(wanted, shared.sockets.settings.max_message_bytes)
        except BaseException:
            carrier.close()
            raise
        line = self.line = Line(carrier, self._dialect, shared.timers, self._ledger)
        if isinstance(carrier, StreamConnection):
            carrier.begin_stream(line)
        else:
            carrier.begin(line)
        return line

    @staticmethod
    def _lost(line: Line, failed: Failed) -> Failed:
        # An agent that sends in real time is a frame ahead at most: what it said may have been heard just before it left.
        answer = line.ear.answer
        if answer.until_ns > now_ns() - MID_WORD_NS and not answer.complete:
            return Failed(Kind.CLOSED_EARLY, f"in mid-word: {failed.text}")
        return failed

    def _hang_up(self, line: Line) -> None:
        line.mouth.close()
        if line.lost is None:
            line.send(self._dialect.bye())
            line.good_bye()
        line.carrier.close()

    def abort(self) -> None:
        """Leave at once."""
        if self.line is not None:
            self.line.mouth.close()
        if self._carrier is not None:
            self._carrier.close()


class VoiceClient:
    """One user's calls, one at a time."""

    def __init__(self, shared: VoiceClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self._call: Call | None = None
        self.calls = 0

    @property
    def settings(self) -> VoiceSettings:
        """What the plan says of all calls."""
        return self._shared.settings

    async def calibrated(self) -> None:
        """Wait until it is known how exact this worker is."""
        await self._shared.calibrated()

    async def call(self, script: Sequence[Act], *, path: str = "", headers: Mapping[str, str] | None = None, name: str = "call") -> Message:
        """Hold one call; the answer is `ok` when it lasted as long as its script.

        script: the acts, as plans write them
        path:   below the target, or a URL; the plan's `voice.path` unless given
        """
        shared = self._shared
        await shared.calibrated()
        ledger = shared.ledger(name, self._place.tags)
        if shared.calibration_ms is not None:
            ledger.level("calibration", shared.calibration_ms)
        ledger.count("calls")
        self.calls += 1
        self._place.take_due()
        call = self._call = Call(shared, ledger, shared.settings, shared.new_dialect(), shared.utterances.find)
        try:
            await call.hold(path or shared.settings.path, headers or {}, script)
        except Failed as failed:
            kind = failed.text.split()[1] if failed.kind is Kind.STATUS else failed.kind
            ledger.lost(kind, failed.text)
            return Message("", failure=failed.kind, reason=failed.text)
        finally:
            self._call = None
        return Message("")

    def close(self) -> None:
        """Leave at once, as at the end of a run."""
        if self._call is not None:
            self._call.abort()
