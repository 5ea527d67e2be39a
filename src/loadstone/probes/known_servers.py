"""What inference servers call the things that all of them have: vLLM, SGLang, llama.cpp, Text Generation Inference.

Of several names for one thing, which are names of different servers or versions, the first that a page has is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Level(NamedTuple):
    """A gauge under its full name; series of several engines add up, or the fullest counts."""

    name: str
    times: float = 1.0
    add: bool = True


# target metric -> gauges
LEVELS: Mapping[str, tuple[Level, ...]] = {
    "target.requests_running": (
        Level("vllm:num_requests_running"),
        Level("sglang:num_running_reqs"),
        Level("llamacpp:requests_processing"),
        Level("tgi_batch_current_size"),
    ),
    "target.requests_waiting": (
        Level("vllm:num_requests_waiting"),
        Level("sglang:num_queue_reqs"),
        Level("llamacpp:requests_deferred"),
        Level("tgi_queue_size"),
    ),
    "target.kv_cache_usage": (
        Level("vllm:kv_cache_usage_perc", 100.0, add=False),
        Level("vllm:gpu_cache_usage_perc", 100.0, add=False),
        Level("sglang:token_usage", 100.0, add=False),
        Level("llamacpp:kv_cache_usage_ratio", 100.0, add=False),
    ),
}

# target metric -> counters, shown per second; the sum of a histogram is a counter, too
RATES: Mapping[str, tuple[str, ...]] = {
    "target.prompt_tokens": (
        "vllm:prompt_tokens_total",
        "sglang:prompt_tokens_total",
        "llamacpp:prompt_tokens_total",
        "tgi_request_input_length_sum",
    ),
    "target.generation_tokens": (
        "vllm:generation_tokens_total",
        "sglang:generation_tokens_total",
        "llamacpp:tokens_predicted_total",
        "tgi_request_generated_tokens_sum",
    ),
}

# target metric -> histograms of seconds, shown as their mean in ms
MEANS: Mapping[str, tuple[str, ...]] = {
    "target.ttft": ("vllm:time_to_first_token_seconds", "sglang:time_to_first_token_seconds"),
    "target.tpot": (
        "vllm:inter_token_latency_seconds",
        "vllm:time_per_output_token_seconds",
        "sglang:inter_token_latency_seconds",
        "sglang:time_per_output_token_seconds",
        "tgi_request_mean_time_per_token_duration",
    ),
    "target.request_time": ("vllm:e2e_request_latency_seconds", "sglang:e2e_request_latency_seconds", "tgi_request_duration"),
}

# Every sample that is looked at.
SAMPLES = frozenset(
    {level.name for levels in LEVELS.values() for level in levels}
    | {name for names in RATES.values() for name in names}
    | {f"{name}_{part}" for names in MEANS.values() for name in names for part in ("sum", "count")}
)
