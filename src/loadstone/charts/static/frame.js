"use strict";
// What all charts share: colours, axes, phases and events, "no data", and the window that is brushed.
(function (L) {
  const F = L.format;
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const NARROW = 560; // pixels; below it lines are named above the chart instead of at their ends
  const PHASES = { "warm-up": "warm-up", "wind-down": "wind-down", settle: "rest", paused: "paused" };
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false, scrollZoom: false };

  // The colour of a variable of charts.css as it holds for an element.
  function colours(element) {
    const style = getComputedStyle(element);
    return (name) => style.getPropertyValue(`--ls-${name}`).trim() || "#888888";
  }

  function setTheme(theme, root = document.documentElement) {
    root.dataset.theme = theme === "dark" ? "dark" : "light";
  }

  // Draw traces and a layout, or "no data"; again on the same element to bring it up to date.
  function show(element, figure, options = {}) {
    element.classList.add("ls-chart");
    if (options.theme && element.dataset.theme !== options.theme) setTheme(options.theme, element);
    element.loadstone = { ...element.loadstone, options, redraw: () => show(element, figure, options) };
    watch(element);
    if (element.clientWidth === 0) return Promise.resolve(); // hidden: drawn as soon as it has a size
    const drawn = figure(colours(element));
    if (!drawn) return showNone(element, options.none || "no data");
    const none = element.querySelector(":scope > .ls-none");
    if (none) none.remove();
    element.loadstone.width = element.clientWidth;
    const done = Plotly.react(element, drawn.traces, { ...drawn.layout, width: element.clientWidth }, { ...CONFIG });
    element.loadstone.drawn = true;
    if (drawn.overTime) listen(element);
    return done;
  }

  // Names at the ends of lines and ticks depend on the width: a chart that changes its size is drawn anew.
  function watch(element) {
    if (element.loadstone.watched) return;
    element.loadstone.watched = new ResizeObserver(() => {
      if (element.clientWidth && element.clientWidth !== element.loadstone.width) element.loadstone.redraw();
    });
    element.loadstone.watched.observe(element);
  }

  function showNone(element, text) {
    if (element.loadstone.drawn) Plotly.purge(element);
    Object.assign(element.loadstone, { drawn: false, listens: false, width: element.clientWidth });
    const none = document.createElement("div");
    none.className = "ls-none";
    none.textContent = text;
    element.replaceChildren(none);
    return Promise.resolve();
  }

  // Dragging over a chart chooses a window, a double click takes it back; Escape does the same from the keyboard.
  function listen(element) {
    if (element.loadstone.listens) return;
    element.loadstone.listens = true;
    const tell = (from_s, to_s) => {
      const { options, redraw } = element.loadstone;
      if (options.onWindow) return options.onWindow(from_s, to_s);
      options.window = from_s === null ? null : [from_s, to_s];
      redraw();
    };
    element.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
      if (typeof from === "number" && typeof to === "number" && to > from) tell(Math.max(0, from), to);
    });
    element.on("plotly_doubleclick", () => tell(null, null));
    element.tabIndex = 0;
    element.onkeydown = (event) => {
      if (event.key === "Escape") tell(null, null);
    };
  }

  function span(run, options) {
    if (options.window) return options.window;
    const ends = [run, ...(options.overlays || [])].map((one) => one.end_s);
    return [0, Math.max(1, ...ends)];
  }

  function ticks([from, to], width) {
    const most = Math.max(2, Math.floor(width / 90));
    const step = STEPS.find((one) => (to - from) / one <= most) || Math.ceil((to - from) / most / 86400) * 86400;
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= to + 1e-6; at += step) found.push(at);
    return found;
  }

  // Axes and marks of a chart over time. `y`: {title, log, range, unit}.
  function timeLayout(element, run, options, colour, y) {
    const width = element.clientWidth || 800;
    const range = span(run, options);
    const at = ticks(range, width);
    const narrow = width < NARROW;
    return {
      font: { family: FONT, size: narrow ? 11 : 12, color: colour("soft") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: narrow ? 52 : 64, r: narrow ? 10 : 92, t: narrow ? 40 : 24, b: 28 },
      height: element.clientHeight || 280,
      autosize: false,
      showlegend: false,
      hovermode: "x",
      hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { family: FONT, size: 12, color: colour("ink") }, align: "left", namelength: 0 },
      dragmode: "zoom",
      uirevision: "kept",
      xaxis: { range, tickvals: at, ticktext: at.map(F.clock), showgrid: false, zeroline: false, linecolor: colour("line"), ticks: "outside", ticklen: 4, tickcolor: colour("line"), fixedrange: false, showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("line"), spikesnap: "cursor" },
      yaxis: valueAxis(y, colour, "y"),
      yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
      shapes: [...phases(run, colour), ...marks(run, colour)],
      annotations: phaseNames(run, range, colour, width),
    };
  }

  // An axis of values from 0, or a log axis, with texts in the unit.
  function valueAxis(axis, colour, side) {
    const { low, high, log, unit } = axis;
    const at = log ? logTicks(low, high, side === "y" ? 7 : 5) : linearTicks(low, high, unit);
    const line = side === "y" ? { showgrid: true, gridcolor: colour("grid"), ticks: "" } : { showgrid: false, linecolor: colour("line"), ticks: "outside", ticklen: 4, tickcolor: colour("line") };
    const room = (high - low) * 0.04;
    return { type: log ? "log" : "linear", range: log ? [Math.log10(low), Math.log10(high)] : [low, high + room], tickvals: at, ticktext: at.map((one) => F.value(one, unit)), zeroline: false, fixedrange: side === "y", automargin: side === "y", ...line };
  }

  function logTicks(low, high, most) {
    const decades = Math.log10(high / low);
    const parts = decades <= 1.2 ? [1, 1.5, 2, 3, 5, 7] : decades <= 2.5 ? [1, 2, 5] : [1];
    const found = [];
    for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power += 1)
      for (const part of parts) {
        const one = Number(`${part}e${power}`);
        if (one >= low * 0.999 && one <= high * 1.001) found.push(one);
      }
    const every = Math.ceil(found.length / most);
    return found.filter((_, index) => index % every === 0);
  }

  function linearTicks(low, high, unit) {
    const rough = (high - low) / 4.5 || 1;
    // Times go by 1, 2, 5 in ms and in s alike; so do bytes, in kB and MB.
    const power = 10 ** Math.floor(Math.log10(rough));
    const fine = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999) || rough;
    const step = unit === "" && high - low >= 1 ? Math.max(1, fine) : fine; // what has no unit is counted
    const found = [];
    for (let index = Math.ceil(low / step - 1e-9); index * step <= high * 1.04 + step * 1e-6; index += 1) found.push(Number((index * step).toPrecision(12)));
    return found;
  }

  // Stretches of one phase that follow each other, but for the load itself.
  function phaseSpans(run) {
    const found = [];
    for (const { phase, start_s, end_s } of run.stretches) {
      const last = found[found.length - 1];
      if (last && last.phase === phase && start_s - last.to < 2) last.to = end_s;
      else found.push({ phase, from: start_s, to: end_s });
    }
    return found.filter((one) => one.phase in PHASES);
  }

  const spikes = (run) => ((run.document && run.document.recovery) || []).map((one) => ({
    from: one.began_s, to: one.ended_s, back: one.recovery_s === null ? null : one.ended_s + one.recovery_s,
  }));

  function phases(run, colour) {
    const rect = (from, to, fillcolor) => ({ type: "rect", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, fillcolor, line: { width: 0 }, layer: "below" });
    const found = phaseSpans(run).map((one) => rect(one.from, one.to, colour("shade")));
    for (const one of spikes(run)) {
      found.push(rect(one.from, one.to, colour("spike")));
      if (one.back) found.push({ ...rect(one.to, one.back, "rgba(0,0,0,0)"), y0: 0.985, fillcolor: colour("2") });
    }
    return found;
  }

  function phaseNames(run, range, colour, width) {
    const named = [
      ...phaseSpans(run).map((one) => ({ ...one, text: PHASES[one.phase] })),
      ...spikes(run).flatMap((one) => [{ ...one, text: "spike" }, ...(one.back ? [{ from: one.to, to: one.back, text: "recovery" }] : [])]),
    ];
    const pixels = (one) => ((Math.min(one.to, range[1]) - Math.max(one.from, range[0])) / (range[1] - range[0])) * (width - 150);
    return named.filter((one) => pixels(one) > 7 * one.text.length).map((one) => ({
      x: Math.max(one.from, range[0]), y: 1, xref: "x", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
      text: one.text, font: { size: 10.5, color: colour("soft") },
    }));
  }

  // What happened, with its time: events of the run (phases are shaded already) and gates as they were decided.
  function happenings(run) {
    const events = run.events.filter((one) => one.at_s !== null && one.kind !== "phase")
      .map((one) => ({ at: one.at_s, bad: ["alert", "ended early"].includes(one.kind) || /fail/i.test(one.text), text: `${one.kind}: ${one.text}` }));
    const told = new Set(run.events.filter((one) => one.kind === "gate").map((one) => one.at_s));
    const gates = ((run.document && run.document.gates) || []).filter((one) => one.at_s !== null && one.status === "fail" && !told.has(one.at_s))
      .map((one) => ({ at: one.at_s, bad: true, text: `gate failed: ${one.gate}` }));
    return [...events, ...gates].sort((one, other) => one.at - other.at);
  }

  function marks(run, colour) {
    return happenings(run).map((one) => ({
      type: "line", xref: "x", yref: "paper", x0: one.at, x1: one.at, y0: 0, y1: 1, layer: "below",
      line: { color: one.bad ? colour("bad") : colour("quiet"), width: 1, dash: "dot" },
    }));
  }

  // Points at the foot of the marks, because shapes have no text to hover over.
  function markTrace(run, colour) {
    const found = happenings(run);
    if (found.length === 0) return [];
    return [{
      type: "scatter", mode: "markers", x: found.map((one) => one.at), y: found.map(() => 0.025), yaxis: "y2", cliponaxis: false,
      marker: { symbol: found.map((one) => (one.bad ? "diamond" : "circle")), size: 8, color: found.map((one) => (one.bad ? colour("bad") : colour("quiet"))) },
      hoverinfo: "text", hovertext: found.map((one) => `${F.clock(one.at)} ${F.wrapped(one.text)}`),
    }];
  }

  L.frame = { show, showNone, setTheme, timeLayout, valueAxis, markTrace, happenings, span, FONT, NARROW };
  L.setTheme = setTheme;
})(globalThis.Loadstone);
