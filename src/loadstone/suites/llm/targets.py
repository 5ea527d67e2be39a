"""What the llm suite asks of a service: its options, which a file of `--config` may set, and the gates that come of them."""

import loadstone as ls

PARTS = ("llm", "cache", "transform", "api", "flow")


def target(name: str, default: object, kind: str, text: str, env: str, key: str) -> ls.Option:
    """What a service is to reach; a file of `--config` has it among its targets."""
    return ls.Option(name, default, text, kind=kind, env=env, place=f"performance_targets.{key}")


def limit(name: str, default: object, kind: str, text: str, key: str) -> ls.Option:
    """A limit of a gate; a file of `--config` has it among its gates."""
    return ls.Option(name, default, text, kind=kind, place=f"performance_gates.{key}")


OPTIONS = (
    ls.Option("only", None, f"These parts: {', '.join(PARTS)}; several with commas.", kind="parts", choices=PARTS),
    ls.Option("parts", ",".join(PARTS), "The same by its older name.", kind="parts", choices=PARTS),
    ls.Option("load", False, "Only load: the rate of the API, and users who wait for answers; `loadstone load llm` is the same."),
    ls.Option("scenario", None, "With --load: only this one.", choices=("api", "llm")),
    ls.Option("url", None, "The service; without it the reference backend.", bare="http://localhost:8000"),
    ls.Option("variants", None, "Two URLs, before and after: does the second save memory? As --memory-target says, else 30%."),
    ls.Option("model", None, "The model to ask; needed with --url."),
    ls.Option("embedding-model", None, "The model for embeddings; without it another service is asked for none."),
    ls.Option("api-path", "/v1/models", "With --url: what is asked of its API, by GET; several with commas."),
    ls.Option("transform-path", None, "With --url: where a text is transformed; without it the model is instructed to."),
    ls.Option("service-pid", None, "With --url: the service's process on this machine, for its memory.", kind="number", least=1),
    ls.Option("variant-pids", None, "With --variants: their two processes on this machine; without them each tells its memory at /stats."),
    ls.Option("users", 10, "Users at one time.", env="PERF_CONCURRENT_USERS", least=1),
    ls.Option("duration", "15s", "How long each part lasts.", kind="duration", env="PERF_TEST_DURATION", least=1),
    ls.Option("request-rate", None, "Sent to the API; without it a tenth above the target.", kind="rate", env="PERF_REQUEST_RATE", least=1),
    ls.Option("max-tokens", 40, "Limit of each answer.", least=2),
    ls.Option("cache-pressure", 300, "New questions that are to drive old ones out of the cache.", least=1),
    ls.Option("skip-slow-tests", False, "Without cache pressure, and with no part longer than 5 s.", env="PERF_SKIP_SLOW_TESTS"),
    ls.Option("leaks", False, "The service's memory is judged part by part: its growth, and a leak verdict of each part of 50 s or more."),
    ls.Option("max-growth", 100, "MB that the service may grow by in a part that is watched.", kind="number", least=1),
    ls.Option("fail-on-regression", False, "Gate regression_check against --baseline NAME.", env="PERF_FAIL_ON_REGRESSION"),
    ls.Option("auto-update-baselines", False, "A run that passed enters the baseline `llm` by itself."),
    ls.Option("save-baselines", False, "A run that passed leaves performance_baselines/performance_baseline_TIME.json."),
    target("api-response-target", "2s", "millis", "p95 of the API.", "PERF_API_RESPONSE_TARGET", "api_response_p95_ms"),
    target("llm-response-target", "10s", "millis", "p95 of whole answers.", "PERF_LLM_RESPONSE_TARGET", "llm_provider_p95_ms"),
    target("transformation-target", "1s", "millis", "p95 of one text.", "PERF_TRANSFORMATION_TARGET", "transformation_p95_ms"),
    target("throughput-target", 150, "rate", "Requests held per second.", "PERF_THROUGHPUT_TARGET", "concurrent_requests_per_second"),
    target("memory-target", None, "percent", "Memory that a variant must save.", "PERF_MEMORY_TARGET", "memory_optimization_percent"),
    target("cache-target", 85, "percent", "Cache hits.", "PERF_CACHE_TARGET", "cache_hit_ratio_percent"),
    limit("max-response-time", "10s", "millis", "Gate response_time: p95 of all requests.", "max_response_time_ms"),
    limit("min-throughput", 150, "rate", "Gate throughput.", "min_throughput_rps"),
    limit("max-memory", None, "number", "Gate memory, in MB; 500 for the reference backend.", "max_memory_mb"),
    limit("min-cache-hit-ratio", 0.85, "share", "Gate cache.", "min_cache_hit_ratio"),
    limit("max-error-rate", 0.01, "share", "Gate error_rate.", "max_error_rate"),
    limit("max-regression", None, "percent", "Gate regression_check.", "max_regression_percent"),
)
PRESETS = {
    "quick": {"duration": "5s"},
    "ci": {"duration": "20s"},
    "full": {"duration": "60s", "users": 25, "cache_pressure": 1000},
    "soak": {"duration": "4m", "parts": "transform,flow", "leaks": True},
}


def limits(options: ls.Options, parts: tuple[str, ...]) -> list[dict[str, str]]:
    """The gates of the whole by name; what was asked for and cannot be measured yet is shown, and never a pass."""
    gates = [gate("response_time", f"p95(http.response_time) < {options.max_response_time:g}s")]
    if "api" in parts:
        gates.append(gate("throughput", f"throughput(http.requests{{scenario=api}}) >= {options.min_throughput:g}/s"))
    if options.max_memory is not None or options.url is None or options.service_pid:
        tells = options.url is None or options.service_pid
        text = f"max(service.memory) < {500 if options.max_memory is None else options.max_memory:g}MB"
        gates.append(gate("memory", text, needs="" if tells else "the service's process: --service-pid PID"))
    if "cache" in parts:
        gates.append(gate("cache", f"rate(cache.hits{{phase=steady}}) > {options.min_cache_hit_ratio * 100:.12g}%"))
    gates.append(gate("error_rate", f"rate(http.errors) < {options.max_error_rate * 100:.12g}%"))
    worse = 0.1 if options.max_regression is None else options.max_regression
    if options.fail_on_regression or options.max_regression is not None:
        gates.append(gate("regression_check", f"regression(p95(http.response_time)) < {worse * 100:.12g}%"))
    if options.memory_target is not None:
        needs = f"two variants of a service, one of which saves {options.memory_target * 100:g}%: --variants URL,URL"
        gates.append(gate("memory saving", "max(service.memory) > 0MB", "memory_optimization", needs))
    return gates


def promises(options: ls.Options, parts: tuple[str, ...], length: float) -> list[dict[str, str]]:
    """What each part is to reach."""
    found = [gate("success over 95%", "rate(http.errors) < 5%", "success_rate")]
    if "llm" in parts:
        found.append(gate("", f"p95(http.response_time{{scenario=llm}}) < {options.llm_response_target:g}s", "llm_response"))
        found.append(gate("whole answers over 95%", "rate(llm.errors{scenario=llm}) < 5%", "success_rate"))
    if "cache" in parts:
        found.append(gate("", f"rate(cache.hits{{phase=steady}}) > {options.cache_target * 100:.12g}%", "cache_hit_ratio"))
        found.append(gate("a hit is faster", "median(cache.speedup) > 1", "cache_speedup"))
    if "transform" in parts:
        found.append(gate("", f"p95(http.response_time{{scenario=transform}}) < {options.transformation_target:g}s", "transformation"))
        found.append(gate("side by side is faster", "median(transform.speedup) > 1", "parallel_speedup"))
    if "api" in parts:
        rate = f"{options.throughput_target:g}/s over {max(1, round(min(10, length / 2)))}s"
        found.append(gate("held all the time", f"throughput(http.requests{{scenario=api}}) >= {rate}", "requests_per_second"))
        found.append(gate("", "rate(http.errors{scenario=api}) < 1%", "requests_per_second"))
        found.append(gate("", f"p95(http.response_time{{scenario=api}}) < {options.api_response_target:g}s", "api_response"))
    if "flow" in parts:
        text = f"p95(http.response_time{{scenario=flow,group=api}}) < {options.api_response_target:g}s"
        found.append(gate("in whole requests", text, "api_response"))
    if {"transform", "api", "flow"} & set(parts):  # the others have no checks, or few
        found.append(gate("answers are answers", "rate(check.failures) < 1%", "success_rate"))
    return found


def gate(name: str, text: str, requirement: str = "", needs: str = "") -> dict[str, str]:
    """A gate of which only what is said is set."""
    return {"gate": text} | {key: value for key, value in (("name", name), ("requirement", requirement), ("needs", needs)) if value}
