"""The section on calls."""

from typing import Any

from loadstone.report.document import Count, Distribution, Document, VoiceTargets
from loadstone.report.sheet import Sheet
from loadstone.report.text_voice import voice


def section(targets: VoiceTargets | None = None, **values: Any) -> str:
    metrics: dict[str, Any] = {}
    for name, value in values.items():
        metrics[f"voice.{name}"] = Count(unit="1", count=value, rate=value / 10) if isinstance(value, int) else value
    document = Document.model_construct(metrics=metrics, steps=[], voice_targets=targets)
    sheet = Sheet(100, color=False, unicode=True)
    voice(document, sheet)
    return " ".join(str(sheet).split())


def spread(value: float, unit: str = "ms") -> Distribution:
    return Distribution(
        unit=unit, count=100, beyond=0, mean=value, min=value, p50=value, p90=value, p95=value, p99=value, p99_9=value, max=value
    )


def test_nothing_is_said_where_nobody_was_called_or_asked() -> None:
    assert section(VoiceTargets(response_gap_ms=800, barge_stop_ms=200)) == ""


def test_the_targets_of_the_plan_are_told_as_rules_of_thumb() -> None:
    text = section(VoiceTargets(response_gap_ms=450, barge_stop_ms=120), calls=3)
    assert "rules of thumb, no gates: a response gap below 450 ms; below 120 ms to stop when interrupted" in text


def test_a_document_that_tells_no_targets_has_no_line_for_them() -> None:
    assert "rules of thumb" not in section(calls=3)


def test_speech_services_tell_their_real_time_factor_both_ways() -> None:
    text = section(stt_requests=4, stt_errors=1, stt_rtf=spread(0.032, "1"), tts_requests=2)
    assert "recogniser 4 requests, 1 of them failed; RTF 0.03 (31x real time) on average" in text
    assert "synthesis 2 requests, 0 of them failed" in text
    assert "calls" not in text
