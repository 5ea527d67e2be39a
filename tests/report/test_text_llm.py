"""The section on language models."""

from typing import Any

from loadstone.report.document import Count, Distribution, Document, TokenCounting
from loadstone.report.sheet import Sheet
from loadstone.report.text_llm import language_model


def section(counting: TokenCounting | None = None, **values: Any) -> str:
    metrics: dict[str, Any] = {}
    for name, value in values.items():
        metrics[f"llm.{name}"] = Count(unit="1", count=value, rate=value / 10) if isinstance(value, int) else value
    document = Document.model_construct(metrics=metrics, steps=[], token_counting=counting)
    sheet = Sheet(80, color=False, unicode=True)
    language_model(document, sheet)
    return str(sheet).strip()


def spread(p50: float, count: int = 100, **more: Any) -> Distribution:
    return Distribution(unit="ms", count=count, beyond=0, mean=p50, min=p50, p50=p50, p90=p50, p95=p50, p99=p50, p99_9=p50, max=p50, **more)


def test_nothing_is_said_where_no_model_was_asked() -> None:
    assert section() == ""
    assert section(requests=0) == ""


def test_times_tokens_and_who_counted_them_are_told() -> None:
    text = section(requests=100, output_tokens=6400, counted_by_server=100, concurrency=160, ttft=spread(50.2), ttft_any=spread(50.2))
    assert "llm.ttft " in text
    assert "llm.ttft_any" not in text  # the same values under another name
    assert "640/s in all" in text
    assert "by the server" in text
    assert "16.0 answers at once" in text
    assert "faked" not in text
    assert "stalls" not in text


def test_a_tokenizer_that_counted_is_named() -> None:
    counting = TokenCounting(counted_by="tokenizer", tokenizer="my_tokens:count", answers={"tokenizer": 100})
    text = section(counting, requests=100, output_tokens=6400, counted_by_tokenizer=100, ttft=spread(50.2), ttft_any=spread(50.2))
    assert "by the plan's tokenizer my_tokens:count" in text


def test_what_is_wrong_with_streams_is_told_with_its_share() -> None:
    text = section(
        requests=100, errors=20, truncated=5, cancelled=1, stalls=7, stalled=4, stall_time=spread(500), faked_streams=10,
        counted_by_chunks=80, counted_by_server=20, ttft=spread(50), ttft_any=spread(20), cost=spread(0.5), output_tokens=1000,
    )  # fmt: skip
    assert "20 failed (20%), 5 truncated (5%), 1 left by the client (1%)" in text
    assert "7 in 4 answers (4%), the longest 500 ms" in text
    assert "10 answers (10%) were sent as a stream" in text
    assert "by the server (20%), as chunks, each taken for one token (80%)" in text
    assert "llm.ttft_any" in text
    assert "50 in all, 0.5 per answer, 50 per 1,000 tokens out" in text
