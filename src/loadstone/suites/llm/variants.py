"""Two variants of a service in turn, again and again, so that what one of them saves can be proven."""

from typing import Any

import loadstone as ls
from loadstone.suites.llm.memory import resident_mb, told_mb

CYCLES = 8  # six are the least that make an interval of 95 %
GAP_S = 0.5  # at most about so long lies between two scenarios


class VariantUser(ls.User):
    """Asks one variant, and reads what memory it has."""

    @ls.task
    async def ask(self) -> None:
        url = self.settings["url"]
        body = {
            "model": self.settings["model"],
            "max_tokens": 16,
            "messages": [{"role": "user", "content": f"Question {self.rng.randrange(10**9)}"}],
        }
        await self.http.post(f"{url}/v1/chat/completions", json=body, name="ask")
        pid = self.settings["pid"]
        used = resident_mb(pid) if pid else await told_mb(self, url)
        if used is not None:
            self.record("service.memory", used, {"variant": self.settings["variant"]})


def variants_suite(options: ls.Options, metrics: dict[str, Any], model: str) -> ls.Suite:
    """The suite of `--variants`: nothing but the two in turn, and the saving."""
    plan: list[ls.Scenario] = []
    cycle_s = add_variants(plan, options, model)
    least = 0.3 if options.memory_target is None else options.memory_target
    saving = f"saving(service.memory{{variant=before}} to {{variant=after}}) > {least * 100:.12g}% each {cycle_s:g}s"
    gates = [
        {"gate": saving, "name": "memory saving", "requirement": "memory_optimization"},
        {"gate": "rate(http.errors) < 1%", "name": "error_rate", "requirement": ""},
    ]
    target = options.variants.partition(",")[0].strip()
    return ls.Suite("llm variants", target=target, scenarios=plan, gates=gates, metrics=metrics, graceful_stop="10s")


def add_variants(plan: list[ls.Scenario], options: ls.Options, model: str) -> float:
    """The variants one after the other, in as many cycles; answers how long a cycle takes."""
    text, pids = options.variants, process_ids(options.variant_pids)
    urls = [part.strip().rstrip("/") for part in text.split(",")]
    if len(urls) != len(("before", "after")) or not all(url.startswith(("http://", "https://")) for url in urls):
        raise ls.UsageError(f"{text!r} are not two URLs", where="option variants", hint="http://127.0.0.1:8001,http://127.0.0.1:8002")
    phase_s: float = max(1.0, options.duration / 4)
    for cycle in range(1, CYCLES + 1):
        for variant, url, pid in zip(("before", "after"), urls, pids, strict=True):
            settings: dict[str, Any] = {"url": url, "pid": pid, "variant": variant, "model": model}
            profile = ls.constant_rate("5/s", phase_s)
            after = plan[-1].name if plan else None
            plan.append(ls.Scenario(f"{variant} {cycle}", VariantUser, profile, settings=settings, after=after))
    return 2 * (phase_s + GAP_S)


def process_ids(text: str | None) -> list[int | None]:
    """Of the two variants; raises UsageError for anything but two numbers."""
    if text is None:
        return [None, None]
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(("before", "after")) or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise ls.UsageError(f"{text!r} are not two processes", where="option variant-pids", hint="4711,4712")
    return [int(part) for part in parts]
