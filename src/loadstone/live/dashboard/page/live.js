"use strict";
// The page of a run that goes on: its past once, then a message each second. Texts of a run become text, never markup.
(() => {
  const { post, element, theme, onTheme } = Dashboard;
  const at = (id) => document.getElementById(id);
  const MOST_REST_MS = 4000;
  let run = null, told = null, seq = 0, source = null, pending = null, over = false;
  const drawn = window.loadstoneDrawn = []; // what a second cost from snapshot to picture, for whoever measures it

  const number = (value, digits = 3) => {
    if (value === null || value === undefined) { return "–"; }
    const size = Math.abs(value);
    if (size >= 1e6) { return `${(value / 1e6).toPrecision(3)} M`; }
    if (size >= 1000) { return Math.round(value).toLocaleString("en"); }
    return String(Number(value.toPrecision(digits)));
  };
  const time = (ms) => Loadstone.format.value(ms, "ms");
  // A percentile that is not there while a smaller one is, or while p95 is known to be, lies among what never came back.
  const percentile = (s, ms) => (ms === null && (s.beyond || s.p50_ms !== null) ? "beyond" : time(ms));
  const clock = (s) => {
    const whole = Math.max(0, Math.floor(s)), hours = Math.floor(whole / 3600), two = (n) => String(n).padStart(2, "0");
    return `${hours ? `${hours}:` : ""}${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  };

  const watching = () => told.about.kind === "monitor"; // a monitor has rules for gates, and no end
  const LEVELS = { pass: "all fine", warning: "warning", fail: "critical" };

  const TILES = [
    ["Elapsed", (s) => [clock(s.elapsed_s || 0), told.about.duration_s ? `of ${clock(told.about.duration_s)}` : "no end set"]],
    ["Phase", (s) => [s.status === "starting" ? "starting" : watching() ? "monitoring" : s.phase || "load", s.verdict === "fail" ? (watching() ? "a rule is critical" : "a gate fails") : ""]],
    ["Users", (s) => [number(s.users), ""]],
    ["Rate", (s) => [s.rate_per_s === undefined ? "–" : `${number(s.rate_per_s)}/s`, s.asked_per_s ? `${number(s.asked_per_s)} arrivals/s asked` : `${number(s.requests_in_all || 0)} in all`]],
    ["p95", (s) => [percentile(s, s.p95_ms), `p50 ${percentile(s, s.p50_ms)} · p99 ${percentile(s, s.p99_ms)}`]],
    ["Errors", (s) => [number(s.errors_in_all || 0), s.requests_in_all ? `${Loadstone.format.share((s.errors_in_all || 0) / s.requests_in_all)} of all` : ""]],
  ];
  const tiles = TILES.map(([title]) => {
    const tile = element("div", "tile");
    const value = element("b"), note = element("small");
    tile.append(element("span", "dim", title), value, note);
    at("tiles").append(tile);
    return { tile, value, note };
  });

  const showState = (state) => {
    TILES.forEach(([, read], index) => {
      const [value, note] = read(state);
      tiles[index].value.textContent = value;
      tiles[index].note.textContent = note;
    });
    tiles[5].tile.classList.toggle("bad", (state.errors_in_all || 0) > 0);
    const ended = over = state.status === "ended";
    at("status").textContent = ended ? `${watching() ? "monitor" : "run"} ${state.broke_off ? "broke off" : "ended"}` : state.status;
    at("status").className = `pill ${ended ? "" : "on"}`;
    const verdict = state.verdict || "";
    at("verdict").hidden = !verdict;
    at("verdict").textContent = verdict === "no_data" ? "no data yet" : watching() ? LEVELS[verdict] : state.exit_code !== undefined ? verdict : `${verdict} so far`;
    at("verdict").className = `pill ${verdict === "pass" ? "good" : verdict === "no_data" ? "" : verdict === "warning" ? "warn" : "bad"}`;
    at("bar").style.width = told.about.duration_s ? `${Math.min(100, 100 * (state.elapsed_s || 0) / told.about.duration_s)}%` : "0";
    at("controls").hidden = !told.about.controls || ended;
    document.title = `${ended ? "■" : "▶"} ${told.about.name} · Loadstone`;
  };

  const MARKS = { pass: "✓", warning: "!", fail: "✗", no_data: "·" };
  const showGates = (gates) => {
    at("gates").replaceChildren(...gates.map((gate) => {
      const row = element("li", gate.status), words = element("div");
      words.append(element("span", "gate", gate.gate), element("small", "dim", gate.value === null ? gate.reason : gate.limit ? `${gate.value}, limit ${gate.limit}` : gate.value));
      row.append(element("span", "mark-of", MARKS[gate.status] || "?"), words);
      if (gate.used !== null) {
        const bar = element("span", "used"), inner = element("i");
        inner.style.width = `${Math.min(100, 100 * gate.used)}%`;
        bar.append(inner);
        words.append(bar);
      }
      row.title = gate.reason;
      return row;
    }));
    if (!gates.length) { at("gates").append(element("li", "dim", "none so far")); }
  };
  const showHealth = (health) => {
    const rows = [["Busiest process", health.cpu_percent === null || health.cpu_percent === undefined ? "–" : `${number(health.cpu_percent)}% CPU`],
      ["Late by (p99)", time(health.lag_ms)], ["Own share (p99)", time(health.share_ms)]];
    at("health").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", "dim", name), element("dd", "", value)]));
    if (health.hint) { at("health").append(element("dd", "bad wide", health.hint)); }
  };
  const addEvents = (events) => {
    for (const event of events) {
      const row = element("li");
      row.append(element("time", "dim", event.at_s === null ? "–" : clock(event.at_s)), element("b", "", event.kind), element("span", "", event.text));
      at("events").prepend(row);
    }
    while (at("events").children.length > 200) { at("events").lastChild.remove(); }
  };

  // Filters: what series of the run carry.
  const HIDDEN = new Set(["step", "outcome", "worker", "kind", "pid", "process", "code"]);
  const MOST_OFFERED = 200;
  let offered = 0;
  const known = () => {
    const tags = new Set();
    for (const one of run.series) { for (const key of Object.keys(one.tags)) { if (!HIDDEN.has(key)) { tags.add(`${key}=${one.tags[key]}`); } } }
    return { step: run.values("step"), tag: [...tags].sort().slice(0, MOST_OFFERED) };
  };
  const offer = () => {
    if (offered === run.series.length) { return; }
    offered = run.series.length;
    const names = known();
    for (const [id, all] of [["step", "all steps"], ["tag", "all"]]) {
      const select = at(id), value = select.value;
      const first = element("option", "", all);
      first.value = "";
      select.replaceChildren(first, ...names[id].map((text) => element("option", "", text)));
      select.value = value;
      select.parentElement.hidden = names[id].length < 2;
    }
  };
  const filter = () => {
    const tags = {}, tag = at("tag").value;
    if (tag) { tags[tag.slice(0, tag.indexOf("="))] = tag.slice(tag.indexOf("=") + 1); }
    return { step: at("step").value || null, tags };
  };

  // Charts: only those that somebody can see are drawn.
  const places = new Map();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const place = places.get(entry.target.dataset.chart);
      if (!place) { continue; }
      place.visible = entry.isIntersecting;
      if (place.visible && place.stale) { draw(place); }
    }
  }, { rootMargin: "200px" });
  let brushed = null; // a window that somebody dragged; a double click lets go of it
  const shown = () => {
    const last = Number(at("span").value);
    return brushed || (last && run.end_s > last ? [run.end_s - last, run.end_s] : null);
  };
  const onWindow = (from_s, to_s) => { brushed = from_s === null ? null : [from_s, to_s]; again(); };
  const draw = (place) => {
    place.stale = false;
    try {
      place.chart.draw(place.room, run, { theme: theme(), filter: filter(), overlays: [], live: true, window: shown(), onWindow });
    } catch (error) { console.error(place.chart.name, error); }
  };
  const FURTHER = /^metric:/; // charts of metrics that no chosen one shows: there for who looks for them
  const grouped = (name) => {
    let group = at("charts").querySelector(`[data-group="${CSS.escape(name)}"]`);
    if (!group) {
      group = element("section", "group");
      group.dataset.group = name;
      group.append(element("h2", "", name));
      at("charts").append(group);
    }
    return group;
  };
  // Open where a group has nothing else.
  const fold = (group) => {
    let folded = group.querySelector("details");
    if (!folded) {
      folded = element("details");
      folded.open = !group.querySelector("figure");
      folded.append(element("summary"), element("div", "group"));
      group.append(folded);
    }
    const more = folded.lastChild, count = more.children.length + 1;
    folded.firstChild.textContent = count === 1 ? "1 more chart" : `${count} more charts`;
    return more;
  };
  let arranged = 0;
  const arrange = () => {
    if (arranged === run.names().length) { return; }
    arranged = run.names().length;
    for (const chart of Loadstone.chartsFor(run)) {
      if (places.has(chart.name)) { continue; }
      const further = FURTHER.test(chart.name), room = element("div", "room"), figure = element("figure", "card chart");
      figure.dataset.chart = chart.name;
      figure.append(element("figcaption", "", chart.title), room);
      const group = grouped(chart.group || "");
      if (further) { fold(group).append(figure); } else { group.insertBefore(figure, group.querySelector("details")); }
      places.set(chart.name, { chart, room, visible: !further, stale: true });
      seen.observe(figure);
    }
  };
  const drawAll = () => {
    const before = performance.now();
    arrange();
    for (const place of places.values()) { if (place.visible) { draw(place); } else { place.stale = true; } }
    return performance.now() - before;
  };

  const show = (message) => {
    showState(message.state);
    showGates(message.gates);
    showHealth(message.health);
    addEvents(message.events);
  };
  let timer = 0, notBefore = 0;
  // Drawing takes at most half of the time: what comes meanwhile is drawn together, and the newest always.
  const redraw = () => {
    if (!run || document.hidden || timer) { return; }
    timer = setTimeout(() => requestAnimationFrame(() => {
      timer = 0;
      const taken = pending, cost = drawAll();
      notBefore = performance.now() + Math.min(MOST_REST_MS, cost);
      if (!taken) { return; }
      drawn.push({ seq: taken.seq, taken_ms: taken.taken_ms, drawn_ms: Date.now() });
      if (drawn.length > 600) { drawn.shift(); }
      document.documentElement.dataset.drawn = taken.seq;
    }), Math.max(0, notBefore - performance.now()));
  };
  const again = () => { notBefore = 0; redraw(); };
  const take = (message) => {
    if (message.seq <= seq) { return; }
    seq = message.seq;
    show(message);
    if (!message.stretch) { return; }
    run.add(message.stretch);
    run.events.push(...message.events);
    offer();
    pending = message;
    redraw();
  };

  let reconnect = 0;
  const listen = () => {
    source?.close();
    source = new EventSource(`/events?after=${seq}&of=${told.of}`);
    source.addEventListener("second", (event) => take(JSON.parse(event.data)));
    for (const kind of ["judged", "ended"]) { source.addEventListener(kind, (event) => { const message = JSON.parse(event.data); if (message.seq > seq) { seq = message.seq; show(message); run.events.push(...message.events); } }); }
    source.addEventListener("resync", begin);
    source.onopen = () => { reconnect = 0; };
    source.onerror = () => {
      if (over) { source.close(); return; }
      at("status").textContent = "reconnecting";
      at("status").className = "pill";
      // A browser gives up by itself only when the answer was no stream of events.
      if (source.readyState === EventSource.CLOSED) { setTimeout(begin, Math.min(15000, 1000 * 2 ** reconnect++)); }
      else if (++reconnect > 3) { at("status").textContent = "run ended or out of reach"; }
    };
  };
  let beginning = false;
  async function begin() {
    if (beginning) { return; }
    beginning = true;
    try {
      const response = await fetch("/data");
      if (!response.ok) { throw new Error(`the dashboard answered ${response.status}`); }
      told = await response.json();
      run = new Loadstone.Run({ id: "", name: told.about.name, started_at: told.about.started_at, document: null, metrics: told.about.metrics, events: told.events, stretches: [] });
      for (const stretch of told.stretches) { run.add(stretch); } // each has a table of its own series
      seq = told.seq;
      offered = 0;
      offer();
      at("name").textContent = told.about.name;
      at("gates-title").textContent = watching() ? "Alert rules" : "Gates";
      at("target").textContent = told.about.target;
      at("events").replaceChildren();
      show(told);
      redraw();
      listen();
    } catch (error) {
      console.error(error);
      at("status").textContent = "out of reach";
      setTimeout(begin, Math.min(15000, 1000 * 2 ** reconnect++));
    } finally { beginning = false; }
  }

  // Controls
  const steer = async (body) => {
    const answer = await post("/control", body);
    at("answer").textContent = answer.text || "";
    at("answer").classList.toggle("bad", !answer.done);
  };
  at("controls").addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) { steer({ do: button.dataset.do, ...(button.dataset.factor ? { factor: Number(button.dataset.factor) } : {}) }); }
  });
  at("controls").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target, asked = { do: form.dataset.form };
    for (const input of form.querySelectorAll("input")) { asked[input.name] = Number(input.value); }
    steer(asked);
  });
  at("stop").addEventListener("click", () => at("sure").showModal());
  at("no").addEventListener("click", () => at("sure").close());
  at("yes").addEventListener("click", () => { at("sure").close(); steer({ do: "stop" }); });
  for (const id of ["step", "tag", "span"]) { at(id).addEventListener("change", again); }
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  onTheme.push(again);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { again(); } });
  begin();
})();
