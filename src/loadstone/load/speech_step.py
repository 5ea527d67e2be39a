"""Written steps that ask a recogniser or a synthesiser over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadstone.errors import UsageError
from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_template, compile_value


class TranscribeStep(CompiledStep):
    """One sound, which is read from its file once."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        call = step.transcribe
        assert call is not None
        self._path, self._model = compile_template(call.path), compile_template(call.model)
        self._headers, self._extra = compile_value(call.headers), compile_value(call.extra)
        self._plain = {"expected": call.text, "language": call.language, "format": call.format, "stream": call.stream}
        self._file_name = Path(call.file).name
        try:
            self._sound = Path(call.file).read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read the sound: {error.strerror}", where=call.file, hint="transcribe: question.wav") from None

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        return await session.speak("speech").transcribe(
            self._sound,
            name=self.name,
            file_name=self._file_name,
            path=self._path.render(session),
            model=self._model.render(session),
            headers=self._headers(session),
            extra=self._extra(session),
            **self._plain,
        )


class SynthesizeStep(CompiledStep):
    """One text."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        call = step.synthesize
        assert call is not None
        texts = {"text": call.say, "path": call.path, "model": call.model, "voice": call.voice}
        self._texts = {key: compile_template(text) for key, text in texts.items()}
        self._headers, self._extra = compile_value(call.headers), compile_value(call.extra)
        self._plain = {"format": call.format, "rate_hz": call.rate_hz}

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        texts = {key: template.render(session) for key, template in self._texts.items()}
        headers, extra = self._headers(session), self._extra(session)
        return await session.speak("speech").synthesize(**texts, name=self.name, headers=headers, extra=extra, **self._plain)
