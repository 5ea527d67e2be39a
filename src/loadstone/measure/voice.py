"""The metrics of calls with voice agents: each time with its two anchors, as `from → to`."""

from __future__ import annotations

from typing import Literal, NamedTuple

ASKED, HEARD = "last voiced sample sent", "first audible sample of the agent due for playout"


class Time(NamedTuple):
    """A time between two anchors."""

    name: str
    start: str
    end: str
    more: str = ""

    @property
    def anchors(self) -> str:
        """`from → to`."""
        return f"{self.start} → {self.end}"

    @property
    def meaning(self) -> str:
        """The anchors, and what is to be said beside them."""
        return f"{self.anchors}{f'; {self.more}' if self.more else ''}"


class Tally(NamedTuple):
    """A count; times that add up are counted in ns."""

    name: str
    meaning: str
    better: Literal["lower", "higher", "neither"] = "neither"
    share_of: str | None = None
    in_ns: bool = False


TIMES = (
    Time("voice.response_gap", ASKED, HEARD, more="a turn without an answer is longer than anything recorded, never 0"),
    Time("voice.greeting_gap", "call set up", HEARD),
    Time("voice.first_byte_gap", ASKED, "first audio of the answer received, audible or not"),
    Time("voice.tts_lead_silence", "first sample of the answer due for playout", HEARD),
    Time("voice.endpoint_delay", ASKED, "the agent says that the caller has finished", more="only of protocols that say so"),
    Time("voice.barge_stop", "first voiced sample of the interruption sent", "last audible sample of the agent heard"),
    Time("voice.stall", "the playout buffer ran dry within an answer", "a whole frame was there again"),
    Time("voice.stt_final_gap", ASKED, "final transcript of the caller's words received", more="only of agents that send it"),
    Time("voice.call_setup", "connection asked for", "the agent is ready to listen"),
    Time("voice.frame_lateness", "a frame of the caller was due", "it was handed to the kernel", more="the generator's own share"),
    Time(
        "voice.frame_age",
        "the oldest frame that the target has not taken from the network was sent",
        "now, once a second of each call",
        more="grows when the target's queue does",
    ),
)

TALLIES = (
    Tally("voice.calls", "calls begun", "higher"),
    Tally("voice.call_errors", "calls that could not be set up, or were lost before their script ended", "lower", "voice.calls"),
    Tally(
        "voice.call_time",
        "the time that calls were up, all together; per second of load, in seconds, it is how many were up at once",
        in_ns=True,
    ),
    Tally("voice.bursts", "calls whose agent sent more than a second ahead of what could be heard", share_of="voice.calls"),
    Tally("voice.turns", "turns of the caller that an answer was due to", "higher"),
    Tally("voice.dead_turn", "turns that were never answered: they have no response gap", "lower", "voice.turns"),
    Tally("voice.early_cut", "turns in which the agent became audible before the caller had finished", "lower", "voice.turns"),
    Tally("voice.barge_ins", "times that the caller spoke into an audible answer"),
    Tally("voice.missed_yield", "interruptions after which the agent spoke on", "lower", "voice.barge_ins"),
    Tally("voice.backchannels", "sounds of attention made into an audible answer"),
    Tally("voice.false_yield", "sounds of attention at which the agent stopped", "lower", "voice.backchannels"),
    Tally("voice.speech_time", "the time that answers lasted, from their first audible sample to their last, all together", in_ns=True),
    Tally("voice.stall_time", "the part of it in which the playout buffer was dry", "lower", "voice.speech_time", in_ns=True),
    Tally("voice.faults", "what was wrong with audio, events or behaviour of the agent, by kind", "lower", "voice.turns"),
    Tally("voice.unknown_events", "events of the agent that the protocol does not know"),
)

CALIBRATION = "voice.calibration"
CALIBRATION_MEANING = "largest error of the caller against an oracle that answers after a known time, before the load"
FRAME_LATENESS = "voice.frame_lateness"
MOST_ERROR_MS = 5.0  # of the calibration, and of the lateness of frames at p99: above it there is no verdict on voice
