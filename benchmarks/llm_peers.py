"""Other load generators for LLM endpoints, and what each says about a run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import environment, home_of
from benchmarks.processes import Failed, Finished, run

# Neither peer starts without a tokenizer, and both would fetch one: this one is made on the spot.
MAKE_TOKENIZER = """
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

words = {"<unk>": 0, "<eos>": 1, "word": 2} | {f"w{k}": k + 3 for k in range(1000)}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
special = {"unk_token": "<unk>", "eos_token": "<eos>", "bos_token": "<eos>", "pad_token": "<eos>"}
PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(sys.argv[1])
"""
PROMPT_TOKENS = 16
# From 0.5 on the client imports the server, and the server torch; pybase64 and pydantic it uses without asking for them.
SGLANG = ["sglang>=0.4.10,<0.4.11", "transformers<5", "pybase64", "pydantic"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client says of the streams it read; times in milliseconds.

    ttft_p99:  None when the client had too few answers to say
    gap:       between tokens, or what the client offers in its place
    cpu_s:     CPU time of all its processes, start included
    coalesced: share of its reads, 0 to 1, that had more than one event and so only one time; None when it does not say
    """

    answers: float
    per_s: float
    cpu_s: float
    ttft_p50: float
    ttft_p99: float | None
    gap_p50: float
    gap_p99: float
    coalesced: float | None = None


Client = Callable[[str, int, int, int], Seen]  # url, concurrent streams, answers, tokens of an answer


def tokenizer_of(home: Path) -> Path:
    """The tokenizer, made once with the libraries of the peer's environment."""
    folder = home / "bench-tokenizer"
    if not (folder / "tokenizer.json").exists():
        done = run([str(home / "bin" / "python"), "-c", MAKE_TOKENIZER, str(folder)], core=None)
        if done.code:
            raise Failed(f"no tokenizer could be made: {done.stderr[-300:]}")
    return folder


def aiperf(url: str, streams: int, answers: int, tokens: int) -> Seen:
    """AIPerf with its usual settings and without its dashboard."""
    program = environment("aiperf", "aiperf", ["aiperf"])
    tokenizer = tokenizer_of(home_of("aiperf"))
    with tempfile.TemporaryDirectory() as folder:
        target = ["profile", "-m", "exact", "--url", url, "--endpoint-type", "chat", "--streaming", "--tokenizer", str(tokenizer)]
        load = ["--concurrency", str(streams), "--request-count", str(answers), "--isl", str(PROMPT_TOKENS), "--osl", str(tokens)]
        done = run([str(program), *target, *load, "--ui", "none", "--output-artifact-dir", folder], limit_s=300)
        return seen_by_aiperf(document_in(Path(folder) / "profile_export_aiperf.json", done, "AIPerf"), done.cpu_s)


def seen_by_aiperf(document: dict[str, Any], cpu_s: float) -> Seen:
    """From its JSON export; the gap is its inter-chunk latency, one value per event (its inter-token latency is one mean per answer)."""
    try:
        ttft, gap = document["time_to_first_token"], document["inter_chunk_latency"]
        answers, per_s = document["request_count"]["avg"], document["request_throughput"]["avg"]
        return Seen(answers, per_s, cpu_s, ttft["p50"], ttft["p99"], gap["p50"], gap["p99"])
    except (KeyError, TypeError) as missing:
        raise Failed(f"AIPerf's export lacks {missing}") from None


def guidellm_is_installed() -> bool:
    """It is never installed by a benchmark: with torch it takes 5.9 GB."""
    return (home_of("guidellm") / "bin" / "guidellm").exists()


def guidellm(url: str, streams: int, answers: int, tokens: int) -> Seen:
    """GuideLLM with a fixed number of concurrent streams."""
    home = home_of("guidellm")
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        words = " ".join(f"w{k}" for k in range(PROMPT_TOKENS))
        prompts.write_text("".join(json.dumps({"prompt": words, "output_tokens_count": tokens}) + "\n" for _ in range(answers)))
        out = Path(folder) / "out.json"
        target = ["--backend", f"kind=openai_http,target={url},model=exact", "--tokenizer", f"kind=hf_auto,model={tokenizer_of(home)}"]
        load = ["--profile", f"kind=concurrent,streams={streams}", "--constraint", f"kind=max_requests,count={answers}"]
        files = ["--data", f"kind=json_file,path={prompts}", "--output", f"kind=json,path={out}", "--disable-console"]
        done = run([str(home / "bin" / "guidellm"), "run", *target, *load, *files], limit_s=300)
        return seen_by_guidellm(document_in(out, done, "GuideLLM"), done.cpu_s)


def seen_by_guidellm(document: dict[str, Any], cpu_s: float) -> Seen:
    """From its JSON output; its inter-token latency is one mean per answer, weighted by tokens."""
    try:
        (benchmark,) = document["benchmarks"]
        metrics = benchmark["metrics"]
        ttft, gap = metrics["time_to_first_token_ms"]["successful"], metrics["inter_token_latency_ms"]["successful"]
        answers = metrics["request_totals"]["successful"]
        per_s = metrics["requests_per_second"]["successful"]["mean"]
        return Seen(answers, per_s, cpu_s, ttft["median"], ttft["percentiles"]["p99"], gap["median"], gap["percentiles"]["p99"])
    except (KeyError, TypeError, ValueError) as missing:
        raise Failed(f"GuideLLM's output lacks {missing}") from None


def sglang(url: str, streams: int, answers: int, tokens: int) -> Seen:
    """SGLang's own client, from the last releases of the package whose client needs no torch.

    It speaks chat as to any server: as to one of its own it would ask for figures that only that one has.
    """
    python = environment("sglang", "python", SGLANG)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        target = ["--backend", "vllm-chat", "--base-url", url, "--model", "exact", "--tokenizer", str(tokenizer_of(home_of("sglang")))]
        lengths = ["--random-input-len", str(PROMPT_TOKENS), "--random-output-len", str(tokens), "--random-range-ratio", "1"]
        load = ["--dataset-name", "random-ids", *lengths, "--num-prompts", str(answers), "--max-concurrency", str(streams)]
        quiet = ["--warmup-requests", "0", "--disable-tqdm", "--output-file", str(out)]
        done = run([str(python), "-m", "sglang.bench_serving", *target, *load, *quiet], limit_s=300)
        return seen_by_sglang(document_in(out, done, "SGLang's client"), done.cpu_s)


def seen_by_sglang(document: dict[str, Any], cpu_s: float) -> Seen:
    """From its one line of JSON; its inter-token latency is one value per event."""
    try:
        ttft = document["median_ttft_ms"], document["p99_ttft_ms"]
        gap = document["median_itl_ms"], document["p99_itl_ms"]
        return Seen(document["completed"], document["request_throughput"], cpu_s, *ttft, *gap)
    except (KeyError, TypeError) as missing:
        raise Failed(f"the output of SGLang's client lacks {missing}") from None


def document_in(path: Path, done: Finished, tool: str) -> dict[str, Any]:
    """The file that the tool should have left."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        raise Failed(f"{tool} ended with {done.code} and left no result: {(done.stdout + done.stderr)[-400:]}") from None
    return found
