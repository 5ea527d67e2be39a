"use strict";
// The page at work: charts drawn when they come into sight, one window of time and one filter for everything that is shown.
(function (R, L) {
  const at = (id) => document.getElementById(id);
  const FURTHER = /^metric:/;
  const state = { from_s: null, to_s: null, filter: {}, hidden: new Set() };
  let runs = [];
  let figures = [];
  let plotly = null;

  function clock(seconds) {
    const tenths = Math.round(Math.abs(seconds) * 10), whole = Math.floor(tenths / 10), two = (n) => String(n).padStart(2, "0");
    const hours = whole >= 3600 ? `${Math.floor(whole / 3600)}:` : "";
    return `${hours}${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}${tenths % 10 ? `.${tenths % 10}` : ""}`;
  }
  // Seconds of "90", "1:30" or "1:02:03"; null of anything else.
  function seconds(text) {
    const parts = text.trim().split(":");
    if (parts.length > 3 || !parts.every((part) => /^\d+(\.\d+)?$/.test(part))) return null;
    return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
  }

  function windowed() {
    return state.from_s !== null;
  }

  function show() {
    const run = runs[0], filtered = Object.keys(state.filter).length > 0;
    const span = windowed() ? `of ${clock(state.from_s)}–${clock(state.to_s)}` : filtered ? "of the whole run" : "";
    const tags = Object.entries(state.filter).map(([key, value]) => `${key} ${value}`).join(", ");
    const totals = windowed() ? run.window(state.from_s, state.to_s) : run.window();
    R.tables(windowed() || filtered ? totals : null, state.filter, span ? `${span}${tags ? `, ${tags} only` : ""}` : "");
    at("reset").hidden = !windowed();
    at("from").value = windowed() ? clock(state.from_s) : "";
    at("to").value = windowed() ? clock(state.to_s) : "";
    const exact = ` Percentiles here are within ${(run.error * 100).toFixed(1)}%.`;
    const nothing = windowed() && !totals.stretches.length ? " Nothing was measured there." : "";
    at("window-note").textContent = span ? `Tables show numbers ${span}.${exact}${nothing}` : "Whole run. Drag over a chart to look at a part of it.";
    for (const figure of figures) figure.fresh = false;
    drawVisible();
  }

  function look(from_s, to_s) {
    if (from_s === null || to_s === null || !(to_s > from_s)) Object.assign(state, { from_s: null, to_s: null });
    else Object.assign(state, { from_s: Math.max(0, from_s), to_s: Math.min(to_s, Math.ceil(runs[0].end_s)) });
    show();
  }

  function draw(figure) {
    figure.fresh = true;
    const options = {
      theme: R.theme(),
      filter: state.filter,
      overlays: runs.slice(1).filter((_, index) => !state.hidden.has(index + 1)),
      window: windowed() ? [state.from_s, state.to_s] : null,
      onWindow: look,
      live: false,
    };
    figure.chart.draw(figure.plot, runs[0], options);
  }

  const drawVisible = () => figures.filter((figure) => figure.seen && !figure.fresh).forEach(draw);

  async function ready() {
    plotly = plotly || Promise.all([...document.querySelectorAll(".packed-script")].map((script) => L.load(script.textContent)));
    await plotly;
  }

  function plan() {
    const groups = new Map();
    for (const chart of L.chartsFor(runs[0])) groups.set(chart.group, [...(groups.get(chart.group) || []), chart]);
    const watcher = new IntersectionObserver((entries) => entries.forEach(see), { rootMargin: "300px" });
    const see = (entry) => {
      const figure = figures.find((one) => one.element === entry.target);
      figure.seen = entry.isIntersecting;
      if (figure.seen && !figure.fresh) ready().then(() => figure.fresh || draw(figure));
    };
    for (const [name, charts] of groups) {
      const part = document.createElement("section");
      const title = document.createElement("h2");
      title.textContent = name;
      part.append(title);
      const first = charts.filter((chart) => !FURTHER.test(chart.name)), further = charts.filter((chart) => FURTHER.test(chart.name));
      if (first.length) part.append(grid(first));
      if (further.length) part.append(first.length ? folded(further) : grid(further));
      at("charts").append(part);
    }
    figures.forEach((figure) => watcher.observe(figure.element));
  }

  function grid(charts) {
    const element = document.createElement("div");
    element.className = "charts";
    charts.forEach((chart, index) => element.append(framed(chart, charts.length % 2 === 1 && index === 0)));
    return element;
  }

  // Charts of metrics that no chosen one shows: there for who looks for them.
  function folded(charts) {
    const element = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = charts.length === 1 ? "1 more chart" : `${charts.length} more charts`;
    element.append(summary, grid(charts));
    return element;
  }

  function framed(chart, wide) {
    const element = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const plot = document.createElement("div");
    caption.textContent = chart.title;
    plot.className = "plot";
    element.className = wide || chart.wide ? "wide" : "";
    element.id = `chart-${chart.name}`;
    element.append(caption, plot);
    figures.push({ chart, element, plot, seen: false, fresh: false });
    return element;
  }

  function choice(id, label, options, chosen) {
    at(label).hidden = options.length < 2;
    for (const [value, text] of options) at(id).append(new Option(L.format.unturned(text), value));
    at(id).addEventListener("change", () => {
      chosen(at(id).value);
      show();
    });
  }

  function filters(run) {
    const set = (pairs) => (state.filter = Object.fromEntries(Object.entries({ ...state.filter, ...pairs }).filter(([, value]) => value)));
    choice("step", "step-label", run.values("step").map((step) => [step, step]), (step) => set({ step }));
    const keys = new Set(run.series.flatMap((series) => Object.keys(series.tags)).filter((key) => key !== "step"));
    const pairs = [...keys].sort().flatMap((key) => run.values(key).map((value) => [JSON.stringify([key, value]), `${key} ${value}`]));
    choice("tag", "tag-label", pairs.slice(0, 300), (pair) => {
      const [key, value] = pair ? JSON.parse(pair) : ["", ""];
      set({ ...Object.fromEntries([...keys].map((name) => [name, ""])), ...(key ? { [key]: value } : {}) });
    });
  }

  function legend() {
    at("legend").hidden = runs.length < 2;
    runs.forEach((run, index) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      const swatch = document.createElement("span");
      const name = document.createElement("span");
      box.type = "checkbox";
      box.checked = true;
      box.disabled = index === 0;
      swatch.className = "swatch";
      if (index) swatch.style.color = `var(--ls-${L.overlay(index - 1).number})`;
      name.textContent = L.format.unturned(run.name);
      box.addEventListener("change", () => {
        if (box.checked) state.hidden.delete(index);
        else state.hidden.add(index);
        show();
      });
      label.append(box, swatch, name);
      at("legend").append(label);
    });
  }

  function listen() {
    at("window").addEventListener("submit", (event) => {
      event.preventDefault();
      const from_s = at("from").value ? seconds(at("from").value) : 0;
      const to_s = at("to").value ? seconds(at("to").value) : runs[0].end_s;
      if (from_s === null || to_s === null || to_s <= from_s) at("window-note").textContent = "A time is like 90, 1:30 or 1:02:03, the later one second.";
      else look(from_s, to_s);
    });
    at("reset").addEventListener("click", () => look(null, null));
    document.addEventListener("click", (event) => {
      const { from, to, at: moment } = event.target.dataset || {};
      if (from === undefined && moment === undefined) return;
      const around = Math.max(5, runs[0].end_s / 20);
      look(...(moment === undefined ? [Number(from), Number(to)] : [Number(moment) - around, Number(moment) + around]));
      at("tools").scrollIntoView();
    });
    R.onTheme(() => {
      for (const figure of figures) figure.fresh = false;
      drawVisible();
    });
    addEventListener("beforeprint", () => {
      R.print(true);
      if (globalThis.Plotly) figures.filter((figure) => !figure.fresh && !figure.element.closest("details:not([open])")).forEach(draw);
    });
  }

  async function start() {
    const texts = [...document.querySelectorAll(".run-data")].map((script) => script.textContent);
    if (!texts.length) {
      document.querySelectorAll(".needs-script[data-from], .needs-script[data-at], .bar nav .needs-script").forEach((one) => one.remove());
      return;
    }
    runs = (await Promise.all(texts.map(L.unpack))).map((data) => new L.Run(data));
    runs.slice(1).forEach((run, index) => (run.place = index)); // it keeps its colour when another one is taken out
    if (!runs[0].stretches.length) return;
    at("tools").hidden = false;
    filters(runs[0]);
    legend();
    listen();
    plan();
  }

  Object.assign(R, { look, ready: start() });
})(globalThis.Report, globalThis.Loadstone);
