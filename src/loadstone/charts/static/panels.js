"use strict";
// Every chart there is: its name, title and group, whether a run has data for it, and how it is drawn.
(function (L) {
  const F = L.format;
  const by = (...all) => L.lines.by(...all);
  const shown = new Set(); // metrics that a chart of this list shows; all others get one of their own

  // A chart of lines: rows are [metric, statistic, label, further fields of the line].
  function lines(name, title, group, unit, rows, more = {}) {
    rows.forEach(([metric]) => shown.add(metric));
    const present = (run) => rows.filter(([metric]) => run.has(metric));
    return {
      name, title, group, over_time: true,
      applies: (run) => present(run).length > 0 && (!more.needs || run.has(more.needs)),
      draw: (element, run, options = {}) => L.lines.draw(element, run, options, () => ({
        unit, log: more.log || false, zero: more.zero, slopes: more.slopes ? more.slopes(run) : [],
        lines: present(run).map(([metric, stat, label, fields]) => ({ metric, stat, label, ...fields })),
      })),
    };
  }

  // A chart with a line for each value of a tag.
  function each(name, title, group, metric, stat, tag, more = {}) {
    shown.add(metric);
    return {
      name, title, group, over_time: true,
      applies: (run) => run.has(metric),
      draw: (element, run, options = {}) => L.lines.draw(element, run, options, () => ({
        unit: more.unit === undefined ? run.unit(metric) : more.unit, log: more.log || false, zero: more.zero,
        slopes: more.slopes ? more.slopes(run) : [], lines: by(run, metric, stat, tag, options, more.line || {}),
      })),
    };
  }

  function heat(name, title, group, metric) {
    shown.add(metric);
    return { name, title, group, over_time: true, tall: true, applies: (run) => run.has(metric), draw: (element, run, options = {}) => L.latency.draw(element, run, options, metric) };
  }

  function spread(name, title, group, metric, kind) {
    return { name, title, group, over_time: false, tall: kind === "histogram", applies: (run) => run.has(metric), draw: (element, run, options = {}) => L.spread.draw(element, run, options, metric, kind) };
  }

  // Where a leak gate judged a level: its slope through the middle of what was judged.
  function leak(metric) {
    return (run) => ((run.document && run.document.gates) || [])
      .filter((gate) => gate.gate.startsWith(`leak(${metric}`) && gate.value !== null && gate.unit.endsWith("/s"))
      .map((gate) => {
        const totals = run.window(), level = totals.level(metric), scale = 1;
        if (!level || totals.from_s === null) return null;
        const middle = (totals.from_s + totals.to_s) / 2;
        const at = (x) => level.mean + gate.value * scale * (x - middle);
        const rate = F.value(gate.value * 3600, run.unit(metric));
        return { xs: [totals.from_s, totals.to_s], ys: [at(totals.from_s), at(totals.to_s)], text: `slope: ${rate} an hour (leak gate: ${gate.status})` };
      }).filter(Boolean);
  }

  const band = { band: true };
  const LATENCY = "Latency", LOAD = "Load", LLM = "Language model", WS = "WebSocket", VOICE = "Voice", TARGET = "Target", GENERATOR = "Load generator";

  L.charts = [
    heat("latency", "Response time", LATENCY, "http.response_time"),
    lines("latency_parts", "Where the time goes: p99 of response, service and our own share", LATENCY, "ms", [
      ["http.response_time", "p99", "response", { colour: "1", main: true }],
      ["http.service_time", "p99", "service", { colour: "3" }],
      ["http.time_to_first_byte", "p99", "first byte", { colour: "5" }],
      ["load.pool_wait", "p99", "wait for session", { colour: "4" }],
      ["load.send_lag", "p99", "send lag (ours)", { colour: "quiet" }],
      ["generator.share", "p99", "reading (ours)", { colour: "2" }],
    ], { log: true, needs: "http.response_time" }),
    each("latency_steps", "Response time by step, p95", LATENCY, "http.response_time", "p95", "step", { log: true }),
    spread("distribution", "Distribution of response times", LATENCY, "http.response_time", "histogram"),
    spread("ecdf", "Share of requests that took no longer", LATENCY, "http.response_time", "ecdf"),
    lines("throughput", "Load: asked for, achieved, failed", LOAD, "1/s", [
      ["load.arrivals", "rate", "arrivals due", { colour: "quiet", dash: "dot" }],
      ["http.requests", "rate", "requests", { colour: "1", main: true }],
      ["http.errors", "rate", "errors", { colour: "bad" }],
      ["load.dropped", "rate", "dropped", { colour: "5" }],
    ]),
    each("errors", "Share of requests that failed", LOAD, "http.errors", "share", "kind", { unit: "%", line: { times: 100, colour: "bad" } }),
    each("users", "Users and sessions at work", LOAD, "load.users", "mean", "scenario", { line: { colour: "1" } }),
    lines("bytes", "Bytes received and sent", LOAD, "B/s", [
      ["http.bytes_in", "rate", "in", { colour: "1" }],
      ["http.bytes_out", "rate", "out", { colour: "2" }],
    ]),
    heat("llm_ttft", "Time to first token", LLM, "llm.ttft"),
    heat("llm_token_gap", "Gap between chunks of tokens", LLM, "llm.chunk_gap"),
    lines("llm_gaps", "Time per token and longest gap of an answer", LLM, "ms", [
      ["llm.tpot", "p50", "per token p50", { colour: "1" }],
      ["llm.tpot", "p95", "per token p95", { colour: "3" }],
      ["llm.longest_gap", "p95", "longest gap p95", { colour: "2" }],
    ], { log: true }),
    lines("llm_tokens", "Tokens", LLM, "1/s", [
      ["llm.output_tokens", "rate", "out", { colour: "1", main: true }],
      ["llm.input_tokens", "rate", "in", { colour: "3" }],
    ]),
    lines("llm_answers", "Answers", LLM, "1/s", [
      ["llm.requests", "rate", "asked", { colour: "1", main: true }],
      ["llm.good", "rate", "kept objective", { colour: "3" }],
      ["llm.errors", "rate", "failed", { colour: "bad" }],
      ["llm.stalled", "rate", "stalled", { colour: "5" }],
    ]),
    spread("llm_distribution", "Distribution of times to first token", LLM, "llm.ttft", "ecdf"),
    heat("ws_round_trip", "Round trip of messages", WS, "ws.round_trip_time"),
    lines("ws_messages", "Messages", WS, "1/s", [
      ["ws.messages_out", "rate", "out", { colour: "1", main: true }],
      ["ws.messages_in", "rate", "in", { colour: "3" }],
      ["ws.errors", "rate", "errors", { colour: "bad" }],
    ]),
    lines("ws_connections", "Connections opened, failed, closed, dropped", WS, "1/s", [
      ["ws.connects", "rate", "opened", { colour: "1", main: true }],
      ["ws.connect_failures", "rate", "failed", { colour: "bad" }],
      ["ws.closes", "rate", "closed", { colour: "quiet" }],
      ["ws.drops", "rate", "dropped", { colour: "2" }],
    ]),
    spread("ws_distribution", "Share of round trips that took no longer", WS, "ws.round_trip_time", "ecdf"),
    heat("voice_gap", "Response gap: from the caller's last sound to the agent's first", VOICE, "voice.response_gap"),
    lines("voice_parts", "What the response gap is made of, p95", VOICE, "ms", [
      ["voice.response_gap", "p95", "response gap", { colour: "1", main: true }],
      ["voice.endpoint_delay", "p95", "end of turn told", { colour: "4" }],
      ["voice.stt_final_gap", "p95", "transcript", { colour: "5" }],
      ["voice.first_byte_gap", "p95", "first audio", { colour: "3" }],
      ["voice.tts_lead_silence", "p95", "silence before it", { colour: "2" }],
    ]),
    lines("voice_calls", "Calls and turns, and those that failed", VOICE, "1/s", [
      ["voice.calls", "rate", "calls begun", { colour: "1", main: true }],
      ["voice.turns", "rate", "turns", { colour: "3" }],
      ["voice.call_errors", "rate", "calls lost", { colour: "bad" }],
      ["voice.dead_turn", "rate", "turns without an answer", { colour: "2" }],
      ["voice.early_cut", "rate", "callers cut off", { colour: "4" }],
      ["voice.faults", "rate", "faults", { colour: "5" }],
    ]),
    lines("voice_interruptions", "How soon the agent stops when it is interrupted", VOICE, "ms", [
      ["voice.barge_stop", "p50", "p50", { colour: "1" }],
      ["voice.barge_stop", "p95", "p95", { colour: "5" }],
      ["voice.barge_stop", "p99", "p99", { colour: "2" }],
    ]),
    lines("voice_stalls", "Gaps in the agent's speech", VOICE, "ms", [
      ["voice.stall", "p50", "p50", { colour: "1" }],
      ["voice.stall", "p95", "p95", { colour: "2" }],
    ]),
    lines("voice_services", "Speech services, p95", VOICE, "ms", [
      ["voice.stt_time", "p95", "recognised", { colour: "1", main: true }],
      ["voice.stt_first_text", "p95", "first text", { colour: "4" }],
      ["voice.tts_first_byte", "p95", "first sound", { colour: "3" }],
      ["voice.tts_time", "p95", "whole sound", { colour: "2" }],
    ]),
    lines("voice_caller", "How late the caller's frames are, p99 (ours)", VOICE, "ms", [
      ["voice.frame_lateness", "p99", "sent late", { colour: "1", main: true }],
      ["voice.frame_age", "p99", "age when heard", { colour: "quiet" }],
    ]),
    spread("voice_distribution", "Share of response gaps that were no longer", VOICE, "voice.response_gap", "ecdf"),
    lines("target_cpu", "CPU of target and machine", TARGET, "%", [
      ["target.cpu", "mean", "target (100% = 1 core)", { colour: "1", main: true, ...band }],
      ["machine.cpu", "mean", "machine (100% = all)", { colour: "quiet" }],
      ["machine.steal", "mean", "taken by others", { colour: "2" }],
      ["target.throttled", "mean", "throttled", { colour: "bad" }],
    ]),
    lines("target_memory", "Memory of the target", TARGET, "B", [
      ["target.memory", "mean", "resident", { colour: "1", main: true, ...band }],
      ["target.pss", "mean", "PSS", { colour: "3" }],
      ["target.heap", "mean", "heap", { colour: "4" }],
      ["target.swap", "mean", "swapped", { colour: "bad" }],
    ], { zero: false, slopes: leak("target.memory") }),
    lines("target_disk", "Disk of the target", TARGET, "B/s", [
      ["target.disk_read", "mean", "read", { colour: "1" }],
      ["target.disk_write", "mean", "written", { colour: "2" }],
    ]),
    lines("target_network", "Network of the target", TARGET, "B/s", [
      ["target.network_in", "mean", "in", { colour: "1" }],
      ["target.network_out", "mean", "out", { colour: "2" }],
    ]),
    lines("target_handles", "Descriptors, threads and processes", TARGET, "", [
      ["target.descriptors", "mean", "descriptors", { colour: "1", main: true }],
      ["target.threads", "mean", "threads", { colour: "3" }],
      ["target.processes", "mean", "processes", { colour: "2" }],
    ]),
    lines("target_queue", "Requests in the target, as it says", TARGET, "", [
      ["target.requests_running", "mean", "running", { colour: "1", main: true }],
      ["target.requests_waiting", "mean", "waiting", { colour: "2" }],
    ]),
    lines("generator_cpu", "CPU of the load generator (100% = 1 core)", GENERATOR, "%", [
      ["generator.cpu", "mean", "worker", { colour: "1", main: true, ...band }],
      ["generator.parent_cpu", "mean", "parent", { colour: "quiet" }],
      ["probe.cpu", "mean", "probes", { colour: "3" }],
    ]),
    lines("generator_lag", "How late the load generator is, p99", GENERATOR, "ms", [
      ["load.send_lag", "p99", "send lag", { colour: "1", main: true }],
      ["generator.share", "p99", "reading", { colour: "2" }],
      ["generator.loop_lag", "p99", "event loop", { colour: "3" }],
    ], { log: true }),
    lines("generator_memory", "Memory of the load generator", GENERATOR, "B", [["generator.memory", "mean", "one process", { colour: "1", ...band }]], { zero: false, slopes: leak("generator.memory") }),
  ];
  for (const name of ["load.time", "iteration.interrupted", "llm.concurrency", "probe.readings"]) shown.add(name);

  const GROUPS = { http: LATENCY, sse: "Event streams", llm: LLM, ws: WS, voice: VOICE, load: LOAD, iteration: LOAD, check: "Checks", target: TARGET, machine: "Machine", gpu: "GPU", generator: GENERATOR, probe: "Probes" };

  // One chart for a metric that has none: quantiles of a distribution, the rate of a count, a level with its extremes.
  function other(run, metric) {
    const kind = run.kind(metric), unit = run.unit(metric);
    const tag = ["step", "scenario", "process", "instance", "check", "kind", "device", "interface"].find((one) => run.values(one, metric).length > 1);
    const family = metric.split(".")[0];
    const title = `${metric}${kind === "count" ? " per second" : kind === "distribution" ? ", p50, p95 and p99" : ""}`;
    const rows = (options) => {
      if (kind === "distribution") return ["p50", "p95", "p99"].map((stat, index) => ({ metric, stat, label: stat, colour: ["1", "5", "2"][index] }));
      return by(run, metric, kind === "count" ? "rate" : "mean", tag || "scenario", options, kind === "gauge" && !tag ? band : {})
        .map((line) => (tag ? line : { ...line, label: kind === "count" ? "rate" : "mean", colour: "1" }));
    };
    const shownIn = kind === "count" ? (unit === "B" ? "B/s" : unit ? unit : "1/s") : unit;
    return {
      name: `metric:${metric}`, title, group: GROUPS[family] || "The suite's own metrics", over_time: true, text: (run.metrics[metric] || {}).text || "",
      applies: (one) => one.has(metric),
      draw: (element, one, options = {}) => L.lines.draw(element, one, options, () => ({ unit: shownIn, zero: unit === "B" ? false : undefined, slopes: kind === "gauge" ? leak(metric)(one) : [], lines: rows(options) })),
    };
  }

  // The charts for which a run has data, in order: those above, then one for each metric that none of them shows.
  L.chartsFor = (run) => {
    const built = L.charts.filter((chart) => chart.applies(run));
    const rest = run.names().filter((name) => !shown.has(name) && run.series.some((one) => one.metric === name)).map((name) => other(run, name));
    const order = [...new Set([...L.charts, ...rest].map((chart) => chart.group))];
    return [...built, ...rest].sort((one, two) => order.indexOf(one.group) - order.indexOf(two.group));
  };

  // Rows of the table of steps over a window: {scenario, step, count, rate, errors, share, p50, p90, p95, p99, p99_9, max}; times in ms.
  L.stepRows = (run, totals = run.window(), metric = "http.response_time", requests = "http.requests", errors = "http.errors") => {
    const rows = new Map();
    for (const one of run.series) if (one.metric === metric) rows.set(JSON.stringify([one.tags.scenario || "", one.tags.step || ""]), one.tags);
    const row = ({ scenario = "", step = "" }) => {
      const tags = { ...(scenario ? { scenario } : {}), ...(step ? { step } : {}) };
      const q = (share) => totals.quantile(metric, share, tags);
      const count = totals.count(requests, tags);
      return { scenario, step, count, rate: totals.rate(requests, tags), errors: count === null ? null : totals.count(errors, tags) || 0, share: totals.share(errors, tags),
        mean: totals.mean(metric, tags), p50: q(0.5), p90: q(0.9), p95: q(0.95), p99: q(0.99), p99_9: q(0.999), max: q(1) };
    };
    return [...[...rows.values()].map(row).filter((one) => one.p50 !== null), ...(rows.size > 1 ? [row({})] : [])];
  };
})(globalThis.Loadstone);
