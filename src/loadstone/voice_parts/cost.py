"""What processing costs beside the length of what is processed."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.units import format_rtf


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processing for seconds of audio; raises ValueError where there is no audio."""

    processing_s: float
    audio_s: float

    def __post_init__(self) -> None:
        """No audio has no cost per second of it."""
        if not self.audio_s > 0:
            raise ValueError("there is no audio to divide by")

    @property
    def rtf(self) -> float:
        """Real-time factor: processing ÷ audio; below 1 it keeps up."""
        return self.processing_s / self.audio_s

    @property
    def speed(self) -> float:
        """Seconds of audio per second of processing; infinite for none."""
        return self.audio_s / self.processing_s if self.processing_s > 0 else float("inf")

    @property
    def ms_per_s(self) -> float:
        """Milliseconds of processing for a second of audio."""
        return 1_000 * self.rtf

    def __str__(self) -> str:
        """See units.format_rtf."""
        return format_rtf(self.rtf)
