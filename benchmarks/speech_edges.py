"""`python -m benchmarks.speech_edges`: how far off the edges of sound are that we hear, by background, and what hearing costs."""

from __future__ import annotations

import time

from loadstone.stats.voiced import Voiced, voiced
from loadstone.synth.speech import names, utterance, with_noise
from loadstone.synth.speech.noise import KINDS, Kind
from loadstone.synth.speech.utterance import RATES_HZ

SNRS_DB = (30, 20, 15, 10)
TRIES = 7


def errors_ms(snr_db: float | None, kind: Kind) -> tuple[list[float], list[float]]:
    """How much later than in truth sound begins and ends, of everything that ships at every rate."""
    onsets, ends = [], []
    for rate_hz in RATES_HZ:
        for name in names():
            said = utterance(name, rate_hz).within(700, 500)
            found = voiced(said.pcm if snr_db is None else with_noise(said.pcm, snr_db, 3, rate_hz=rate_hz, kind=kind), rate_hz)
            onsets.append((found[0][0] - said.voiced[0][0]) * 1_000 / rate_hz)
            ends.append((found[-1][1] - said.voiced[-1][1]) * 1_000 / rate_hz)
    return sorted(onsets), sorted(ends)


def cost_us(rate_hz: int, frames: list[bytes]) -> float:
    """CPU per frame of 20 ms, the least of several tries."""
    tries = []
    for _ in range(TRIES):
        detector, began = Voiced(rate_hz), time.process_time()
        for frame in frames:
            detector.add(frame)
        tries.append((time.process_time() - began) / len(frames) * 1e6)
    return min(tries)


def main() -> None:
    """Prints both tables."""
    print("background        onset error (ms): median, worst      end error (ms): median, worst")
    for kind in KINDS:
        for snr_db in (None, *SNRS_DB) if kind == "white" else SNRS_DB:
            onsets, ends = errors_ms(snr_db, kind)
            worst = [max(each, key=abs) for each in (onsets, ends)]
            label = f"{kind} {snr_db} dB" if snr_db is not None else "none"
            print(f"{label:18}{onsets[len(onsets) // 2]:8.0f}{worst[0]:8.0f}{'':22}{ends[len(ends) // 2]:8.0f}{worst[1]:8.0f}")
    for rate_hz in RATES_HZ:
        frames = utterance("hotel", rate_hz).frames()
        speech, silence = cost_us(rate_hz, frames), cost_us(rate_hz, [bytes(len(frames[0]))] * 500)
        print(f"{rate_hz} Hz: {speech:.1f} µs a frame of speech, {silence:.1f} µs of silence")


if __name__ == "__main__":
    main()
