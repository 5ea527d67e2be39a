from loadstone.synth.speech.conversations import CONVERSATIONS, Exchange
from loadstone.synth.speech.generated import generated
from loadstone.synth.speech.noise import noise, with_noise
from loadstone.synth.speech.resample import resampled
from loadstone.synth.speech.shipped import names, utterance
from loadstone.synth.speech.spoken import installed, spoken
from loadstone.synth.speech.utterance import Utterance, from_sound, joined

__all__ = [
    "CONVERSATIONS",
    "Exchange",
    "Utterance",
    "from_sound",
    "generated",
    "installed",
    "joined",
    "names",
    "noise",
    "resampled",
    "spoken",
    "utterance",
    "with_noise",
]
