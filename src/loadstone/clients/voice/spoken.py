"""The body of a synthesiser's answer: sound that is kept while it comes, with the stamps that say when it could be heard."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from loadstone.clients.http1 import Head
from loadstone.clients.stream import Link
from loadstone.clients.voice.wav import Form, Sound, SoundFault, raw_sound, read_form, read_wav
from loadstone.clock import SECOND

TEXTS = ("application/json", "text/", "application/problem+json", "application/xml")


class SpokenBody:
    """The sink of one exchange (clients.stream.BodySink).

    first_sound_ns: stamp of the read that brought the first byte of sound, past a WAV's head; 0 when none came
    """

    __slots__ = ("_accepts", "_data", "_rate_hz", "_sizes", "_stamps", "content_type", "first_sound_ns", "taken")

    def __init__(self, accepts: frozenset[int], rate_hz: int | None) -> None:
        """`rate_hz` of raw PCM; None for a WAV."""
        self._accepts, self._rate_hz = accepts, rate_hz
        self._data = bytearray()
        self._stamps, self._sizes = array("q"), array("q")
        self.first_sound_ns = 0
        self.content_type = ""
        self.taken = False

    def on(self, link: Link) -> None:
        """See BodySink."""

    def begin(self, head: Head) -> bool:
        """See BodySink: an error's text stays with the reply."""
        self._data.clear()  # of an answer that led elsewhere
        self._stamps, self._sizes, self.first_sound_ns = array("q"), array("q"), 0
        self.content_type = dict(head.headers()).get("content-type", "").partition(";")[0].strip().lower()
        self.taken = head.status in self._accepts and head.encoding in {b"", b"identity"}
        return self.taken

    def piece(self, data: bytes, end_ns: int) -> None:
        """See BodySink."""
        self._data += data
        if not self.first_sound_ns:
            if not self._begins_sound():
                return
            self.first_sound_ns = end_ns
        self._stamps.append(end_ns)
        self._sizes.append(len(self._data))

    def _begins_sound(self) -> bool:
        if self._rate_hz is not None:
            return True
        form = self._form()
        return isinstance(form, Form) and len(self._data) > form.start

    def _form(self) -> Form | SoundFault | None:
        return read_form(bytes(self._data[:4_096]))

    @property
    def is_text(self) -> bool:
        """Did words come where sound was due?"""
        return self.content_type.startswith(TEXTS) or self._data[:1] == b"{"

    def sound(self) -> Sound:
        """Everything that came."""
        data = bytes(self._data)
        return read_wav(data) if self._rate_hz is None else raw_sound(data, self._rate_hz)

    def dry_ns(self) -> int:
        """How long a listener who plays what came at once waits within the answer, in all, because the next sound is not there yet."""
        form = self._form() if self._rate_hz is None else None
        start = form.start if isinstance(form, Form) else 0
        per_s = form.bytes_per_s if isinstance(form, Form) else 2 * (self._rate_hz or 1)
        return dry_ns(self._stamps, [size - start for size in self._sizes], per_s)


def dry_ns(stamps: Sequence[int], sizes: Sequence[int], bytes_per_s: int) -> int:
    """Time without sound between the first piece and the last.

    stamps: when each piece came, ns; sizes: bytes of sound that were there with it, all together
    """
    if not stamps:
        return 0
    dry = 0
    for stamp, before in zip(stamps[1:], sizes, strict=False):
        ends = stamps[0] + dry + before * SECOND // bytes_per_s
        dry += max(0, stamp - ends)
    return dry
