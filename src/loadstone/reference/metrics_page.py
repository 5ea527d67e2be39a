"""`GET /metrics`: what the simulated model is doing and how full the pools are, in Prometheus' text format and under vLLM's names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loadstone.reference.answer_cache import AnswerCache
from loadstone.reference.forwarding import fetch_text
from loadstone.reference.injector import Injector
from loadstone.reference.model import BUCKETS_S, SimulatedModel, Spread
from loadstone.reference.simulator import MODEL
from loadstone.reference.state import backend_of

_OWN = "loadstone_reference"
_LABELS = f'engine="0",model_name="{MODEL}"'


async def metrics(request: Request) -> Response:
    """The page; every number is the simulator's own, at this moment. What a real model says of itself follows."""
    backend = backend_of(request)
    backend.injector.pass_time(backend.timer.now())
    text = "".join((*page(backend.model), *conditions(backend.injector, backend.model.cache, backend.timer.now())))
    if backend.real:
        text += await fetch_text(backend.real.url, "/metrics")
    return Response(text, headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"})


def page(model: SimulatedModel) -> Iterator[str]:
    """The lines, family by family."""
    done = model.done
    yield _one("num_requests_running", "gauge", "Answers that are being generated.", model.running)
    yield _one("num_requests_waiting", "gauge", "Requests that wait for a slot.", model.waiting)
    yield _one("kv_cache_usage_perc", "gauge", "Share of the key-value cache in use; 1 is all of it.", model.kv_usage)
    yield _one("prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache.", model.prefixes.queried)
    yield _one("prefix_cache_hits_total", "counter", "Prompt tokens found in the prefix cache.", model.prefixes.hit)
    yield _one("prompt_tokens_total", "counter", "Prompt tokens of accepted requests.", done.prompt_tokens)
    yield _one("generation_tokens_total", "counter", "Tokens sent, reasoning included.", done.tokens)
    yield _head("request_success_total", "counter", "Answers that were given whole, by reason of their end.")
    for reason, count in sorted(model.finished.items()):
        yield f'vllm:request_success_total{{{_LABELS},finished_reason="{reason}"}} {count}\n'
    yield from _histogram("time_to_first_token_seconds", "From arrival to the first token sent, of streams.", model.ttft)
    yield from _histogram("e2e_request_latency_seconds", "From arrival to the end of whole answers.", model.e2e)


def conditions(injector: Injector, cache: AnswerCache, now: float) -> Iterator[str]:
    """What the backend holds and how full its pools are; a pool that is not there has no lines."""
    yield _own("leaked_bytes", "gauge", "Memory that requests have left behind.", injector.memory.leaks.leaked.bytes)
    yield _own("cache_entries", "gauge", "Answers in the cache.", cache.as_json()["entries"])
    yield _own("cache_evictions_total", "counter", "Answers that left the cache for others.", cache.evicted)
    if pool := injector.pool:
        yield _own("pool_size", "gauge", "Connections of the pool.", pool.size)
        yield _own("pool_in_use", "gauge", "Connections that are taken, lost ones too.", pool.in_use(now))
        yield _own("pool_waiting", "gauge", "Requests that wait for a connection.", pool.waiting(now))
        yield _own("pool_exhausted_total", "counter", "Requests that got no connection in time.", pool.pooled.refused)
    if instances := injector.instances:
        yield _own("instances", "gauge", "Instances that take requests.", instances.ready)
        yield _own("instances_starting", "gauge", "Instances that do not take requests yet.", instances.starting)
        yield _own("instances_wanted", "gauge", "Instances that the rule wanted last.", instances.wanted)
        yield _own("instances_needed", "gauge", "Instances that keep up with the arrivals seen last.", instances.needed)


def _own(name: str, kind: str, text: str, value: float) -> str:
    return f"# HELP {_OWN}_{name} {text}\n# TYPE {_OWN}_{name} {kind}\n{_OWN}_{name} {value}\n"


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP vllm:{name} {text}\n# TYPE vllm:{name} {kind}\n"


def _one(name: str, kind: str, text: str, value: float) -> str:
    return f"{_head(name, kind, text)}vllm:{name}{{{_LABELS}}} {value}\n"


def _histogram(name: str, text: str, spread: Spread) -> Iterator[str]:
    yield _head(name, "histogram", text)
    counts = list(accumulate(spread.counts))
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), counts, strict=True):
        yield f'vllm:{name}_bucket{{{_LABELS},le="{bound}"}} {count}\n'
    yield f"vllm:{name}_sum{{{_LABELS}}} {spread.sum_s}\nvllm:{name}_count{{{_LABELS}}} {counts[-1]}\n"


ROUTES = [Route("/metrics", metrics, methods=["GET"])]
