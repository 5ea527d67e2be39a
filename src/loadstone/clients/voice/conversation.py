"""A call's script, act by act; it wakes a few times per act, never per frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadstone.clients.voice.hearing import Answer
from loadstone.clients.voice.ledger import Turn
from loadstone.clients.voice.line import Line
from loadstone.clients.voice.mouth import Speech
from loadstone.clock import MILLISECOND, SECOND, now_ns
from loadstone.plan.voice import Act, VoiceSettings

# So long a silence after an interruption, and the agent has stopped: longer than the gaps inside words.
STOPPED_NS = 250 * MILLISECOND
AUDIBLE_NS = 100 * MILLISECOND
INTERRUPTION, ATTENTION = "wait", "mm_hm"  # what is said where the script leaves it open
ATTENTION_NS = SECOND  # after a sound of attention, within which an agent that takes it for an interruption has stopped

Words = Callable[[str, float | None], Speech]  # an utterance by its name or text, with noise so far below it (dB)


class HangUp(Exception):
    """The caller has left, as the script says."""


class Conversation:
    """One pass through a script on an open line."""

    def __init__(self, line: Line, settings: VoiceSettings, words: Words) -> None:
        self._line, self._settings, self._words = line, settings, words
        self._snr_db: float | None = None
        self._pause_ns = round(settings.pause_s * SECOND)
        self._begun_ns = now_ns()
        self._open: Answer | None = None  # was listened to, and is not in the books yet

    async def play(self, script: Sequence[Act]) -> None:
        """All acts, as far as the call lasts."""
        try:
            for act in script:
                if self._line.lost is not None:
                    break
                await getattr(self, f"_{act.kind}")(act)
        except HangUp:
            pass
        finally:
            self._enter()

    # -- acts -------------------------------------------------------------------------------------------------------

    async def _listen(self, act: Act) -> None:
        assert act.listen is not None
        answer, ledger = self._line.ear.answer, self._line.ledger
        self._open = answer
        if await self._onset(answer, self._begun_ns, act.listen.within_s):
            ledger.column("greeting_gap").add(answer.onset_ns - self._begun_ns)
            ledger.lead(answer)
            await self._to_its_end(answer)
        elif self._line.lost is None:
            ledger.fault("no_greeting", "the agent was to speak first, and said nothing")

    async def _speak(self, act: Act) -> None:
        await self._say(act.speak or "")

    async def _wait_answer(self, act: Act) -> None:
        assert act.wait_answer is not None
        line, turn, answer = self._line, self._line.turn, self._line.ear.answer
        self._open = answer
        await self._onset(answer, turn.asked_ns, act.wait_answer.within_s)
        if line.lost is not None and not answer.onset_ns:
            return  # the loss is what is told; nobody knows whether an answer was on its way
        if answer.onset_ns:
            await self._to_its_end(answer)
        if turn.asked_ns:
            line.ledger.turn(turn, answer, waited=line.lost is None)

    async def _barge_in(self, act: Act) -> None:
        assert act.barge_in is not None
        line, ear = self._line, self._line.ear
        answer = await self._into_the_answer(act.barge_in.after_s)
        speech = self._words(act.barge_in.say or INTERRUPTION, self._snr_db)
        self._begin_turn(speech)
        said = line.mouth.say(speech)
        if answer is not None:
            while not line.mouth.voiced_from_ns and line.lost is None:
                await line.until(now_ns() + 20 * MILLISECOND)
            if line.lost is None:
                line.ledger.count("barge_ins")
            await self._stopped(answer, line.mouth.voiced_from_ns)
            self._enter()
        ear.begin_answer()
        await said
        line.turn.asked_ns = line.mouth.voiced_until_ns

    async def _backchannel(self, act: Act) -> None:
        assert act.backchannel is not None
        line = self._line
        answer = await self._into_the_answer(act.backchannel.after_s)
        speech = self._words(act.backchannel.say or ATTENTION, self._snr_db)
        await line.mouth.say(speech)
        if answer is None or line.lost is not None:
            return
        line.ledger.count("backchannels")
        over_ns = now_ns() + ATTENTION_NS
        while line.lost is None and now_ns() < over_ns:
            await line.until(over_ns)
        if line.lost is None and answer.until_ns < over_ns - STOPPED_NS and not answer.complete:
            line.ledger.count("false_yield")

    async def _silence(self, act: Act) -> None:
        await self._pass(act.silence or 0.0)

    async def _mute(self, act: Act) -> None:
        self._line.mouth.mute(on=True)
        await self._pass(act.mute or 0.0)
        self._line.mouth.mute(on=False)

    async def _noise(self, act: Act) -> None:
        assert act.noise is not None
        self._snr_db = act.noise.snr_db

    async def _hang_up(self, act: Act) -> None:
        assert act.hang_up is not None
        if act.hang_up.after_s is not None:
            await self._into_the_answer(act.hang_up.after_s)
        raise HangUp

    # -- parts of acts ----------------------------------------------------------------------------------------------

    async def _pass(self, seconds: float) -> None:
        end = now_ns() + round(seconds * SECOND)
        while self._line.lost is None and now_ns() < end:
            await self._line.until(end)

    def _begin_turn(self, speech: Speech) -> None:
        self._enter()
        self._line.turn = Turn(speech.text)

    async def _say(self, what: str) -> None:
        line, ear = self._line, self._line.ear
        speech = self._words(what, self._snr_db)
        self._begin_turn(speech)
        over_agent = ear.answer.until_ns > now_ns() - AUDIBLE_NS
        if not over_agent:
            ear.begin_answer()
        await line.mouth.say(speech)
        line.turn.asked_ns = line.mouth.voiced_until_ns
        if over_agent:  # what was still being heard is no answer to this
            ear.begin_answer()

    async def _onset(self, answer: Answer, since_ns: int, within_s: float | None) -> bool:
        """Wait until it is audible; False when it does not become so in time. What was sent ahead may yet be cleared."""
        line = self._line
        limit = since_ns + round((within_s or self._settings.within_s) * SECOND)
        while line.lost is None and (now := now_ns()) < limit and not 0 < answer.onset_ns <= now:
            await line.until(min(answer.onset_ns or limit, limit))
        return answer.onset_ns > 0

    async def _to_its_end(self, answer: Answer) -> None:
        """Wait until it is followed by a pause, or the agent has said that it is complete and all of it was heard."""
        line = self._line
        most = answer.onset_ns + round(self._settings.longest_s * SECOND)
        while line.lost is None:
            now = now_ns()
            over = max(answer.until_ns, line.ear.playout.until_ns) if answer.complete else answer.until_ns + self._pause_ns
            if now >= over:
                break
            if now >= most:
                line.ledger.fault("never_stops", f"an answer of more than {self._settings.longest_s:g} s")
                break
            await line.until(min(over, most))
        answer.over = True

    async def _into_the_answer(self, after_s: float) -> Answer | None:
        """Wait until it has been audible for so long; None when there is none, or it has ended by then."""
        line, answer = self._line, self._line.ear.answer
        self._open = answer
        if not await self._onset(answer, line.turn.asked_ns or self._begun_ns, None):
            if line.turn.asked_ns and line.lost is None:
                line.ledger.turn(line.turn, answer)
            return None
        if line.turn.asked_ns:
            line.ledger.turn(line.turn, answer)
        at_ns = answer.onset_ns + round(after_s * SECOND)
        while line.lost is None and now_ns() < at_ns:
            await line.until(at_ns)
        if line.lost is not None:
            return None
        if answer.until_ns < now_ns() - STOPPED_NS:
            line.ledger.fault(
                "short_answer", f"an answer that had ended {after_s:g} s after it began, when the caller was to speak into it"
            )
            return None
        return answer

    async def _stopped(self, answer: Answer, since_ns: int) -> None:
        """Wait until the agent is silent after an interruption, and say when it was."""
        line = self._line
        limit = since_ns + round(self._settings.yield_s * SECOND)
        while line.lost is None:
            stop = answer.until_ns
            silent = stop + STOPPED_NS if line.ear.cleared_ns < since_ns else stop
            now = now_ns()
            if now >= silent:
                line.ledger.column("barge_stop").add(stop - since_ns)
                return
            if now >= limit and stop > limit - STOPPED_NS:
                line.ledger.count("missed_yield")
                return
            await line.until(silent if silent < limit or now >= limit else limit)

    def _enter(self) -> None:
        """The answer that was listened to last goes into the books."""
        answer, self._open = self._open, None
        if answer is not None:
            self._line.ledger.answer(answer)
